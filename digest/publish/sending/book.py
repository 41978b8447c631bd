"""The sending of one issue as the books see it: claims, messages made ahead, groups committed.

All of it runs in one thread. `prepare` composes outside any transaction, so that others can
write meanwhile; `turn` is the group commit: what came back, who may still be mailed, what goes
out next, in one transaction. Never here: a connection.
"""

from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from time import monotonic

from digest import ledger
from digest.archive import IssueRecord
from digest.delivery import Begun
from digest.edition import Edition, cut
from digest.errors import DatabaseError, DigestError
from digest.ledger import Delivery, Intent, Policy, Result
from digest.messages import Message
from digest.outcomes import slows_its_domain
from digest.publish.frequency import is_first_of_week
from digest.publish.opening import Clock, House
from digest.publish.receiving import note_refusal
from digest.publish.sending.freezing import write_portion
from digest.publish.sending.making import Composing, Maker
from subscribers import roster
from subscribers.preferences import Preferences
from subscribers.recipient import Recipient

CLAIM = 500  # at most; and ten for each connection, so that another sender finds work, too
SLOWED = timedelta(minutes=10)  # for which a domain is left alone that asked for less
NOTHING_TO_READ = "no section chosen has a story"


@dataclass(frozen=True, slots=True)
class Timing:
    """Leases of senders: how long one may be silent before others presume it dead, and how much
    longer what it had on the wire is left alone; at least the wait after the dot.
    """

    lease: timedelta = timedelta(seconds=60)
    grace: timedelta = timedelta(seconds=600)


@dataclass(frozen=True, slots=True)
class Job:
    """A delivery on its way: which, and to whom."""

    delivery: Delivery
    address: str


@dataclass(frozen=True, slots=True)
class Back:
    """A message that came back: what became of it, and for whom it was."""

    result: Result
    address: str


@dataclass(frozen=True, slots=True)
class Turn:
    """What a group brought: messages to send, the new states, how many were passed over for
    good without a message, and what the operator wants."""

    begun: tuple[Begun[Job], ...]
    states: dict[int, str]
    passed: int
    control: str


@dataclass(frozen=True, slots=True)
class _Draft:
    delivery: Delivery
    recipient: Recipient
    edition: str
    made: Message | Future[Message]

    @property
    def message(self) -> Message:
        """Waits for the signature."""
        return self.made.result() if isinstance(self.made, Future) else self.made


class Book:
    """Use it from one thread only."""

    def __init__(
        self,
        house: House,
        record: IssueRecord,
        clock: Clock,
        composing: Composing,
        relay: str,
        timing: Timing,
        passing: Callable[[str], None] = lambda _: None,
    ) -> None:
        """`passing` is called with the name of each point at which a crash would matter."""
        self._passing = passing
        self._house, self._record, self._clock = house, record, clock
        self._relay, self._timing = relay, timing
        settings = house.settings.relay
        self._policy = Policy(settings.on_ambiguous == "resend", settings.expire)
        self._limit = min(CLAIM, 10 * settings.connections)
        self._composer = composing
        self._maker = Maker(composing)
        self._weekly = is_first_of_week(house, record)
        self._editions: dict[Preferences, Edition | None] = {}
        self._claimed: deque[tuple[Delivery, Recipient]] = deque()
        self._drafts: deque[_Draft] = deque()
        self._unread: list[tuple[Delivery, str]] = []
        self._spoiled: list[tuple[Delivery, str]] = []
        self._passed = 0
        self._unlisted = True  # until we have looked
        self._slowed: dict[str, datetime] = {}
        self._asked: tuple[float, datetime | None] = (0.0, None)
        # Deliveries whose readers' standing was looked up, and when nobody has written since.
        self._fresh: set[int] = set()
        self._mark: tuple[int, ...] | None = None
        self._renewed = 0.0
        self.sender = 0

    @property
    def heartbeat(self) -> float:
        """Seconds after which an idle sender shows that it lives, and hears what is wanted."""
        return min(5.0, self._timing.lease.total_seconds() / 4)

    def open(self, name: str) -> None:
        """Take a number, under which everything here is held."""

        def enlisted(session: roster.Session, _again: bool) -> int:
            now = ledger.database_time(session)
            ledger.expire(session, self._record.id, self._clock(), self._policy)
            return ledger.enlist(session, name, self._timing.lease, now)

        self.sender = self._house.database.persist(enlisted)

    def prepare(self, wanted: int) -> bool:
        """Have `wanted` messages ready. False where nothing is left to make or to write down."""
        if self._unlisted:
            self._unlisted = write_portion(self._house, self._record)
        while len(self._drafts) < wanted * self._maker.ahead:
            if self._claimed:
                self._compose(*self._claimed.popleft())
            elif not self._claim():
                break
        return bool(self._drafts or self._unread or self._spoiled or self._unlisted)

    def turn(self, results: Sequence[Back], room: int) -> Turn:
        """Commit what came back and what goes out next: at most `room` messages.

        Raises DatabaseError where the database cannot be written, and where this sender was
        presumed dead and its work has been given to another.
        """
        drafts = [self._drafts[n] for n in range(min(max(room, 0), len(self._drafts)))]
        for draft in drafts:
            _ = draft.message  # not to be waited for within the transaction

        def work(session: roster.Session, again: bool) -> tuple[Turn, dict[int, Recipient]]:
            done = self._group(session, results, drafts, again)
            self._passing("inside a group")
            return done

        for result in results:
            if slows_its_domain(result.result.outcome):
                self._slowed[_domain(result.address)] = self._clock() + SLOWED
        self._passing("before a group is committed")
        turn, changed = self._house.database.persist(work)
        self._passing("after outcomes" if results else "after a group")
        self._passing("after intents" if turn.begun else "after a group")
        turn = replace(turn, passed=turn.passed + self._passed)
        self._unread, self._spoiled, self._passed = [], [], 0
        for draft in drafts:
            self._drafts.popleft()
            if draft.delivery.id in changed:
                self._claimed.appendleft((draft.delivery, changed[draft.delivery.id]))
        return turn

    def close(self) -> None:
        """Give back what was not begun, and the number."""

        def closed(session: roster.Session, _again: bool) -> None:
            now = self._clock()
            ledger.release(session, self.sender, now)
            ledger.retire(session, self.sender, ledger.database_time(session))

        self._maker.close()
        self._passing("before the rest is given back")
        self._house.database.persist(closed)

    def _group(
        self,
        session: roster.Session,
        results: Sequence[Back],
        drafts: Sequence[_Draft],
        again: bool,
    ) -> tuple[Turn, dict[int, Recipient]]:
        now = self._clock()
        quiet = self._undisturbed(session)
        alive = self._alive(session, quiet=quiet)
        states = ledger.record(session, [b.result for b in results], self.sender, now, self._policy)
        for result in (back.result for back in results if back.result.delivery.id in states):
            note_refusal(self._house, session, result.delivery, result.outcome, now)
        if set(states.values()) - {"sent"}:
            self._fresh.clear()  # it may have suppressed somebody
        if not alive:
            # What came back is true all the same, and written down where nobody has acted on it.
            session.commit()
            raise _fenced()
        sending = None if quiet else ledger.sending(session, self._record.id)
        control = sending.control if sending else "go"
        passed = len(ledger.skip(session, self._unread, self.sender, now))
        passed += len(ledger.spoil(session, self._spoiled, self.sender, now))
        begun, more = tuple[Begun[Job], ...](), 0
        changed: dict[int, Recipient] = {}
        if control == "go" and drafts:
            begun, more, changed = self._begin(session, drafts, again)
        self._mark = ledger.mark(session)
        return Turn(begun, states, passed + more, control), changed

    def _undisturbed(self, session: roster.Session) -> bool:
        """Whether all is as this sender left it: the same wish of the operator, nobody gone."""
        now = ledger.mark(session)
        quiet = now is not None and now == self._mark
        if not quiet:
            self._fresh.clear()
        return quiet

    def _alive(self, session: roster.Session, *, quiet: bool) -> bool:
        if quiet and monotonic() - self._renewed < self.heartbeat:
            return True
        self._renewed = monotonic()
        return ledger.renew(session, self.sender, self._until(session))

    def _until(self, session: roster.Session) -> datetime:
        # The database's clock is asked once for each heartbeat, and our own steps in between.
        asked, then = self._asked
        if then is None or monotonic() - asked > self.heartbeat:
            asked, then = self._asked = monotonic(), ledger.database_time(session)
        return then + timedelta(seconds=monotonic() - asked) + self._timing.lease

    def _begin(
        self,
        session: roster.Session,
        drafts: Sequence[_Draft],
        again: bool,
    ) -> tuple[tuple[Begun[Job], ...], int, dict[int, Recipient]]:
        # In one transaction with the intent: who leaves before this moment gets nothing.
        unsure = [d.recipient.subscriber for d in drafts if d.delivery.id not in self._fresh]
        standing: dict[int, Recipient | str] = {
            draft.recipient.subscriber: draft.recipient for draft in drafts
        }
        standing |= self._standing(session, unsure)
        self._fresh.difference_update(d.delivery.id for d in drafts)
        refused: list[tuple[Delivery, str]] = []
        changed: dict[int, Recipient] = {}
        going: dict[int, _Draft] = {}
        now = self._clock()
        for draft in drafts:
            stands = standing[draft.recipient.subscriber]
            if isinstance(stands, str):
                refused.append((draft.delivery, stands))
            elif stands != draft.recipient:
                changed[draft.delivery.id] = stands
            elif self._slowed.get(_domain(stands.address), now) > now:
                until = self._slowed[_domain(stands.address)]
                ledger.postpone(session, [draft.delivery], self.sender, until, now)
            else:
                going[draft.delivery.id] = draft
        skipped = ledger.skip(session, refused, self.sender, now)
        intents = [Intent(d.delivery, d.edition, d.delivery.message_id) for d in going.values()]
        mine = ledger.intend(session, intents, self.sender, self._relay, now, again=again)
        begun = tuple(
            Begun(Job(draft.delivery, draft.recipient.address), draft.message)
            for number, draft in going.items()
            if number in mine
        )
        return begun, len(skipped), changed

    def _claim(self) -> bool:
        """Claim what is due, and look at once who of them may not be mailed any more."""

        def claimed(
            session: roster.Session, _again: bool
        ) -> list[tuple[Delivery, Recipient | str]]:
            now = self._clock()
            quiet = self._undisturbed(session)
            sending = None if quiet else ledger.sending(session, self._record.id)
            if sending and sending.control != "go":
                return []
            if not self._alive(session, quiet=quiet):
                raise _fenced()
            found = self._due(session, now)
            numbers = [delivery.subscriber for delivery in found]
            standing = self._standing(session, numbers)
            both = [(delivery, standing[delivery.subscriber]) for delivery in found]
            gone = [(d, stands) for d, stands in both if isinstance(stands, str)]
            ledger.skip(session, gone, self.sender, now)
            self._fresh.update(delivery.id for delivery in found)
            self._mark = ledger.mark(session)
            return both

        found = self._house.database.persist(claimed)
        self._passing("after a claim")
        self._passed += sum(isinstance(stands, str) for _, stands in found)
        self._claimed.extend((d, stands) for d, stands in found if not isinstance(stands, str))
        return bool(found)

    def _standing(
        self, session: roster.Session, numbers: Sequence[int]
    ) -> dict[int, Recipient | str]:
        newsletter = self._record.issue.newsletter
        return roster.standing(session, numbers, newsletter, now=self._clock(), weekly=self._weekly)

    def _due(self, session: roster.Session, now: datetime) -> list[Delivery]:
        issue, me = self._record.id, self.sender
        if found := ledger.claim(session, issue, me, now, self._limit):
            return found
        # What a sender has left that died meanwhile is ours to do.
        clock, grace = ledger.database_time(session), self._timing.grace
        reaped = ledger.reap(session, clock, grace=grace, resend=self._policy.resend)
        if not (reaped.freed or reaped.resent):
            return []
        return ledger.claim(session, issue, me, now, self._limit)

    def _compose(self, delivery: Delivery, recipient: Recipient) -> None:
        chosen = recipient.preferences
        if chosen not in self._editions:
            self._editions[chosen] = cut(self._record.issue, chosen)
        edition = self._editions[chosen]
        if edition is None:
            self._unread.append((delivery, NOTHING_TO_READ))
            return
        name = delivery.message_id or self._composer.message_id(recipient.subscriber)
        named = replace(delivery, message_id=name)
        try:
            message = self._maker.made(recipient, edition, name, delivery.frozen)
        except DigestError as error:
            # One reader's message that cannot be made stops nobody else's.
            self._spoiled.append((delivery, error.what))
            return
        self._drafts.append(_Draft(named, recipient, edition.key, message))


def _domain(address: str) -> str:
    return address.rpartition("@")[2].lower()


def _fenced() -> DatabaseError:
    return DatabaseError(
        "this sender was silent for so long that it was presumed dead; others have its work",
        remedy="nothing is lost: run `digest send` again, and look why the machine stood still",
    )
