"""The kinds of value that settings hold, and what a person is told who writes another."""

import re
from collections import Counter
from collections.abc import Iterable
from datetime import timedelta
from typing import Annotated
from zoneinfo import ZoneInfo

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, PlainSerializer

from digest import pace

_UNITS = {"m": 60, "h": 3600, "d": 86_400, "w": 604_800}


def _duration(value: object) -> object:
    found = re.fullmatch(r"(\d{1,5})\s*([mhdw])", value) if isinstance(value, str) else None
    if isinstance(value, str) and not found:
        raise ValueError('a length of time is written "90m", "24h", "7d" or "2w"')
    return timedelta(seconds=int(found[1]) * _UNITS[found[2]]) if found else value


def in_words(length: timedelta) -> str:
    """A length of time as it is written in digest.toml."""
    minutes = int(length.total_seconds() // 60)
    if minutes % 60:
        return f"{minutes}m"
    hours = minutes // 60
    return f"{hours}h" if hours % 24 or hours <= 24 else f"{hours // 24}d"


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


def _editor(address: str) -> str:
    if not re.fullmatch(r"[A-Za-z0-9._%+-]{1,64}@[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)*", address):
        raise ValueError(f'{address!r} is not a mail address such as "editor@example.org"')
    return address


def _rate(text: str) -> str:
    pace.rate(text)
    return text


Rate = Annotated[str, AfterValidator(_rate)]
Duration = Annotated[timedelta, BeforeValidator(_duration), PlainSerializer(in_words)]
Zone = Annotated[str, AfterValidator(_zone)]
WebAddress = Annotated[str, AfterValidator(_web_address)]
Tag = Annotated[str, Field(pattern=r"^[A-Za-z]{2,3}(-[A-Za-z0-9]{2,8})*$")]
Editor = Annotated[str, AfterValidator(_editor)]
Name = Annotated[str, Field(pattern=r"^[^@\s]{1,64}$")]
Slug = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9-]{0,31}$")]
Domain = Annotated[str, Field(pattern=r"^[A-Za-z0-9]([A-Za-z0-9.-]*[A-Za-z0-9])?$")]


def repeated(names: Iterable[str]) -> str:
    """The first name that is there twice; "" where all differ."""
    return next((name for name, count in Counter(names).items() if count > 1), "")


class Part(BaseModel):
    """A table of digest.toml: frozen, and strict about names."""

    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)
