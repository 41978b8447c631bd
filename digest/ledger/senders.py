"""Who is at work: a sender's number, its lease, and what becomes of what a dead one held.

A sender that is presumed dead is first marked `ended`, and every group of a sender begins by
renewing its own lease where it is not: whichever comes second sees the first, so nothing is begun
by a sender whose rows have been given to others, whatever its clock or its memory says.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache
from typing import Any

from sqlalchemy import Update, bindparam, func, literal, select, text, update
from sqlmodel import Session, col

from digest.ledger.moving import count, unclaimed
from digest.ledger.tables import HELD, DeliveryRow, SenderRow
from subscribers.columns import Utc

STOPPED = "the sender stopped before the reply came"


@dataclass(frozen=True, slots=True)
class Sender:
    """A run that has not ended: `name` says where."""

    id: int
    name: str
    lease: datetime


@dataclass(frozen=True, slots=True)
class Claim:
    """A delivery that a sender, `name`, had claimed `at` that time and not begun."""

    name: str
    subscriber: int
    at: datetime


@dataclass(frozen=True, slots=True)
class Reaped:
    """What dead senders had left: given back, to be sent again, held as unknown, still waiting.

    `claims` are those that were given back, for budgets that were spent for them in vain.
    """

    freed: int
    resent: int
    held: int
    waiting: int
    claims: tuple[Claim, ...] = ()


def database_time(session: Session) -> datetime:
    """The one clock that all senders share: the server's; for SQLite that of this machine."""
    postgres = session.get_bind().dialect.name == "postgresql"
    words = (
        "SELECT (clock_timestamp() AT TIME ZONE 'utc')::text"
        if postgres
        else "SELECT strftime('%Y-%m-%d %H:%M:%f', 'now')"
    )
    return datetime.fromisoformat(f"{session.connection().scalar(text(words))}+00:00")


def mark(session: Session) -> tuple[int, ...] | None:
    """A value that stays the same until somebody writes to the database; None where it can't tell.

    Taken at the end of one transaction and at the beginning of the next, it says whether anything
    happened in between: then what was read before need not be read again. SQLite alone has it:
    `data_version` counts the commits of other connections, `total_changes` the rows of this one.
    """
    driver = session.connection().connection.dbapi_connection
    if driver is None or session.get_bind().dialect.name != "sqlite":
        return None
    [version] = driver.execute("PRAGMA data_version").fetchone()
    return id(driver), version, driver.total_changes


def enlist(session: Session, name: str, lease: timedelta, now: datetime) -> int:
    """A number for a new sender, never used before."""
    row = SenderRow(name=name, began=now, lease=now + lease)
    session.add(row)
    session.flush()
    return row.id or 0


def renew(session: Session, sender: int, until: datetime) -> bool:
    """Hold on for longer. False where others have presumed this sender dead: then begin nothing."""
    return count(session.connection().execute(_renewing(), {"me": sender, "until": until})) == 1


@cache
def _renewing() -> Update:
    # Put together once: each group of a send begins with it.
    mine = update(SenderRow).where(col(SenderRow.id) == bindparam("me"))
    return mine.where(col(SenderRow.ended).is_(None)).values(lease=bindparam("until"))


def retire(session: Session, sender: int, now: datetime) -> bool:
    """This sender has ended and holds nothing any more. False where others had said so before."""
    ended = (
        update(SenderRow)
        .where(col(SenderRow.id) == sender, col(SenderRow.ended).is_(None))
        .values(ended=now, lease=now)
    )
    return count(session.execute(ended)) == 1


def senders(session: Session) -> list[Sender]:
    """Those that have not ended, dead or alive."""
    query = select(col(SenderRow.id), col(SenderRow.name), col(SenderRow.lease)).where(
        col(SenderRow.ended).is_(None)
    )
    return [
        Sender(row[0] or 0, row[1], row[2])
        for row in session.connection().execute(query.order_by(col(SenderRow.id)))
    ]


def reap(
    session: Session,
    now: datetime,
    *,
    grace: timedelta,
    resend: bool,
    dead: Collection[int] = (),
) -> Reaped:
    """Settle what dead senders held: those whose lease has ended, and those known to be `dead`.

    Claimed rows are free at once, for nothing of them was sent. Rows inflight may still be on the
    wire of a process that only lost its database: they are in doubt when `grace` has passed after
    the lease, at once where the process is known to be dead.
    """
    _presume(session, now, dead)
    _bury(session, now, dead)
    at_work = select(col(SenderRow.id)).where(col(SenderRow.ended).is_(None))
    held: list[Any] = [text(HELD), col(DeliveryRow.sender).not_in(at_work)]
    unbegun = [*held, col(DeliveryRow.state) == "claimed"]
    claims = _claims(session, unbegun)
    freed = _change(session, *unbegun, state=unclaimed(), sender=0, changed=now)
    lost = [*held, col(DeliveryRow.state) == "inflight"]
    lately = select(col(SenderRow.id)).where(col(SenderRow.lease) > literal(now - grace, Utc()))
    late = [*lost, col(DeliveryRow.sender).not_in(lately)]
    settled = {"sender": 0, "code": 0, "enhanced": "", "reply": "", "reason": STOPPED}
    fresh = col(DeliveryRow.resends) == 0 if resend else literal(False)
    resent = _change(
        session, *late, fresh, **settled, state="deferred", next_at=now, changed=now,
        resends=DeliveryRow.resends + 1,
    )  # fmt: skip
    unknown = _change(session, *late, **settled, state="unknown", changed=now)
    waiting = (
        session.connection().scalar(select(func.count()).select_from(DeliveryRow).where(*lost)) or 0
    )
    return Reaped(freed, resent, unknown, waiting, claims)


def _presume(session: Session, now: datetime, dead: Collection[int]) -> None:
    # One that holds its own row just now is in the middle of a group: it lives, or the server
    # will end its session (database.engines.IDLE). To wait for it would be to stand still with it.
    presumed = (
        select(col(SenderRow.id))
        .where(col(SenderRow.ended).is_(None))
        .where((col(SenderRow.lease) < now) | col(SenderRow.id).in_(dead))
        .with_for_update(skip_locked=True)
    )
    gone = session.connection().scalars(presumed).all()
    ended = update(SenderRow).where(col(SenderRow.id).in_(gone)).values(ended=now)
    session.execute(ended.execution_options(synchronize_session=False))


def _bury(session: Session, now: datetime, dead: Collection[int]) -> None:
    # No grace for a process that is known to be gone: its lease is over long ago.
    session.execute(
        update(SenderRow)
        .where(col(SenderRow.id).in_(dead))
        .values(lease=now - timedelta(days=1))
        .execution_options(synchronize_session=False)
    )


def _claims(session: Session, unbegun: Sequence[Any]) -> tuple[Claim, ...]:
    query = select(
        col(SenderRow.name), col(DeliveryRow.subscriber), col(DeliveryRow.changed)
    ).where(col(SenderRow.id) == col(DeliveryRow.sender), *unbegun)
    return tuple(Claim(*row) for row in session.connection().execute(query))


def _change(session: Session, *conditions: Any, **values: Any) -> int:
    statement = update(DeliveryRow).where(*conditions).values(**values)
    return count(session.execute(statement.execution_options(synchronize_session=False)))
