"""An issue on the desk: edited as a value, every step kept, undone and done again."""

from dataclasses import replace

import pytest

from digest import archive, publish
from digest.articles import Image
from digest.errors import Conflict, IssueError
from digest.publish import (
    Arrange,
    BringIn,
    Change,
    ChooseImage,
    DropStory,
    House,
    MoveStory,
    Pin,
    Preheader,
    Rewrite,
    Subjects,
    TakeBack,
    WriteNote,
)
from tests.changing import desk, edited, news, now, outline, outline_of_new_draft, story
from tests.conftest import NOW
from tests.drafts import HOUR, TRAM
from tests.test_stories import COLUMN, COPY, FERRY, GOAL, GRAIN, WORLD, prepared

__all__ = ["desk"]


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
