"""The reader's pages: joining, choosing, leaving (RFC 8058). A router that decides nothing.

    door        what the application does for these pages, and the values that they show
    forms       bodies read within limits; what was ticked
    joining     subscribe, check your mail, confirm; a new address
    choosing    preferences, a pause, the language, feedback
    leaving     unsubscribe, by one click or by a page; why; and back again

A GET or HEAD never changes anything: scanners follow links. No cookie, login or other header is
read, and nobody's token or form is logged. Never here: keys, sessions, the state of a subscriber;
all of that is behind the Door, which the application brings.
"""

from typing import Any

import jinja2
from fastapi import APIRouter, Response
from markupsafe import Markup

from subscribers import words, zones
from subscribers.web import choosing, joining, leaving
from subscribers.web.door import Door, Leaving, Offer, Offered, Page, Riddle, Show, Standing
from subscribers.web.forms import HEADERS, LARGEST, with_script

__all__ = [
    "HEADERS",
    "LARGEST",
    "Door",
    "Leaving",
    "Offer",
    "Offered",
    "Page",
    "Riddle",
    "Standing",
    "router",
    "shown",
]


# What a page may be told, and is not; templates are strict about names.
NOTHING: dict[str, Any] = {
    "page": None, "story": None, "reasons": (), "token": "", "saved": False, "mailed": False,
    "wrong": False, "nothing": False, "thanked": False, "everything": False, "script": "",
    "typed": "", "busy": False, "unsaved": False, "chosen": False, "unwanted": False,
}  # fmt: skip


def router(door: Door, pages: jinja2.Environment) -> APIRouter:
    """The routes of all pages, shown with `web/*.html.jinja` of these templates, which know the
    publisher's `theme` (digest.theme).
    """
    show = shown(door, pages)
    routes = APIRouter(include_in_schema=False)
    for part in (leaving, choosing, joining):
        part.add(routes, door, show)
    return routes


def shown(door: Door, pages: jinja2.Environment) -> Show:
    """What makes a page of its name, its status and what it is told."""
    # ".html.jinja" is not what select_autoescape() looks for, so it is said here.
    environment = pages.overlay(autoescape=True)

    def show(name: str, status: int = 200, **context: Any) -> Response:
        page = context.get("page") or door.offer(context.pop("language", ""))
        language = page.language
        context = NOTHING | context | {"page": page}
        context |= {
            "_": words.marked(language),
            "lang": words.known(language),
            "dir": words.direction(language),
            "languages": words.LANGUAGES,
            "zones": zones.by_region,
            "day": words.day,
            "name": words.apart(page.newsletter),
        }
        headers = HEADERS
        if context["script"]:
            script = environment.get_template(f"web/{context['script']}").render()
            context["script"], headers = Markup(script), with_script(script)  # noqa: S704 - ours
        text = environment.get_template(f"web/{name}.html.jinja").render(context)
        return Response(text, status, headers, "text/html; charset=utf-8")

    return show
