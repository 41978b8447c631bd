"""The values of a selection: what goes in, what was decided, what comes out."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from fnmatch import fnmatchcase

from digest.articles import Article, Image


@dataclass(frozen=True, slots=True)
class Candidate:
    """An article of the archive. `changed`: when its content last changed, at first `first_seen`.

    Both in UTC. An article that names no date counts from when it was first seen.
    """

    article: Article
    first_seen: datetime
    changed: datetime

    @property
    def moment(self) -> datetime:
        """When it was published, as far as is known."""
        return self.article.published or self.first_seen


@dataclass(frozen=True, slots=True)
class Carried:
    """A story that the issue `number`, prepared `at`, carried: as it was then, without its body."""

    number: int
    article: Article
    at: datetime


@dataclass(frozen=True, slots=True)
class Decision:
    """What an editor decided about one article, or about the story that it tells.

    `pinned`: it goes in, whatever its age, limits and sources. `section`: where it stands.
    `position` counts from 1 in its section. `again`: a story that was carried comes back as
    updated. `headline` and `dek` take the place of the article's own.
    """

    fingerprint: str
    by: str
    at: datetime
    pinned: bool = False
    section: str = ""
    position: int | None = None
    excluded: bool = False
    why: str = ""
    headline: str = ""
    dek: str = ""
    again: bool = False


@dataclass(frozen=True, slots=True)
class Match:
    """Which articles belong somewhere. Any pattern is enough; `*` stands for anything."""

    sections: tuple[str, ...] = ()
    categories: tuple[str, ...] = ()
    urls: tuple[str, ...] = ()
    sources: tuple[str, ...] = ()
    sectors: tuple[str, ...] = ()

    def takes(self, article: Article, sectors: Iterable[str] = ()) -> bool:
        """Whether a pattern fits; upper and lower case make no difference."""
        return (
            _any((article.section,), self.sections)
            or _any(article.categories, self.categories)
            or _any((article.url,), self.urls)
            or _any((article.source,), self.sources)
            or _any((*article.sectors, *sectors), self.sectors)
        )


@dataclass(frozen=True, slots=True)
class SectionRule:
    """A section: at most `limit` stories; with fewer than `at_least` it is left out."""

    name: str
    limit: int
    match: Match = Match()
    at_least: int = 0

    def takes(self, article: Article, sectors: Iterable[str] = ()) -> bool:
        """Whether the article belongs here: by its section or category of this name, or a match."""
        own = (self.name.casefold(),)
        return (
            article.section.casefold() in own
            or any(category.casefold() in own for category in article.categories)
            or self.match.takes(article, sectors)
        )


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

    `per_source` limits the stories of one source in the issue, `per_day` those of one calendar
    day (in `timezone`) in a section, as long as other days have some; 0 sets no limit.
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


@dataclass(frozen=True, slots=True)
class Other:
    """Another article that tells the same story."""

    source: str
    headline: str
    url: str


@dataclass(frozen=True, slots=True)
class Story:
    """What selection makes of one or more articles about the same thing; `article` is in front.

    The editor's headline and dek stand beside the article's own, which is kept. `updated`: an
    earlier issue had it, and an editor lets it in again.
    """

    article: Article
    others: tuple[Other, ...] = ()
    edited_headline: str = ""
    edited_dek: str = ""
    updated: bool = False
    sectors: tuple[str, ...] = ()

    @property
    def headline(self) -> str:
        """The editor's, else the article's."""
        return self.edited_headline or self.article.headline

    @property
    def dek(self) -> str:
        """The editor's, else the article's."""
        return self.edited_dek or self.article.dek

    @property
    def url(self) -> str:
        """Of the article in front."""
        return self.article.url

    @property
    def byline(self) -> str:
        """Of the article in front."""
        return self.article.byline

    @property
    def published(self) -> datetime | None:
        """Of the article in front, in UTC."""
        return self.article.published

    @property
    def image(self) -> Image:
        """Of the article in front."""
        return self.article.image

    @property
    def section(self) -> str:
        """As the article's source calls it; where the story stands is told by its Section."""
        return self.article.section

    @property
    def attribution(self) -> str:
        """Of the article in front."""
        return self.article.attribution

    @property
    def body(self) -> str:
        """Of the article in front; empty in an issue."""
        return self.article.body

    @property
    def language(self) -> str:
        """Of the article in front."""
        return self.article.language

    @property
    def source(self) -> str:
        """Of the article in front."""
        return self.article.source

    @property
    def fingerprint(self) -> str:
        """Of the article in front."""
        return self.article.fingerprint


@dataclass(frozen=True, slots=True)
class Section:
    """A heading of the issue and the stories under it, in the order of the mail; never empty."""

    name: str
    stories: tuple[Story, ...]


@dataclass(frozen=True, slots=True)
class Trend:
    """An entry of the Trending list, the briefs, or Latest. `url` is "" where none is known."""

    headline: str
    url: str = ""
    section: str = ""


@dataclass(frozen=True, slots=True)
class Verdict:
    """What became of one candidate: the section it is kept in, or why it was dropped.

    `score` is None for what was never weighed.
    """

    article: Article
    kept: bool
    reason: str
    score: float | None = None


@dataclass(frozen=True, slots=True)
class Selection:
    """The stories by section (empty sections left out), the lists, a verdict for each candidate."""

    sections: tuple[Section, ...]
    trending: tuple[Trend, ...]
    verdicts: tuple[Verdict, ...]
    briefs: tuple[Trend, ...] = ()
    latest: tuple[Trend, ...] = ()


def _any(values: Iterable[str], patterns: Iterable[str]) -> bool:
    folded = [pattern.casefold() for pattern in patterns if pattern]
    return any(fnmatchcase(value.casefold(), p) for value in values for p in folded)
