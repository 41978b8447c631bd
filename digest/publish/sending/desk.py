"""The desk between the connections and the books: what is ready, what came back, and when to stop.

Group commit: whatever came back, and whatever has been made meanwhile, goes into the database in
one transaction, while connections go on with what is ready. Of that transaction 0.4 ms of processor
time are the same for one message and for twenty; so it is begun when half of the connections have
brought something, when one has nothing to do, or when the first has waited for a moment.
They never wait for the commit of an outcome, and the next message's intent is committed while the
present is on the wire; so at most two deliveries for each connection are in doubt after a crash.
"""

import asyncio
from collections import deque
from collections.abc import Callable
from typing import Protocol

from digest.delivery import Begun
from digest.errors import DatabaseError
from digest.ledger import Result
from digest.outcomes import NotBegun, Outcome, RelayFault, Reply
from digest.publish.sending.book import Book
from digest.publish.sending.inheriting import fenced
from digest.publish.sending.jobs import Back, Job, Turn
from digest.publish.sending.visits import Visits

AHEAD = 2  # deliveries past the intent for each connection: one on the wire, one ready
MOMENT = 0.003  # seconds that an outcome waits for others to be committed with it
_STOPPED = NotBegun(Reply(0, "the sender was stopped"))
_Ended = list[tuple[Begun[Job], Outcome]]


class Log(Protocol):
    """Who hears what was committed."""

    def happened(self, job: Job, outcome: Outcome, state: str) -> None:
        """An outcome and the state it led to; "" where it came too late to count."""

    def passed(self, number: int) -> None:
        """So many were passed over without a message."""

    def listed(self, number: int) -> None:
        """So many are on the list by now."""

    def counted(self, counts: dict[str, int]) -> None:
        """How many deliveries stand in each state: others have been at it, too."""


class Desk:
    """Implements delivery.Desk. `keep` runs beside the crew."""

    def __init__(self, book: Book, relay: str, stop: asyncio.Event, log: Log) -> None:
        """`log` hears what happened after it was committed."""
        self.error: DatabaseError | None = None
        self.control = "go"
        self._book, self._relay, self._stop = book, relay, stop
        self._log = log
        self._visits = Visits(book.hurried)
        self._ready: deque[Begun[Job]] = deque()
        self._waiting: deque[asyncio.Future[Begun[Job] | None]] = deque()
        # Filled by the connections, emptied in a visit to the book.
        self._back: deque[tuple[Begun[Job], Outcome]] = deque()
        self._open = self._held = 0
        self._dry = self._ended = False
        self._later: asyncio.TimerHandle | None = None
        self._moment: asyncio.TimerHandle | None = None
        self._overdue = False
        self._news = asyncio.Event()
        self._tell: Callable[[], None] = lambda: None

    def opened(self) -> None:
        """See delivery.Desk."""
        self._open += 1

    def closed(self) -> None:
        """See delivery.Desk."""
        self._open -= 1
        self._news.set()

    async def next(self) -> Begun[Job] | None:
        """See delivery.Desk."""
        if self._ready or self.finished():
            return self.next_at_once()
        waiting: asyncio.Future[Begun[Job] | None] = asyncio.get_running_loop().create_future()
        self._waiting.append(waiting)
        self._news.set()
        return await waiting

    def next_at_once(self) -> Begun[Job] | None:
        """See delivery.Desk."""
        return self._ready.popleft() if self._ready and not self.finished() else None

    def tell(self, ready: Callable[[], None]) -> None:
        """See delivery.Desk."""
        self._tell = ready

    def settle(self, begun: Begun[Job], outcome: Outcome) -> None:
        """See delivery.Desk. What was not begun is given to the next connection."""
        if isinstance(outcome, NotBegun) and not self.finished():
            self._ready.appendleft(begun)
            self._serve()
            return
        self._back.append((begun, outcome))
        if self._pressing():
            self._news.set()
        if self._moment is None:
            self._moment = asyncio.get_running_loop().call_later(MOMENT, self._has_waited)

    def _pressing(self) -> bool:
        return self._overdue or len(self._back) * 2 >= self._open or bool(self._waiting)

    def _has_waited(self) -> None:
        self._overdue = True
        self._news.set()

    def _begin_anew(self) -> None:
        """Nothing has waited yet."""
        self._overdue = False
        if self._moment:
            self._moment.cancel()
            self._moment = None

    def finished(self) -> bool:
        """See delivery.Desk."""
        return self._ended or self._stop.is_set()

    async def keep(self) -> None:
        """Commit groups until nothing is left to do, then let everybody go."""
        try:
            while not self.finished():
                await self._round()
        except DatabaseError as error:
            self.error = error
        finally:
            self.end()

    def end(self) -> None:
        """Begin nothing more."""
        self._ended = True
        self._news.set()
        self._serve()

    async def close(self) -> None:
        """Call it when all connections are closed: the last outcomes, and what was not begun."""
        try:
            self._back += [(begun, _STOPPED) for begun in self._ready]
            self._ready.clear()
            try:
                # After a failed commit once more: the disk may have room again.
                if self._book.sender:
                    await self._visit(0)
            finally:
                await self._give_back()
        finally:
            for timer in filter(None, (self._later, self._moment)):
                timer.cancel()
            self._visits.end()

    async def _give_back(self) -> None:
        back, self._back = list(self._back), deque()
        states = await self._visits.pay(self._book.close, self._results(back))
        self._report(back, states)

    async def open(self, name: str) -> None:
        """Take a sender's number."""
        await self._visits.pay(self._book.open, name)

    async def connections(self, wanted: int) -> int:
        """How many may be opened, of those that all senders share."""
        return await self._visits.pay(self._book.connections, wanted)

    async def _round(self) -> None:
        wanted = AHEAD * self._open if self._room() > 0 and not self._dry else 0
        short = wanted > 0 and AHEAD * self._open > self._held
        if short or (self._back and self._pressing()):
            await self._visit(wanted)
            self._serve()
        elif self._dry and self._held == 0 and self._later is None:
            # All that was begun has come back; what has become due meanwhile is taken, too.
            self._dry = not await self._visits.pay(self._book.prepare, 1)
            await self._look_again_if_dry()
            self._ended = self._dry and self._later is None
        else:
            await self._wait()

    async def _look_again_if_dry(self) -> None:
        pause = await self._visits.pay(self._book.pause) if self._dry else None
        if pause is not None and self._later is None:
            self._later = asyncio.get_running_loop().call_later(pause, self._look_again)

    def _look_again(self) -> None:
        self._later, self._dry = None, False
        self._news.set()

    async def _wait(self) -> None:
        self._news.clear()
        try:
            async with asyncio.timeout(self._book.heartbeat):
                await self._news.wait()
        except TimeoutError:
            await self._visit(0)  # keeps the lease, and hears whether to pause

    def _room(self) -> int:
        return AHEAD * self._open - self._held + len(self._back)

    async def _visit(self, wanted: int) -> None:
        """Have `wanted` messages made, and commit a group."""
        # Not in the visit: whoever waits there may keep all connections waiting.
        if wanted and (unmade := self._book.unmade):
            await asyncio.wait({asyncio.wrap_future(unmade)})
        self._begin_anew()
        back, turn, left = await self._visits.pay(self._in_book, wanted)
        if not self._back:
            self._begin_anew()  # what has come back meanwhile was in it, too
        self._held += len(turn.begun) - len(back)
        self._ready.extend(turn.begun)
        self._dry = (self._dry or not left) and not turn.more
        if turn.listed:
            self._log.listed(turn.listed)
        self._log.passed(turn.passed)
        self._report(back, turn.states)
        if turn.counts:
            self._log.counted(turn.counts)
        if turn.fenced:
            raise fenced()
        if turn.control != "go":
            self.control, self._ended = turn.control, True
        elif wanted:
            await self._look_again_if_dry()

    def _in_book(self, wanted: int) -> tuple[_Ended, Turn, bool]:
        # All in one visit, for in a thread each takes 30 µs of processor time. What has come back
        # while messages were made is in the same group.
        left = self._book.prepare(wanted) if wanted else True
        room = self._room()
        back = [self._back.popleft() for _ in range(len(self._back))]
        try:
            return back, self._book.turn(self._results(back), room), left
        except BaseException:
            # Whatever it was: what came back is true, and `close` writes it down.
            self._back.extendleft(reversed(back))
            raise

    def _results(self, back: _Ended) -> list[Back]:
        return [
            Back(Result(b.job.delivery, outcome, self._relay), b.job.address) for b, outcome in back
        ]

    def _report(self, back: _Ended, states: dict[int, str]) -> None:
        for begun, outcome in back:
            state = states.get(begun.job.delivery.id, "")
            self._log.happened(begun.job, outcome, state)
            if isinstance(outcome, RelayFault) and not outcome.of_one:
                self._dry = False  # it is due again at once

    def _serve(self) -> None:
        while self._waiting and (self._ready or self.finished()):
            waiting = self._waiting.popleft()
            if not waiting.done():
                waiting.set_result(self.next_at_once())
        if self._ready:
            self._tell()
