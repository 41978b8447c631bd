"""The tables of digest.toml: each class is one, and its fields are the contract."""

import re
from datetime import date, timedelta
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, SecretStr, model_validator

from digest.errors import SettingsError
from digest.schedule import rhythm
from digest.settings.kinds import (
    Domain,
    Duration,
    Editor,
    Name,
    Part,
    Rate,
    Slug,
    Tag,
    WebAddress,
    Zone,
    repeated,
)
from digest.theme import Theme
from subscribers.limiting import TESTS

SECRETS_FILE = "digest.env"
PolicyName = Literal["on_ambiguous", "expire", "log_addresses"]
POLICIES: tuple[PolicyName, ...] = ("on_ambiguous", "expire", "log_addresses")
"""What [relay] says for all relays."""


# RFC 2142's names for those who keep a network, and what machines answer to. Not "info" or
# "office": in a small house that is somebody's only address.
OFFICES = (
    "abuse", "devnull", "do-not-reply", "donotreply", "ftp", "hostmaster", "mailer-daemon",
    "no-reply", "noc", "noreply", "null", "phishing", "postmaster", "root", "security", "spam",
    "unsubscribe", "usenet", "uucp", "webmaster", "www",
)  # fmt: skip
PASSING = (
    "10minutemail.com", "dispostable.com", "fakeinbox.com", "getnada.com", "grr.la",
    "guerrillamail.com", "guerrillamail.net", "guerrillamail.org", "guerrillamailblock.com",
    "maildrop.cc", "mailinator.com", "mailnesia.com", "mintemail.com", "mohmal.com",
    "sharklasers.com", "spamgourmet.com", "temp-mail.org", "tempail.com", "throwawaymail.com",
    "trashmail.com", "yopmail.com", "yopmail.fr", "yopmail.net",
)  # fmt: skip
Day = Annotated[int, Field(ge=1)]


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


class DatabaseSettings(Part):
    """SQLite for one machine, PostgreSQL for more."""

    url: str = Field(default="sqlite:///digest.db", description="or postgresql+psycopg://…")


class RelaySettings(Part):
    """The SMTP server that takes our mail."""

    host: str = "127.0.0.1"
    port: int = Field(default=25, ge=1, le=65535)
    security: Literal["starttls", "tls", "none"] = Field(
        default="starttls", description="none: only on loopback"
    )
    connections: int = Field(default=20, ge=1, le=500)
    messages_per_connection: int = Field(default=500, ge=1, description="then a new one is opened")
    on_ambiguous: Literal["resend", "hold"] = Field(
        default="resend", description="when the reply to the final dot never came"
    )
    expire: Duration = Field(default=timedelta(hours=24), description="when retrying ends")
    log_addresses: Literal["full", "domain", "none"] = Field(
        default="domain", description="how much of a reader's address the log shows"
    )
    weight: int = Field(
        default=1, ge=1, le=1000, description="its share where there are several relays"
    )
    rate: Rate = Field(default="0", description='at most "10/s", "600/m" or "1000/h"; 0: no limit')
    daily: int = Field(default=0, ge=0, description="messages on one day (UTC); 0: no limit")
    concurrency: int = Field(
        default=0, ge=0, description="connections of all senders together; 0: no limit"
    )
    warm_up: tuple[Day, ...] = Field(
        default=(), description="messages on each day from warm_up_from on: [50, 100, 500, 1000]"
    )
    warm_up_from: date | Literal[""] = Field(default="", description='for instance "2026-12-01"')
    username: SecretStr = SecretStr("")
    password: SecretStr = SecretStr("")

    @model_validator(mode="after")
    def _never_in_clear(self) -> "RelaySettings":
        if self.security == "none" and self.host not in {"127.0.0.1", "localhost", "::1"}:
            raise ValueError('security = "none" is allowed for a relay on this machine only')
        _plan_has_a_beginning(self)
        return self


class DomainSettings(Part):
    """What the readers' domains are given, each for itself; "*" is any other domain."""

    rate: Rate = Field(default="0", description='at most "10/s", "600/m" or "1000/h"; 0: no limit')
    daily: int = Field(default=0, ge=0, description="messages on one day (UTC); 0: no limit")
    concurrency: int = Field(default=0, ge=0, description="messages under way; 0: no limit")
    warm_up: tuple[Day, ...] = Field(
        default=(), description="messages on each day from warm_up_from on: [50, 100, 500, 1000]"
    )
    warm_up_from: date | Literal[""] = Field(default="", description='for instance "2026-12-01"')

    @model_validator(mode="after")
    def _whole(self) -> "DomainSettings":
        _plan_has_a_beginning(self)
        return self


def _plan_has_a_beginning(told: RelaySettings | DomainSettings) -> None:
    if bool(told.warm_up) != bool(told.warm_up_from):
        raise ValueError("warm_up and warm_up_from go together")


class BrakeSettings(Part):
    """When an issue pauses itself, because something is wrong with it or with the list."""

    first: int = Field(
        default=1000, ge=0, description="looked at among the first so many readers; 0: no brake"
    )
    refused: float = Field(default=10.0, gt=0, le=100, description="more of them, in percent")
    complaints: float = Field(
        default=0.5, gt=0, le=100, description="of those who were sent it, in percent; at least 3"
    )


class DkimSettings(Part):
    """Signs all mail once key_file is set; `digest dkim generate` writes a key."""

    domain: str = Field(default="", description="of the newsletter's from, or one above it")
    selector: Domain = Field(default="digest1", description="a new one for each new key")
    key_file: str = Field(default="", description="beside digest.toml, for instance dkim.pem")
    ed25519_selector: str = Field(
        default="", description="a second signature: leave it off, some providers refuse it"
    )
    ed25519_key_file: str = ""

    @model_validator(mode="after")
    def _whole(self) -> "DkimSettings":
        if (self.key_file or self.ed25519_key_file) and not self.domain:
            raise ValueError("key_file needs domain beside it")
        if bool(self.ed25519_key_file) != bool(self.ed25519_selector):
            raise ValueError("ed25519_key_file and ed25519_selector go together")
        if self.ed25519_key_file and not self.key_file:
            raise ValueError("Ed25519 alone is not enough: set key_file to an RSA key, too")
        return self


class WebSettings(Part):
    """The pages that the links in the mail lead to."""

    base_url: WebAddress = Field(
        default="http://127.0.0.1:8000",
        description="https, or no one-click header is written",
    )
    tests_an_hour: int = Field(
        default=TESTS["desk-tests"][0],
        ge=1,
        description="test mails that one editor may send from the desk",
    )
    secret: SecretStr = SecretStr("")


class BouncesSettings(Part):
    """Where bounces go, where they are read, and when they suppress an address."""

    domain: str = Field(
        default="", description="of the envelope sender (VERP); default: that of from"
    )
    maildir: str = Field(default="", description="read by `digest bounces read`")
    imap: str = Field(default="", description="host of the mailbox, with :port if it is not 993")
    mailbox: str = "INBOX"
    security: Literal["tls", "starttls", "none"] = Field(
        default="tls", description="none: only on loopback"
    )
    hard: int = Field(default=1, ge=0, description="days with a dead address until it is one")
    issues: int = Field(default=3, ge=0, description="not arrived in a row until suppression")
    score: float = Field(default=5.0, ge=0, description="one a day with a failure; 0: no score")
    stale: Duration = Field(default=timedelta(days=7), description="when a score is forgotten")
    username: SecretStr = SecretStr("")
    password: SecretStr = SecretStr("")
    ses: SecretStr = SecretStr("")
    postmark: SecretStr = SecretStr("")
    mailgun: SecretStr = SecretStr("")
    sendgrid: SecretStr = SecretStr("")

    @model_validator(mode="after")
    def _never_in_clear(self) -> "BouncesSettings":
        host = self.imap.rpartition(":")[0] or self.imap
        if self.security == "none" and host not in {"", "127.0.0.1", "localhost", "[::1]"}:
            raise ValueError('security = "none" is allowed for a mailbox on this machine only')
        return self

    def secret_of(self, provider: str) -> str:
        """What was agreed with a provider; "" for none."""
        found = getattr(self, provider, None)
        return found.get_secret_value() if isinstance(found, SecretStr) else ""


class JoiningSettings(Part):
    """Who may join by the pages, and from when on a flood of sign-ups is told."""

    refused_names: tuple[Name, ...] = Field(
        default=OFFICES, description="before the @: of offices and machines, not of persons"
    )
    refused_domains: tuple[Domain, ...] = Field(
        default=PASSING, description="behind the @, and what is below: mailboxes for an hour"
    )
    alarm_at: int = Field(
        default=200, ge=0, description="sign-ups in an hour that the editors are told of; 0: never"
    )


class PrivacySettings(Part):
    """How long what need not be kept is kept; 0 keeps none of it."""

    ip_days: int = Field(default=365, ge=0, description="IP address and program of who consented")
    report_days: int = Field(default=90, ge=1, description="the bytes of bounces")


class Settings(Part):
    """Everything, as digest.toml and the environment say; `folder` is where digest.toml stands."""

    folder: Path
    publisher: PublisherSettings
    newsletter: dict[Slug, NewsletterSettings] = Field(min_length=1)
    source: tuple[SourceSettings, ...] = ()
    sector: tuple[SectorSettings, ...] = ()
    database: DatabaseSettings = DatabaseSettings()
    relay: RelaySettings = RelaySettings()
    relays: dict[Slug, RelaySettings] = Field(default={})
    domains: dict[str, DomainSettings] = Field(default={})
    brake: BrakeSettings = BrakeSettings()
    dkim: DkimSettings = DkimSettings()
    web: WebSettings = WebSettings()
    bounces: BouncesSettings = BouncesSettings()
    theme: Theme = Theme()
    joining: JoiningSettings = JoiningSettings()
    privacy: PrivacySettings = PrivacySettings()

    @model_validator(mode="after")
    def _names_differ(self) -> "Settings":
        if twice := repeated(source.name for source in self.source):
            raise ValueError(f"two sources have the same name: {twice}")
        return self

    @model_validator(mode="after")
    def _relays_differ(self) -> "Settings":
        for name, relay in self.relays.items():
            for field in POLICIES:
                if field in relay.model_fields_set:
                    raise ValueError(f"{field} holds for all relays: say it in [relay], not {name}")
        if twice := repeated(f"{r.host}:{r.port}" for r in self.carriers):
            raise ValueError(f"two relays are the same: {twice}")
        for domain in self.domains:
            if domain != "*" and (domain != domain.lower() or "@" in domain):
                raise ValueError(f'domains.{domain}: a domain is written "gmail.com", in small')
        return self

    @model_validator(mode="after")
    def _weekly_of_one(self) -> "Settings":
        weekly = {name: told.weekly_of for name, told in self.newsletter.items() if told.weekly_of}
        for name, daily in weekly.items():
            if daily not in self.newsletter:
                raise ValueError(f"newsletter.{name} is weekly_of {daily}, which is no newsletter")
            if daily in weekly:
                raise ValueError(f"newsletter.{name} is weekly_of {daily}, which is weekly itself")
        if twice := repeated(weekly.values()):
            raise ValueError(f"newsletter.{twice} has two weekly editions: one is enough")
        return self

    @property
    def lists(self) -> dict[str, NewsletterSettings]:
        """The newsletters that one subscribes to: all but weekly editions."""
        return {name: told for name, told in self.newsletter.items() if not told.weekly_of}

    def list_of(self, newsletter: str) -> str:
        """The newsletter whose subscribers get this one: itself, unless it is a weekly edition."""
        told = self.newsletter.get(newsletter)
        return (told and told.weekly_of) or newsletter

    def weekly_edition(self, newsletter: str) -> str:
        """The newsletter that is this one's weekly edition; "" for none."""
        return next((n for n, told in self.newsletter.items() if told.weekly_of == newsletter), "")

    @property
    def carriers(self) -> tuple[RelaySettings, ...]:
        """The relays that take issues: [relay], unless it says no host and there are others."""
        named = tuple(self.relays.values())
        return (self.relay, *named) if "host" in self.relay.model_fields_set or not named else named

    @property
    def keys(self) -> tuple[bytes, ...]:
        """The signing keys, newest first. Raises SettingsError where there is none."""
        keys = tuple(
            k.encode() for k in re.split(r"[,\s]+", self.web.secret.get_secret_value()) if k
        )
        if not keys or any(len(key) < 16 for key in keys):
            raise SettingsError(
                "DIGEST_WEB_SECRET is missing or shorter than 16 characters",
                remedy=f"set it, or run `digest init`, which writes one into {SECRETS_FILE}",
            )
        return keys
