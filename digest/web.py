"""The pages: what the links in the mail lead to, and the preview on the editor's machine.

A door: it parses, calls `publish`, and answers. The readers' own pages are `subscribers.web`'s.
Never here: a decision about a reader or an issue.
"""

import ipaddress
import socket
from collections.abc import Callable
from datetime import datetime

import uvicorn
from fastapi import FastAPI, HTTPException, Request, Response
from fastapi.responses import HTMLResponse, PlainTextResponse

from digest import publish
from digest.errors import DigestError
from digest.publish import House, Shown
from subscribers.errors import BadToken
from subscribers.web import HEADERS, router

# The mail's own HTML: its inline styles and pictures, and nothing that runs.
_MAIL = {
    **HEADERS,
    "Content-Security-Policy": "default-src 'none'; img-src https: data:; "
    "style-src 'unsafe-inline'; base-uri 'none'; frame-ancestors 'self'; sandbox allow-popups",
}
_FRAME = {
    **HEADERS,
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; frame-src 'self'; "
    "base-uri 'none'; frame-ancestors 'none'",
}


def public_app(house: House, clock: Callable[[], datetime]) -> FastAPI:
    """What `digest serve` answers: leave, choose, view, and whether it is well."""
    app = FastAPI(docs_url=None, redoc_url=None, openapi_url=None)
    app.include_router(router(publish.FrontDoor(house, clock), house.templates))

    @app.api_route("/v/{token}", methods=["GET", "HEAD"])
    def view(token: str) -> Response:
        try:
            shown = publish.view(house, token)
        except BadToken:
            shown = None
        if shown is None:
            raise HTTPException(404, "There is no such issue.", HEADERS)
        return HTMLResponse(shown.html, headers=_MAIL)

    @app.api_route("/health", methods=["GET", "HEAD"])
    def health() -> Response:
        house.issues()
        return PlainTextResponse("well\n", headers=HEADERS)

    @app.get("/metrics")
    def metrics(request: Request) -> Response:
        # For the machine itself: what came through the web server before us is the world's.
        forwarded = {"forwarded", "x-forwarded-for", "via"} & set(request.headers)
        if forwarded or request.client is None or not _is_here(request.client.host):
            raise HTTPException(404, "There is no such page.", HEADERS)
        return PlainTextResponse(
            publish.metrics(house), headers=HEADERS, media_type="text/plain; version=0.0.4"
        )

    return app


def _is_here(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def preview_app(page: str, shown: Shown) -> FastAPI:
    """The issue on three addresses: a frame around it, its HTML as mailed, its text."""
    app = FastAPI(docs_url=None, redoc_url=None, openapi_url=None)

    @app.get("/")
    def frame() -> Response:
        return HTMLResponse(page, headers=_FRAME)

    @app.get("/html")
    def html() -> Response:
        return HTMLResponse(shown.html, headers=_MAIL)

    @app.get("/text")
    def text() -> Response:
        return PlainTextResponse(shown.text, headers=_MAIL)

    return app


def serve_until_stopped(
    app: FastAPI, host: str, port: int, announce: Callable[[str], None]
) -> None:
    """Serve until Ctrl-C or SIGTERM; `announce` gets the address once it is bound.

    Raises DigestError where the address cannot be had.
    """
    try:
        bound = socket.create_server((host, port), family=_family(host))
    except OSError as error:
        raise DigestError(
            f"cannot listen on {host}:{port}: {error.strerror}", remedy="choose another --port"
        ) from error
    shown_host = f"[{host}]" if ":" in host else host
    announce(f"http://{shown_host}:{bound.getsockname()[1]}/")
    # No access log: the addresses of these pages are the readers' keys.
    config = uvicorn.Config(app, log_level="warning", access_log=False, server_header=False)
    with bound:
        uvicorn.Server(config).run(sockets=[bound])


def _family(host: str) -> socket.AddressFamily:
    return socket.AF_INET6 if ":" in host else socket.AF_INET
