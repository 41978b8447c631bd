"""The roster's way back from a suppression: an operator's word, kept with whose it was and why."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import cast

from sqlalchemy import delete, func, insert, or_, select
from sqlmodel import Session, col

from subscribers.address import key
from subscribers.roster.tables import LiftingRow, SubscriberRow, SuppressionRow
from subscribers.suppression import Reason, address_hash


@dataclass(frozen=True, slots=True)
class Lifted:
    """What stood against an address: the reason, by what way it came, and since when."""

    reason: Reason
    how: str
    since: datetime


def lift(
    session: Session, address: str, *, why: str, by: str, now: datetime, keys: Sequence[bytes]
) -> Lifted | None:
    """Lift the suppression of an address, whatever its reason; None where there is none.

    `why` is what shows that mail may go there again, `by` who says so. No consent comes back by
    it: who has left has still left. Raises InvalidAddress.
    """
    row, hashed = SuppressionRow, address_hash(address, keys)
    # Also under an older key, as the roster knows the person: mail goes by that one.
    theirs = select(col(SubscriberRow.address_hash)).where(
        col(SubscriberRow.address_key) == key(address)
    )
    mine = or_(col(row.address_hash) == hashed, col(row.address_hash).in_(theirs))
    gone = delete(row).where(mine).returning(col(row.reason), col(row.how), col(row.at))
    stood = [
        Lifted(cast(Reason, line[0]), line[1], line[2])
        for line in session.connection().execute(gone)
    ]
    for one in stood:
        told = {"reason": one.reason, "how": one.how, "since": one.since}
        evidence = {"address_hash": hashed, "why": why, "by": by, "at": now, **told}
        session.connection().execute(insert(LiftingRow).values(evidence))
    return max(stood, key=lambda one: one.since, default=None)


def last_lifted(session: Session, address: str, keys: Sequence[bytes]) -> datetime | None:
    """When an operator last lifted what stood against this address. Raises InvalidAddress."""
    mine = col(LiftingRow.address_hash) == address_hash(address, keys)
    return session.connection().scalar(select(func.max(col(LiftingRow.at))).where(mine))
