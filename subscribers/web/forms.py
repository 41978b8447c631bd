"""Forms: a body read within limits, and what was ticked in it. No cookie and no header decides."""

import base64
import hashlib
from typing import Annotated

from fastapi import Depends, HTTPException, Request
from starlette.datastructures import FormData, ImmutableMultiDict
from starlette.exceptions import HTTPException as StarletteHTTPException
from starlette.formparsers import MultiPartException
from starlette.types import Message

from subscribers import words
from subscribers.preferences import Preferences
from subscribers.web.door import Asked

LARGEST = 64 * 1024  # bytes of a body; the largest honest one is a few hundred
HEADERS = {
    "Cache-Control": "no-store",
    "Referrer-Policy": "no-referrer",
    "X-Robots-Tag": "noindex",
    "X-Content-Type-Options": "nosniff",
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; "
    "form-action 'self'; frame-ancestors 'none'; base-uri 'none'",
}


def with_script(script: str) -> dict[str, str]:
    """The headers of a page in which this script may run, and no other."""
    known = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    policy = f"{HEADERS['Content-Security-Policy']}; script-src 'sha256-{known}'"
    return {**HEADERS, "Content-Security-Policy": policy}


async def form(request: Request) -> FormData:
    """The body as a form; an empty one when it is none. Answers 413 above the limit."""
    body = b""
    async for chunk in request.stream():
        body += chunk
        if len(body) > LARGEST:
            raise HTTPException(413, "That is too much.", HEADERS)

    async def replay() -> Message:
        return {"type": "http.request", "body": body, "more_body": False}

    try:
        read = await Request(request.scope, replay).form(max_files=10, max_fields=100)
    except (StarletteHTTPException, MultiPartException):
        # A mail provider's odd boundary is no reason to keep somebody who wants to leave.
        return FormData()
    # PostgreSQL keeps no NUL; and what else could it be but somebody's attempt?
    fields = [
        (name, value.replace("\0", ""))
        for name, value in read.multi_items()
        if isinstance(value, str)
    ]
    await read.close()
    return FormData(ImmutableMultiDict(fields))


Form = Annotated[FormData, Depends(form)]


def text(form: FormData, name: str, most: int = 200) -> str:
    """A field's text, cut."""
    value = form.get(name, "")
    return value[:most] if isinstance(value, str) else ""


def listed(form: FormData, name: str) -> tuple[str, ...]:
    """All values of a field."""
    return tuple(value for value in form.getlist(name) if isinstance(value, str))


def chosen(form: FormData, sections: tuple[str, ...], sectors: tuple[str, ...]) -> Preferences:
    """The form as preferences. Every box ticked means everything, new ones included."""
    return Preferences(
        _ticked(listed(form, "section"), sections),
        "text" if form.get("format") == "text" else "html",
        _ticked(listed(form, "sector"), sectors),
        "weekly" if form.get("frequency") == "weekly" else "each",
    )


def asked(request: Request, wording: str = "") -> Asked:
    """Who asks: for the proof of consent, and for limits."""
    return Asked(
        request.client.host if request.client else "",
        request.headers.get("user-agent", "")[:300],
        language(request),
        wording,
    )


def language(request: Request) -> str:
    """The language that the browser asks for, of those we speak; empty for none of them."""
    return words.preferred(request.headers.get("accept-language", ""), "")


def _ticked(ticked: tuple[str, ...], known: tuple[str, ...]) -> frozenset[str] | None:
    some = frozenset(ticked) & frozenset(known)
    return None if some == frozenset(known) else some
