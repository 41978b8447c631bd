"""The pace of one relay's book: who of those claimed may go now, and when the others may.

Budgets are spent in groups, in the transaction of the claim. A relay that has spent its own claims
nothing; a reader whose domain has spent its own is given back, due when its turn comes. Of a
domain with few connections no more is taken in hand than it has; the next stand by (`_parked`).
Where nothing is limited, all of it is one look at an empty table for each heartbeat.
"""

from collections import defaultdict, deque
from collections.abc import Collection, Iterator, Sequence
from datetime import datetime, timedelta
from time import monotonic

from digest import ledger, pace
from digest.archive import IssueRecord
from digest.ledger import Claim, Delivery
from digest.outcomes import RelayFault
from digest.pace import QUIET, STEP, Budget, Rate, Shares
from digest.publish.opening import Clock, House
from digest.publish.sending.carriers import (
    NO_LIMIT,
    Carrier,
    domain_budgets,
    domain_of,
    given,
    key_of,
)
from digest.publish.sending.inheriting import give_back, named
from subscribers.recipient import Recipient
from subscribers.roster import Session

Held = tuple[Delivery, Recipient]
SOON = 0.05  # seconds until something in this process may have changed
HORIZON = 60.0  # seconds that a sender waits for a budget; for longer it ends, due later
SCHEDULED = 50.0  # seconds that it waits in all where `digest run` has others to care for
HEARTBEAT = 5.0  # seconds after which another sender's word on a domain is heard
STANDBY = 500  # of a domain with few connections: those that are kept claimed
# Those beyond are looked at again about when they may be wanted.
_LATER = Budget(Rate(1000, timedelta(seconds=1)))


class Pace:
    """Use it in visits to the book. What is decided in a transaction that is tried again, is
    decided again; nothing else is remembered from it than where the queues end."""

    def __init__(
        self,
        house: House,
        record: IssueRecord,
        carrier: Carrier,
        shares: Shares,
        clock: Clock,
        *,
        scheduled: bool,
        trying: bool,
    ) -> None:
        """`trying`: the relay's breaker is open, and the first message closes it."""
        self.relay, self.trying, self.key = carrier.name, trying, carrier.key
        self._house, self._issue, self._clock = house, record.id, clock
        self._carrier, self._shares = carrier, shares
        self._domains = domain_budgets(house)
        self._most = max(c.connections for c in house.settings.carriers)
        self._slowed: dict[str, datetime] = {}
        self._heard = float("-inf")
        self._hands: dict[str, set[int]] = defaultdict(set)
        self._parked: dict[str, deque[Held]] = {}
        self._allotted: dict[str, int] = {}
        self._queues: dict[str, tuple[Iterator[datetime], datetime]] = {}
        self._free_at: datetime | None = None
        self._shared_out = False
        self._patience = SCHEDULED if scheduled else float("inf")
        self._waits_since: float | None = None
        self._looked = clock()

    def room(self, session: Session, wanted: int) -> int:
        """How many may be claimed for this relay now: its share, and its budget."""
        self._hear(session)
        self._free_at = None
        share = self._shares.room(self.relay, monotonic())
        self._shared_out = share == 0
        if share is not None:
            wanted = min(wanted, share)
        budget = self._carrier.budget
        if wanted and budget.counts:
            key, now = self._carrier.key, self._clock()
            spent = ledger.locked_budgets(session, [key])[key]
            may = pace.available(budget, spent, now, piecemeal=True)
            if may == 0:
                self._free_at = pace.free_at(budget, spent, now)
                self._shares.rest(self.relay)
            wanted = wanted if may is None else min(wanted, may)
        return wanted

    def grant(self, session: Session, sender: int, found: Sequence[Held]) -> list[Held]:
        """Those of the claimed that may go; the others are given back, due later."""
        now = self._clock()
        kept = list(found)
        if self._domains or self._slowed:
            over = self._over(session, sender, found, now)
            ledger.postpone(session, over.values(), sender, now)
            kept = [one for one in found if one[0].id not in over]
        if kept and self._carrier.budget.counts:
            # Read again: between the two a dead sender's claims may have been given back.
            key = self._carrier.key
            known = ledger.locked_budgets(session, [key])[key]
            spent = pace.spend(self._carrier.budget, known, len(kept), now)
            ledger.keep_budgets(session, {key: spent})
        return kept

    def review(self, sender: int) -> None:
        """Look again at those that stand by: their domain may be given more by now, or nothing."""
        if not self._parked:
            return

        def work(session: Session, _again: bool) -> list[str]:
            now = self._clock()
            self._hear(session)
            if self._carrier.budget.counts:
                ledger.locked_budgets(session, [self.key])  # before those of domains
            closed = []
            over: list[tuple[Delivery, datetime, str]] = []
            for domain, parked in sorted(self._parked.items()):
                limit = self._limit(domain, now)
                if limit is not None and not self._allot(session, sender, domain, limit):
                    closed.append(domain)
                    why, start = self._why(domain, limit, now)
                    over += [(d, self._slot(session, why, _LATER, start), why) for d, _ in parked]
            moved = ledger.postpone(session, over, sender, now)
            self.give_back(session, [one for one, _, _ in over if one.id in moved])
            return closed

        for domain in self._house.database.persist(work):
            del self._parked[domain]

    def took(self, count: int) -> None:
        """So many were claimed for good."""
        self._shares.took(self.relay, count)

    def admits(self, delivery: Delivery, recipient: Recipient) -> bool:
        """Whether it may be taken in hand now; if not, it stands by."""
        if not (self._domains or self._slowed):
            return True
        domain = domain_of(recipient.address)
        limit = self._limit(domain, self._clock())
        if limit is None:
            return True
        if len(self._hands[domain]) < min(limit, self._allotted.get(domain, 0)):
            self._hands[domain].add(delivery.id)
            return True
        self._parked.setdefault(domain, deque()).append((delivery, recipient))
        return False

    def unparked(self) -> Held | None:
        """One of those that stand by, where it may be taken in hand now."""
        for domain, parked in self._parked.items():
            limit = self._limit(domain, self._clock())
            allotted = self._allotted.get(domain, 0)
            if limit is None or len(self._hands[domain]) < min(limit, allotted):
                delivery, recipient = parked.popleft()
                self._hands[domain].add(delivery.id)
                if not parked:
                    del self._parked[domain]
                return delivery, recipient
        return None

    @property
    def standing_by(self) -> bool:
        """Whether some wait in this process for a connection to their domain."""
        return bool(self._parked)

    def let_go(self, numbers: Collection[int]) -> None:
        """These deliveries are not in hand any more."""
        for hand in self._hands.values():
            hand.difference_update(numbers)

    def slow(self, session: Session, domains: Collection[str]) -> None:
        """These asked for less: for ten minutes nothing, by no sender."""
        now = self._clock()
        ledger.slow(session, domains, now)
        self._slowed.update(dict.fromkeys(domains, now))

    def quiet_until(self, address: str) -> datetime | None:
        """Until when nothing goes there; None where something may."""
        asked = self._slowed.get(domain_of(address)) if self._slowed else None
        return asked + QUIET if asked and self._clock() < asked + QUIET else None

    def pause(self) -> float | None:
        """Seconds until another look may find something to do; None: nothing that soon."""
        if self._parked or self._shared_out:
            return SOON
        now, moment = self._clock(), self._next()
        if moment is None or now == self._looked:
            return None  # a clock that stands still is not waited for
        seconds = max(SOON, (moment - now).total_seconds())
        self._waits_since = self._waits_since or monotonic()
        if seconds > HORIZON or monotonic() - self._waits_since > self._patience:
            return None
        self._looked = now
        return seconds

    def give_back(self, session: Session, left: Collection[Delivery]) -> None:
        """These were claimed in vain: the day has them again."""
        if not left:
            return
        name = named("", self.key)
        claims = [Claim(name, one.subscriber, one.changed) for one in left]
        give_back(self._house, session, claims, self._clock())

    def close(self, session: Session, sender: int, left: Sequence[Delivery], *, mine: bool) -> None:
        """At the end: what was claimed in vain is not counted for the day.

        Unless it is not `mine` any more: who presumed this sender dead has given it back.
        """
        if mine:
            parked = (delivery for queue in self._parked.values() for delivery, _ in queue)
            self.give_back(session, [*left, *parked])
        ledger.let_go(session, sender)
        self._shares.rest(self.relay)

    def connections(self, session: Session, sender: int, wanted: int) -> int:
        """How many this sender may open to the relay, of those that all may."""
        limit = self._carrier.budget.concurrency
        return ledger.hold(session, self._carrier.key, sender, wanted, limit) if limit else wanted

    def tripped(self, fault: RelayFault) -> float:
        """The relay's breaker is open, for all senders; seconds until it may be tried again."""

        def work(session: Session, _again: bool) -> datetime:
            said = f"{fault.reply.code or ''} {fault.reply.text}".strip()
            return ledger.trip(session, self.relay, said, self._clock()).until

        until = self._house.database.persist(work)
        return (until - self._clock()).total_seconds()

    def _hear(self, session: Session) -> None:
        if monotonic() - self._heard > HEARTBEAT:
            full = QUIET + self._most * STEP
            self._slowed = ledger.slowed(session, self._clock() - full)
            self._heard = monotonic()  # not before: where others write, it is asked again at once

    def _over(
        self, session: Session, sender: int, found: Sequence[Held], now: datetime
    ) -> dict[int, tuple[Delivery, datetime, str]]:
        by: dict[str, list[Delivery]] = defaultdict(list)
        for delivery, recipient in found:
            if self._ruled(domain := domain_of(recipient.address)):
                by[domain].append(delivery)
        spent = ledger.locked_budgets(session, [key_of(domain) for domain in by])
        over: dict[int, tuple[Delivery, datetime, str]] = {}
        for domain in sorted(by):
            mine, budget, known = by[domain], self._budget(domain), spent[key_of(domain)]
            room, why, start = self._standby(session, sender, domain, len(mine), now)
            queue = _LATER
            if budget.counts:
                may = pace.available(budget, known, now)
                granted = room if may is None else min(room, may)
                known = pace.spend(budget, known, granted, now)
                ledger.keep_budgets(session, {key_of(domain): known})
                if granted < room:
                    room, queue, why = granted, budget, f"{ledger.WAITS}the budget of {domain}"
                    start = pace.free_at(budget, known, now)
            for delivery in mine[room:]:
                over[delivery.id] = delivery, self._slot(session, why, queue, start), why
        return over

    def _standby(
        self, session: Session, sender: int, domain: str, count: int, now: datetime
    ) -> tuple[int, str, datetime]:
        """How many of a domain may be kept claimed; for the others why not, and from when on."""
        limit = self._limit(domain, now)
        if limit is None:
            return count, "", now
        why, start = self._why(domain, limit, now)
        if not self._allot(session, sender, domain, limit):
            return 0, why, start
        waiting = len(self._parked.get(domain, ()))
        return min(count, max(0, STANDBY - waiting)), why, start

    def _allot(self, session: Session, sender: int, domain: str, limit: int) -> int:
        held = ledger.hold(session, key_of(domain), sender, limit, limit)
        self._allotted[domain] = held
        return held

    def _why(self, domain: str, limit: int, now: datetime) -> tuple[str, datetime]:
        if limit == 0:
            return f"{ledger.WAITS}{domain}, which asked for less", self._slowed[domain] + QUIET
        return f"{ledger.WAITS}a connection for {domain}", now + timedelta(seconds=HEARTBEAT)

    def _slot(self, session: Session, why: str, budget: Budget, start: datetime) -> datetime:
        known = self._queues.get(why)
        if known is None:
            last = ledger.last_waiting(session, self._issue, why)
            start = max(start, last) if last else start
        if known is None or known[1] < start:
            known = pace.slots(budget, start), start
        moment = next(known[0])
        self._queues[why] = known[0], moment
        return moment

    def _next(self) -> datetime | None:
        def asked(session: Session, _again: bool) -> datetime | None:
            moments: list[datetime | None] = []
            if self._free_at and ledger.due(session, self._issue, self._clock(), 1):
                moments.append(self._free_at)
            if self._domains or self._slowed:
                moments.append(ledger.next_waiting(session, self._issue))
            return min((moment for moment in moments if moment), default=None)

        if not (self._free_at or self._domains or self._slowed):
            return None
        return self._house.database.persist(asked)

    def _budget(self, domain: str) -> Budget:
        return given(self._domains, domain)

    def _ruled(self, domain: str) -> bool:
        return domain in self._slowed or self._budget(domain) is not NO_LIMIT

    def _limit(self, domain: str, now: datetime) -> int | None:
        """How many connections it is given in all; None: as many as there are."""
        limits = [self._budget(domain).concurrency] if self._budget(domain).concurrency else []
        if domain in self._slowed:
            limits.append(pace.connections_after(self._slowed[domain], now))
        return min(limits, default=None)
