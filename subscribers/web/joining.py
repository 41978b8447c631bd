"""Joining: a form, a mail, a button. No page tells whether an address was known."""

from fastapi import APIRouter, Request, Response
from fastapi.concurrency import run_in_threadpool
from starlette.datastructures import FormData

from subscribers import tokens, words
from subscribers.address import masked, normalise
from subscribers.errors import BadToken, InvalidAddress, Suppressed, Unwanted
from subscribers.web import forms
from subscribers.web.door import Door, Offer, Show, Standing
from subscribers.web.forms import Form

WORDING = "Yes, mail me these newsletters. I can leave at any time with one click."


def add(routes: APIRouter, door: Door, show: Show) -> None:
    """`/subscribe`, `/c/{token}` and `/a/{token}`."""

    @routes.api_route("/subscribe", methods=["GET", "HEAD"])
    def form_to_join(request: Request, newsletter: str = "") -> Response:
        offer = door.offer(forms.language(request))
        return show("subscribe", page=offer, wanted={newsletter})

    @routes.api_route("/subscribe/snippet", methods=["GET", "HEAD"])
    def snippet(request: Request) -> Response:
        return show("snippet", page=door.offer(forms.language(request)))

    _joining(routes, door, show)
    _confirming(routes, door, show, "/c/{token}", "confirm")
    _confirming(routes, door, show, "/a/{token}", "address")


def _joining(routes: APIRouter, door: Door, show: Show) -> None:
    @routes.post("/subscribe")
    async def join(form: Form, request: Request) -> Response:
        return await run_in_threadpool(_join, door, show, form, request)


def _join(door: Door, show: Show, form: FormData, request: Request) -> Response:
    offer = door.offer(forms.language(request))
    wanted = _wanted(form, offer)
    try:
        typed = forms.text(form, "email", 300)
        address = normalise(typed)
    except InvalidAddress:
        return show("subscribe", 422, page=offer, wrong=True, wanted=set(wanted), typed=typed)
    if not wanted:
        return show("subscribe", 422, page=offer, nothing=True, wanted=set(), typed=typed)
    puzzle, stamp = forms.text(form, "puzzle"), forms.text(form, "stamp")
    # A site's own form has no stamp, and what it showed we cannot attest.
    asked = forms.asked(request, words.translated(offer.language)(WORDING) if stamp else "")
    try:
        admission = door.admit(address, asked, puzzle, forms.text(form, "answer", 20))
    except Unwanted:
        return show("subscribe", 422, page=offer, unwanted=True, wanted=set(wanted), typed=typed)
    if admission == "puzzle":
        riddle = door.riddle(puzzle)
        told = {"address": address, "wanted": wanted, "stamp": stamp, "riddle": riddle}
        answer = show("puzzle", 429, page=offer, script="puzzle.js", again=bool(puzzle), **told)
        answer.headers["Retry-After"] = str(riddle.left)
        return answer
    # Nobody but a machine sees the field "website", let alone fills it in.
    if admission == "yes" and not forms.text(form, "website"):
        door.request(address, wanted, stamp, asked)
    busy = admission == "no"
    return show("check_mail", 429 if busy else 200, page=offer, address=masked(address), busy=busy)


def _wanted(form: FormData, offer: Offer) -> tuple[str, ...]:
    """What was ticked of what there is; the only newsletter need not be."""
    known = [offered.slug for offered in offer.newsletters]
    ticked = dict.fromkeys(forms.listed(form, "newsletter"))
    wanted = tuple(slug for slug in ticked if slug in known)
    return wanted or (tuple(known) if len(known) == 1 else ())


def _confirming(
    routes: APIRouter, door: Door, show: Show, path: str, purpose: tokens.Purpose
) -> None:
    @routes.api_route(path, methods=["GET", "HEAD"])
    def ask(token: str, request: Request) -> Response:
        try:
            standing = door.standing(token, purpose)
        except BadToken:
            return show("not_found", 404, language=forms.language(request))
        return show("confirm", page=standing, purpose=purpose)

    @routes.post(path)
    async def act(token: str, request: Request, form: Form) -> Response:
        del form
        try:
            shown = await run_in_threadpool(door.standing, token, purpose)
            asked = forms.asked(request, _question(shown, purpose))
            standing = await run_in_threadpool(door.confirm, token, asked, purpose)
        except (BadToken, Suppressed):
            return show("not_found", 404, language=forms.language(request))
        return show("confirmed", page=standing, purpose=purpose)


def _question(page: Standing, purpose: tokens.Purpose) -> str:
    """What the page asked and its button said: the wording of the proof, but not whose address."""
    say = words.translated(page.language)
    question = say("Mail %(newsletter)s to %(address)s?")
    if purpose == "address":
        question = say("From now on, mail your newsletters to %(address)s?")
    told = question % {"newsletter": page.newsletter, "address": "…"}
    return f"{told} {say('Yes, I confirm')}"
