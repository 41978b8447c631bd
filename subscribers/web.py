"""The reader's pages: leaving (RFC 8058) and preferences. A router that decides nothing.

A GET or HEAD never changes anything: scanners follow links. No cookie, login or other header is
read, and nobody's token or form is logged. Never here: keys, sessions, the state of a subscriber;
all of that is behind the Door, which the application brings.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, Any, Protocol

import jinja2
from fastapi import APIRouter, Depends, HTTPException, Request, Response
from fastapi.concurrency import run_in_threadpool
from starlette.datastructures import FormData, ImmutableMultiDict
from starlette.exceptions import HTTPException as StarletteHTTPException
from starlette.formparsers import MultiPartException
from starlette.types import Message

from subscribers.consent import State
from subscribers.errors import BadToken
from subscribers.preferences import EVERYTHING, Preferences
from subscribers.tokens import Purpose

LARGEST = 64 * 1024  # bytes of a body; the largest honest one is a few hundred
HEADERS = {
    "Cache-Control": "no-store",
    "Referrer-Policy": "no-referrer",
    "X-Robots-Tag": "noindex",
    "X-Content-Type-Options": "nosniff",
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; "
    "form-action 'self'; frame-ancestors 'none'; base-uri 'none'",
}


@dataclass(frozen=True, slots=True)
class Leaving:
    """What the page says after leaving. `preferences` is a token; empty when nothing is left."""

    newsletter: str
    publisher: str
    address: str
    preferences: str = ""
    postal_address: str = ""
    language: str = "en"


@dataclass(frozen=True, slots=True)
class Standing:
    """What a page needs of one subscription. `newsletter` is the title, `address` is masked.

    `state` is None when the subscriber is gone. `sections` are those there are to choose from.
    `unsubscribe` is a token for the way out; empty when there is nothing to leave.
    """

    newsletter: str
    publisher: str
    address: str
    state: State | None
    sections: tuple[str, ...] = ()
    preferences: Preferences = EVERYTHING
    unsubscribe: str = ""
    postal_address: str = ""
    language: str = "en"


class Door(Protocol):
    """What the application does for these pages. Everything raises BadToken for a foreign link."""

    def leave(self, token: str, how: str, reason: str = "") -> Leaving:
        """End the subscription. Once more is fine. `how` is "one-click" or "page"."""

    def standing(self, token: str, purpose: Purpose) -> Standing:
        """How things are; changes nothing."""

    def choose(self, token: str, preferences: Preferences) -> Standing:
        """Keep these preferences, and say how things are then."""


Show = Callable[..., Response]


def router(door: Door, pages: jinja2.Environment) -> APIRouter:
    """`/u/{token}` and `/p/{token}`, shown with `web/*.html.jinja` of these templates."""
    # ".html.jinja" is not what select_autoescape() looks for, so it is said here.
    environment = pages.overlay(autoescape=True)

    def show(name: str, status: int = 200, **context: Any) -> Response:
        text = environment.get_template(f"web/{name}.html.jinja").render(context)
        return Response(text, status, HEADERS, "text/html; charset=utf-8")

    routes = APIRouter(include_in_schema=False)
    _leaving(routes, door, show)
    _preferences(routes, door, show)
    return routes


def _leaving(routes: APIRouter, door: Door, show: Show) -> None:
    @routes.api_route("/u/{token}", methods=["GET", "HEAD"])
    def ask(token: str) -> Response:
        try:
            standing = door.standing(token, "unsubscribe")
        except BadToken:
            return show("not_found", 404)
        return show("unsubscribe", page=standing)

    @routes.post("/u/{token}")
    async def leave(token: str, form: Annotated[FormData, Depends(_form)]) -> Response:
        page = "page" in form
        how = "page" if page else "one-click"
        try:
            left = await run_in_threadpool(door.leave, token, how, _text(form, "reason"))
        except BadToken:
            return show("not_found", 404)
        if page:
            return show("left", page=left)
        # Whatever the body says: the link alone is the mandate (RFC 8058 section 3.1), and no
        # redirect or page may answer it (section 3.2).
        text = f"You are unsubscribed from {left.newsletter}.\n"
        return Response(text, 200, HEADERS, "text/plain; charset=utf-8")


def _preferences(routes: APIRouter, door: Door, show: Show) -> None:
    @routes.api_route("/p/{token}", methods=["GET", "HEAD"])
    def ask(token: str) -> Response:
        try:
            standing = door.standing(token, "preferences")
        except BadToken:
            return show("not_found", 404)
        return show("preferences", page=standing)

    @routes.post("/p/{token}")
    async def choose(token: str, form: Annotated[FormData, Depends(_form)]) -> Response:
        return await run_in_threadpool(save, token, form)

    def save(token: str, form: FormData) -> Response:
        try:
            standing = door.standing(token, "preferences")
            wanted = _chosen(form, standing.sections)
            if standing.sections and wanted.sections == frozenset():
                return show("preferences", 422, page=standing, nothing=True)
            return show("preferences", page=door.choose(token, wanted), saved=True)
        except BadToken:
            return show("not_found", 404)


def _chosen(form: FormData, sections: tuple[str, ...]) -> Preferences:
    """The form as preferences. Every box ticked means everything, new sections included."""
    ticked = frozenset(name for name in form.getlist("section") if isinstance(name, str))
    some = ticked & frozenset(sections)
    everything = some == frozenset(sections)
    text = form.get("format") == "text"
    return Preferences(None if everything else some, "text" if text else "html")


def _text(form: FormData, name: str) -> str:
    value = form.get(name, "")
    return value[:200] if isinstance(value, str) else ""


async def _form(request: Request) -> FormData:
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
    fields = [(name, value) for name, value in read.multi_items() if isinstance(value, str)]
    await read.close()
    return FormData(ImmutableMultiDict(fields))
