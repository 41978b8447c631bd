"""What need not be kept goes in small parts, and whoever comes at that moment stays."""

import threading
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import text

from digest import publish
from digest.database import Database
from digest.publish import House
from subscribers import roster
from subscribers.roster import Asker, Keeping, changing, tidying
from subscribers.roster.tidying import Overdue
from tests.conftest import NOW, SECRET
from tests.waiting import PATIENCE, until

ANN, KEYS = "ann@readers.example", (SECRET.encode(),)
LATER = NOW + timedelta(days=8)
YEAR = Keeping(timedelta(days=365), timedelta(days=365))
ASKED: dict[str, Any] = {"now": NOW, "keys": KEYS}


def asked(database: Database, address: str = ANN) -> int:
    """Somebody asked to join, and has not confirmed it yet; their notice was sent."""
    with database.writing() as session:
        assert roster.request(session, address, ["weekly"], Asker(), **ASKED)
        notice = roster.due_notices(session, NOW)[-1]
        roster.note_notice(session, notice.id, "sent", "250", NOW)
        return notice.subscriber


def overdue(database: Database) -> Overdue:
    with database.reading() as session:
        return roster.overdue(session, LATER, YEAR)


def tidied(database: Database, found: Overdue) -> dict[str, int]:
    with database.writing() as session:
        return roster.tidy(session, found, LATER, YEAR)


def state(database: Database, number: int) -> list[tuple[str, list[str]]]:
    with database.reading() as session:
        held = roster.profile(session, number).subscriptions
    return [(one.state, [event.how for event in one.events]) for one in held]


def test_however_small_the_parts_all_of_it_goes(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tidying, "LOOKED_FOR", 3)
    monkeypatch.setattr(tidying, "BATCH", 2)
    for number in range(7):
        asked(house.database, f"r{number}@readers.example")
    done = publish.tidy(house, LATER)
    assert (done["requests"], done["subscribers"], done["notices"]) == (7, 7, 7)
    assert not publish.tidy(house, LATER).total()


@pytest.mark.parametrize("left_before", [True, False])
def test_who_confirms_while_it_is_looked_for_is_confirmed(
    database: Database, left_before: bool
) -> None:
    number = asked(database)
    if left_before:
        with database.writing() as session:
            roster.withdraw(session, number, "weekly", how="page", now=NOW)
            changing.change(session, number, "weekly", {"state": "requested"})
    found = overdue(database)
    assert found.requests
    with database.writing() as session:
        fresh = {"state": "confirmed", "confirmed_at": LATER, "changed_at": LATER}
        assert changing.change(session, number, "weekly", fresh)
    done = tidied(database, found)
    assert (done["requests given back"], done["requests"], done["subscribers"]) == (0, 0, 0)
    [(stands, ways)] = state(database, number)
    assert (stands, "unanswered" in ways) == ("confirmed", False)


def test_who_asks_again_while_it_is_looked_for_stays(database: Database) -> None:
    number = asked(database)
    tidied(database, overdue(database))
    found = overdue(database)
    assert found.people == [number]
    with database.writing() as session:
        assert roster.request(session, ANN, ["weekly"], Asker(), now=LATER, keys=KEYS)
    assert tidied(database, found)["subscribers"] == 0
    assert state(database, number) == [("requested", ["page", "page"])]


@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
def test_who_asks_at_the_very_moment_stays(database: Database) -> None:
    number = asked(database)
    tidied(database, overdue(database))
    found = overdue(database)
    assert found.people == [number]
    erasing = threading.Thread(target=tidied, args=(database, found))

    def blocked() -> bool:
        with database.reading() as session:
            asking = text("SELECT count(*) FROM pg_locks WHERE NOT granted")
            return bool(session.connection().scalar(asking))

    with database.writing() as session:
        assert roster.request(session, ANN, ["weekly"], Asker(), now=LATER, keys=KEYS)
        erasing.start()
        until(lambda: blocked() or not erasing.is_alive())
    erasing.join(PATIENCE)
    assert not erasing.is_alive()
    assert state(database, number) == [("requested", ["page", "page"])]
