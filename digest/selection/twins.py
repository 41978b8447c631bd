"""Twins: articles that tell the same story, found by their words.

Wire copies, rewritten headlines, headlines that were cut off, one article at two addresses.
Every article is compared with the first of each story so far (the leader), oldest first, so no
chain of small steps can join two stories; an index of the rarest words finds the few leaders
that are worth comparing. Pure; never here: which of the twins stands in front (choosing).
"""

import math
import re
import unicodedata
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from digest.articles import Article, headline_key

APART = timedelta(days=3)
# A headline that comes back every day ("Morning briefing") names another story the day after.
SAME_HEADLINE_WITHIN = timedelta(hours=20)
RAREST = 8
LEAD = 60  # words
WORD = re.compile(r"(?:\w|[\u0610-\u065f\u0900-\u0dff])+")  # vowel signs belong to their word
# Scripts that set no spaces between words: two neighbouring signs stand for a word.
UNSPACED = re.compile(r"[\u0e00-\u0e7f\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]+")
CUT = re.compile(r"(?:\.\.\.|…)\s*$")
# Two headlines that name different days tell of different days.
DAYS = frozenset(
    word
    for line in (
        "monday tuesday wednesday thursday friday saturday sunday",
        "january february march april june july august september october november december",
        "lunes martes miercoles jueves viernes sabado domingo",
        "lundi mardi mercredi jeudi vendredi samedi dimanche",
        "montag dienstag mittwoch donnerstag freitag samstag sonntag",
        "first second third fourth fifth",
    )
    for word in line.split()
)


@dataclass(frozen=True, slots=True)
class Profile:
    """What of an article is compared. `lead` is the beginning of what it says."""

    article: Article
    at: datetime
    key: str
    cut: bool
    headline: frozenset[str]
    dek: frozenset[str]
    lead: frozenset[str]
    numbers: frozenset[str]
    names: frozenset[str]


def profile(article: Article, at: datetime) -> Profile:
    """`at` is when it was published, in UTC."""
    headline = frozenset(_words(article.headline))
    dek = _words(article.dek)[:LEAD]
    lead = frozenset(dek) | frozenset(_words(article.body[:600])[: 2 * LEAD])
    numbers = frozenset(w for w in headline if w in DAYS or any(c.isdigit() for c in w))
    cut = bool(CUT.search(article.headline))
    key = headline_key(article.headline)
    names = frozenset(_proper_names(article.headline))
    return Profile(article, at, key, cut, headline, frozenset(dek), lead, numbers, names)


def stories(profiles: Sequence[Profile], leaders: int = 0) -> list[list[int]]:
    """Groups of numbers of `profiles`: those in one group tell the same story.

    The first `leaders` begin a story each, whatever they say. The result is ordered by first
    member and depends only on the order given.
    """
    weights = _weights(profiles)
    index: dict[str, list[int]] = defaultdict(list)
    groups: list[list[int]] = []
    for number, one in enumerate(profiles):
        near = Counter(group for name in _names(one, weights) for group in index[name])
        best = None
        if number >= leaders:
            best = _best(one, near, groups, profiles, weights)
        if best is None:
            groups.append([number])
            for name in _names(one, weights):
                index[name].append(len(groups) - 1)
        else:
            groups[best].append(number)
    return groups


def _best(
    one: Profile,
    near: Counter[int],
    groups: list[list[int]],
    profiles: Sequence[Profile],
    weights: dict[str, float],
) -> int | None:
    best, degree = None, 0.0
    for group, shared in sorted(near.items()):
        leader = profiles[groups[group][0]]
        if shared < 2 and leader.key != one.key:
            continue
        found = likeness(one, leader, weights)
        if found > degree:
            best, degree = group, found
    return best


def likeness(one: Profile, other: Profile, weights: dict[str, float]) -> float:
    """0 where they tell different stories, up to 1 where they are the same."""
    if one.article.fingerprint == other.article.fingerprint:
        return 1.0
    apart = abs(one.at - other.at)
    if apart > APART:
        return 0.0
    words = _overlap(one.dek, other.dek, weights)
    if one.key == other.key and len(one.key) >= 8:
        return 0.95 if apart <= SAME_HEADLINE_WITHIN or words > 0.4 else 0.0
    if _cut_off(one, other) or _cut_off(other, one):
        return 0.9
    differ = bool(one.numbers - other.numbers) and bool(other.numbers - one.numbers)
    heads = _overlap(one.headline, other.headline, weights)
    lead = max(words, 0.9 * _inside(one, other, weights))
    if differ:
        return lead if lead > 0.85 else 0.0
    if _names_others(one, other) and _names_others(other, one):
        return lead if lead > 0.5 else 0.0
    return _alike(one, other, heads, lead)


def _alike(one: Profile, other: Profile, heads: float, lead: float) -> float:
    if len(one.lead) < 6 or len(other.lead) < 6:
        # Only the headlines can tell: they must be nearly the same, and not short.
        enough = min(len(one.headline), len(other.headline)) >= 4
        return heads if heads >= 0.7 and enough else 0.0
    same = lead >= 0.6 or (heads + lead >= 0.8 and heads >= 0.25 and lead >= 0.22)
    return (heads + lead) / 2 if same else 0.0


def _cut_off(short: Profile, long: Profile) -> bool:
    at_least = 16 if short.cut else 40
    return len(short.key) >= at_least and long.key.startswith(short.key)


def _names_others(one: Profile, other: Profile) -> bool:
    """Whether one's headline names somebody or some place that the other says nothing of."""
    return bool(one.names - other.headline - other.lead)


def _overlap(one: frozenset[str], other: frozenset[str], weights: dict[str, float]) -> float:
    """The weight of the words they share in the weight of all their words (Jaccard)."""
    union = sum(weights.get(word, 1.0) for word in one | other)
    return sum(weights.get(word, 1.0) for word in one & other) / union if union else 0.0


def _inside(one: Profile, other: Profile, weights: dict[str, float]) -> float:
    """How much of the shorter lead stands in the longer one."""
    short, long = sorted((one.lead, other.lead), key=len)
    if len(short) < 10:
        return 0.0
    whole = sum(weights.get(word, 1.0) for word in short)
    return sum(weights.get(word, 1.0) for word in short & long) / whole


def _names(one: Profile, weights: dict[str, float]) -> list[str]:
    rare = sorted(one.headline, key=lambda word: (-weights[word], word))[:RAREST]
    rare += sorted(one.lead - one.headline, key=lambda word: (-weights[word], word))[:RAREST]
    # Twice each, because either alone is reason enough to compare.
    alone = [f"={one.key[:16]}", f"#{one.article.fingerprint}"]
    return [*rare, *alone, *alone]


def _weights(profiles: Sequence[Profile]) -> dict[str, float]:
    """The rarer a word among all articles, the more it tells (inverse document frequency)."""
    counts = Counter(word for one in profiles for word in one.headline | one.lead)
    return {word: math.log(1 + 2 * len(profiles) / count) for word, count in counts.items()}


def _proper_names(headline: str) -> list[str]:
    """The capitalised words of a headline but its first; none where all are written so."""
    words = re.findall(r"[^\W\d_]{3,}", headline)[1:]
    capitals = [word for word in words if word[0].isupper() and not word.isupper()]
    return [w for word in capitals for w in _words(word)] if 2 * len(capitals) <= len(words) else []


def _words(text: str) -> list[str]:
    folded = unicodedata.normalize("NFKD", text.casefold())
    # Latin accents don't tell words apart; the vowel signs of Indian scripts (Mc, Mn) do.
    folded = "".join(c for c in folded if not "\u0300" <= c <= "\u036f")
    words: list[str] = []
    for word in WORD.findall(unicodedata.normalize("NFC", folded)):
        if UNSPACED.search(word):
            words += [word[i : i + 2] for i in range(max(1, len(word) - 1))]
        elif len(word) > 2 or word.isdigit():
            words.append(word)
    return words
