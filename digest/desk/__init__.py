"""The desk: where an editor looks at an issue, changes it, tests it and approves it. A door.

    door        who sits there, forms that are our own, headers, pages
    login       names and passwords
    watching    settings and templates as they are on the disk now
    views       by whose eyes, at which width, as what
    mail        the mail itself, behind bars
    news        a browser hears that something changed
    issues      what there is, and what comes when
    issue       one issue: its outline, its mail, what stands against it
    editing     a form -> one change, saved at once
    acting      the test, the approval
    times       moments as an editor reads them
    pages/      templates; static/ what they load, htmx among it

`digest preview` opens it on loopback with no login; under `digest serve` it asks for one.
Every page works without scripts, by forms and links; htmx spares the reloading.
Never here: a decision about an issue, or what a change does to it (`publish`).
"""

from collections.abc import Callable, Coroutine
from typing import Any

from fastapi import APIRouter, HTTPException, Request, Response
from fastapi.responses import FileResponse
from fastapi.routing import APIRoute

from digest.desk import acting, editing, issue, issues, login, mail, news
from digest.desk.door import STATIC, Desk, Show, shower
from digest.desk.watching import Watched
from digest.errors import DigestError, NoSuchIssue, NoSuchNewsletter
from subscribers.errors import SubscriberError
from subscribers.web import HEADERS

__all__ = ["Desk", "Watched", "router"]
_KEPT = {
    "Cache-Control": "public, max-age=31536000, immutable",
    "X-Content-Type-Options": "nosniff",
}
_NOWHERE = (NoSuchIssue, NoSuchNewsletter)
_LOADED = {"desk.css": "text/css", "desk.js": "text/javascript", "htmx.min.js": "text/javascript"}


def router(desk: Desk) -> APIRouter:
    """The routes of the desk, all of them under /desk."""
    show = shower(desk)
    routes = APIRouter(prefix="/desk", include_in_schema=False, route_class=_polite(show))
    press = mail.Press(desk)
    login.add(routes, desk, show)
    issues.add(routes, desk, show)
    sheets = issue.Sheets(desk, press)
    issue.add(routes, desk, sheets, show)
    editing.add(routes, desk, sheets, show)
    acting.add(routes, desk, sheets, show)
    mail.add(routes, desk, press, show)
    news.add(routes, desk, press)

    @routes.get("/static/{name}")
    def static(name: str, request: Request) -> Response:
        desk.refuse_foreign_hosts(request)
        if name not in _LOADED:
            raise HTTPException(404, "There is no such file.", HEADERS)
        return FileResponse(STATIC / name, headers=_KEPT, media_type=_LOADED[name])

    return routes


def _polite(show: Show) -> type[APIRoute]:
    """Routes whose refusals are pages: one sentence, and the remedy."""

    class Polite(APIRoute):
        def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
            """FastAPI's, its errors translated."""
            handle = super().get_route_handler()

            async def handled(request: Request) -> Response:
                try:
                    return await handle(request)
                except (DigestError, SubscriberError) as error:
                    status = 404 if isinstance(error, _NOWHERE) else 422
                    return stopped(show, request, status, str(error), getattr(error, "remedy", ""))
                except HTTPException as error:
                    if "Location" in (error.headers or {}) or "HX-Redirect" in (
                        error.headers or {}
                    ):
                        raise
                    return stopped(show, request, error.status_code, str(error.detail))

            return handled

    return Polite


def stopped(show: Show, request: Request, status: int, what: str, remedy: str = "") -> Response:
    """Why something was not done: a page of its own, or a line on the page that asked by htmx."""
    if "hx-request" not in request.headers:
        return show("stopped", request, status, what=what, remedy=remedy)
    answer = show("said", request, status, what=what, remedy=remedy)
    answer.headers["HX-Retarget"] = "#word"
    answer.headers["HX-Reswap"] = "outerHTML"
    return answer
