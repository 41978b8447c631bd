"""Choosing: one page for all that a reader may want otherwise, each of it one button."""

from dataclasses import replace

from fastapi import APIRouter, Request, Response
from fastapi.concurrency import run_in_threadpool
from starlette.datastructures import FormData

from subscribers import words
from subscribers.errors import BadToken, InvalidAddress, TooMany, Unwanted
from subscribers.web import forms
from subscribers.web.door import Asked, Door, Show, Standing
from subscribers.web.forms import Form
from subscribers.zones import zone

VERDICTS = ("good", "fair", "poor")
LONGEST_PAUSE = 26  # weeks


def add(routes: APIRouter, door: Door, show: Show) -> None:
    """`/p/{token}` and `/f/{token}`."""

    @routes.api_route("/p/{token}", methods=["GET", "HEAD"])
    def ask(token: str, request: Request) -> Response:
        try:
            standing = door.standing(token, "preferences")
        except BadToken:
            return show("not_found", 404, language=forms.language(request))
        return show("preferences", page=standing)

    @routes.post("/p/{token}")
    async def act(token: str, form: Form, request: Request) -> Response:
        return await run_in_threadpool(_act, door, show, token, form, forms.asked(request))

    @routes.api_route("/f/{token}", methods=["GET", "HEAD"])
    def asks(token: str, request: Request) -> Response:
        try:
            standing = door.standing(token, "feedback")
        except BadToken:
            return show("not_found", 404, language=forms.language(request))
        return show("feedback", page=standing, verdicts=VERDICTS)

    @routes.post("/f/{token}")
    async def opine(token: str, form: Form, request: Request) -> Response:
        verdict = forms.text(form, "verdict")
        comment = forms.text(form, "comment", 2000)
        try:
            if verdict not in VERDICTS:
                standing = await run_in_threadpool(door.standing, token, "feedback")
                return show("feedback", 422, page=standing, verdicts=VERDICTS)
            standing = await run_in_threadpool(door.give_feedback, token, verdict, comment)
        except BadToken:
            return show("not_found", 404, language=forms.language(request))
        return show("feedback", page=standing, thanked=True)


def _act(door: Door, show: Show, token: str, form: FormData, asked: Asked) -> Response:
    try:
        match forms.text(form, "act"):
            case "pause":
                weeks = forms.text(form, "weeks", 3)
                standing = door.pause(token, _weeks(weeks))
            case "address":
                return _moved(door, show, token, forms.text(form, "address", 300), asked)
            case "language":
                standing = door.speak(token, words.known(forms.text(form, "language")))
            case "timezone":
                standing = door.locate(token, zone(forms.text(form, "timezone")))
            case "join":
                return _joined(door, show, token, forms.listed(form, "newsletter"), asked)
            case "leave":
                return show("left", page=door.leave_all(token), everything=True)
            case _:
                return _chosen(door, show, token, form)
        return show("preferences", page=standing, saved=True)
    except BadToken:
        return show("not_found", 404, language=asked.language)
    except ValueError:  # a zone or a pause that the page does not offer
        return show("preferences", 422, page=door.standing(token, "preferences"), unsaved=True)


def _weeks(text: str) -> int:
    """The weeks of a pause; 0, which ends it, only where none are named. Raises ValueError."""
    if text and not (text.isascii() and text.isdigit()):
        raise ValueError
    return min(int(text or 0), LONGEST_PAUSE)


def _joined(door: Door, show: Show, token: str, wanted: tuple[str, ...], asked: Asked) -> Response:
    page = door.standing(token, "preferences")
    say, titles = (
        words.translated(page.language),
        [o.title for o in page.others if o.slug in wanted],
    )
    offer = f"{say('Our other newsletters')}: {', '.join(titles)}. {say('Get these as well')}"
    standing = door.join_more(token, wanted, replace(asked, wording=offer))
    return show("preferences", page=standing, mailed=True)


def _chosen(door: Door, show: Show, token: str, form: FormData) -> Response:
    standing = door.standing(token, "preferences")
    wanted = forms.chosen(form, standing.sections, standing.sectors)
    if _is_nothing(standing, wanted.sections):
        return show("preferences", 422, page=standing, nothing=True)
    return show("preferences", page=door.choose(token, wanted), saved=True, chosen=True)


def _is_nothing(standing: Standing, sections: frozenset[str] | None) -> bool:
    return bool(standing.sections) and sections == frozenset()


def _moved(door: Door, show: Show, token: str, address: str, asked: Asked) -> Response:
    try:
        return show("preferences", page=door.move(token, address, asked), mailed=True)
    except TooMany:
        standing = door.standing(token, "preferences")
        return show("preferences", 429, page=standing, busy=True, unsaved=True)
    except (InvalidAddress, Unwanted) as error:
        standing, unwanted = door.standing(token, "preferences"), isinstance(error, Unwanted)
        told = {"wrong": not unwanted, "unwanted": unwanted, "typed": address}
        return show("preferences", 422, page=standing, **told)
