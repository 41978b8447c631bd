"""All relays at one issue: who carries now, and who takes over when one fails.

Never here: what is claimed, or what a reply means.
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta
from functools import partial
from time import monotonic

from digest import delivery, ledger
from digest.archive import IssueRecord
from digest.delivery import Limits, Timeouts
from digest.outcomes import RelayFault
from digest.pace import Shares
from digest.publish.opening import Clock, House
from digest.publish.sending.book import Book
from digest.publish.sending.carriers import Carrier, choose, domain_budgets, none_is_left
from digest.publish.sending.inheriting import Timing
from digest.publish.sending.making import Composing
from digest.publish.sending.pacing import HORIZON, Pace
from digest.publish.sending.shift import Post, Stop, shift
from digest.publish.sending.watching import Watch
from subscribers.roster import Session


@dataclass(frozen=True, slots=True)
class Terms:
    """How an issue is carried. `scheduled`: `digest run` has others to care for, so budgets are
    waited for only a little, and a relay is left alone until its time comes."""

    clock: Clock
    composing: Callable[[House, IssueRecord], Composing]
    timing: Timing
    timeouts: Timeouts
    passing: Callable[[str], None]
    scheduled: bool


@dataclass(slots=True)
class Fleet:
    """Call `carry` once."""

    house: House
    record: IssueRecord
    watch: Watch
    terms: Terms
    faults: dict[str, RelayFault] = field(default_factory=dict)

    def carry(self) -> Stop:
        """Work until nothing is due; how it was stopped before. Raises RelayError where no
        relay is left that takes what is due, DatabaseError."""
        while due := self._due():
            chosen = choose(
                self.house, without=set(self.faults), clock=self.terms.clock,
                scheduled=self.terms.scheduled,
            )  # fmt: skip
            if not chosen.carriers:
                raise none_is_left(self.faults, chosen.left)
            weights = {one.name: one.weight for one, _ in chosen.carriers}
            shares = Shares(weights, monotonic())
            posts = [self._post(one, due, shares, trying) for one, trying in chosen.carriers]
            with asyncio.Runner(loop_factory=delivery.event_loop()) as runner:
                found, stopped = runner.run(shift(posts, self.terms.timeouts))
            if stopped or not found:
                return stopped
            self.faults |= found
        return ""

    def _post(self, carrier: Carrier, due: int, shares: Shares, trying: bool) -> Post:
        limits = Limits(
            min(due, carrier.connections), carrier.messages, trying=trying,
            proven=self.watch.has_sent,
        )  # fmt: skip
        return Post(
            carrier.address,
            limits,
            self.watch.through(carrier.name),
            partial(self._book, carrier, shares),
            partial(self._probe, carrier.name),
        )

    def _book(self, carrier: Carrier, shares: Shares, trying: bool) -> Book:
        terms, house, record = self.terms, self.house, self.record
        pace = Pace(
            house, record, carrier, shares, terms.clock, scheduled=terms.scheduled, trying=trying
        )
        composing = terms.composing(house, record)
        return Book(house, record, terms.clock, composing, pace, terms.timing, terms.passing)

    def _probe(self, relay: str) -> bool:
        def tried(session: Session, _again: bool) -> bool:
            return ledger.probe(session, relay, self.terms.clock())

        return self.house.database.persist(tried)

    def _due(self) -> int:
        """How many may be begun, or soon, up to the connections there are; 0 when paused."""
        most = max(one.connections for one in self.house.settings.carriers)
        soon = timedelta(seconds=HORIZON) if domain_budgets(self.house) else timedelta(0)
        with self.house.database.reading() as session:
            sending = ledger.sending(session, self.record.id)
            if sending and sending.control != "go":
                return 0
            return ledger.due(session, self.record.id, self.terms.clock() + soon, most)
