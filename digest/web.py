"""The pages: what the links in the mail lead to, and the desk.

A door: it parses, calls `publish`, and answers. The readers' own pages are `subscribers.web`'s,
the editors' are `desk`'s.
Never here: a decision about a reader or an issue.
"""

import contextlib
import gc
import ipaddress
import socket
import threading
from collections.abc import AsyncIterator, Callable, Mapping
from datetime import datetime
from typing import TypeVar
from zoneinfo import ZoneInfo

import uvicorn
from fastapi import FastAPI, HTTPException, Request, Response
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import HTMLResponse, PlainTextResponse, RedirectResponse

from digest import desk, publish
from digest.errors import DatabaseError, DigestError, SourceError
from digest.publish import House
from subscribers import words
from subscribers.bounces.events import Call
from subscribers.errors import BadSignature, BadToken
from subscribers.web import HEADERS, router, shown

Known = TypeVar("Known")
LISTED = 50  # past issues on a page
MOST_BYTES = 2 << 20  # of a webhook's call
# The mail's own HTML: its inline styles and pictures, and nothing that runs.
_MAIL = {
    **HEADERS,
    "Content-Security-Policy": "default-src 'none'; img-src https: data:; "
    "style-src 'unsafe-inline'; base-uri 'none'; frame-ancestors 'self'; sandbox allow-popups",
}
# The archive is for everybody: kept by caches for a while, and found by searching.
_OPEN = {key: value for key, value in HEADERS.items() if key != "X-Robots-Tag"} | {
    "Cache-Control": "public, max-age=300"
}


def public_app(
    house: House, clock: Callable[[], datetime], environ: Mapping[str, str] | None = None
) -> FastAPI:
    """What `digest serve` answers: leave, choose, view, the desk, and whether it is well.

    With `environ` the desk follows changes of digest.toml.
    """
    door = publish.FrontDoor(house, clock)
    app = _app(door.close)
    app.include_router(desk.router(_desk(app, house, clock, environ, alone=False)))
    app.include_router(router(door, house.templates))
    _failures(app, shown(door, house.templates))

    @app.api_route("/v/{token}", methods=["GET", "HEAD"])
    def view(token: str) -> Response:
        try:
            shown = publish.view(house, token)
        except BadToken:
            shown = None
        if shown is None:
            raise HTTPException(404, "There is no such issue.", HEADERS)
        return HTMLResponse(shown.html, headers=_MAIL)

    _archive(app, house)
    _machines(app, house, clock)
    return app


def _failures(app: FastAPI, show: Callable[..., Response]) -> None:
    """What a wrong address gets, and a right one while the database does not answer."""

    @app.exception_handler(404)
    async def missing(request: Request, _error: Exception) -> Response:
        if request.url.path.startswith("/desk"):
            return PlainTextResponse("There is no such page.\n", 404, headers=HEADERS)
        asked = request.headers.get("accept-language", "")
        return show("not_found", 404, language=words.preferred(asked, ""))

    @app.exception_handler(405)
    async def not_so(_request: Request, error: Exception) -> Response:
        told = {**HEADERS, **(getattr(error, "headers", None) or {})}  # Allow, RFC 9110 10.2.1
        return PlainTextResponse("That cannot be asked for in this way.\n", 405, headers=told)

    @app.exception_handler(DatabaseError)
    def come_again(_request: Request, _error: DatabaseError) -> Response:
        # Who wants to leave, or a provider with a report, is to try again, not to give up.
        again = {**HEADERS, "Retry-After": "60"}
        return PlainTextResponse("Please try again in a minute.\n", 503, headers=again)


def _machines(app: FastAPI, house: House, clock: Callable[[], datetime]) -> None:
    """What is no page: providers' webhooks, and how the server fares."""

    @app.post("/hooks/{provider}")
    async def hook(provider: str, request: Request) -> Response:
        body = await _body(request)
        call = Call({name.lower(): value for name, value in request.headers.items()}, body)
        try:
            await run_in_threadpool(publish.hook, house, provider, call, now=clock())
        except BadSignature as error:
            return PlainTextResponse(f"{error.what}\n", 403, headers=HEADERS)
        except SourceError:  # Amazon could not be told that its topic is wanted
            again = {**HEADERS, "Retry-After": "60"}
            return PlainTextResponse("Please try again in a minute.\n", 503, headers=again)
        return PlainTextResponse("taken\n", headers=HEADERS)

    @app.api_route("/health", methods=["GET", "HEAD"])
    def health() -> Response:
        house.issues(limit=1)
        return PlainTextResponse("well\n", headers=HEADERS)

    @app.get("/metrics")
    def metrics(request: Request) -> Response:
        # For the machine itself: what came through the web server before us is the world's.
        forwarded = {"forwarded", "x-forwarded-for", "via"} & set(request.headers)
        if forwarded or request.client is None or not _is_here(request.client.host):
            raise HTTPException(404, "There is no such page.", HEADERS)
        return PlainTextResponse(
            publish.metrics(house, clock()),
            headers=HEADERS,
            media_type="text/plain; version=0.0.4",
        )


def _is_here(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


async def _body(request: Request) -> bytes:
    """The bytes of a webhook's call, within a limit that no provider's batch comes near."""
    body = b""
    async for chunk in request.stream():
        body += chunk
        if len(body) > MOST_BYTES:
            raise HTTPException(413, "That is too much.", HEADERS)
    return body


def _archive(app: FastAPI, house: House) -> None:
    """Past issues for anybody, and a feed of them."""

    @app.api_route("/archive", methods=["GET", "HEAD"])
    def everything(before: str = "") -> Response:
        slugs = tuple(house.settings.newsletter)
        if len(slugs) == 1:
            return one_newsletter(slugs[0], before)
        listed = [one for slug in slugs for one in publish.published(house, slug, LISTED)]
        return _listed(house, sorted(listed, key=lambda one: one.at, reverse=True)[:LISTED], "")

    @app.api_route("/archive/{newsletter}", methods=["GET", "HEAD"])
    def one_newsletter(newsletter: str, before: str = "") -> Response:
        number = int(before) if before.isascii() and before.isdigit() and len(before) < 10 else None
        issues = _known(lambda: publish.published(house, newsletter, LISTED + 1, number))
        return _listed(house, issues, newsletter)

    @app.api_route("/archive/{newsletter}/feed.xml", methods=["GET", "HEAD"])
    def feed(newsletter: str) -> Response:
        text = _known(lambda: publish.atom(house, newsletter))
        return Response(text, headers=_OPEN, media_type="application/atom+xml")

    @app.api_route("/archive/{newsletter}/{number:issue}", methods=["GET", "HEAD"])
    def issue(newsletter: str, number: int) -> Response:
        known = number < 1 << 31  # what a column holds
        shown = publish.public_issue(house, newsletter, number) if known else None
        if shown is None:
            raise HTTPException(404, "There is no such issue.", HEADERS)
        return HTMLResponse(
            shown.html,
            headers={**_OPEN, "Content-Security-Policy": _MAIL["Content-Security-Policy"]},
        )


def _known(ask: Callable[[], Known]) -> Known:
    try:
        return ask()
    except DigestError:
        raise HTTPException(404, "There is no such newsletter.", HEADERS) from None


def _listed(house: House, issues: list[publish.Published], newsletter: str) -> Response:
    told, base = house.settings, house.settings.web.base_url
    older = issues[LISTED - 1].number if len(issues) > LISTED else 0
    known = told.newsletter.get(newsletter) or next(iter(told.newsletter.values()))
    name = known.title if newsletter else told.publisher.name
    page = {
        "newsletter": name,
        "publisher": told.publisher.name,
        "postal_address": told.publisher.postal_address,
        "base": base,
        "feed": f"{base}/archive/{newsletter}/feed.xml" if newsletter else "",
        "older": f"{base}/archive/{newsletter}?before={older}" if older else "",
        "shelves": {} if newsletter else {slug: one.title for slug, one in told.newsletter.items()},
    }
    words_of = {
        "_": words.marked(known.language),
        "lang": words.known(known.language),
        "dir": words.direction(known.language),
        "day": words.day,
        "name": words.apart(name),
        "zone": {slug: ZoneInfo(one.timezone) for slug, one in told.newsletter.items()},
    }
    shown = house.templates.overlay(autoescape=True).get_template("web/archive.html.jinja")
    return HTMLResponse(shown.render(page=page, issues=issues[:LISTED], **words_of), headers=_OPEN)


def desk_app(
    house: House,
    clock: Callable[[], datetime],
    environ: Mapping[str, str],
    user: str = "editor",
) -> FastAPI:
    """What `digest preview` answers on loopback: the desk alone, where `user` needs no login."""
    app = _app()
    app.include_router(desk.router(_desk(app, house, clock, environ, alone=True, user=user)))

    @app.get("/")
    def to_the_desk() -> Response:
        return RedirectResponse("/desk", 303)

    return app


def _app(close: Callable[[], None] = lambda: None) -> FastAPI:
    @contextlib.asynccontextmanager
    async def served(_: FastAPI) -> AsyncIterator[None]:
        yield
        await run_in_threadpool(close)

    # No redirect ever: RFC 8058 section 3.2 forbids it, and it would lead where Host says.
    app = FastAPI(
        docs_url=None, redoc_url=None, openapi_url=None, lifespan=served, redirect_slashes=False
    )
    app.state.ended = threading.Event()
    return app


def _desk(
    app: FastAPI,
    house: House,
    clock: Callable[[], datetime],
    environ: Mapping[str, str] | None,
    *,
    alone: bool,
    user: str = "",
) -> desk.Desk:
    def reread(known: House) -> House:
        return known if environ is None else publish.reread(known, environ)

    watched = desk.Watched(house, reread)
    return desk.Desk(watched, clock, alone, user, app.state.ended.is_set)


def serve_until_stopped(
    app: FastAPI, host: str, port: int, announce: Callable[[str], None]
) -> None:
    """Serve until Ctrl-C or SIGTERM; `announce` gets the address once it is served.

    Raises DigestError where the address cannot be had.
    """
    try:
        bound = socket.create_server((host, port), family=_family(host))
    except OSError as error:
        raise DigestError(
            f"cannot listen on {host}:{port}: {error.strerror}", remedy="choose another --port"
        ) from error
    shown_host = f"[{host}]" if ":" in host else host
    url = f"http://{shown_host}:{bound.getsockname()[1]}/"
    # No access log: the addresses of these pages are the readers' keys.
    config = uvicorn.Config(app, log_level="warning", access_log=False, server_header=False)
    # What is loaded by now is there to stay: to sweep through all of it takes some 70 ms, and
    # whoever asks meanwhile waits.
    gc.collect()
    gc.freeze()
    with bound:
        _Server(config, lambda: announce(url), app.state.ended).run(sockets=[bound])


class _Server(uvicorn.Server):
    """Tells when it serves: from then on a signal ends it well, before that it would not."""

    def __init__(
        self, config: uvicorn.Config, on_serving: Callable[[], None], ended: threading.Event
    ) -> None:
        super().__init__(config)
        self._on_serving, self._ended = on_serving, ended

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Let those go who wait for news, or nothing would end; then end."""
        self._ended.set()
        await super().shutdown(sockets)

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Listen; then tell."""
        await super().startup(sockets)
        self._on_serving()


def _family(host: str) -> socket.AddressFamily:
    return socket.AF_INET6 if ":" in host else socket.AF_INET
