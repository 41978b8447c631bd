"""The desk between connections and book: what came back is never lost, whatever a group ends in."""

import asyncio
import contextlib
import threading
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from concurrent.futures import Future
from typing import cast

import pytest

from digest.delivery import Begun
from digest.errors import DatabaseError
from digest.ledger import Delivery
from digest.messages import Message
from digest.outcomes import Outcome, Reply, Sent
from digest.publish.sending.book import Book
from digest.publish.sending.desk import Desk
from digest.publish.sending.jobs import Back, Job, Turn
from digest.publish.sending.visits import Hurried
from tests.conftest import NOW
from tests.waiting import PATIENCE

TAKEN = Sent(Reply(250, "2.0.0 taken"))


class Scripted:
    """A book whose groups end as told, and then well; and the log that hears of them."""

    heartbeat = 5.0
    sender = 1
    hurried: Hurried | None = None  # visited in a thread
    unmade: Future[object] | None = None

    def __init__(self, *ends: Exception) -> None:
        self.ends = deque(ends)
        self.groups: list[list[int]] = []
        self.heard: list[tuple[int, str]] = []
        self.closed = False
        self.gives: tuple[Begun[Job], ...] = ()
        self.preparing: Callable[[], None] = lambda: None
        self.committing: Callable[[], None] = lambda: None

    def prepare(self, _wanted: int) -> bool:
        self.preparing()
        return True

    def turn(self, results: Sequence[Back], _room: int) -> Turn:
        numbers = [back.result.delivery.id for back in results]
        self.groups.append(numbers)
        self.committing()
        if self.ends:
            raise self.ends.popleft()
        given, self.gives = self.gives, ()
        return Turn(given, dict.fromkeys(numbers, "sent"), 0, "go")

    def close(self, results: Sequence[Back]) -> dict[int, str]:
        self.closed = True
        return {back.result.delivery.id: "deferred" for back in results}

    def happened(self, job: Job, _outcome: Outcome, state: str) -> None:
        self.heard.append((job.delivery.id, state))

    def passed(self, number: int) -> None:
        """Nobody is."""

    def listed(self, number: int) -> None:
        """It was whole before."""

    def counted(self, counts: dict[str, int]) -> None:
        """Nobody else is at it."""


def begun(number: int) -> Begun[Job]:
    delivery = Delivery(number, 1, number, "", "", "claimed", "", "", 0, 0, NOW, 0, "", "", NOW,
                        NOW, None)  # fmt: skip
    message = Message("news@example.org", f"r{number}@readers.example", b"")
    return Begun(Job(delivery, message.recipient), message)


def at(book: Scripted, work: Callable[[Desk], Awaitable[None]]) -> None:
    """Do `work` at a desk with one connection."""

    async def run() -> None:
        desk = Desk(cast("Book", book), "relay:25", asyncio.Event(), book)
        desk.opened()
        await work(desk)

    asyncio.run(run())


@pytest.mark.parametrize("at_hand", [True, False])
@pytest.mark.parametrize("error", [ValueError("a bug"), DatabaseError("the disk is full")])
def test_what_came_back_in_a_group_that_failed_is_in_the_last_one(
    error: Exception, at_hand: bool
) -> None:
    async def work(desk: Desk) -> None:
        keeper = asyncio.create_task(desk.keep())
        desk.settle(begun(7), TAKEN)
        await asyncio.gather(keeper, return_exceptions=True)
        desk.closed()
        await desk.close()

    book = Scripted(error)
    book.hurried = (lambda _: contextlib.nullcontext()) if at_hand else None
    at(book, work)

    assert book.groups == [[7], [7]]
    assert book.heard == [(7, "sent")]
    assert book.closed


def test_where_the_last_group_fails_too_the_book_is_closed_with_what_is_left() -> None:
    async def work(desk: Desk) -> None:
        desk.settle(begun(7), TAKEN)
        desk.closed()
        with pytest.raises(DatabaseError, match="disk"):
            await desk.close()

    book = Scripted(DatabaseError("the disk is full"))
    at(book, work)

    assert book.closed
    assert book.heard == [(7, "deferred")]


def test_what_came_back_while_a_group_was_made_ready_leaves_nobody_waiting() -> None:
    async def work(desk: Desk) -> None:
        def one_more() -> None:
            loop.call_soon_threadsafe(desk.settle, begun(8), TAKEN)
            loop.call_soon_threadsafe(settled.set)
            assert settled.wait(PATIENCE)

        loop, settled = asyncio.get_running_loop(), threading.Event()
        book.preparing = one_more
        desk.settle(begun(7), TAKEN)
        await desk._visit(1)
        assert book.groups == [[7, 8]]
        assert desk._moment is None

    book = Scripted()
    at(book, work)


@pytest.mark.parametrize("at_hand", [True, False])
def test_nobody_waits_for_a_signature_in_a_visit(at_hand: bool) -> None:
    async def work(desk: Desk) -> None:
        signature = book.unmade = Future[object]()
        desk.settle(begun(7), TAKEN)
        visit = asyncio.create_task(desk._visit(1))
        for _ in range(10):
            await asyncio.sleep(0)
        assert not book.groups
        signature.set_result([])
        await visit
        assert book.groups == [[7]]

    book = Scripted()
    book.hurried = (lambda _: contextlib.nullcontext()) if at_hand else None
    at(book, work)


def test_what_comes_back_while_a_group_is_committed_is_not_forgotten() -> None:
    async def work(desk: Desk) -> None:
        def one_more() -> None:
            loop.call_soon_threadsafe(desk.settle, begun(8), TAKEN)
            loop.call_soon_threadsafe(settled.set)
            assert settled.wait(PATIENCE)

        loop, settled = asyncio.get_running_loop(), threading.Event()
        book.committing = one_more
        desk.settle(begun(7), TAKEN)
        await desk._visit(0)
        assert book.groups == [[7]]
        assert desk._moment is not None
        book.committing = lambda: None
        await desk.close()
        assert book.groups == [[7], [8]]

    book = Scripted()
    at(book, work)


def test_what_is_ready_goes_to_who_has_nothing_to_do_and_then_behind_a_dot() -> None:
    async def work(desk: Desk) -> None:
        behind: list[Begun[Job] | None] = []
        desk.tell(lambda: behind.append(desk.next_at_once()))
        keeper = asyncio.create_task(desk.keep())
        idle = await desk.next()
        assert [one and one.job.delivery.id for one in (idle, *behind)] == [7, 8]
        desk.end()
        await keeper
        desk.closed()
        await desk.close()

    book = Scripted()
    book.gives = (begun(7), begun(8))
    at(book, work)


def test_nobody_is_given_what_is_ready_when_nothing_more_is_to_be_begun() -> None:
    async def work(desk: Desk) -> None:
        behind: list[Begun[Job] | None] = []
        desk.tell(lambda: behind.append(desk.next_at_once()))
        await desk._visit(2)
        desk.end()
        assert set(behind) <= {None}
        desk.closed()
        await desk.close()
        assert book.groups == [[], [7]]

    book = Scripted()
    book.gives = (begun(7),)
    at(book, work)
