"""Laws that hold for every selection, whatever was collected and decided."""

from collections import Counter
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from digest.articles import Article, Image, Kind, Listed
from digest.selection import (
    Candidate,
    Carried,
    Decision,
    Match,
    Outline,
    Policy,
    SectionRule,
    SectorRule,
    Selection,
    belongs,
    faults,
    micros,
    select,
    shortlist,
)

NOW = datetime(2026, 3, 30, tzinfo=UTC)
WEEK = timedelta(days=7)
NUMBERS = st.integers(1, 9)
KINDS: tuple[Kind, ...] = ("trending", "trending", "trending", "brief", "latest")


@dataclass(frozen=True)
class World:
    """What a selection is made of."""

    candidates: tuple[Candidate, ...]
    listed: tuple[Listed, ...]
    carried: tuple[Carried, ...]
    decisions: tuple[Decision, ...]
    policy: Policy

    def selected(self) -> Selection:
        return select(self.candidates, self.listed, self.carried, self.decisions, self.policy)


def address(number: int) -> str:
    return f"https://www.example.org/{'world' if number % 2 else 'home'}/{number}"


def headline(number: int) -> str:
    return f"Number {number} of the invented headlines"


@st.composite
def articles(draw: st.DrawFn, number: int) -> Article:
    age = draw(st.integers(-2, 190) | st.none())
    return Article(
        headline=headline(number) + draw(st.sampled_from(["", "", "…"])),
        url=address(number),
        dek=draw(st.sampled_from(["", "A dek."])),
        published=None if age is None else NOW - age * timedelta(hours=1),
        section=draw(st.sampled_from(["Global", "Opinion", "Sport", ""])),
        categories=draw(st.sampled_from([(), ("World",), ("Health", "World")])),
        image=Image(draw(st.sampled_from(["", "https://pictures.example/1.jpg"]))),
        source=draw(st.sampled_from("abc")),
    )


@st.composite
def decisions(draw: st.DrawFn, number: int) -> Decision:
    word = draw(st.sampled_from(["pinned", "excluded", "again", "headline", "section", "position"]))
    values: dict[str, object] = {"headline": "Ours", "section": "Opinion", "position": 1}
    made = Decision(Article("", address(number)).fingerprint, "desk", NOW)
    return replace(made, **{word: values.get(word, True)})  # type: ignore[arg-type]


@st.composite
def policies(draw: st.DrawFn) -> Policy:
    few = st.integers(1, 3)
    world = Match(categories=("World",), urls=("*/world/*",))
    wells, needed = Match(sectors=("Wells",)), st.integers(0, 2)
    sections = [SectionRule("Global", draw(few), world, draw(needed))]
    sections += [SectionRule("Opinion", draw(few), wells, draw(needed))]
    return Policy(
        NOW - WEEK,
        NOW,
        tuple(sections[: draw(few)]),
        (SectorRule("Wells", Match(urls=("*/home/*",), sources=("a",))),),
        trending_limit=draw(st.integers(0, 3)),
        per_source=draw(st.integers(0, 2)),
        per_day=draw(st.integers(0, 2)),
        timezone="Asia/Kolkata",
    )


@st.composite
def worlds(draw: st.DrawFn) -> World:
    numbers = draw(st.lists(NUMBERS, unique=True, max_size=9))
    stories = {number: draw(NUMBERS) for number in range(1, 10)}
    made = [draw(articles(number)) for number in numbers]
    seen = NOW - timedelta(hours=3)
    candidates = [
        Candidate(article, seen, seen, 100 + stories[number])
        for article, number in zip(made, numbers, strict=True)
    ]
    carried = [
        Carried(3, Article(headline(n), address(n)), NOW - timedelta(days=1), 100 + stories[n])
        for n in draw(st.lists(NUMBERS, unique=True, max_size=2))
    ]
    listed = [
        Listed(rank, headline(n), draw(st.sampled_from(["", address(n)])),
               kind=draw(st.sampled_from(KINDS)))
        for rank, n in enumerate(draw(st.lists(NUMBERS, max_size=5)), 1)
    ]  # fmt: skip
    decided = [draw(decisions(n)) for n in draw(st.lists(NUMBERS, unique=True, max_size=3))]
    return World(tuple(candidates), tuple(listed), tuple(carried), tuple(decided), draw(policies()))


def story_numbers(world: World) -> dict[str, int]:
    return {c.article.fingerprint: c.story for c in world.candidates}


@given(worlds())
def test_every_candidate_has_exactly_one_verdict(world: World) -> None:
    told = Counter(verdict.article.fingerprint for verdict in world.selected().verdicts)
    assert told == Counter(c.article.fingerprint for c in world.candidates)


@given(worlds())
def test_what_is_kept_stands_in_the_issue_and_nothing_else(world: World) -> None:
    made = world.selected()
    kept = {v.article.fingerprint for v in made.verdicts if v.kept}
    standing = {story.fingerprint for story in made.stories}
    listed = {Article("", trend.url).fingerprint for trend in made.trending if trend.url}
    assert standing <= kept <= standing | listed


@given(worlds())
def test_no_story_stands_twice(world: World) -> None:
    made = world.selected()
    number = story_numbers(world)
    standing = [number[story.fingerprint] for story in made.stories]
    assert len(set(standing)) == len(standing)
    entries = [entry.headline for entry in (*made.trending, *made.briefs, *made.latest)]
    assert len(set(entries)) == len(entries)


@given(worlds())
def test_limits_hold_for_all_that_nobody_pinned(world: World) -> None:
    made, policy = world.selected(), world.policy
    pinned = {d.fingerprint for d in world.decisions if d.pinned}
    numbers = story_numbers(world)
    pinned_stories = {numbers[name] for name in pinned if name in numbers}
    limits = {rule.name: rule.limit for rule in policy.sections}
    sources: Counter[str] = Counter()
    for section in made.sections:
        free = [s for s in section.stories if numbers[s.fingerprint] not in pinned_stories]
        assert len(free) <= limits[section.name]
        sources.update(story.source for story in free)
    assert not policy.per_source or all(n <= policy.per_source for n in sources.values())
    assert len(made.trending) <= policy.trending_limit


@given(worlds())
def test_pins_are_always_in_and_exclusions_never(world: World) -> None:
    made = world.selected()
    numbers = story_numbers(world)
    standing = {numbers[story.fingerprint] for story in made.stories}
    excluded = {numbers[d.fingerprint] for d in world.decisions
                if d.excluded and d.fingerprint in numbers}  # fmt: skip
    pinned = {numbers[d.fingerprint] for d in world.decisions
              if d.pinned and d.fingerprint in numbers}  # fmt: skip
    assert not excluded & standing
    assert pinned - excluded <= standing


@given(worlds())
def test_what_was_sent_comes_back_only_when_an_editor_says_so(world: World) -> None:
    made = world.selected()
    numbers = story_numbers(world)
    sent = {earlier.story for earlier in world.carried}
    let_in = {numbers.get(d.fingerprint) for d in world.decisions if d.again or d.pinned}
    for story in made.stories:
        if numbers[story.fingerprint] in sent:
            assert numbers[story.fingerprint] in let_in
            assert story.updated


@given(worlds(), st.randoms(use_true_random=False))
def test_the_order_of_what_comes_makes_no_difference(world: World, random: object) -> None:
    shuffled = list(world.candidates)
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    decisions = tuple(reversed(world.decisions))
    again = replace(world, candidates=tuple(shuffled), decisions=decisions)
    assert again.selected() == world.selected()


@given(worlds())
def test_a_draft_from_the_shortlist_is_the_draft_from_everything(world: World) -> None:
    policy = world.policy
    outlines = [
        Outline(c.story, micros(c.moment), faults(c.article), c.article.fingerprint,
                belongs(c.article), c.article.url)
        for c in world.candidates
        if policy.since < c.moment <= policy.until
    ]  # fmt: skip
    named = {d.fingerprint for d in world.decisions}
    entries = {Article(e.headline, e.url).fingerprint for e in world.listed}
    entries |= {Article("", address(n)).fingerprint for n in range(1, 10)
                if headline(n) in {e.headline for e in world.listed}}  # fmt: skip
    named |= entries
    always = {c.story for c in world.candidates if c.article.fingerprint in named}
    never = {earlier.story for earlier in world.carried} - always
    short = shortlist(outlines, policy, always, never)
    few = tuple(
        c for c in world.candidates
        if c.article.fingerprint in named or (c.story in short.stories and c.moment > policy.since)
    )  # fmt: skip
    whole, drafted = world.selected(), replace(world, candidates=few).selected()
    assert (drafted.sections, drafted.trending) == (whole.sections, whole.trending)
    assert (drafted.briefs, drafted.latest) == (whole.briefs, whole.latest)
