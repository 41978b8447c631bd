"""Whatever senders, relay and operator do: the ledger keeps its invariants."""

from collections import Counter
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

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
from sqlalchemy import text
from sqlmodel import Session

from digest import archive, ledger
from digest.database import Database
from digest.ledger import Delivery, Intent, Policy, Result, Verdict
from digest.outcomes import Deferred, Outcome, RelayFault, Sent, Unknown
from tests.conftest import NOW
from tests.issues import example_issue
from tests.ledgers import DAY, GRACE, LEASE, OUTCOMES, audience

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
