"""What is asked of a visit, what it brings, and what is worth knowing at the next one."""

import hashlib
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from importlib.metadata import version
from typing import Literal

from digest.articles import Reading

Kind = Literal["feed", "page", "folder", "auto"]


@dataclass(frozen=True, slots=True)
class Source:
    """Where to read: `place` is a URL or an absolute path. `timezone` is for dates naming none.

    `private` is the operator's word that the host of `place` may stand in a private network.
    A feed that is `ranked` is itself a list of what is trending, in its order.
    """

    name: str
    kind: Kind
    place: str
    section: str = ""
    timezone: str = "UTC"
    private: bool = False
    ranked: bool = False

    @property
    def on_the_web(self) -> bool:
        """Whether `place` is a URL."""
        return self.place.lower().startswith(("http://", "https://"))

    @property
    def manner(self) -> str:
        """How it is read, in 16 hexadecimal digits: read otherwise, the same bytes mean other
        articles.
        """
        told = repr((self.kind, self.section, self.timezone, self.ranked, _program()))
        return hashlib.sha256(told.encode()).hexdigest()[:16]

    def hashed(self, *parts: bytes) -> str:
        """What tells at the next visit that nothing has changed: the manner and the bytes."""
        digest = hashlib.sha256()
        for part in parts:
            digest.update(len(part).to_bytes(8, "big") + part)
        return f"{self.manner}-{digest.hexdigest()}"


@cache
def _program() -> str:
    return version("digest")


@dataclass(frozen=True, slots=True)
class Memory:
    """What a visit leaves for the next one; all of it may be empty.

    `moved_to` is where a permanent redirect leads (RFC 9110 sections 15.4.2 and 15.4.9);
    `answered` is the address that gave the body, and the only one for which `etag` and
    `last_modified` mean anything. `body_hash` is `Source.hashed`.
    """

    moved_to: str = ""
    answered: str = ""
    etag: str = ""
    last_modified: str = ""
    body_hash: str = ""


NOTHING = Memory()


@dataclass(frozen=True, slots=True)
class Visit:
    """What a visit brought; `reading` is None where nothing has changed since the one before.

    `left_out` has a sentence for each file of a folder that could not be read. `listed_at` is
    the moment of the page in a folder whose lists count (UTC); None where they are as of now.
    """

    reading: Reading | None
    memory: Memory = NOTHING
    left_out: tuple[str, ...] = ()
    listed_at: datetime | None = None
