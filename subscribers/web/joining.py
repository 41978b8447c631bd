"""Joining: a form, a mail, a button. No page tells whether an address was known."""

from fastapi import APIRouter, BackgroundTasks, Request, Response
from fastapi.concurrency import run_in_threadpool

from subscribers import tokens, words
from subscribers.address import masked, normalise
from subscribers.errors import BadToken, InvalidAddress, Suppressed
from subscribers.web import forms
from subscribers.web.door import Door, Show
from subscribers.web.forms import Form

WORDING = "Yes, mail me these newsletters. I can leave at any time with one click."


def add(routes: APIRouter, door: Door, show: Show) -> None:
    """`/subscribe`, `/c/{token}` and `/a/{token}`."""

    @routes.api_route("/subscribe", methods=["GET", "HEAD"])
    def form_to_join(request: Request, newsletter: str = "") -> Response:
        offer = door.offer(_language(request))
        return show("subscribe", page=offer, wanted={newsletter})

    @routes.api_route("/subscribe/snippet", methods=["GET", "HEAD"])
    def snippet(request: Request) -> Response:
        return show("snippet", page=door.offer(_language(request)))

    _joining(routes, door, show)
    _confirming(routes, door, show, "/c/{token}", "confirm")
    _confirming(routes, door, show, "/a/{token}", "address")


def _joining(routes: APIRouter, door: Door, show: Show) -> None:
    @routes.post("/subscribe")
    async def join(form: Form, request: Request, later: BackgroundTasks) -> Response:
        offer = await run_in_threadpool(door.offer, _language(request))
        known = {offered.slug for offered in offer.newsletters}
        wanted = tuple(slug for slug in forms.listed(form, "newsletter") if slug in known)
        if not wanted and len(known) == 1:
            wanted = tuple(known)
        try:
            address = normalise(forms.text(form, "email", 300))
        except InvalidAddress:
            return show("subscribe", 422, page=offer, wrong=True, wanted=set(wanted))
        if not wanted:
            return show("subscribe", 422, page=offer, nothing=True, wanted=set())
        asked = forms.asked(request, words.translated(offer.language)(WORDING))
        if not door.admit(address, asked):
            return show("check_mail", 429, page=offer, address=masked(address))
        # Nobody but a machine sees this field, let alone fills it in.
        if not forms.text(form, "website"):
            stamp = forms.text(form, "stamp")
            later.add_task(door.request, address, wanted, stamp, asked)
        answer = show("check_mail", page=offer, address=masked(address))
        answer.background = later
        return answer


def _confirming(
    routes: APIRouter, door: Door, show: Show, path: str, purpose: tokens.Purpose
) -> None:
    @routes.api_route(path, methods=["GET", "HEAD"])
    def ask(token: str) -> Response:
        try:
            standing = door.standing(token, purpose)
        except BadToken:
            return show("not_found", 404)
        return show("confirm", page=standing, purpose=purpose)

    @routes.post(path)
    async def act(token: str, request: Request, form: Form) -> Response:
        del form
        asked = forms.asked(request)
        try:
            standing = await run_in_threadpool(door.confirm, token, asked, purpose)
        except (BadToken, Suppressed):
            return show("not_found", 404)
        return show("confirmed", page=standing, purpose=purpose)


def _language(request: Request) -> str:
    return words.preferred(request.headers.get("accept-language", ""), "")
