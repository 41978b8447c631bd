"""What there is: the issues of every newsletter, what is being sent, and what comes when."""

from dataclasses import dataclass
from datetime import datetime

from fastapi import APIRouter, Request, Response

from digest import publish
from digest.desk.door import Desk, Show
from digest.publish import Account, DueLine, House, IssueRecord

LISTED = 20
COMING = 3


@dataclass(frozen=True, slots=True)
class Shelf:
    """One newsletter: its issues, the newest first, and the due times to come."""

    slug: str
    title: str
    issues: tuple[tuple[IssueRecord, Account | None], ...]
    due: tuple[DueLine, ...]


def add(routes: APIRouter, desk: Desk, show: Show) -> None:
    """`/desk` itself."""

    @routes.get("/")
    @routes.get("")
    def everything(request: Request) -> Response:
        editor = desk.sitting(request)
        house, now = desk.house, desk.clock()
        shelves = [_shelf(house, slug, now) for slug in house.settings.newsletter]
        return show("issues", request, editor=editor, shelves=shelves, now=now)


def _shelf(house: House, slug: str, now: datetime) -> Shelf:
    records = house.issues(slug, LISTED)
    title = house.settings.newsletter[slug].title
    issues = tuple((record, _account(house, record)) for record in records)
    due = publish.due_lines(house, slug, now=now, count=COMING)
    return Shelf(slug, title, issues, tuple(due))


def _account(house: House, record: IssueRecord) -> Account | None:
    return publish.account(house, record) if record.state in {"sending", "sent"} else None
