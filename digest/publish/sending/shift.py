"""One shift: desks and connections at work until nothing is due, or until it is stopped.

Each relay has a desk, a book and a crew of its own. One that fails is left alone for a while; the
others take what it had, and it is tried again while they are at work.
The first SIGINT or SIGTERM lets what is on the wire end, for a send that is cancelled in the middle
would pair a late reply with the next message; the second cuts, and what had its dot is in doubt.
Two in one breath are one: many who watch over a process (timeout, make, a terminal and the program
that it runs) each hand on the same Ctrl-C.
"""

import asyncio
import contextlib
import signal
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from time import monotonic
from typing import Literal

from digest import delivery
from digest.delivery import Crew, Limits, RelayAddress, Timeouts
from digest.outcomes import RelayFault
from digest.publish.sending.book import Book
from digest.publish.sending.desk import Desk, Log
from digest.publish.sending.jobs import Job
from digest.publish.sending.machine import myself

_NAP = 0.2  # seconds; who waits for a relay looks up so often whether all is over
BREATH = 1.0  # seconds after the first signal in which no other counts
Stop = Literal["", "drained", "cut"]
"""How a signal stopped it: not at all; what had begun came to its end; or it was cut off."""


@dataclass(frozen=True, slots=True)
class Post:
    """A relay to be manned. `book` opens one; True: only to try whether the relay is well again.

    `probe` asks to be the one who tries it.
    """

    relay: RelayAddress
    limits: Limits
    log: Log
    book: Callable[[bool], Book]
    probe: Callable[[], bool]


@dataclass(slots=True)
class _Shift:
    timeouts: Timeouts
    seconds: Callable[[], float] = monotonic
    stop: asyncio.Event = field(default_factory=asyncio.Event)
    crews: list[Crew[Job]] = field(default_factory=list)
    manned: int = 0
    cut: bool = False
    first: float | None = None

    def asked(self) -> None:
        """The first signal stops, the second cuts."""
        self.stop.set()
        if self.first is None:
            self.first = self.seconds()
        elif self.seconds() - self.first >= BREATH:
            for crew in self.crews:
                crew.cut.set()

    async def idle(self, seconds: float) -> bool:
        """Wait so long while others are at work; False where they are no longer."""
        while self.manned and not self.stop.is_set() and seconds > 0:
            await asyncio.sleep(min(seconds, _NAP))
            seconds -= _NAP
        return bool(self.manned) and not self.stop.is_set()


async def shift(posts: Sequence[Post], timeouts: Timeouts) -> tuple[dict[str, RelayFault], Stop]:
    """Why breakers are open, by relay; and how it was stopped. Raises DatabaseError."""
    work = _Shift(timeouts)
    with _stop_on_signal(work.asked):
        manned = [_manned(post, work) for post in posts]
        found = await asyncio.gather(*manned, return_exceptions=True)
    for error in found:
        if isinstance(error, BaseException):
            raise error
    faults = zip(posts, found, strict=True)
    open_ = {p.relay.name: f for p, f in faults if isinstance(f, RelayFault)}
    return open_, "" if not work.stop.is_set() else "cut" if work.cut else "drained"


async def _manned(post: Post, work: _Shift) -> RelayFault | None:
    while True:
        book = post.book(post.limits.trying)
        try:
            work.manned += 1
            fault = await _crewed(post, book, work)
        except BaseException:
            work.stop.set()
            raise
        finally:
            work.manned -= 1
        if fault is None:
            return None
        seconds = await asyncio.to_thread(book.tripped, fault)
        if not (await work.idle(seconds) and await asyncio.to_thread(post.probe)):
            return fault
        post = replace(post, limits=replace(post.limits, trying=True))


async def _crewed(post: Post, book: Book, work: _Shift) -> RelayFault | None:
    desk = Desk(book, post.relay.name, work.stop, post.log)
    fault = None
    try:
        await desk.open(myself())
        connections = await desk.connections(post.limits.connections)
        if connections:
            fault = await _run(post, desk, connections, work)
    finally:
        await desk.close()
    if desk.error:
        raise desk.error
    return fault


async def _run(post: Post, desk: Desk, connections: int, work: _Shift) -> RelayFault | None:
    limits = replace(post.limits, connections=connections)
    crew = Crew(desk, lambda: delivery.connect(post.relay, work.timeouts), limits, work.stop)
    work.crews.append(crew)
    keeper = asyncio.create_task(desk.keep())
    try:
        return await crew.run()
    finally:
        desk.end()
        await keeper
        work.cut = work.cut or crew.cut.is_set()
        work.crews.remove(crew)


@contextlib.contextmanager
def _stop_on_signal(asked: Callable[[], None]) -> Iterator[None]:
    loop = asyncio.get_running_loop()
    before = {}
    for number in (signal.SIGINT, signal.SIGTERM):
        with contextlib.suppress(NotImplementedError, RuntimeError, ValueError):
            was = signal.getsignal(number)
            loop.add_signal_handler(number, asked)
            before[number] = was
    try:
        yield
    finally:
        for number, was in before.items():
            loop.remove_signal_handler(number)
            signal.signal(number, was)  # the loop's way back is Python's own
