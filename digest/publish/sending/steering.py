"""What an operator decides while an issue is being sent, and after: pause, resume, cancel, resolve.

A sender that is at work hears it with its next group; these verbs never wait for one.
"""

from collections import Counter
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

from digest import archive, ledger
from digest.archive import IssueRecord
from digest.errors import IssueError
from digest.ledger import Verdict
from digest.publish.frequency import readers_of
from digest.publish.opening import House
from digest.publish.sending.freezing import write_rest
from subscribers import roster
from subscribers.errors import UnknownSubscriber

PAGE = 1000
Final = Literal["unknown", "refused", "expired"]
Decision = Literal["sent", "refused", "resend"]
_STATES: dict[Decision, Literal["sent", "refused", "deferred"]] = {
    "sent": "sent",
    "refused": "refused",
    "resend": "deferred",
}


@dataclass(frozen=True, slots=True)
class Resolved:
    """How many deliveries moved; and how many, by reason, stay where they are, for they were to be
    sent again and no mail may go to their readers any more. The reason of most stands first."""

    moved: int
    barred: Mapping[str, int] = field(default_factory=dict)


def pause(house: House, record: IssueRecord, *, why: str, by: str, now: datetime) -> None:
    """Let nothing more go out until it is resumed. Raises IssueError where nothing is under way."""
    _steer(house, record, "paused", why=why, by=by, now=now)


def resume(
    house: House, record: IssueRecord, *, by: str, now: datetime, anyway: bool = False
) -> None:
    """Let it go on with the next `send`. Raises IssueError where it isn't paused.

    One that has paused itself goes on only `anyway`, and does not do so again.
    """
    with house.database.writing() as session:
        sending = ledger.sending(session, record.id)
        if sending and sending.control == "paused" and sending.by == ledger.BRAKE:
            if not anyway:
                number = record.issue.number
                raise IssueError(
                    f"issue {number} has paused itself: {sending.why}",
                    remedy=f"mend the cause, then `digest resume {number} --anyway`",
                )
            ledger.unwatch(session, record.id)
    _steer(house, record, "go", why="", by=by, now=now)


def cancel(house: House, record: IssueRecord, *, why: str, by: str, now: datetime) -> int:
    """Nobody else gets this issue, ever; who has it, has it. Returns how many were skipped.

    Raises IssueError where nothing is under way.
    """
    with house.database.writing() as session:
        now_stands = archive.issue_by_id(session, record.id) or record
        if now_stands.state == "sent":
            raise _stands(session, now_stands, "cancelled")
        if not ledger.steer(session, record.id, "cancelled", why=why, by=by, now=now):
            raise _stands(session, record, "cancelled")
    # Who was to get it is accounted for as well, if the list had not been written to its end.
    write_rest(house, record)
    with house.database.writing() as session:
        called_off = ledger.call_off(session, record.id, now)
        if ledger.is_done(session, record.id):
            archive.set_state(session, record.id, "cancelled", now)
        return called_off


def resolve(
    house: House,
    record: IssueRecord,
    state: Final,
    decision: Decision,
    *,
    by: str,
    now: datetime,
    addresses: Collection[str] | None = None,
) -> Resolved:
    """Move deliveries out of a final state, all or those of `addresses`; written down with `by`.

    Raises IssueError where an address isn't there, and where an issue that was cancelled is to be
    sent again.
    """
    with house.database.writing() as session:
        sending = ledger.sending(session, record.id)
        cancelled = sending is not None and sending.control == "cancelled"
        if sending is None or (cancelled and decision == "resend"):
            raise _stands(session, record, "resolved" if sending is None else "sent again")
        numbers = None
        if addresses is not None:
            numbers = [_number(session, record, address) for address in addresses]
        verdict = Verdict(_STATES[decision], by, now)
        if decision != "resend":
            return Resolved(ledger.resolve(session, record.id, state, verdict, numbers))
        done = _sent_again(house, session, record, state, verdict, numbers)
        if done.moved:
            archive.set_state(session, record.id, "sending", now)
        return done


def _number(session: roster.Session, record: IssueRecord, address: str) -> int:
    try:
        return roster.find(session, address).subscriber
    except UnknownSubscriber as error:
        raise IssueError(
            f"nobody in the roster has the address {address}",
            remedy=f"`digest status {record.issue.number} --readers` lists who was to get it",
        ) from error


def _sent_again(
    house: House,
    session: roster.Session,
    record: IssueRecord,
    state: Final,
    verdict: Verdict,
    numbers: Collection[int] | None,
) -> Resolved:
    moved, barred = 0, Counter[str]()
    after, wanted = 0, readers_of(house, record)
    while numbers is None or numbers:
        page = ledger.deliveries(
            session, record.id, states=(state,), subscribers=numbers or (), after=after, limit=PAGE
        )
        standing = roster.standing(
            session, [one.subscriber for one in page], wanted.newsletter, now=verdict.at,
            frequencies=wanted.frequencies,
        )  # fmt: skip
        barred.update(why for why in standing.values() if isinstance(why, str))
        again = [number for number, stands in standing.items() if not isinstance(stands, str)]
        moved += ledger.resolve(session, record.id, state, verdict, again)
        if len(page) < PAGE:
            break
        after = page[-1].id
    return Resolved(moved, dict(barred.most_common()))


def _steer(
    house: House,
    record: IssueRecord,
    control: Literal["go", "paused"],
    *,
    why: str,
    by: str,
    now: datetime,
) -> None:
    with house.database.writing() as session:
        done = record.state not in ("approved", "sending")
        if done or not ledger.steer(session, record.id, control, why=why, by=by, now=now):
            raise _stands(session, record, "paused" if control == "paused" else "resumed")


def _stands(session: roster.Session, record: IssueRecord, wanted: str) -> IssueError:
    sending = ledger.sending(session, record.id)
    number = record.issue.number
    if sending is None:
        return IssueError(
            f"issue {number} is not being sent, so it cannot be {wanted}",
            remedy=f"its state is {record.state}; `digest send {number}` sends an approved issue",
        )
    stands = record.state if sending.control == "go" else sending.control
    return IssueError(
        f"issue {number} is {stands}, so it cannot be {wanted}",
        remedy=f"`digest status {number}` shows where it stands",
    )
