"""What is published, as digest.toml says: the publisher, newsletters, sections, sources."""

import re
from datetime import date, timedelta
from typing import Literal

from pydantic import Field, model_validator

from digest.schedule import rhythm
from digest.settings.kinds import (
    Domain,
    Duration,
    Editor,
    Part,
    Slug,
    Tag,
    WebAddress,
    Zone,
    repeated,
)


class PublisherSettings(Part):
    """Who sends; the footer and the law need it."""

    name: str = Field(min_length=1)
    postal_address: str = Field(min_length=1, description="no issue is sent without it")
    url: WebAddress = ""
    email: str = ""
    phone: str = ""
    terms_url: WebAddress = ""
    feedback_id: str = Field(
        default="",
        pattern=r"^([A-Za-z0-9._-]{5,15})?$",
        description="who you are in Feedback-ID, 5 to 15 letters; default: made from the domain",
    )
    links: dict[str, WebAddress] = Field(default={}, description="shown in the footer")
    feedback_url: WebAddress = Field(default="", description="default: a page of three answers")


def _refuse_trending(sections: list[str]) -> None:
    # Readers choose the list by this name: a section of it could not be told from the list.
    if any(name.strip().casefold() == "trending" for name in sections):
        raise ValueError("Trending is the numbered list's own name: call the section otherwise")


class ScheduleSettings(Part):
    """When issues come out; read by `digest run`."""

    every: str = Field(
        description='"monday 07:00", "weekday 18:30", "monday, thursday 07:00" or, once a month, '
        '"first friday 07:00", "last day 07:00", "day 15 07:00"; in the newsletter\'s time zone'
    )
    at: Literal["newsletter", "local"] = Field(
        default="newsletter",
        description="whose clock; local: each reader gets it when their own shows that time",
    )
    except_: tuple[date, ...] = Field(
        default=(), alias="except", description='days without an issue: ["2026-12-25"]'
    )
    editors: tuple[Editor, ...] = Field(
        default=(), description='who gets the notices: ["editor@example.org"]'
    )
    approval: Literal["required", "auto"] = "required"
    draft: Duration = Field(
        default=timedelta(hours=24), description="how long before, a draft is prepared"
    )
    remind: Duration = Field(
        default=timedelta(hours=4),
        description="how long before, the editors are reminded to approve",
    )
    report: bool = Field(
        default=True, description="the editors are told how it went, when an issue has been sent"
    )
    late_at_most: Duration = Field(
        default=timedelta(hours=12), description="later than this it is skipped"
    )
    stories_at_least: int = Field(default=1, ge=1, description="with fewer there is no issue")
    collect: Duration = Field(default=timedelta(hours=1), description="how often sources are read")


class MatchSettings(Part):
    """Which articles belong to a section or sector; `*` stands for anything."""

    sections: tuple[str, ...] = ()
    categories: tuple[str, ...] = ()
    urls: tuple[str, ...] = ()
    sources: tuple[str, ...] = ()
    sectors: tuple[str, ...] = ()


class SectionSettings(Part):
    """A section, in the order of the mail."""

    name: str = Field(min_length=1)
    limit: int = Field(default=6, ge=1, le=50)
    at_least: int = Field(default=0, ge=0, description="with fewer stories it is left out")
    match: MatchSettings = MatchSettings()


class SectorSettings(Part):
    """A topic that readers can follow, beside those that pages name themselves."""

    name: str = Field(min_length=1)
    match: MatchSettings


class TrendingSettings(Part):
    """The numbered list: of the pages and ranked feeds, else of what most sources tell."""

    limit: int = Field(default=4, ge=0, le=20)


class NewsletterSettings(Part):
    """A publication; a publisher may have several."""

    title: str = Field(min_length=1)
    from_: str = Field(alias="from", description='"The Week <weekly@news.example.org>"')
    list_id: Domain = Field(description="never change it: mail programs file by it (RFC 2919)")
    reply_to: str = Field(default="", description="where answers go; default: to from")
    precedence: Literal["bulk", "list", "none"] = Field(
        default="bulk", description="what vacation programs heed; none: no such header"
    )
    language: Tag = Field(default="en", description="of the mail: en, en-US, ar, es, fr, hi, …")
    timezone: Zone = Field(default="UTC", description="of the schedule and of printed dates")
    window: Duration = Field(
        default=timedelta(days=7), description="how far back articles are taken"
    )
    per_source: int = Field(
        default=0, ge=0, description="of one source, in all sections together; 0: no limit"
    )
    per_day: int = Field(
        default=0, ge=0, description="of one day in a section, while others have some; 0: no limit"
    )
    weekly_of: Slug | Literal[""] = Field(
        default="",
        description="it is the weekly edition of that newsletter, for its readers who chose weekly",
    )
    schedule: ScheduleSettings | None = None
    trending: TrendingSettings = TrendingSettings()
    section: tuple[SectionSettings, ...] = ()

    @model_validator(mode="after")
    def _consistent(self) -> "NewsletterSettings":
        if not re.fullmatch(r"[^<>\r\n]*<[^<>@\s]+@[^<>@\s]+>|[^<>@\s]+@[^<>@\s]+", self.from_):
            raise ValueError('from is written "The Week <weekly@news.example.org>"')
        if self.schedule:
            rhythm(self.schedule.every, self.timezone, self.schedule.except_)
        if twice := repeated(section.name.casefold() for section in self.section):
            called = (s.name for s in self.section if s.name.casefold() == twice)
            names = " and ".join(dict.fromkeys(called))
            raise ValueError(f"two sections have the same name: {names}")
        _refuse_trending([section.name for section in self.section])
        return self


class SourceSettings(Part):
    """A feed, an article page, or a folder of saved pages."""

    name: str = Field(min_length=1)
    feed: str = Field(default="", description="URL or file")
    page: str = Field(default="", description="URL or file")
    folder: str = Field(default="", description="of saved pages: .html, .txt or .md")
    section: str = Field(default="", description="where its articles go")
    timezone: Zone = Field(default="UTC", description="for dates that name none")
    ranked: bool = Field(default=False, description="its order is a list of what is trending")
    private: bool = Field(default=False, description="its host may be in a private network")

    @model_validator(mode="after")
    def _one_place(self) -> "SourceSettings":
        if sum(map(bool, (self.feed, self.page, self.folder))) != 1:
            raise ValueError("a source has exactly one of feed, page or folder")
        if not (self.name + self.feed + self.page + self.folder).isprintable():
            raise ValueError("a source's name and place hold no control characters")
        if self.ranked and not self.feed:
            raise ValueError("only a feed can be ranked; a page's own lists are read without it")
        _refuse_trending([self.section])
        return self
