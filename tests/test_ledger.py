"""The ledger: every delivery ends in one state, and none is sent twice in silence."""

import contextlib
import sqlite3
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any, Literal

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)
from sqlalchemy import literal, select, text, union_all
from sqlmodel import Session

from digest import archive, ledger
from digest.database import Database
from digest.ledger import Delivery, Intent, Policy, Result, Verdict
from digest.outcomes import (
    FIRST_WAIT,
    Deferred,
    NotBegun,
    Outcome,
    Refused,
    RelayFault,
    Reply,
    Sent,
    Unknown,
    next_attempt,
)
from tests.conftest import NOW
from tests.issues import example_issue

DAY, LEASE, GRACE = timedelta(days=1), timedelta(seconds=60), timedelta(seconds=600)
RESEND, HOLD = Policy(True, DAY), Policy(False, DAY)
TAKEN, GONE = Sent(Reply(250, "2.0.0 taken")), Refused(Reply(550, "5.1.1 no such user"))
LATER, SILENT = Deferred(Reply(450, "4.2.1 later")), Unknown(Reply(0, "no reply"))
DOWN, STOPPED = RelayFault(Reply(0, "no connection")), NotBegun(Reply(0, "stopped"))
UNWANTED = RelayFault(Reply(550, "5.1.8 sender rejected"), of_one=True)
OUTCOMES: list[Outcome] = [TAKEN, GONE, LATER, SILENT, DOWN, UNWANTED, STOPPED]


def audience(readers: int) -> Any:
    """A query that yields these numbers, as the roster's does."""
    return union_all(*(select(literal(n)) for n in range(1, readers + 1)))


def frozen(session: Session, readers: int = 1) -> int:
    issue = archive.save_draft(session, example_issue(), "hash", NOW).id
    ledger.freeze(session, issue, audience(readers), NOW)
    return issue


@pytest.fixture
def session(database: Database) -> Iterator[Session]:
    """One transaction; the ledger never commits."""
    with database.writing() as opened:
        yield opened


@pytest.fixture
def me(session: Session) -> int:
    return ledger.enlist(session, "host:1:place", LEASE, NOW)


def intend(session: Session, delivery: Delivery, sender: int, edition: str = "key") -> bool:
    name = delivery.message_id or f"<{delivery.subscriber}@example.org>"
    return bool(ledger.intend(session, [Intent(delivery, edition, name)], sender, "relay:25", NOW))


def begun(session: Session, issue: int, me: int, now: datetime = NOW) -> Delivery:
    """The one delivery that is due, inflight."""
    [delivery] = ledger.claim(session, issue, me, now, 1)
    assert intend(session, delivery, me)
    return delivery


def record(
    session: Session,
    delivery: Delivery,
    sender: int,
    outcome: Outcome,
    now: datetime = NOW,
    policy: Policy = RESEND,
) -> str:
    """The new state, or "" where the row was no longer this sender's."""
    result = Result(delivery, outcome, "relay:25")
    return ledger.record(session, [result], sender, now, policy).get(delivery.id, "")


def settle(
    session: Session,
    issue: int,
    me: int,
    outcome: Outcome,
    now: datetime = NOW,
    policy: Policy = RESEND,
) -> Delivery:
    """Send the one delivery that is due, with this outcome; how it stands then."""
    state = record(session, begun(session, issue, me, now), me, outcome, now, policy)
    [after] = ledger.deliveries(session, issue)
    assert after.state == state
    return after


def test_freezing_twice_writes_once(session: Session) -> None:
    issue = frozen(session, 3)
    before = ledger.deliveries(session, issue)

    assert ledger.freeze(session, issue, audience(4), NOW + DAY) == 1

    assert ledger.deliveries(session, issue)[:3] == before
    assert ledger.counts(session, issue) == {"pending": 4}
    assert ledger.recipients(session, issue) == 4


def test_the_mark_tells_whether_anybody_has_written(database: Database) -> None:
    def marked() -> tuple[int, ...] | None:
        with database.writing() as session:
            return ledger.mark(session)

    before = marked()
    if database.engine.dialect.name != "sqlite":
        assert before is None  # it can't tell, so everything is looked up each time
        return
    assert marked() == before

    with database.writing() as session:
        ledger.enlist(session, "the same connection", LEASE, NOW)
    after = marked()
    assert after != before

    with contextlib.closing(sqlite3.connect(str(database.engine.url.database))) as other:
        other.execute("UPDATE sender SET name = 'another connection'")
        other.commit()
        assert marked() not in (before, after)


def test_claims_come_in_order_up_to_the_limit_and_to_one_sender(session: Session, me: int) -> None:
    issue = frozen(session, 5)
    other = ledger.enlist(session, "host:2:place", LEASE, NOW)

    mine = ledger.claim(session, issue, me, NOW, 2)
    others = ledger.claim(session, issue, other, NOW, 10)

    assert [d.subscriber for d in mine] == [1, 2]
    assert [d.subscriber for d in others] == [3, 4, 5]
    assert ledger.claim(session, issue, me, NOW, 10) == []


@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)  # SQLite: one writer
def test_two_who_claim_at_once_get_different_deliveries(database: Database) -> None:
    with database.writing() as session:
        issue = frozen(session, 4)

    with database.writing() as one, database.writing() as other:
        mine = ledger.claim(one, issue, 1, NOW, 2)
        others = ledger.claim(other, issue, 2, NOW, 4)

    assert [d.subscriber for d in mine] == [1, 2]
    assert [d.subscriber for d in others] == [3, 4]


def test_nothing_is_claimed_before_it_is_due(session: Session, me: int) -> None:
    issue = frozen(session)
    early = NOW - timedelta(seconds=1)

    assert ledger.claim(session, issue, me, early, 1) == []
    assert ledger.due(session, issue, early, 9) == 0
    assert ledger.due(session, issue, NOW, 9) == 1
    assert ledger.next_due(session, issue) == NOW


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
@pytest.mark.parametrize("question", ["claim", "is_done", "release"])
def test_no_question_of_a_sender_reads_the_whole_ledger(session: Session, question: str) -> None:
    issue, asked = frozen(session, 3), list[str]()
    connection = session.connection().connection
    connection.set_trace_callback(asked.append)
    match question:
        case "claim":
            ledger.claim(session, issue, 1, NOW, 2)
        case "is_done":
            ledger.is_done(session, issue)
        case "release":
            ledger.release(session, 1, NOW)
    connection.set_trace_callback(None)
    plans = [
        row[-1]
        for statement in asked
        for row in session.connection().exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}")
    ]
    assert plans
    assert not [plan for plan in plans if plan.startswith("SCAN delivery")], plans
    assert not [plan for plan in plans if "TEMP B-TREE" in plan], plans


def test_only_the_holder_goes_on_and_only_once(session: Session, me: int) -> None:
    issue, other = frozen(session), me + 1
    [delivery] = ledger.claim(session, issue, me, NOW, 1)

    assert not intend(session, delivery, other)
    assert not record(session, delivery, me, TAKEN)
    assert intend(session, delivery, me, "another key")
    assert not intend(session, delivery, me)
    assert not ledger.skip(session, [(delivery, "left")], me, NOW)
    assert not record(session, delivery, other, TAKEN)
    assert record(session, delivery, me, TAKEN) == "sent"
    assert not record(session, delivery, me, GONE)

    [after] = ledger.deliveries(session, issue)
    assert (after.state, after.edition, after.attempts) == ("sent", "another key", 1)
    assert (after.message_id, after.relay) == ("<1@example.org>", "relay:25")


def test_what_an_earlier_attempt_learns_comes_too_late(session: Session, me: int) -> None:
    issue = frozen(session)
    first = begun(session, issue, me)
    record(session, first, me, LATER)
    second = begun(session, issue, me, NOW + DAY)

    assert not record(session, first, me, GONE)
    assert record(session, second, me, TAKEN) == "sent"


def test_an_intent_whose_commit_nobody_confirmed_is_found_again(session: Session, me: int) -> None:
    issue = frozen(session, 2)
    one, two = ledger.claim(session, issue, me, NOW, 2)
    intents = [Intent(d, "key", "<m@example.org>") for d in (one, two)]
    ledger.intend(session, intents[:1], me, "relay:25", NOW)

    assert ledger.intend(session, intents, me, "relay:25", NOW, again=True) == {one.id, two.id}
    assert ledger.intend(session, intents, me + 1, "relay:25", NOW, again=True) == set()


@pytest.mark.parametrize("outcome", OUTCOMES)
def test_an_outcome_whose_commit_nobody_confirmed_is_found_again(
    session: Session, me: int, outcome: Outcome
) -> None:
    issue = frozen(session, 2)
    one, two = (begun(session, issue, me) for _ in range(2))
    results = [Result(d, outcome, "relay:25") for d in (one, two)]
    states = ledger.record(session, results[:1], me, NOW, RESEND)

    assert ledger.record(session, results[:1], me, NOW, RESEND) == {}
    later = NOW + timedelta(seconds=1)
    assert ledger.recorded(session, results, later, RESEND) == states
    assert list(states) == [one.id]


def test_what_became_of_a_delivery_by_another_is_not_taken_for_one_s_own(
    session: Session, me: int
) -> None:
    issue = frozen(session)
    mine = begun(session, issue, me)
    ledger.reap(session, NOW, grace=GRACE, resend=True, dead=[me])
    other = ledger.enlist(session, "another", LEASE, NOW)
    record(session, begun(session, issue, other), other, TAKEN)

    for outcome in OUTCOMES:
        assert ledger.recorded(session, [Result(mine, outcome, "relay:25")], NOW, RESEND) == {}


def test_groups_move_what_is_theirs_and_nothing_else(session: Session, me: int) -> None:
    issue = frozen(session, 4)
    found = ledger.claim(session, issue, me, NOW, 3)
    [others] = ledger.claim(session, issue, me + 1, NOW, 3)

    intents = [Intent(d, "key", f"<{d.id}@x>") for d in [*found, others]]
    assert ledger.intend(session, intents, me, "r", NOW) == {d.id for d in found}
    outcomes: list[Outcome] = [TAKEN, LATER, GONE, TAKEN]
    results = [Result(d, o, "r") for d, o in zip([*found, others], outcomes, strict=True)]
    states = ledger.record(session, results, me, NOW, RESEND)
    assert list(dict(sorted(states.items())).values()) == ["sent", "deferred", "refused"]
    assert ledger.counts(session, issue) == {
        "sent": 1, "deferred": 1, "refused": 1, "claimed": 1
    }  # fmt: skip


def test_who_may_not_be_mailed_is_skipped_with_the_reason(session: Session, me: int) -> None:
    issue = frozen(session)
    [delivery] = ledger.claim(session, issue, me, NOW, 1)

    assert ledger.skip(session, [(delivery, "withdrawn")], me, NOW) == {delivery.id}

    [after] = ledger.deliveries(session, issue)
    assert (after.state, after.reason, after.attempts) == ("skipped", "withdrawn", 0)
    assert ledger.is_done(session, issue)


def test_who_no_message_can_be_made_for_is_refused_with_the_reason(
    session: Session, me: int
) -> None:
    issue = frozen(session)
    [delivery] = ledger.claim(session, issue, me, NOW, 1)

    assert ledger.spoil(session, [(delivery, 'no "address"\n')], me, NOW) == {delivery.id}

    [after] = ledger.deliveries(session, issue)
    assert (after.state, after.reason) == ("refused", 'no "address"\n')


@pytest.mark.parametrize(
    ("outcome", "state", "attempts", "due"),
    [
        (TAKEN, "sent", 1, NOW),
        (GONE, "refused", 1, NOW),
        (LATER, "deferred", 1, NOW + FIRST_WAIT),
        (SILENT, "deferred", 1, NOW + FIRST_WAIT),
        (DOWN, "deferred", 0, NOW),
        (UNWANTED, "deferred", 1, NOW + FIRST_WAIT),
    ],
)
def test_every_outcome_has_its_transition(
    session: Session, me: int, outcome: Outcome, state: str, attempts: int, due: datetime
) -> None:
    issue = frozen(session)

    after = settle(session, issue, me, outcome)

    assert (after.state, after.attempts, after.next_at) == (state, attempts, due)
    assert (after.code, after.enhanced) == (outcome.reply.code, outcome.reply.enhanced)
    assert after.reply == outcome.reply.text
    assert after.resends == (1 if outcome is SILENT else 0)
    assert ledger.is_done(session, issue) == (state != "deferred")


def test_what_was_not_begun_is_as_if_it_had_never_been_claimed(session: Session, me: int) -> None:
    issue = frozen(session)
    [before] = ledger.deliveries(session, issue)
    after = settle(session, issue, me, STOPPED)
    assert (after.state, after.attempts, after.reply) == ("pending", 0, "")
    assert after.next_at == before.next_at

    deferred = settle(session, issue, me, LATER)
    again = settle(session, issue, me, STOPPED, NOW + DAY / 2)

    assert (again.state, again.attempts, again.reply) == ("deferred", 1, LATER.reply.text)
    assert again.next_at == deferred.next_at


def test_an_unknown_outcome_is_tried_once_more_and_not_twice(session: Session, me: int) -> None:
    issue = frozen(session)

    first = settle(session, issue, me, SILENT)
    second = settle(session, issue, me, SILENT, first.next_at)

    assert (first.state, first.resends) == ("deferred", 1)
    assert (second.state, second.resends, second.message_id) == ("unknown", 1, first.message_id)
    assert ledger.claim(session, issue, me, NOW + DAY, 1) == []


def test_an_unknown_outcome_is_held_where_it_is_set_so(session: Session, me: int) -> None:
    after = settle(session, frozen(session), me, SILENT, policy=HOLD)

    assert (after.state, after.resends) == ("unknown", 0)


def test_whom_the_relay_s_fault_met_goes_behind_the_others(session: Session, me: int) -> None:
    issue, later = frozen(session, 3), NOW + timedelta(minutes=1)
    first = begun(session, issue, me)
    record(session, first, me, DOWN, later)

    assert [d.subscriber for d in ledger.claim(session, issue, me, later, 3)] == [2, 3, 1]


@pytest.mark.parametrize("outcome", [LATER, UNWANTED])
def test_waiting_ends(session: Session, me: int, outcome: Outcome) -> None:
    issue, now, seen = frozen(session), NOW, list[str]()
    two_hours = Policy(True, timedelta(hours=2))
    while "expired" not in seen:
        after = settle(session, issue, me, outcome, now, two_hours)
        seen.append(after.state)
        now = after.next_at

    assert seen == ["deferred"] * 4 + ["expired"]
    assert after.attempts == 5
    assert after.next_at == next_attempt(5, after.changed)
    assert ledger.claim(session, issue, me, NOW + DAY, 1) == []


def test_waiting_ends_also_while_nobody_sends(session: Session, me: int) -> None:
    issue = frozen(session, 2)
    [first] = ledger.claim(session, issue, me, NOW, 1)
    intend(session, first, me)
    record(session, first, me, LATER)

    assert ledger.expire(session, issue, NOW + DAY, RESEND) == 0
    assert ledger.expire(session, issue, NOW + DAY + timedelta(seconds=1), RESEND) == 1

    # Who was never tried is not given up: the operator decides whether it is too late.
    assert ledger.counts(session, issue) == {"expired": 1, "pending": 1}


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


READERS = 6
RETRIES = [("unknown", "deferred"), ("unknown", "sent"), ("unknown", "refused"),
           ("refused", "deferred"), ("expired", "deferred")]  # fmt: skip
GROUP = st.lists(st.integers(0, 20), min_size=1, max_size=4)
ENDS = st.lists(st.sampled_from(OUTCOMES), min_size=4, max_size=4)
WORK: dict[str, Any] = {
    "far": st.sampled_from([3, 2, 1, 7]), "who": st.sampled_from("ab"), "limit": st.integers(1, 4),
    "which": GROUP, "outcomes": ENDS, "again": st.booleans(),
}  # fmt: skip
STANDS = text("SELECT state, sender, attempts FROM delivery WHERE id = :id")


class Sending(RuleBasedStateMachine):
    """Two senders, an operator, a relay that may have taken whatever is in doubt, crashes, time.

    `held` and `inflight` are what the senders remember, dead or alive: each goes on trying.
    The invariants I1 to I8 are those of docs/delivery.md.
    """

    database: Database
    examples = steps = begins = ends = 0

    @initialize(resend=st.booleans())
    def open(self, resend: bool) -> None:
        type(self).examples += 1
        self.policy, self.now = Policy(resend, DAY), NOW
        self.held: list[tuple[int, Delivery]] = []
        self.inflight: list[tuple[int, Delivery]] = []
        self.taken: Counter[int] = Counter()
        self.begun: Counter[int] = Counter()
        self.said_yes: set[int] = set()
        self.overruled: Counter[int] = Counter()
        self.asked_again: Counter[int] = Counter()
        self.tried: dict[int, datetime] = {}
        self.decided = 0
        self.final: dict[int, Delivery] = {}
        with self.database.writing() as session:
            # Issues of earlier examples are there: each has an issue of its own.
            number = archive.next_number(session, "the-week")
            issue = replace(example_issue(), number=number)
            draft = archive.save_draft(session, issue, "hash", NOW).id
            archive.set_state(session, draft, "sending", NOW)
            self.issue = draft
            ledger.freeze(session, draft, audience(READERS), NOW)
            self.senders = {who: ledger.enlist(session, who, LEASE, NOW) for who in "ab"}

    @rule(who=st.sampled_from("ab"), limit=st.integers(1, 4))
    def claim(self, who: str, limit: int) -> None:
        sender = self.senders[who]
        with self.database.writing() as session:
            # As publish.sending.book does: the lease, and whether the operator lets it go on.
            wanted = ledger.sending(session, self.issue)
            if (
                ledger.renew(session, sender, self.now + LEASE)
                and wanted
                and wanted.control == "go"
            ):
                found = ledger.claim(session, self.issue, sender, self.now, limit)
                assert len(found) <= limit
                self.held += [(sender, delivery) for delivery in found]

    def some(
        self, rows: list[tuple[int, Delivery]], which: list[int]
    ) -> tuple[int, list[Delivery]]:
        """A group of one sender's, each row once; they are taken out."""
        sender = rows[which[0] % len(rows)][0]
        mine = [one for one in rows if one[0] == sender]
        chosen: dict[int, tuple[int, Delivery]] = {}
        for number in which:
            one = mine[number % len(mine)]
            chosen.setdefault(one[1].id, one)
        for one in chosen.values():
            rows.remove(one)
        return sender, [delivery for _, delivery in chosen.values()]

    @rule(which=GROUP, again=st.booleans())
    def begin(self, which: list[int], again: bool) -> None:
        if not self.held:
            return
        sender, chosen = self.some(self.held, which)
        intents = [Intent(d, "key", f"<{d.id}@example.org>") for d in chosen]
        with self.database.writing() as session:
            if not ledger.renew(session, sender, self.now + LEASE):
                return
            mine = {d.id for d in chosen if self.is_held(session, d, sender)}
            assert ledger.intend(session, intents, sender, "r", self.now) == mine  # I3
        if again:  # nobody said that it was committed
            before = {delivery.id for who, delivery in self.inflight if who == sender}
            with self.database.writing() as session:
                found = ledger.intend(session, intents, sender, "r", self.now, again=True)
            assert mine <= found <= mine | before  # I3
        self.begun.update(mine)
        type(self).begins += len(mine)
        self.inflight += [(sender, delivery) for delivery in chosen if delivery.id in mine]

    @rule(which=st.integers(0, 20), how=st.sampled_from(["skip", "spoil", "postpone"]))
    def give_up(self, which: int, how: str) -> None:
        if not self.held:
            return
        sender, delivery = self.held.pop(which % len(self.held))
        with self.database.writing() as session:
            mine = self.is_held(session, delivery, sender)
            if how == "postpone":
                until = self.now + timedelta(minutes=10)
                moved = ledger.postpone(session, [(delivery, until, "slow")], sender, self.now)
            else:
                why = [(delivery, "withdrawn")]
                change = ledger.skip if how == "skip" else ledger.spoil
                moved = change(session, why, sender, self.now)
            assert bool(moved) == mine  # I3

    @rule(which=GROUP, outcomes=ENDS, again=st.booleans())
    def settle(self, which: list[int], outcomes: list[Outcome], again: bool) -> None:
        if not self.inflight:
            return
        sender, chosen = self.some(self.inflight, which)
        results = [Result(d, o, "r") for d, o in zip(chosen, outcomes, strict=False)]
        self.taken.update(r.delivery.id for r in results if isinstance(r.outcome, Sent | Unknown))
        with self.database.writing() as session:
            mine = {r.delivery.id for r in results if self.is_inflight(session, r, sender)}
            states = ledger.record(session, results, sender, self.now, self.policy)
            assert set(states) == mine  # I3
            type(self).ends += len(mine)
            found = {d.id: d for d in ledger.deliveries(session, self.issue)}
        if again:  # nobody said that it was committed
            with self.database.writing() as session:
                assert not ledger.record(session, results, sender, self.now, self.policy)  # I3
                known = ledger.recorded(session, results, self.now, self.policy)
            assert known.items() >= states.items()
        for result in (result for result in results if result.delivery.id in mine):
            self.waits(result.delivery, result.outcome, found[result.delivery.id])
            if isinstance(result.outcome, Sent):
                self.said_yes.add(result.delivery.id)

    @rule(**WORK)
    def go_on(
        self, far: int, who: str, limit: int, which: list[int], outcomes: list[Outcome], again: bool
    ) -> None:
        """What a send is most of the time: what comes next of claim, intent, outcome; `far` on."""
        for _ in range(far):
            if self.inflight:
                self.settle(which, outcomes, again)
            elif self.held:
                self.begin(which, again)
            else:
                self.claim(who, limit)

    # Hypothesis chooses among rules evenly, and leaves some out of a whole life: with one rule for
    # each step of the work among a dozen for what disturbs it, hardly a message was sent.
    @rule(**WORK)
    def go_on_then(self, **how: Any) -> None:
        self.go_on(**how)

    @rule(**WORK)
    def go_on_still(self, **how: Any) -> None:
        self.go_on(**how)

    @rule(**WORK)
    def go_on_yet(self, **how: Any) -> None:
        self.go_on(**how)

    def waits(self, before: Delivery, outcome: Outcome, after: Delivery) -> None:
        """I6: each attempt brings the end nearer, and what is no attempt goes behind the others."""
        match outcome:
            case RelayFault(of_one=False):
                behind = max(before.next_at, self.now)
                assert (after.attempts, after.next_at) == (before.attempts, behind)
            case Deferred() | RelayFault():
                first = self.tried.setdefault(after.id, self.now)
                assert after.attempts == before.attempts + 1
                assert after.state != "deferred" or self.now < after.next_at <= first + DAY

    @rule(who=st.sampled_from("ab"))
    def stop(self, who: str) -> None:
        with self.database.writing() as session:
            ledger.release(session, self.senders[who], self.now)

    @rule(who=st.sampled_from("ab"))
    def retire(self, who: str) -> None:
        """It ends in order, but for what it has on the wire: of that it will hear no more."""
        ended = self.senders[who]
        with self.database.writing() as session:
            ledger.release(session, ended, self.now)
            ledger.retire(session, ended, self.now)
            self.senders[who] = ledger.enlist(session, who, LEASE, self.now)
        self.lose(ended)

    @rule()
    def start_alone(self) -> None:
        """Who starts on one machine knows that no other process is left, whenever it ended."""
        for sender in {sender for sender, _ in self.inflight}:
            self.lose(sender)
        with self.database.writing() as session:
            dead = [sender.id for sender in ledger.senders(session)]
            ledger.reap(session, self.now, grace=timedelta(), resend=self.policy.resend, dead=dead)
            assert not {"claimed", "inflight"} & set(ledger.counts(session, self.issue))
            self.senders = {who: ledger.enlist(session, who, LEASE, self.now) for who in "ab"}

    def lose(self, sender: int) -> None:
        """Everything that it had on the wire may have been taken."""
        self.taken.update(delivery.id for who, delivery in self.inflight if who == sender)
        self.inflight = [(who, delivery) for who, delivery in self.inflight if who != sender]

    @rule(who=st.sampled_from("ab"), known=st.booleans())
    def presume_dead(self, who: str, known: bool) -> None:
        """Everything it had inflight may have been taken. If only presumed, it may yet wake up."""
        dead = self.senders[who]
        if known:
            self.lose(dead)
        with self.database.writing() as session:
            gone = [dead] if known else []
            ledger.reap(session, self.now, grace=GRACE, resend=self.policy.resend, dead=gone)
            if not ledger.renew(session, dead, self.now + LEASE):
                self.senders[who] = ledger.enlist(session, who, LEASE, self.now)

    @rule(minutes=st.sampled_from([1, 6, 12, 120, 900]))
    def wait(self, minutes: int) -> None:
        # Nothing stays on the wire for longer than the grace: that is what it is for.
        self.now += timedelta(minutes=minutes)
        if minutes * 60 >= GRACE.total_seconds():
            self.taken.update(delivery.id for _, delivery in self.inflight)
            self.inflight = []

    @rule()
    def freeze_again(self) -> None:
        with self.database.writing() as session:
            assert ledger.freeze(session, self.issue, audience(READERS), self.now) == 0

    @rule()
    def expire(self) -> None:
        with self.database.writing() as session:
            ledger.expire(session, self.issue, self.now, self.policy)

    @rule(control=st.sampled_from(["go", "go", "paused"]))
    def steer(self, control: Any) -> None:
        with self.database.writing() as session:
            ledger.steer(session, self.issue, control, why="", by="ann", now=self.now)

    @precondition(lambda self: len(self.final) >= READERS // 2)
    @rule()
    def cancel(self) -> None:
        """Late, for nothing goes on afterwards."""
        with self.database.writing() as session:
            ledger.steer(session, self.issue, "cancelled", why="", by="ann", now=self.now)
            ledger.call_off(session, self.issue, self.now)

    @rule(move=st.sampled_from(RETRIES))
    def decide(self, move: tuple[Any, Any]) -> None:
        """An operator's word is the one way out of a final state, and it is written down."""
        state, to = move
        moved = [d for d in self.final.values() if d.state == state]
        with self.database.writing() as session:
            wanted = ledger.sending(session, self.issue)
            if wanted is None or wanted.control == "cancelled":
                return  # publish.resolve refuses
            count = ledger.resolve(session, self.issue, state, Verdict(to, "ann", self.now))
        assert count == len(moved)
        self.decided += count
        for delivery in moved:
            del self.final[delivery.id]
            if to == "deferred":
                self.tried.pop(delivery.id, None)
            if to == "sent":
                self.said_yes.add(delivery.id)
            elif to == "refused":
                self.overruled[delivery.id] += 1
            elif state == "unknown":
                self.asked_again[delivery.id] += 1

    def is_held(self, session: Session, delivery: Delivery, sender: int) -> bool:
        now = session.connection().execute(STANDS, {"id": delivery.id}).one()
        return tuple(now) == ("claimed", sender, delivery.attempts)

    def is_inflight(self, session: Session, result: Result, sender: int) -> bool:
        delivery = result.delivery
        now = session.connection().execute(STANDS, {"id": delivery.id}).one()
        return tuple(now) == ("inflight", sender, delivery.attempts + 1)

    @invariant()
    def accounted_for(self) -> None:
        if not hasattr(self, "issue"):
            return
        type(self).steps += 1
        with self.database.reading() as session:
            counts = ledger.counts(session, self.issue)
            found = {d.id: d for d in ledger.deliveries(session, self.issue)}
            done, frozen, interventions = (
                ledger.is_done(session, self.issue),
                ledger.recipients(session, self.issue),
                ledger.interventions(session, self.issue),
            )
        assert sum(counts.values()) == READERS == frozen  # I1
        for number, delivery in self.final.items():
            assert found[number] == delivery, "a final state has changed"  # I2
        assert interventions == self.decided  # I2
        self.final = {n: d for n, d in found.items() if d.state in ledger.FINAL}
        # I4, I8: sent is what the relay, or a person, said yes to, once for each reader.
        assert {n for n, d in found.items() if d.state == "sent"} == self.said_yes
        assert len({d.subscriber for d in found.values()}) == READERS
        for number, delivery in found.items():
            twice = delivery.resends + self.overruled[number]
            assert self.taken[number] <= 1 + twice, "sent twice in silence"  # I5
            if delivery.state in ("skipped", "expired"):  # nobody of whom that is said has it
                assert not self.taken[number] or self.overruled[number]
            most = int(self.policy.resend) + self.asked_again[number]
            assert delivery.resends <= most
            assert delivery.attempts <= self.begun[number]  # I6
        assert done == (len(self.final) == READERS)  # I7


LOADED = settings.default
assert LOADED is not None
LONG = LOADED.max_examples >= 1000
LIVES = 1000 if LONG else 30


def test_whatever_happens_the_ledger_keeps_its_invariants(database: Database) -> None:
    machine: type[Sending] = type("OnThisEngine", (Sending,), {"database": database})
    steps = settings(
        max_examples=LIVES,
        stateful_step_count=50 if LONG else 30,
        deadline=None,
        suppress_health_check=list(HealthCheck),
    )

    run_state_machine_as_test(machine, settings=steps)

    print(
        f"{database.engine.dialect.name}: {machine.examples} lives, {machine.steps} steps,"
        f" {machine.begins} intents, {machine.ends} outcomes"
    )
    assert machine.examples >= LIVES or not LONG
    assert min(machine.begins, machine.ends) >= machine.examples, "hardly a message was sent"
