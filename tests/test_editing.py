"""An issue on the desk: edited as a value, every step kept, undone and done again."""

import shutil
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from digest import archive, publish
from digest.articles import Article, Image, Listed
from digest.edition import cut
from digest.errors import Conflict, IssueError
from digest.publish import (
    Arrange,
    BringIn,
    Change,
    ChooseImage,
    DeskIssue,
    DropStory,
    House,
    MoveStory,
    Pin,
    Preheader,
    Rewrite,
    Subjects,
    TakeBack,
    WriteNote,
    checking,
    open_house,
    preparing,
)
from subscribers.preferences import Preferences
from tests.conftest import NOW, SECRET
from tests.test_stories import (
    ALL,
    COLUMN,
    COPY,
    FERRY,
    GOAL,
    GRAIN,
    SETTINGS,
    WORLD,
    listed,
    prepared,
)

HOUR = timedelta(hours=1)
TRAM = replace(GRAIN, headline="Tram to the hills", url=f"{WORLD}/tram", dek="It climbs again.",
               published=NOW - 22 * HOUR)  # fmt: skip
PAGE = (Listed(1, "Lights out early"), Listed(2, "A bridge for Selm", "https://b.example/bridge"))


ENVIRON = {"DIGEST_WEB_SECRET": SECRET}


@pytest.fixture(scope="module")
def drafted(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A draft: Grain and Tram in Global, Column in Opinion, the ferry's two in Trending."""
    made = tmp_path_factory.mktemp("drafted")
    (made / "digest.toml").write_text(SETTINGS, encoding="utf-8")
    with open_house(made, ENVIRON) as opened:
        with opened.database.writing() as session:
            archive.keep(session, [*ALL, TRAM], NOW)
        prepared(opened)
    return made


@pytest.fixture
def desk(drafted: Path, tmp_path: Path) -> Iterator[House]:
    """That draft, to be changed; on SQLite, what books do is tried on both in test_edited."""
    own = shutil.copytree(drafted, tmp_path / "desk")
    with open_house(own, ENVIRON) as opened:
        yield opened


def now(house: House) -> DeskIssue:
    return publish.desk_issue(house, None)


def edited(house: House, *changes: Change, by: str = "ann") -> DeskIssue:
    for change in changes:
        publish.edit(house, None, now(house).version, by, change, now=NOW)
    return now(house)


def news(house: House, word: str, hours: float = 0) -> Article:
    """A new article for Global, published and collected so many hours on."""
    at = NOW + hours * HOUR
    made = replace(GRAIN, headline=f"{word} is on fire", url=f"{WORLD}/{word}",
                   dek=f"{word} burns since noon.", published=at)  # fmt: skip
    with house.database.writing() as session:
        archive.keep(session, [made], at)
    return made


def outline(issue: DeskIssue) -> dict[str, list[str]]:
    return {s.name: [story.headline for story in s.stories] for s in issue.sections}


def story(issue: DeskIssue, headline: str) -> publish.DeskStory:
    told = [*issue.stories, *(entry.story for entry in issue.trending if entry.story)]
    return next(one for one in told if one.headline == headline)


def test_a_story_moves_within_its_section_and_to_another(desk: House) -> None:
    assert outline(now(desk)) == {
        "Global": [GRAIN.headline, TRAM.headline], "Opinion": [COLUMN.headline],
    }  # fmt: skip
    moved = edited(desk, MoveStory(TRAM.fingerprint, place=1))
    assert outline(moved)["Global"] == [TRAM.headline, GRAIN.headline]
    assert (story(moved, TRAM.headline).held, story(moved, GRAIN.headline).held) == (True, False)
    gone = edited(
        desk, MoveStory(GRAIN.fingerprint, "Opinion"), MoveStory(TRAM.fingerprint, "Opinion", 2)
    )
    # An empty section stays on the desk, to be filled, and is not in the mail.
    assert outline(gone) == {
        "Global": [], "Opinion": [COLUMN.headline, TRAM.headline, GRAIN.headline],
    }  # fmt: skip
    assert [section.name for section in desk.issue("weekly").issue.sections] == ["Opinion"]
    back = edited(desk, Arrange("Opinion", (GRAIN.fingerprint, COLUMN.fingerprint)))
    assert outline(back)["Opinion"] == [GRAIN.headline, COLUMN.headline, TRAM.headline]


def trending(issue: DeskIssue) -> list[str]:
    return [entry.headline for entry in issue.trending]


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


def test_a_dropped_story_stays_out_of_the_next_draft(desk: House) -> None:
    dropped = edited(desk, DropStory(GRAIN.fingerprint, "not confirmed"))
    assert outline(dropped)["Global"] == [TRAM.headline]
    assert outline_of_new_draft(desk)["Global"] == [TRAM.headline]
    (why,) = publish.explain(desk, None, GRAIN.url, now=NOW)
    assert why.reason == "excluded by ann: not confirmed"


def test_who_brings_a_copy_in_takes_back_that_the_story_was_dropped(desk: House) -> None:
    edited(desk, DropStory(COPY.fingerprint, "not confirmed"))
    edited(desk, BringIn(FERRY.fingerprint, "Opinion"))
    assert outline_of_new_draft(desk)["Opinion"] == [COLUMN.headline, FERRY.headline]
    ferry = story(now(desk), FERRY.headline)
    assert ferry.sources == ("tide", "wire")


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


def test_an_issue_keeps_something_to_read(desk: House) -> None:
    edited(desk, *(DropStory(one.fingerprint) for one in (GRAIN, TRAM, COPY)))
    with pytest.raises(IssueError, match="an issue needs a story"):
        edited(desk, DropStory(COLUMN.fingerprint))


def test_a_candidate_is_brought_in_and_stays(desk: House) -> None:
    assert publish.candidates(desk, None, now=NOW) == ()
    (goal,) = publish.candidates(desk, None, "linden", now=NOW)
    assert (goal.headline, goal.reason) == (GOAL.headline, "no section takes it")
    brought = edited(desk, BringIn(goal.article, "Opinion", 1))
    assert outline(brought)["Opinion"] == [GOAL.headline, COLUMN.headline]
    assert story(brought, GOAL.headline).pinned
    (goal,) = publish.candidates(desk, None, "linden", now=NOW)
    assert goal.standing == "Opinion"
    assert outline_of_new_draft(desk)["Opinion"] == [GOAL.headline, COLUMN.headline]
    with pytest.raises(IssueError, match="stands in the issue already"):
        edited(desk, BringIn(goal.article))
    with pytest.raises(IssueError, match="no article is called"):
        edited(desk, BringIn("0" * 32))


def test_a_copy_of_a_story_that_stands_there_is_not_brought_in_beside_it(desk: House) -> None:
    with pytest.raises(IssueError, match="stands in the issue already"):
        edited(desk, BringIn(FERRY.fingerprint))


def test_what_did_not_make_it_is_a_candidate_with_its_reason(desk: House) -> None:
    more = [news(desk, word, hours=1) for word in ("Alder", "Birch", "Cedar")]
    full = {one.headline: one for one in publish.candidates(desk, None, now=NOW + HOUR)}
    assert full[more[0].headline].section == "Global"
    assert full[more[0].headline].score
    prepared(desk, hours=1)
    left = {one.headline: one.reason for one in publish.candidates(desk, None, now=NOW + HOUR)}
    assert left == {GRAIN.headline: "section Global is full (3)",
                    TRAM.headline: "section Global is full (3)"}  # fmt: skip


def test_a_search_finds_what_no_draft_looks_at_and_says_why(desk: House) -> None:
    old = replace(
        TRAM, headline="Ørsted’s kiln", url=f"{WORLD}/kiln", published=NOW - 400 * 24 * HOUR
    )
    with desk.database.writing() as session:
        archive.keep(session, [old], NOW)
    (found,) = publish.candidates(desk, None, "KILN climbs", now=NOW)
    assert (found.headline, found.reason) == (old.headline, "too old")
    (both,) = {one.standing for one in publish.candidates(desk, None, "ferry", now=NOW)}
    assert both == "Trending"
    assert publish.candidates(desk, None, "100% kiln_", now=NOW) == ()
    assert outline(edited(desk, BringIn(found.article)))["Global"][-1] == old.headline


def test_what_a_word_changed_says_is_kept_beside_the_articles_own(desk: House) -> None:
    told = edited(desk, Rewrite(GRAIN.fingerprint, headline="  Six states,\none reserve "))
    grain = story(told, "Six states, one reserve")
    assert (grain.original_headline, grain.dek) == (GRAIN.headline, GRAIN.dek)
    assert grain.edited == ("headline",)
    assert outline_of_new_draft(desk)["Global"][0] == "Six states, one reserve"
    own = edited(desk, Rewrite(GRAIN.fingerprint, headline="", dek="Our own words."))
    assert story(own, GRAIN.headline).edited == ("dek",)
    with pytest.raises(IssueError, match="the headline has 301 characters"):
        edited(desk, Rewrite(GRAIN.fingerprint, headline="x" * 301))


def test_the_picture_is_one_of_those_of_all_who_tell_the_story(desk: House) -> None:
    own = Image("https://a.example/ferry.jpg", "A ferry", "Photo: A. Example")
    with desk.database.writing() as session:
        archive.keep(session, [replace(FERRY, image=own)], NOW)
    prepared(desk)

    def ferry() -> publish.DeskStory:
        told = now(desk).trending[0].story
        assert told
        return told

    name = ferry().name
    assert {image.url for image in ferry().images} == {COPY.image.url, own.url}
    for url, image in ((COPY.image.url, COPY.image), ("", Image()), (None, ferry().original_image)):
        edited(desk, ChooseImage(name, url))
        assert ferry().image == image
        prepared(desk)
        assert ferry().image == image
    assert ferry().edited == ()
    edited(desk, ChooseImage(name, COPY.image.url, alt="A boat at a pier"))
    assert (ferry().image.alt, ferry().edited) == ("A boat at a pier", ("image",))
    with pytest.raises(IssueError, match="has no picture https://evil"):
        edited(desk, ChooseImage(name, "https://evil.example/x.jpg"))


def test_words_of_the_issue_survive_a_new_draft(desk: House) -> None:
    written = edited(desk, WriteNote("Good *morning*.\r\n\r\n- one\n- two\n"), Preheader("Read on"),
                     Subjects("Grain holds", "Six states share"))  # fmt: skip
    assert written.note == "Good *morning*.\n\n- one\n- two"
    assert (written.subject.text, written.preheader.own) == ("Grain holds", "Read on")
    assert written.subject.original == f"{GRAIN.headline}; 2 more"
    assert written.second_subject
    prepared(desk, hours=1)
    again = now(desk)
    assert (again.note, again.subject, again.second_subject) == (
        written.note, written.subject, written.second_subject,
    )  # fmt: skip
    assert ">morning</em>" in publish.shown(desk, desk.issue("weekly"), []).html
    with pytest.raises(IssueError, match="both subjects are the same"):
        edited(desk, Subjects("Same", " Same "))


def test_a_line_shows_how_inboxes_cut_it(desk: House) -> None:
    line = edited(
        desk, Subjects("Six states share a reserve of grain for a year of drought")
    ).subject
    assert (line.length, line.limit) == (57, 70)
    cuts = {cut.where: cut for cut in line.cuts}
    assert not cuts["Gmail on a phone"].whole
    assert cuts["Gmail on a phone"].shown == "Six states share a reserve of grain…"
    assert cuts["Gmail on a desktop"].whole


def test_two_editors_at_once_get_a_conflict_that_says_what_the_other_did(desk: House) -> None:
    seen = now(desk)
    edited(desk, MoveStory(TRAM.fingerprint, place=1), by="ben")
    before = desk.issue("weekly")
    for act in (
        lambda: publish.edit(desk, None, seen.version, "ann", WriteNote("Hello"), now=NOW),
        lambda: publish.undo(desk, None, seen.version, "ann", now=NOW),
        lambda: publish.approve(desk, None, None, by="ann", now=NOW, version=seen.version),
    ):
        with pytest.raises(Conflict) as refused:
            act()
        assert (refused.value.version, refused.value.exit_code) == (1, 75)
    assert desk.issue("weekly") == before
    with pytest.raises(Conflict, match="ben moved “Tram to the hills” to Global, place 1") as said:
        publish.edit(desk, None, seen.version, "ann", WriteNote("Hello"), now=NOW)
    assert said.value.changed == ("ben moved “Tram to the hills” to Global, place 1",)


def test_a_change_that_changes_nothing_is_no_step(desk: House) -> None:
    first = edited(desk, Preheader("Read on"))
    nothing = (Preheader(" Read on "), WriteNote(""), Rewrite(GRAIN.fingerprint),
               Rewrite(GRAIN.fingerprint, headline="", dek=GRAIN.dek))  # fmt: skip
    assert edited(desk, *nothing) == first
    assert first.version == 1
    pinned = edited(desk, Pin(GRAIN.fingerprint))
    assert edited(desk, Pin(GRAIN.fingerprint), by="ben") == pinned


def test_every_step_is_in_the_history_and_undone_or_not(desk: House) -> None:
    issue = edited(desk, DropStory(GRAIN.fingerprint), WriteNote("Hello"), by="ben")
    assert (issue.undo, issue.redo) == ("wrote the note", "")
    issue = publish.undo(desk, None, issue.version, "ann", now=NOW)
    assert (issue.note, issue.undo, issue.redo) == (
        "", f"dropped “{GRAIN.headline}”", "wrote the note",
    )  # fmt: skip
    lines = publish.history(desk, None)
    assert [(line.version, line.by, line.kind, line.undone) for line in lines] == [
        (0, "", "drafted", False),
        (1, "ben", "edited", False),
        (2, "ben", "edited", True),
        (3, "ann", "undone", False),
    ]
    assert lines[1].change == DropStory(GRAIN.fingerprint)
    assert publish.history(desk, None, after=2) == lines[3:]
    issue = publish.redo(desk, None, issue.version, "ann", now=NOW)
    assert issue.note == "Hello"
    with pytest.raises(IssueError, match="nothing was taken back"):
        publish.redo(desk, None, issue.version, "ann", now=NOW)


def test_undo_takes_back_what_was_decided_for_later_drafts_too(desk: House) -> None:
    issue = edited(desk, DropStory(GRAIN.fingerprint))
    publish.undo(desk, None, issue.version, "ann", now=NOW)
    assert GRAIN.headline in outline_of_new_draft(desk)["Global"]


def test_a_new_draft_is_a_step_and_is_undone_like_one(desk: House) -> None:
    with pytest.raises(IssueError, match="nothing was changed in issue 1"):
        publish.undo(desk, None, 0, "ann", now=NOW)
    news(desk, "Alder")
    before = now(desk)
    prepared(desk)
    assert len(now(desk).stories) == len(before.stories) + 1
    back = publish.undo(desk, None, 1, "ann", now=NOW)
    assert outline(back) == outline(before)


def test_take_back_brings_the_articles_own_and_frees_its_place(desk: House) -> None:
    issue = edited(desk, MoveStory(TRAM.fingerprint, place=1), Rewrite(TRAM.fingerprint, "Hills"),
                   TakeBack(TRAM.fingerprint))  # fmt: skip
    tram = story(issue, TRAM.headline)
    assert (tram.held, tram.edited, tram.place) == (False, (), 1)
    assert outline_of_new_draft(desk)["Global"] == [GRAIN.headline, TRAM.headline]


def test_what_was_pinned_and_is_not_any_more_is_free(desk: House) -> None:
    issue = edited(
        desk, Pin(TRAM.fingerprint, section="Opinion"), Pin(TRAM.fingerprint, pinned=False)
    )
    assert not story(issue, TRAM.headline).held


def test_what_an_editor_touched_stays_whatever_comes(desk: House) -> None:
    edited(desk, MoveStory(GRAIN.fingerprint, place=1), Rewrite(TRAM.fingerprint, dek="Up and up."))
    for word in ("Alder", "Birch", "Cedar", "Dogwood"):
        news(desk, word, hours=9 * 24)
    # Nine days on, the window has left both behind.
    prepared(desk, hours=9 * 24)
    told = outline(now(desk))["Global"]
    assert (told[:2], len(told)) == ([GRAIN.headline, TRAM.headline], 3)


@pytest.mark.parametrize(
    ("change", "what"),
    [
        (MoveStory("f" * 32, "Opinion", 1), "issue 1 has no story ffffffffffff"),
        (MoveStory(GRAIN.fingerprint, "Globe"), "weekly has no section Globe"),
        (MoveStory(GRAIN.fingerprint, "Opinion", 0), "places count from 1"),
        (DropStory("f" * 32), "has no story"),
        (Pin("f" * 32), "has no story"),
        (Rewrite("f" * 32, headline="x"), "has no story"),
        (Arrange("Opinion", (GRAIN.fingerprint,)), "does not stand in Opinion"),
        (Arrange("Trending", (GRAIN.fingerprint,)), "does not stand in Trending"),
        (MoveStory(COPY.fingerprint, "Trending", 0), "places count from 1"),
        (MoveStory(COPY.fingerprint, "Trends"), "no section Trends"),
        (WriteNote("x" * 10_001), "the note has 10,001 characters"),
        (Subjects("x" * 251), "the subject has 251 characters"),
    ],
)
def test_what_cannot_be_done_is_said_and_leaves_nothing(
    desk: House, change: Change, what: str
) -> None:
    with pytest.raises(IssueError, match=what) as refused:
        edited(desk, change)
    assert refused.value.remedy
    assert now(desk).version == 0


def test_approval_follows_the_content(desk: House) -> None:
    publish.approve(desk, None, None, by="ben", now=NOW)
    approved = now(desk)
    assert (approved.state, approved.content_hash) == ("approved", approved.approved_hash)
    changed = edited(desk, Rewrite(GRAIN.fingerprint, headline="Hold"), Subjects("One"),
                     DropStory(COLUMN.fingerprint))  # fmt: skip
    assert (changed.state, changed.approved_by) == ("draft", "ben")
    found = publish.changes(desk, None)
    assert found is not None
    assert {(d.kind, d.headline, d.before, d.after) for d in found.differences} == {
        ("subject", "", "", "One"),
        ("headline", "Hold", GRAIN.headline, "Hold"),
        ("gone", COLUMN.headline, "Opinion, place 1", ""),
    }
    with pytest.raises(IssueError, match="was changed after it was approved"):
        publish.send(desk, clock=lambda: NOW)
    for _ in range(3):
        back = publish.undo(desk, None, now(desk).version, "ann", now=NOW)
    assert (back.state, back.content_hash) == ("approved", approved.approved_hash)
    found = publish.changes(desk, None)
    assert found is not None
    assert found.differences == ()


def test_undone_under_another_template_it_is_not_what_was_approved(desk: House) -> None:
    publish.approve(desk, None, None, by="ben", now=NOW)
    issue = edited(desk, WriteNote("Hello"))
    own = desk.settings.folder / "templates"
    own.mkdir()
    (own / "issue.txt.jinja").write_text("Another form\n", encoding="utf-8")
    with open_house(desk.settings.folder, ENVIRON) as later:
        assert publish.undo(later, None, issue.version, "ann", now=NOW).state == "draft"


def test_what_is_saved_while_an_approval_is_made_is_not_approved(
    desk: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    def examined_then_saved(house: House, record: publish.IssueRecord) -> None:
        examine(house, record)
        own = desk.settings.folder / "templates"
        own.mkdir()
        (own / "issue.txt.jinja").write_text("Another form\n", encoding="utf-8")

    examine = checking.refuse_errors
    monkeypatch.setattr(preparing, "refuse_errors", examined_then_saved)
    before = publish.content_hash(desk, desk.issue("weekly"))
    approved = publish.approve(desk, None, None, by="ben", now=NOW)
    assert approved.approved_hash == before
    with open_house(desk.settings.folder, ENVIRON) as later:
        assert publish.content_hash(later, approved) != before


def test_what_changes_after_all_was_read_is_not_approved_either(desk: House) -> None:
    looks = iter([True, False])
    with pytest.raises(Conflict, match="changed since you looked"):
        publish.approve(desk, None, None, by="ben", now=NOW, as_seen=lambda: next(looks))
    assert desk.issue("weekly").state == "draft"


@pytest.mark.parametrize(
    ("old", "new"), [("The Week <weekly@", "A Week <weekly@"), ('"weekly.news', '"other.news')]
)
def test_another_sender_or_list_asks_for_approval_again(desk: House, old: str, new: str) -> None:
    before = publish.content_hash(desk, desk.issue("weekly"))
    toml = desk.settings.folder / "digest.toml"
    assert old in toml.read_text("utf-8")
    toml.write_text(toml.read_text("utf-8").replace(old, new), encoding="utf-8")
    with open_house(desk.settings.folder, ENVIRON) as later:
        assert publish.content_hash(later, later.issue("weekly")) != before


@pytest.mark.parametrize("few", ["language == 'ar'", "all_sections | length == 1"])
def test_what_only_some_readers_would_see_asks_for_approval_again(desk: House, few: str) -> None:
    own = desk.settings.folder / "templates"
    own.mkdir()
    (own / "issue.txt.jinja").write_text("{% include 'foot.txt.jinja' %}\n", encoding="utf-8")
    hashes = []
    for words in ("One", "Another"):
        branch = f"{{% if {few} %}}{words}{{% endif %}}Form"
        (own / "foot.txt.jinja").write_text(branch, encoding="utf-8")
        with open_house(desk.settings.folder, ENVIRON) as later:
            hashes.append(publish.content_hash(later, later.issue("weekly")))
    assert hashes[0] != hashes[1]


def test_the_pages_are_no_part_of_what_is_approved(desk: House) -> None:
    before = publish.content_hash(desk, desk.issue("weekly"))
    own = desk.settings.folder / "templates" / "web"
    own.mkdir(parents=True)
    (own / "page.html.jinja").write_text("Another page\n", encoding="utf-8")
    with open_house(desk.settings.folder, ENVIRON) as later:
        assert publish.content_hash(later, later.issue("weekly")) == before


def test_what_is_out_can_not_be_changed(desk: House) -> None:
    publish.approve(desk, None, None, by="ben", now=NOW)
    with desk.database.writing() as session:
        archive.set_state(session, desk.issue("weekly").id, "sending", NOW)
    with pytest.raises(IssueError, match="issue 1 is being sent"):
        edited(desk, WriteNote("Too late"))
    assert not now(desk).editable


def test_what_differs_from_the_issue_before(desk: House) -> None:
    assert publish.changes(desk, None, "issue") is None
    publish.approve(desk, None, None, by="ben", now=NOW)
    news(desk, "Alder")
    publish.decide(desk, None, GRAIN.url, by="ann", now=NOW, again=True)
    prepared(desk, hours=1)
    found = publish.changes(desk, None, "issue")
    assert found is not None
    assert (found.against, found.repeated) == (1, ((GRAIN.fingerprint, GRAIN.headline),))
    kinds = {(d.kind, d.headline) for d in found.differences}
    assert {("added", "Alder is on fire"), ("gone", COLUMN.headline)} <= kinds
    assert story(now(desk), GRAIN.headline).updated


def test_an_approved_issue_that_is_edited_is_drafted_before_the_next(
    desk: House,
) -> None:
    publish.approve(desk, None, 1, by="ben", now=NOW)
    news(desk, "Alder")
    assert prepared(desk, hours=1).record.issue.number == 2
    first = publish.desk_issue(desk, None, 1)
    publish.edit(desk, None, first.version, "ann", WriteNote("Hello"), now=NOW, number=1)
    # Number 1 is a draft again, so that is what a new draft is of; its note stays.
    assert prepared(desk, hours=1).record.issue.number == 1
    assert publish.desk_issue(desk, None, 1).note == "Hello"
    publish.approve(desk, None, 1, by="ben", now=NOW)
    news(desk, "Birch", hours=1)
    assert prepared(desk, hours=2).record.issue.number == 2


def test_findings_point_at_their_places(desk: House) -> None:
    edited(desk, Rewrite(GRAIN.fingerprint, headline="GRAIN MINISTERS AGREE ON A RESERVE"),
           Subjects("Re: grain", "WHY BREAD GOT DEARER AGAIN"),
           MoveStory(COPY.fingerprint, "Global", 1), WriteNote("See [x](nowhere)."))  # fmt: skip
    found = {finding.rule: finding for finding in publish.findings(desk, None)}
    assert (found["headline-shouting"].story, found["headline-shouting"].field) == (
        GRAIN.fingerprint, "headline",
    )  # fmt: skip
    assert (found["image-alt"].story, found["image-alt"].field) == (COPY.fingerprint, "image")
    assert found["subject-feigned-reply"].field == "subject"
    assert found["subject-shouting"].field == "second subject"
    assert found["note-mark-left"].field == "note"


def test_an_open_place_is_named_by_its_story(desk: House) -> None:
    edited(desk, Rewrite(GRAIN.fingerprint, dek="Dear {{ name }}, they agreed."),
           Preheader("For {{ name }}"))  # fmt: skip
    found = [one for one in publish.findings(desk, None) if one.rule == "placeholder-left"]
    assert {(one.story, one.field) for one in found} == {(GRAIN.fingerprint, ""), ("", "preheader")}
    assert f"“{GRAIN.headline}” contains “{{{{”" in " ".join(one.what for one in found)


def outline_of_new_draft(house: House) -> dict[str, list[str]]:
    prepared(house)
    return outline(now(house))
