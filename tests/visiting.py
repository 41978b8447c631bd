"""Visits of one source over real sockets: what a site serves, and what is made of the answer."""

import asyncio
import contextlib
import zlib
from collections.abc import Iterator
from pathlib import Path

import pytest

from digest import sources
from digest.errors import DigestError, SourceError
from digest.sources import Kind, Memory, Network, Source, Visit
from tests.waiting import PATIENCE
from tests.web_server import WebServer

FEED = b"""<?xml version="1.0"?><rss version="2.0"><channel><title>Post</title>
<item><title>A Headline</title><link>https://www.example.org/a</link></item></channel></rss>"""
PAGE = b"<!doctype html><html><head><title>No feed</title></head><body><p>Hello</p></body></html>"
PUBLIC, OTHER = "93.184.216.34", "8.8.4.4"  # never reached: Roads leads elsewhere


@pytest.fixture
def site() -> Iterator[WebServer]:
    with WebServer() as server:
        yield server


def source(place: str | Path, kind: Kind = "feed", *, private: bool = True) -> Source:
    return Source("world", kind, str(place), "Global", private=private)


async def _all(
    asked: list[tuple[Source, Memory]], network: Network | None, deadline: float, patience: float
) -> list[tuple[Source, Visit | DigestError]]:
    visits = sources.visits(asked, network=network, deadline=deadline, patience=patience)
    async with contextlib.aclosing(visits):
        return [outcome async for outcome in visits]


def visit(
    one: Source,
    known: Memory = sources.NOTHING,
    *,
    network: Network | None = None,
    deadline: float = PATIENCE,
    patience: float = PATIENCE,
) -> Visit:
    """Visit one source; its error is raised."""
    [(_, outcome)] = asyncio.run(_all([(one, known)], network, deadline, patience))
    if isinstance(outcome, DigestError):
        raise outcome
    return outcome


def error_of(one: Source, known: Memory = sources.NOTHING, **how: object) -> DigestError:
    with pytest.raises(SourceError) as caught:
        visit(one, known, **how)  # type: ignore[arg-type]
    assert caught.value.what
    assert "\n" not in caught.value.what
    assert caught.value.remedy
    return caught.value


def articles(seen: Visit) -> int:
    assert seen.reading is not None
    return len(seen.reading.articles)


def gzip_bomb() -> bytes:
    """A hundred megabytes in a hundred kilobytes."""
    packer, million = zlib.compressobj(9, wbits=31), bytes(1_000_000)
    return b"".join([*(packer.compress(million) for _ in range(100)), packer.flush()])


# -- documents that are made to do harm


def nested(depth: int) -> bytes:
    """As many tags within each other."""
    return b"<rss><channel>" + b"<a>" * depth + b"</a>" * depth + b"</channel></rss>"


def laughs(levels: int) -> bytes:
    """Entities of entities."""
    told = b'<!ENTITY l0 "lol">' + b"".join(
        b'<!ENTITY l%d "%s">' % (n, b"&l%d;" % (n - 1) * 10) for n in range(1, levels)
    )
    item = b"<item><title>x &l%d;</title></item>" % (levels - 1)
    return b"<!DOCTYPE rss [" + told + b"]><rss><channel>" + item + b"</channel></rss>"


def articles_of(outcome: Visit | DigestError) -> int:
    assert isinstance(outcome, Visit)
    return articles(outcome)
