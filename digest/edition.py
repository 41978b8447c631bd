"""Issue and Edition: the stories of one number, and the cut of it that equal preferences share.

Pure values. Never here: choosing the stories (selection), how they look (rendering).
"""

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import datetime

from digest.selection import Section, Story, Trend
from subscribers.preferences import Preferences

TRENDING = "Trending"


@dataclass(frozen=True, slots=True)
class Publisher:
    """Who sends: what the masthead and the footer say."""

    name: str
    postal_address: str
    url: str = ""
    email: str = ""
    phone: str = ""
    terms_url: str = ""
    links: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Issue:
    """One numbered, dated number of a newsletter, as it is approved. `at` is aware and in UTC."""

    newsletter: str
    title: str
    number: int
    at: datetime
    timezone: str
    language: str
    publisher: Publisher
    sections: tuple[Section, ...]
    trending: tuple[Trend, ...] = ()
    briefs: tuple[Trend, ...] = ()
    latest: tuple[Trend, ...] = ()
    subject: str = ""
    preheader: str = ""
    note: str = ""

    @property
    def stories(self) -> tuple[Story, ...]:
        """All stories, in the order of the mail."""
        return tuple(story for section in self.sections for story in section.stories)


@dataclass(frozen=True, slots=True)
class Edition:
    """An issue cut for all readers with equal preferences; rendered once.

    `sections` are those that were chosen and have stories, `sectors` those that stories were left
    out for. `key` is the same for equal cuts of
    the same issue and names the edition in the ledger. `complete` tells that nothing was cut.
    """

    issue: Issue
    sections: tuple[Section, ...]
    trending: tuple[Trend, ...]
    format: str = "html"
    complete: bool = field(default=True, compare=False)
    sectors: tuple[str, ...] = ()

    @property
    def key(self) -> str:
        """For instance "html:Global+Opinion+Trending"."""
        names = [section.name for section in self.sections] + [TRENDING] * bool(self.trending)
        only = f"; {'+'.join(self.sectors)}" if self.sectors else ""
        return f"{self.format}:{'+'.join(names)}{only}"

    @property
    def stories(self) -> tuple[Story, ...]:
        """All stories of the cut, in the order of the mail."""
        return tuple(story for section in self.sections for story in section.stories)


def cut(issue: Issue, preferences: Preferences) -> Edition | None:
    """The edition for these preferences; None where nothing is left to read: then no mail goes."""
    wanted = (s for s in issue.sections if preferences.wants(s.name))
    sections = tuple(s for section in wanted if (s := _followed(section, preferences)).stories)
    trending = issue.trending if preferences.wants(TRENDING) else ()
    if not sections and not trending:
        return None
    complete = sections == issue.sections and trending == issue.trending
    told = sum(len(s.stories) for s in issue.sections if preferences.wants(s.name))
    cut_by = () if told == sum(len(s.stories) for s in sections) else preferences.sectors or ()
    return Edition(issue, sections, trending, preferences.format, complete, tuple(sorted(cut_by)))


def _followed(section: Section, preferences: Preferences) -> Section:
    """The section with the stories of the sectors that a reader follows, and those of none."""
    kept = tuple(s for s in section.stories if preferences.follows(s.article.sectors))
    return section if len(kept) == len(section.stories) else replace(section, stories=kept)


def section_names(issues: Iterable[Issue]) -> tuple[str, ...]:
    """The names a reader can choose among, in the order in which they were first seen."""
    names = [s.name for issue in issues for s in issue.sections]
    names += [TRENDING for issue in issues if issue.trending]
    return tuple(dict.fromkeys(names))
