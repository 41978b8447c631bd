"""The connections of one run: each takes messages from the desk until there are none.

A connection is opened before a message is taken for it, so a relay that cannot be reached touches
no recipient. After `stop` nothing new is begun; what is on the wire has `drain` seconds, then it
is cut, and so it is at once when `cut` is set; it tells either way. Never here: the ledger, or
what a reply means.
"""

import asyncio
import contextlib
import math
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from typing import Generic, Protocol, TypeVar

from digest.delivery.dialogue import Dialogue, Envelope
from digest.delivery.throttle import Throttle
from digest.messages import Message
from digest.outcomes import NotBegun, Outcome, RelayFault, Reply

Job = TypeVar("Job")
_NAP = 0.2  # seconds; who rests looks up so often whether all is over
Connect = Callable[[], Awaitable[Dialogue | RelayFault]]


@dataclass(frozen=True, slots=True)
class Begun(Generic[Job]):
    """A message whose intent is committed: it may go on the wire."""

    job: Job
    message: Message


@dataclass(slots=True, eq=False)
class _Behind(Generic[Job]):
    """The message whose commands stand behind a dot of that dialogue, where there is one."""

    dialogue: Dialogue
    begun: Begun[Job] | None = None
    envelope: Envelope | None = None


@dataclass(frozen=True, slots=True)
class Limits:
    """Connections, messages over each before a new one is opened, seconds to drain, and the
    first pause after a fault of the relay (it doubles, up to a minute). `trying` a relay whose
    breaker is open begins with one connection. `proven`: others have been taken before."""

    connections: int = 20
    messages: int = 500
    drain: float = 25.0
    pause: float = 1.0
    trying: bool = False
    proven: bool = False


class Desk(Protocol[Job]):
    """Who gives out what is to be sent, and hears what became of it."""

    def opened(self) -> None:
        """One more connection wants messages."""

    def closed(self) -> None:
        """One less."""

    async def next(self) -> Begun[Job] | None:
        """The next message; None where there is nothing (more) to do."""

    def next_at_once(self) -> Begun[Job] | None:
        """The next message if it is ready this moment."""

    def tell(self, ready: Callable[[], None]) -> None:
        """Call this whenever a message has become ready that nobody waits for in `next`."""

    def settle(self, begun: Begun[Job], outcome: Outcome) -> None:
        """What became of it. Returns at once: the connection goes on."""

    def finished(self) -> bool:
        """Whether there is nothing (more) to open a connection for."""


class Crew(Generic[Job]):
    """Call `run` once."""

    def __init__(
        self, desk: Desk[Job], connect: Connect, limits: Limits, stop: asyncio.Event
    ) -> None:
        self.cut = asyncio.Event()
        self._desk, self._connect, self._limits, self._stop = desk, connect, limits, stop
        self._throttle = Throttle(limits.connections, trying=limits.trying)
        self._proven = limits.proven
        self._unwelcome: set[str] = set()  # whose message has heard a fault of the relay
        self._dialogues: set[Dialogue] = set()
        # Dots with nothing behind them, the oldest first: a dictionary for its order.
        self._bare: dict[_Behind[Job], None] = {}
        self._connecting: set[asyncio.Future[Dialogue | RelayFault]] = set()
        self._met = asyncio.Event()  # the relay has answered the first connection

    async def run(self) -> RelayFault | None:
        """Send until the desk has nothing more. Returns why the breaker opened, if it did."""
        self._desk.tell(self._follow)
        watch = asyncio.create_task(self._watch())
        try:
            async with asyncio.TaskGroup() as group:
                for place in range(self._limits.connections):
                    group.create_task(self._work(place))
        finally:
            watch.cancel()
            self._cut("the sender was stopped")
        return self._throttle.fault

    async def _watch(self) -> None:
        await self._stop.wait()
        for connecting in self._connecting:
            connecting.cancel()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(self._limits.drain):
                await self.cut.wait()
        self.cut.set()
        self._cut("the sender was stopped")

    def _cut(self, why: str) -> None:
        for dialogue in tuple(self._dialogues):
            dialogue.end(why)

    def _over(self) -> bool:
        return bool(self._stop.is_set() or self._throttle.fault or self._desk.finished())

    async def _work(self, place: int) -> None:
        if place:
            # Twenty at once with a wrong password, and a relay locks the account.
            await self._met.wait()
        while not self._over():
            if place >= self._throttle.allowed:
                await self._rest(self._limits.pause)
                continue
            dialogue = await self._opened()
            self._met.set()
            if dialogue is not None:
                await self._serve(dialogue)
        self._met.set()

    async def _opened(self) -> Dialogue | None:
        connecting = asyncio.ensure_future(self._connect())
        self._connecting.add(connecting)
        try:
            await asyncio.wait({connecting})
        finally:
            self._connecting.discard(connecting)
            connecting.cancel()
        if connecting.cancelled():
            return None
        found = connecting.result()
        if isinstance(found, Dialogue):
            return found
        await self._fault(found)
        return None

    async def _serve(self, dialogue: Dialogue) -> None:
        self._dialogues.add(dialogue)
        self._desk.opened()
        fault = None
        try:
            while not self._over() and fault is None and self._may_go_on(dialogue):
                begun = await self._desk.next()
                if begun is None:
                    break
                if dialogue.why:
                    # It was closed while there was nothing to send: the next one takes it.
                    self._desk.settle(begun, NotBegun(Reply(0, dialogue.why)))
                    break
                fault = await self._chain(dialogue, begun)
        except BaseException:
            # In the middle of a message: the next reply would belong to it.
            dialogue.end("the sender was stopped")
            raise
        finally:
            self._dialogues.discard(dialogue)
            self._desk.closed()
            await dialogue.close()
        if fault:
            await self._fault(fault)

    async def _chain(self, dialogue: Dialogue, begun: Begun[Job]) -> RelayFault | None:
        """One message after another without a pause, while there is one at once."""
        envelope = dialogue.propose(begun.message)
        while True:
            outcome = await dialogue.answered(envelope)
            if outcome is not None:
                return self._settled(begun, outcome)
            following = self._following(dialogue)
            dot, proposed = dialogue.handed_over(
                begun.message, following.message if following else None
            )
            behind = _Behind(dialogue, following, proposed)
            fault = self._settled(begun, await self._after_dot(dot, behind))
            if behind.begun is None or behind.envelope is None:
                return fault
            begun, envelope = behind.begun, behind.envelope

    async def _after_dot(self, dot: "asyncio.Future[list[Reply]]", behind: _Behind[Job]) -> Outcome:
        """What became of a message. Until then, another that becomes ready may follow it."""
        if behind.begun is None and behind.dialogue.pipelining:
            self._bare[behind] = None
        try:
            return await behind.dialogue.after_dot(dot)
        finally:
            self._bare.pop(behind, None)

    def _follow(self) -> None:
        """What has become ready is written behind dots whose replies are awaited: the relay finds
        it with the text, and answers both at once."""
        for behind in tuple(self._bare):
            if behind.dialogue.all_left:
                behind.begun = self._following(behind.dialogue)
            if behind.begun is not None:
                del self._bare[behind]
                behind.envelope = behind.dialogue.behind(behind.begun.message)

    def _following(self, dialogue: Dialogue) -> Begun[Job] | None:
        if not dialogue.pipelining or self._over() or not self._may_go_on(dialogue, ahead=1):
            return None
        return self._desk.next_at_once()

    def _may_go_on(self, dialogue: Dialogue, ahead: int = 0) -> bool:
        return not dialogue.why and dialogue.taken + ahead < self._limits.messages

    def _settled(self, begun: Begun[Job], outcome: Outcome) -> RelayFault | None:
        if isinstance(outcome, RelayFault):
            return self._unsettled(begun, outcome)
        self._desk.settle(begun, outcome)
        if not isinstance(outcome, NotBegun):
            self._proven = True
            self._throttle.worked()
        return None

    def _unsettled(self, begun: Begun[Job], fault: RelayFault) -> RelayFault | None:
        """The fault, unless it is this one message that the relay doesn't want, and no other."""
        whose = begun.message.recipient
        alone = self._proven and whose in self._unwelcome
        self._unwelcome.add(whose)
        self._desk.settle(begun, replace(fault, of_one=True) if alone else fault)
        return None if alone else fault

    async def _fault(self, fault: RelayFault) -> None:
        self._throttle.failed(fault, working=bool(self._dialogues or self._connecting))
        doublings = min(self._throttle.in_a_row - 1, 6)
        await self._rest(min(self._limits.pause * 2**doublings, 60.0))

    async def _rest(self, seconds: float) -> None:
        for _ in range(math.ceil(seconds / _NAP)):
            if self._over():
                return
            await asyncio.sleep(min(seconds, _NAP))
