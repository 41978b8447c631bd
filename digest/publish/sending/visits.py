"""Visits to the book, one after another: here as long as they hardly wait, or else in a thread.

A visit computes, and holds the interpreter while it does: in a thread of its own it keeps the loop
waiting all the same, costs two switches more, and on two cores competes with loop and relay. So
where the database is in this process, visits are paid in the loop's own thread, which makes for a
tenth more messages a second. But who waits there keeps all connections waiting; so where visits
wait (for a server, a slow disk, others that write), they are paid in a thread, and once in a
second it is tried here again.
"""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from time import monotonic, thread_time
from typing import TypeVar

PATIENCE = 0.005  # seconds of waiting in a visit; to a relay elsewhere they make no difference
AGAIN = 1.0  # seconds until it is tried here again
T = TypeVar("T")


class Visits:
    """Of one desk, never two at a time. `here`: may they be paid in the loop's own thread."""

    def __init__(
        self,
        *,
        here: bool,
        seconds: Callable[[], float] = monotonic,
        computed: Callable[[], float] = thread_time,
    ) -> None:
        """`computed`: seconds of processor time that this thread has used."""
        self._here, self._seconds, self._computed = here, seconds, computed
        self._thread = ThreadPoolExecutor(1, "ledger")
        self._waits = 0.0  # seconds in a visit, of late
        self._tried = 0.0

    async def pay(self, work: Callable[..., T], *args: object) -> T:
        """What `work` returns or raises, after whatever else the loop has to do at this moment."""
        if self._may_be_here():
            await asyncio.sleep(0)
            return self._timed(work, *args)
        return await asyncio.get_running_loop().run_in_executor(self._thread, work, *args)

    def end(self) -> None:
        """After the last."""
        self._thread.shutdown(wait=True)

    def _may_be_here(self) -> bool:
        if self._waits > PATIENCE and self._seconds() - self._tried >= AGAIN:
            self._waits = 0.0
        return self._here and self._waits <= PATIENCE

    def _timed(self, work: Callable[..., T], *args: object) -> T:
        begun, computed = self._seconds(), self._computed()
        try:
            return work(*args)
        finally:
            self._tried = self._seconds()
            waited = self._tried - begun - (self._computed() - computed)
            self._waits += (waited - self._waits) / 8  # one of 40 ms is enough, or many of 6
