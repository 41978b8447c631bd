"""One shift: the desk and the connections at work until nothing is due, or until it is stopped.

The first SIGINT or SIGTERM lets what is on the wire end, for a send that is cancelled in the middle
would pair a late reply with the next message; the second cuts, and what had its dot is in doubt.
"""

import asyncio
import contextlib
import signal
from collections.abc import Iterator

from digest import delivery
from digest.delivery import Crew, Limits, RelayAddress, Timeouts
from digest.outcomes import RelayFault
from digest.publish.sending.book import Book
from digest.publish.sending.desk import Desk, Log
from digest.publish.sending.machine import myself


async def shift(
    book: Book, log: Log, relay: RelayAddress, limits: Limits, timeouts: Timeouts
) -> tuple[RelayFault | None, bool]:
    """Why the breaker opened, if it did, and whether it was stopped. Raises DatabaseError."""
    stop = asyncio.Event()
    desk = Desk(book, relay.name, stop, log)
    crew = Crew(desk, lambda: delivery.connect(relay, timeouts), limits, stop)
    with _stop_on_signal(stop, crew.cut):
        try:
            await desk.open(myself())
            keeper = asyncio.create_task(desk.keep())
            try:
                fault = await crew.run()
            finally:
                desk.end()
                await keeper
        finally:
            await desk.close()
    if desk.error:
        raise desk.error
    return fault, stop.is_set()


@contextlib.contextmanager
def _stop_on_signal(stop: asyncio.Event, cut: asyncio.Event) -> Iterator[None]:
    def asked() -> None:
        (cut if stop.is_set() else stop).set()

    loop = asyncio.get_running_loop()
    caught = []
    for number in (signal.SIGINT, signal.SIGTERM):
        with contextlib.suppress(NotImplementedError, RuntimeError, ValueError):
            loop.add_signal_handler(number, asked)
            caught.append(number)
    try:
        yield
    finally:
        for number in caught:
            loop.remove_signal_handler(number)
