"""Outlines -> the few stories that a draft has to read: no other one could be chosen.

Of a hundred thousand articles an issue takes twenty. Each story is scored by its outline just
as `select` would score it, and put with those that compete for the same places: of one section,
and where the policy limits them, of one source and day. Only as many of the best in each such
heap as could stand in the issue are read; what editors decided about and what lists name is read
always. Pure; never here: the choice itself (choosing).
"""

import heapq
import json
import re
from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from fnmatch import translate
from typing import NamedTuple
from zoneinfo import ZoneInfo

from digest.articles import Article
from digest.selection.policy import Policy, SectionRule, coverage

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class Outline(NamedTuple):
    """What of an article is looked at before it is read; `OutlineRow` says what each means."""

    story: int
    moment: int
    faults: int
    fingerprint: str
    belongs: str
    url: str


@dataclass(frozen=True, slots=True)
class Shortlist:
    """The numbers of the stories to read; what no section takes, by `belongs`."""

    stories: frozenset[int]
    unplaced: Counter[str]


class _Entry(NamedTuple):
    """A story as it is ranked: smaller is better, as in `Group.order`."""

    score: float
    moment: int
    fingerprint: str
    story: int


def micros(moment: datetime) -> int:
    """Microseconds since 1970."""
    return (moment - _EPOCH) // timedelta(microseconds=1)


def belongs(article: Article) -> str:
    """All but its address that decides where an article belongs."""
    parts = (article.source, article.section, article.categories, article.sectors)
    return json.dumps(parts, ensure_ascii=False, separators=(",", ":"))


def shortlist(
    outlines: Iterable[Outline], policy: Policy, always: Collection[int], never: Collection[int]
) -> Shortlist:
    """Among these stories are all that `select` could choose from articles of the window.

    `always` numbers stories that count whatever their rank, `never` those that stand nowhere.
    """
    fronts, sources = _stories(outlines)
    place, unplaced = _placing(policy), Counter[str]()
    heaps: dict[tuple[str, ...], list[_Entry]] = defaultdict(list)
    told: list[tuple[int, _Entry]] = []
    until, w = micros(policy.until), policy.weights
    for story, front in fronts.items():
        rule = place(front)
        if rule is None:
            unplaced[front.belongs] += 1
        if story in always or story in never:
            continue
        several = len(sources.get(story, "1"))
        age = (until - front.moment) / 10**6
        fresh, covered = w.freshness * policy.fresh(age), w.coverage * coverage(several)
        entry = _Entry(-round(fresh + covered, 6), -front.moment, front.fingerprint, story)
        if several > 1:
            told.append((-several, entry))
        if rule is not None:
            heaps[_heap(rule, front, policy)].append(entry)
    found = {entry.story for _, entry in heapq.nsmallest(policy.trending_limit, told)}
    limits = {rule.name: rule.limit + policy.trending_limit for rule in policy.sections}
    for (name, *_), heap in heaps.items():
        found.update(entry.story for entry in heapq.nsmallest(limits[name], heap))
    return Shortlist(frozenset(found | set(always)), unplaced)


def _stories(
    outlines: Iterable[Outline],
) -> tuple[dict[int, Outline], dict[int, set[str]]]:
    """The article in front of each story, and its sources where there is more than one article."""
    fronts: dict[int, Outline] = {}
    sources: dict[int, set[str]] = {}
    for one in outlines:
        story = one[0]
        front = fronts.setdefault(story, one)
        if front is not one:
            if story not in sources:
                sources[story] = {_source(front)}
            sources[story].add(_source(one))
            if (one.faults, one.moment, one.fingerprint) < (
                front.faults, front.moment, front.fingerprint
            ):  # fmt: skip
                fronts[story] = one
    return fronts, sources


def _source(one: Outline) -> str:
    # The first of `belongs`, as it was written: enough to tell sources apart.
    return one.belongs.partition('",')[0]


def _heap(rule: SectionRule, front: Outline, policy: Policy) -> tuple[str, ...]:
    source = _source(front) if policy.per_source else ""
    if not policy.per_day:
        return rule.name, source
    moment = _EPOCH + timedelta(microseconds=front.moment)
    return rule.name, source, str(moment.astimezone(ZoneInfo(policy.timezone)).date())


def _placing(policy: Policy) -> Callable[[Outline], SectionRule | None]:
    """`policy.place` for outlines: worked out once for all that differ in nothing it looks at."""
    known: dict[tuple[str, tuple[bool, ...]], SectionRule | None] = {}
    tests = [_test(pattern) for pattern in policy.url_patterns]

    def place(one: Outline) -> SectionRule | None:
        url = one.url.casefold() if tests else ""
        key = one.belongs, tuple([test(url) for test in tests])
        if key not in known:
            source, section, categories, sectors = json.loads(one.belongs)
            article = Article("", one.url, section=section, categories=tuple(categories),
                              sectors=tuple(sectors), source=source)  # fmt: skip
            known[key] = policy.place(article)[0]
        return known[key]

    return place


def _test(pattern: str) -> Callable[[str], bool]:
    plain = pattern.strip("*")
    if pattern == f"*{plain}*" and not re.search(r"[*?\[]", plain):
        return lambda url: plain in url
    compiled = re.compile(translate(pattern))
    return lambda url: compiled.match(url) is not None
