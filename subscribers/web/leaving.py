"""Leaving: the link of every mail. GET asks, POST acts; RFC 8058's POST acts without a word."""

from fastapi import APIRouter, Request, Response
from fastapi.concurrency import run_in_threadpool

from subscribers import words
from subscribers.errors import BadToken
from subscribers.web import forms
from subscribers.web.door import Door, Show, Standing
from subscribers.web.forms import HEADERS, Form

REASONS = ("too many", "not interested", "never asked", "other")


def add(routes: APIRouter, door: Door, show: Show) -> None:
    """`/u/{token}`, and what may follow it."""

    @routes.api_route("/u/{token}", methods=["GET", "HEAD"])
    def ask(token: str, request: Request, story: str = "") -> Response:
        try:
            standing = door.standing(token, "unsubscribe")
        except BadToken:
            return show("not_found", 404, language=forms.language(request))
        return show("unsubscribe", page=standing, story=_place(story))

    @routes.post("/u/{token}")
    async def leave(token: str, form: Form, request: Request) -> Response:
        page = "page" in form
        how = "page" if page else "one-click"
        place = _place(forms.text(form, "story"))
        reason = forms.text(form, "reason")
        try:
            left = await run_in_threadpool(door.leave, token, how, reason, place)
        except BadToken:
            return show("not_found", 404, language=forms.language(request))
        if page:
            return show("left", page=left, token=token, reasons=REASONS)
        # Whatever the body says: the link alone is the mandate (RFC 8058 section 3.1), and no
        # redirect or page may answer it (section 3.2).
        text = f"You are unsubscribed from {left.newsletter}.\n"
        return Response(text, 200, HEADERS, "text/plain; charset=utf-8")

    _afterwards(routes, door, show)


def _place(story: str) -> int | None:
    """The place of the story next to the link; a damaged one leaves as well."""
    return int(story) if story.isascii() and story.isdigit() and len(story) < 5 else None


def _afterwards(routes: APIRouter, door: Door, show: Show) -> None:
    @routes.post("/u/{token}/why")
    async def why(token: str, form: Form, request: Request) -> Response:
        said = [forms.text(form, "reason"), forms.text(form, "comment", 500)]
        try:
            left = await run_in_threadpool(door.say_why, token, ": ".join(filter(None, said)))
        except BadToken:
            return show("not_found", 404, language=forms.language(request))
        return show("left", page=left, token=token, thanked=True)

    @routes.post("/u/{token}/back")
    async def back(token: str, form: Form, request: Request) -> Response:
        often = forms.text(form, "frequency")
        try:
            shown = await run_in_threadpool(door.standing, token, "unsubscribe")
            asked = forms.asked(request, _offer(shown, often))
            standing = await run_in_threadpool(door.come_back, token, often, asked)
        except BadToken:
            return show("not_found", 404, language=forms.language(request))
        return show("back", page=standing)


def _offer(page: Standing, often: str) -> str:
    """What the page said and the button asked: the wording of the proof."""
    say = words.translated(page.language)
    left = say("You have left %(newsletter)s") % {"newsletter": page.newsletter}
    again = say("It was a mistake: come back")
    return f"{left}. {say('Come back, but once a week at most') if often == 'weekly' else again}"
