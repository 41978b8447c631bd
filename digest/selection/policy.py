"""The policy: which articles belong where, how many, and what counts how much.

Never here: what is done with it (filling, shortlist), and where it is written (settings).
"""

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime
from fnmatch import translate
from functools import cached_property

from digest.articles import Article


@dataclass(frozen=True)
class Match:
    """Which articles belong somewhere. Any pattern is enough; `*` stands for anything."""

    sections: tuple[str, ...] = ()
    categories: tuple[str, ...] = ()
    urls: tuple[str, ...] = ()
    sources: tuple[str, ...] = ()
    sectors: tuple[str, ...] = ()

    def why(self, article: Article, sectors: Iterable[str] = ()) -> str:
        """What takes the article, for instance "category World"; "" where no pattern fits.

        Upper and lower case make no difference.
        """
        values = ((article.section,), article.categories, (article.url,), (article.source,),
                  (*article.sectors, *sectors))  # fmt: skip
        for (kind, patterns), found in zip(self._patterns, values, strict=True):
            folded = [value.casefold() for value in found] if patterns else ()
            for pattern, takes in patterns:
                if any(map(takes, folded)):
                    return f"{kind} {pattern}"
        return ""

    @cached_property
    def _patterns(self) -> list[tuple[str, list[tuple[str, Callable[[str], bool]]]]]:
        kinds = (("section", self.sections), ("category", self.categories), ("url", self.urls),
                 ("source", self.sources), ("sector", self.sectors))  # fmt: skip
        return [
            (kind, [(p, like(p.casefold())) for p in patterns if p]) for kind, patterns in kinds
        ]


def like(pattern: str) -> Callable[[str], bool]:
    """A test for the values that a pattern fits; both in lower case."""
    plain = pattern.strip("*")
    if re.search(r"[*?\[]", plain):
        compiled = re.compile(translate(pattern))
        return lambda value: compiled.match(value) is not None
    if pattern == plain:
        return pattern.__eq__
    if pattern == f"*{plain}*":
        return lambda value: plain in value
    return (lambda value: value.endswith(plain)) if pattern[0] == "*" else (
        lambda value: value.startswith(plain)
    )  # fmt: skip


@dataclass(frozen=True, slots=True)
class SectionRule:
    """A section: at most `limit` stories; with fewer than `at_least` it is left out."""

    name: str
    limit: int
    match: Match = Match()
    at_least: int = 0

    def why(self, article: Article, sectors: Iterable[str] = ()) -> str:
        """What takes the article: its section or category of this name, or a match; else ""."""
        own = self.name.casefold()
        if article.section.casefold() == own:
            return f"section {self.name}"
        if any(category.casefold() == own for category in article.categories):
            return f"category {self.name}"
        return self.match.why(article, sectors)


@dataclass(frozen=True, slots=True)
class SectorRule:
    """A topic that readers can follow, and which articles belong to it."""

    name: str
    match: Match


@dataclass(frozen=True, slots=True)
class Weights:
    """What a story's score adds up from: each part lies between 0 and 1 before it is weighed."""

    freshness: float = 1.0
    trend: float = 0.5
    coverage: float = 0.5


@dataclass(frozen=True, slots=True)
class Policy:
    """The window reaches from `since` (excluded) to `until` (included), both in UTC.

    `per_source` limits the stories of one source in all sections together (Trending does
    not count), `per_day` those of one calendar day (in `timezone`) in a section, as long as other
    days have some; 0 sets no limit.
    """

    since: datetime
    until: datetime
    sections: tuple[SectionRule, ...]
    sectors: tuple[SectorRule, ...] = ()
    trending_limit: int = 4
    brief_limit: int = 5
    latest_limit: int = 5
    per_source: int = 0
    per_day: int = 0
    timezone: str = "UTC"
    weights: Weights = Weights()

    def place(self, article: Article) -> tuple[SectionRule | None, str]:
        """The first section that takes the article, and what of it does; None where none does."""
        sectors = self.sectors_of(article)
        for rule in self.sections:
            if why := rule.why(article, sectors):
                return rule, why
        return None, ""

    def sectors_of(self, article: Article) -> tuple[str, ...]:
        """The page's own sectors, then those that the settings find."""
        found = (rule.name for rule in self.sectors if rule.match.why(article))
        return tuple(dict.fromkeys((*article.sectors, *found)))

    @property
    def url_patterns(self) -> tuple[str, ...]:
        """Every pattern that an address is compared with, in lower case."""
        matches = [rule.match for rule in self.sections] + [rule.match for rule in self.sectors]
        return tuple(dict.fromkeys(url.casefold() for match in matches for url in match.urls))

    def freshness(self, moment: datetime) -> float:
        """From 1 at the window's end to 0 at its beginning."""
        return self.fresh((self.until - moment).total_seconds())

    def fresh(self, age: float) -> float:
        """The same by age in seconds."""
        span = (self.until - self.since).total_seconds()
        return min(1.0, max(0.0, 1 - age / span)) if span else 0.0


def coverage(sources: int) -> float:
    """0 with one source, nearing 1 with many."""
    return 1 - 1 / sources
