"""Killed, crashed, frozen, starved: nobody is lost, nobody is doubled in silence."""

import os
import random
import re
import signal
import sqlite3
import threading
import time
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from digest import publish
from digest.errors import DatabaseError
from digest.publish import House, open_house
from subscribers import roster
from tests.crowds import READERS, crowd, crowded, environ, finished, policy, wait_for
from tests.relay import ANYONE, ScriptedRelay
from tests.replies import DROP, LOSE, Drop, Hold
from tests.surviving import (
    CONNECTIONS,
    CRASHED,
    ONCE,
    POINTS,
    QUICK,
    doubtful,
    found,
    hold_to_the_law,
    started,
    told,
)
from tests.waiting import PATIENCE, until

__all__ = ["crowded", "environ", "policy"]

KILLS = int(os.environ.get("DIGEST_KILLS", "5"))


def test_killed_at_random_nobody_is_lost(
    house: House,
    folder: Path,
    environ: dict[str, str],
    relay: ScriptedRelay,
    clock: Callable[[], datetime],
    policy: str,
) -> None:
    """So many readers that the last of `KILLS` kills still finds work."""
    readers, resend = max(READERS, 20 * KILLS), policy == "resend"
    crowd(house, relay, clock, readers)
    chance = random.Random(7)  # noqa: S311 - which instant, not a secret
    before, most = 0, 0
    for kills in range(1, KILLS + 1):
        sender = started(folder, environ)
        wait_for(relay, len(relay.accepted) + chance.randrange(12), sender)
        time.sleep(chance.uniform(0, 0.03))  # any instant is right: none is waited for
        assert sender.killed() == -signal.SIGKILL
        at = found(house, relay)
        hold_to_the_law(at, readers, kills=kills, resend=resend)
        most, before = max(most, doubtful(at) - before), doubtful(at)
    assert most <= 2 * CONNECTIONS

    relay.replies.clear()  # it took its time so that each kill found work
    at = finished(house, relay)

    hold_to_the_law(at, readers, kills=KILLS, resend=resend)
    assert at.whole
    assert set(at.states.values()) <= {"sent", "unknown"}
    untaken = {reader for reader in at.states if not at.taken[reader]}
    unknown = {reader for reader, state in at.states.items() if state == "unknown"}
    assert untaken <= unknown
    assert {
        line.address for line in publish.readers(house, house.issue("weekly"), ("unknown",))
    } == unknown
    if resend:
        assert not untaken
    print(f"{KILLS} kills, {policy}, {house.database.engine.dialect.name}: {readers} readers;"
          f" {told(at)}, at most {most} of one kill")  # fmt: skip


def test_crashed_at_each_point_nobody_is_lost(
    crowded: House, folder: Path, environ: dict[str, str], relay: ScriptedRelay, policy: str
) -> None:
    resend = policy == "resend"
    for crashes, point in enumerate(POINTS, 1):
        nth = 1 if point in ONCE else 2
        assert started(folder, environ, point, nth).ended() == CRASHED, point
        hold_to_the_law(found(crowded, relay), READERS, kills=crashes, resend=resend)
    assert crowded.issue("weekly").state == "sending"

    at = finished(crowded, relay)

    hold_to_the_law(at, READERS, kills=len(POINTS), resend=resend)
    assert set(at.states.values()) <= ({"sent"} if resend else {"sent", "unknown"})
    assert crowded.issue("weekly").state == "sent"
    print(f"{len(POINTS)} crashes, {policy}, {crowded.database.engine.dialect.name}: {told(at)}")


def test_there_is_a_crash_for_each_point_that_the_code_names() -> None:
    rooms = (Path(publish.__file__).parent / "sending").glob("*.py")
    calls = re.findall(r"\b_?passing\((.+)\)", "".join(room.read_text("utf-8") for room in rooms))
    named = {name for call in calls for name in re.findall(r'"([^"]+)"', call)}

    assert named | {"while a message is made"} == set(POINTS)


@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
@pytest.mark.parametrize("policy", ["resend"], indirect=True)
def test_a_frozen_sender_wakes_up_to_find_its_work_given_away(
    crowded: House, folder: Path, environ: dict[str, str], relay: ScriptedRelay
) -> None:
    # It stops itself between two groups: with locks held it would not be presumed dead.
    zombie = started(folder, environ, "frozen after intents", 2)
    try:
        status = Path(f"/proc/{zombie.pid}/stat")
        until(lambda: status.read_text("ascii").rpartition(")")[2].split()[0] == "T", 60)
        time.sleep(QUICK.lease.total_seconds() + QUICK.grace.total_seconds() + 0.5)
        other = started(folder, environ).ended()
    finally:
        zombie.send_signal(signal.SIGCONT)
        code = zombie.ended()

    assert other == 0
    assert code == 1
    assert "presumed dead; others have its work" in zombie.said
    at = finished(crowded, relay)
    hold_to_the_law(at, READERS, kills=1, resend=True)
    assert set(at.states.values()) == {"sent"}
    assert len(at.taken) == READERS


@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
@pytest.mark.parametrize("policy", ["resend"], indirect=True)
def test_two_senders_share_the_work(
    crowded: House, folder: Path, environ: dict[str, str], relay: ScriptedRelay
) -> None:
    go = threading.Event()
    relay.replies[("dot", ANYONE)].extendleft([Hold(go)] * 8)
    both = [started(folder, environ), started(folder, environ)]
    try:
        until(lambda: relay.most == 8, 60)  # four connections each
    finally:
        go.set()
        codes = {process.ended() for process in both}

    assert codes <= {0, 75}

    at = finished(crowded, relay)
    assert set(at.states.values()) == {"sent"}
    assert set(at.taken.values()) == {1}


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
@pytest.mark.parametrize("policy", ["resend"], indirect=True)
def test_a_second_sender_on_the_same_file_is_refused(
    crowded: House, folder: Path, environ: dict[str, str], relay: ScriptedRelay
) -> None:
    with crowded.database.sole_sender():
        second = started(folder, environ)
        assert second.ended() == 75
    assert second.said == "another `digest send` is at work on this database"

    assert relay.connections == 0
    assert started(folder, environ).ended() == 0


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
@pytest.mark.parametrize("policy", ["resend"], indirect=True)
@pytest.mark.parametrize("taken", [0, 10], ids=["before the first", "in the middle"])
def test_a_ledger_that_is_busy_for_long_is_waited_for(
    crowded: House, relay: ScriptedRelay, taken: int
) -> None:
    assert crowded.database.file
    # By a program of another's, which knows nothing of turns.
    other = sqlite3.connect(crowded.database.file, isolation_level=None, check_same_thread=False)
    busy = threading.Event()

    def hold() -> None:
        until(lambda: len(relay.accepted) >= taken)
        other.execute("BEGIN IMMEDIATE")
        busy.set()
        time.sleep(1.5)
        other.rollback()

    with ThreadPoolExecutor() as pool:
        holding = pool.submit(hold)
        assert taken or busy.wait(PATIENCE)
        account = publish.send(crowded, clock=lambda: datetime.now(UTC), timing=QUICK)
        holding.result(PATIENCE)
    other.close()

    assert busy.is_set()
    assert account.counts == {"sent": READERS}


@pytest.mark.parametrize("policy", ["resend"], indirect=True)
@pytest.mark.parametrize("lost", [DROP, LOSE], ids=["taken", "not taken"])
def test_lost_replies_during_the_send_are_followed_once(
    crowded: House, relay: ScriptedRelay, lost: Drop
) -> None:
    relay.replies[("dot", ANYONE)].extendleft([lost] * 5)

    at = finished(crowded, relay)

    assert set(at.states.values()) == {"sent"}
    assert sum(at.resends.values()) == 5
    # Once more for each of them, whether the first had been taken or not.
    again = {reader for reader, count in at.resends.items() if count}
    assert set(at.taken) == set(at.states)
    assert {r for r, n in at.taken.items() if n == 2} == (again if lost is DROP else set())


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
@pytest.mark.parametrize("policy", ["resend"], indirect=True)
def test_a_torn_journal_opens_and_still_knows_everybody(
    crowded: House, folder: Path, environ: dict[str, str], relay: ScriptedRelay, tmp_path: Path
) -> None:
    process = started(folder, environ)
    wait_for(relay, 30, process)
    process.killed()
    whole = (folder / "digest.db-wal").read_bytes()
    chance = random.Random(11)  # noqa: S311 - where it is torn
    for turn in range(5):
        torn = tmp_path / f"torn{turn}"
        torn.mkdir()
        (torn / "digest.db").write_bytes((folder / "digest.db").read_bytes())
        (torn / "digest.db-wal").write_bytes(whole[: chance.randrange(len(whole))])
        with sqlite3.connect(torn / "digest.db") as connection:
            assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
            tables = connection.execute("SELECT name FROM sqlite_master").fetchall()
            rows = ("delivery",) in tables and connection.execute(
                "SELECT count(*), (SELECT recipients FROM sending) FROM delivery"
            ).fetchone()
        connection.close()
        # The freeze is one transaction: it has happened for all or for nobody.
        assert rows in (False, (0, None), (READERS, READERS))


def last_commit(journal: bytes) -> tuple[int, int]:
    """Where the last transaction begins and ends (sqlite.org/fileformat2.html, section 4)."""
    size, salts = int.from_bytes(journal[8:12], "big"), journal[16:24]
    ends, at = [32], 32
    while journal[at + 8 : at + 16] == salts:
        commits = any(journal[at + 4 : at + 8])
        at += 24 + size
        if commits:
            ends.append(at)
    return ends[-2], ends[-1]


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
@pytest.mark.parametrize("policy", ["resend", "hold"], indirect=True)
def test_where_the_power_fails_during_a_commit_the_bound_holds(
    crowded: House,
    folder: Path,
    environ: dict[str, str],
    relay: ScriptedRelay,
    tmp_path: Path,
    policy: str,
) -> None:
    """The commits before it were synced; what it was to allow had not begun."""
    assert started(folder, environ, "after outcomes", 6).ended() == CRASHED
    file, journal = (folder / name for name in ("digest.db", "digest.db-wal"))
    kept, whole, taken = file.read_bytes(), journal.read_bytes(), found(crowded, relay).taken
    begin, end = last_commit(whole)
    assert taken
    assert begin < end
    for cut in (begin, random.Random(7).randrange(begin + 1, end)):  # noqa: S311 - where it is torn
        torn, seen = tmp_path / f"torn{cut}.db", len(relay.accepted)
        torn.write_bytes(kept)
        torn.with_name(f"{torn.name}-wal").write_bytes(whole[:cut])
        with open_house(folder, {**environ, "DIGEST_DATABASE_URL": f"sqlite:///{torn}"}) as house:
            with house.database.reading() as session:
                checked = session.connection().exec_driver_sql("PRAGMA integrity_check").scalar()
            assert checked == "ok"
            at = finished(house, relay)
        more = Counter(one.recipient for one in relay.accepted[seen:])
        at = replace(at, taken=taken + more)
        assert len(at.states) == READERS
        assert set(at.states.values()) <= ({"sent"} if policy == "resend" else {"sent", "unknown"})
        hold_to_the_law(at, READERS, kills=1, resend=policy == "resend")


@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
@pytest.mark.parametrize("policy", ["resend"], indirect=True)
def test_a_server_that_cuts_its_connections_is_asked_again(
    crowded: House, folder: Path, environ: dict[str, str], relay: ScriptedRelay
) -> None:
    import psycopg

    process = started(folder, environ)
    address = environ["DIGEST_DATABASE_URL"].replace("+psycopg", "")
    for count in (10, 30, 50):
        wait_for(relay, count, process)
        with psycopg.connect(address, autocommit=True) as connection:
            connection.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                " WHERE datname = current_database() AND pid <> pg_backend_pid()"
            )
    assert process.ended() == 0

    at = found(crowded, relay)
    assert set(at.states.values()) == {"sent"}
    assert set(at.taken.values()) == {1}


@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
@pytest.mark.parametrize("policy", ["resend"], indirect=True)
@pytest.mark.parametrize(("code", "times"), [("40001", 3), ("40P01", 3), ("53100", 1)])
def test_what_another_try_may_help_is_tried_again(house: House, code: str, times: int) -> None:
    from sqlalchemy import text

    tries = []

    def work(session: roster.Session, again: bool) -> str:
        tries.append(again)
        if len(tries) < 3:
            session.connection().execute(
                text(f"DO $$ BEGIN RAISE EXCEPTION 'no' USING ERRCODE = '{code}'; END $$")
            )
        return "done"

    if times > 1:
        assert house.database.persist(work) == "done"
    else:
        with pytest.raises(DatabaseError, match="could not be written"):
            house.database.persist(work)
    assert tries == [False, True, True][:times]
