"""Where the book is visited: in the loop's own thread while visits only compute, else in another.

The clocks are the tests' own.
"""

import asyncio
import contextlib
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import pytest

from digest.errors import DatabaseBusy
from digest.publish.sending.visits import AGAIN, LONGEST, PATIENCE, Visits
from tests.waiting import PATIENCE as LONG


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


@contextlib.contextmanager
def hurried(patience: float) -> Iterator[None]:
    assert patience == PATIENCE
    yield


def paid(clocks: Clocks, *waits: float, here: bool = True) -> list[str]:
    """Where visits are paid that wait so long; a fifth of a second lies between them."""

    async def all_of_them() -> None:
        visits = Visits(hurried if here else None, lambda: clocks.now, lambda: clocks.used)
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


def test_who_waits_is_visited_in_a_thread_and_tried_here_ever_more_rarely() -> None:
    assert (AGAIN, LONGEST) == (1.0, 30.0)
    found = "".join("H" if where == "here" else "t" for where in paid(Clocks(), *[0.05] * 400))
    rests = [len(rest) * 0.25 for rest in found.split("H")[1:-1]]
    assert rests == pytest.approx([1, 2, 4, 8, 16, 30, 30], rel=0.02)


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
        visits = Visits(hurried if here else None)
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
        visits = Visits(hurried)
        asyncio.get_running_loop().call_soon(told.append, "another's")
        await visits.pay(told.append, "the book's")
        visits.end()

    asyncio.run(two())
    assert told == ["another's", "the book's"]


def test_who_finds_others_writing_is_visited_anew_in_a_thread_and_nobody_waits_here() -> None:
    where: list[str] = []

    def work() -> str:
        here = threading.current_thread() is threading.main_thread()
        where.append("here" if here else "thread")
        if here:
            raise DatabaseBusy("others are at it")
        return "written"

    async def twice() -> list[str]:
        visits = Visits(hurried, lambda: 5.0)
        found = [await visits.pay(work), await visits.pay(work)]
        visits.end()
        return found

    assert asyncio.run(twice()) == ["written", "written"]
    assert where == ["here", "thread", "thread"]


def test_who_waits_no_more_for_a_visit_is_not_overtaken_by_the_next() -> None:
    done: list[str] = []
    begun, go = threading.Event(), threading.Event()

    def slow() -> None:
        if threading.current_thread() is threading.main_thread():
            raise DatabaseBusy("others are at it")
        begun.set()
        assert go.wait(LONG)
        done.append("the first")

    async def both() -> None:
        visits = Visits(hurried)
        visits._pause = 0.0
        first = asyncio.create_task(visits.pay(slow))
        await asyncio.to_thread(begun.wait, LONG)
        first.cancel()
        await asyncio.gather(first, return_exceptions=True)
        second = asyncio.create_task(visits.pay(done.append, "the second"))
        for _ in range(5):
            await asyncio.sleep(0)
        assert done == []
        go.set()
        await second
        visits.end()

    asyncio.run(both())
    assert done == ["the first", "the second"]
