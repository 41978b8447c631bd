"""Settings: one frozen value read once from digest.toml, digest.env and the environment.

    kinds        durations, zones, addresses: what a value may be
    publishing   publisher, newsletters, sections, sources
    mail         relays, domains, the brake, signatures, bounces
    readers      the pages, who may join, how long things are kept
    tables       all of it as one value; what must fit together
    reading      files and environment -> Settings, or one sentence
    example      the commented file, written from the classes

Each table of digest.toml is a class, and its fields are the contract and the documentation.

Never here: what the settings are used for, and secrets in digest.toml (they come from the
environment or from digest.env beside it, which `digest init` makes readable to its owner).
"""

from digest.settings.example import example
from digest.settings.kinds import Part
from digest.settings.mail import DomainSettings, RelaySettings
from digest.settings.publishing import (
    MatchSettings,
    NewsletterSettings,
    ScheduleSettings,
    SourceSettings,
)
from digest.settings.reading import FILE, SECRETS, flat, load
from digest.settings.tables import SECRETS_FILE, Settings

__all__ = [
    "FILE",
    "SECRETS",
    "SECRETS_FILE",
    "DomainSettings",
    "MatchSettings",
    "NewsletterSettings",
    "Part",
    "RelaySettings",
    "ScheduleSettings",
    "Settings",
    "SourceSettings",
    "example",
    "flat",
    "load",
]
