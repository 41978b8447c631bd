"""An address changes or a reader leaves while the machine fails: what they are told is so.

Rows of the fault matrix in docs/delivery.md that concern readers during a fault.
"""

import asyncio
import contextlib
import sqlite3
import threading
from collections.abc import Iterator

import httpx
import pytest
from sqlalchemy import Connection, event

from digest import database as databases
from digest import publish
from digest.publish import House
from digest.web import public_app
from subscribers import roster, tokens
from subscribers.roster import Asker
from subscribers.tokens import Token
from tests.conftest import NOW
from tests.crowds import LONG
from tests.relay import ScriptedRelay
from tests.sending import ANN, approved, later, mailed
from tests.test_faults import Clock, sqlite_only
from tests.waiting import PATIENCE

ONE_CLICK = {"List-Unsubscribe": "One-Click"}


def test_an_address_that_changes_on_the_way_is_where_the_mail_goes(
    house: House, relay: ScriptedRelay, clock: Clock
) -> None:
    record, new = approved(house, clock), "ann@elsewhere.example"
    relay.will("rcpt", ANN, "450 4.2.1 later")
    assert publish.send(house, clock=clock).counts["deferred"] == 1
    move_ann(house, new)

    assert publish.send(house, clock=later(10)).counts == {"sent": 4, "skipped": 1}

    assert mailed(relay)[new] == 1
    assert mailed(relay)[ANN] == 0
    assert {line.address for line in publish.readers(house, record, ("sent",))} >= {new}


def test_an_address_that_changes_after_the_claim_is_where_the_mail_goes(
    house: House, relay: ScriptedRelay, clock: Clock
) -> None:
    approved(house, clock)
    new, moved = "ann@elsewhere.example", threading.Event()

    def passing(point: str) -> None:
        # By now it is composed for the old address.
        if point == "before a group is committed" and not moved.is_set():
            moved.set()
            move_ann(house, new)

    assert publish.send(house, clock=clock, passing=passing).counts == {"sent": 4, "skipped": 1}

    assert (mailed(relay)[new], mailed(relay)[ANN]) == (1, 0)


def move_ann(house: House, to: str) -> None:
    """Ann has confirmed another address."""
    keys, asker = house.settings.keys, Asker("page")
    with house.database.writing() as session:
        number = roster.find(session, ANN).subscriber
        assert roster.ask_to_move(session, number, "weekly", to, now=NOW, keys=keys)
        [owed] = roster.due_notices(session, NOW, 10)
        roster.move(session, owed.id, number, asker, now=NOW, keys=keys)


@contextlib.contextmanager
def busy(house: House) -> Iterator[threading.Event]:
    """Somebody else, who writes until the event is set."""
    path, holds, go = house.database.engine.url.database, threading.Event(), threading.Event()

    def hold() -> None:
        with contextlib.closing(sqlite3.connect(str(path), isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            holds.set()
            go.wait(PATIENCE)

    thread = threading.Thread(target=hold)
    thread.start()
    assert holds.wait(PATIENCE)
    try:
        yield go
    finally:
        go.set()
        thread.join()


def leave(house: House, number: int, clock: Clock) -> httpx.Response:
    """One click of this reader."""
    link = tokens.seal(Token("unsubscribe", "weekly", 1, number), house.settings.keys)

    async def post() -> httpx.Response:
        transport = httpx.ASGITransport(app=public_app(house, clock))
        async with httpx.AsyncClient(transport=transport, base_url="http://here") as client:
            return await client.post(f"/u/{link}", data=ONE_CLICK)

    return asyncio.run(post())


def impatient(connection: sqlite3.Connection, *_more: object) -> None:
    """Wait a tenth of a second for others, not ten."""
    connection.execute("PRAGMA busy_timeout=100")


@sqlite_only
def test_no_unsubscribe_is_lost_while_the_database_is_busy(
    house: House, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    with house.database.writing() as session:
        ann, ben = (
            roster.add(session, f"{name}@x.example", "weekly", how="form", now=NOW,
                       keys=house.settings.keys)
            for name in ("ann", "ben")
        )  # fmt: skip
    with busy(house) as go:
        threading.Timer(0.5, go.set).start()
        assert leave(house, ann, clock).status_code == 200
    # Who waits in vain is told to come again, and then it is done.
    event.listen(house.database.engine, "checkout", impatient)
    with house.database.writing() as session:  # which keeps its connection
        session.connection().exec_driver_sql("PRAGMA busy_timeout=100")
    monkeypatch.setattr(databases, "PERSIST", 2)  # tries, and not eight
    with busy(house):
        answer = leave(house, ben, clock)
        assert (answer.status_code, answer.headers["retry-after"]) == (503, "60")
        assert "minute" in answer.text
    assert leave(house, ben, clock).status_code == 200
    with house.database.reading() as session:
        standing = roster.standing(session, [ann, ben], "weekly", now=NOW)
    assert standing == {ann: "withdrawn", ben: "withdrawn"}


def test_one_click_that_is_replayed_leaves_once(house: House, clock: Clock) -> None:
    """At the same time and again: a mailbox provider's robot asks until it has an answer."""
    with house.database.writing() as session:
        ann = roster.add(session, ANN, "weekly", how="form", now=NOW, keys=house.settings.keys)
    away = f"/u/{tokens.seal(Token('unsubscribe', 'weekly', 1, ann), house.settings.keys)}"

    async def replayed() -> list[httpx.Response]:
        transport = httpx.ASGITransport(app=public_app(house, clock))
        async with httpx.AsyncClient(transport=transport, base_url="http://here") as client:
            posts = [client.post(away, data=ONE_CLICK) for _ in range(1000 if LONG else 60)]
            return await asyncio.gather(*posts)

    answers = asyncio.run(replayed())

    assert {answer.status_code for answer in answers} == {200}
    assert len({answer.text for answer in answers}) == 1
    with house.database.reading() as session:
        [kept] = roster.profile(session, ann).subscriptions
    assert kept.state == "withdrawn"
    assert [event.how for event in kept.events].count("one-click") == 1


@sqlite_only
def test_readers_who_leave_while_the_disk_fills_up_are_told_what_is_so(
    house: House, clock: Clock
) -> None:
    """Groups of them meet a full disk: whoever is told 200 has left, the others come again."""
    keys, engine = house.settings.keys, house.database.engine
    with house.database.writing() as session:
        readers = [
            roster.add(session, f"r{n}@x.example", "weekly", how="form", now=NOW, keys=keys)
            for n in range(200)
        ]
        pages = session.connection().exec_driver_sql("PRAGMA page_count").scalar_one()

    def full(connection: Connection) -> None:
        connection.exec_driver_sql(f"PRAGMA max_page_count = {pages}")

    async def left() -> list[int]:
        transport = httpx.ASGITransport(app=public_app(house, clock))
        links = (tokens.seal(Token("unsubscribe", "weekly", 1, one), keys) for one in readers)
        async with httpx.AsyncClient(transport=transport, base_url="http://here") as client:
            posts = [client.post(f"/u/{link}", data=ONE_CLICK) for link in links]
            return [answer.status_code for answer in await asyncio.gather(*posts)]

    def gone() -> list[bool]:
        with house.database.reading() as session:
            stands = roster.standing(session, readers, "weekly", now=NOW)
        return [stands[one] == "withdrawn" for one in readers]

    event.listen(engine, "begin", full)
    told = asyncio.run(left())
    assert set(told) <= {200, 503}
    assert 503 in told
    assert gone() == [code == 200 for code in told]

    event.remove(engine, "begin", full)
    with house.database.writing() as session:
        session.connection().exec_driver_sql("PRAGMA max_page_count = 1073741823")
    assert set(asyncio.run(left())) == {200}
    assert all(gone())
