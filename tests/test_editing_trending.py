"""The trending list on the desk: its order, what moves into it and out of it, what stays."""

import pytest

from digest import publish
from digest.articles import Listed
from digest.edition import cut
from digest.errors import IssueError
from digest.publish import Arrange, BringIn, DropStory, House, MoveStory, Pin, TakeBack, open_house
from subscribers.preferences import Preferences
from tests.changing import PAGE, desk, edited, now, outline, trending
from tests.conftest import NOW
from tests.drafts import ENVIRON, TRAM
from tests.test_stories import COLUMN, COPY, FERRY, GOAL, GRAIN, listed, prepared

__all__ = ["desk"]


def test_a_trending_story_moves_into_a_section_and_back(desk: House) -> None:
    moved = edited(desk, MoveStory(COPY.fingerprint, "Opinion", 1))
    assert outline(moved)["Opinion"] == [COPY.headline, COLUMN.headline]
    assert moved.trending == ()
    back = edited(desk, MoveStory(COPY.fingerprint, "Trending"))
    assert (trending(back), outline(back)["Opinion"]) == ([COPY.headline], [COLUMN.headline])
    assert back.undo == f"moved “{COPY.headline}” to Trending, place 1"
    publish.undo(desk, None, back.version, "ann", now=NOW)
    assert outline(now(desk)) == outline(moved)


def test_trending_has_the_order_that_an_editor_gives_it(desk: House) -> None:
    listed(desk, *PAGE)
    prepared(desk)
    lights, bridge = now(desk).trending
    assert (lights.story, bridge.story) == (None, None)
    edited(desk, MoveStory(COLUMN.fingerprint, "Trending", 1))
    moved = edited(desk, MoveStory(bridge.name, place=2))
    order = [COLUMN.headline, bridge.headline, lights.headline]
    assert trending(moved) == order
    assert [(entry.place, entry.held) for entry in moved.trending] == [
        (1, True), (2, True), (3, False),
    ]  # fmt: skip
    # A new draft keeps what was placed, whatever the source lists before it.
    listed(desk, Listed(0, "Snow on the pass", "https://b.example/snow"), *PAGE, hours=0)
    prepared(desk)
    assert trending(now(desk))[:2] == order[:2]
    assert "Snow on the pass" in trending(now(desk))
    (why,) = publish.explain(desk, None, COLUMN.url, now=NOW)
    assert why.reason == "Trending, rank 1, placed by ann"
    snow = next(entry.name for entry in now(desk).trending if entry.headline.startswith("Snow"))
    arranged = edited(desk, Arrange("Trending", (snow, bridge.name)))
    assert trending(arranged)[:3] == ["Snow on the pass", bridge.headline, COLUMN.headline]
    prepared(desk)
    assert trending(now(desk)) == trending(arranged)


def test_who_leaves_trending_out_finds_what_was_moved_there_in_its_section(desk: House) -> None:
    edited(desk, MoveStory(TRAM.fingerprint, "Trending", 1))
    for drafted_anew in (False, True):
        if drafted_anew:
            prepared(desk)
        assert trending(now(desk)) == [TRAM.headline, COPY.headline]
        edition = cut(desk.issue("weekly").issue, Preferences(frozenset({"Global"})))
        assert edition is not None
        (section,) = edition.sections
        assert [one.headline for one in section.stories] == [
            TRAM.headline, COPY.headline, GRAIN.headline,
        ]  # fmt: skip


def test_the_section_from_which_it_came_to_trending_stays_its_home(desk: House) -> None:
    name = TRAM.fingerprint
    edited(desk, MoveStory(name, "Opinion"), MoveStory(name, "Trending", 1))
    for _ in range(2):  # as the editor left it, and in two new drafts
        assert now(desk).trending[0].home == "Opinion"
        edition = cut(desk.issue("weekly").issue, Preferences(frozenset({"Opinion"})))
        assert edition is not None
        (section,) = edition.sections
        assert [one.headline for one in section.stories] == [TRAM.headline, COLUMN.headline]
        prepared(desk)
    # Nobody's word any more: the settings say where it belongs.
    edited(desk, TakeBack(name), BringIn(GOAL.fingerprint, "Trending", 1))
    prepared(desk)
    found = {entry.headline: entry.home for entry in now(desk).trending}
    assert (TRAM.headline in found, found[GOAL.headline]) == (False, "Global")
    assert TRAM.headline in outline(now(desk))["Global"]


def test_a_home_that_the_newsletter_has_no_more_is_none(desk: House) -> None:
    edited(desk, MoveStory(TRAM.fingerprint, "Opinion"), MoveStory(TRAM.fingerprint, "Trending"))
    settings = desk.settings.folder / "digest.toml"
    told = settings.read_text(encoding="utf-8").replace('name = "Opinion"', 'name = "Views"')
    settings.write_text(told, encoding="utf-8")
    with open_house(desk.settings.folder, ENVIRON) as again:
        prepared(again)
        homes = {entry.headline: entry.home for entry in now(again).trending}
    assert homes[TRAM.headline] == "Global"


def test_a_story_is_brought_into_trending_and_pinned_there(desk: House) -> None:
    brought = edited(desk, BringIn(GOAL.fingerprint, "Trending", 1), Pin(COPY.fingerprint))
    assert trending(brought) == [GOAL.headline, COPY.headline]
    assert [(entry.pinned, entry.home) for entry in brought.trending] == [(True, "Global")] * 2
    prepared(desk)
    assert trending(now(desk)) == trending(brought)
    # Its words are not all that holds it: unpinned, it stays as long as it trends.
    listed(desk, *PAGE)
    edited(desk, Pin(COPY.fingerprint, pinned=False))
    prepared(desk)
    assert trending(now(desk)) == [GOAL.headline, *(one.headline for one in PAGE)]
    dropped = edited(desk, DropStory(GOAL.fingerprint))
    assert GOAL.headline not in trending(dropped)
    prepared(desk)
    assert GOAL.headline not in trending(now(desk))


def test_a_headline_with_no_article_stays_in_the_list(desk: House) -> None:
    listed(desk, *PAGE)
    prepared(desk)
    name = now(desk).trending[0].name
    with pytest.raises(IssueError, match="“Lights out early” is a headline with no article"):
        edited(desk, MoveStory(name, "Global"))
    pinned = edited(desk, Pin(name), MoveStory(name, place=2))
    assert [(entry.headline, entry.pinned) for entry in pinned.trending] == [
        (PAGE[1].headline, False), (PAGE[0].headline, True),
    ]  # fmt: skip
    prepared(desk)
    assert trending(now(desk)) == trending(pinned)
    # Once its source lists it no more, nothing is known of it.
    listed(desk, PAGE[1], hours=0)
    prepared(desk)
    assert trending(now(desk)) == [PAGE[1].headline]


def test_what_moved_in_trending_is_a_difference(desk: House) -> None:
    listed(desk, Listed(0, FERRY.headline, FERRY.url), *PAGE)
    prepared(desk)
    publish.approve(desk, None, None, by="ben", now=NOW)
    assert trending(now(desk)) == [COPY.headline, *(one.headline for one in PAGE)]
    edited(desk, MoveStory(now(desk).trending[2].name, place=1))
    changes = publish.changes(desk, None)
    assert changes is not None
    assert [(one.kind, one.headline, one.before, one.after) for one in changes.differences] == [
        ("moved", PAGE[1].headline, "Trending, place 3", "Trending, place 1"),
    ]  # fmt: skip
    assert now(desk).state == "draft"


def test_a_bare_entry_of_a_list_is_dropped_and_stays_out(desk: House) -> None:
    listed(desk, *PAGE)
    prepared(desk)
    names = {entry.headline: entry.name for entry in now(desk).trending}
    assert list(names) == [one.headline for one in PAGE]
    left = edited(desk, DropStory(names[PAGE[0].headline]), DropStory(names[PAGE[1].headline]))
    assert left.trending == ()
    assert prepared(desk).record.issue.trending == ()
    # Undone they come again, with the next draft too.
    for _ in range(3):
        publish.undo(desk, None, now(desk).version, "ann", now=NOW)
    assert [entry.headline for entry in now(desk).trending] == [one.headline for one in PAGE]
    assert len(prepared(desk).record.issue.trending) == 2
