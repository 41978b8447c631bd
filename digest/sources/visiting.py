"""Visiting: many sources at once, but few at a time for one host; each gives its own outcome.

Here is decided what counts as unchanged and which address is asked. Never here: what is written
of it (archive).
"""

import asyncio
import contextlib
import hashlib
from collections import defaultdict
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

from digest.articles import Listed, Reading
from digest.errors import DigestError, SourceError
from digest.sources.fetching import DEADLINE, AskedToWait, fetch
from digest.sources.files import load, load_saved, saved_pages
from digest.sources.network import Internet, Network
from digest.sources.places import Permit, place_of
from digest.sources.reading import PATIENCE, Readers
from digest.sources.values import NOTHING, Memory, Source, Visit

AT_ONCE = 16
FOR_ONE_HOST = 2
LISTS_LAST = timedelta(days=7)
"""How much older than the newest page of a folder one may be whose lists still count."""


@dataclass(frozen=True, slots=True)
class Means:
    """What a visit needs: the way out, who reads, and how long a document may take (seconds)."""

    network: Network
    readers: Readers
    deadline: float = DEADLINE


async def visits(
    asked: Sequence[tuple[Source, Memory]],
    *,
    network: Network | None = None,
    deadline: float = DEADLINE,
    patience: float = PATIENCE,
) -> AsyncGenerator[tuple[Source, Visit | DigestError], None]:
    """Read every source, in the order in which they come to an end; an error is an outcome.

    Close the iterator (`contextlib.aclosing`), and what is under way ends at once.
    """
    turn = _turns()
    async with Readers(patience) as readers:
        means = Means(network or Internet(), readers, deadline)
        tasks = [asyncio.ensure_future(_outcome(s, known, means, turn)) for s, known in asked]
        try:
            for task in asyncio.as_completed(tasks):
                yield await task
        finally:
            for left in tasks:
                left.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)


Turn = Callable[[Source], AbstractAsyncContextManager[None]]


def _turns() -> Turn:
    everybody = asyncio.Semaphore(AT_ONCE)
    hosts: defaultdict[str, asyncio.Semaphore] = defaultdict(
        lambda: asyncio.Semaphore(FOR_ONE_HOST)
    )

    @contextlib.asynccontextmanager
    async def turn(source: Source) -> AsyncIterator[None]:
        # The host's first: who waits for a busy host keeps no place from the others.
        async with hosts[_host(source)], everybody:
            yield

    return turn


def _host(source: Source) -> str:
    with contextlib.suppress(SourceError):
        return place_of(source.place).host if source.on_the_web else source.place
    return source.place


async def _outcome(
    source: Source, known: Memory, means: Means, turn: Turn
) -> tuple[Source, Visit | DigestError]:
    try:
        async with turn(source):
            return source, await visit(source, known, means)
    except DigestError as error:
        return source, error


async def visit(source: Source, known: Memory, means: Means) -> Visit:
    """Read one source. Raises FetchError (later may help) or SourceError (it will not).

    What is known counts only for a source that is read as it was then.
    """
    if not known.body_hash.startswith(f"{source.manner}-"):
        known = Memory(moved_to=known.moved_to)
    if source.kind == "folder":
        return await _read_folder(source, known, means)
    if source.on_the_web:
        return await _read_web(source, known, means)
    data = await asyncio.to_thread(load, Path(source.place))
    return await _read(source, data, Memory(), known, means)


async def _read_web(source: Source, known: Memory, means: Means) -> Visit:
    if known.moved_to:
        try:
            return await _read_at(known.moved_to, source, known, means)
        except AskedToWait:
            raise
        except SourceError:
            # The new address fails: perhaps the old one is right again.
            known = NOTHING
    return await _read_at(source.place, source, known, means)


async def _read_at(url: str, source: Source, known: Memory, means: Means) -> Visit:
    own = place_of(source.place)
    permit = Permit(own.host, own.port, source.private)
    answer = await fetch(means.network, url, permit, known, means.deadline)
    moved = answer.memory.moved_to or ("" if url == source.place else url)
    if own.login or (source.private and place_of(moved or url).host != own.host):
        moved = ""  # the login, and the permission, are for the host that was written
    fresh = replace(answer.memory, moved_to=moved)
    if answer.body is None:
        return Visit(None, replace(fresh, body_hash=known.body_hash))
    return await _read(source, answer.body, fresh, known, means, answer.charset)


async def _read(
    source: Source, data: bytes, fresh: Memory, known: Memory, means: Means, charset: str = ""
) -> Visit:
    told = fresh.answered.encode(), charset.encode()
    fresh = replace(fresh, body_hash=source.hashed(*told, data))
    if fresh.body_hash == known.body_hash:
        return Visit(None, fresh)
    return Visit(await means.readers.read(source, data, fresh.answered, charset), fresh)


async def _read_folder(source: Source, known: Memory, means: Means) -> Visit:
    files = await asyncio.to_thread(saved_pages, Path(source.place))
    fresh = Memory(body_hash=await asyncio.to_thread(_fingerprint, source, files))
    if fresh.body_hash == known.body_hash:
        return Visit(None, fresh)
    read: dict[Path, Reading] = {}
    failed: list[SourceError] = []
    for file in files:
        try:
            data = await asyncio.to_thread(load_saved, file)
            read[file] = await means.readers.read(source, data)
        except SourceError as error:
            failed.append(SourceError(f"{file.name}: {error.what}", remedy=error.remedy))
    if not read:
        raise failed[0]
    articles = tuple(article for reading in read.values() for article in reading.articles)
    # What was left out is to be told at every visit, so such a folder is never unchanged.
    left_out = tuple(error.what for error in failed)
    listed, at = _listed(read)
    return Visit(Reading(articles, listed), NOTHING if failed else fresh, left_out, at)


def _listed(read: Mapping[Path, Reading]) -> tuple[tuple[Listed, ...], datetime | None]:
    """The lists of the newest page that has any, and when it was made.

    None where they are older than the newest page of all by more than `LISTS_LAST`.
    """
    dated = {file: _dated(file, reading) for file, reading in read.items()}
    listing = [file for file, reading in read.items() if reading.listed]
    if not listing:
        return (), None
    newest = max(listing, key=lambda file: dated[file])
    fresh = dated[newest] >= max(dated.values()) - LISTS_LAST
    return (read[newest].listed, dated[newest]) if fresh else ((), None)


def _dated(file: Path, reading: Reading) -> datetime:
    """When a page was made, by its own word; else when its file was last written."""
    own = reading.articles[0]
    if stated := own.updated or own.published:
        return stated
    with contextlib.suppress(OSError, ValueError, OverflowError):
        return datetime.fromtimestamp(file.stat().st_mtime, UTC)
    return datetime(1970, 1, 1, tzinfo=UTC)


def _fingerprint(source: Source, files: Sequence[Path]) -> str:
    told: list[bytes] = []
    for file in files:
        with contextlib.suppress(SourceError):
            told += [
                file.name.encode("utf-8", "replace"),
                hashlib.sha256(load_saved(file)).digest(),
            ]
    return source.hashed(*told)
