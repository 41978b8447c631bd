"""Told to stop, to pause, to cancel: what is on the wire ends, the rest waits or gets nothing."""

import asyncio
import signal
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from digest import publish
from digest.delivery import Timeouts
from digest.publish import House
from digest.publish.sending.shift import BREATH, _Shift
from tests.crowds import READERS, crowd, crowded, environ, policy, wait_for
from tests.relay import ANYONE, ScriptedRelay
from tests.replies import Wait
from tests.surviving import QUICK, found, started
from tests.waiting import until

__all__ = ["crowded", "environ", "policy"]


@pytest.mark.parametrize("policy", ["resend"], indirect=True)
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_asked_to_stop_it_drains_and_leaves_nothing_unknown(
    crowded: House,
    folder: Path,
    environ: dict[str, str],
    relay: ScriptedRelay,
    number: signal.Signals,
) -> None:
    process = started(folder, environ)
    until(lambda: len(relay.accepted) >= 10)
    process.send_signal(number)

    assert process.ended(30) == 75
    assert process.said == "drained"

    at = found(crowded, relay)
    assert set(at.states.values()) == {"sent", "pending"}
    assert {r for r, state in at.states.items() if state == "sent"} == set(at.taken)
    assert not any(at.resends.values())


def test_two_signals_in_one_breath_are_one() -> None:
    """`timeout` sends its signal to the program and then to the group that the program is in."""
    now = 100.0
    work = _Shift(Timeouts(), lambda: now)
    crew = SimpleNamespace(cut=asyncio.Event())
    work.crews.append(cast(Any, crew))
    for now, cut in ((100.0, False), (100.0, False), (100.9, False), (101.0, True)):
        work.asked()
        assert work.stop.is_set()
        assert crew.cut.is_set() is cut, now


@pytest.mark.parametrize("policy", ["hold"], indirect=True)
def test_asked_twice_it_cuts_and_lists_what_is_in_doubt(
    house: House,
    folder: Path,
    environ: dict[str, str],
    relay: ScriptedRelay,
    clock: Callable[[], datetime],
) -> None:
    relay.will("dot", ANYONE, *["250 2.0.0 OK"] * 4, Wait(60))
    relay.will("dot", ANYONE, Wait(60), times=READERS)
    crowd(house, relay, clock, READERS)
    process = started(folder, environ)
    until(lambda: len(relay.accepted) >= 6)
    process.send_signal(signal.SIGTERM)
    time.sleep(2 * BREATH)  # two in one breath are one
    process.send_signal(signal.SIGINT)

    assert process.ended(20) == 75
    assert process.said == "cut"

    at = found(house, relay)
    assert 1 <= list(at.states.values()).count("unknown") <= 4
    assert "inflight" not in at.states.values()


@pytest.mark.parametrize("policy", ["resend"], indirect=True)
def test_paused_and_resumed_twenty_times_nobody_is_doubled(
    crowded: House, folder: Path, environ: dict[str, str], relay: ScriptedRelay
) -> None:
    record = crowded.issue("weekly")
    now = datetime.now(UTC)
    for turn in range(20):
        if turn % 5 == 0:
            process = started(folder, environ)
            before = len(relay.accepted)
            wait_for(relay, before + 1, process)
            publish.pause(crowded, crowded.issue("weekly"), why="a look", by="ann", now=now)
            assert process.ended() in (0, 75)
        else:
            publish.pause(crowded, crowded.issue("weekly"), why="a look", by="ann", now=now)
            paused = publish.send(crowded, clock=lambda: datetime.now(UTC), timing=QUICK)
            assert paused.control == "paused"
        publish.resume(crowded, crowded.issue("weekly"), by="ann", now=now)

    account = publish.send(crowded, clock=lambda: datetime.now(UTC), timing=QUICK)

    assert account.counts == {"sent": READERS}
    assert account.record.id == record.id
    assert set(found(crowded, relay).taken.values()) == {1}


@pytest.mark.parametrize("policy", ["resend"], indirect=True)
def test_cancelled_on_the_way_the_rest_gets_nothing(
    crowded: House, folder: Path, environ: dict[str, str], relay: ScriptedRelay
) -> None:
    process = started(folder, environ)
    until(lambda: len(relay.accepted) >= 10)
    when = len(relay.accepted)
    publish.cancel(
        crowded, crowded.issue("weekly"), why="wrong list", by="ann", now=datetime.now(UTC)
    )
    process.ended()

    account = publish.send(crowded, clock=lambda: datetime.now(UTC))

    assert account.record.state == "cancelled"
    assert set(account.counts) == {"sent", "skipped"}
    assert account.total == READERS
    assert len(relay.accepted) <= when + 2 * 4
    assert account.counts["sent"] == len(relay.accepted)
