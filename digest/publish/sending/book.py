"""The sending of one issue as the books see it: claims, messages made ahead, groups committed.

One visit after another, see visits. `prepare` composes outside any transaction, so that others can
write meanwhile; `turn` is the group commit: what came back, who may still be mailed, what goes
out next, in one transaction. Never here: a connection.
"""

from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from dataclasses import replace
from datetime import datetime

from digest import ledger
from digest.archive import IssueRecord
from digest.delivery import Begun
from digest.errors import DigestError
from digest.ledger import Delivery, Intent, Policy, Result
from digest.messages import Message
from digest.outcomes import NotBegun, RelayFault, Reply, slows_its_domain
from digest.pace import Brake, too_many_refused
from digest.publish.frequency import readers_of
from digest.publish.opening import Clock, House
from digest.publish.receiving import note_refusal
from digest.publish.sending.carriers import domain_of
from digest.publish.sending.drafts import Draft, Drafts
from digest.publish.sending.freezing import write_portion
from digest.publish.sending.inheriting import Lease, Timing, fenced, inherit, named
from digest.publish.sending.jobs import Back, Job, Turn
from digest.publish.sending.making import Composing
from digest.publish.sending.pacing import SOON, Pace
from digest.publish.sending.visits import Hurried
from digest.publish.sending.watching import Recount
from subscribers import roster
from subscribers.recipient import Recipient

CLAIM = 500  # at most; and ten for each connection, so that another sender finds work, too
HANDFUL = 60  # where the database is at hand: a claim of 200 takes five milliseconds, this 1.5
FRUITLESS = 4  # claims in a row of which nobody may go yet, before something else has its turn
_UNBEGUN = NotBegun(Reply(0, "it was never handed out"))


class Book:
    """Visit it once at a time only, from whatever thread."""

    def __init__(
        self,
        house: House,
        record: IssueRecord,
        clock: Clock,
        composing: Composing,
        pace: Pace,
        timing: Timing,
        passing: Callable[[str], None] = lambda _: None,
    ) -> None:
        """`passing` is called with the name of each point at which a crash would matter."""
        self._passing = passing
        self._house, self._record, self._clock = house, record, clock
        self._pace, self._timing = pace, timing
        settings, brake = house.settings.relay, house.settings.brake
        self._brake = Brake(brake.first, brake.refused, brake.complaints)
        self._watched = brake.first > 0
        self._policy = Policy(settings.on_ambiguous == "resend", settings.expire)
        most = max(carrier.connections for carrier in house.settings.carriers)
        self._at_hand = house.database.file is not None  # in this process: to visit is to compute
        # In the loop's own thread a claim keeps the connections waiting: so a small one.
        self._limit = min(HANDFUL if self._at_hand else CLAIM, 10 * most)
        self._drafts = Drafts(record, composing, pace.let_go)
        self._readers = readers_of(house, record)
        self._claimed: deque[tuple[Delivery, Recipient]] = deque()
        self._passed = 0
        self._unlisted = True  # until we have looked
        self._grown = False  # the list, since the last group
        # Deliveries whose readers' standing was looked up, and when nobody has written since.
        self._fresh: set[int] = set()
        self._mark: tuple[int, ...] | None = None
        self._vain: list[Delivery] = []  # in this transaction, of what was claimed
        self._lease = Lease(timing.lease, self.heartbeat)
        self._recount = Recount(self.heartbeat)
        self.sender = 0

    @property
    def hurried(self) -> Hurried | None:
        """Within, a visit hardly waits for others. None for a server: to visit it is to wait."""
        return self._house.database.hurried if self._at_hand else None

    @property
    def heartbeat(self) -> float:
        """Seconds after which an idle sender shows that it lives, and hears what is wanted."""
        return min(5.0, self._timing.lease.total_seconds() / 4)

    def open(self, name: str) -> None:
        """Take a number, under which everything here is held."""

        def enlisted(session: roster.Session, _again: bool) -> int:
            now = ledger.database_time(session)
            ledger.expire(session, self._record.id, self._clock(), self._policy)
            return ledger.enlist(session, named(name, self._pace.key), self._timing.lease, now)

        self.sender = self._house.database.persist(enlisted)

    def prepare(self, wanted: int) -> bool:
        """Have `wanted` messages ready. False where nothing is left to make or to write down."""
        if self._unlisted:
            self._unlisted = write_portion(self._house, self._record)
            self._grown = True
        there_is_more = self._draw(wanted * self._drafts.ahead)
        self._drafts.hand_over()
        return there_is_more

    def _draw(self, wanted: int) -> bool:
        fruitless = 0
        while len(self._drafts) < wanted:
            if one := self._pace.unparked():
                self._drafts.add(*one)
            elif self._claimed:
                one = self._claimed.popleft()
                if self._pace.admits(*one):
                    self._drafts.add(*one)
            elif fruitless == FRUITLESS:
                return True
            elif not self._claim():
                break
            else:
                fruitless += not self._claimed
        return bool(self._drafts or self._drafts.unread or self._drafts.spoiled or self._unlisted)

    def pause(self) -> float | None:
        """Seconds after which to `prepare` again where nothing was left; None: never mind."""
        if not (self._at_hand or self._house.database.persist(self._whole)):
            self._unlisted = True  # another sender was writing the list: does it still?
            return SOON
        return self._pace.pause()

    def _whole(self, session: roster.Session, _again: bool) -> bool:
        return ledger.is_whole(session, self._record.id)

    @property
    def unmade(self) -> Future[list[Message | DigestError]] | None:
        """What the next message still waits for: its signature."""
        return self._drafts.unmade

    def connections(self, wanted: int) -> int:
        """How many this sender may open, of those that all senders share."""

        def held(session: roster.Session, _again: bool) -> int:
            return self._pace.connections(session, self.sender, wanted)

        return self._house.database.persist(held)

    def tripped(self, fault: RelayFault) -> float:
        """The relay is to be left alone; seconds until it may be tried again."""
        return self._pace.tripped(fault)

    def turn(self, results: Sequence[Back], room: int) -> Turn:
        """Commit what came back and what goes out next: at most `room` messages.

        Raises DatabaseError where the database cannot be written.
        """
        drafts = self._drafts.first(room)

        def work(session: roster.Session, again: bool) -> tuple[Turn, dict[int, Recipient]]:
            done = self._group(session, results, drafts, again)
            self._passing("inside a group")
            return done

        self._passing("before a group is committed")
        turn, changed = self._house.database.persist(work)
        self._passing("after outcomes" if results else "after a group")
        self._passing("after intents" if turn.begun else "after a group")
        more = bool(results) and self._pace.standing_by
        turn = replace(turn, passed=turn.passed + self._passed, more=more)
        self._grown = False
        self._drafts.written()
        self._passed = 0
        self._pace.trying = self._pace.trying and not _taken(results)
        begun = {one.job.delivery.id for one in turn.begun}
        self._pace.let_go({b.result.delivery.id for b in results})
        if turn.control != "go":
            return turn  # `close` gives the drafts back
        self._pace.let_go({d.delivery.id for d in drafts} - begun)
        self._drafts.drop(len(drafts))
        for draft in drafts:
            if draft.delivery.id in changed:
                self._claimed.appendleft((draft.delivery, changed[draft.delivery.id]))
        return turn

    def close(self, results: Sequence[Back] = ()) -> dict[int, str]:
        """Give back what was not begun, and the number. `results` are those that no group took;
        the new states of their deliveries. Raises DatabaseError."""
        # Of a group that failed the commit may have happened; nobody was handed its messages.
        unbegun = [Result(draft.delivery, _UNBEGUN) for draft in self._drafts.all]

        def closed(session: roster.Session, again: bool) -> dict[int, str]:
            now = self._clock()
            moved, states = self._keep(session, results, now, again)
            left = [*self._vain, *self._drafts.in_vain]
            left += [*(d for d, _ in self._claimed), *(d.delivery for d in self._drafts.all)]
            self._braked(session, moved, now)
            ledger.record(session, unbegun, self.sender, now, self._policy)
            ledger.release(session, self.sender, now)
            mine = ledger.retire(session, self.sender, ledger.database_time(session))
            self._pace.close(session, self.sender, left, mine=mine)
            return states

        self._drafts.close()
        if not self.sender:
            return {}  # it could not even begin, and holds nothing
        self._passing("before the rest is given back")
        return self._house.database.persist(closed)

    def _group(
        self,
        session: roster.Session,
        results: Sequence[Back],
        drafts: Sequence[Draft],
        again: bool,
    ) -> tuple[Turn, dict[int, Recipient]]:
        now = self._clock()
        quiet = self._undisturbed(session)
        alive = self._lease.kept(session, self.sender, quiet=quiet)
        states, known = self._keep(session, results, now, again)
        if set(states.values()) - {"sent"}:
            self._fresh.clear()  # it may have suppressed somebody
        if not alive:
            # What came back is true all the same, and written down where nobody has acted on it.
            return Turn((), known, 0, "go", fenced=True), {}
        sending = None if quiet else ledger.sending(session, self._record.id)
        control = sending.control if sending else "go"
        if control == "go" and self._braked(session, states, now):
            control = "paused"
        passed = ledger.skip(session, self._drafts.unread, self.sender, now)
        passed |= ledger.spoil(session, self._drafts.spoiled, self.sender, now)
        self._vain += [one for one in self._drafts.in_vain if one.id in passed]
        begun, more = tuple[Begun[Job], ...](), 0
        changed: dict[int, Recipient] = {}
        if control == "go" and drafts:
            begun, more, changed = self._begin(session, drafts, again)
        self._pace.give_back(session, self._vain)  # once: budgets are locked in one order
        # A wish to stop is read again, whoever wrote it down.
        self._mark = ledger.mark(session) if control == "go" else None
        listed = ledger.recipients(session, self._record.id) if self._grown else None
        counts = None if self._at_hand else self._recount.counts(session, self._record.id)
        turn = Turn(begun, known, len(passed) + more, control, listed=listed, counts=counts)
        return turn, changed

    def _keep(
        self, session: roster.Session, results: Sequence[Back], now: datetime, again: bool
    ) -> tuple[dict[int, str], dict[int, str]]:
        """Write down what came back, and what follows for readers, relay and domains. The new
        states: of those that moved now; and of those, too, that an earlier try had moved."""
        outcomes = [back.result for back in results]
        states = ledger.record(session, outcomes, self.sender, now, self._policy)
        known = states | self._recorded(session, outcomes, states, now) if again else states
        for result in (result for result in outcomes if result.delivery.id in states):
            note_refusal(self._house, session, result.delivery, result.outcome, now)
        unbegun = [r.delivery for r in outcomes if isinstance(r.outcome, NotBegun)]
        self._vain = [one for one in unbegun if one.id in states]
        self._note(session, results)
        return states, known

    def _recorded(
        self, session: roster.Session, outcomes: list[Result], states: dict[int, str], now: datetime
    ) -> dict[int, str]:
        others = [result for result in outcomes if result.delivery.id not in states]
        return ledger.recorded(session, others, now, self._policy)

    def _note(self, session: roster.Session, results: Sequence[Back]) -> None:
        """What the outcomes say of the relay and of domains, for all senders."""
        slow = {domain_of(b.address) for b in results if slows_its_domain(b.result.outcome)}
        if slow:
            self._pace.slow(session, slow)
        if self._pace.trying and _taken(results):
            ledger.mend(session, self._pace.relay)

    def _braked(self, session: roster.Session, states: dict[int, str], now: datetime) -> bool:
        """Whether too many of the first were refused; then the issue is paused for everybody."""
        settled = [state for state in states.values() if state in ("sent", "refused")]
        if not (self._watched and settled):
            return False
        refused = settled.count("refused")
        first = self._brake.first
        tally = ledger.tally(session, self._record.id, len(settled), refused, first)
        if tally is None:
            self._watched = False
            return False
        why = too_many_refused(self._brake, *tally)
        return bool(why) and ledger.steer(
            session, self._record.id, "paused", why=why, by=ledger.BRAKE, now=now
        )

    def _undisturbed(self, session: roster.Session) -> bool:
        """Whether all is as this sender left it: the same wish of the operator, nobody gone."""
        now = ledger.mark(session)
        quiet = now is not None and now == self._mark
        if not quiet:
            self._fresh.clear()
        return quiet

    def _begin(
        self,
        session: roster.Session,
        drafts: Sequence[Draft],
        again: bool,
    ) -> tuple[tuple[Begun[Job], ...], int, dict[int, Recipient]]:
        # In one transaction with the intent: who leaves before this moment gets nothing.
        unsure = [d.recipient.subscriber for d in drafts if d.delivery.id not in self._fresh]
        looked_up = self._standing(session, unsure)
        self._fresh.difference_update(d.delivery.id for d in drafts)
        refused: list[tuple[Delivery, str]] = []
        postponed: list[tuple[Delivery, datetime, str]] = []
        changed: dict[int, Recipient] = {}
        going: dict[int, Draft] = {}
        now = self._clock()
        for draft in drafts:
            stands = looked_up.get(draft.recipient.subscriber, draft.recipient)
            if isinstance(stands, str):
                refused.append((draft.delivery, stands))
            elif stands is not draft.recipient and stands != draft.recipient:
                changed[draft.delivery.id] = stands
            elif until := self._pace.quiet_until(stands.address):
                why = f"{ledger.WAITS}{domain_of(stands.address)}, which asked for less"
                postponed.append((draft.delivery, until, why))
            else:
                going[draft.delivery.id] = draft
        skipped = ledger.skip(session, refused, self.sender, now)
        idle = skipped | ledger.postpone(session, postponed, self.sender, now)
        self._vain += [draft.delivery for draft in drafts if draft.delivery.id in idle]
        intents = [Intent(d.delivery, d.edition, d.message_id) for d in going.values()]
        mine = ledger.intend(session, intents, self.sender, self._pace.relay, now, again=again)
        begun = tuple(
            Begun(Job(draft.delivery, draft.recipient.address), draft.message)
            for number, draft in going.items()
            if number in mine
        )
        return begun, len(skipped), changed

    def _claim(self) -> bool:
        """Claim what is due, and look at once who of them may not be mailed any more."""

        kept: list[tuple[Delivery, Recipient]] = []

        def claimed(
            session: roster.Session, _again: bool
        ) -> list[tuple[Delivery, Recipient | str]]:
            kept.clear()
            now = self._clock()
            quiet = self._undisturbed(session)
            sending = None if quiet else ledger.sending(session, self._record.id)
            if sending and sending.control != "go":
                return []
            if not self._lease.kept(session, self.sender, quiet=quiet):
                raise fenced()
            limit = self._pace.room(session, self._limit)
            found = self._due(session, now, limit) if limit else []
            numbers = [delivery.subscriber for delivery in found]
            standing = self._standing(session, numbers)
            both = [(delivery, standing[delivery.subscriber]) for delivery in found]
            gone = [(d, stands) for d, stands in both if isinstance(stands, str)]
            ledger.skip(session, gone, self.sender, now)
            mine = [(d, stands) for d, stands in both if not isinstance(stands, str)]
            kept.extend(self._pace.grant(session, self.sender, mine))
            self._fresh.update(delivery.id for delivery in found)
            self._mark = ledger.mark(session)
            return both

        self._pace.review(self.sender)
        found = self._house.database.persist(claimed)
        self._passing("after a claim")
        self._passed += sum(isinstance(stands, str) for _, stands in found)
        self._claimed.extend(kept)
        self._pace.took(len(kept))
        return bool(found)

    def _standing(
        self, session: roster.Session, numbers: Sequence[int]
    ) -> dict[int, Recipient | str]:
        name, frequencies = self._readers.newsletter, self._readers.frequencies
        return roster.standing(session, numbers, name, now=self._clock(), frequencies=frequencies)

    def _due(self, session: roster.Session, now: datetime, limit: int) -> list[Delivery]:
        issue, me = self._record.id, self.sender
        if found := ledger.claim(session, issue, me, now, limit):
            return found
        # What a sender has left that died meanwhile is ours to do.
        reaped = inherit(self._house, session, now, grace=self._timing.grace)
        if not (reaped.freed or reaped.resent):
            return []
        return ledger.claim(session, issue, me, now, limit)


def _taken(results: Sequence[Back]) -> bool:
    """Whether the relay did its work for one of them, whatever it said of the recipient."""
    return any(not isinstance(b.result.outcome, RelayFault | NotBegun) for b in results)
