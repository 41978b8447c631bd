"""The cut of an issue: who leaves Trending out misses nothing, and nobody reads a story twice."""

from dataclasses import replace

import pytest

from digest.edition import TRENDING, Issue, cut, section_names
from digest.selection import Section, Story, Trend
from subscribers.preferences import EVERYTHING, Preferences
from tests.issues import example_issue, global_stories, opinion_stories

FIRST, SECOND, THIRD = map(Story, global_stories())
COLUMN, TALK = map(Story, opinion_stories())


@pytest.fixture
def issue() -> Issue:
    """Two of five stories are trending, and one of the list is no story of ours."""
    return replace(
        example_issue(),
        sections=(Section("Global", (SECOND, THIRD)), Section("Opinion", (TALK,))),
        trending=(
            Trend("Elsewhere"),
            Trend(FIRST.headline, FIRST.url, "Global", FIRST, "Global"),
            Trend(COLUMN.headline, COLUMN.url, "Opinion", COLUMN, "Opinion"),
        ),
    )


def told(issue: Issue, *wanted: str) -> dict[str, list[Story]]:
    edition = cut(issue, Preferences(frozenset(wanted)) if wanted else EVERYTHING)
    assert edition is not None
    listed = [trend.story for trend in edition.trending if trend.story]
    found = {section.name: list(section.stories) for section in edition.sections}
    return {**found, **({TRENDING: listed} if edition.trending else {})}


def test_with_the_list_its_stories_stand_there_alone(issue: Issue) -> None:
    assert told(issue) == {
        "Global": [SECOND, THIRD], "Opinion": [TALK], TRENDING: [FIRST, COLUMN]
    }  # fmt: skip
    assert told(issue, "Global", TRENDING) == {
        "Global": [SECOND, THIRD], TRENDING: [FIRST, COLUMN]
    }  # fmt: skip


def test_without_the_list_they_lead_their_own_sections(issue: Issue) -> None:
    assert told(issue, "Global") == {"Global": [FIRST, SECOND, THIRD]}
    assert told(issue, "Opinion") == {"Opinion": [COLUMN, TALK]}
    assert told(issue, "Global", "Opinion") == {
        "Global": [FIRST, SECOND, THIRD], "Opinion": [COLUMN, TALK]
    }  # fmt: skip


def test_a_section_whose_stories_are_all_trending_is_not_lost(issue: Issue) -> None:
    thin = replace(issue, sections=issue.sections[:1])
    assert told(thin, "Opinion") == {"Opinion": [COLUMN]}
    assert told(thin, "Opinion", TRENDING) == {TRENDING: [FIRST, COLUMN]}


def test_a_section_that_only_trending_fills_keeps_its_place_and_its_name(issue: Issue) -> None:
    thin = replace(issue, sections=issue.sections[1:], order=("Global", "Opinion"))
    assert list(told(thin, "Opinion", "Global")) == ["Global", "Opinion"]
    assert section_names([thin]) == ("Global", "Opinion", TRENDING)


def test_the_issue_without_trending_has_the_same_stories(issue: Issue) -> None:
    rest = issue.without_trending
    assert rest.stories == (FIRST, SECOND, THIRD, COLUMN, TALK)
    assert rest.trending == ()
    bare = replace(issue, trending=issue.trending[:1])
    assert bare.without_trending is bare


def test_nothing_to_read_is_no_edition(issue: Issue) -> None:
    assert cut(issue, Preferences(frozenset({"Science"}))) is None


def test_equal_keys_are_equal_cuts(issue: Issue) -> None:
    names = ["Global", "Opinion", TRENDING, "Science"]
    seen: dict[str, object] = {}
    for number in range(1, 16):
        wanted = frozenset(name for bit, name in enumerate(names) if number >> bit & 1)
        if edition := cut(issue, Preferences(wanted)):
            known = seen.setdefault(edition.key, (edition.sections, edition.trending))
            assert known == (edition.sections, edition.trending)
    everything = cut(issue, EVERYTHING)
    assert everything is not None
    assert everything.complete
    partly = cut(issue, Preferences(frozenset({"Global", "Opinion"})))
    assert partly is not None
    assert not partly.complete
