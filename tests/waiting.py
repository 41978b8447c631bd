"""Waiting for what must come, however slow the machine; and a clock that is put forward by hand.

Nothing here makes a test fail because something took long: a limit is there only so that what
never comes ends as a failure instead of standing for ever.
"""

import asyncio
import time
from collections.abc import Callable

PATIENCE = 60.0
"""Seconds after which a thing that a test waits for will never come."""


def until(so: Callable[[], object], seconds: float = PATIENCE) -> None:
    """Look again and again until it is so; fails when that was never the case."""
    deadline = time.monotonic() + seconds
    while not so():
        assert time.monotonic() < deadline, "it never came to that"
        time.sleep(0.005)


class Clockwork(asyncio.SelectorEventLoop):
    """A loop whose clock is put forward by hand: a time-out that nobody has to sit through, and
    that no slow machine brings about.
    """

    ahead = 0.0

    def time(self) -> float:
        return super().time() + self.ahead
