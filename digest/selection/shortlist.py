"""Outlines -> the few stories that a draft has to read: no other one could be chosen.

Of a hundred thousand articles an issue takes twenty. Each story is scored by its outline just
as `select` would score it, and put with those that compete for the same places: of one section,
and where the policy limits them, of one source and day. Only as many of the best in each such
heap as could stand in the issue are read; what editors decided about and what lists name is read
always. Pure; never here: the choice itself (choosing).
"""

import heapq
import json
import math
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from operator import attrgetter
from typing import NamedTuple
from zoneinfo import ZoneInfo

from digest.articles import Article
from digest.selection.policy import Policy, SectionRule, coverage, like

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


# As in `Group.order`, smaller is better: score, moment, fingerprint; then the story's number.
_Entry = tuple[float, int, str, int]


class _Heap:
    """The best so many of what is thrown at it."""

    def __init__(self, limit: int) -> None:
        self._limit, self._worst, self._kept = limit, math.inf, list[_Entry]()

    def add(self, entry: _Entry) -> None:
        if entry[0] <= self._worst:
            self._kept.append(entry)
            if len(self._kept) > 8 * self._limit:
                self._prune()

    def best(self) -> Iterator[int]:
        self._prune()
        return (entry[3] for entry in self._kept)

    def _prune(self) -> None:
        self._kept = heapq.nsmallest(self._limit, self._kept)
        if self._limit and len(self._kept) == self._limit:
            self._worst = self._kept[-1][0]


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
    (fronts, behind), known = _stories(outlines), _Sources()
    place, unplaced = _placing(policy), Counter[str]()
    heaps: dict[tuple[str, ...], _Heap] = {}
    told = _Heap(policy.trending_limit)
    until, w = micros(policy.until), policy.weights
    for story, front in fronts.items():
        rule, several = place(front), 1
        if story in behind:
            twins = behind[story]
            rule = rule or next(filter(None, map(place, twins)), None)
            several = len({known[one.belongs] for one in (front, *twins)})
        if rule is None:
            unplaced[front.belongs] += 1
        if (rule is None and several == 1) or story in always or story in never:
            continue
        fresh = w.freshness * policy.fresh((until - front.moment) / 10**6)
        score = -round(fresh + w.coverage * coverage(several), 6)
        entry = score, -front.moment, front.fingerprint, story
        if several > 1:
            # However much a score may be, a source more is worth more here.
            told.add((score - 1e6 * several, *entry[1:]))
        if rule is not None:
            name = _heap(rule, front, policy)
            if name not in heaps:
                heaps[name] = _Heap(rule.limit + policy.trending_limit)
            heaps[name].add(entry)
    found = {story for heap in (told, *heaps.values()) for story in heap.best()}
    return Shortlist(frozenset(found | set(always)), unplaced)


def _stories(outlines: Iterable[Outline]) -> tuple[dict[int, Outline], dict[int, list[Outline]]]:
    """The outline in front of each story; those behind it, where several articles tell it."""
    fronts: dict[int, Outline] = {}
    several: dict[int, list[Outline]] = {}
    for one in outlines:
        front = fronts.setdefault(one.story, one)
        if front is not one:
            several.setdefault(one.story, [front]).append(one)
    for story, told in several.items():
        told.sort(key=attrgetter("faults", "moment", "fingerprint"))
        fronts[story] = told.pop(0)
    return fronts, several


class _Sources(dict[str, str]):
    def __missing__(self, belongs: str) -> str:
        self[belongs] = json.loads(belongs)[0]
        return self[belongs]


def _heap(rule: SectionRule, front: Outline, policy: Policy) -> tuple[str, ...]:
    source = json.loads(front.belongs)[0] if policy.per_source else ""
    if not policy.per_day:
        return rule.name, source
    moment = _EPOCH + timedelta(microseconds=front.moment)
    return rule.name, source, str(moment.astimezone(ZoneInfo(policy.timezone)).date())


def _placing(policy: Policy) -> Callable[[Outline], SectionRule | None]:
    """`policy.place` for outlines: worked out once for all that differ in nothing it looks at."""
    known: dict[object, SectionRule | None] = {}
    tests = [like(pattern) for pattern in policy.url_patterns]

    def place(one: Outline) -> SectionRule | None:
        key: object = one.belongs
        if tests:
            url = one.url.casefold()
            key = key, *[test(url) for test in tests]
        if key not in known:
            source, section, categories, sectors = json.loads(one.belongs)
            article = Article("", one.url, section=section, categories=tuple(categories),
                              sectors=tuple(sectors), source=source)  # fmt: skip
            known[key] = policy.place(article)[0]
        return known[key]

    return place
