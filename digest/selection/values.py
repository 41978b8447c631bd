"""The values of a selection: what goes in, what was decided, what comes out.

Never here: the policy, and what is done with any of these.
"""

from dataclasses import dataclass
from datetime import datetime

from digest.articles import Article, Image, shortened

TRENDING = "Trending"
"""The numbered list, where it is named as a section is."""


@dataclass(frozen=True, slots=True)
class Candidate:
    """An article of the archive. `changed`: when its content last changed, at first `first_seen`.

    Both in UTC. An article that names no date counts from when it was first seen. Articles that
    tell the same `story` have its number; 0 where it was not compared with others.
    """

    article: Article
    first_seen: datetime
    changed: datetime
    story: int = 0

    @property
    def moment(self) -> datetime:
        """When it was published, as far as is known."""
        return self.article.published or self.first_seen


@dataclass(frozen=True, slots=True)
class Carried:
    """A story that the issue `number`, prepared `at`, carried: as it was then, without its body.

    Of what merely stood in a list the `article` has but headline, address and section.
    """

    number: int
    article: Article
    at: datetime
    story: int = 0


@dataclass(frozen=True, slots=True)
class Decision:
    """What an editor decided about one article, or about the story that it tells.

    `pinned`: it goes in, whatever its age, limits and sources. `section`: where it stands; that
    may be Trending. `position` counts from 1 in its section. `again`: a story that was carried
    comes back as updated. `headline`, `dek` and `image` take the place of the article's own; an
    image without an address is none.
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
    image: Image | None = None

    @property
    def held(self) -> bool:
        """Whether the story goes in, whatever its age and the limits: pinned, or given a place."""
        return self.pinned or self.position is not None

    @property
    def trends(self) -> bool:
        """Whether an editor wants it in Trending."""
        return self.held and self.section == TRENDING


@dataclass(frozen=True, slots=True)
class Other:
    """Another article that tells the same story."""

    source: str
    headline: str
    url: str


@dataclass(frozen=True, slots=True)
class Story:
    """What selection makes of one or more articles about the same thing; `article` is in front.

    The editor's headline, dek and image stand beside the article's own, which is kept. `updated`:
    an earlier issue had it, and an editor lets it in again.
    """

    article: Article
    others: tuple[Other, ...] = ()
    edited_headline: str = ""
    edited_dek: str = ""
    updated: bool = False
    sectors: tuple[str, ...] = ()
    edited_image: Image | None = None

    @property
    def headline(self) -> str:
        """The editor's, else the article's."""
        return self.edited_headline or self.article.headline

    @property
    def dek(self) -> str:
        """The editor's, else the article's: of a long one whole sentences up to 280 characters."""
        return self.edited_dek or shortened(self.article.dek)

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
        """The editor's choice, else the article's."""
        return self.article.image if self.edited_image is None else self.edited_image

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
    def sources(self) -> int:
        """How many sources tell it."""
        return len({self.article.source, *(other.source for other in self.others)})

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
    """An entry of the Trending list, the briefs, or Latest. `url` is "" where none is known.

    Where an article of the window is behind it, `story` is the whole of it and `home` the section
    that would have it, "" where none would: readers who leave Trending out find it there.
    """

    headline: str
    url: str = ""
    section: str = ""
    story: Story | None = None
    home: str = ""


@dataclass(frozen=True, slots=True)
class Score:
    """What a story weighs: the parts as they were weighed, and their sum."""

    freshness: float = 0.0
    trend: float = 0.0
    coverage: float = 0.0

    @property
    def total(self) -> float:
        """Rounded, so that the last digit of an addition decides nothing."""
        return round(self.freshness + self.trend + self.coverage, 6)


@dataclass(frozen=True, slots=True)
class Verdict:
    """What became of one candidate: where it is kept, or why it was dropped.

    `section` is the one that takes it ("" for none) and `rule` what of the article does; `score`
    is None for what was never weighed. `story` names the other articles of the same story.
    `decision` is the editors' word that was obeyed, `decided` the articles of the story at which
    it stands.
    """

    article: Article
    kept: bool
    reason: str
    score: Score | None = None
    section: str = ""
    rule: str = ""
    story: tuple[Other, ...] = ()
    decision: Decision | None = None
    decided: tuple[Article, ...] = ()


@dataclass(frozen=True, slots=True)
class Selection:
    """The stories by section (empty sections left out), the lists, a verdict for each candidate."""

    sections: tuple[Section, ...]
    trending: tuple[Trend, ...]
    verdicts: tuple[Verdict, ...]
    briefs: tuple[Trend, ...] = ()
    latest: tuple[Trend, ...] = ()

    @property
    def stories(self) -> tuple[Story, ...]:
        """All stories, those of the Trending list first."""
        trending = (trend.story for trend in self.trending if trend.story)
        return (*trending, *(story for section in self.sections for story in section.stories))
