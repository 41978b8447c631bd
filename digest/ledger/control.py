"""What people decide: pause, resume, cancel a sending; retry or resolve deliveries; who left.

A delivery leaves a final state only here, and each time it is written down who moved it.
"""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import Any, Literal

from sqlalchemy import Update, bindparam, insert, literal, select, text, update
from sqlmodel import Session, col

from digest.ledger.moving import REASON, count
from digest.ledger.tables import DUE, DeliveryRow, InterventionRow, SendingRow

Control = Literal["go", "paused", "cancelled"]
CANCELLED = "cancelled"
BRAKE = "the brake"
"""Who pauses an issue of which too much comes back; a person lets it go on."""
_INTERVENTION = InterventionRow.__table__  # type: ignore[attr-defined] # as in moving


@dataclass(frozen=True, slots=True)
class Sending:
    """What is wanted of an issue's sending, since when, and who said so; is the brake on?"""

    control: Control
    why: str
    by: str
    at: datetime
    watched: bool = True


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a person decided of deliveries: `to` is the state they go to."""

    to: Literal["sent", "refused", "deferred"]
    by: str
    at: datetime


def sending(session: Session, issue_id: int) -> Sending | None:
    """What is wanted of this issue's sending; None before it was frozen."""
    found = session.connection().execute(_asking(), {"issue": issue_id}).first()
    return None if found is None else Sending(*found)


@cache
def _asking() -> Any:
    # Put together once: each group of a send asks.
    columns = [col(getattr(SendingRow, name)) for name in Sending.__dataclass_fields__]
    return select(*columns).where(col(SendingRow.issue_id) == bindparam("issue"))


def steer(
    session: Session, issue_id: int, control: Control, *, why: str, by: str, now: datetime
) -> bool:
    """Pause, let go, or cancel. False where nothing of the kind can be: it isn't being sent, it
    is cancelled, or it stands so already.
    """
    changed = (
        update(SendingRow)
        .where(col(SendingRow.issue_id) == issue_id)
        .where(col(SendingRow.control).not_in((control, CANCELLED)))
        .values(control=control, why=why[:REASON], by=by, at=now)
    )
    return count(session.execute(changed)) == 1


def call_off(session: Session, issue_id: int, now: datetime) -> int:
    """Skip all that has not gone out; who was to have it once more, for nobody knows whether they
    have it, is unknown. What is inflight ends as it ends. Returns how many are skipped.
    """
    here = col(DeliveryRow.issue_id) == issue_id, text(f"({DUE} OR state = 'claimed')")
    called_off = update(DeliveryRow).values(reason=CANCELLED, sender=0, changed=now)
    doubtful = called_off.where(*here, col(DeliveryRow.resends) > 0).values(state="unknown")
    session.execute(doubtful)
    return count(session.execute(called_off.where(*here).values(state="skipped")))


def resolve(
    session: Session,
    issue_id: int,
    state: Literal["unknown", "refused", "expired"],
    verdict: Verdict,
    subscribers: Collection[int] | None = None,
) -> int:
    """Move deliveries out of this final state, all or those of `subscribers`. Returns how many.

    Those that are to be sent again are due now; one whose fate is unknown is counted as a resend
    before it is sent a second time.
    """
    which: list[Any] = [col(DeliveryRow.issue_id) == issue_id, col(DeliveryRow.state) == state]
    if subscribers is not None:
        which.append(col(DeliveryRow.subscriber).in_(subscribers))
    noted: dict[str, Any] = {"became": verdict.to, "by": verdict.by, "at": verdict.at}
    kinds = [literal(v, _INTERVENTION.c[name].type) for name, v in noted.items()]
    columns = [col(getattr(DeliveryRow, n)) for n in ("issue_id", "subscriber", "state", "reply")]
    was = select(*columns, *kinds)
    names = ["issue_id", "subscriber", "was", "reply", *noted]
    session.execute(insert(InterventionRow).from_select(names, was.where(*which)))
    again: dict[str, Any] = {}
    if verdict.to == "deferred":
        # Its time to expire begins anew, too, or the next 4xx would end it.
        again = {"next_at": verdict.at, "attempts": 0, "tried": None}
        if state == "unknown":
            again["resends"] = DeliveryRow.resends + 1
    moved = (
        update(DeliveryRow)
        .where(*which)
        .values(
            state=verdict.to, reason=f"{verdict.by} decided", changed=verdict.at, sender=0, **again
        )
    )
    return count(session.execute(moved))


def interventions_about(session: Session, subscriber: int) -> list[dict[str, Any]]:
    """What people decided about a subscriber's deliveries, oldest first: for an access request."""
    mine = select(_INTERVENTION).where(_INTERVENTION.c.subscriber == subscriber)
    rows = session.connection().execute(mine.order_by(_INTERVENTION.c.id))
    return [dict(row._mapping) for row in rows]


def interventions(session: Session, issue_id: int) -> int:
    """How many times a person moved a delivery of this issue."""
    query = select(col(InterventionRow.id)).where(col(InterventionRow.issue_id) == issue_id)
    return len(session.connection().execute(query).all())


def note_leaving(session: Session, issue_id: int, subscriber: int, now: datetime) -> bool:
    """This issue made the reader leave. Kept from the first time; False where it was known."""
    asked = {"issue": issue_id, "whose": subscriber, "now": now}
    return count(session.connection().execute(_leaving(), asked)) == 1


@cache
def _leaving() -> Update:
    # Put together once, and not in front of a mail provider that waits, with the turn in hand.
    return (
        update(DeliveryRow)
        .where(
            col(DeliveryRow.issue_id) == bindparam("issue"),
            col(DeliveryRow.subscriber) == bindparam("whose"),
            col(DeliveryRow.left).is_(None),
        )
        .values(left=bindparam("now"))
    )


def forget(session: Session, subscriber: int) -> int:
    """Erase what a relay said of a subscriber: it names their address. Returns how many rows."""
    mine = col(DeliveryRow.subscriber) == subscriber
    said = update(DeliveryRow).where(mine).values(reply="", reason="")
    moved = update(InterventionRow).where(col(InterventionRow.subscriber) == subscriber)
    session.execute(moved.values(reply=""))
    return count(session.execute(said))
