"""The two acts: a test to any address, and the approval of what the editor has seen."""

from fastapi import APIRouter, Request, Response
from fastapi.responses import RedirectResponse

from digest import publish
from digest.desk.door import PAGE, Desk, Show
from digest.desk.issue import Sheets, changed
from subscribers.web.forms import Form, text


def add(routes: APIRouter, desk: Desk, sheets: Sheets, show: Show) -> None:
    """`/test` and `/approve` of an issue."""

    def done(request: Request, newsletter: str, number: int, what: str) -> Response:
        if "hx-request" in request.headers:
            return changed(sheets, show, request, newsletter, number, what=what)
        editor = desk.sitting(request)
        context = sheets.page(request, newsletter, number, editor)
        return show("issue", request, **{**context, "what": what})

    @routes.post("/{newsletter}/{number:issue}/test")
    def test(newsletter: str, number: int, request: Request, form: Form) -> Response:
        editor = desk.sitting(request)
        desk.refuse_forged(request, form)
        record = desk.house.issue(newsletter, number)
        to = text(form, "to", 300)
        if not desk.alone:  # else whoever has the machine could as well type `digest test`
            publish.count_test(desk.house, editor.name, now=desk.clock())
        outcome = publish.send_test(desk.house, record, to, clock=desk.clock)
        return done(request, newsletter, number, f"A test went to {to}: {outcome.reply.text}")

    @routes.post("/{newsletter}/{number:issue}/approve")
    def approve(newsletter: str, number: int, request: Request, form: Form) -> Response:
        editor = desk.sitting(request)
        desk.refuse_forged(request, form)
        desk.refuse_below(editor, "approver")
        record = desk.house.issue(newsletter, number)
        seen = text(form, "mark")
        publish.approve(
            desk.house, newsletter, number, by=editor.name, now=desk.clock(),
            version=record.version, as_seen=lambda: seen == sheets.press.version(record, anew=True),
        )  # fmt: skip
        if "hx-request" in request.headers:
            return changed(sheets, show, request, newsletter, number, what="Approved.")
        return RedirectResponse(f"{desk.root}/{newsletter}/{number}", 303, PAGE)
