"""Book 2: what was sent. One delivery per issue and subscriber, written before the first mail.

    pending -> claimed -> inflight -> sent | deferred | refused | unknown
       ^          |                              |                  |
       |          +-> skipped (reason)           +-> claimed        +-> deferred, once, if set so
       +--- released when the sender stops       +-> expired

`inflight` is committed before a byte of the message is sent, its outcome after the relay's
reply: whatever a crash leaves inflight is unknown, and nothing else is in doubt. Every
transition is conditional on the state it leaves, and on the owner where there is one.
Functions take a session first and never commit. Never here: SMTP, or who may be mailed.
"""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Index, Text, UniqueConstraint, func, insert, or_, text, update
from sqlmodel import Field, Session, SQLModel, col, select

from digest.outcomes import Deferred, Outcome, Refused, RelayFault, Sent, Unknown, next_attempt
from subscribers.columns import Utc

LEASE = timedelta(seconds=660)
OPEN = ("pending", "claimed", "inflight", "deferred")
FINAL = ("sent", "refused", "expired", "unknown", "skipped")


class DeliveryRow(SQLModel, table=True):
    """One message's passage. No foreign key to the subscriber: the count outlives forgetting."""

    __tablename__ = "delivery"
    __table_args__ = (
        UniqueConstraint("issue_id", "subscriber"),
        # Must match the ORDER BY of claim(), or PostgreSQL sorts every open row each time.
        Index(
            "ix_delivery_due",
            "issue_id",
            "next_at",
            "id",
            sqlite_where=text("state IN ('pending', 'deferred')"),
            postgresql_where=text("state IN ('pending', 'deferred')"),
        ),
        {"sqlite_autoincrement": True},
    )
    id: int | None = Field(default=None, primary_key=True)
    issue_id: int = Field(foreign_key="issue.id")
    subscriber: int = Field(index=True)
    edition: str = Field(default="", sa_type=Text)
    message_id: str
    state: str = "pending"
    reason: str = Field(default="", sa_type=Text)
    owner: str = ""
    lease: datetime | None = Field(default=None, sa_type=Utc)
    attempts: int = 0
    resends: int = 0
    next_at: datetime = Field(sa_type=Utc)
    code: int = 0
    enhanced: str = ""
    reply: str = Field(default="", sa_type=Text)
    frozen: datetime = Field(sa_type=Utc)
    changed: datetime = Field(sa_type=Utc)
    left: datetime | None = Field(default=None, sa_type=Utc)


@dataclass(frozen=True, slots=True)
class Planned:
    """A delivery to be written. `skip` gives the reason where no mail is to go, else ""."""

    subscriber: int
    message_id: str
    edition: str = ""
    skip: str = ""


@dataclass(frozen=True, slots=True)
class Delivery:
    """A delivery as the ledger knows it. `resends` counts attempts after an unknown outcome."""

    id: int
    issue_id: int
    subscriber: int
    edition: str
    message_id: str
    state: str
    reason: str
    attempts: int
    resends: int
    next_at: datetime
    code: int
    enhanced: str
    reply: str
    frozen: datetime
    changed: datetime
    left: datetime | None


def freeze(session: Session, issue_id: int, planned: Iterable[Planned], now: datetime) -> int:
    """Write one row for each recipient of an issue; those already there stay as they are.

    Returns how many rows were written. All of them in one transaction with the issue's state.
    """
    known = set(
        session.exec(select(DeliveryRow.subscriber).where(DeliveryRow.issue_id == issue_id))
    )
    rows = [_row(issue_id, plan, now) for plan in planned if plan.subscriber not in known]
    if rows:
        session.execute(insert(DeliveryRow), rows)
    return len(rows)


def claim(session: Session, issue_id: int, owner: str, now: datetime, limit: int) -> list[Delivery]:
    """Take up to `limit` deliveries that are due, for `owner`, until the lease ends."""
    due = (
        select(DeliveryRow.id)
        .where(
            DeliveryRow.issue_id == issue_id,
            col(DeliveryRow.state).in_(("pending", "deferred")),
            DeliveryRow.next_at <= now,
        )
        .order_by(col(DeliveryRow.next_at), col(DeliveryRow.id))
        .limit(limit)
        .with_for_update(skip_locked=True)
    )
    ids = session.exec(due).all()
    session.execute(
        update(DeliveryRow)
        .where(col(DeliveryRow.id).in_(ids), col(DeliveryRow.state).in_(("pending", "deferred")))
        .values(state="claimed", owner=owner, lease=now + LEASE, changed=now)
    )
    mine = select(DeliveryRow).where(col(DeliveryRow.id).in_(ids), DeliveryRow.owner == owner)
    return [_delivery(row) for row in session.exec(mine.order_by(col(DeliveryRow.id)))]


def intend(session: Session, delivery: Delivery, owner: str, edition: str, now: datetime) -> bool:
    """The mark before the wire: only when it is committed may the message be sent.

    False where the row is no longer this owner's, or its lease has ended: then don't send.
    """
    return _move(
        session,
        delivery,
        owner,
        now,
        frm="claimed",
        state="inflight",
        edition=edition,
        attempts=delivery.attempts + 1,
        lease=now + LEASE,
    )


def skip(session: Session, delivery: Delivery, owner: str, reason: str, now: datetime) -> bool:
    """The reader may no longer be mailed: no message, and the reason stays."""
    return _move(session, delivery, owner, now, frm="claimed", state="skipped", reason=reason)


def record(
    session: Session,
    delivery: Delivery,
    owner: str,
    outcome: Outcome,
    now: datetime,
    *,
    resend: bool,
    expire: timedelta,
) -> bool:
    """Write what became of a delivery that was inflight. False where it was no longer ours.

    With `resend`, an unknown outcome is tried once more, with the same Message-ID and bytes.
    """
    changes = _changes(delivery, outcome, now, resend=resend, expire=expire)
    reply = outcome.reply
    return _move(
        session,
        delivery,
        owner,
        now,
        frm="inflight",
        code=reply.code,
        enhanced=reply.enhanced,
        reply=reply.text[:1000],
        **changes,
    )


def release(session: Session, owner: str, now: datetime) -> int:
    """Give back what was claimed and not begun: no byte of it was sent. Returns how many."""
    result = session.execute(
        update(DeliveryRow)
        .where(col(DeliveryRow.owner) == owner, col(DeliveryRow.state) == "claimed")
        .values(state="pending", owner="", lease=None, changed=now)
    )
    return _count(result)


def recover(session: Session, now: datetime, *, resend: bool) -> tuple[int, int]:
    """After a crash: claimed rows are free again, inflight ones are unknown. Returns both counts.

    Call it only while no other sender can be at work on this database.
    """
    free = session.execute(
        update(DeliveryRow)
        .where(col(DeliveryRow.state) == "claimed")
        .values(state="pending", owner="", lease=None, changed=now)
    )
    lost = session.exec(select(DeliveryRow).where(DeliveryRow.state == "inflight")).all()
    for row in lost:
        again = resend and row.resends == 0
        row.state, row.owner, row.lease, row.changed = "unknown", "", None, now
        row.reason = "the sender stopped before the reply came"
        if again:
            row.state, row.resends = "deferred", 1
            row.next_at = next_attempt(row.attempts, now)
        session.add(row)
    return _count(free), len(lost)


def counts(session: Session, issue_id: int) -> dict[str, int]:
    """How many deliveries stand in each state; their sum is the list that was frozen."""
    query = (
        select(DeliveryRow.state, func.count())
        .where(DeliveryRow.issue_id == issue_id)
        .group_by(DeliveryRow.state)
    )
    return dict(session.exec(query).all())


def deliveries(
    session: Session,
    issue_id: int,
    *,
    states: Sequence[str] = (),
    subscribers: Collection[int] = (),
    after: int = 0,
    limit: int = 1000,
) -> list[Delivery]:
    """The deliveries of an issue in the order they were frozen, page by page."""
    query = select(DeliveryRow).where(DeliveryRow.issue_id == issue_id, col(DeliveryRow.id) > after)
    if states:
        query = query.where(col(DeliveryRow.state).in_(states))
    if subscribers:
        query = query.where(col(DeliveryRow.subscriber).in_(subscribers))
    return [
        _delivery(row) for row in session.exec(query.order_by(col(DeliveryRow.id)).limit(limit))
    ]


def is_done(session: Session, issue_id: int) -> bool:
    """Whether every delivery of the issue stands in a final state."""
    query = select(func.count()).where(
        DeliveryRow.issue_id == issue_id, col(DeliveryRow.state).in_(OPEN)
    )
    return session.exec(query).one() == 0


def note_leaving(session: Session, issue_id: int, subscriber: int, now: datetime) -> bool:
    """This issue made the reader leave. Kept from the first time; False where it was known."""
    result = session.execute(
        update(DeliveryRow)
        .where(
            col(DeliveryRow.issue_id) == issue_id,
            col(DeliveryRow.subscriber) == subscriber,
            col(DeliveryRow.left).is_(None),
        )
        .values(left=now)
    )
    return _count(result) == 1


def leavings(session: Session, issue_id: int) -> int:
    """How many readers this issue made leave."""
    query = select(func.count()).where(
        DeliveryRow.issue_id == issue_id, col(DeliveryRow.left).is_not(None)
    )
    return session.exec(query).one()


def sent_to(session: Session, subscriber: int, limit: int) -> list[int]:
    """The issues that the relay last took for this subscriber, newest first."""
    query = (
        select(DeliveryRow.issue_id)
        .where(col(DeliveryRow.subscriber) == subscriber, DeliveryRow.state == "sent")
        .order_by(col(DeliveryRow.id).desc())
        .limit(limit)
    )
    return list(session.exec(query))


def deliveries_to(session: Session, subscriber: int) -> list[Delivery]:
    """All deliveries of a subscriber, oldest first: for an access request."""
    query = select(DeliveryRow).where(col(DeliveryRow.subscriber) == subscriber)
    return [_delivery(row) for row in session.exec(query.order_by(col(DeliveryRow.id)))]


def forget(session: Session, subscriber: int) -> int:
    """Erase what a relay said of a subscriber: it names their address. Returns how many rows."""
    named = col(DeliveryRow.subscriber) == subscriber
    result = session.execute(update(DeliveryRow).where(named).values(reply="", reason=""))
    return _count(result)


def _row(issue_id: int, plan: Planned, now: datetime) -> dict[str, object]:
    return {
        "issue_id": issue_id,
        "subscriber": plan.subscriber,
        "edition": plan.edition,
        "message_id": plan.message_id,
        "state": "skipped" if plan.skip else "pending",
        "reason": plan.skip,
        "next_at": now,
        "frozen": now,
        "changed": now,
    }


def _changes(
    delivery: Delivery, outcome: Outcome, now: datetime, *, resend: bool, expire: timedelta
) -> dict[str, object]:
    attempts = delivery.attempts + 1
    match outcome:
        case Sent():
            return {"state": "sent", "reason": ""}
        case Refused():
            return {"state": "refused", "reason": outcome.reply.text[:200]}
        case Unknown() if not (resend and delivery.resends == 0):
            return {"state": "unknown", "reason": outcome.reply.text[:200]}
        case Unknown():
            again = {"resends": delivery.resends + 1, "next_at": next_attempt(attempts, now)}
            return {"state": "deferred", "reason": outcome.reply.text[:200], **again}
        case RelayFault():
            # Not the recipient's doing: the attempt doesn't count, and it is due at once.
            back = {"attempts": delivery.attempts, "next_at": delivery.next_at}
            return {"state": "deferred", "reason": outcome.reply.text[:200], **back}
        case Deferred():
            return _later(delivery, outcome, attempts, now, expire)


def _later(
    delivery: Delivery, outcome: Deferred, attempts: int, now: datetime, expire: timedelta
) -> dict[str, object]:
    due = next_attempt(attempts, now)
    state = "expired" if due > delivery.frozen + expire else "deferred"
    return {"state": state, "reason": outcome.reply.text[:200], "next_at": due}


def _move(
    session: Session, delivery: Delivery, owner: str, now: datetime, *, frm: str, **values: object
) -> bool:
    condition = [
        col(DeliveryRow.id) == delivery.id,
        col(DeliveryRow.state) == frm,
        col(DeliveryRow.owner) == owner,
    ]
    if frm == "claimed":
        condition.append(or_(col(DeliveryRow.lease).is_(None), col(DeliveryRow.lease) > now))
    keeps = {} if values.get("state") == "inflight" else {"owner": "", "lease": None}
    result = session.execute(
        update(DeliveryRow).where(*condition).values({**keeps, **values, "changed": now})
    )
    return _count(result) == 1


def _count(result: object) -> int:
    return int(getattr(result, "rowcount", 0))


def _delivery(row: DeliveryRow) -> Delivery:
    return Delivery(**row.model_dump(exclude={"owner", "lease"}))
