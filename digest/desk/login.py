"""Logging in and out. Whether a name is known, no answer tells; who tries too often has to wait."""

import secrets
from datetime import timedelta
from typing import Any

from fastapi import APIRouter, Request, Response
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import RedirectResponse
from starlette.datastructures import FormData

from digest import publish
from digest.desk.door import PAGE, Desk, Show
from digest.publish import STAYS
from subscribers.limiting import network
from subscribers.web.forms import Form, text

KNOWN = timedelta(days=365)
"""How long a browser is known in which somebody logged in."""
FORM = "form"  # the cookie that binds the form to the browser that asked for it
_WAIT = "That was tried too often. Wait ten minutes, then try again."
_WRONG = "This name and this password do not belong together."


def add(routes: APIRouter, desk: Desk, show: Show) -> None:
    """`/login` and `/logout`."""

    @routes.get("/login")
    def ask(request: Request) -> Response:
        desk.refuse_foreign_hosts(request)
        return _page(desk, show, request)

    @routes.post("/login")
    async def act(request: Request, form: Form) -> Response:
        desk.refuse_foreign_hosts(request)
        nonce = request.cookies.get(desk.cookie_of(FORM)) or secrets.token_hex()
        desk.refuse_forged(request, form, nonce)
        name = text(form, "name", 300)
        asking, now = network(request.client.host if request.client else ""), desk.clock()
        known = request.cookies.get(desk.cookie_of("browser"), "")[:200]
        tried: dict[str, Any] = {"network": asking, "name": name.strip(), "now": now}
        tried["browser"] = known
        # Counted beforehand, so that many at once are no way around it.
        if not await run_in_threadpool(publish.may_try, desk.house, **tried):
            return _page(desk, show, request, 429, _WAIT, name)
        token = await run_in_threadpool(_log_in, desk, name, form)
        if not token:
            return _page(desk, show, request, 403, _WRONG, name)
        await run_in_threadpool(publish.tried_rightly, desk.house, **tried)
        return _welcome(desk, request, name, token)

    @routes.post("/logout")
    async def leave(request: Request, form: Form) -> Response:
        desk.refuse_foreign_hosts(request)
        desk.refuse_forged(request, form)
        token = request.cookies.get(desk.cookie, "")
        await run_in_threadpool(publish.log_out, desk.house, token)
        answer = RedirectResponse(f"{desk.root}/login", 303, PAGE)
        answer.delete_cookie(desk.cookie, path="/", secure=desk.is_secure, httponly=True)
        return answer


def _page(
    desk: Desk, show: Show, request: Request, status: int = 200, said: str = "", name: str = ""
) -> Response:
    kept = desk.cookie_of(FORM)
    nonce = request.cookies.get(kept) or secrets.token_urlsafe(16)
    next_ = _inside(request.query_params.get("next", ""))
    context = {"said": said, "name": name, "next": next_, "csrf": desk.csrf(nonce)}
    answer = show("login", request, status, **context)
    answer.set_cookie(
        kept, nonce, path="/", httponly=True, samesite="strict", secure=desk.is_secure
    )
    return answer


def _welcome(desk: Desk, request: Request, name: str, token: str) -> Response:
    """On to where they wanted to go; from now on the browser is known as theirs."""
    target = desk.root + _inside(request.query_params.get("next", ""))
    answer = RedirectResponse(target, 303, PAGE)
    _keep(desk, answer, desk.cookie, token, STAYS)
    mark = publish.browser_mark(desk.house, name)
    _keep(desk, answer, desk.cookie_of("browser"), mark, KNOWN)
    return answer


def _keep(desk: Desk, answer: Response, cookie: str, kept: str, age: timedelta) -> None:
    # Lax: the link of a notice, opened from webmail, finds the editor logged in.
    answer.set_cookie(
        cookie, kept, max_age=int(age.total_seconds()), path="/", httponly=True, samesite="lax",
        secure=desk.is_secure,
    )  # fmt: skip


def _log_in(desk: Desk, name: str, form: FormData) -> str:
    # One character more than the longest: what was cut is no password.
    return publish.log_in(desk.house, name, text(form, "password", 1000), now=desk.clock())


def _inside(path: str) -> str:
    """Where to go after logging in: a page of the desk, whatever the address says."""
    plain = path.startswith("/") and not path.startswith("//") and "\\" not in path
    return path if plain and path.isprintable() and ".." not in path else ""
