"""An approved issue for many readers, at a relay that takes its time, to be sent by processes."""

import os
from collections.abc import Callable
from datetime import datetime

import pytest

from digest import publish
from digest.publish import House
from subscribers.preferences import EVERYTHING
from tests.relay import ANYONE, ScriptedRelay
from tests.replies import Wait
from tests.sending import in_minutes, join, prepared
from tests.surviving import QUICK, Found, Sender, found
from tests.waiting import until

LONG = "DIGEST_KILLS" in os.environ
READERS = 100
SLOW = Wait(0.02)


@pytest.fixture(params=["resend", "hold"] if LONG else ["by engine"])
def policy(request: pytest.FixtureRequest, database_url: str) -> str:
    """Both on both engines takes long: in the short form SQLite sends again, PostgreSQL holds."""
    if request.param == "by engine":
        return "resend" if database_url.startswith("sqlite") else "hold"
    return str(request.param)


@pytest.fixture
def environ(environ: dict[str, str], policy: str) -> dict[str, str]:
    return {**environ, "DIGEST_RELAY_ON_AMBIGUOUS": policy}


@pytest.fixture
def crowded(house: House, relay: ScriptedRelay, clock: Callable[[], datetime]) -> House:
    return crowd(house, relay, clock, READERS)


def crowd(house: House, relay: ScriptedRelay, clock: Callable[[], datetime], readers: int) -> House:
    """An approved issue for many readers, and a relay that takes its time."""
    relay.will("dot", ANYONE, SLOW, times=20_000)
    join(house, {f"r{number}@readers.example": EVERYTHING for number in range(readers)})
    prepared(house, clock)
    publish.approve(house, "weekly", 1, by="the editor", now=clock())
    return house


def finished(house: House, relay: ScriptedRelay) -> Found:
    """Send what is left, also what is only due later, as the next runs would."""
    for minutes in (0, 10, 20):
        publish.send(house, clock=in_minutes(minutes), timing=QUICK)
    return found(house, relay)


def wait_for(relay: ScriptedRelay, count: int, sender: Sender) -> None:
    """Until the relay has taken so many, or the sender has ended by itself."""
    until(lambda: len(relay.accepted) >= count or sender.poll() is not None, 60)
