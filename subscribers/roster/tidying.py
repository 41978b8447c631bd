"""The roster's way out for what need not be kept: looked for while reading, erased in small parts.

To look for it goes over every reader; on SQLite nobody else could write meanwhile, and who leaves
by one click would wait. So it is looked for without a lock, and each part is written on condition
that it is still so. Never here: who asks to be forgotten (forgetting).
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, delete, exists, or_, select, update
from sqlmodel import Session, col

from subscribers.consent import Event
from subscribers.roster.changing import append, change
from subscribers.roster.notices import OPEN, STOPPED
from subscribers.roster.tables import (
    ConsentEventRow,
    NoticeRow,
    ReportRow,
    SubscriberRow,
    SubscriptionRow,
)

LOOKED_FOR = 50_000  # rows of a kind at once: to look goes over the whole table
BATCH = 500  # of them that are erased in one transaction


@dataclass(frozen=True, slots=True)
class Keeping:
    """How long IP addresses and programs, and the bytes of reports, are kept."""

    addresses: timedelta
    raw: timedelta


class Overdue(NamedTuple):
    """The numbers of rows that need not be kept, or of a part of them."""

    requests: Sequence[int] = ()
    people: Sequence[int] = ()
    events: Sequence[int] = ()
    reports: Sequence[int] = ()
    notices: Sequence[int] = ()

    def parts(self) -> Iterator["Overdue"]:
        """The same in parts that are soon written."""
        for start in range(0, max(map(len, self)), BATCH):
            yield Overdue(*(numbers[start : start + BATCH] for numbers in self))


def overdue(session: Session, now: datetime, keeping: Keeping) -> Overdue:
    """What need not be kept: requests that nobody confirmed in 7 days, people of whom no more than
    that was known, notices that nobody can answer any more, and what is older than `keeping`.
    """
    kinds = (
        (SubscriptionRow, _unanswered(now)),
        (SubscriberRow, _gone(now)),
        (ConsentEventRow, _traced(now - keeping.addresses)),
        (ReportRow, _whole(now - keeping.raw)),
        (NoticeRow, _over(now)),
    )
    return Overdue(*(_numbers(session, row, condition) for row, condition in kinds))


def tidy(session: Session, found: Overdue, now: datetime, keeping: Keeping) -> dict[str, int]:
    """Erase what was found, as far as it is still so; how many of each."""
    event, report = ConsentEventRow, ReportRow
    run = session.connection().execute
    traced = (col(event.id).in_(found.events), _traced(now - keeping.addresses))
    whole = (col(report.id).in_(found.reports), _whole(now - keeping.raw))
    asked = (col(SubscriptionRow.id).in_(found.requests), _unanswered(now))
    owed = (col(NoticeRow.id).in_(found.notices), _over(now))
    return {
        "requests given back": _give_back(session, found.requests, now),
        "requests": run(delete(SubscriptionRow).where(*asked)).rowcount,
        "subscribers": _erase(session, found.people, now),
        "IP addresses": run(update(event).where(*traced).values(ip="", agent="")).rowcount,
        "reports": run(update(report).where(*whole).values(raw=None)).rowcount,
        # The address in one may be a stranger's, whom a reader wanted their mail to go to.
        "notices": run(delete(NoticeRow).where(*owed)).rowcount,
    }


def _numbers(session: Session, row: Any, condition: ColumnElement[bool]) -> Sequence[int]:
    query = select(col(row.id)).where(condition).order_by(col(row.id)).limit(LOOKED_FOR)
    return session.connection().scalars(query).all()


def _unanswered(now: datetime) -> ColumnElement[bool]:
    row = SubscriptionRow
    return (col(row.state) == "requested") & (col(row.changed_at) < now - OPEN)


def _gone(now: datetime) -> ColumnElement[bool]:
    person, notice = SubscriberRow, NoticeRow
    held = exists().where(col(SubscriptionRow.subscriber_id) == col(person.id))
    waits = exists().where(
        col(notice.subscriber_id) == col(person.id), col(notice.asked_at) >= now - OPEN
    )
    return (col(person.created_at) < now - OPEN) & ~held & ~waits


def _traced(before: datetime) -> ColumnElement[bool]:
    row = ConsentEventRow
    return (col(row.at) < before) & ((col(row.ip) != "") | (col(row.agent) != ""))


def _whole(before: datetime) -> ColumnElement[bool]:
    return (col(ReportRow.at) < before) & col(ReportRow.raw).is_not(None)


def _over(now: datetime) -> ColumnElement[bool]:
    row = NoticeRow
    return col(row.state).in_(("sent", "refused")) & or_(
        (col(row.kind) != "stopped") & (col(row.asked_at) < now - OPEN),
        col(row.asked_at) < now - STOPPED,
    )


def _give_back(session: Session, requests: Sequence[int], now: datetime) -> int:
    """Who left, asked to come back and never confirmed, has still left; their proof says so, too.
    How many that are."""
    event, sub, old = ConsentEventRow, SubscriptionRow, _unanswered(now)
    left = exists().where(
        col(event.subscriber_id) == col(sub.subscriber_id),
        col(event.newsletter) == col(sub.newsletter),
        col(event.kind) == "withdrawn",
    )
    query = select(col(sub.subscriber_id), col(sub.newsletter))
    query = query.where(col(sub.id).in_(requests), old, left)
    given_back = 0
    for number, slug in session.connection().execute(query).all():
        # On condition: somebody may confirm between the question and this. `changed_at` stays:
        # nobody left just now, and so nobody's link undoes it.
        if change(session, number, slug, {"state": "withdrawn"}, old):
            append(session, number, slug, Event("withdrawn", now, "unanswered"))
            given_back += 1
    return given_back


def _erase(session: Session, people: Sequence[int], now: datetime) -> int:
    """Erase people of whom nothing is known. One who asks at this moment waits for us, or we for
    them, and then they are somebody."""
    person = SubscriberRow
    mine = col(person.id).in_(people)
    session.connection().execute(select(col(person.id)).where(mine).with_for_update()).all()
    return session.connection().execute(delete(person).where(mine, _gone(now))).rowcount
