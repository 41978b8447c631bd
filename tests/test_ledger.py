"""The ledger: every delivery ends in one state, and none is sent twice in silence."""

import tempfile
from collections import Counter
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule
from sqlmodel import Session

from digest import archive, ledger
from digest import database as databases
from digest.database import Database
from digest.ledger import Delivery, Planned
from digest.outcomes import (
    FIRST_WAIT,
    Deferred,
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

ME, OTHER = "host:1:now", "host:2:now"
DAY = timedelta(days=1)
TAKEN, GONE = Sent(Reply(250, "2.0.0 taken")), Refused(Reply(550, "5.1.1 no such user"))
LATER, SILENT = Deferred(Reply(450, "4.2.1 later")), Unknown(Reply(0, "no reply"))
DOWN = RelayFault(Reply(0, "no connection"))
OUTCOMES: list[Outcome] = [TAKEN, GONE, LATER, SILENT, DOWN]


def plan(readers: int) -> list[Planned]:
    return [Planned(n, f"<{n}@example.org>", "key") for n in range(1, readers + 1)]


def frozen(session: Session, readers: int = 1) -> int:
    issue = archive.save_draft(session, example_issue(), "hash", NOW).id
    ledger.freeze(session, issue, plan(readers), NOW)
    return issue


@pytest.fixture
def session(database: Database) -> Iterator[Session]:
    """One transaction; the ledger never commits."""
    with database.writing() as opened:
        yield opened


def begun(session: Session, issue: int, now: datetime = NOW) -> Delivery:
    """The one delivery that is due, inflight."""
    [delivery] = ledger.claim(session, issue, ME, now, 1)
    assert ledger.intend(session, delivery, ME, "key", now)
    return delivery


def settle(
    session: Session,
    issue: int,
    outcome: Outcome,
    now: datetime = NOW,
    *,
    resend: bool = True,
    expire: timedelta = DAY,
) -> Delivery:
    """Send the one delivery that is due, with this outcome; how it stands then."""
    delivery = begun(session, issue, now)
    assert ledger.record(session, delivery, ME, outcome, now, resend=resend, expire=expire)
    [after] = ledger.deliveries(session, issue)
    return after


def test_freezing_twice_writes_once(session: Session) -> None:
    issue = frozen(session, 3)
    before = ledger.deliveries(session, issue)

    assert ledger.freeze(session, issue, [*plan(3), Planned(9, "<9@x>", skip="why")], NOW) == 1

    assert ledger.deliveries(session, issue)[:3] == before
    assert ledger.counts(session, issue) == {"pending": 3, "skipped": 1}
    assert ledger.deliveries(session, issue, states=["skipped"])[0].reason == "why"


def test_claims_come_in_order_up_to_the_limit_and_to_one_owner(session: Session) -> None:
    issue = frozen(session, 5)

    mine = ledger.claim(session, issue, ME, NOW, 2)
    others = ledger.claim(session, issue, OTHER, NOW, 10)

    assert [d.subscriber for d in mine] == [1, 2]
    assert [d.subscriber for d in others] == [3, 4, 5]
    assert ledger.claim(session, issue, ME, NOW, 10) == []


@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)  # SQLite: one writer
def test_two_who_claim_at_once_get_different_deliveries(database: Database) -> None:
    with database.writing() as session:
        issue = frozen(session, 4)

    with database.writing() as one, database.writing() as other:
        mine = ledger.claim(one, issue, ME, NOW, 2)
        others = ledger.claim(other, issue, OTHER, NOW, 4)

    assert [d.subscriber for d in mine] == [1, 2]
    assert [d.subscriber for d in others] == [3, 4]


def test_nothing_is_claimed_before_it_is_due(session: Session) -> None:
    issue = frozen(session)

    assert ledger.claim(session, issue, ME, NOW - timedelta(seconds=1), 1) == []


def test_only_the_owner_goes_on_and_only_once(session: Session) -> None:
    issue = frozen(session)
    [delivery] = ledger.claim(session, issue, ME, NOW, 1)

    assert not ledger.intend(session, delivery, OTHER, "key", NOW)
    assert not ledger.record(session, delivery, ME, TAKEN, NOW, resend=True, expire=DAY)
    assert ledger.intend(session, delivery, ME, "another key", NOW)
    assert not ledger.intend(session, delivery, ME, "key", NOW)
    assert not ledger.skip(session, delivery, ME, "left", NOW)
    assert not ledger.record(session, delivery, OTHER, TAKEN, NOW, resend=True, expire=DAY)
    assert ledger.record(session, delivery, ME, TAKEN, NOW, resend=True, expire=DAY)
    assert not ledger.record(session, delivery, ME, GONE, NOW, resend=True, expire=DAY)

    [after] = ledger.deliveries(session, issue)
    assert (after.state, after.edition, after.attempts) == ("sent", "another key", 1)


def test_a_lease_that_has_ended_is_no_permission(session: Session) -> None:
    issue = frozen(session)
    [delivery] = ledger.claim(session, issue, ME, NOW, 1)

    assert not ledger.intend(session, delivery, ME, "key", NOW + ledger.LEASE)
    assert not ledger.skip(session, delivery, ME, "left", NOW + ledger.LEASE)


def test_who_may_not_be_mailed_is_skipped_with_the_reason(session: Session) -> None:
    issue = frozen(session)
    [delivery] = ledger.claim(session, issue, ME, NOW, 1)

    assert ledger.skip(session, delivery, ME, "withdrawn", NOW)

    [after] = ledger.deliveries(session, issue)
    assert (after.state, after.reason, after.attempts) == ("skipped", "withdrawn", 0)
    assert ledger.is_done(session, issue)


@pytest.mark.parametrize(
    ("outcome", "state", "attempts", "due"),
    [
        (TAKEN, "sent", 1, NOW),
        (GONE, "refused", 1, NOW),
        (LATER, "deferred", 1, NOW + FIRST_WAIT),
        (SILENT, "deferred", 1, NOW + FIRST_WAIT),
        (DOWN, "deferred", 0, NOW),
    ],
)
def test_every_outcome_has_its_transition(
    session: Session, outcome: Outcome, state: str, attempts: int, due: datetime
) -> None:
    issue = frozen(session)

    after = settle(session, issue, outcome)

    assert (after.state, after.attempts, after.next_at) == (state, attempts, due)
    assert (after.code, after.enhanced) == (outcome.reply.code, outcome.reply.enhanced)
    assert after.reply == outcome.reply.text
    assert after.resends == (1 if outcome is SILENT else 0)
    assert ledger.is_done(session, issue) == (state != "deferred")


def test_an_unknown_outcome_is_tried_once_more_and_not_twice(session: Session) -> None:
    issue = frozen(session)

    first = settle(session, issue, SILENT)
    second = settle(session, issue, SILENT, first.next_at)

    assert (first.state, first.resends) == ("deferred", 1)
    assert (second.state, second.resends, second.message_id) == ("unknown", 1, first.message_id)
    assert ledger.claim(session, issue, ME, NOW + DAY, 1) == []


def test_an_unknown_outcome_is_held_where_it_is_set_so(session: Session) -> None:
    after = settle(session, frozen(session), SILENT, resend=False)

    assert (after.state, after.resends) == ("unknown", 0)


def test_waiting_ends(session: Session) -> None:
    issue, now, seen = frozen(session), NOW, list[str]()
    while "expired" not in seen:
        after = settle(session, issue, LATER, now, expire=timedelta(hours=2))
        seen.append(after.state)
        now = after.next_at

    assert seen == ["deferred"] * 4 + ["expired"]
    assert after.attempts == 5
    assert after.next_at == next_attempt(5, after.changed)
    assert ledger.claim(session, issue, ME, NOW + DAY, 1) == []


def test_what_was_not_begun_is_given_back(session: Session) -> None:
    issue = frozen(session, 3)
    begin, _ = ledger.claim(session, issue, ME, NOW, 2)
    ledger.claim(session, issue, OTHER, NOW, 1)
    ledger.intend(session, begin, ME, "key", NOW)

    assert ledger.release(session, ME, NOW) == 1

    states = [d.state for d in ledger.deliveries(session, issue)]
    assert states == ["inflight", "pending", "claimed"]


@pytest.mark.parametrize(("resend", "state"), [(True, "deferred"), (False, "unknown")])
def test_after_a_crash_only_what_was_inflight_is_in_doubt(
    session: Session, resend: bool, state: str
) -> None:
    issue = frozen(session, 2)
    inflight, claimed = ledger.claim(session, issue, ME, NOW, 2)
    ledger.intend(session, inflight, ME, "key", NOW)

    assert ledger.recover(session, NOW, resend=resend) == (1, 1)

    first, second = ledger.deliveries(session, issue)
    assert (first.state, first.attempts, first.resends) == (state, 1, int(resend))
    assert first.reason
    assert second.state == "pending"
    assert not ledger.record(session, inflight, ME, TAKEN, NOW, resend=resend, expire=DAY)
    assert not ledger.intend(session, claimed, ME, "key", NOW)
    assert ledger.recover(session, NOW, resend=resend) == (0, 0)


def test_a_crash_during_the_second_attempt_is_the_end(session: Session) -> None:
    issue = frozen(session)
    begun(session, issue, settle(session, issue, SILENT).next_at)

    ledger.recover(session, NOW + DAY, resend=True)

    [after] = ledger.deliveries(session, issue)
    assert (after.state, after.resends) == ("unknown", 1)


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


class Sending(RuleBasedStateMachine):
    """Two senders, a relay that may have taken whatever is in doubt, crashes, and time."""

    @initialize(resend=st.booleans())
    def open(self, resend: bool) -> None:
        self.folder = tempfile.TemporaryDirectory()
        self.database = databases.open_database("sqlite:///ledger.db", Path(self.folder.name))
        self.resend, self.now, self.life = resend, NOW, 0
        self.held: list[tuple[str, Delivery]] = []
        self.inflight: list[tuple[str, Delivery]] = []
        self.taken: Counter[int] = Counter()
        self.sent: dict[int, Delivery] = {}
        with self.database.writing() as session:
            self.issue = frozen(session, READERS)

    def teardown(self) -> None:
        if hasattr(self, "database"):
            self.database.close()
            self.folder.cleanup()

    @rule(who=st.sampled_from("ab"), limit=st.integers(1, 4))
    def claim(self, who: str, limit: int) -> None:
        owner = f"{who}{self.life}"
        with self.database.writing() as session:
            found = ledger.claim(session, self.issue, owner, self.now, limit)
        assert len(found) <= limit
        self.held += [(owner, delivery) for delivery in found]

    @rule(which=st.integers(0, 20))
    def begin(self, which: int) -> None:
        if self.held:
            owner, delivery = self.held.pop(which % len(self.held))
            with self.database.writing() as session:
                if ledger.intend(session, delivery, owner, "key", self.now):
                    self.inflight.append((owner, delivery))

    @rule(which=st.integers(0, 20))
    def skip(self, which: int) -> None:
        if self.held:
            owner, delivery = self.held.pop(which % len(self.held))
            with self.database.writing() as session:
                ledger.skip(session, delivery, owner, "withdrawn", self.now)

    @rule(which=st.integers(0, 20), outcome=st.sampled_from(OUTCOMES))
    def settle(self, which: int, outcome: Outcome) -> None:
        if self.inflight:
            owner, delivery = self.inflight.pop(which % len(self.inflight))
            self.taken[delivery.id] += isinstance(outcome, Sent | Unknown)
            with self.database.writing() as session:
                assert ledger.record(
                    session, delivery, owner, outcome, self.now, resend=self.resend, expire=DAY
                )

    @rule(who=st.sampled_from("ab"))
    def stop(self, who: str) -> None:
        with self.database.writing() as session:
            ledger.release(session, f"{who}{self.life}", self.now)

    @rule()
    def crash(self) -> None:
        """Everything inflight may have been taken; the dead senders' rows stay in `held`."""
        self.taken.update(delivery.id for _, delivery in self.inflight)
        stale, self.inflight = self.inflight, []
        with self.database.writing() as session:
            ledger.recover(session, self.now, resend=self.resend)
            for owner, delivery in stale:
                assert not ledger.record(
                    session, delivery, owner, TAKEN, self.now, resend=self.resend, expire=DAY
                )
        self.life += 1

    @rule(minutes=st.sampled_from([1, 6, 12, 120, 900]))
    def wait(self, minutes: int) -> None:
        self.now += timedelta(minutes=minutes)

    @rule()
    def freeze_again(self) -> None:
        with self.database.writing() as session:
            assert ledger.freeze(session, self.issue, plan(READERS), self.now) == 0

    @invariant()
    def accounted_for(self) -> None:
        with self.database.reading() as session:
            counts = ledger.counts(session, self.issue)
            found = {d.id: d for d in ledger.deliveries(session, self.issue)}
        assert sum(counts.values()) == READERS
        for number, delivery in self.sent.items():
            assert found[number] == delivery, "what was sent has changed"
        self.sent = {n: d for n, d in found.items() if d.state == "sent"}
        for number, times in self.taken.items():
            assert times <= 1 + found[number].resends, "sent twice in silence"
            assert found[number].resends <= int(self.resend)


Sending.TestCase.settings = settings(max_examples=30, stateful_step_count=30, deadline=None)
TestSending = Sending.TestCase
