"""The ledger's questions. Nothing here writes."""

from collections.abc import Collection, Sequence
from datetime import datetime

from sqlalchemy import func, select, text
from sqlmodel import Session, col

from digest.ledger.freezing import is_whole
from digest.ledger.moving import COLUMNS, Delivery
from digest.ledger.tables import DUE, HELD, DeliveryRow, SenderRow, SendingRow

OPEN = ("pending", "claimed", "inflight", "deferred")
FINAL = ("sent", "refused", "expired", "unknown", "skipped")


def counts(session: Session, issue_id: int) -> dict[str, int]:
    """How many deliveries stand in each state; their sum is the list that was frozen."""
    query = (
        select(col(DeliveryRow.state), func.count())
        .where(col(DeliveryRow.issue_id) == issue_id)
        .group_by(col(DeliveryRow.state))
    )
    return {row[0]: row[1] for row in session.connection().execute(query)}


def recipients(session: Session, issue_id: int) -> int | None:
    """How many were frozen; None before that."""
    query = select(col(SendingRow.recipients)).where(col(SendingRow.issue_id) == issue_id)
    return session.connection().scalar(query)


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
    query = select(*COLUMNS).where(
        col(DeliveryRow.issue_id) == issue_id, col(DeliveryRow.id) > after
    )
    if states:
        query = query.where(col(DeliveryRow.state).in_(states))
    if subscribers:
        query = query.where(col(DeliveryRow.subscriber).in_(subscribers))
    page = query.order_by(col(DeliveryRow.id)).limit(limit)
    return [Delivery(*row) for row in session.connection().execute(page)]


def sent_to(session: Session, subscriber: int, limit: int) -> list[int]:
    """The issues that the relay last took for this subscriber, newest first."""
    query = (
        select(col(DeliveryRow.issue_id))
        .where(col(DeliveryRow.subscriber) == subscriber, col(DeliveryRow.state) == "sent")
        .order_by(col(DeliveryRow.id).desc())
        .limit(limit)
    )
    return list(session.connection().scalars(query))


def deliveries_to(session: Session, subscriber: int) -> list[Delivery]:
    """All deliveries of a subscriber, oldest first: for an access request."""
    query = select(*COLUMNS).where(col(DeliveryRow.subscriber) == subscriber)
    ordered = query.order_by(col(DeliveryRow.id))
    return [Delivery(*row) for row in session.connection().execute(ordered)]


def is_done(session: Session, issue_id: int) -> bool:
    """Whether every delivery of the issue stands in a final state, and nobody is still missing."""
    if not is_whole(session, issue_id):
        return False
    mine = col(DeliveryRow.issue_id) == issue_id
    for condition in (DUE, HELD):
        still = select(col(DeliveryRow.id)).where(mine, text(condition)).limit(1)
        if session.connection().scalar(still) is not None:
            return False
    return True


def due(session: Session, issue_id: int, now: datetime, at_most: int) -> int:
    """How many deliveries may be begun now, counted up to `at_most`."""
    some = (
        select(col(DeliveryRow.id))
        .where(col(DeliveryRow.issue_id) == issue_id, text(DUE), col(DeliveryRow.next_at) <= now)
        .limit(at_most)
        .subquery()
    )
    return session.connection().scalar(select(func.count()).select_from(some)) or 0


def leavings(session: Session, issue_id: int) -> int:
    """How many readers this issue made leave."""
    query = select(func.count()).where(
        col(DeliveryRow.issue_id) == issue_id, col(DeliveryRow.left).is_not(None)
    )
    return session.connection().scalar(query) or 0


def by_ending(session: Session, issue_id: int, ending: str) -> dict[bool, tuple[int, int]]:
    """How many deliveries are sent and how many readers left, by whether their edition ends so."""
    ends = col(DeliveryRow.edition).endswith(ending, autoescape=True)
    query = (
        select(ends, func.count(), func.count(col(DeliveryRow.left)))
        .where(col(DeliveryRow.issue_id) == issue_id, col(DeliveryRow.state) == "sent")
        .group_by(ends)
    )
    return {bool(row[0]): (row[1], row[2]) for row in session.connection().execute(query)}


def next_due(session: Session, issue_id: int) -> datetime | None:
    """When the next delivery may be begun; None where none is left."""
    first = (
        select(col(DeliveryRow.next_at))
        .where(col(DeliveryRow.issue_id) == issue_id, text(DUE))
        .order_by(col(DeliveryRow.next_at), col(DeliveryRow.id))
        .limit(1)
    )
    return session.connection().scalar(first)


def left_since(session: Session, issue_id: int) -> datetime | None:
    """When the lease ended of the first dead sender that has something of it on the wire still."""
    dead = col(DeliveryRow.sender) == col(SenderRow.id), col(SenderRow.ended).is_not(None)
    mine = col(DeliveryRow.issue_id) == issue_id, col(DeliveryRow.state) == "inflight"
    query = select(func.min(col(SenderRow.lease))).where(text(HELD), *mine, *dead)
    return session.connection().scalar(query)
