"""Where the book is visited: in the loop's own thread while visits only compute, else in another.

The clocks are the tests' own.
"""

import asyncio
import threading
from collections.abc import Callable
from dataclasses import dataclass, field

import pytest

from digest.publish.sending.visits import AGAIN, Visits


@dataclass
class Clocks:
    """A visit takes `waits` seconds of waiting and a thousandth of computing."""

    now: float = 100.0
    used: float = 5.0
    waits: float = 0.0
    threads: list[str] = field(default_factory=list)

    def visit(self) -> None:
        self.now += 0.001 + self.waits
        self.used += 0.001
        here = threading.current_thread() is threading.main_thread()
        self.threads.append("here" if here else "thread")


def paid(clocks: Clocks, *waits: float, here: bool = True) -> list[str]:
    """Where visits are paid that wait so long; a fifth of a second lies between them."""

    async def all_of_them() -> None:
        visits = Visits(here=here, seconds=lambda: clocks.now, computed=lambda: clocks.used)
        for clocks.waits in waits:
            await visits.pay(clocks.visit)
            clocks.now += 0.2
        visits.end()

    asyncio.run(all_of_them())
    return clocks.threads


def test_who_only_computes_is_visited_here() -> None:
    assert paid(Clocks(), *[0.001] * 50) == ["here"] * 50


def test_one_slow_commit_of_a_good_disk_changes_nothing() -> None:
    assert paid(Clocks(), *[0.001] * 10, 0.03, *[0.001] * 10) == ["here"] * 21


def test_who_waits_is_visited_in_a_thread_and_tried_here_once_a_second() -> None:
    assert AGAIN == 1.0  # four times 0.25, and the fifth 0.2 after the last
    assert paid(Clocks(), *[0.05] * 12) == [*["here", *["thread"] * 4] * 2, "here", "thread"]


def test_who_does_not_wait_any_more_is_visited_here_again() -> None:
    assert paid(Clocks(), 0.05, *[0.0] * 9) == ["here", *["thread"] * 4, *["here"] * 5]


def test_many_short_waits_add_up_to_a_thread() -> None:
    found = paid(Clocks(), *[0.02] * 6)
    assert (found[0], found[-1]) == ("here", "thread")


def test_a_database_elsewhere_is_always_visited_in_a_thread() -> None:
    assert paid(Clocks(), *[0.0] * 5, here=False) == ["thread"] * 5


@pytest.mark.parametrize("here", [True, False])
def test_what_a_visit_raises_is_raised(here: bool) -> None:
    async def pay(work: Callable[[], None]) -> None:
        visits = Visits(here=here)
        try:
            await visits.pay(work)
        finally:
            visits.end()

    def fails() -> None:
        raise ZeroDivisionError("the disk is full")

    with pytest.raises(ZeroDivisionError, match="the disk is full"):
        asyncio.run(pay(fails))


def test_others_have_their_turn_before_a_visit_here() -> None:
    told: list[str] = []

    async def two() -> None:
        visits = Visits(here=True)
        asyncio.get_running_loop().call_soon(told.append, "another's")
        await visits.pay(told.append, "the book's")
        visits.end()

    asyncio.run(two())
    assert told == ["another's", "the book's"]
