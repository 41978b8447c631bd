"""News: a browser that looks at an issue hears, within moments, that it would look otherwise.

Server-sent events that carry nothing but a mark; what changed, the page asks for itself.
"""

import asyncio
from collections.abc import AsyncIterator, Callable

from fastapi import APIRouter, HTTPException, Request, Response
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import StreamingResponse

from digest.desk.door import PAGE, Desk
from digest.desk.mail import Press
from digest.errors import DigestError

BEAT = 0.1  # seconds between looks at the files
SLOW = 10  # beats between looks at the database
QUIET = 150  # beats until a sign of life


def add(routes: APIRouter, desk: Desk, press: Press) -> None:
    """`/news` of an issue."""

    @routes.get("/{newsletter}/{number:issue}/news")
    async def news(newsletter: str, number: int, request: Request, seen: str = "") -> Response:
        await run_in_threadpool(desk.sitting, request)

        def version() -> str:
            desk.sitting(request)  # who is logged out hears nothing more
            return press.version(desk.house.issue(newsletter, number))

        await run_in_threadpool(version)  # refused before it begins
        headers = {**PAGE, "X-Accel-Buffering": "no"}
        return StreamingResponse(
            _told(desk, version, seen), headers=headers, media_type="text/event-stream"
        )


async def _told(desk: Desk, version: Callable[[], str], seen: str) -> AsyncIterator[str]:
    yield "retry: 1000\n\n"
    mark, beat = "", 0
    while not desk.ended():
        now = desk.watched.mark()
        if now != mark or beat % SLOW == 0:
            mark = now
            try:
                found = await run_in_threadpool(version)
            except (
                DigestError,
                HTTPException,
            ):
                return  # logged out, or gone: the page hears it when it asks
            if found != seen:
                seen = found
                yield f"id: {found}\ndata: {found}\n\n"
        beat += 1
        if beat % QUIET == 0:
            yield ": still here\n\n"
        await asyncio.sleep(BEAT)
