"""The transitions of a delivery, in groups: claim, intend, record, skip, release.

Each is conditional on the state it leaves, on the sender that holds the row and on its attempt,
and tells which rows it moved: those it doesn't name have passed to another.
"""

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache
from operator import attrgetter
from typing import Any, NamedTuple

from sqlalchemy import Update, bindparam, case, select, text, update
from sqlmodel import Session, col, func

from digest.ledger.groups import change, move, stored
from digest.ledger.tables import DUE, HELD, DeliveryRow
from digest.outcomes import (
    Deferred,
    NotBegun,
    Outcome,
    Refused,
    RelayFault,
    Sent,
    Unknown,
    next_attempt,
)

REPLY = 1000  # characters kept of what a relay said
REASON = 200
WAITS = "waits for "  # how a reason begins that is not the relay's word on this delivery
_IN_DOUBT = "CASE WHEN delivery.resends > 0 THEN 'unknown'"  # it may have come, the first time
MORNING = f"{WAITS}the hour of the reader's own clock"


class Delivery(NamedTuple):
    """A delivery as the ledger knows it. `resends` counts attempts after an unknown outcome;
    `tried` is when it was first deferred: from then on, not from the freezing, it may expire, for
    a budget may have kept it for days.

    A tuple, for a row becomes one ten times as fast as it becomes a dataclass of so many fields.
    """

    id: int
    issue_id: int
    subscriber: int
    edition: str
    message_id: str
    state: str
    reason: str
    relay: str
    attempts: int
    resends: int
    next_at: datetime
    code: int
    enhanced: str
    reply: str
    frozen: datetime
    changed: datetime
    left: datetime | None
    tried: datetime | None = None


@dataclass(frozen=True, slots=True)
class Intent:
    """A claimed delivery that is to go on the wire, as this edition and under this Message-ID."""

    delivery: Delivery
    edition: str
    message_id: str


@dataclass(frozen=True, slots=True)
class Result:
    """What became of a delivery that was inflight, and which relay said so."""

    delivery: Delivery
    outcome: Outcome
    relay: str = ""


@dataclass(frozen=True, slots=True)
class Policy:
    """`resend`: an unknown outcome is tried once more, with the same Message-ID and bytes;
    `expire`: for how long after it was first deferred a delivery is tried again.
    """

    resend: bool
    expire: timedelta


TABLE = DeliveryRow.__table__  # type: ignore[attr-defined] # SQLModel's types don't tell
COLUMNS: list[Any] = [TABLE.c[name] for name in Delivery._fields]


def oversleep(session: Session, issue_id: int, before: datetime, now: datetime) -> int:
    """End what was to go at the hour of the reader's own clock, where that was before then."""
    over = (
        update(DeliveryRow)
        .where(
            col(DeliveryRow.issue_id) == issue_id,
            text(DUE),
            col(DeliveryRow.reason) == MORNING,
            col(DeliveryRow.next_at) < before,
        )
        .values(state="expired", reason="too late for the hour of the reader's own clock",
                changed=now)
    )  # fmt: skip
    return count(session.execute(over))


def claim(
    session: Session, issue_id: int, sender: int, now: datetime, limit: int
) -> list[Delivery]:
    """Take up to `limit` deliveries that are due, for this sender, those due first first."""
    values = {"issue": issue_id, "me": sender, "now": now, "most": limit}
    rows = session.connection().execute(_claiming(), values).all()  # one by one takes twice as long
    found = [Delivery._make(row) for row in rows]
    return sorted(found, key=attrgetter("next_at", "id"))


@cache
def _claiming() -> Update:
    # Put together once, like all that a send asks for again and again.
    due = (
        select(col(DeliveryRow.id))
        .where(
            col(DeliveryRow.issue_id) == bindparam("issue"),
            text(DUE),
            col(DeliveryRow.next_at) <= bindparam("now"),
        )
        .order_by(col(DeliveryRow.next_at), col(DeliveryRow.id))
        .limit(bindparam("most"))
        .with_for_update(skip_locked=True)
    )
    return (
        update(DeliveryRow)
        .where(col(DeliveryRow.id).in_(due), text(DUE))
        .values(state="claimed", sender=bindparam("me"), changed=bindparam("now"))
        .returning(*COLUMNS)
        .execution_options(synchronize_session=False)
    )


def intend(
    session: Session,
    intents: Collection[Intent],
    sender: int,
    relay: str,
    now: datetime,
    *,
    again: bool = False,
) -> set[int]:
    """The mark before the wire: only when it is committed may a message be sent.

    Returns the ids of the deliveries that are this sender's to send; the others are not. `again`
    is for the same intents after a commit that was not answered: it may have happened.
    """
    rows = [(i.delivery.id, i.delivery.attempts, i.edition, i.message_id, relay) for i in intents]
    mine = move(session, _INTEND, rows, sender, now)
    return mine | _intended(session, intents, sender) if again else mine


def skip(
    session: Session, skipped: Iterable[tuple[Delivery, str]], sender: int, now: datetime
) -> set[int]:
    """These readers may no longer be mailed: no message, and the reason stays.

    One who was to have it once more, for nobody knows whether they have it, stays unknown.
    """
    rows = [(d.id, d.attempts, reason[:REASON]) for d, reason in skipped]
    return move(session, _SKIP, rows, sender, now)


def spoil(
    session: Session, spoiled: Iterable[tuple[Delivery, str]], sender: int, now: datetime
) -> set[int]:
    """No message can be made for these: refused, with the reason, before anything is sent."""
    rows = [(d.id, d.attempts, reason[:REASON]) for d, reason in spoiled]
    return move(session, _SPOIL, rows, sender, now)


def postpone(
    session: Session, postponed: Iterable[tuple[Delivery, datetime, str]], sender: int,
    now: datetime,
) -> set[int]:  # fmt: skip
    """Give these back, each with the moment when it is due, and what it `WAITS` for.

    Nothing of them was sent, no attempt is counted.
    """
    rows = [
        (d.id, d.attempts, came_from(d), stored(until), why[:REASON])
        for d, until, why in postponed
    ]  # fmt: skip
    return move(session, _POSTPONE, rows, sender, now)


def record(
    session: Session, results: Iterable[Result], sender: int, now: datetime, policy: Policy
) -> dict[int, str]:
    """Write what became of deliveries that were inflight; the new state of each that moved.

    One that isn't named was no longer this sender's: what it learnt comes too late.
    """
    results = list(results)
    sent = _sent(session, [r for r in results if isinstance(r.outcome, Sent)], sender, now)
    others = [r for r in results if not isinstance(r.outcome, Sent)]
    changes = {r.delivery.id: _changes(r, now, policy) for r in others}
    rows = [[values.get(name) for name, _ in _RECORD.columns] for values in changes.values()]
    moved = move(session, _RECORD, rows, sender, now)
    return {number: changes[number]["state"] for number in moved} | dict.fromkeys(sent, "sent")


def recorded(
    session: Session, results: Iterable[Result], now: datetime, policy: Policy
) -> dict[int, str]:
    """The states of those of whom an earlier `record` of the same results is in the ledger.

    For after a commit that was not answered: it may have happened. They have moved once, so what
    else follows from an outcome has followed.
    """
    told = {r.delivery.id: _written(r, now, policy) for r in results}
    columns = (TABLE.c[name] for name in ("id", "state", "attempts", "code", "reply"))
    query = select(*columns).where(col(DeliveryRow.id).in_(told), col(DeliveryRow.sender) == 0)
    rows = session.connection().execute(query)
    return {number: state for number, state, *rest in rows if tuple(rest) == told[number]}


def release(session: Session, sender: int, now: datetime) -> int:
    """Give back what was claimed and not begun: no byte of it was sent. Returns how many."""
    given = (
        update(DeliveryRow)
        .where(text(HELD), col(DeliveryRow.sender) == sender, col(DeliveryRow.state) == "claimed")
        .values(state=unclaimed(), sender=0, changed=now)
    )
    return count(session.execute(given))


def expire(session: Session, issue_id: int, now: datetime, policy: Policy) -> int:
    """End what was deferred and has waited too long while no sender was at work."""
    over = (
        update(DeliveryRow)
        .where(
            col(DeliveryRow.issue_id) == issue_id,
            text(DUE),
            col(DeliveryRow.state) == "deferred",
            col(DeliveryRow.attempts) > 0,
            func.coalesce(col(DeliveryRow.tried), col(DeliveryRow.frozen)) < now - policy.expire,
            # For a budget one waits as long as it takes.
            ~col(DeliveryRow.reason).startswith(WAITS),
        )
        .values(state=text(f"{_IN_DOUBT} ELSE 'expired' END"), changed=now)
    )
    return count(session.execute(over))


def count(result: object) -> int:
    """How many rows a statement changed."""
    return int(getattr(result, "rowcount", 0))


def _intended(session: Session, intents: Collection[Intent], sender: int) -> set[int]:
    wanted = {i.delivery.id: i.delivery.attempts + 1 for i in intents}
    query = select(TABLE.c.id, TABLE.c.attempts).where(
        col(DeliveryRow.id).in_(wanted),
        col(DeliveryRow.sender) == sender,
        col(DeliveryRow.state) == "inflight",
    )
    return {n for n, attempts in session.connection().execute(query) if attempts == wanted[n]}


def unclaimed() -> Any:
    """The state that a claimed row goes back to."""
    # Where a claim came from: what was deferred has an attempt or a reply to show.
    fresh = (col(DeliveryRow.attempts) == 0) & (col(DeliveryRow.code) == 0)
    return case((fresh & (col(DeliveryRow.reply) == ""), "pending"), else_="deferred")


def came_from(delivery: Delivery) -> str:
    """The state that a claimed delivery came from, see `unclaimed`."""
    fresh = not (delivery.attempts or delivery.code or delivery.reply)
    return "pending" if fresh else "deferred"


def _sent(session: Session, sent: Iterable[Result], sender: int, now: datetime) -> set[int]:
    # Nearly all end so; the columns that change are few.
    rows = [
        (r.delivery.id, r.delivery.attempts + 1, r.relay, reply.code, reply.enhanced,
         reply.text[:REPLY])
        for r in sent
        for reply in (r.outcome.reply,)
    ]  # fmt: skip
    return move(session, _SENT, rows, sender, now)


def _written(result: Result, now: datetime, policy: Policy) -> tuple[int, int, str]:
    """The attempts, code and reply that `record` leaves."""
    reply = result.outcome.reply
    if isinstance(result.outcome, Sent):
        return result.delivery.attempts + 1, reply.code, reply.text[:REPLY]
    values = _changes(result, now, policy)
    return values["attempts"], values["code"], values["reply"]


def _changes(result: Result, now: datetime, policy: Policy) -> dict[str, Any]:
    delivery, outcome = result.delivery, result.outcome
    reply = outcome.reply
    values: dict[str, Any] = {
        "key": delivery.id, "was": delivery.attempts + 1, "reason": reply.text[:REASON],
        "relay": result.relay, "attempts": delivery.attempts + 1, "resends": delivery.resends,
        "next_at": delivery.next_at, "code": reply.code, "enhanced": reply.enhanced,
        "reply": reply.text[:REPLY],
    }  # fmt: skip
    values |= _otherwise(delivery, outcome, now, policy)
    values["next_at"] = stored(values["next_at"])
    return values


def _otherwise(
    delivery: Delivery, outcome: Outcome, now: datetime, policy: Policy
) -> dict[str, Any]:
    attempts = delivery.attempts + 1
    match outcome:
        case Refused():
            return {"state": "refused"}
        case Unknown() if policy.resend and delivery.resends == 0:
            again = {"resends": delivery.resends + 1, "next_at": next_attempt(attempts, now)}
            return {"state": "deferred", **again}
        case Unknown():
            return {"state": "unknown"}
        case NotBegun():
            # As if it had never been claimed; what an earlier attempt brought stays.
            before = {"reason": delivery.reason, "code": delivery.code, "reply": delivery.reply}
            return {
                "state": came_from(delivery), "attempts": delivery.attempts,
                "enhanced": delivery.enhanced, "relay": delivery.relay, **before,
            }  # fmt: skip
        case RelayFault(of_one=False):
            # Not the recipient's doing: the attempt doesn't count, and it is due at once; but
            # behind the others, or it would be the one by which the relay is tried each time.
            behind = max(delivery.next_at, now)
            return {"state": "deferred", "attempts": delivery.attempts, "next_at": behind}
        case Deferred() | RelayFault():
            due, tried = next_attempt(attempts, now), delivery.tried or now
            over = "unknown" if delivery.resends else "expired"
            state = over if due > tried + policy.expire else "deferred"
            return {"state": state, "next_at": due, "tried": stored(tried)}
    raise AssertionError(outcome)  # pragma: no cover - Sent is told apart before


_INTEND = change(
    "claimed",
    "state = 'inflight', attempts = {was} + 1, edition = {edition}, message_id = {message_id},"
    " relay = {relay}",
    edition="text", message_id="text", relay="text",
)  # fmt: skip
_SKIP = change(
    "claimed",
    f"state = {_IN_DOUBT} ELSE 'skipped' END, sender = 0, reason = {{reason}}",
    reason="text",
)
_SPOIL = change("claimed", "state = 'refused', sender = 0, reason = {reason}", reason="text")
_POSTPONE = change(
    "claimed",
    "state = {state}, sender = 0, next_at = {next_at}, reason = {reason}",
    state="text", next_at="timestamp", reason="text",
)  # fmt: skip
_SENT = change(
    "inflight",
    "state = 'sent', sender = 0, reason = '', relay = {relay}, code = {code},"
    " enhanced = {enhanced}, reply = {reply}",
    relay="text", code="integer", enhanced="text", reply="text",
)  # fmt: skip
_RECORD = change(
    "inflight",
    "sender = 0, state = {state}, reason = {reason}, relay = {relay}, attempts = {attempts},"
    " resends = {resends}, next_at = {next_at}, code = {code}, enhanced = {enhanced},"
    " reply = {reply}, tried = COALESCE(delivery.tried, {tried})",
    state="text", reason="text", relay="text", attempts="integer", resends="integer",
    next_at="timestamp", code="integer", enhanced="text", reply="text", tried="timestamp",
)  # fmt: skip
