"""The commented digest.toml, written from the classes: so it cannot drift from them."""

from datetime import timedelta

from pydantic import BaseModel

from digest.settings.kinds import in_words
from digest.settings.mail import (
    POLICIES,
    BouncesSettings,
    BrakeSettings,
    DkimSettings,
    DomainSettings,
    RelaySettings,
)
from digest.settings.publishing import (
    MatchSettings,
    NewsletterSettings,
    PublisherSettings,
    ScheduleSettings,
    SectionSettings,
    SectorSettings,
    SourceSettings,
    TrendingSettings,
)
from digest.settings.readers import JoiningSettings, PrivacySettings, WebSettings
from digest.settings.tables import DatabaseSettings
from digest.theme import Palette, Theme

_ALSO = "[relays.second]"
_ALSO_SAYS = (
    "Another relay; as many as you like. [relay] takes issues, too, if it names a host. "
    "Login: DIGEST_RELAYS_SECOND_USERNAME, …_PASSWORD"
)


def example() -> str:
    """Every setting with its default and meaning, as a commented digest.toml."""
    tables: list[tuple[str, type[BaseModel]]] = [
        ("[publisher]", PublisherSettings),
        ("[newsletter.weekly]", NewsletterSettings),
        ("[newsletter.weekly.schedule]", ScheduleSettings),
        ("[newsletter.weekly.trending]", TrendingSettings),
        ("[[newsletter.weekly.section]]", SectionSettings),
        ("[newsletter.weekly.section.match]", MatchSettings),
        ("[[source]]", SourceSettings),
        ("[[sector]]", SectorSettings),
        ("[sector.match]", MatchSettings),
        ("[database]", DatabaseSettings),
        ("[relay]", RelaySettings),
        ("[relays.second]", RelaySettings),
        ('[domains."gmail.com"]', DomainSettings),
        ("[brake]", BrakeSettings),
        ("[dkim]", DkimSettings),
        ("[web]", WebSettings),
        ("[bounces]", BouncesSettings),
        ("[theme]", Theme),
        ("[theme.dark]", Palette),
        ("[joining]", JoiningSettings),
        ("[privacy]", PrivacySettings),
    ]
    return "\n\n".join(_documented(head, model) for head, model in tables) + "\n"


def _documented(head: str, model: type[BaseModel]) -> str:
    also = head == _ALSO
    lines = [f"{head}  # {_ALSO_SAYS if also else model.__doc__}"]
    for name, field in model.model_fields.items():
        inner = field.annotation
        if also and name in POLICIES:
            continue
        if name in {
            "username",
            "password",
            "ses",
            "postmark",
            "mailgun",
            "sendgrid",
            "secret",
            "section",
            "schedule",
            "trending",
            "match",
            "dark",
        } and (inner is not str):
            continue
        note = f"  # {field.description}" if field.description else ""
        value = "…  # *" if field.is_required() else _toml(field.default)
        lines.append(f"#{field.alias or name} = {value}{note}")
    return "\n".join(lines)


def _toml(value: object) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, timedelta):
        return f'"{in_words(value)}"'
    if isinstance(value, (tuple, list)):
        return f"[{', '.join(map(_toml, value))}]"
    if isinstance(value, dict):
        return "{}"
    return f'"{value}"' if isinstance(value, str) else str(value)
