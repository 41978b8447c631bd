"""What all senders share of the pace: budgets spent, connections held, breakers, slowed domains.

Whoever decides by a budget locks its row first, the relay's before the domains', these in the
order of their names: so that two senders at once never spend the same, nor wait for each other.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import bindparam, delete, func, insert, select, text, update
from sqlmodel import Session, col

from digest.ledger.moving import REPLY, WAITS, count
from digest.ledger.tables import (
    DUE,
    BreakerRow,
    BudgetRow,
    DeliveryRow,
    HoldingRow,
    SenderRow,
    SendingRow,
    SlowedRow,
)
from digest.outcomes import next_attempt
from digest.pace import Spent
from subscribers.columns import Utc

PROBE = timedelta(minutes=2)  # for a relay that is tried again: then another sender may try it
_BUDGET = BudgetRow.__table__  # type: ignore[attr-defined] # SQLModel's types don't tell


@dataclass(frozen=True, slots=True)
class Breaker:
    """A relay that is left alone, why, until when, and after how many faults in a row."""

    relay: str
    faults: int
    opened: datetime
    until: datetime
    reply: str
    probing: datetime | None


@dataclass(frozen=True, slots=True)
class Waiting:
    """How many deliveries wait for something other than the relay's word, from when to when."""

    why: str
    count: int
    first: datetime
    last: datetime


def budgets(session: Session, names: Collection[str]) -> dict[str, Spent]:
    """What is spent of each, to look at."""
    if not names:
        return {}
    query = select(_BUDGET).where(_BUDGET.c.name.in_(names))
    rows = session.connection().execute(query)
    return {row.name: Spent(row.flow, row.day, row.used) for row in rows}


def locked_budgets(session: Session, names: Collection[str]) -> dict[str, Spent]:
    """What is spent of each, to decide by: until the end of the transaction nobody else may."""
    if not names:
        return {}
    query = select(_BUDGET).where(_BUDGET.c.name.in_(names)).order_by(_BUDGET.c.name)
    rows = session.connection().execute(query.with_for_update()).all()
    missing = sorted(set(names) - {row.name for row in rows})
    if missing:
        new = text(
            "INSERT INTO budget (name, used) VALUES (:name, 0) ON CONFLICT (name) DO NOTHING"
        )
        session.connection().execute(new, [{"name": name} for name in missing])
        rows = session.connection().execute(query.with_for_update()).all()
    return {row.name: Spent(row.flow, row.day, row.used) for row in rows}


def keep_budgets(session: Session, spent: Mapping[str, Spent]) -> None:
    """Write down what is spent now; the rows must be locked."""
    for name, now in sorted(spent.items()):
        change = update(_BUDGET).where(_BUDGET.c.name == name)
        session.connection().execute(change.values(flow=now.flow, day=now.day, used=now.used))


def hold(session: Session, name: str, sender: int, wanted: int, limit: int) -> int:
    """Have up to `wanted` of the `limit` connections that all senders share; how many.

    What others hold who have ended is free. Asked again, it may be more or less than before.
    """
    locked_budgets(session, [name])
    at_work = select(col(SenderRow.id)).where(col(SenderRow.ended).is_(None))
    others = select(func.sum(col(HoldingRow.held))).where(
        col(HoldingRow.name) == name,
        col(HoldingRow.sender) != sender,
        col(HoldingRow.sender).in_(at_work),
    )
    free = limit - (session.connection().scalar(others) or 0)
    held = max(0, min(wanted, free))
    changed = (
        update(HoldingRow)
        .where(col(HoldingRow.name) == name, col(HoldingRow.sender) == sender)
        .values(held=held)
    )
    if not count(session.connection().execute(changed)):
        row = insert(HoldingRow).values(name=name, sender=sender, held=held)
        session.connection().execute(row)
    return held


def let_go(session: Session, sender: int) -> None:
    """This sender holds no connection any more; nor does any that has ended."""
    ended = select(col(SenderRow.id)).where(col(SenderRow.ended).is_not(None))
    gone = (col(HoldingRow.sender) == sender) | col(HoldingRow.sender).in_(ended)
    session.connection().execute(delete(HoldingRow).where(gone))


def breakers(session: Session) -> dict[str, Breaker]:
    """The relays that are left alone, by name."""
    names = Breaker.__dataclass_fields__
    query = select(*(col(getattr(BreakerRow, name)) for name in names))
    return {row[0]: Breaker(*row) for row in session.connection().execute(query)}


def trip(session: Session, relay: str, reply: str, now: datetime) -> Breaker:
    """A fault of the relay: leave it alone, for longer with each in a row."""
    before = breakers(session).get(relay)
    faults = before.faults + 1 if before else 1
    values: dict[str, Any] = {
        "faults": faults, "opened": before.opened if before else now,
        "until": next_attempt(faults, now), "reply": reply[:REPLY], "probing": None,
    }  # fmt: skip
    changed = update(BreakerRow).where(col(BreakerRow.relay) == relay).values(**values)
    if not count(session.connection().execute(changed)):
        session.connection().execute(insert(BreakerRow).values(relay=relay, **values))
    return Breaker(relay, **values)


def probe(session: Session, relay: str, now: datetime) -> bool:
    """Be the one who tries a relay again that was left alone; False where another does."""
    tried = (
        update(BreakerRow)
        .where(col(BreakerRow.relay) == relay)
        .where(col(BreakerRow.probing).is_(None) | (col(BreakerRow.probing) < now))
        .values(probing=now + PROBE)
    )
    return count(session.connection().execute(tried)) == 1


def mend(session: Session, relay: str) -> None:
    """The relay took a message: it is as good as any."""
    session.connection().execute(delete(BreakerRow).where(col(BreakerRow.relay) == relay))


def slow(session: Session, domains: Collection[str], now: datetime) -> None:
    """These domains asked for less, now."""
    known = text(
        "INSERT INTO slowed (domain, at) VALUES (:domain, :at)"
        " ON CONFLICT (domain) DO UPDATE SET at = excluded.at"
    ).bindparams(bindparam("at", type_=Utc()))
    if domains:
        session.connection().execute(known, [{"domain": d, "at": now} for d in sorted(domains)])


def slowed(session: Session, since: datetime) -> dict[str, datetime]:
    """The domains that asked for less since then, and when."""
    query = select(col(SlowedRow.domain), col(SlowedRow.at)).where(col(SlowedRow.at) > since)
    return {row[0]: row[1] for row in session.connection().execute(query)}


def tally(
    session: Session, issue_id: int, settled: int, refused: int, first: int
) -> tuple[int, int] | None:
    """Count what the brake looks at; how many it is now, and None where it looks no longer.

    While another sender counts, nothing is counted, (0, 0): the brake needs a sample, and nobody
    is to wait for one who was cut off in the middle of a group.
    """
    looks = col(SendingRow.watched) & (col(SendingRow.settled) < first)
    mine = select(col(SendingRow.issue_id)).where(col(SendingRow.issue_id) == issue_id, looks)
    counted = (
        update(SendingRow)
        .where(col(SendingRow.issue_id).in_(mine.with_for_update(skip_locked=True)))
        .values(settled=SendingRow.settled + settled, refused=SendingRow.refused + refused)
        .returning(col(SendingRow.settled), col(SendingRow.refused))
        .execution_options(synchronize_session=False)
    )
    found = session.connection().execute(counted).first()
    if found:
        return found[0], found[1]
    return None if session.connection().scalar(mine) is None else (0, 0)


def unwatch(session: Session, issue_id: int) -> None:
    """The brake is off for this issue: a person has looked."""
    mine = update(SendingRow).where(col(SendingRow.issue_id) == issue_id)
    session.connection().execute(mine.values(watched=False))


def waiting(session: Session, issue_id: int) -> list[Waiting]:
    """What the deliveries of an issue wait for that were never, or not lately, on the wire."""
    query = (
        select(
            col(DeliveryRow.reason),
            func.count(),
            func.min(col(DeliveryRow.next_at)),
            func.max(col(DeliveryRow.next_at)),
        )
        .where(*_waits(issue_id))
        .group_by(col(DeliveryRow.reason))
        .order_by(func.count().desc())
    )
    return [Waiting(*row) for row in session.connection().execute(query)]


def next_waiting(session: Session, issue_id: int) -> datetime | None:
    """When the next of those may be begun."""
    query = select(col(DeliveryRow.next_at)).where(*_waits(issue_id))
    first = query.order_by(col(DeliveryRow.next_at), col(DeliveryRow.id)).limit(1)
    return session.connection().scalar(first)


def last_waiting(session: Session, issue_id: int, why: str) -> datetime | None:
    """When the last of those that wait for this is to be looked at."""
    mine = col(DeliveryRow.reason) == why
    query = select(func.max(col(DeliveryRow.next_at))).where(*_waits(issue_id), mine)
    return session.connection().scalar(query)


def _waits(issue_id: int) -> tuple[Any, ...]:
    return (
        col(DeliveryRow.issue_id) == issue_id,
        text(DUE),
        col(DeliveryRow.reason).startswith(WAITS),
    )
