"""The ledger and those who send: who is silent, who wakes up, and what an operator decides."""

from datetime import timedelta
from typing import Any, Literal

import pytest
from sqlmodel import Session

from digest import ledger
from digest.ledger import Policy, Verdict
from digest.outcomes import FIRST_WAIT
from tests.conftest import NOW
from tests.ledgers import (
    DAY,
    GONE,
    GRACE,
    HOLD,
    LATER,
    LEASE,
    RESEND,
    SILENT,
    TAKEN,
    begun,
    frozen,
    intend,
    me,
    record,
    session,
    settle,
)

__all__ = ["me", "session"]


def test_what_was_claimed_is_given_back(session: Session, me: int) -> None:
    issue = frozen(session, 4)
    first, second, _ = ledger.claim(session, issue, me, NOW, 3)
    ledger.claim(session, issue, me + 1, NOW, 1)
    intend(session, first, me)
    intend(session, second, me)
    record(session, second, me, LATER)
    ledger.claim(session, issue, me, NOW + DAY, 1)

    assert ledger.release(session, me, NOW) == 2

    states = [d.state for d in ledger.deliveries(session, issue)]
    assert states == ["inflight", "deferred", "pending", "claimed"]


@pytest.mark.parametrize(("resend", "state"), [(True, "deferred"), (False, "unknown")])
def test_after_a_crash_only_what_was_inflight_is_in_doubt(
    session: Session, me: int, resend: bool, state: str
) -> None:
    issue = frozen(session, 2)
    inflight, claimed = ledger.claim(session, issue, me, NOW, 2)
    intend(session, inflight, me)

    reaped = ledger.reap(session, NOW, grace=GRACE, resend=resend, dead=[me])

    assert (reaped.freed, reaped.resent, reaped.held) == (1, int(resend), int(not resend))
    first, second = ledger.deliveries(session, issue)
    assert (first.state, first.attempts, first.resends) == (state, 1, int(resend))
    assert first.reason
    assert (first.next_at, second.state) == (NOW, "pending")
    assert not record(session, inflight, me, TAKEN)
    assert not intend(session, claimed, me)
    assert not ledger.renew(session, me, NOW + DAY)
    again = ledger.reap(session, NOW, grace=GRACE, resend=resend, dead=[me])
    assert (again.freed, again.resent, again.held, again.waiting) == (0, 0, 0, 0)


def test_a_silent_sender_loses_claims_first_and_what_is_on_the_wire_later(
    session: Session, me: int
) -> None:
    issue = frozen(session, 2)
    inflight, claimed = ledger.claim(session, issue, me, NOW, 2)
    intend(session, inflight, me)
    moments = [NOW + LEASE, NOW + LEASE + timedelta(seconds=1), NOW + LEASE + GRACE]
    seen = []
    for moment in moments:
        reaped = ledger.reap(session, moment, grace=GRACE, resend=True)
        seen.append((reaped.freed, reaped.resent, reaped.waiting))

    assert seen == [(0, 0, 0), (1, 0, 1), (0, 1, 0)]
    assert not intend(session, claimed, me)


def test_a_sender_that_wakes_up_may_still_say_what_it_knows(session: Session, me: int) -> None:
    issue = frozen(session)
    delivery = begun(session, issue, me)
    ledger.reap(session, NOW + LEASE * 2, grace=GRACE, resend=True)

    assert not ledger.renew(session, me, NOW + DAY)
    assert record(session, delivery, me, TAKEN) == "sent"
    assert ledger.reap(session, NOW + DAY, grace=GRACE, resend=True).resent == 0


def test_a_sender_that_lives_is_left_alone(session: Session, me: int) -> None:
    issue = frozen(session, 2)
    ledger.claim(session, issue, me, NOW, 2)
    assert ledger.renew(session, me, NOW + DAY)

    assert ledger.reap(session, NOW + LEASE * 5, grace=GRACE, resend=True).freed == 0
    assert [sender.id for sender in ledger.senders(session)] == [me]
    ledger.retire(session, me, NOW)
    assert ledger.senders(session) == []
    assert ledger.enlist(session, "another", LEASE, NOW) > me


def test_a_crash_during_the_second_attempt_is_the_end(session: Session, me: int) -> None:
    issue = frozen(session)
    begun(session, issue, me, settle(session, issue, me, SILENT).next_at)

    ledger.reap(session, NOW + DAY, grace=GRACE, resend=True, dead=[me])

    [after] = ledger.deliveries(session, issue)
    assert (after.state, after.resends) == ("unknown", 1)


def test_the_database_has_one_clock(session: Session) -> None:
    first = ledger.database_time(session)
    assert first.utcoffset() == timedelta(0)
    assert first <= ledger.database_time(session)


def steer(session: Session, issue: int, control: Any) -> bool:
    return ledger.steer(session, issue, control, why="a typo", by="ann", now=NOW)


def test_an_operator_pauses_goes_on_and_cancels(session: Session) -> None:
    issue = frozen(session)
    assert not steer(session, 99, "paused")
    assert not steer(session, issue, "go")
    assert steer(session, issue, "paused")
    assert not steer(session, issue, "paused")

    stands = ledger.sending(session, issue)
    assert stands
    assert (stands.control, stands.why, stands.by) == ("paused", "a typo", "ann")
    assert steer(session, issue, "go")
    assert steer(session, issue, "cancelled")
    assert not steer(session, issue, "go")


def test_cancelling_takes_all_that_has_not_gone_out(session: Session, me: int) -> None:
    issue = frozen(session, 4)
    inflight, deferred, claimed = ledger.claim(session, issue, me, NOW, 3)
    for delivery in (inflight, deferred):
        intend(session, delivery, me)
    record(session, deferred, me, LATER)

    assert ledger.call_off(session, issue, NOW) == 3

    assert not intend(session, claimed, me)
    assert record(session, inflight, me, TAKEN) == "sent"
    assert ledger.counts(session, issue) == {"sent": 1, "skipped": 3}


def test_who_may_have_it_already_is_never_said_to_be_passed_over(session: Session, me: int) -> None:
    issue = frozen(session, 4)
    for _ in range(4):
        record(session, begun(session, issue, me), me, SILENT)  # and to be sent once more
    later = NOW + timedelta(minutes=10)
    left, tried = ledger.claim(session, issue, me, later, 2)
    assert ledger.skip(session, [(left, "withdrawn")], me, later) == {left.id}
    intend(session, tried, me)
    assert record(session, tried, me, LATER, later, Policy(True, timedelta())) == "unknown"
    ledger.claim(session, issue, me, later, 1)

    assert ledger.call_off(session, issue, later) == 0

    assert [(d.state, d.reason) for d in ledger.deliveries(session, issue)] == [
        ("unknown", "withdrawn"), ("unknown", LATER.reply.text),
        ("unknown", "cancelled"), ("unknown", "cancelled"),
    ]  # fmt: skip


def test_what_waited_too_long_and_may_have_come_before_is_unknown(
    session: Session, me: int
) -> None:
    issue = frozen(session, 2)
    for outcome in (SILENT, LATER):
        record(session, begun(session, issue, me), me, outcome)

    assert ledger.expire(session, issue, NOW + 3 * DAY, RESEND) == 2

    states = [delivery.state for delivery in ledger.deliveries(session, issue)]
    assert states == ["unknown", "expired"]


def test_a_person_decides_what_is_unknown_and_it_is_written_down(session: Session, me: int) -> None:
    issue = frozen(session, 3)
    for _ in range(3):
        record(session, begun(session, issue, me), me, SILENT, policy=HOLD)

    def decide(to: Any, *who: int) -> int:
        verdict = Verdict(to, "ann", NOW)
        return ledger.resolve(session, issue, "unknown", verdict, who or None)

    assert decide("sent", 1, 99) == 1
    assert decide("refused", 2) == 1
    assert decide("deferred") == 1
    assert decide("deferred") == 0

    one, two, three = ledger.deliveries(session, issue)
    assert [d.state for d in (one, two, three)] == ["sent", "refused", "deferred"]
    assert (three.resends, three.attempts, three.next_at) == (1, 0, NOW)
    assert ledger.interventions(session, issue) == 3


@pytest.mark.parametrize("was", ["expired", "refused", "unknown"])
def test_who_is_tried_again_by_a_person_has_the_whole_time_and_the_short_waits_again(
    session: Session, me: int, was: Literal["expired", "refused", "unknown"]
) -> None:
    issue = frozen(session)
    moment = NOW
    for _ in range(3):  # by now it waits for twenty minutes
        record(session, begun(session, issue, me, moment), me, LATER, moment)
        moment += timedelta(hours=1)
    if was == "expired":
        moment = NOW + 3 * DAY
        ledger.expire(session, issue, moment, HOLD)
    else:
        ends = GONE if was == "refused" else SILENT
        record(session, begun(session, issue, me, moment), me, ends, moment, HOLD)
    assert [one.state for one in ledger.deliveries(session, issue)] == [was]

    assert ledger.resolve(session, issue, was, Verdict("deferred", "ann", moment)) == 1
    later = moment + DAY * 4 / 5  # it may wait for that, and it is no part of its time
    assert ledger.expire(session, issue, moment + 2 * DAY, HOLD) == 0

    assert record(session, begun(session, issue, me, later), me, LATER, later, HOLD) == "deferred"
    [delivery] = ledger.deliveries(session, issue)
    assert (delivery.tried, delivery.next_at) == (later, later + FIRST_WAIT)
    over = "unknown" if was == "unknown" else "expired"  # who may have it, is not said to lack it
    end = later + DAY
    assert record(session, begun(session, issue, me, end), me, LATER, end, HOLD) == over


def test_leaving_is_noted_from_the_first_time(session: Session) -> None:
    issue = frozen(session, 2)

    assert ledger.note_leaving(session, issue, 1, NOW)
    assert not ledger.note_leaving(session, issue, 1, NOW + DAY)
    assert not ledger.note_leaving(session, issue, 99, NOW)

    assert ledger.leavings(session, issue) == 1
    assert [d.left for d in ledger.deliveries(session, issue)] == [NOW, None]


def test_deliveries_come_page_by_page(session: Session) -> None:
    issue = frozen(session, 5)

    first = ledger.deliveries(session, issue, limit=3)
    rest = ledger.deliveries(session, issue, limit=3, after=first[-1].id)

    assert [d.subscriber for d in first + rest] == [1, 2, 3, 4, 5]
    assert [d.subscriber for d in ledger.deliveries(session, issue, subscribers=[4, 2])] == [2, 4]
