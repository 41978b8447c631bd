"""Editions: equal choices share a rendering, and there are no more renderings than choices."""

import itertools
from dataclasses import replace
from datetime import UTC, datetime

from hypothesis import given
from hypothesis import strategies as st

from digest import publish
from digest.edition import Edition, Issue, cut
from digest.publish import FrontDoor, House, IssueRecord
from digest.publish.composing import Composer
from digest.publish.preparing import content_hash
from digest.selection import Section, Story, Trend
from subscribers import roster, tokens
from subscribers.preferences import EVERYTHING, Preferences
from subscribers.recipient import Recipient
from subscribers.tokens import Token
from tests.showcase import sample_issue

NOW = datetime(2026, 3, 30, 1, 30, tzinfo=UTC)
NAMES = st.text(st.sampled_from("AB+@% :عé"), min_size=1, max_size=4)


def issue_of(*names: str) -> Issue:
    """The sample issue with a section of each name."""
    issue = sample_issue()
    return replace(issue, sections=tuple(Section(n, issue.sections[0].stories) for n in names))


@given(st.lists(NAMES, min_size=1, max_size=5, unique=True), st.lists(st.sets(NAMES), max_size=8))
def test_equal_keys_are_equal_editions(names: list[str], choices: list[set[str]]) -> None:
    issue = issue_of(*names)
    wanted = [Preferences(frozenset(choice)) for choice in choices] + [EVERYTHING]
    wanted += [replace(preferences, format="text") for preferences in wanted]
    editions = [edition for one in wanted if (edition := cut(issue, one))]
    editions += [replace(edition, language="ar") for edition in editions]
    for one, other in itertools.combinations(editions, 2):
        assert (one.key == other.key) == (one == other)


def test_a_name_with_signs_is_not_two_names() -> None:
    both, one = issue_of("A", "B"), issue_of("A+B")
    keys = {Edition(i, i.sections, (), "html").key for i in (both, one)}
    assert keys == {"html:A+B", "html:A%2BB"}


def test_the_issues_own_language_is_not_another_edition() -> None:
    edition = Edition(issue_of("A"), issue_of("A").sections, ())
    assert replace(edition, language="en").key == edition.key
    assert replace(edition, language="ar-EG").key == "html:A@ar-EG"
    assert replace(edition, language="ar-EG").spoken == "ar-EG"


def test_there_are_as_many_renderings_as_choices(house: House) -> None:
    # A template that counts how often it is filled; each edition has one text part.
    filled: list[int] = []
    (house.settings.folder / "templates").mkdir()
    (house.settings.folder / "templates" / "issue.txt.jinja").write_text(
        '{{ count() or "" }}{% extends "house/issue.txt.jinja" %}', encoding="utf-8"
    )
    house.templates.globals["count"] = lambda: filled.append(1)
    publish.collect(house, [], now=NOW)
    record = publish.prepare(house, None, now=NOW).record
    filled.clear()
    names = [section.name for section in record.issue.sections]
    chosen = [frozenset(c) for n in range(3) for c in itertools.combinations(names, n)]
    composer, made = Composer(house, record), set()
    for subscriber in range(60):
        sections = chosen[subscriber % len(chosen)] if subscriber % 5 else None
        kind = "text" if subscriber % 7 == 0 else "html"
        preferences = Preferences(sections, kind)  # type: ignore[arg-type]
        edition = cut(record.issue, preferences)
        if edition is None:
            continue
        reader = Recipient(subscriber, f"reader{subscriber}@readers.example", NOW, preferences)
        composer.compose(reader, edition, f"<{subscriber}@news.example.org>", NOW)
        made.add((edition.sections, edition.trending, edition.format))
    assert len(filled) == len(made) > 3


def with_trend(record: IssueRecord, **changes: object) -> IssueRecord:
    """The record with one story in Trending alone, whose home is a section of its own."""
    article = record.issue.sections[0].stories[0].article
    trend = Story(replace(article, **changes))  # type: ignore[arg-type]
    entry = Trend("A headline of the list", "https://www.example.org/list", "Sport", trend, "Sport")
    return replace(record, issue=replace(record.issue, trending=(entry,)))


def drafted(house: House) -> IssueRecord:
    publish.collect(house, [], now=NOW)
    return publish.prepare(house, None, now=NOW).record


def test_what_readers_without_trending_get_is_examined(house: House) -> None:
    record = drafted(house)
    usual = publish.examine(house, record)
    assert len(set(usual)) == len(usual)
    bad = with_trend(
        record, headline="Re: a letter about the river", url="http://10.0.0.1/x", dek=""
    )
    found = {(f.rule, f.where) for f in publish.examine(house, bad)} - {
        (f.rule, f.where) for f in usual
    }
    story = "“Re: a letter about the river”"
    assert {("dek-missing", f"story {story}"), ("link-to-number", f"link of {story}")} <= found
    assert ("subject-feigned-reply", "subject for readers of Sport alone") in found


def test_what_stands_against_the_editors_own_subject_is_told_once(house: House) -> None:
    record = drafted(house)
    long = replace(record, issue=replace(record.issue, subject="x" * 90))
    rules = [finding.rule for finding in publish.examine(house, long)]
    assert rules.count("subject-long") == 1


def test_what_only_readers_without_trending_get_too_much_of(house: House) -> None:
    record = drafted(house)
    large = with_trend(record, headline="word " * 22_000)
    assert "html-clipped" not in {f.rule for f in publish.examine(house, record)}
    assert "html-clipped" in {f.rule for f in publish.examine(house, large)}


def test_what_both_editions_have_too_much_of_is_told_once(house: House) -> None:
    record = with_trend(drafted(house), dek="One summary.")
    first, *others = record.issue.sections
    story = first.stories[0]
    long = replace(story, article=replace(story.article, headline="word " * 22_000))
    sections = (replace(first, stories=(long, *first.stories[1:])), *others)
    large = replace(record, issue=replace(record.issue, sections=sections))
    rules = [finding.rule for finding in publish.examine(house, large)]
    assert rules.count("html-clipped") == 1


def test_the_approval_binds_to_what_readers_without_trending_get(house: House) -> None:
    record = drafted(house)
    one = content_hash(house, with_trend(record, dek="One summary."))
    other = content_hash(house, with_trend(record, dek="Another summary."))
    assert one != other
    assert publish.prepare(house, None, now=NOW).record.content_hash == content_hash(house, record)


def test_who_chooses_sees_the_sections_of_the_sources(house: House) -> None:
    weekly = house.settings.newsletter["weekly"]
    bare = house.settings.model_copy(
        update={
            "newsletter": {"weekly": weekly.model_copy(update={"section": ()})},
            "source": tuple(
                source.model_copy(update={"section": name})
                for source, name in zip(house.settings.source, ("Sport", "Arts"), strict=False)
            ),
        }
    )
    keys = bare.keys
    with house.database.writing() as session:
        number = roster.add(
            session, "ann@readers.example", "weekly", EVERYTHING,
            how="test", now=NOW, keys=keys, evidence="test",
        )  # fmt: skip
    link = tokens.seal(Token("preferences", "weekly", 0, number), keys)
    door = FrontDoor(replace(house, settings=bare), lambda: NOW)
    assert door.standing(link, "preferences").sections == ("Sport", "Arts")
