"""A send that met faults, with what is in doubt held for a person."""

from collections.abc import Callable
from datetime import datetime

import pytest

from digest import publish
from digest.publish import House, IssueRecord
from tests.relay import ScriptedRelay
from tests.replies import DROP
from tests.sending import ANN, BEN, approved

Clock = Callable[[], datetime]


@pytest.fixture
def environ(environ: dict[str, str]) -> dict[str, str]:
    return {**environ, "DIGEST_RELAY_ON_AMBIGUOUS": "hold"}


def sent_with_faults(house: House, relay: ScriptedRelay, clock: Clock) -> IssueRecord:
    """Ann's fate is unknown, Ben was refused, the others have it."""
    record = approved(house, clock)
    relay.will("dot", ANN, DROP)
    relay.will("rcpt", BEN, "550 5.7.1 not from this address of yours")
    account = publish.send(house, clock=clock)
    assert account.counts == {"sent": 2, "unknown": 1, "refused": 1, "skipped": 1}
    return record


def states(house: House, record: IssueRecord) -> dict[str, str]:
    return {line.address: line.state for line in publish.readers(house, record)}
