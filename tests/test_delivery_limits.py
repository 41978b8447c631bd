"""Connections: how many a relay stands, how they end, and when it is left alone."""

import asyncio
import threading
from collections import Counter, deque
from dataclasses import replace

import pytest

from digest import delivery
from digest.delivery import Begun, Crew, Dialogue, Limits, Timeouts
from digest.outcomes import Deferred, NotBegun, RelayFault, Sent, Unknown
from tests.delivering import (
    ANN,
    BOB,
    ONE,
    ONE_BY_ONE,
    SENDER,
    LikeTheLedger,
    ListDesk,
    both,
    message,
    plain,
    work,
)
from tests.relay import ANYONE, ScriptedRelay, Stage
from tests.replies import Hold, Wait
from tests.waiting import PATIENCE, until


def test_messages_for_each_connection_are_limited() -> None:
    people = [message(f"r{n}@example.org") for n in range(7)]
    with ScriptedRelay() as relay:
        run = work(plain(relay.port), *people, limits=Limits(1, messages=3))

    assert len(relay.accepted) == 7
    assert [type(outcome) for outcome in run.outcomes] == [Sent] * 7
    assert relay.connections == 3


@both
@pytest.mark.parametrize("stage", ["mail", "dot"])
def test_a_relay_that_closes_every_tenth_time_loses_nobody_and_is_not_rested_from(
    extensions: tuple[str, ...], stage: Stage
) -> None:
    """What it costs is one connection, and the commands that were in vain: no pause, no message
    put off before its dot.
    """
    people = [message(f"r{n}@example.org") for n in range(60)]
    closing = ["250 2.0.0 OK"] * 9 + ["421 4.3.2 ten are enough"]
    with ScriptedRelay(*extensions) as relay:
        relay.will(stage, SENDER if stage == "mail" else ANYONE, *closing, times=6)
        # Any rest would last longer than the test may.
        run = work(plain(relay.port), *people, limits=Limits(1, pause=100 * PATIENCE))

    taken = [one.recipient for one in relay.accepted]
    put_off = [type(outcome) for outcome in run.outcomes].count(Deferred)
    assert run.fault is None
    assert [type(outcome) for outcome in run.outcomes].count(Sent) == 60 - put_off == len(taken)
    assert len(set(taken)) == len(taken)
    assert put_off == (6 if stage == "dot" else 0)
    assert relay.connections == (7 if stage == "mail" else 6)
    for verb, times in (("EHLO", relay.connections), ("RSET", 0)):
        assert sum(command.startswith(verb) for command in relay.heard) == times
    asked = sum(command.startswith("MAIL") for command in relay.heard)
    assert asked == (66 if stage == "mail" else 60)


def test_a_message_that_the_relay_alone_does_not_want_opens_no_breaker() -> None:
    """Its envelope sender is its own (VERP), so MAIL may be refused for it alone."""
    other = message(ANN, sender="b+2@bounce.example.org")
    people = [message(f"r{n}@example.org") for n in range(5)]
    for proven, messages in ((False, [other, *people]), (True, [other])):
        with ScriptedRelay() as relay:
            relay.will("mail", other.sender, "450 4.1.8 not from there", times=9)
            limits = Limits(1, pause=0.01, proven=proven)
            run = work(plain(relay.port), *messages, limits=limits, desk=LikeTheLedger)

        assert run.fault is None
        assert len(relay.accepted) == len(messages) - 1
        [alone] = [one for one in run.outcomes if isinstance(one, RelayFault)]
        assert (alone.of_one, alone.reply.code, alone.reply.enhanced) == (True, 450, "4.1.8")
        assert sum(command == f"MAIL FROM:<{other.sender}>" for command in relay.heard) == 2


def test_where_nobody_was_taken_the_fault_is_the_relay_s_and_nobody_else_s() -> None:
    with ScriptedRelay() as relay:
        relay.will("mail", SENDER, "450 4.1.8 not from there", times=9)
        run = work(plain(relay.port), message(ANN), limits=ONE, desk=LikeTheLedger)

    assert run.fault
    assert not run.fault.of_one
    assert run.outcomes == []


def test_a_relay_that_allows_few_connections_gets_few() -> None:
    people = [message(f"r{n}@example.org") for n in range(30)]
    with ScriptedRelay() as relay:
        relay.will("connect", ANYONE, *["220 hello"] * 3, *["421 4.7.0 too many"] * 5)
        relay.will("dot", ANYONE, Wait(0.02), times=30)
        run = work(plain(relay.port), *people, limits=Limits(8, pause=0.01))

    assert run.fault is None
    assert len(relay.accepted) == 30


def test_stopping_lets_the_message_on_the_wire_end() -> None:
    go = threading.Event()
    desk = ListDesk(deque([Begun(1, message(ANN)), Begun(2, message(BOB))]))

    async def stopped(relay: ScriptedRelay) -> None:
        stop = asyncio.Event()

        async def connect() -> Dialogue | RelayFault:
            return await delivery.connect(plain(relay.port), Timeouts())

        crew = asyncio.create_task(Crew(desk, connect, ONE, stop).run())
        await asyncio.to_thread(until, lambda: relay.accepted)
        desk.stopped = True
        stop.set()
        go.set()
        await crew

    with ScriptedRelay(*ONE_BY_ONE) as relay:
        relay.will("dot", ANN, Hold(go, "250 2.0.0 taken for ann"))
        relay.will("dot", BOB, "250 2.0.0 taken for bob")
        asyncio.run(stopped(relay))

    assert desk.outcomes[1].reply.text == "2.0.0 taken for ann"
    assert isinstance(desk.outcomes.get(2, NotBegun(desk.outcomes[1].reply)), NotBegun)
    assert [taken.recipient for taken in relay.accepted] == [ANN]


@pytest.mark.parametrize("asked", [True, False], ids=["asked again", "drained for long enough"])
def test_cutting_leaves_in_doubt_what_had_its_dot(*, asked: bool) -> None:
    desk = ListDesk(deque([Begun(1, message(ANN))]))

    async def cut(relay: ScriptedRelay) -> None:
        stop = asyncio.Event()

        async def connect() -> Dialogue | RelayFault:
            return await delivery.connect(plain(relay.port), Timeouts())

        crew = Crew(desk, connect, replace(ONE, drain=25.0 if asked else 0.01), stop)
        running = asyncio.create_task(crew.run())
        await asyncio.to_thread(until, lambda: bool(relay.accepted))
        stop.set()
        if asked:
            crew.cut.set()
        await asyncio.wait_for(running, PATIENCE)
        assert crew.cut.is_set()

    with ScriptedRelay() as relay:
        relay.will("dot", ANN, Wait(2 * PATIENCE))
        asyncio.run(cut(relay))

    assert isinstance(desk.outcomes[1], Unknown)
    assert Limits().drain == 25  # and with what is written after it no more than thirty


def test_a_relay_that_wants_less_for_a_while_gets_all_in_the_end() -> None:
    people = [message(f"r{n}@example.org") for n in range(20)]
    with ScriptedRelay() as relay:
        relay.will("mail", SENDER, "451 4.7.1 slower", times=2)
        relay.will("dot", ANYONE, Wait(0.01), times=20)
        run = work(plain(relay.port), *people, limits=Limits(4, pause=0.02), desk=LikeTheLedger)

    assert run.fault is None
    assert [type(outcome) for outcome in run.outcomes] == [Sent] * 20
    assert Counter(taken.recipient for taken in relay.accepted) == Counter(
        one.recipient for one in people
    )
    # Twice it was told to come later, and what it had been asked to take was asked again.
    assert sum(command.startswith("MAIL") for command in relay.heard) == 22
