"""What was claimed and not begun, by a killed sender or in vain, costs no budget: neither its
relay's nor a domain's, on both databases."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from digest import ledger, publish
from digest.errors import DatabaseError
from digest.pace import Spent
from digest.publish import House, open_house
from digest.publish.sending.inheriting import inherit
from subscribers import roster
from subscribers.preferences import EVERYTHING, Preferences
from tests.conftest import NOW
from tests.relay import ANYONE, ScriptedRelay
from tests.replies import Wait
from tests.sending import join, later, mailed, prepared
from tests.surviving import CRASHED, QUICK, started

READERS = 20
SCIENCE = Preferences(frozenset({"Science"}))
DOMAIN = "domain readers.example"
BUDGETS = """
[domains."readers.example"]
daily = 20
"""


@pytest.fixture
def environ(environ: dict[str, str], relay: ScriptedRelay, folder: Path) -> dict[str, str]:
    file = folder / "digest.toml"
    file.write_text(file.read_text("utf-8") + BUDGETS, encoding="utf-8")
    told = {"PORT": str(relay.port), "SECURITY": "none", "DAILY": "200"}
    return {**environ, **{f"DIGEST_RELAY_{name}": value for name, value in told.items()}}


def approve(house: House, nothing_for: int = 0) -> None:
    """Of the first so many nobody has chosen what there is."""
    join(house, {f"r{n}@readers.example": SCIENCE if n < nothing_for else EVERYTHING
                 for n in range(READERS)})  # fmt: skip
    prepared(house, lambda: NOW)
    publish.approve(house, "weekly", 1, by="the editor", now=NOW)


def spent(house: House, relay: ScriptedRelay) -> dict[str, int]:
    names = [DOMAIN, f"relay 127.0.0.1:{relay.port}"]
    with house.database.reading() as session:
        return {name: one.used for name, one in ledger.budgets(session, names).items()}


def test_what_a_killed_sender_had_claimed_goes_out_on_the_same_day(
    house: House, folder: Path, environ: dict[str, str], relay: ScriptedRelay
) -> None:
    approve(house)
    assert started(folder, environ, "after a claim").ended() == CRASHED
    assert set(spent(house, relay).values()) == {READERS}  # and nobody had anything of it

    account = publish.send(house, clock=lambda: datetime.now(UTC), timing=QUICK)

    assert account.counts == {"sent": READERS}
    assert set(mailed(relay).values()) == {1}
    assert set(spent(house, relay).values()) == {READERS}


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_what_was_begun_stays_spent(
    house: House, folder: Path, environ: dict[str, str], relay: ScriptedRelay
) -> None:
    approve(house)
    assert started(folder, environ, "after intents").ended() == CRASHED
    with house.database.reading() as session:
        begun = ledger.counts(session, house.issue("weekly").id)["inflight"]
        senders = [sender.id for sender in ledger.senders(session)]
    assert begun

    with house.database.writing() as session:
        inherit(house, session, datetime.now(UTC), grace=timedelta(), dead=senders)

    assert set(spent(house, relay).values()) == {begun}


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_the_day_before_is_given_nothing_back(
    house: House, folder: Path, environ: dict[str, str], relay: ScriptedRelay
) -> None:
    approve(house)
    assert started(folder, environ, "after a claim").ended() == CRASHED
    tomorrow = datetime.now(UTC) + timedelta(days=1)
    with house.database.writing() as session:
        ledger.locked_budgets(session, [DOMAIN])
        ledger.keep_budgets(session, {DOMAIN: Spent(None, tomorrow.date(), 7)})
        senders = [sender.id for sender in ledger.senders(session)]
        inherit(house, session, tomorrow, grace=timedelta(), dead=senders)

    assert spent(house, relay)[DOMAIN] == 7


@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
def test_who_was_presumed_dead_gives_nothing_back_a_second_time(
    folder: Path, environ: dict[str, str], relay: ScriptedRelay
) -> None:
    def presume(point: str) -> None:
        """Somebody else finds it dead as soon as it has claimed, and spends what that frees."""
        if point != "after a claim" or given_back:
            return
        with house.database.writing() as session:
            sender = [sender.id for sender in ledger.senders(session)]
            freed = inherit(house, session, NOW, grace=timedelta(), dead=sender).freed
        given_back.append((freed, spent(house, relay)))
        with house.database.writing() as session:
            names = sorted(spent(house, relay), key=lambda name: name == DOMAIN)
            ledger.locked_budgets(session, names)
            ledger.keep_budgets(session, {name: Spent(None, NOW.date(), 15) for name in names})

    given_back: list[tuple[int, dict[str, int]]] = []
    with open_house(folder, environ) as house:
        approve(house)
        with pytest.raises(DatabaseError, match="presumed dead"):
            publish.send(house, clock=later(0), passing=presume)

        [(freed, then)] = given_back
        assert (freed, set(then.values())) == (READERS, {0})
        assert set(spent(house, relay).values()) == {15}
    assert relay.accepted == []


def leave(house: House) -> None:
    with house.database.writing() as session:
        for number in range(READERS - 5, READERS):
            reader = roster.find(session, f"r{number}@readers.example").subscriber
            roster.withdraw(session, reader, "weekly", how="page", now=NOW)


def stop(house: House) -> None:
    publish.pause(house, house.issue("weekly"), why="", by="ann", now=NOW)


@pytest.mark.parametrize(
    ("point", "happens", "slowed"),
    [
        ("after the list is written", None, False),
        ("after a claim", leave, False),
        ("after a claim", stop, False),
        ("after intents", stop, False),
        ("after intents", None, True),
    ],
)
def test_who_is_sent_nothing_costs_the_day_nothing(
    folder: Path,
    environ: dict[str, str],
    relay: ScriptedRelay,
    point: str,
    happens: Callable[[House], None] | None,
    *,
    slowed: bool,
) -> None:
    happened: list[str] = []
    if slowed:
        relay.will("rcpt", "r8@readers.example", "450 4.7.28 not so fast")
        relay.will("dot", ANYONE, Wait(0.1), times=READERS)  # it is heard before the others

    def passing(name: str) -> None:
        if name == point and not happened:
            happened.append(name)
            if happens:
                happens(house)

    with open_house(folder, {**environ, "DIGEST_RELAY_CONNECTIONS": "4"}) as house:
        approve(house, nothing_for=8)
        account = publish.send(house, clock=later(0), passing=passing)

        assert happened
        assert account.total == READERS
        assert account.counts["skipped"] >= 8
        told = sum(command.startswith("MAIL") for command in relay.heard)
        assert told < READERS - 8 or not (slowed or happens)
        assert set(spent(house, relay).values()) == {told}
