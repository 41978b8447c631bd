"""Readers who joined, an issue that was approved for them, and what they were mailed."""

import email
import email.policy
from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Literal

from digest import publish
from digest.publish import Account, House, IssueRecord, ReaderLine
from subscribers import roster
from subscribers.preferences import EVERYTHING, Preferences
from tests.conftest import NOW
from tests.relay import ScriptedRelay

ANN, BEN, CHANDRA, DORA = (f"{name}@readers.example" for name in ("ann", "ben", "chandra", "dora"))
GORAN, EMIL, FAY = (f"{name}@readers.example" for name in ("goran", "emil", "fay"))
READERS = {
    ANN: EVERYTHING,
    BEN: Preferences(frozenset({"Global"})),
    CHANDRA: Preferences(frozenset({"Opinion"})),
    DORA: Preferences(None, "text"),
    GORAN: Preferences(frozenset({"Science"})),
    EMIL: EVERYTHING,
    FAY: EVERYTHING,
}
MAILED = {ANN, BEN, CHANDRA, DORA}

Clock = Callable[[], datetime]


def join(house: House, readers: dict[str, Preferences]) -> dict[str, int]:
    keys = house.settings.keys
    with house.database.writing() as session:
        return {
            address: roster.add(
                session, address, "weekly", chosen, how="test", now=NOW, keys=keys, evidence="test"
            )
            for address, chosen in readers.items()
        }


def prepared(house: House, clock: Clock) -> IssueRecord:
    publish.collect(house, now=clock())
    return publish.prepare(house, "weekly", now=clock()).record


def approved(house: House, clock: Clock) -> IssueRecord:
    """The sample's first issue, and its readers: one has left, one is suppressed."""
    keys = house.settings.keys
    numbers = join(house, READERS)
    with house.database.writing() as session:
        roster.withdraw(session, numbers[EMIL], "weekly", how="page", now=NOW)
        roster.suppress(session, FAY, reason="bounce", how="test", now=NOW, keys=keys)
    number = prepared(house, clock).issue.number
    return publish.approve(house, "weekly", number, by="the editor", now=clock())


def mailed(relay: ScriptedRelay) -> Counter[str]:
    return Counter(taken.recipient for taken in relay.accepted)


def lines(house: House, account: Account) -> dict[str, ReaderLine]:
    return {line.address: line for line in publish.readers(house, account.record)}


def later(minutes: float) -> Clock:
    return lambda: NOW + timedelta(minutes=minutes)


def words(data: bytes, kind: Literal["plain", "html"] = "plain") -> str:
    body = email.message_from_bytes(data, policy=email.policy.default).get_body((kind,))
    assert body is not None
    return " ".join(str(body.get_content()).split())


def in_minutes(minutes: int) -> Clock:
    return lambda: datetime.now(UTC) + timedelta(minutes=minutes)
