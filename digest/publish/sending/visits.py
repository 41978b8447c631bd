"""Visits to the book, one after another: here as long as they hardly wait, or else in a thread.

A visit computes, and holds the interpreter while it does: in a thread of its own it keeps the loop
waiting all the same, costs two switches more, and on two cores competes with loop and relay. So
where the database is in this process, visits are paid in the loop's own thread, which makes for a
tenth more messages a second. But who waits there keeps all connections waiting, and signals. So a
visit here waits for no others that write: where they do, it is paid anew in a thread. And where
visits wait for a slow disk, they are paid in a thread, and tried here again ever more rarely.
"""

import asyncio
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import AbstractContextManager
from time import monotonic, thread_time
from typing import Any, TypeVar

from digest.errors import DatabaseBusy

PATIENCE = 0.005  # seconds of waiting in a visit; to a relay elsewhere they make no difference
AGAIN = 1.0  # seconds until it is tried here again; twice as long after each time in vain
LONGEST = 30.0
T = TypeVar("T")
Hurried = Callable[[float], AbstractContextManager[None]]


class Visits:
    """Of one desk, never two at a time."""

    def __init__(
        self,
        hurried: Hurried | None,
        seconds: Callable[[], float] = monotonic,
        computed: Callable[[], float] = thread_time,
    ) -> None:
        """`hurried`: within, a visit waits for others no longer than so many seconds, and then
        raises DatabaseBusy with nothing done; None: never here. `computed`: seconds of processor
        time that this thread has used.
        """
        self._hurried, self._seconds, self._computed = hurried, seconds, computed
        self._thread = ThreadPoolExecutor(1, "ledger")
        self._there: Future[Any] | None = None
        self._waits = 0.0  # seconds in a visit, of late
        self._pause = AGAIN
        self._until = 0.0  # not here before then

    async def pay(self, work: Callable[..., T], *args: object) -> T:
        """What `work` returns or raises, after whatever else the loop has to do at this moment."""
        if self._hurried and self._may_be_here():
            await asyncio.sleep(0)
            try:
                with self._hurried(PATIENCE):
                    return self._timed(work, *args)
            except DatabaseBusy:
                self._stay_away()
        there = self._thread.submit(work, *args)
        self._there = there
        return await asyncio.wrap_future(there)

    def end(self) -> None:
        """After the last."""
        self._thread.shutdown(wait=True)

    def _may_be_here(self) -> bool:
        # Whoever was cancelled waits no more for a visit there, which goes on.
        there_too = self._there is not None and not self._there.done()
        return not there_too and self._seconds() >= self._until

    def _stay_away(self) -> None:
        self._waits, self._until = 0.0, self._seconds() + self._pause
        self._pause = min(2 * self._pause, LONGEST)

    def _timed(self, work: Callable[..., T], *args: object) -> T:
        begun, computed = self._seconds(), self._computed()
        found = work(*args)
        waited = self._seconds() - begun - (self._computed() - computed)
        self._waits += (waited - self._waits) / 8  # one of 40 ms is enough, or many of 6
        if self._waits > PATIENCE:
            self._stay_away()
        elif waited <= PATIENCE:
            self._pause = AGAIN
        return found
