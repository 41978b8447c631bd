"""What goes into an issue, and the reason for every candidate."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from digest.articles import Article, Image, Listed
from digest.selection import (
    Candidate,
    Carried,
    Decision,
    Match,
    Other,
    Policy,
    SectionRule,
    SectorRule,
    Selection,
    select,
)
from tests.stories import stories_of

NOW = datetime(2026, 3, 30, tzinfo=UTC)
WEEK = timedelta(days=7)
HOUR = timedelta(hours=1)
WORLD = Match(categories=("World",), urls=("*/international/*",))
RULES = (SectionRule("Global", 2, WORLD), SectionRule("Opinion", 2))
POLICY = Policy(NOW - WEEK, NOW, RULES, trending_limit=2)
SUBJECTS = ("Ferry", "Bridge", "Harvest", "Museum", "Railway", "Glacier", "Vaccine", "Theatre",
            "Reactor", "Orchard", "Lighthouse", "Senate")  # fmt: skip


def article(number: int, section: str = "Global", **more: object) -> Article:
    subject = SUBJECTS[number % len(SUBJECTS)]
    made = Article(
        headline=f"{subject} question settled",
        url=f"https://www.example.org/{number}",
        published=NOW - number * HOUR,
        section=section,
        source="desk",
    )
    return replace(made, **more)  # type: ignore[arg-type]


def candidates(articles: Sequence[Article], stories: Sequence[int]) -> list[Candidate]:
    seen = [one.published or NOW - HOUR for one in articles]
    together = zip(articles, seen, stories, strict=True)
    return [Candidate(one, at, at, story) for one, at, story in together]


def chosen(
    *articles: Article,
    listed: Sequence[Listed] = (),
    carried: Sequence[Carried] = (),
    decisions: Sequence[Decision] = (),
    policy: Policy = POLICY,
) -> Selection:
    told = stories_of([*(one.article for one in carried), *articles])
    sent = [replace(one, story=story) for one, story in zip(carried, told, strict=False)]
    given = candidates(articles, told[len(carried) :])
    return select(given, listed, sent, decisions, policy)


def decision(one: Article, **what: object) -> Decision:
    return replace(Decision(one.fingerprint, "night desk", NOW), **what)  # type: ignore[arg-type]


def reasons(selection: Selection) -> dict[str, str]:
    return {verdict.article.headline: verdict.reason for verdict in selection.verdicts}


def headlines(selection: Selection, section: str = "Global") -> list[str]:
    found = (s for s in selection.sections if s.name == section)
    return [story.headline for one in found for story in one.stories]


def test_newest_first_within_the_limit() -> None:
    made = chosen(article(3), article(1), article(2))
    assert headlines(made) == ["Bridge question settled", "Harvest question settled"]
    assert reasons(made)["Museum question settled"] == "section Global is full (2)"


def test_a_section_takes_by_name_category_address_source_and_sector() -> None:
    match = Match(urls=("*/international/*",), sources=("wire*",), sectors=("Health",))
    policy = replace(POLICY, sections=(SectionRule("Global", 9, match),))
    made = chosen(
        article(1, "", categories=("GLOBAL",)),
        article(2, "", url="https://www.example.org/international/2"),
        article(3, "", source="wire-asia"),
        article(4, "", sectors=("health",)),
        article(5, "Sport"),
        policy=policy,
    )
    assert len(headlines(made)) == 4
    assert reasons(made)["Glacier question settled"] == "no section takes it"


def test_sectors_are_the_pages_own_and_those_of_the_settings() -> None:
    policy = replace(POLICY, sectors=(SectorRule("Transport", Match(urls=("*/1",))),))
    (section,) = chosen(article(1, sectors=("Towns",)), policy=policy).sections
    assert section.stories[0].sectors == ("Towns", "Transport")


def test_the_window_excludes_its_beginning_and_includes_its_end() -> None:
    made = chosen(
        article(1, published=NOW - WEEK),
        article(2, published=NOW),
        article(3, published=NOW + timedelta(seconds=1)),
        article(4, published=None),
    )
    assert reasons(made) == {
        "Bridge question settled": "too old",
        "Harvest question settled": "Global",
        "Museum question settled": "dated in the future",
        "Railway question settled": "Global",
    }


def test_twins_become_one_story_with_the_best_in_front() -> None:
    bare = article(1, source="first", url="https://first.example/a")
    best = article(
        2,
        source="second",
        headline="BRIDGE question settled!",
        dek="The council voted after midnight to rebuild it where it stood for a century.",
        image=Image("https://second.example/p.jpg"),
    )
    made = chosen(bare, best)
    (section,) = made.sections
    (story,) = section.stories
    assert story.article == best
    assert story.others == (Other("first", bare.headline, bare.url),)
    assert reasons(made)[bare.headline] == f"same story as “{best.headline}” (second)"


def test_what_an_earlier_issue_carried_comes_back_only_if_an_editor_says_so() -> None:
    old = article(1)
    carried = [Carried(12, old, NOW - HOUR / 2)]
    assert reasons(chosen(old, carried=carried))[old.headline] == "already in issue 12"
    changed = [Candidate(old, NOW - 30 * HOUR, NOW)]
    made = select(changed, [], carried, [], POLICY)
    assert reasons(made)[old.headline] == "already in issue 12; changed since"
    again = select(changed, [], carried, [decision(old, again=True)], POLICY)
    assert again.sections[0].stories[0].updated


def test_a_rewritten_copy_of_a_carried_story_is_no_new_story() -> None:
    dek = "The ferry to the northern islands sails again after three weeks of repairs in dock."
    old = article(1, headline="Ferry sails again after repairs", dek=dek)
    copy = article(2, headline="After repairs, ferry sails again", dek=dek, source="wire")
    made = chosen(copy, carried=[Carried(12, old, NOW - HOUR)])
    assert reasons(made)[copy.headline] == "already in issue 12"


def test_an_editor_wins_over_everything() -> None:
    old, first, second, third = (article(n) for n in (400, 1, 2, 3))
    made = chosen(
        old,
        first,
        second,
        third,
        decisions=[
            decision(old, pinned=True, position=1),
            decision(first, excluded=True, why="we were wrong"),
            decision(second, headline="Their harvest, our words", dek="Ours."),
        ],
    )
    assert headlines(made) == [old.headline, "Their harvest, our words"]
    assert made.sections[0].stories[1].article == second
    told = reasons(made)
    assert told[old.headline] == "Global, pinned by night desk"
    assert told[first.headline] == "excluded by night desk: we were wrong"
    assert told[third.headline] == "section Global is full (2)"


def test_what_was_decided_about_several_copies_counts_together() -> None:
    first = article(1, headline="Bridge question settled in the night")
    copy = replace(first, source="wire", url="https://wire.example/1")
    decisions = [
        decision(first, headline="In our words", section="Opinion", at=NOW - 2 * HOUR),
        decision(copy, pinned=True, dek="Ours.", at=NOW - HOUR),
    ]
    (section,) = chosen(first, copy, article(2, ""), decisions=decisions).sections
    (story,) = section.stories
    assert (section.name, story.article) == ("Opinion", copy)
    assert (story.headline, story.dek) == ("In our words", "Ours.")
    later = [replace(decisions[1], headline="In newer words"), decisions[0]]
    (section,) = chosen(first, copy, decisions=later).sections
    assert section.stories[0].headline == "In newer words"


def test_a_story_stands_where_a_copy_of_it_belongs() -> None:
    own = article(1, headline="Bridge question settled in the night", dek="")
    wire = replace(own, source="wire", url="https://wire.example/1", section="", dek="A dek.")
    made = chosen(own, wire, article(2), policy=replace(POLICY, trending_limit=0))
    assert made.sections[0].stories[0].article == wire
    (told,) = (v for v in made.verdicts if v.article == wire)
    assert (told.section, told.rule) == ("Global", "section Global")


def test_an_editor_moves_a_story_to_another_section() -> None:
    made = chosen(article(1), decisions=[decision(article(1), section="Opinion")])
    assert headlines(made, "Opinion") == ["Bridge question settled"]


def test_an_excluded_story_stands_in_no_list_either() -> None:
    gone = article(1)
    made = chosen(
        gone,
        listed=[Listed(1, gone.headline)],
        decisions=[decision(gone, excluded=True)],
    )
    assert made.trending == ()


def test_at_most_so_many_of_a_source() -> None:
    policy = replace(POLICY, per_source=1)
    made = chosen(article(1), article(2), article(3, source="other"), policy=policy)
    assert headlines(made) == ["Bridge question settled", "Museum question settled"]
    assert reasons(made)["Harvest question settled"] == "source desk is full (1)"


def test_spread_over_days_as_long_as_there_are_others() -> None:
    days = [article(n, published=NOW - n * HOUR) for n in (1, 2)] + [article(30)]
    spread = replace(POLICY, per_day=1)
    assert headlines(chosen(*days, policy=spread)) == [
        "Bridge question settled",
        "Glacier question settled" if article(30).headline.startswith("Glacier")
        else article(30).headline,
    ]  # fmt: skip
    assert reasons(chosen(*days, policy=spread))["Harvest question settled"] == "day is full (1)"
    assert len(headlines(chosen(*days[:2], policy=spread))) == 2


def test_a_thin_section_is_left_out() -> None:
    rules = (SectionRule("Global", 2), SectionRule("Opinion", 2, at_least=2))
    made = chosen(article(1), article(2, "Opinion"), policy=replace(POLICY, sections=rules))
    assert [section.name for section in made.sections] == ["Global"]
    told = reasons(made)["Harvest question settled"]
    assert told == "section Opinion has 1 of the 2 stories it needs"


def test_a_thin_section_uses_up_nothing_of_a_source() -> None:
    rules = (SectionRule("Global", 3), SectionRule("Opinion", 2, at_least=2))
    policy = replace(POLICY, sections=rules, per_source=1, trending_limit=0)
    made = chosen(article(1, "Opinion"), article(2), article(3), policy=policy)
    assert headlines(made) == ["Harvest question settled"]
    told = reasons(made)
    assert told["Bridge question settled"] == "section Opinion has 1 of the 2 stories it needs"
    assert told["Museum question settled"] == "source desk is full (1)"


def test_of_two_thin_sections_the_first_may_have_enough_without_the_second() -> None:
    rules = (SectionRule("Global", 3, at_least=2), SectionRule("Opinion", 2, at_least=3))
    policy = replace(POLICY, sections=rules, per_source=2, trending_limit=0)
    made = chosen(article(1, "Opinion"), article(2), article(3), policy=policy)
    assert headlines(made) == ["Harvest question settled", "Museum question settled"]


def test_trending_does_not_count_against_the_limit_of_a_source() -> None:
    listed = [Listed(n, article(n).headline) for n in (1, 2)]
    made = chosen(*map(article, (1, 2, 3)), listed=listed, policy=replace(POLICY, per_source=1))
    assert len(made.trending) == 2
    assert headlines(made) == ["Museum question settled"]


def test_trends_and_coverage_lift_a_story() -> None:
    told_twice = article(90, headline="Glacier loses its snout in one night")
    copy = replace(told_twice, source="wire", url="https://wire.example/9")
    trendy = article(80)
    listed = [Listed(1, trendy.headline)]
    bare = replace(POLICY, trending_limit=0)
    made = chosen(article(1), article(2), told_twice, copy, trendy, listed=listed, policy=bare)
    scores = {v.article.headline: v.score for v in made.verdicts}
    assert headlines(made)[0] == trendy.headline
    trending, told = scores[trendy.headline], scores[told_twice.headline]
    assert trending is not None
    assert told is not None
    assert trending.total == pytest.approx(1 - 80 / 168 + 0.5, abs=1e-5)
    assert told.total == pytest.approx(1 - 90 / 168 + 0.25, abs=1e-5)
    assert (told.trend, told.coverage) == (0, 0.25)


def test_trending_is_filled_first_and_its_stories_stand_in_no_section() -> None:
    listed = [
        Listed(2, "bridge question settled"),
        Listed(1, "Elsewhere", "https://www.example.org/e"),
        Listed(3, "Elsewhere"),
        Listed(4, "Harvest question…"),
        Listed(5, "Too many"),
    ]
    policy = replace(POLICY, trending_limit=3)
    made = chosen(article(1), article(2), article(3), listed=listed, policy=policy)
    assert headlines(made) == ["Museum question settled"]
    assert [(t.headline, t.url, t.home) for t in made.trending] == [
        ("Elsewhere", "https://www.example.org/e", ""),
        ("Bridge question settled", "https://www.example.org/1", "Global"),
        ("Harvest question settled", "https://www.example.org/2", "Global"),
    ]
    assert [t.story.article if t.story else None for t in made.trending] == [
        None, article(1), article(2)
    ]  # fmt: skip
    assert reasons(made)["Bridge question settled"] == "Trending, rank 2"


def test_an_editor_keeps_a_trending_story_in_its_section() -> None:
    listed = [Listed(1, article(1).headline), Listed(2, article(2).headline)]
    for word in ({"pinned": True}, {"section": "Opinion"}, {"position": 1}):
        decisions = [decision(article(1), **word)]
        made = chosen(article(1), article(2), article(3), listed=listed, decisions=decisions)
        assert [t.headline for t in made.trending] == ["Harvest question settled"]
        assert article(1) in [s.article for section in made.sections for s in section.stories]


def test_the_list_waits_where_it_would_leave_the_sections_empty() -> None:
    listed = [Listed(1, article(1).headline), Listed(2, "Elsewhere")]
    made = chosen(article(1), listed=listed)
    assert headlines(made) == ["Bridge question settled"]
    assert [t.headline for t in made.trending] == ["Elsewhere"]


def test_a_list_may_name_what_is_too_old_for_a_section() -> None:
    old = article(300)
    made = chosen(article(1), old, listed=[Listed(1, old.headline)])
    assert [(t.url, t.story) for t in made.trending] == [(old.url, None)]
    assert reasons(made)[old.headline] == "Trending, rank 1"


def test_what_an_editor_excluded_stands_in_no_list_however_old() -> None:
    old = article(300)
    lists = [Listed(1, old.headline), Listed(1, old.headline, kind="latest")]
    made = chosen(article(1), old, listed=lists, decisions=[decision(old, excluded=True)])
    assert (made.trending, made.latest) == ((), ())


def test_trending_carries_the_editors_words() -> None:
    listed = [Listed(1, article(1).headline)]
    decisions = [decision(article(1), headline="In our words")]
    made = chosen(article(1), article(2), listed=listed, decisions=decisions)
    assert made.trending[0].headline == "In our words"


def test_without_a_list_trending_is_what_most_sources_tell() -> None:
    told = [article(5, source=source, url=f"https://{source}.example/5") for source in "abc"]
    made = chosen(article(4), article(6), *told)
    assert [trend.headline for trend in made.trending] == [article(5).headline]
    assert headlines(made) == [article(4).headline, article(6).headline]


def test_briefs_and_latest_are_lists_of_their_own() -> None:
    listed = [
        Listed(1, "A short one", kind="brief"),
        Listed(1, "Just in", kind="latest"),
        Listed(2, "A short one", kind="latest"),
    ]
    made = chosen(article(1), listed=listed)
    assert [brief.headline for brief in made.briefs] == ["A short one"]
    assert [entry.headline for entry in made.latest] == ["Just in"]


@given(
    st.permutations([article(n, "Opinion" if n % 3 else "Global") for n in range(8)]),
    st.integers(0, 2),
    st.integers(0, 2),
)
def test_the_order_of_the_candidates_makes_no_difference(
    shuffled: list[Article], per_source: int, per_day: int
) -> None:
    policy = replace(POLICY, per_source=per_source, per_day=per_day)
    made = chosen(*shuffled, policy=policy)
    assert made == chosen(*sorted(shuffled, key=str), policy=policy)
    assert {v.article.fingerprint for v in made.verdicts} == {a.fingerprint for a in shuffled}
    assert len(made.verdicts) == 8
