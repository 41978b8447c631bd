"""Replies that come late or never, and what follows a final dot whose reply is awaited."""

import asyncio
import threading
from collections import Counter, deque
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace

import pytest

from digest import delivery
from digest.delivery import Begun, Crew, Dialogue, Limits, Timeouts
from digest.outcomes import Deferred, NotBegun, Outcome, Refused, RelayFault, Sent, Unknown
from tests.delivering import (
    ANN,
    BOB,
    ONE,
    ONE_BY_ONE,
    PATIENT,
    PIPELINING,
    ListDesk,
    both,
    impatient,
    message,
    plain,
)
from tests.relay import ScriptedRelay, Stage
from tests.replies import DROP, LOSE, Drop, Hold
from tests.waiting import Clockwork, until


@dataclass
class LateDesk(ListDesk):
    """Has what is `later` only when it is brought."""

    later: deque[Begun[int]] = field(default_factory=deque)
    told: list[Callable[[], None]] = field(default_factory=list)

    def tell(self, ready: Callable[[], None]) -> None:
        self.told.append(ready)

    def bring(self) -> None:
        self.waiting.extend(self.later)
        for ready in self.told:
            ready()


def test_a_reply_that_comes_too_late_is_paired_with_nobody() -> None:
    late, go = threading.Event(), threading.Event()

    def release() -> None:
        until(lambda: len(relay.accepted) == 2)  # ann's reply comes while bob's is awaited
        late.set()
        go.set()

    with ScriptedRelay() as relay, ThreadPoolExecutor(1) as other:
        relay.will("dot", ANN, Hold(late, "250 2.0.0 taken for ann"))
        relay.will("dot", BOB, Hold(go, "250 2.0.0 taken for bob"))
        released = other.submit(release)
        desk = impatient(relay, message(ANN), message(BOB), asked=lambda: relay.accepted)
        released.result()

    assert isinstance(desk.outcomes[0], Unknown)
    assert "600 seconds" in desk.outcomes[0].reply.text
    assert desk.outcomes[1].reply.text == "2.0.0 taken for bob"
    assert relay.connections == 2


@both
@pytest.mark.parametrize(
    ("stage", "seconds", "outcome"),
    [("dot", 90, Sent), ("dot", 590, Sent), ("dot", 700, Unknown),
     ("rcpt", 290, Sent), ("rcpt", 310, Deferred)],
)  # fmt: skip
def test_a_relay_has_the_time_that_rfc_5321_gives_it_and_no_more(
    extensions: tuple[str, ...], stage: Stage, seconds: float, outcome: type[Outcome]
) -> None:
    loop, go, stop = Clockwork(), threading.Event(), asyncio.Event()
    desk = ListDesk(deque([Begun(1, message(ANN)), Begun(2, message(BOB))]))

    async def slowly(relay: ScriptedRelay) -> None:
        async def connect() -> Dialogue | RelayFault:
            return await delivery.connect(plain(relay.port), Timeouts())

        crew = asyncio.create_task(Crew(desk, connect, ONE, stop).run())

        def asked() -> bool:
            heard = any(command.startswith(f"RCPT TO:<{ANN}>") for command in relay.heard)
            return heard if stage == "rcpt" else bool(relay.accepted)

        await asyncio.to_thread(until, asked)
        loop.ahead += seconds
        for _ in range(3):
            await asyncio.sleep(0)  # whatever is due by now is done
        go.set()
        await crew

    with ScriptedRelay(*extensions) as relay, asyncio.Runner(loop_factory=lambda: loop) as runner:
        relay.will(stage, ANN, Hold(go))
        runner.run(slowly(relay))

    assert isinstance(desk.outcomes[1], outcome)
    assert isinstance(desk.outcomes[2], Sent)
    assert (relay.connections == 1) == (outcome is Sent)
    assert Counter(taken.recipient for taken in relay.accepted) == (
        Counter([BOB]) if outcome is Deferred else Counter([ANN, BOB])
    )
    if outcome is not Sent:
        assert "nothing came within" in desk.outcomes[1].reply.text


def late(
    relay: ScriptedRelay,
    reply: str | Drop | None,
    *,
    text: bytes = b"Hello",
    to: str = BOB,
    limits: Limits = ONE,
    before: Callable[[asyncio.Event], None] = lambda _: None,
    after: Callable[[Crew[int], LateDesk, asyncio.Event], None] = lambda *_: None,
    stage: Stage = "dot",
) -> tuple[LateDesk, bool]:
    """Ann's message, and another when hers has come to that stage, which then has its reply; and
    whether the other was begun before."""
    go, stop = threading.Event(), asyncio.Event()
    desk = LateDesk(deque([Begun(1, message(ANN, text))]), later=deque([Begun(2, message(to))]))

    async def conversation() -> bool:
        async def connect() -> Dialogue | RelayFault:
            return await delivery.connect(plain(relay.port), PATIENT)

        crew = Crew(desk, connect, limits, stop)
        running = asyncio.create_task(crew.run())
        await asyncio.to_thread(until, lambda: not relay.replies[stage, ANN])
        before(stop)
        desk.bring()
        begun = not desk.waiting
        after(crew, desk, stop)
        if not crew.cut.is_set():
            go.set()
        await running
        go.set()
        return begun

    relay.will(stage, ANN, Hold(go, reply))
    relay.will("dot", BOB, "250 2.0.0 taken for bob")
    with asyncio.Runner(loop_factory=delivery.event_loop()) as runner:
        return desk, runner.run(conversation())


@pytest.mark.parametrize(
    ("reply", "outcome", "connections"),
    [("250 2.0.0 taken for ann", Sent, 1), ("451 4.3.0 later", Deferred, 1),
     ("554 5.7.1 spam", Refused, 1), ("421 4.3.2 closing", Deferred, 2), ("354 what?", Unknown, 2),
     ("*** not SMTP ***", Unknown, 2), (DROP, Unknown, 2), (LOSE, Unknown, 2),
     (Drop(recorded=True, reset=True), Unknown, 2)],
)  # fmt: skip
def test_what_becomes_ready_while_a_dot_is_awaited_follows_it_and_has_its_own_outcome(
    reply: str | Drop, outcome: type[Outcome], connections: int
) -> None:
    with ScriptedRelay() as relay:
        desk, begun = late(relay, reply)

    assert begun
    assert isinstance(desk.outcomes[1], outcome)
    assert desk.outcomes[2] == Sent(desk.outcomes[2].reply)
    assert desk.outcomes[2].reply.text == "2.0.0 taken for bob"
    assert [taken.recipient for taken in relay.accepted].count(BOB) == 1
    assert relay.connections == connections
    if connections == 1:
        assert sum(command.startswith("MAIL") for command in relay.heard) == 2


def test_what_follows_a_dot_may_be_refused_alone() -> None:
    with ScriptedRelay() as relay:
        relay.will("rcpt", BOB, "550 5.1.1 no such user")
        desk, begun = late(relay, "250 2.0.0 taken for ann")

    assert begun
    assert isinstance(desk.outcomes[1], Sent)
    assert desk.outcomes[2] == Refused(desk.outcomes[2].reply)
    assert [taken.recipient for taken in relay.accepted] == [ANN]


def test_an_address_that_cannot_be_spoken_is_refused_behind_a_dot_too() -> None:
    with ScriptedRelay() as relay:
        desk, begun = late(relay, "250 2.0.0 taken for ann", to="a b@example.org")

    assert begun
    assert isinstance(desk.outcomes[1], Sent)
    assert isinstance(desk.outcomes[2], Refused)
    assert relay.connections == 1


@pytest.mark.parametrize("stopped", ["before", "after"])
def test_stopping_lets_follow_what_was_written_behind_a_dot_and_nothing_else(stopped: str) -> None:
    with ScriptedRelay() as relay:
        if stopped == "before":
            desk, begun = late(relay, None, before=asyncio.Event.set)
        else:
            desk, begun = late(relay, None, after=lambda *all_: all_[-1].set())

    assert begun == (stopped == "after")
    assert isinstance(desk.outcomes[1], Sent)
    assert [type(desk.outcomes[n]) for n in desk.outcomes] == [Sent] * (2 if begun else 1)
    assert len(relay.accepted) == len(desk.outcomes)


def test_cutting_leaves_no_doubt_of_what_was_written_behind_a_dot() -> None:
    def cut(crew: Crew[int], desk: LateDesk, stop: asyncio.Event) -> None:
        desk.stopped = True
        stop.set()
        crew.cut.set()

    with ScriptedRelay() as relay:
        desk, begun = late(relay, None, after=cut)

    assert begun
    assert isinstance(desk.outcomes[1], Unknown)
    assert isinstance(desk.outcomes[2], NotBegun)


@pytest.mark.parametrize("why", ["no more over it", "one by one", "not all has left"])
def test_nothing_follows_a_dot_where_it_may_not(why: str) -> None:
    with ScriptedRelay(*ONE_BY_ONE if why == "one by one" else PIPELINING, window=65_536) as relay:
        if why == "not all has left":
            desk, begun = late(relay, None, stage="body", text=b"0123456789abcdef\r\n" * 2_000_000)
        else:
            desk, begun = late(relay, None, limits=replace(ONE, messages=1))

    assert not begun
    assert [type(outcome) for outcome in desk.outcomes.values()] == [Sent, Sent]
