"""Who writes next, and who is committed with whom."""

import contextlib
import fcntl
import os
import socket
import sqlite3
import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path

import pytest
from sqlmodel import Session

from digest.database import Database, open_database
from digest.database.turns import Turns
from digest.errors import DatabaseBusy, SenderAtWork
from subscribers import roster
from tests.waiting import PATIENCE, until

NOW = datetime(2026, 3, 30, 7, tzinfo=UTC)
KEYS = (b"the key",)
OPTIONS = (
    socket.TCP_KEEPIDLE, socket.TCP_KEEPINTVL, socket.TCP_KEEPCNT, socket.TCP_USER_TIMEOUT,
)  # fmt: skip


def test_who_comes_by_a_link_is_at_the_same_database(tmp_path: Path) -> None:
    for name in ("it", "link"):
        (tmp_path / name).mkdir()
    (tmp_path / "link" / "digest.db").symlink_to(tmp_path / "it" / "digest.db")
    one, other = (open_database("sqlite:///digest.db", tmp_path / name) for name in ("it", "link"))
    try:
        with one.sole_sender(), pytest.raises(SenderAtWork), other.sole_sender():
            pass
        with one.writing(), pytest.raises(DatabaseBusy), other.hurried(0.01), other.writing():
            pass
        files = sorted(file.name for file in (tmp_path / "link").iterdir())
        assert files == ["digest.db"]
    finally:
        one.close()
        other.close()


def test_threads_write_in_the_order_in_which_they_came() -> None:
    turns, order = Turns(None), list[int]()

    def write(number: int) -> None:
        with turns.taken():
            order.append(number)

    with ThreadPoolExecutor() as pool, turns.taken():
        for number in range(5):
            pool.submit(write, number)
            until(lambda: len(turns) == number + 2)  # noqa: B023 - asked at once
        assert order == []
    assert order == [0, 1, 2, 3, 4]


def test_who_wrote_just_now_does_not_pass_another_process_that_waits(tmp_path: Path) -> None:
    mine, other, order = Turns(tmp_path / "x.db"), Turns(tmp_path / "x.db"), list[str]()

    def write() -> None:
        with other.taken():
            order.append("other")

    with ThreadPoolExecutor() as pool:
        with mine.taken():
            pool.submit(write)
            until(lambda: is_locked(tmp_path / "x.db.next"))
        with mine.taken():
            order.append("mine")
    mine.close()
    other.close()
    assert order == ["other", "mine"]


def test_a_process_that_stands_still_stops_no_other(tmp_path: Path) -> None:
    still, turns = Turns(tmp_path / "x.db"), Turns(tmp_path / "x.db", patience=0.01)
    with still.taken(), turns.taken():
        assert is_locked(tmp_path / "x.db.turn")
    with turns.taken():
        assert is_locked(tmp_path / "x.db.turn")
    for one in (still, turns):
        one.close()


def test_where_no_files_can_be_the_threads_are_in_line(tmp_path: Path) -> None:
    turns = Turns(tmp_path / "nowhere" / "x.db")
    with turns.taken():
        assert len(turns) == 1
    assert len(turns) == 0


def test_who_writes_already_is_told_instead_of_waiting_for_ever() -> None:
    turns = Turns(None)
    with turns.taken(), pytest.raises(RuntimeError, match="already"), turns.taken():
        pass
    with turns.taken():
        assert len(turns) == 1


def test_who_is_in_a_hurry_goes_away_and_the_line_closes_behind_them(tmp_path: Path) -> None:
    turns, order = Turns(tmp_path / "x.db"), list[str]()

    def hurry() -> None:
        with pytest.raises(TimeoutError), turns.taken(0.01):
            order.append("in a hurry")

    def wait() -> None:
        with turns.taken():
            order.append("waits")

    with ThreadPoolExecutor() as pool:
        with turns.taken():
            hurried = pool.submit(hurry)
            until(lambda: len(turns) == 2 or hurried.done())
            waiting = pool.submit(wait)
            hurried.result(PATIENCE)
        waiting.result(PATIENCE)
    turns.close()
    assert order == ["waits"]
    assert len(turns) == 0


@pytest.mark.parametrize("by", ["another process's turn", "a lock on the file"])
def test_a_hurried_write_finds_others_at_it_and_has_done_nothing(tmp_path: Path, by: str) -> None:
    path = tmp_path / "digest.db"
    tried: list[bool] = []

    def work(session: Session, again: bool) -> int:
        number = roster.add(session, "ann@x.example", "weekly", how="x", now=NOW, keys=KEYS)
        tried.append(again)
        return number

    mine, other = (open_database(f"sqlite:///{path}", tmp_path) for _ in range(2))
    try:
        with contextlib.ExitStack() as held:
            if by == "a lock on the file":
                connection = sqlite3.connect(path, isolation_level=None)
                held.callback(connection.close)
                connection.execute("BEGIN IMMEDIATE")
            else:
                held.enter_context(other.writing())
            with pytest.raises(DatabaseBusy) as busy, mine.hurried(0.01):
                mine.persist(work)
        assert "the others have ended" in busy.value.remedy
        assert tried == []
        with mine.hurried(0.01):
            assert mine.persist(work) == 1
        assert tried == [False]
    finally:
        mine.close()
        other.close()


def test_who_is_not_in_a_hurry_any_more_waits_again(tmp_path: Path) -> None:
    def patience(session: Session, _again: bool = False) -> int:
        return int(session.connection().exec_driver_sql("PRAGMA busy_timeout").scalar_one())

    database = open_database("sqlite:///digest.db", tmp_path)
    try:
        with database.hurried(0.02):
            assert database.persist(patience) == 20
            with ThreadPoolExecutor() as pool:  # it is of this thread alone
                assert pool.submit(database.persist, patience).result(PATIENCE) == 10_000
            assert database.persist(patience) == 20
        assert database.persist(patience) == 10_000
        with database.reading() as session:
            assert patience(session) == 10_000
    finally:
        database.close()


def test_who_reads_sees_one_moment(database: Database) -> None:
    def join(name: str) -> None:
        with database.writing() as session:
            roster.add(session, f"{name}@x.example", "weekly", how="x", now=NOW, keys=KEYS)

    join("ann")
    with database.reading() as session:
        before = roster.newest(session)
        join("ben")
        assert roster.newest(session) == before
    with database.reading() as session:
        assert roster.newest(session) > before


def test_what_is_written_together_fails_alone(database: Database) -> None:
    def joining(name: str) -> int:
        def join(session: Session) -> int:
            number = roster.add(
                session, f"{name}@x.org", "weekly", how="operator", now=NOW, keys=KEYS
            )
            if name == "bob":
                raise ValueError(name)
            return number

        return database.together(join)

    with ThreadPoolExecutor() as pool, database.writing():
        done = [pool.submit(joining, name) for name in ("ann", "bob", "eve")]
        until(lambda: all(one.running() or one.done() for one in done))
    with pytest.raises(ValueError, match="bob"):
        done[1].result()
    with database.reading() as session:
        found = {one.address: one.subscriber for one in roster.recipients(session, "weekly")}
    assert found == {"ann@x.org": done[0].result(), "eve@x.org": done[2].result()}


def test_closed_while_a_thread_writes_it_keeps_no_connection(tmp_path: Path) -> None:
    database = open_database("sqlite:///x.db", tmp_path)
    go, writing = threading.Event(), threading.Event()

    def write() -> None:
        with database.writing() as session:
            roster.add(session, "ann@x.org", "weekly", how="test", now=NOW, keys=KEYS)
            writing.set()
            assert go.wait(PATIENCE)

    with ThreadPoolExecutor() as pool:
        written = pool.submit(write)
        assert writing.wait(PATIENCE)
        database.close()
        go.set()
        written.result()

    assert database._writer is None
    database.engine.dispose()
    again = open_database("sqlite:///x.db", tmp_path)
    with again.reading() as session:
        assert len(roster.recipients(session, "weekly")) == 1
    again.close()


@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
def test_postgresql_syncs_and_a_server_that_vanished_is_noticed(
    database: Database,
) -> None:
    with database.engine.connect() as connection:
        driver = connection.connection.driver_connection
        assert driver is not None
        with socket.socket(fileno=os.dup(driver.fileno())) as wire:
            told = [wire.getsockopt(socket.IPPROTO_TCP, option) for option in OPTIONS]
            assert wire.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE) == 1
        names = ("idle_in_transaction_session_timeout", "synchronous_commit")
        shown = [connection.exec_driver_sql(f"SHOW {name}").scalar() for name in names]
    idle, interval, count, unacknowledged = told
    assert 0 < idle + interval * count < 60
    assert 0 < unacknowledged < 60_000
    assert shown == ["1min", "on"]


@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
def test_what_the_operator_wrote_into_the_url_is_kept(database_url: str, tmp_path: Path) -> None:
    theirs = "keepalives_idle=33&tcp_user_timeout=7000&options=-c%20statement_timeout%3D9s"
    database = open_database(f"{database_url}?{theirs}", tmp_path)
    with database.engine.connect() as connection:
        driver = connection.connection.driver_connection
        assert driver is not None
        with socket.socket(fileno=os.dup(driver.fileno())) as wire:
            told = [wire.getsockopt(socket.IPPROTO_TCP, option) for option in OPTIONS]
        timeouts = ("statement_timeout", "idle_in_transaction_session_timeout")
        shown = [connection.exec_driver_sql(f"SHOW {name}").scalar() for name in timeouts]
    database.close()
    assert (told[0], told[3]) == (33, 7000)
    assert shown == ["9s", "1min"]


def is_locked(path: Path) -> bool:
    if not path.exists():
        return False
    file = os.open(path, os.O_RDONLY)
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    else:
        return False
    finally:
        os.close(file)
