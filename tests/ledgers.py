"""A ledger with an audience, and the steps of a delivery through it."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import literal, select, union_all
from sqlmodel import Session

from digest import archive, ledger
from digest.database import Database
from digest.ledger import Delivery, Intent, Policy, Result
from digest.outcomes import Deferred, NotBegun, Outcome, Refused, RelayFault, Reply, Sent, Unknown
from tests.conftest import NOW
from tests.issues import example_issue

DAY, LEASE, GRACE = timedelta(days=1), timedelta(seconds=60), timedelta(seconds=600)
RESEND, HOLD = Policy(True, DAY), Policy(False, DAY)
TAKEN, GONE = Sent(Reply(250, "2.0.0 taken")), Refused(Reply(550, "5.1.1 no such user"))
LATER, SILENT = Deferred(Reply(450, "4.2.1 later")), Unknown(Reply(0, "no reply"))
DOWN, STOPPED = RelayFault(Reply(0, "no connection")), NotBegun(Reply(0, "stopped"))
UNWANTED = RelayFault(Reply(550, "5.1.8 sender rejected"), of_one=True)
OUTCOMES: list[Outcome] = [TAKEN, GONE, LATER, SILENT, DOWN, UNWANTED, STOPPED]


def audience(readers: int) -> Any:
    """A query that yields these numbers, as the roster's does."""
    return union_all(*(select(literal(n)) for n in range(1, readers + 1)))


def frozen(session: Session, readers: int = 1) -> int:
    issue = archive.save_draft(session, example_issue(), "hash", NOW).id
    ledger.freeze(session, issue, audience(readers), NOW)
    return issue


@pytest.fixture
def session(database: Database) -> Iterator[Session]:
    """One transaction; the ledger never commits."""
    with database.writing() as opened:
        yield opened


@pytest.fixture
def me(session: Session) -> int:
    return ledger.enlist(session, "host:1:place", LEASE, NOW)


def intend(session: Session, delivery: Delivery, sender: int, edition: str = "key") -> bool:
    name = delivery.message_id or f"<{delivery.subscriber}@example.org>"
    return bool(ledger.intend(session, [Intent(delivery, edition, name)], sender, "relay:25", NOW))


def begun(session: Session, issue: int, me: int, now: datetime = NOW) -> Delivery:
    """The one delivery that is due, inflight."""
    [delivery] = ledger.claim(session, issue, me, now, 1)
    assert intend(session, delivery, me)
    return delivery


def record(
    session: Session,
    delivery: Delivery,
    sender: int,
    outcome: Outcome,
    now: datetime = NOW,
    policy: Policy = RESEND,
) -> str:
    """The new state, or "" where the row was no longer this sender's."""
    result = Result(delivery, outcome, "relay:25")
    return ledger.record(session, [result], sender, now, policy).get(delivery.id, "")


def settle(
    session: Session,
    issue: int,
    me: int,
    outcome: Outcome,
    now: datetime = NOW,
    policy: Policy = RESEND,
) -> Delivery:
    """Send the one delivery that is due, with this outcome; how it stands then."""
    state = record(session, begun(session, issue, me, now), me, outcome, now, policy)
    [after] = ledger.deliveries(session, issue)
    assert after.state == state
    return after
