"""All of digest.toml as one value: each field is a table, and a class says what stands in it."""

import re
from pathlib import Path

from pydantic import Field, model_validator

from digest.errors import SettingsError
from digest.settings.kinds import Part, Slug, repeated
from digest.settings.mail import (
    POLICIES,
    BouncesSettings,
    BrakeSettings,
    DkimSettings,
    DomainSettings,
    RelaySettings,
)
from digest.settings.publishing import (
    NewsletterSettings,
    PublisherSettings,
    SectorSettings,
    SourceSettings,
)
from digest.settings.readers import JoiningSettings, PrivacySettings, WebSettings
from digest.theme import Theme

SECRETS_FILE = "digest.env"


class DatabaseSettings(Part):
    """SQLite for one machine, PostgreSQL for more."""

    url: str = Field(default="sqlite:///digest.db", description="or postgresql+psycopg://…")


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
