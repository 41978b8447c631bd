"""Issue and Edition: the stories of one number, and the cut of it that equal preferences share.

Pure values. Never here: choosing the stories (selection), how they look (rendering).
"""

import hashlib
import re
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import datetime

from digest.selection import TRENDING as TRENDING
from digest.selection import Section, Story, Trend
from subscribers.preferences import Preferences

SECOND = "#2"  # at the end of the key of an edition with the second subject


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
    feedback_url: str = ""


@dataclass(frozen=True, slots=True)
class Issue:
    """One numbered, dated number of a newsletter, as it is approved. `at` is aware and in UTC.

    `order` names the newsletter's sections as they follow each other, those without a story too.
    Where there is a `second_subject`, half of the readers get that one.
    """

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
    order: tuple[str, ...] = ()
    second_subject: str = ""

    @property
    def stories(self) -> tuple[Story, ...]:
        """All stories, in the order of the mail."""
        return tuple(story for section in self.sections for story in section.stories)

    @property
    def without_trending(self) -> "Issue":
        """The issue as those read it who leave Trending out; itself where they miss no story."""
        if not any(trend.story and trend.home for trend in self.trending):
            return self
        return replace(self, sections=_with_trending(self), trending=())


@dataclass(frozen=True, slots=True)
class Edition:
    """An issue cut for all readers with equal preferences; rendered once.

    `sections` are those that were chosen and have stories, `sectors` those that stories were left
    out for. `key` is the same for equal cuts of
    the same issue and names the edition in the ledger. `complete` tells that nothing was cut.
    `language` is a BCP 47 tag; "" is the issue's own. `second`: with the issue's second subject.
    """

    issue: Issue
    sections: tuple[Section, ...]
    trending: tuple[Trend, ...]
    format: str = "html"
    complete: bool = field(default=True, compare=False)
    language: str = ""
    sectors: tuple[str, ...] = ()
    second: bool = False

    @property
    def key(self) -> str:
        """For instance "html:Global+Opinion+Trending", or "text:Global@ar#2"."""
        names = [section.name for section in self.sections] + [TRENDING] * bool(self.trending)
        own = self.spoken == self.issue.language
        cut = "+".join(map(_without_signs, names))
        only = f"; {'+'.join(map(_without_signs, self.sectors))}" if self.sectors else ""
        spoken = "" if own else f"@{_without_signs(self.spoken)}"
        return f"{self.format}:{cut}{only}{spoken}" + (SECOND if self.second else "")

    @property
    def spoken(self) -> str:
        """The language that it is rendered in: a BCP 47 tag."""
        return self.language or self.issue.language

    @property
    def stories(self) -> tuple[Story, ...]:
        """All stories of the cut, in the order of the mail."""
        return tuple(story for section in self.sections for story in section.stories)


def cut(issue: Issue, preferences: Preferences) -> Edition | None:
    """The edition for these preferences; None where nothing is left to read: then no mail goes.

    Who leaves Trending out misses nothing: its stories stand at the head of their own sections.
    """
    both = preferences.wants(TRENDING)
    trending = issue.trending if both else ()
    filled = issue.sections if both else _with_trending(issue)
    wanted = [section for section in filled if preferences.wants(section.name)]
    sections = tuple(s for section in wanted if (s := _followed(section, preferences)).stories)
    if not sections and not trending:
        return None
    complete = sections == issue.sections and trending == issue.trending
    left_out = sum(len(s.stories) for s in wanted) > sum(len(s.stories) for s in sections)
    sectors = tuple(sorted(preferences.sectors or ())) if left_out else ()
    return Edition(issue, sections, trending, preferences.format, complete, sectors=sectors)


def subject_for(edition: Edition, subscriber: int) -> Edition:
    """The edition with the subject that this reader gets: of two, half of the readers each.

    Whoever got the second of one issue may get the first of the next; the same reader gets the
    same subject whenever the issue is sent.
    """
    issue = edition.issue
    if not issue.second_subject:
        return edition
    name = f"{issue.newsletter}/{issue.number}/{subscriber}"
    return replace(edition, second=bool(hashlib.sha256(name.encode()).digest()[0] & 1))


def _followed(section: Section, preferences: Preferences) -> Section:
    """The section with the stories of the sectors that a reader follows, and those of none."""
    # A story has those of its page, and those that the settings find.
    told = ((story, (*story.article.sectors, *story.sectors)) for story in section.stories)
    kept = tuple(story for story, sectors in told if preferences.follows(sectors))
    return section if len(kept) == len(section.stories) else replace(section, stories=kept)


def _with_trending(issue: Issue) -> tuple[Section, ...]:
    """The sections in their order, each with its trending stories first."""
    heads: dict[str, tuple[Story, ...]] = {section.name: () for section in issue.sections}
    for trend in issue.trending:
        if trend.story and trend.home:
            heads[trend.home] = (*heads.get(trend.home, ()), trend.story)
    own = {section.name: section.stories for section in issue.sections}
    places = {name: place for place, name in enumerate(issue.order)}
    names = sorted(heads, key=lambda name: places.get(name, len(places)))
    return tuple(Section(name, (*heads[name], *own.get(name, ()))) for name in names)


def _without_signs(name: str) -> str:
    # A section called "A+B" is not the sections A and B.
    return re.sub("[%+@#]", lambda sign: f"%{ord(sign[0]):02X}", name)


def section_names(issues: Iterable[Issue]) -> tuple[str, ...]:
    """The names a reader can choose among, in the order in which they were first seen."""
    known = tuple(issues)
    names = [s.name for issue in known for s in _with_trending(issue)]
    names += [TRENDING for issue in known if issue.trending]
    return tuple(dict.fromkeys(names))
