"""One issue on the desk: its outline, its mail, and what stands beside it.

The whole page, and the parts that htmx asks for anew. Never here: what a change does.
"""

from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from fastapi import APIRouter, Request, Response

from digest import publish
from digest.desk import times
from digest.desk.door import Desk, Show
from digest.desk.mail import Press
from digest.desk.views import VIEWS, View, view_of
from digest.errors import DigestError
from digest.publish import DeskFinding, DueLine, Editor, IssueRecord
from subscribers.errors import SubscriberError

CLIPPED = 102_000  # bytes of HTML at which Gmail cuts a mail
RECENT = 12  # steps of the history that stand beside the issue
Context = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Sheets:
    """Makes what the parts of an issue's page show."""

    desk: Desk
    press: Press

    def page(self, request: Request, newsletter: str, number: int, editor: Editor) -> Context:
        """All of the page."""
        record = self.desk.house.issue(newsletter, number)
        view = view_of(request.query_params)
        outline = self.outline(record, view, editor)
        return {**outline, **self.stage(record, view), **self.beside(record)}

    def outline(self, record: IssueRecord, view: View, editor: Editor) -> Context:
        """The bar and the outline: what an edit changes at once."""
        house, slug, number = self.desk.house, record.issue.newsletter, record.issue.number
        due = _due(self.desk, record)
        reach = publish.reach(house, record, now=self.desk.clock())
        return {
            "it": publish.desk_issue(house, slug, number),
            "record": record,
            "here": f"{self.desk.root}/{slug}/{number}",
            "view": view,
            "views": VIEWS,
            "mark": self.press.version(record),
            "editor": editor,
            "due": due,
            "reach": reach,
            "readers": f"{reach.readers:,} reader{'' if reach.readers == 1 else 's'}",
            "until": times.until(due.due - self.desk.clock()) if due else "",
            "day": times.Days(record.issue.timezone),
            "changed": self._has_changed(record),
            "account": publish.account(house, record) if record.state != "draft" else None,
            "fault": self.desk.watched.fault,
        }

    def stage(self, record: IssueRecord, view: View) -> Context:
        """The mail as it is looked at."""
        proof, trouble = None, None
        try:
            proof = self.press.proof(record, view)
        except (DigestError, SubscriberError) as error:
            trouble = error
        names = [section.name for section in record.issue.sections]
        names += ["Trending"] * bool(record.issue.trending)
        return {"proof": proof, "trouble": trouble, "section_names": names}

    def beside(self, record: IssueRecord) -> Context:
        """What stands against the issue, who gets it, what changed."""
        house, slug, number = self.desk.house, record.issue.newsletter, record.issue.number
        found = self.found(record)
        proof = self.stage(record, View())["proof"]
        size = len(proof.html.encode()) if proof else 0
        return {
            "findings": found,
            "errors": sum(one.severity == "error" for one in found),
            **_by_place(found),
            "size": size,
            "clipped": CLIPPED,
            "since_issue": publish.changes(house, slug, "issue", number),
            "since_approval": publish.changes(house, slug, "approval", number),
            "history": publish.history(house, slug, number)[: -RECENT - 1 : -1],
        }

    def found(self, record: IssueRecord) -> Sequence[DeskFinding]:
        """What preflight finds; what keeps the mail from being made at all is a finding, too."""
        house, slug, number = self.desk.house, record.issue.newsletter, record.issue.number
        try:
            return self.press.once(
                lambda: publish.findings(house, slug, number), "found", record.id, record.issue
            )
        except DigestError as error:
            return [DeskFinding("rendering", "error", error.what, error.remedy, "the issue")]

    def marked(self, record: IssueRecord) -> Context:
        """What is known already of what stands against it, by its places; nothing is examined."""
        known = self.press.made("found", record.id, record.issue)
        return _by_place(known if isinstance(known, tuple) else ())

    def _has_changed(self, record: IssueRecord) -> bool:
        """Whether it is approved, but would not look as it did then."""
        if record.state != "approved":
            return False
        house = self.desk.house
        try:
            now = self.press.once(
                lambda: publish.content_hash(house, record), "hash", record.id, record.issue
            )
        except DigestError:
            return True
        return now != record.approved_hash


def add(routes: APIRouter, desk: Desk, sheets: Sheets, show: Show) -> None:
    """The page of an issue, and its parts."""

    @routes.get("/{newsletter}/{number:issue}")
    def page(newsletter: str, number: int, request: Request) -> Response:
        editor = desk.sitting(request)
        return show("issue", request, **sheets.page(request, newsletter, number, editor))

    @routes.get("/{newsletter}/{number:issue}/outline")
    def outline(newsletter: str, number: int, request: Request) -> Response:
        return changed(sheets, show, request, newsletter, number)

    @routes.get("/{newsletter}/{number:issue}/beside")
    def beside(newsletter: str, number: int, request: Request) -> Response:
        context = sheets.page(request, newsletter, number, desk.sitting(request))
        return show("checked", request, **context)

    @routes.get("/{newsletter}/{number:issue}/candidates")
    def candidates(
        newsletter: str, number: int, request: Request, q: str = "", where: str = ""
    ) -> Response:
        editor = desk.sitting(request)
        record = desk.house.issue(newsletter, number)
        found = publish.candidates(desk.house, newsletter, q[:200], now=desk.clock(), number=number)
        context = sheets.outline(record, view_of(request.query_params), editor)
        name = "candidates" if "hx-request" in request.headers else "candidates_page"
        place = "left" if where == "left" else "found"
        return show(name, request, **context, candidates=found, q=q[:200], where=place)


def changed(
    sheets: Sheets,
    show: Show,
    request: Request,
    newsletter: str,
    number: int,
    status: int = 200,
    **said: Any,
) -> Response:
    """The parts that an edit changes, for htmx to put in their places."""
    editor = sheets.desk.sitting(request)
    record = sheets.desk.house.issue(newsletter, number)
    context = sheets.outline(record, view_of(request.query_params), editor)
    acted = request.method == "POST"  # else what was said before still stands
    known = {"errors": 0, "what": "", "remedy": "", "again": (), "acted": acted, "heard": ""}
    return show("changed", request, status, **{**known, **sheets.marked(record), **context, **said})


def _by_place(found: Sequence[DeskFinding]) -> Context:
    return {
        "by_story": _by(found, lambda one: one.story),
        "by_field": _by(found, lambda one: "" if one.story else one.field),
    }


def _by(
    found: Sequence[DeskFinding], name: Callable[[DeskFinding], str]
) -> dict[str, list[DeskFinding]]:
    sorted_: dict[str, list[DeskFinding]] = defaultdict(list)
    for one in found:
        sorted_[name(one)].append(one)
    return dict(sorted_)


def _due(desk: Desk, record: IssueRecord) -> DueLine | None:
    """When the issue goes out, as far as the schedule knows."""
    slug, now = record.issue.newsletter, desk.clock()
    lines = publish.due_lines(desk.house, slug, now=now, count=2)
    own = [line for line in lines if line.number == record.issue.number]
    open_ = [line for line in lines if not line.left_out and not line.number]
    newest = record.state in {"draft", "approved"}
    return next(iter(own), None) or (next(iter(open_), None) if newest else None)
