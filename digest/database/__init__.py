"""The database: one engine, two kinds of session, the migrations, and one sender at a time.

    engines       a URL -> the engine, tamed for its dialect
    revisions     how old the tables are, and how they are brought to this program's age
    turns         who writes next to an SQLite file
    sharing       many who write at the same moment, committed together
    claims        one process at a task
    transactions  what was begun can still be committed, or whoever wrote is told

Dialect notes live here. SQLite: WAL with synchronous=FULL, foreign keys on, and every writing
session begins with BEGIN IMMEDIATE, or a reader that turns writer is refused at once however
long the busy timeout. Never here: a query about anything (the three books).
"""

import contextlib
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import TypeVar

from sqlalchemy import Connection, Engine, text
from sqlalchemy.exc import DBAPIError, OperationalError
from sqlmodel import Session

from digest.database import claims, engines, revisions
from digest.database.engines import first_line
from digest.database.sharing import Sharing
from digest.database.transactions import REMEDY, undone, watch
from digest.database.turns import Turns
from digest.errors import DatabaseBusy, DatabaseError, NoDatabaseYet

# Tries: over some eleven seconds, what a restarting server needs; of a file that others have
# locked each waits for its turn and for SQLite's lock, ten seconds each.
PERSIST = 8
T = TypeVar("T")


class Database:
    """Opens sessions. `reading()` never blocks a writer; `writing()` commits when it ends well."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self._sqlite = engine.dialect.name == "sqlite"
        # PostgreSQL would show each question another moment; SQLite's transactions have one.
        self._reader = (
            engine if self._sqlite else engine.execution_options(isolation_level="REPEATABLE READ")
        )
        self._turns = Turns(self.file if self._sqlite else None)
        self._sharing = Sharing(self.persist, _may_help)
        self._writer: Connection | None = None  # SQLite's, used in turn
        self._closed = False
        self._own = threading.local()  # of a thread: for how long it waits for others, if not long

    @contextlib.contextmanager
    def reading(self) -> Iterator[Session]:
        """A session that sees one moment of the database and writes nothing.

        Raises DatabaseError where it cannot be read.
        """
        try:
            with Session(self._reader) as session:
                yield session
        except DBAPIError as error:
            raise _failed("read", error) from error

    @contextlib.contextmanager
    def writing(self) -> Iterator[Session]:
        """A session whose changes are committed together, or not at all.

        SQLite has one writer: who comes first, of all threads and processes, writes first.
        Raises DatabaseError where it cannot be written, or where an error within was passed over
        and took the changes with it; DatabaseBusy where others are at it.
        """
        try:
            with self._writing() as session:
                yield session
        except DBAPIError as error:
            raise _failed("written", error) from error

    @contextlib.contextmanager
    def hurried(self, patience: float) -> Iterator[None]:
        """Within, this thread waits no longer than so many seconds for others that write.

        DatabaseBusy where they take longer, and then nothing was done. A server is waited for as
        ever.
        """
        self._own.patience = patience
        try:
            yield
        finally:
            self._own.patience = None

    @property
    def _patience(self) -> float | None:
        return getattr(self._own, "patience", None) if self._sqlite else None

    @contextlib.contextmanager
    def _turn(self) -> Iterator[None]:
        with contextlib.ExitStack() as stack:
            try:
                stack.enter_context(self._turns.taken(self._patience))
            except TimeoutError as error:
                raise _busy("the database could not be written: others are at it") from error
            yield

    @contextlib.contextmanager
    def _writing(self) -> Iterator[Session]:
        with (
            self._turn() if self._sqlite else contextlib.nullcontext(),
            self._connected() as connection,
            Session(connection, expire_on_commit=False) as session,
            session.begin(),
        ):
            yield session
            if not session.is_active:  # it would end without a commit, and without a word
                raise undone()

    @contextlib.contextmanager
    def _connected(self) -> Iterator[Connection]:
        """A connection to write through. On SQLite, where one writes at a time, it is kept: a send
        writes hundreds of times a second, and to fetch one takes a third of a transaction."""
        connection = self._writer or self.engine.connect().execution_options(writes=True)
        self._writer = None
        if connection.get_execution_options().get("patience") != self._patience:
            connection.execution_options(patience=self._patience)
        try:
            yield connection
        except BaseException:
            connection.close()
            raise
        if self._sqlite:
            self._writer = connection
            if self._closed:  # while it was in use
                self._drop_writer()
        else:
            connection.close()

    def persist(self, work: Callable[[Session, bool], T]) -> T:
        """Do `work` in a writing session; once more where the database says that this may help.

        `work` gets the session and whether it is not the first try: then what an earlier try did
        may have been committed although nobody said so. Raises DatabaseError where it is in vain.
        """
        most = PERSIST if self._patience is None else 1
        for tries in range(most):
            try:
                with self._writing() as session:
                    return work(session, tries > 0)
            except DBAPIError as error:
                if tries + 1 == most or not _may_help(error):
                    raise _failed("written", error) from error
            time.sleep(min(2.0, 0.05 * 4**tries))
        raise AssertionError  # pragma: no cover - the last try returns or raises

    def together(self, work: Callable[[Session], T]) -> T:
        """Like `persist`, but whoever waits at this moment is committed together with it.

        For what many readers do at once. `work` may be done again after a commit that nobody
        answered. It fails alone, unless the database undoes what all of them did: then all fail.
        Raises what it raises, and DatabaseError.
        """
        try:
            return self._sharing.together(work)
        except DBAPIError as error:
            raise _failed("written", error) from error

    @contextlib.contextmanager
    def sole_sender(self) -> Iterator[bool]:
        """Held while sending; tells whether this sender is the only one.

        SQLite has one: a second is refused with SenderAtWork. The lock goes with its process, so
        whoever gets it knows that no other is alive. On PostgreSQL several share the work.
        """
        if not self._sqlite:
            yield False
            return
        with claims.sole(self.engine):
            yield True

    @contextlib.contextmanager
    def alone(self, task: str) -> Iterator[bool]:
        """Whether no other process is at this task on this database; if so, none will be.

        Never waits. The claim goes with its process.
        """
        with (
            claims.by_file(self.engine, task)
            if self._sqlite
            else claims.advisory(self.engine, task) as mine
        ):
            yield mine

    def trouble(self) -> str:
        """What the database says is wrong with itself; "" where nothing is, or it does not look."""
        if not self._sqlite:
            return ""
        try:
            with self.engine.connect() as connection:
                told = str(connection.execute(text("PRAGMA quick_check(1)")).scalar())
        except DBAPIError as error:
            told = first_line(error)
        return "" if told == "ok" else " ".join(told.split())

    def unwritable(self) -> str:
        """Why nothing can be written into it; "" where something can, or others are at it."""
        try:
            with self.engine.connect().execution_options(writes=True) as connection:
                # Of no effect, and undone; the age of the tables is what all of them have.
                connection.execute(text("UPDATE alembic_version SET version_num = version_num"))
                connection.rollback()
        except DBAPIError as error:
            return "" if "locked" in str(error.orig) else first_line(error)
        return ""

    def clock(self) -> datetime | None:
        """The server's clock, aware and in UTC; None for SQLite, which has ours."""
        if self._sqlite:
            return None
        with self.engine.connect() as connection:
            told: datetime = connection.execute(text("SELECT clock_timestamp()")).scalar_one()
        return told.astimezone(UTC)

    def size(self) -> int:
        """Bytes on this machine's disk; 0 for a database on a server, whose disk is elsewhere."""
        return self.file.stat().st_size if self.file and self.file.is_file() else 0

    @property
    def file(self) -> Path | None:
        """Where an SQLite database lies; None for one on a server or in memory."""
        named = self.engine.url.database
        return Path(named) if self._sqlite and named and named != ":memory:" else None

    def close(self) -> None:
        """Give back every connection; one that is in use, when it is no longer."""
        self._closed = True
        self._drop_writer()
        self.engine.dispose()
        self._turns.close()

    def _drop_writer(self) -> None:
        writer, self._writer = self._writer, None
        if writer:
            writer.close()


def open_database(url: str, folder: Path) -> Database:
    """Open the database; relative SQLite paths start at `folder`. An empty one is set up.

    Raises DatabaseError where it cannot be reached, or its tables are older or newer than
    this program.
    """
    return _opened(url, folder, _fit)


def open_existing(url: str, folder: Path) -> Database:
    """The same, but an empty one stays empty: for who only looks.

    Raises NoDatabaseYet where there is none or it has no tables, and as `open_database`.
    """
    return _opened(url, folder, _fit_already)


def _opened(url: str, folder: Path, fit: Callable[[Database], None]) -> Database:
    database = open_unchecked(url, folder)
    try:
        fit(database)
    except OperationalError as error:
        database.close()
        raise DatabaseError(
            f"the database could not be opened: {first_line(error)}",
            remedy=_found_at(database.file),
        ) from error
    except DBAPIError as error:
        database.close()
        raise DatabaseError(
            f"the database is not usable: {first_line(error)}",
            remedy="restore it from a backup, or name another in [database] url",
        ) from error
    except DatabaseError:
        database.close()
        raise
    return database


def _fit(database: Database) -> None:
    with database.engine.connect() as connection:
        found = revisions.revision(connection)
    if found is None:
        migrate(database)
    elif found != revisions.newest():
        raise revisions.misfit(found)


def _found_at(file: Path | None) -> str:
    if file is None:
        return "check [database] url in digest.toml, and that the server runs"
    where = f"see that {file} ([database] url) is in a folder that is there"
    return f"{where}, and that this user may write both"


def _fit_already(database: Database) -> None:
    if database.file is None or database.file.exists() or not database.file.parent.is_dir():
        with database.engine.connect() as connection:
            if revisions.revision(connection):
                _fit(database)
                return
    raise NoDatabaseYet(
        f"there is no database yet: {database.file or 'it has no tables'}",
        remedy="`digest collect` or `digest run` sets one up; if there was one, correct "
        "[database] url in digest.toml, or restore it",
    )


def open_unchecked(url: str, folder: Path) -> Database:
    """Open without looking at the tables' age: for `digest migrate`."""
    engine = engines.made(url, folder)
    watch(engine)
    return Database(engine)


def migrate(database: Database) -> tuple[str | None, str]:
    """Bring the tables to this program's age; see `revisions.upgrade`."""
    return revisions.upgrade(database.engine)


def _may_help(error: DBAPIError) -> bool:
    # Lost connections, deadlocks and serialization failures (SQLSTATE class 40), a busy SQLite.
    state = str(getattr(error.orig, "sqlstate", "") or "")
    words = str(error.orig)
    lost = error.connection_invalidated and not isinstance(error.orig, sqlite3.Error)
    return (
        lost
        or state.startswith(("40", "57P", "08"))
        or "locked" in words
        or "connection failed" in words
        or "connection refused" in words.lower()
    )


def _failed(what: str, error: DBAPIError) -> DatabaseError:
    said = f"the database could not be {what}: {first_line(error)}"
    return _busy(said) if "locked" in str(error.orig) else DatabaseError(said, remedy=REMEDY)


def _busy(what: str) -> DatabaseBusy:
    return DatabaseBusy(
        what, remedy="wait until the others have ended, then run the same command again"
    )
