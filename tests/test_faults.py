"""Disk, database and clock fail: the sender stops in one sentence, and nobody is lost by it.

Rows of the fault matrix in docs/delivery.md that concern the machine rather than the relay.
"""

import contextlib
import itertools
import re
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import Connection, event, text

from digest import publish
from digest.database import open_database
from digest.errors import DatabaseError
from digest.publish import House, open_house
from subscribers import roster
from tests import surviving
from tests.conftest import NOW, restart_postgresql
from tests.crowds import LONG, READERS, crowd, finished, wait_for
from tests.relay import ScriptedRelay
from tests.running import copied
from tests.sending import ANN, approved, later, mailed
from tests.surviving import CONNECTIONS, QUICK, found, hold_to_the_law, started
from tests.waiting import PATIENCE

Clock = Callable[[], datetime]
CAP_SYS_ADMIN = 21  # capabilities(7): may mount
CAPABILITIES = re.search(r"CapEff:\s*(\w+)", Path("/proc/self/status").read_text("ascii"))
MAY_MOUNT = bool(CAPABILITIES and int(CAPABILITIES[1], 16) >> CAP_SYS_ADMIN & 1)
SMALL = 12 << 20  # bytes of the file system that is filled up
sqlite_only = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
postgresql_only = pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)


@pytest.fixture
def crowded(house: House, relay: ScriptedRelay, clock: Clock) -> House:
    return crowd(house, relay, clock, READERS)


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A folder on a file system of its own, where one may be mounted; else a common one."""
    folder = tmp_path / "small"
    folder.mkdir()
    if MAY_MOUNT:
        mount = ["mount", "-t", "tmpfs", "-o", f"size={SMALL}", "none", str(folder)]
        subprocess.run(mount, check=True)
    try:
        yield folder
    finally:
        if MAY_MOUNT:
            subprocess.run(["umount", "--lazy", str(folder)], check=True)


def fill(folder: Path, sender: surviving.Sender) -> Path:
    """Leave no room on this disk; where it is everybody's, for this sender alone."""
    filler = folder / "filler"
    if not MAY_MOUNT:
        surviving.limit_files(sender, (folder / "digest.db-wal").stat().st_size)
        return filler
    with filler.open("wb", buffering=0) as file, contextlib.suppress(OSError):
        while True:
            file.write(bytes(4096))
    return filler


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_a_full_disk_stops_the_sender_and_loses_nobody(
    small_disk: Path,
    folder: Path,
    environ: dict[str, str],
    relay: ScriptedRelay,
    clock: Clock,
) -> None:
    environ["DIGEST_DATABASE_URL"] = f"sqlite:///{small_disk / 'digest.db'}"
    with open_house(folder, environ) as house:
        crowd(house, relay, clock, READERS)
        sender = started(folder, environ)
        wait_for(relay, 5, sender)
        filler = fill(small_disk, sender)
        assert sender.ended() == 1
        assert "the database could not be written" in sender.said
        assert ("full" if MAY_MOUNT else "I/O error") in sender.said
        # Even while nothing can be written, a person can see where it stands.
        hold_to_the_law(found(house, relay), READERS, kills=1, resend=True)

        filler.unlink(missing_ok=True)
        at = finished(house, relay)

    assert set(at.states.values()) == {"sent"}
    hold_to_the_law(at, READERS, kills=1, resend=True)


@sqlite_only
def test_a_disk_that_fails_stops_the_sender_and_loses_nobody(
    crowded: House, folder: Path, environ: dict[str, str], relay: ScriptedRelay
) -> None:
    """Every write beyond a limit is an error; for SQLite that is an I/O error (SQLITE_IOERR)."""
    sender = started(folder, environ)
    wait_for(relay, 5, sender)
    surviving.limit_files(sender, (folder / "digest.db-wal").stat().st_size)
    assert sender.ended() == 1
    assert "the database could not be written: disk I/O error" in sender.said

    hold_to_the_law(found(crowded, relay), READERS, kills=1, resend=True)
    at = finished(crowded, relay)
    assert set(at.states.values()) == {"sent"}
    hold_to_the_law(at, READERS, kills=1, resend=True)


@sqlite_only
def test_what_may_only_be_read_mails_nobody_and_says_so(
    crowded: House, folder: Path, environ: dict[str, str], relay: ScriptedRelay
) -> None:
    files = [path for path in folder.iterdir() if path.name.startswith("digest.db")]
    for path in files:
        path.chmod(0o444)
    sender = started(folder, environ, powers=False)
    assert sender.ended() == 1
    assert "the database could not be" in sender.said
    assert "readonly" in sender.said
    assert relay.connections == 0

    for path in files:
        path.chmod(0o644)
    assert set(finished(crowded, relay).taken.values()) == {1}


@postgresql_only
def test_a_server_that_is_started_anew_is_waited_for(
    crowded: House, folder: Path, environ: dict[str, str], relay: ScriptedRelay, postgresql: str
) -> None:
    sender = started(folder, environ)
    wait_for(relay, 20, sender)
    assert sender.poll() is None
    restart_postgresql(postgresql)

    assert sender.ended() == 0
    crowded.database.engine.dispose()
    at = found(crowded, relay)
    assert set(at.states.values()) == {"sent"}
    assert set(at.taken.values()) == {1}


def test_a_copy_that_lost_commits_doubles_no_more_than_these(
    folder: Path, environ: dict[str, str], relay: ScriptedRelay, clock: Clock, database_url: str
) -> None:
    """A failover to a replica that was behind, or yesterday's backup put in place of today's."""
    with open_house(folder, environ) as house:
        crowd(house, relay, clock, READERS)
    sender = started(folder, environ)
    wait_for(relay, 20, sender)
    sender.killed()
    with open_house(folder, environ):
        pass  # SQLite's journal goes into the file: a copy of that alone is whole
    copy, before = copied(database_url), mailed(relay)
    sender = started(folder, environ)
    wait_for(relay, len(relay.accepted) + 20, sender)
    sender.killed()
    lost = sum((mailed(relay) - before).values())

    with open_house(folder, {**environ, "DIGEST_DATABASE_URL": copy}) as house:
        at = finished(house, relay)

    assert set(at.states.values()) == {"sent"}
    assert len(at.taken) == READERS
    assert 20 <= lost < READERS
    assert at.taken.total() - READERS <= lost + 2 * CONNECTIONS


class Wire:
    """A way to a server that can be cut: from then on nothing passes, and nobody is told."""

    def __init__(self, port: int) -> None:
        self._to, self._whole = port, threading.Event()
        self._whole.set()
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listening.getsockname()[1]
        threading.Thread(target=self._listen, daemon=True).start()

    def cut(self) -> None:
        """Hold back every byte from now on."""
        self._whole.clear()

    def mend(self) -> None:
        """Let everything pass again."""
        self._whole.set()

    def close(self) -> None:
        """Nobody new is let in."""
        self.mend()
        self._listening.close()

    def _listen(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                near, _ = self._listening.accept()
                far = socket.create_connection(("127.0.0.1", self._to))
                for one, other in ((near, far), (far, near)):
                    threading.Thread(target=self._pass, args=(one, other), daemon=True).start()

    def _pass(self, one: socket.socket, other: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while data := one.recv(65_536):
                self._whole.wait(PATIENCE)
                other.sendall(data)
        # A socket that is only closed tells its peer nothing while another thread reads from it.
        for end in (one, other):
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
        other.close()


@postgresql_only
def test_a_sender_that_is_cut_from_the_database_doubles_nobody_in_silence(
    crowded: House, folder: Path, environ: dict[str, str], relay: ScriptedRelay
) -> None:
    server = re.search(r":(\d+)/", environ["DIGEST_DATABASE_URL"])
    assert server
    wire = Wire(int(server[1]))
    far = environ["DIGEST_DATABASE_URL"].replace(server[0], f":{wire.port}/")
    try:
        lonely = started(folder, {**environ, "DIGEST_DATABASE_URL": far})
        wait_for(relay, 10, lonely)
        assert lonely.poll() is None
        wire.cut()
        time.sleep(QUICK.lease.total_seconds() + QUICK.grace.total_seconds() + 0.5)
        other = started(folder, environ).ended()
        wire.mend()
        code = lonely.ended()
    finally:
        wire.close()

    # Cut in the middle of a group, it holds its row, and what it has is still its own; else it
    # was presumed dead, and finds that out.
    assert other in (0, 75)
    assert code == 0 or "presumed dead; others have its work" in lonely.said
    at = finished(crowded, relay)
    hold_to_the_law(at, READERS, kills=1, resend=True)
    assert set(at.states.values()) == {"sent"}


@sqlite_only
def test_a_clock_that_jumps_loses_nobody_and_doubles_nobody(
    house: House, relay: ScriptedRelay, clock: Clock
) -> None:
    approved(house, clock)
    relay.will("rcpt", ANN, "450 4.2.1 later")
    jumps = itertools.cycle([timedelta(), timedelta(hours=-1), timedelta(hours=1)])
    for minutes in (0, 2, 70, 140):
        publish.send(house, clock=lambda: later(minutes)() + next(jumps))  # noqa: B023

    assert publish.account(house, house.issue("weekly")).counts == {"sent": 4, "skipped": 1}
    assert set(mailed(relay).values()) == {1}
    assert len(mailed(relay)) == 4


class Broken(Exception):
    """What no room of ours raises."""


@sqlite_only
@pytest.mark.parametrize("point", ["inside a group", "before a group is committed"])
def test_what_came_back_counts_also_where_the_sender_breaks_down(
    house: House, relay: ScriptedRelay, clock: Clock, point: str
) -> None:
    """It is written down at the end, and what follows from it follows: for the reader who is
    nobody, and for the brake.
    """
    record = approved(house, clock)
    relay.will("rcpt", ANN, "550 5.1.1 no such user")

    def breaks(name: str) -> None:
        if name == point and any(f"RCPT TO:<{ANN}>" in command for command in relay.heard):
            raise Broken

    with pytest.raises(Broken):
        publish.send(house, clock=clock, passing=breaks)

    with house.database.reading() as session:
        assert roster.find(session, ANN).suppression == "bounce"
        settled = text("SELECT refused FROM sending")
        assert session.connection().execute(settled).scalar() == 1
    counts = publish.account(house, record).counts
    assert "inflight" not in counts
    assert counts["refused"] == 1
    account = publish.send(house, clock=clock)
    assert account.counts == {"sent": 3, "refused": 1, "skipped": 1}
    assert set(mailed(relay).values()) == {1}


@sqlite_only
def test_a_send_that_cannot_begin_says_why(
    house: House, relay: ScriptedRelay, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The disk fills up between the list and the sender's own row: no word of others."""
    record = approved(house, clock)
    engine = house.database.engine

    def full(connection: Connection) -> None:
        pages = connection.exec_driver_sql("PRAGMA page_count").scalar_one()
        connection.exec_driver_sql(f"PRAGMA max_page_count = {pages}")
        name = "x" * 300_000
        monkeypatch.setattr("digest.publish.sending.shift.myself", lambda: name)

    def fill(point: str) -> None:
        if point == "after the list is written":
            event.listen(engine, "begin", full)

    with pytest.raises(DatabaseError, match=r"could not be written.*full") as caught:
        publish.send(house, clock=clock, passing=fill)

    assert "make room" in caught.value.remedy
    assert relay.connections == 0
    event.remove(engine, "begin", full)
    with house.database.writing() as session:
        session.connection().exec_driver_sql("PRAGMA max_page_count = 1073741823")
    monkeypatch.undo()
    assert publish.send(house, clock=clock).counts == {"sent": 4, "skipped": 1}
    assert publish.account(house, record).open == 0


UPGRADE = """
import os, sys
from pathlib import Path
from sqlalchemy import Connection, event, text
from sqlalchemy.engine import Engine
from digest import database
url, folder, step, statement = sys.argv[1], Path(sys.argv[2]), int(sys.argv[3]), 0
while True:
    statement += step
    child = os.fork()
    if not child:
        opened, count = database.open_unchecked(url, folder), 0
        @event.listens_for(opened.engine, "after_cursor_execute")
        def executed(*_):
            global count
            count += 1
            if count == statement:
                os._exit(137)
        database.migrate(opened)
        os._exit(0)
    _, status = os.waitpid(child, 0)
    code = os.waitstatus_to_exitcode(status)
    if code == 0:
        break
    assert code == 137, code
    opened = database.open_unchecked(url, folder)
    with opened.engine.connect() as connection:
        print(database.revisions.revision(connection), flush=True)
    opened.close()
"""


def test_a_migration_that_is_killed_has_not_happened(
    bare_database_url: str, tmp_path: Path
) -> None:
    done = subprocess.run(
        [sys.executable, "-c", UPGRADE, bare_database_url, str(tmp_path), "1" if LONG else "9"],
        capture_output=True, text=True, timeout=300, check=False,
    )  # fmt: skip

    assert done.returncode == 0, done.stderr
    after_each = done.stdout.split()
    assert len(after_each) > (60 if LONG else 6)
    assert set(after_each) == {"None"}
    open_database(bare_database_url, tmp_path).close()


def test_guids_that_change_or_stand_twice_repeat_no_story(house: House, folder: Path) -> None:
    publish.collect(house, now=NOW)
    known = {article.url for article in house.articles(1000)}
    feed = folder / "saved" / "world.rss"
    text = feed.read_text("utf-8")
    items = re.search(r"(?s)<item>.*</item>", text)
    assert items
    renamed = re.sub(r"(<guid[^>]*>)", r"\1another-", items[0])
    feed.write_text(text.replace(items[0], items[0] + renamed), "utf-8")
    publish.collect(house, now=NOW + timedelta(hours=1))

    assert len(house.articles(1000)) == len(known)
    issue = publish.prepare(house, "weekly", now=NOW + timedelta(hours=1)).record.issue
    told = [story.article.url for story in issue.stories]
    assert sorted(told) == sorted(set(told))
