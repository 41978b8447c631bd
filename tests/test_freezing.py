"""The list of an issue is written in portions: whoever was there when it was opened is on it, once,
whatever happens to the roster or the sender before it is whole."""

from collections import Counter
from datetime import datetime, timedelta

import pytest
from sqlmodel import Session

from digest import ledger, publish
from digest.publish import House, IssueRecord
from digest.publish.sending import watching
from digest.publish.sending.freezing import PORTION, open_list, write_portion, write_rest
from subscribers import roster
from subscribers.exchange import Entry
from tests.conftest import NOW
from tests.relay import ScriptedRelay
from tests.sending import Clock, later, prepared

READERS = PORTION + 50
SOON = NOW + timedelta(minutes=1)


@pytest.fixture
def record(house: House, clock: Clock) -> IssueRecord:
    """An approved issue of a newsletter with more readers than one portion holds."""
    join(house, *(f"r{n}@readers.example" for n in range(READERS)))
    number = prepared(house, clock).issue.number
    return publish.approve(house, "weekly", number, by="the editor", now=clock())


def join(house: House, *addresses: str, at: datetime = NOW) -> None:
    with house.database.writing() as session:
        entering = roster.Entering(
            "weekly", how="test", evidence="test", now=at, keys=house.settings.keys
        )
        listed = (Entry(n, address) for n, address in enumerate(addresses))
        entering.enter(session, entering.addressed(listed))


def leave(house: House, address: str) -> None:
    with house.database.writing() as session:
        number = roster.find(session, address).subscriber
        roster.withdraw(session, number, "weekly", how="page", now=SOON)


def numbers(house: House, record: IssueRecord) -> set[int]:
    with house.database.reading() as session:
        found = ledger.deliveries(session, record.id, limit=10 * READERS)
        counts = ledger.counts(session, record.id)
        assert sum(counts.values()) == ledger.recipients(session, record.id) == len(found)
        assert len({delivery.frozen for delivery in found}) == 1
    return {delivery.subscriber for delivery in found}


def test_who_comes_or_goes_while_the_list_is_written(house: House, record: IssueRecord) -> None:
    open_list(house, record, NOW)
    assert len(numbers(house, record)) == PORTION
    assert not publish.account(house, record).whole

    leave(house, "r5@readers.example")  # is on it already: skipped when it is their turn
    leave(house, f"r{PORTION + 5}@readers.example")
    leave(house, f"r{PORTION + 6}@readers.example")
    join(house, f"r{PORTION + 6}@readers.example", at=SOON)  # and is back: too late
    # Whose consent is of long ago, and who was entered only now.
    join(house, "late@readers.example", at=NOW - timedelta(days=400))
    write_rest(house, record)

    assert publish.account(house, record).whole
    with house.database.reading() as session:
        there = {roster.find(session, f"r{n}@readers.example").subscriber for n in range(READERS)}
        gone = {roster.find(session, f"r{PORTION + n}@readers.example").subscriber for n in (5, 6)}
    assert numbers(house, record) == there - gone
    assert not write_portion(house, record)


def test_cancelled_before_it_is_whole_the_list_is_accounted_for_to_its_end(
    house: House, record: IssueRecord, relay: ScriptedRelay, clock: Clock
) -> None:
    open_list(house, record, NOW)
    sending = house.issue("weekly")

    assert publish.cancel(house, sending, why="a typo", by="ann", now=SOON) == READERS

    assert publish.account(house, sending).counts == {"skipped": READERS}
    assert publish.send(house, clock=clock).record.state == "cancelled"
    assert relay.accepted == []


def test_an_issue_is_not_done_before_its_list_is_whole(house: House, record: IssueRecord) -> None:
    open_list(house, record, NOW)
    with house.database.writing() as session:
        ledger.call_off(session, record.id, NOW)
        assert not ledger.is_done(session, record.id)
    write_rest(house, record)
    with house.database.writing() as session:
        assert not ledger.is_done(session, record.id)
        ledger.call_off(session, record.id, NOW)
        assert ledger.is_done(session, record.id)


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_where_a_sender_ended_in_the_middle_of_the_list_the_next_goes_on_with_the_rest(
    house: House, record: IssueRecord, relay: ScriptedRelay, clock: Clock
) -> None:
    open_list(house, record, NOW)
    assert not publish.account(house, record).whole
    join(house, "late@readers.example", at=SOON)

    account = publish.send(house, clock=later(1))

    assert account.whole
    assert account.counts == {"sent": READERS}
    taken = Counter(one.recipient for one in relay.accepted)
    assert set(taken) == {f"r{n}@readers.example" for n in range(READERS)}
    assert max(taken.values()) == 1


@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
def test_who_finds_another_at_the_list_goes_on_with_it_where_that_one_dies(
    house: House, record: IssueRecord, relay: ScriptedRelay, clock: Clock
) -> None:
    another = Session(house.database.engine)

    def passing(point: str) -> None:
        if point == "after the list is written":
            assert ledger.unwritten(another, record.id)
        elif len(relay.accepted) == PORTION and another.in_transaction():
            another.close()  # all that is listed so far is sent, and nobody writes the rest

    account = publish.send(house, clock=clock, passing=passing)

    assert account.whole
    assert account.counts == {"sent": READERS}
    assert account.record.state == "sent"


def test_the_progress_is_of_the_whole_list_as_soon_as_that_is_written(
    house: House, record: IssueRecord, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(watching, "_OFTEN", 0)  # it is told of each step
    seen: list[publish.Progress] = []

    assert publish.send(house, clock=clock, on_progress=seen.append).counts == {"sent": READERS}

    assert [one.total for one in seen] == [PORTION] + [READERS] * (len(seen) - 1)
    assert all(sum(one.counts.values()) == one.total for one in seen)


def test_two_senders_write_one_list_together(
    house: House, record: IssueRecord, database_url: str
) -> None:
    open_list(house, record, NOW)
    with house.database.writing() as session:
        assert ledger.unwritten(session, record.id) is not None
        if not database_url.startswith("sqlite"):
            # Another one is at it: this one has better things to do than to wait.
            with house.database.writing() as other:
                assert ledger.unwritten(other, record.id) is None
    write_rest(house, record)
    assert len(numbers(house, record)) == READERS
