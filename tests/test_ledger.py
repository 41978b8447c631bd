"""The ledger: every delivery ends in one state, and none is sent twice in silence."""

import contextlib
import sqlite3
from datetime import datetime, timedelta

import pytest
from sqlmodel import Session

from digest import ledger
from digest.database import Database
from digest.ledger import Intent, Policy, Result
from digest.outcomes import FIRST_WAIT, Outcome, next_attempt
from tests.conftest import NOW
from tests.ledgers import (
    DAY,
    DOWN,
    GONE,
    GRACE,
    HOLD,
    LATER,
    LEASE,
    OUTCOMES,
    RESEND,
    SILENT,
    STOPPED,
    TAKEN,
    UNWANTED,
    audience,
    begun,
    frozen,
    intend,
    me,
    record,
    session,
    settle,
)

__all__ = ["me", "session"]


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
