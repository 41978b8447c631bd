"""The list of an issue: one delivery for each recipient, before anybody is mailed.

A long list is written in portions, so that the first messages needn't wait for the last rows and
nobody else for the database. Who is on it was settled when it was opened: `Unwritten` says by
what, and how far it is. A portion and the new sum are one transaction, so that the deliveries and
`recipients` are equal at every moment, and what is left after a kill is exactly the rest.
Never here: who may be mailed (the query comes from outside).
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import case, exists, insert, literal, select, update
from sqlmodel import Session, col, func

from digest.ledger.moving import MORNING, TABLE, count
from digest.ledger.tables import DeliveryRow, SendingRow


@dataclass(frozen=True, slots=True)
class Unwritten:
    """What is left of a list: subscribers above `reached` who were there when it was opened, at
    `opened`, when `last` was the newest of what makes a recipient (the roster's number).
    """

    opened: datetime
    last: int
    reached: int


def open_list(session: Session, issue_id: int, last: int, now: datetime) -> None:
    """Begin the list of an issue; `freeze` writes it, `close_list` ends it."""
    session.add(SendingRow(issue_id=issue_id, recipients=0, at=now, opened=now, last=last))
    session.flush()


def unwritten(session: Session, issue_id: int) -> Unwritten | None:
    """What is left of the list; None where nothing is, or another sender is at it just now."""
    at_it = (
        select(col(SendingRow.opened), col(SendingRow.last))
        .where(col(SendingRow.issue_id) == issue_id, col(SendingRow.last).is_not(None))
        .with_for_update(skip_locked=True)
    )
    found = session.connection().execute(at_it).first()
    if found is None:
        return None
    furthest = select(func.max(col(DeliveryRow.subscriber))).where(
        col(DeliveryRow.issue_id) == issue_id
    )
    return Unwritten(found[0], found[1] or 0, session.connection().scalar(furthest) or 0)


def is_whole(session: Session, issue_id: int) -> bool:
    """Whether the list of an issue is there to its end."""
    query = select(col(SendingRow.issue_id)).where(
        col(SendingRow.issue_id) == issue_id, col(SendingRow.last).is_(None)
    )
    return session.connection().scalar(query) is not None


def freeze(session: Session, issue_id: int, audience: Any, now: datetime) -> int:
    """Write one row for each subscriber's number that the query `audience` yields.

    Those that are there already stay as they are. A second column of the query is the moment
    before which a reader is not to get it, NULL for none. Returns how many were written.
    """
    numbers = audience.subquery()
    later = {} if len(numbers.c) == 1 else _later(numbers.c[1], now)
    known = exists().where(
        col(DeliveryRow.issue_id) == issue_id, col(DeliveryRow.subscriber) == numbers.c[0]
    )
    new = {
        "issue_id": issue_id, "edition": "", "message_id": "", "state": "pending", "reason": "",
        "sender": 0, "relay": "", "attempts": 0, "resends": 0, "next_at": now, "code": 0,
        "enhanced": "", "reply": "", "frozen": now, "changed": now,
    }  # fmt: skip
    columns = [later.get(name, literal(v, TABLE.c[name].type)) for name, v in new.items()]
    rows = select(numbers.c[0], *columns).where(~known).order_by(numbers.c[0])
    insertion = insert(DeliveryRow).from_select(["subscriber", *new], rows)
    # The count of rows that an INSERT wrote is thrown away unless one asks to keep it.
    kept = insertion.execution_options(preserve_rowcount=True)
    written = count(session.connection().execute(kept))
    _counted(session, issue_id, written, now)
    return written


def _later(moment: Any, now: datetime) -> dict[str, Any]:
    # What is dated and measured from the freezing is so from the moment that it is due.
    due = case((moment > now, moment), else_=literal(now, TABLE.c.next_at.type))
    return {"next_at": due, "frozen": due, "reason": case((moment > now, MORNING), else_="")}


def close_list(session: Session, issue_id: int) -> None:
    """The list is whole: nobody is added to it any more."""
    _change(session, issue_id, last=None)


def _counted(session: Session, issue_id: int, written: int, now: datetime) -> None:
    if not _change(session, issue_id, recipients=SendingRow.recipients + written):
        session.add(SendingRow(issue_id=issue_id, recipients=written, at=now, opened=now))
        session.flush()


def _change(session: Session, issue_id: int, **values: Any) -> int:
    mine = update(SendingRow).where(col(SendingRow.issue_id) == issue_id).values(**values)
    return count(session.execute(mine.execution_options(synchronize_session=False)))
