"""Settings: one frozen value read once from digest.toml, digest.env and the environment.

The classes are the contract and the documentation: `example()` writes the commented file from
them. Never here: what the settings are used for, and secrets in digest.toml (they come from
the environment or from digest.env beside it, which `digest init` makes readable to its owner).
"""

import difflib
import re
import tomllib
from collections.abc import Iterator, Mapping
from datetime import timedelta
from pathlib import Path
from typing import Annotated, Any, Literal
from zoneinfo import ZoneInfo

from dotenv import dotenv_values
from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    SecretStr,
    ValidationError,
    model_validator,
)

from digest.errors import SettingsError
from digest.schedule import rhythm

FILE = "digest.toml"
SECRETS_FILE = "digest.env"
SECRETS = {"web.secret", "relay.username", "relay.password"}
_UNITS = {"m": 60, "h": 3600, "d": 86_400, "w": 604_800}


def _duration(value: object) -> object:
    found = re.fullmatch(r"(\d{1,5})\s*([mhdw])", value) if isinstance(value, str) else None
    if isinstance(value, str) and not found:
        raise ValueError('a length of time is written "90m", "24h", "7d" or "2w"')
    return timedelta(seconds=int(found[1]) * _UNITS[found[2]]) if found else value


def _zone(name: str) -> str:
    try:
        ZoneInfo(name)
    except (KeyError, ValueError, OSError):
        raise ValueError(f'"{name}" is no time zone; write one such as "Asia/Kolkata"') from None
    return name


def _web_address(url: str) -> str:
    if url and not re.fullmatch(r"https?://[^\s/]+(/\S*)?", url):
        raise ValueError('an address begins with "https://"')
    return url.rstrip("/")


Duration = Annotated[timedelta, BeforeValidator(_duration)]
Zone = Annotated[str, AfterValidator(_zone)]
WebAddress = Annotated[str, AfterValidator(_web_address)]
Slug = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9-]{0,31}$")]
Domain = Annotated[str, Field(pattern=r"^[A-Za-z0-9]([A-Za-z0-9.-]*[A-Za-z0-9])?$")]


class Part(BaseModel):
    """A table of digest.toml: frozen, and strict about names."""

    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)


class PublisherSettings(Part):
    """Who sends; the footer and the law need it."""

    name: str = Field(min_length=1)
    postal_address: str = Field(min_length=1, description="no issue is sent without it")
    url: WebAddress = ""
    email: str = ""
    phone: str = ""
    terms_url: WebAddress = ""
    links: dict[str, WebAddress] = Field(default={}, description="shown in the footer")


class ScheduleSettings(Part):
    """When issues come out; read by `digest run`."""

    every: str = Field(description='"monday 07:00" or "day 18:30", in the newsletter\'s time zone')
    approval: Literal["required", "auto"] = "required"
    draft: Duration = Field(
        default=timedelta(hours=24), description="how long before, a draft is prepared"
    )
    late_at_most: Duration = Field(
        default=timedelta(hours=12), description="later than this it is skipped"
    )
    stories_at_least: int = Field(default=1, ge=1, description="with fewer there is no issue")


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
    language: str = "en"
    timezone: Zone = Field(default="UTC", description="of the schedule and of printed dates")
    window: Duration = Field(
        default=timedelta(days=7), description="how far back articles are taken"
    )
    per_source: int = Field(
        default=0, ge=0, description="at most so many stories of one source; 0: no limit"
    )
    per_day: int = Field(
        default=0, ge=0, description="of one day in a section, while others have some; 0: no limit"
    )
    schedule: ScheduleSettings | None = None
    trending: TrendingSettings = TrendingSettings()
    section: tuple[SectionSettings, ...] = ()

    @model_validator(mode="after")
    def _consistent(self) -> "NewsletterSettings":
        if not re.fullmatch(r"[^<>\r\n]*<[^<>@\s]+@[^<>@\s]+>|[^<>@\s]+@[^<>@\s]+", self.from_):
            raise ValueError('from is written "The Week <weekly@news.example.org>"')
        if self.schedule:
            rhythm(self.schedule.every, self.timezone)
        names = [section.name for section in self.section]
        if len(set(names)) < len(names):
            raise ValueError("two sections have the same name")
        return self


class SourceSettings(Part):
    """A feed, an article page, or a folder of saved pages."""

    name: str = Field(min_length=1)
    feed: str = Field(default="", description="URL or file")
    page: str = Field(default="", description="URL or file")
    folder: str = Field(default="", description="of saved pages")
    section: str = Field(default="", description="where its articles go")
    timezone: Zone = Field(default="UTC", description="for dates that name none")

    @model_validator(mode="after")
    def _one_place(self) -> "SourceSettings":
        if sum(map(bool, (self.feed, self.page, self.folder))) != 1:
            raise ValueError("a source has exactly one of feed, page or folder")
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
    username: SecretStr = SecretStr("")
    password: SecretStr = SecretStr("")

    @model_validator(mode="after")
    def _never_in_clear(self) -> "RelaySettings":
        if self.security == "none" and self.host not in {"127.0.0.1", "localhost", "::1"}:
            raise ValueError('security = "none" is allowed for a relay on this machine only')
        return self


class WebSettings(Part):
    """The pages that the links in the mail lead to."""

    base_url: WebAddress = Field(
        default="http://127.0.0.1:8000",
        description="https, or no one-click header is written",
    )
    secret: SecretStr = SecretStr("")


class BouncesSettings(Part):
    """Where bounces go: the domain of the envelope sender (VERP)."""

    domain: str = Field(default="", description="default: the domain of the newsletter's from")


class Settings(Part):
    """Everything, as digest.toml and the environment say; `folder` is where digest.toml stands."""

    folder: Path
    publisher: PublisherSettings
    newsletter: dict[Slug, NewsletterSettings] = Field(min_length=1)
    source: tuple[SourceSettings, ...] = ()
    sector: tuple[SectorSettings, ...] = ()
    database: DatabaseSettings = DatabaseSettings()
    relay: RelaySettings = RelaySettings()
    web: WebSettings = WebSettings()
    bounces: BouncesSettings = BouncesSettings()

    @model_validator(mode="after")
    def _names_differ(self) -> "Settings":
        names = [source.name for source in self.source]
        if len(set(names)) < len(names):
            raise ValueError("two sources have the same name")
        return self

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


def load(folder: Path, environ: Mapping[str, str]) -> Settings:
    """Read `folder`/digest.toml, then digest.env, then `environ`; the later wins.

    Raises SettingsError with one sentence: no file, broken TOML, an unknown key, a bad value.
    """
    tables = _read(folder / FILE)
    env = {k: v for k, v in dotenv_values(folder / SECRETS_FILE).items() if v is not None}
    for name, value in {**env, **environ}.items():
        if name.startswith("DIGEST_"):
            _overlay(tables, name, value)
    try:
        return Settings(folder=folder, **tables)
    except ValidationError as error:
        raise _as_sentence(error) from error


def flat(settings: Settings) -> dict[str, object]:
    """Every effective value by its dotted name, secrets masked."""
    return dict(_flatten("", settings.model_dump(mode="json", by_alias=True, exclude={"folder"})))


def _read(path: Path) -> dict[str, Any]:
    try:
        tables = tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise SettingsError(
            f"there is no {FILE} in {path.parent}",
            remedy="run `digest init` to write one, or name its folder: digest -C FOLDER …",
        ) from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise SettingsError(
            f"{path} is not valid TOML: {error}", remedy="mend that line"
        ) from error
    except OSError as error:
        raise SettingsError(f"{path} could not be read: {error.strerror}") from error
    _no_secrets(tables, path)
    if "folder" in tables:
        raise SettingsError(f'{FILE}: "folder" is no setting', remedy="remove it")
    return tables


def _no_secrets(tables: dict[str, Any], path: Path) -> None:
    for dotted in sorted(SECRETS):
        table, key = dotted.split(".")
        if key in (tables.get(table) or {}):
            name = f"DIGEST_{table}_{key}".upper()
            raise SettingsError(
                f"{path.name}: {dotted} is a secret and must not stand there",
                remedy=f"set {name} in the environment or in {SECRETS_FILE}",
            )


def _overlay(tables: dict[str, Any], name: str, value: str) -> None:
    table, _, key = name.removeprefix("DIGEST_").lower().partition("_")
    known = Settings.model_fields.get(table)
    if known is None or not key or table in {"newsletter", "source", "sector", "folder"}:
        return  # other tools' variables may begin like ours; only our tables are looked at
    tables.setdefault(table, {})[key] = value


def _as_sentence(error: ValidationError) -> SettingsError:
    first = error.errors()[0]
    where = ".".join(str(part) for part in first["loc"] if part != "[key]") or FILE
    if first["type"] == "extra_forbidden":
        near = difflib.get_close_matches(where.rsplit(".", 1)[-1], _names(), n=1)
        remedy = (
            f"did you mean {near[0]}?" if near else "`digest settings --example` lists them all"
        )
        return SettingsError(f"{FILE}: {where} is no setting", remedy=remedy)
    if first["type"] == "missing":
        return SettingsError(f"{FILE}: {where} is missing", remedy=f"add {where} to {FILE}")
    what = first["msg"].removeprefix("Value error, ")
    return SettingsError(f"{FILE}: {where}: {what}", remedy=f"correct it in {FILE}")


def _names(model: type[BaseModel] = Settings) -> set[str]:
    parts = [model, *model.__subclasses__(), *Part.__subclasses__()]
    return {field.alias or name for part in parts for name, field in part.model_fields.items()}


def _flatten(prefix: str, value: object) -> Iterator[tuple[str, object]]:
    if isinstance(value, dict) and value:
        for key, inner in value.items():
            yield from _flatten(f"{prefix}.{key}".lstrip("."), inner)
    elif isinstance(value, list) and value and isinstance(value[0], dict):
        for index, inner in enumerate(value):
            yield from _flatten(f"{prefix}[{index}]", inner)
    else:
        yield prefix, value


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
        ("[web]", WebSettings),
        ("[bounces]", BouncesSettings),
    ]
    return "\n\n".join(_documented(head, model) for head, model in tables) + "\n"


def _documented(head: str, model: type[BaseModel]) -> str:
    lines = [f"{head}  # {model.__doc__}"]
    for name, field in model.model_fields.items():
        inner = field.annotation
        if name in {
            "username",
            "password",
            "secret",
            "section",
            "schedule",
            "trending",
            "match",
        } and (inner is not str):
            continue
        note = f"  # {field.description}" if field.description else ""
        value = "…  # *" if field.is_required() else _toml(field.default)
        lines.append(f"#{field.alias or name} = {value}{note}")
    return "\n".join(lines)


def _toml(value: object) -> str:
    if isinstance(value, timedelta):
        hours = int(value.total_seconds() // 3600)
        return f'"{hours}h"' if hours % 24 or hours == 24 else f'"{hours // 24}d"'
    if isinstance(value, (tuple, list)):
        return f"[{', '.join(map(_toml, value))}]"
    if isinstance(value, dict):
        return "{}"
    return f'"{value}"' if isinstance(value, str) else str(value)
