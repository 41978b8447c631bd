"""Killed, crashed, frozen, starved: nobody is lost, nobody is doubled in silence."""

import os
import random
import resource
import signal
import sqlite3
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from digest import publish
from digest.errors import DatabaseError
from digest.publish import House, open_house
from subscribers import roster
from subscribers.preferences import EVERYTHING
from tests.relay import ANYONE, DROP, Hold, ScriptedRelay, Wait
from tests.surviving import CRASHED, POINTS, QUICK, Found, found, hold_to_the_law, started
from tests.test_sending import in_minutes, join, prepared, until

READERS = 100
LONG = "DIGEST_KILLS" in os.environ
KILLS = int(os.environ.get("DIGEST_KILLS", "3"))
SLOW = Wait(0.02)


@pytest.fixture
def relay() -> Iterator[ScriptedRelay]:
    with ScriptedRelay() as opened:
        yield opened


@pytest.fixture(params=["resend", "hold"] if LONG else ["by engine"])
def policy(request: pytest.FixtureRequest, database_url: str) -> str:
    """Both on both engines takes long: in the short form SQLite sends again, PostgreSQL holds."""
    if request.param == "by engine":
        return "resend" if database_url.startswith("sqlite") else "hold"
    return str(request.param)


@pytest.fixture
def environ(environ: dict[str, str], relay: ScriptedRelay, policy: str) -> dict[str, str]:
    return {
        **environ,
        "DIGEST_RELAY_PORT": str(relay.port),
        "DIGEST_RELAY_SECURITY": "none",
        "DIGEST_RELAY_ON_AMBIGUOUS": policy,
    }


@pytest.fixture
def crowded(house: House, relay: ScriptedRelay, clock: Callable[[], datetime]) -> House:
    return crowd(house, relay, clock)


def crowd(house: House, relay: ScriptedRelay, clock: Callable[[], datetime]) -> House:
    """An approved issue for many readers, and a relay that takes its time."""
    relay.will("dot", ANYONE, SLOW, times=10_000)
    join(house, {f"r{number}@readers.example": EVERYTHING for number in range(READERS)})
    prepared(house, clock)
    publish.approve(house, "weekly", 1, by="the editor", now=clock())
    return house


def finished(house: House, relay: ScriptedRelay) -> Found:
    """Send what is left, also what is only due later, as the next runs would."""
    for minutes in (0, 10, 20):
        publish.send(house, clock=in_minutes(minutes), timing=QUICK)
    return found(house, relay)


def wait_for(relay: ScriptedRelay, count: int, process: "subprocess.Popen[bytes]") -> None:
    """Until the relay has taken so many, or the sender has ended by itself."""
    until(lambda: len(relay.accepted) >= count or process.poll() is not None, 60)


def ended(process: "subprocess.Popen[bytes]", timeout: float = 60) -> int:
    with process:
        try:
            return process.wait(timeout=timeout)
        finally:
            process.kill()


def test_killed_at_random_nobody_is_lost(
    crowded: House, folder: Path, environ: dict[str, str], relay: ScriptedRelay, policy: str
) -> None:
    chance = random.Random(7)  # noqa: S311 - which instant, not a secret
    killed = 0
    while killed < KILLS and set(found(crowded, relay).states.values()) != {"sent"}:
        before = len(relay.accepted)
        enough = before + chance.randrange(1, 30)
        process = started(folder, environ)
        wait_for(relay, enough, process)
        over = process.poll() is not None
        process.kill()
        ended(process)
        if over:
            break
        killed += 1
        hold_to_the_law(found(crowded, relay), READERS, kills=killed, resend=policy == "resend")
    assert killed >= 2

    at = finished(crowded, relay)

    hold_to_the_law(at, READERS, kills=killed, resend=policy == "resend")
    if policy == "resend":
        assert set(at.states.values()) <= {"sent", "unknown"}
        assert len(at.taken) == READERS
    else:
        untaken = {reader for reader in at.states if not at.taken[reader]}
        assert untaken <= {r for r, state in at.states.items() if state == "unknown"}


def test_crashed_at_each_point_nobody_is_lost(
    crowded: House, folder: Path, environ: dict[str, str], relay: ScriptedRelay, policy: str
) -> None:
    crashes = 0
    for point in POINTS:
        nth = 1 if point in ("after a claim", "before the rest is given back") else 2
        code = ended(started(folder, environ, point, nth))
        assert code == CRASHED or point == "before the rest is given back", point
        crashes += 1
        hold_to_the_law(found(crowded, relay), READERS, kills=crashes, resend=policy == "resend")

    at = finished(crowded, relay)

    hold_to_the_law(at, READERS, kills=crashes, resend=policy == "resend")
    assert set(at.states.values()) <= ({"sent"} if policy == "resend" else {"sent", "unknown"})


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
        other = ended(started(folder, environ))
    finally:
        zombie.send_signal(signal.SIGCONT)
        code = ended(zombie)

    assert other == 0
    assert code == 1
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
        codes = {ended(process) for process in both}

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
        assert ended(second) == 75

    assert relay.connections == 0
    assert ended(started(folder, environ)) == 0


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

    assert ended(process, timeout=30) == 75

    at = found(crowded, relay)
    assert set(at.states.values()) == {"sent", "pending"}
    assert {r for r, state in at.states.items() if state == "sent"} == set(at.taken)
    assert not any(at.resends.values())


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
    crowd(house, relay, clock)
    process = started(folder, environ)
    until(lambda: len(relay.accepted) >= 6)
    process.send_signal(signal.SIGTERM)
    # It has heard the first when it takes no more; the second must not come in the same breath.
    time.sleep(0.5)
    process.send_signal(signal.SIGTERM)

    assert ended(process, timeout=20) == 75

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
            assert ended(process) in (0, 75)
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
    ended(process)

    account = publish.send(crowded, clock=lambda: datetime.now(UTC))

    assert account.record.state == "cancelled"
    assert set(account.counts) == {"sent", "skipped"}
    assert account.total == READERS
    assert len(relay.accepted) <= when + 2 * 4
    assert account.counts["sent"] == len(relay.accepted)


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
@pytest.mark.parametrize("policy", ["resend"], indirect=True)
def test_a_full_disk_stops_the_sender_and_loses_nobody(
    crowded: House, folder: Path, environ: dict[str, str], relay: ScriptedRelay
) -> None:
    most = (folder / "digest.db-wal").stat().st_size + 150_000
    sender = started(folder, environ)
    resource.prlimit(sender.pid, resource.RLIMIT_FSIZE, (most, most))
    assert ended(sender) != 0

    at = found(crowded, relay)
    hold_to_the_law(at, READERS, kills=1, resend=True)
    final = finished(crowded, relay)
    assert set(final.states.values()) == {"sent"}
    hold_to_the_law(final, READERS, kills=2, resend=True)


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
@pytest.mark.parametrize("policy", ["resend"], indirect=True)
def test_a_ledger_that_is_busy_for_long_is_waited_for(crowded: House, relay: ScriptedRelay) -> None:
    busy, go = threading.Event(), threading.Event()

    def hold() -> None:
        with (
            open_house(crowded.settings.folder, _environ(crowded)) as other,
            other.database.writing(),
        ):
            busy.set()
            go.wait(10)

    thread = threading.Thread(target=hold)
    thread.start()
    busy.wait(10)
    threading.Timer(1.5, go.set).start()
    account = publish.send(crowded, clock=lambda: datetime.now(UTC), timing=QUICK)
    thread.join()

    assert account.counts == {"sent": READERS}


def _environ(house: House) -> dict[str, str]:
    return {
        "DIGEST_WEB_SECRET": house.settings.web.secret.get_secret_value(),
        "DIGEST_DATABASE_URL": house.settings.database.url,
    }


@pytest.mark.parametrize("policy", ["resend"], indirect=True)
def test_lost_replies_during_the_send_are_followed_once(
    crowded: House, relay: ScriptedRelay
) -> None:
    relay.replies[("dot", ANYONE)].extendleft([DROP] * 5)

    at = finished(crowded, relay)

    assert set(at.states.values()) == {"sent"}
    assert sum(at.resends.values()) == 5
    assert {r for r, n in at.taken.items() if n == 2} == {r for r, n in at.resends.items() if n}


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
@pytest.mark.parametrize("policy", ["resend"], indirect=True)
def test_a_torn_journal_opens_and_still_knows_everybody(
    crowded: House, folder: Path, environ: dict[str, str], relay: ScriptedRelay, tmp_path: Path
) -> None:
    process = started(folder, environ)
    wait_for(relay, 30, process)
    process.kill()
    ended(process)
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
    assert ended(process) == 0

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
