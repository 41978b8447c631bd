"""Twins: articles that tell the same story, found by their words.

Wire copies, rewritten headlines, headlines that were cut off, one article at two addresses.
Every article is compared with the first of each story so far (the leader), so no chain of small
steps can join two stories; an index of the rarest words finds the few leaders that are worth
comparing. Pure; never here: which of the twins stands in front (groups).
"""

import math
from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime, timedelta

from digest.selection.words import DAYS, Profile

APART = timedelta(days=3)
# A headline that comes back every day ("Morning briefing") names another story the day after.
SAME_HEADLINE_WITHIN = timedelta(hours=20)
COUNTED_ANEW_WITHIN = timedelta(hours=6)
RAREST = 8
BARE = 6  # words: with fewer there is but the headline to go by


class Rarity(dict[str, float]):
    """What each word tells: the rarer among all articles, the more (inverse document frequency)."""

    def __init__(self, counts: Counter[str], articles: int) -> None:
        super().__init__()
        self._counts, self._articles = counts, articles

    def __missing__(self, word: str) -> float:
        self[word] = math.log(1 + 2 * self._articles / max(1, self._counts[word]))
        return self[word]

    def of(self, words: Iterable[str]) -> float:
        """Of all these words; exact, so that their order makes no difference."""
        return math.fsum(map(self.__getitem__, words))


class Shelf:
    """The stories so far, each by its leader and a number that the caller gave it."""

    def __init__(self) -> None:
        self._leaders: dict[int, Profile] = {}
        self._index: dict[str, list[int]] = defaultdict(list)
        self._counts: Counter[str] = Counter()
        self._seen = 0
        self._rarity = Rarity(self._counts, 0)

    def weigh(self, profiles: Iterable[Profile]) -> None:
        """Count the words of articles before they are put or looked for."""
        for one in profiles:
            self._counts.update(one.headline | one.lead)
            self._seen += 1
        self._rarity = Rarity(self._counts, self._seen)

    def put(self, number: int, leader: Profile) -> None:
        """Begin a story."""
        self._leaders[number] = leader
        for name in self._names(leader):
            self._index[name].append(number)

    def find(self, one: Profile) -> int | None:
        """The number of the story that the article tells; None where nobody told it before."""
        near: Counter[int] = Counter()
        for name in self._names(one):
            near.update(self._index.get(name, ()))
        best, degree = None, 0.0
        for number in sorted(number for number, shared in near.items() if shared > 1):
            leader = self._leaders.get(number)
            found = likeness(one, leader, self._rarity) if leader else 0.0
            if found > degree:
                best, degree = number, found
        return best

    def join(self, number: int, one: Profile) -> None:
        """Put an article with its story: a leader that is a bare headline makes room for it."""
        leader = self._leaders.get(number)
        if leader and len(leader.lead) < BARE <= len(one.lead):
            self.put(number, replace(one, at=leader.at))

    def forget(self, before: datetime) -> None:
        """Take away the stories that began earlier: they are too old for what comes now."""
        for number in [n for n, leader in self._leaders.items() if leader.at < before]:
            del self._leaders[number]

    def _names(self, one: Profile) -> list[str]:
        names = [f"#{one.page}", f"={one.key[:16]}"]
        for words in (one.headline, one.lead - one.headline):
            names += sorted(sorted(words), key=self._counts.__getitem__)[:RAREST]
        # Address and headline twice, because either alone is reason enough to compare.
        return names + names[:2]


def likeness(one: Profile, other: Profile, rarity: Rarity) -> float:
    """0 where they tell different stories, up to 1 where they are the same."""
    if one.page == other.page:
        return 1.0
    apart = abs(one.at - other.at)
    if apart > APART:
        return 0.0
    deks = _overlap(one.dek, other.dek, rarity)
    if one.key == other.key and len(one.key) >= 8:
        return 0.95 if apart <= SAME_HEADLINE_WITHIN or deks > 0.4 else 0.0
    if _cut_off(one, other) or _cut_off(other, one):
        return 0.9
    heads = _overlap(one.headline, other.headline, rarity)
    if one.site == other.site and apart > SAME_HEADLINE_WITHIN and heads < 0.5:
        # A newsroom that writes again on another day, in other words, writes of what came next;
        # its columns and podcasts stand under the same words every time.
        return 0.0
    lead = max(deks, 0.9 * _inside(one, other, rarity))
    if _differ(one, other):
        # Of one event they may still be told in one text: an agency's second version.
        return lead if lead > 0.85 else 0.0
    if _counts_differ(one, other):
        # A toll rises within hours, over a text that each desk words its own way.
        return lead if lead > (0.7 if apart <= COUNTED_ANEW_WITHIN else 0.85) else 0.0
    return _alike(one, other, heads, lead, rarity)


def _alike(one: Profile, other: Profile, heads: float, lead: float, rarity: Rarity) -> float:
    if len(one.lead) < BARE or len(other.lead) < BARE:
        # Only the headlines can tell: they must be nearly the same, and not short.
        enough = min(len(one.headline), len(other.headline)) >= 4
        return heads if heads >= 0.7 and enough else 0.0
    whole = _overlap(one.whole, other.whole, rarity)
    named = (one.numbers | one.names) & (other.numbers | other.names)
    # A headline told again in nearly the same words, on the same day, over another text.
    again = heads >= 0.6 and lead >= 0.12 and abs(one.at - other.at) <= SAME_HEADLINE_WITHIN
    # Two figures of more than a digit that both texts give are hardly chance.
    counted = sum(word.isdigit() and len(word) > 1 for word in one.lead & other.lead) > 1
    told = lead >= (0.4 if counted and named else 0.6)
    same = again or told or whole >= (0.36 if named else 0.5)
    return max(whole, lead) if same else 0.0


def _differ(one: Profile, other: Profile) -> bool:
    """Whether the headlines have days or names that don't agree, or the texts of two days days."""
    if one.days and other.days and one.days.isdisjoint(other.days):
        return True
    if abs(one.at - other.at) > SAME_HEADLINE_WITHIN:
        # What is told every day in the same words (weather, markets) names its day in the text.
        mine, its = one.days | (one.dek & DAYS), other.days | (other.dek & DAYS)
        if mine and its and mine.isdisjoint(its):
            return True
    return _each_has_its_own(one.names, other.names, one, other)


def _counts_differ(one: Profile, other: Profile) -> bool:
    """Whether the headlines have figures that don't agree."""
    if one.numbers and other.numbers and one.numbers.isdisjoint(other.numbers):
        return True
    return _each_has_its_own(one.numbers, other.numbers, one, other)


def _each_has_its_own(
    mine: frozenset[str], its: frozenset[str], one: Profile, other: Profile
) -> bool:
    return bool(mine - other.headline - other.lead) and bool(its - one.headline - one.lead)


def _cut_off(short: Profile, long: Profile) -> bool:
    at_least = 16 if short.cut else 40
    return len(short.key) >= at_least and long.key.startswith(short.key)


def _overlap(one: frozenset[str], other: frozenset[str], rarity: Rarity) -> float:
    """The weight of the words they share in the weight of all their words (Jaccard)."""
    union = rarity.of(one | other)
    return rarity.of(one & other) / union if union else 0.0


def _inside(one: Profile, other: Profile, rarity: Rarity) -> float:
    """How much of the shorter lead stands in the longer one."""
    short, long = sorted((one.lead, other.lead), key=len)
    if len(short) < 12:
        return 0.0
    return rarity.of(short & long) / rarity.of(short)
