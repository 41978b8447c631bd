"""Messages, a desk that hands them out and writes down what became of them, and runs of a crew."""

import asyncio
import ssl
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field

import pytest

from digest import delivery
from digest.delivery import Begun, Crew, Dialogue, Limits, RelayAddress, Timeouts
from digest.messages import Message
from digest.outcomes import NotBegun, Outcome, RelayFault
from tests.relay import ScriptedRelay
from tests.waiting import PATIENCE, Clockwork, until

SENDER = "b+1@bounce.example.org"
ANN, BOB, CID = (f"{name}@example.org" for name in ("ann", "bob", "cid"))
PATIENT = Timeouts(PATIENCE, PATIENCE, PATIENCE)
ONE = Limits(connections=1, pause=0.01)
PIPELINING, ONE_BY_ONE = ("PIPELINING", "DSN"), ("8BITMIME",)
both = pytest.mark.parametrize("extensions", [PIPELINING, ONE_BY_ONE], ids=["groups", "singly"])


def message(to: str, text: bytes = b"Hello", sender: str = SENDER) -> Message:
    return Message(
        sender, to, b"Subject: The Week\r\nTo: " + to.encode() + b"\r\n\r\n" + text + b"\r\n"
    )


@dataclass
class ListDesk:
    """Gives out messages in their order and remembers what became of each."""

    waiting: deque[Begun[int]]
    outcomes: dict[int, Outcome] = field(default_factory=dict)
    stopped: bool = False

    def opened(self) -> None:
        """Nothing is counted here."""

    def closed(self) -> None:
        """Nothing is counted here."""

    async def next(self) -> Begun[int] | None:
        return self.next_at_once()

    def next_at_once(self) -> Begun[int] | None:
        return None if self.stopped or not self.waiting else self.waiting.popleft()

    def tell(self, ready: Callable[[], None]) -> None:
        """All is ready from the beginning."""

    def settle(self, begun: Begun[int], outcome: Outcome) -> None:
        if isinstance(outcome, NotBegun) and not self.stopped:
            self.waiting.appendleft(begun)
        else:
            self.outcomes[begun.job] = outcome

    def finished(self) -> bool:
        return not self.waiting


class LikeTheLedger(ListDesk):
    """Whom the relay's own fault kept from having it, is due at once."""

    def settle(self, begun: Begun[int], outcome: Outcome) -> None:
        if isinstance(outcome, RelayFault) and not outcome.of_one:
            self.waiting.append(begun)
        else:
            super().settle(begun, outcome)


@dataclass
class Run:
    """What came of a crew's work."""

    outcomes: list[Outcome]
    fault: RelayFault | None


def work(
    address: RelayAddress,
    *messages: Message,
    timeouts: Timeouts = PATIENT,
    limits: Limits = ONE,
    trust: ssl.SSLContext | None = None,
    desk: type[ListDesk] = ListDesk,
) -> Run:
    """All messages over the connections of one crew."""
    giving = desk(deque(Begun(number, one) for number, one in enumerate(messages)))

    async def conversation() -> RelayFault | None:
        async def connect() -> Dialogue | RelayFault:
            return await delivery.connect(address, timeouts, trust)

        return await Crew(giving, connect, limits, asyncio.Event()).run()

    with asyncio.Runner(loop_factory=delivery.event_loop()) as runner:
        fault = runner.run(conversation())
    return Run([giving.outcomes[number] for number in sorted(giving.outcomes)], fault)


def impatient(relay: ScriptedRelay, *messages: Message, asked: Callable[[], object]) -> ListDesk:
    """All messages over one connection, whose clock is put forward by an hour once `asked`."""
    desk = ListDesk(deque(Begun(number, one) for number, one in enumerate(messages)))
    loop = Clockwork()

    async def conversation() -> None:
        async def connect() -> Dialogue | RelayFault:
            return await delivery.connect(plain(relay.port), Timeouts())

        crew = asyncio.create_task(Crew(desk, connect, ONE, asyncio.Event()).run())
        await asyncio.to_thread(until, asked)
        loop.ahead += 3600
        await crew

    with asyncio.Runner(loop_factory=lambda: loop) as runner:
        runner.run(conversation())
    return desk


def plain(port: int) -> RelayAddress:
    return RelayAddress("127.0.0.1", port, "none")


def deliver(relay: ScriptedRelay, *messages: Message) -> list[Outcome]:
    return work(plain(relay.port), *messages).outcomes
