"""Settings: one frozen value read once from digest.toml, digest.env and the environment.

    kinds     durations, zones, addresses: what a value may be
    tables    a class for each table; the contract and the documentation
    reading   files and environment -> Settings, or one sentence
    example   the commented file, written from the classes

Never here: what the settings are used for, and secrets in digest.toml (they come from the
environment or from digest.env beside it, which `digest init` makes readable to its owner).
"""

from digest.settings.example import example
from digest.settings.kinds import Part
from digest.settings.reading import FILE, SECRETS, flat, load
from digest.settings.tables import (
    SECRETS_FILE,
    DomainSettings,
    MatchSettings,
    NewsletterSettings,
    RelaySettings,
    ScheduleSettings,
    Settings,
    SourceSettings,
)

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
