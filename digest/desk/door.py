"""The desk's door: who sits there, whether a form is the desk's own, headers, pages, refusals.

On loopback whoever has the machine has the desk, so there the request's Host decides: another
site's name that was made to lead here (DNS rebinding) gets nothing. Elsewhere a login does.
Never here: what a page shows or does.
"""

import hashlib
import hmac
import re
import secrets
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit

import jinja2
from fastapi import HTTPException, Request, Response
from markupsafe import Markup, escape
from starlette.convertors import IntegerConvertor, register_url_convertor
from starlette.datastructures import FormData

from digest import publish
from digest.desk.watching import Watched
from digest.publish import Editor, House, Role
from subscribers.web import HEADERS

PAGES = Path(__file__).parent / "pages"
STATIC = Path(__file__).parent / "static"
# Nothing but our own files runs or styles; pictures of stories come from their publishers.
PAGE = {
    **HEADERS,
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; "
    "img-src 'self' https: data:; connect-src 'self'; frame-src 'self'; form-action 'self'; "
    "base-uri 'none'; frame-ancestors 'none'",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
}
HERE = {"127.0.0.1", "localhost", "[::1]"}
Show = Callable[..., Response]


class _Numbers(IntegerConvertor):
    """Of issues, in an address: Python itself refuses to read one of more than 4,300 digits."""

    regex = "[0-9]{1,100}"


register_url_convertor("issue", _Numbers())


def asset(name: str) -> str:
    """The name of a static file with a mark of its content, so that it can be kept for ever."""
    mark = hashlib.sha256((STATIC / name).read_bytes()).hexdigest()[:12]
    return f"{name}?{mark}"


@dataclass(slots=True)
class Desk:
    """One desk for a process. `alone`: on loopback, with no login, where `user` sits.

    `ended` says that the server stops, so that no page is kept waiting for news.
    """

    watched: Watched
    clock: Callable[[], datetime]
    alone: bool = False
    user: str = "editor"
    ended: Callable[[], bool] = lambda: False
    _key: bytes = field(default_factory=lambda: secrets.token_bytes(32))

    @property
    def house(self) -> House:
        """With the settings and templates as they are now."""
        return self.watched.house

    @property
    def root(self) -> str:
        """The path of the desk as browsers see it."""
        base = "" if self.alone else urlsplit(self.house.settings.web.base_url).path.rstrip("/")
        return f"{base}/desk"

    @property
    def is_secure(self) -> bool:
        """Whether browsers come by https."""
        return not self.alone and self.house.settings.web.base_url.startswith("https://")

    @property
    def cookie(self) -> str:
        """The name of the cookie; by its prefix no other host can set it (RFC 6265bis)."""
        return self.cookie_of("")

    def cookie_of(self, what: str) -> str:
        """The name of another cookie of the desk."""
        name = f"desk-{what}" if what else "desk"
        return f"__Host-{name}" if self.is_secure else name

    def sitting(self, request: Request) -> Editor:
        """Who asks. Answers 421 for a foreign Host on loopback, and asks who is not known in."""
        self.refuse_foreign_hosts(request)
        if self.alone:
            return Editor(self.user, "operator", datetime(1970, 1, 1, tzinfo=UTC))
        token = request.cookies.get(self.cookie, "")
        editor = publish.logged_in(self.house, token, now=self.clock())
        if editor is None:
            raise self._to_login(request)
        return editor

    def refuse_foreign_hosts(self, request: Request) -> None:
        """On loopback only its own names lead here."""
        host = request.headers.get("host", "")
        name = host.rpartition(":")[0] if host.rpartition(":")[2].isdigit() else host
        if self.alone and name not in HERE:
            raise HTTPException(421, "This desk is on this machine alone.", HEADERS)

    def refuse_forged(self, request: Request, form: FormData, secret: str = "") -> None:
        """Answers 403 for a form that another site sent. `secret`: what it is bound to."""
        sent = form.get("csrf") or request.headers.get("x-csrf", "")
        own = self.csrf(secret or request.cookies.get(self.cookie, ""))
        foreign = request.headers.get("sec-fetch-site", "none") not in ("none", "same-origin")
        if foreign or not hmac.compare_digest(str(sent).encode(), own.encode()):
            raise HTTPException(403, "This form is not the desk's, or it is too old.", PAGE)

    def csrf(self, secret: str) -> str:
        """What a form carries to show that it is ours."""
        # On loopback there is no cookie: the key of this process alone makes it.
        key = self._key if self.alone else self.house.settings.keys[0]
        return hmac.new(key, b"desk form\0" + secret.encode(), hashlib.sha256).hexdigest()

    def refuse_below(self, editor: Editor, role: Role) -> None:
        """Answers 403 where an editor's role does not allow it."""
        if not publish.may(editor, role):
            raise HTTPException(403, f"This needs the role {role}; yours is {editor.role}.", PAGE)

    def _to_login(self, request: Request) -> HTTPException:
        target = f"{self.root}/login"
        path = request.url.path.removeprefix("/desk") if request.method == "GET" else ""
        if "hx-request" in request.headers:  # for a part of a page: back to the page, then
            shown = urlsplit(request.headers.get("hx-current-url", "")).path
            path = shown.removeprefix(self.root) if shown.startswith(self.root + "/") else ""
        target += f"?next={quote(path)}" if path.strip("/") else ""
        if "hx-request" in request.headers:
            return HTTPException(401, "Log in again.", {**PAGE, "HX-Redirect": target})
        return HTTPException(303, "Log in.", {**PAGE, "Location": target})


def sentence(said: object) -> Markup:
    """What was said to be read on a page: a whole sentence, what is to be typed set apart."""
    words = str(said).strip()
    words = words[:1].upper() + words[1:]
    whole = words + ("." if words and words[-1] not in ".?!…" else "")
    return Markup(re.sub("`([^`]+)`", r"<code>\1</code>", str(escape(whole))))  # noqa: S704


def shower(desk: Desk) -> Show:
    """What fills a page of the desk. Every value on it is escaped."""
    pages = jinja2.Environment(
        loader=jinja2.FileSystemLoader(PAGES),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    pages.globals.update(asset=asset, may=publish.may)
    pages.filters["sentence"] = sentence

    def show(page: str, request: Request, status: int = 200, /, **context: Any) -> Response:
        told = {"root": desk.root, "alone": desk.alone, "editor": None, **context}
        told.setdefault("csrf", desk.csrf(request.cookies.get(desk.cookie, "")))
        text = pages.get_template(f"{page}.html.jinja").render(told)
        return Response(text, status, PAGE, "text/html; charset=utf-8")

    return show
