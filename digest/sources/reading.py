"""Reading: documents are read in processes of their own, because every one may be hostile.

Nested 200,000 deep, a small feed keeps a parser busy for seconds and takes memory that is never
given back. So a reader has `PATIENCE` for a document and a limit of memory (reader.py); one
that exceeds it is killed, and only that document is lost. Two readers on two processors are
also twice as fast as one. Never here: what a document means.
"""

import asyncio
import contextlib
import os
import pickle
import sys
from asyncio.subprocess import DEVNULL, PIPE, Process
from types import TracebackType
from typing import Self, cast

from digest.articles import Reading
from digest.errors import SourceError
from digest.outlines import FeedLink
from digest.sources import reader
from digest.sources.values import Source

PATIENCE = 10.0
"""Seconds for one document; a feed of 50 entries takes 0.02."""
PROGRAM = "from digest.sources.reader import main; main()"
READERS = min(4, os.cpu_count() or 1)


class Readers:
    """Reader processes, started when first needed. Use it as `async with Readers() as readers`.

    `patience` is in seconds; `program` is what a process runs.
    """

    def __init__(self, patience: float = PATIENCE, program: str = PROGRAM) -> None:
        self._patience = patience
        self._program = program
        self._turns = asyncio.Semaphore(READERS)
        self._idle: list[Process] = []

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        _kind: type[BaseException] | None,
        _error: BaseException | None,
        _trace: TracebackType | None,
    ) -> None:
        for process in self._idle:
            await _end(process)

    async def read(self, source: Source, data: bytes, url: str = "") -> Reading:
        """The document as the source is to be read. Raises SourceError."""
        told = {
            "source": source.name,
            "section": source.section,
            "timezone": source.timezone,
            "url": url,
        }
        kind = "page" if source.kind == "folder" else source.kind
        return cast("Reading", await self._asked((kind, data, told)))

    async def links(self, data: bytes, url: str) -> tuple[FeedLink, ...]:
        """The feeds that a page at `url` names. Raises SourceError."""
        asked = await self._asked(("links", data, {"url": url}))
        return cast("tuple[FeedLink, ...]", asked)

    async def _asked(self, request: reader.Request) -> reader.Answer:
        async with self._turns:
            process = self._idle.pop() if self._idle else await _start(self._program)
            try:
                async with asyncio.timeout(self._patience):
                    answer = await _ask(process, request)
            except TimeoutError:
                await _end(process)
                raise _given_up(request, f"it takes longer than {self._patience:.0f} s") from None
            except (EOFError, OSError):
                await _end(process)
                raise _given_up(request, "the reader broke down over it") from None
            except BaseException:
                await _end(process)
                raise
            self._idle.append(process)
        if isinstance(answer, SourceError):
            raise answer
        return answer


async def _start(program: str) -> Process:
    # -P: the folder that we are started in may hold a file named like a module.
    return await asyncio.create_subprocess_exec(
        sys.executable, "-P", "-c", program,
        stdin=PIPE, stdout=PIPE, stderr=DEVNULL, start_new_session=True,
    )  # fmt: skip


async def _ask(process: Process, request: reader.Request) -> reader.Answer:
    if process.stdin is None or process.stdout is None:
        raise EOFError
    told = pickle.dumps(request)
    process.stdin.write(len(told).to_bytes(reader.HEAD, "big") + told)
    await process.stdin.drain()
    length = int.from_bytes(await process.stdout.readexactly(reader.HEAD), "big")
    # Pickled by our own code from our own values; a document has no part in it but its texts.
    return cast("reader.Answer", pickle.loads(await process.stdout.readexactly(length)))  # noqa: S301


async def _end(process: Process) -> None:
    with contextlib.suppress(ProcessLookupError):
        process.kill()
    await process.wait()
    if process.stdin is not None:
        process.stdin.close()


def _given_up(request: reader.Request, why: str) -> SourceError:
    told = request[2]
    return SourceError(
        f"what {told.get('source') or told['url']} gave could not be read: {why}",
        remedy="look at it before you collect it again: it may be made to do harm",
    )
