"""Book 1 on both engines: what is kept, what replaces what, and what was carried."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from digest import archive
from digest.articles import Article, Listed
from digest.database import Database
from digest.errors import IssueError
from tests.issues import example_issue

NOW = datetime(2026, 3, 30, tzinfo=UTC)
STORY = Article(
    headline="Grain deal holds",
    url="https://www.example.org/grain",
    dek="Exports reached the level that both sides had promised.",
    published=NOW,
    section="Global",
    categories=("World",),
    source="world",
)


def test_new_changed_unchanged(database: Database) -> None:
    later = replace(STORY, dek="Exports have passed the level that both sides had promised.")
    with database.writing() as session:
        assert archive.keep(session, [STORY], NOW) == archive.Kept(new=1)
        assert archive.keep(session, [STORY], NOW) == archive.Kept(unchanged=1)
        assert archive.keep(session, [later], NOW) == archive.Kept(changed=1)
        assert list(archive.articles(session)) == [later]


def test_a_bare_headline_wipes_out_nothing(database: Database) -> None:
    with database.writing() as session:
        archive.keep(session, [STORY], NOW)
        archive.keep(session, [replace(STORY, dek="", byline="Somebody")], NOW)
        assert list(archive.articles(session)) == [STORY]


@pytest.mark.parametrize("listed_last", [True, False])
def test_within_a_reading_a_bare_headline_wipes_out_nothing(
    database: Database, listed_last: bool
) -> None:
    bare = Article("Grain deal holds", STORY.url, section="Opinion", source=STORY.source)
    whole = replace(STORY, dek="", body="The harbours stay open.", byline="Somebody")
    with database.writing() as session:
        archive.keep(session, [whole, bare] if listed_last else [bare, whole], NOW)
        assert list(archive.articles(session)) == [whole]


def test_the_first_source_keeps_an_article_the_second_fills_gaps(database: Database) -> None:
    other = replace(STORY, source="wire", headline="Another headline", byline="World desk")
    with database.writing() as session:
        archive.keep(session, [STORY], NOW)
        archive.keep(session, [other], NOW)
        assert list(archive.articles(session)) == [replace(STORY, byline="World desk")]


def test_an_article_is_found_by_address_or_the_beginning_of_its_name(database: Database) -> None:
    with database.writing() as session:
        archive.keep(session, [STORY], NOW)
        assert archive.called(session, STORY.fingerprint[:6].upper(), 5) == [STORY]
        assert archive.called(session, "http://example.org/grain?utm_source=x", 5) == [STORY]
        assert archive.called(session, "%", 5) == []


def test_a_list_takes_the_place_of_the_one_before(database: Database) -> None:
    with database.writing() as session:
        archive.keep_listed(session, "page", [Listed(1, "Old"), Listed(2, "Older")], NOW)
        archive.keep_listed(session, "page", [Listed(1, "New")], NOW)
        archive.keep_listed(session, "page", [], NOW)
        assert archive.listed(session, NOW - timedelta(days=1)) == [Listed(1, "New")]
        assert archive.listed(session, NOW) == []


def test_an_issue_comes_back_as_it_was(database: Database) -> None:
    issue = example_issue()
    with database.writing() as session:
        saved = archive.save_draft(session, issue, "hash", NOW)
    with database.reading() as session:
        assert archive.issue(session, issue.newsletter) == saved
        assert saved.issue == issue


def test_a_draft_is_replaced_and_carries_nothing(database: Database) -> None:
    issue = example_issue()
    with database.writing() as session:
        first = archive.save_draft(session, issue, "one", NOW)
        second = archive.save_draft(session, replace(issue, note="Good morning."), "two", NOW)
        assert (second.id, second.content_hash) == (first.id, "two")
        assert list(archive.carried(session, issue.newsletter, NOW)) == []
        archive.approve(session, second.id, "two", "editor", NOW, seen=1)
        carried = list(archive.carried(session, issue.newsletter, NOW))
    listed = [entry for entry in (*issue.trending, *issue.briefs, *issue.latest) if not entry.story]
    told = len(issue.stories) + len(listed)
    assert [earlier.number for earlier in carried] == [issue.number] * told
    stories = {earlier.article for earlier in carried}
    assert replace(issue.stories[0].article, body="") in stories
    assert {entry.headline for entry in listed} <= {article.headline for article in stories}


def test_numbers_go_up_once_an_issue_is_no_draft(database: Database) -> None:
    issue = replace(example_issue(), number=1)
    with database.writing() as session:
        record = archive.save_draft(session, issue, "hash", NOW)
        assert archive.next_number(session, issue.newsletter) == 1
        archive.approve(session, record.id, "hash", "editor", NOW, seen=0)
        assert archive.next_number(session, issue.newsletter) == 2
        with pytest.raises(IssueError, match="no issue 7"):
            archive.issue(session, issue.newsletter, 7)


def test_since_when_a_source_fails(database: Database) -> None:
    hour = timedelta(hours=1)
    with database.writing() as session:
        archive.note_failure(session, "world", NOW, "no answer")
        archive.note_failure(session, "world", NOW + hour, "still no answer")
        state = archive.source_state(session, "world")
        assert (state.failing_since, state.error) == (NOW, "still no answer")
        archive.note_visit(session, "world", NOW + hour, etag='"e"', last_modified="")
        state = archive.source_state(session, "world")
        assert (state.failing_since, state.error, state.etag) == (None, "", '"e"')
