"""The steps of an issue in the book, on both engines: one writer, nothing lost, found again."""

from dataclasses import replace
from datetime import timedelta

import pytest

from digest import archive
from digest.archive import Edit, Standing
from digest.articles import Article, Image
from digest.database import Database
from digest.errors import Conflict
from digest.publish.comparing import compare
from digest.publish.opening import House
from digest.selection import Decision
from digest.settings import Settings
from tests.conftest import NOW
from tests.issues import example_issue

ISSUE = example_issue()
NAME = ISSUE.stories[0].fingerprint
PINNED = Decision(NAME, "ann", NOW, pinned=True, section="Global", position=2,
                  image=Image("https://a.example/p.jpg", "A bay", "Photo: A"))  # fmt: skip
NONE = replace(PINNED, pinned=False, image=Image())
DEK = "The ferry to the northern islands sailed again on Friday after three weeks in dock."


def step(version: int, **more: object) -> Edit:
    return Edit(version, NOW, "ann", "edited", **more)  # type: ignore[arg-type]


def draft(database: Database) -> int:
    with database.writing() as session:
        return archive.save_draft(session, ISSUE, "hash", NOW, by="ann").id


def test_a_step_is_written_with_the_issue_and_what_it_decided(database: Database) -> None:
    number = draft(database)
    noted = replace(ISSUE, note="Hello", sections=ISSUE.sections[:1])
    first = step(1, change={"do": "x"}, before={NAME: None}, after={NAME: PINNED})
    second = replace(step(2), kind="undone", before={NAME: PINNED}, after={NAME: None})
    with database.writing() as session:
        assert archive.edit(session, number, first, Standing(noted, "other", "draft"))
        assert archive.decisions(session, ISSUE.newsletter, ISSUE.number) == [PINNED]
    with database.reading() as session:
        record = archive.issue(session, ISSUE.newsletter)
        assert (record.issue, record.version, record.content_hash) == (noted, 1, "other")
    with database.writing() as session:
        assert archive.edit(session, number, second, Standing(ISSUE, "hash", "approved"))
    with database.reading() as session:
        assert archive.decisions(session, ISSUE.newsletter, ISSUE.number) == []
        assert archive.edits(session, number)[1:] == [first, second]
        assert archive.edits(session, number, after=1) == [second]
        contents = [archive.issue_at(session, number, version) for version in range(4)]
        assert contents == [ISSUE, noted, ISSUE, None]
        told = {one.article.fingerprint for one in archive.carried(session, "the-week", NOW)}
        assert {story.fingerprint for story in ISSUE.stories} <= told


def test_an_image_that_is_none_is_not_an_image_that_nobody_chose(database: Database) -> None:
    number = draft(database)
    with database.writing() as session:
        for version, word in enumerate((NONE, replace(NONE, image=None)), 1):
            standing = Standing(ISSUE, "", "draft")
            assert archive.edit(session, number, step(version, after={NAME: word}), standing)
            assert archive.decisions(session, ISSUE.newsletter, ISSUE.number) == [word]


def test_who_was_overtaken_writes_nothing(database: Database) -> None:
    number = draft(database)
    standing = Standing(replace(ISSUE, note="Hello"), "", "draft")
    late = step(1, after={NAME: PINNED})
    with database.writing() as session:
        assert archive.edit(session, number, step(1), standing)
        assert not archive.edit(session, number, late, Standing(ISSUE, "", "draft"))
    acts = (
        lambda session: archive.save_draft(session, ISSUE, "", NOW, seen=0),
        lambda session: archive.approve(session, number, "", "ben", NOW, seen=0),
        lambda session: archive.set_state(session, number, "sending", NOW, seen=0),
    )
    for act in acts:
        with pytest.raises(Conflict), database.writing() as session:
            act(session)
    with database.reading() as session:
        assert archive.issue(session, ISSUE.newsletter).issue.note == "Hello"
        assert archive.decisions(session, ISSUE.newsletter, ISSUE.number) == []
        assert [edit.version for edit in archive.edits(session, number)] == [0, 1]


def test_what_is_out_takes_no_step(database: Database) -> None:
    number = draft(database)
    with database.writing() as session:
        archive.set_state(session, number, "sent", NOW)
        assert not archive.edit(session, number, step(1), Standing(ISSUE, "", "draft"))


def test_approval_is_a_step_without_a_content_of_its_own(database: Database) -> None:
    number = draft(database)
    with database.writing() as session:
        archive.approve(session, number, "hash", "ben", NOW, seen=0)
    with database.reading() as session:
        assert [edit.kind for edit in archive.edits(session, number)] == ["drafted", "approved"]
        assert archive.issue(session, ISSUE.newsletter).approved_by == "ben"


def test_of_two_drafts_that_of_the_number_is_replaced(database: Database) -> None:
    other = replace(ISSUE, number=ISSUE.number + 1)
    first = draft(database)
    with database.writing() as session:
        archive.approve(session, first, "hash", "ben", NOW, seen=0)
        second = archive.save_draft(session, other, "hash", NOW)
        assert archive.edit(session, first, step(2), Standing(ISSUE, "", "draft"))
        assert archive.save_draft(session, ISSUE, "hash", NOW).id == first
        assert archive.save_draft(session, other, "hash", NOW).id == second.id


def test_articles_are_found_by_their_words_and_pictures_by_their_story(database: Database) -> None:
    ferry = Article("Férry returns_100%", "https://a.example/ferry", DEK, published=NOW,
                    source="tide", image=Image("https://a.example/f.jpg"))  # fmt: skip
    copy = Article("Islanders cheer as their boat comes home", "https://w.example/1", DEK,
                   published=NOW - timedelta(hours=2), source="wire", byline="Mira Example",
                   image=Image("https://w.example/p.jpg", "A boat"))  # fmt: skip
    with database.writing() as session:
        archive.keep(session, [ferry, copy], NOW)
    compare(House(Settings.model_construct(), database))
    with database.reading() as session:

        def found(*words: str) -> list[str]:
            return archive.search(session, words, 10)

        assert found("FERRY", "tide") == [ferry.fingerprint]
        assert found("mira") == [copy.fingerprint]
        assert found("northern") == [ferry.fingerprint, copy.fingerprint]
        assert archive.search(session, ["northern"], 1) == [ferry.fingerprint]
        assert found("re_urns") == found("%a%b%") == found("nowhere") == []
        assert set(archive.copies(session, copy.fingerprint)) == {
            ferry.fingerprint, copy.fingerprint,
        }  # fmt: skip
        assert archive.copies(session, "unknown") == ["unknown"]
        pictures = archive.pictures(session, [ferry.fingerprint, "unknown"])
        assert pictures == {ferry.fingerprint: (copy.image, ferry.image)}
