"""The database: one engine, two kinds of session, the migrations, and one sender at a time.

Dialect notes live here. SQLite: WAL with synchronous=FULL, foreign keys on, and every writing
session begins with BEGIN IMMEDIATE, or a reader that turns writer is refused at once however
long the busy timeout. Never here: a query about anything (the three books).
"""

import contextlib
import threading
import time
import zlib
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeVar

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, Engine, create_engine, event, text
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError, DBAPIError, OperationalError, SQLAlchemyError
from sqlmodel import Session, SQLModel

from digest import archive, ledger
from digest.errors import DatabaseError, SenderAtWork
from subscribers import roster

# Imported for what they declare: each book adds its tables to the one metadata.
BOOKS = (archive, ledger, roster)
TABLES = SQLModel.metadata
# A process that stands still in the middle of a transaction holds its locks no longer than this.
IDLE = "-c idle_in_transaction_session_timeout=60s"
_CLAIMS = 0x0D16E57  # where the numbers of our advisory locks on PostgreSQL begin
PERSIST = 8  # tries, over some eleven seconds: what a restarting server needs
T = TypeVar("T")


class Database:
    """Opens sessions. `reading()` never blocks a writer; `writing()` commits when it ends well."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self._sqlite = engine.dialect.name == "sqlite"
        # SQLite has one writer; threads of this process queue here instead of in its busy loop.
        self._turn: contextlib.AbstractContextManager[Any] = (
            threading.RLock() if self._sqlite else contextlib.nullcontext()
        )

    @contextlib.contextmanager
    def reading(self) -> Iterator[Session]:
        """A session that sees one moment of the database and writes nothing."""
        with Session(self.engine) as session:
            yield session

    @contextlib.contextmanager
    def writing(self) -> Iterator[Session]:
        """A session whose changes are committed together, or not at all."""
        with (
            self._turn,
            self.engine.connect().execution_options(writes=True) as connection,
            Session(connection, expire_on_commit=False) as session,
            session.begin(),
        ):
            yield session

    def persist(self, work: Callable[[Session, bool], T]) -> T:
        """Do `work` in a writing session; once more where the database says that this may help.

        `work` gets the session and whether it is not the first try: then what an earlier try did
        may have been committed although nobody said so. Raises DatabaseError where it is in vain.
        """
        for tries in range(PERSIST):
            try:
                with self.writing() as session:
                    return work(session, tries > 0)
            except DBAPIError as error:
                if tries + 1 == PERSIST or not _may_help(error):
                    raise _unwritten(error) from error
            time.sleep(min(2.0, 0.05 * 4**tries))
        raise AssertionError  # pragma: no cover - the last try returns or raises

    @contextlib.contextmanager
    def sole_sender(self) -> Iterator[bool]:
        """Held while sending; tells whether this sender is the only one.

        SQLite has one: a second is refused with SenderAtWork. The lock goes with its process, so
        whoever gets it knows that no other is alive. On PostgreSQL several share the work.
        """
        if not self._sqlite:
            yield False
            return
        with _file_lock(self.engine):
            yield True

    @contextlib.contextmanager
    def alone(self, task: str) -> Iterator[bool]:
        """Whether no other process is at this task on this database; if so, none will be.

        Never waits. The claim goes with its process.
        """
        with (
            _file_claim(self.engine, task)
            if self._sqlite
            else _advisory_claim(self.engine, task) as mine
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
            told = _first_line(error)
        return "" if told == "ok" else " ".join(told.split())

    def clock(self) -> datetime | None:
        """The server's clock, aware and in UTC; None for SQLite, which has ours."""
        if self._sqlite:
            return None
        with self.engine.connect() as connection:
            told: datetime = connection.execute(text("SELECT clock_timestamp()")).scalar_one()
        return told.astimezone(UTC)

    def size(self) -> int:
        """Bytes on this machine's disk; 0 for a database on a server, whose disk is elsewhere."""
        file = Path(self.engine.url.database or "")
        return file.stat().st_size if self._sqlite and file.is_file() else 0

    def close(self) -> None:
        """Give back every connection."""
        self.engine.dispose()


def open_database(url: str, folder: Path) -> Database:
    """Open the database; relative SQLite paths start at `folder`. An empty one is set up.

    Raises DatabaseError where it cannot be reached, or its tables are older or newer than
    this program.
    """
    database = Database(_engine(url, folder))
    try:
        _fit(database)
    except OperationalError as error:
        database.close()
        raise DatabaseError(
            f"the database could not be opened: {_first_line(error)}",
            remedy="check [database] url in digest.toml, and that the server runs",
        ) from error
    except DBAPIError as error:
        database.close()
        raise DatabaseError(
            f"the database is not usable: {_first_line(error)}",
            remedy="restore it from a backup, or name another in [database] url",
        ) from error
    except DatabaseError:
        database.close()
        raise
    return database


def _fit(database: Database) -> None:
    with database.engine.connect() as connection:
        found = _revision(connection)
    if found is None:
        migrate(database)
    elif found != _newest():
        raise _misfit(found)


def open_unchecked(url: str, folder: Path) -> Database:
    """Open without looking at the tables' age: for `digest migrate`."""
    return Database(_engine(url, folder))


def migrate(database: Database) -> tuple[str | None, str]:
    """Bring the tables to this program's age. Returns the revision before and after.

    Runs in one transaction: a migration that is interrupted has not happened.
    Raises DatabaseError for a database newer than the program.
    """
    with database.engine.connect().execution_options(writes=True) as connection:
        before = _revision(connection)
        if before and before not in _known():
            raise _misfit(before)
        connection.rollback()
        with connection.begin():
            command.upgrade(_alembic(connection), "head")
    return before, _newest()


def _engine(url: str, folder: Path) -> Engine:
    try:
        parsed = make_url(url)
        if parsed.get_backend_name() == "sqlite":
            if parsed.database and parsed.database != ":memory:":
                parsed = parsed.set(database=str(folder / parsed.database))
            # The connection that was used last knows what it has read: ledger.mark relies on it.
            engine = create_engine(
                parsed,
                pool_use_lifo=True,
                connect_args={"timeout": 10, "check_same_thread": False},
            )
            _tame_sqlite(engine)
            return engine
        return create_engine(parsed, pool_pre_ping=True, connect_args={"options": IDLE})
    except ModuleNotFoundError as error:
        raise DatabaseError(
            f"the driver for this database is not installed: {error.name}",
            remedy='install it: pip install "digest[postgresql]"',
        ) from error
    except (ArgumentError, SQLAlchemyError) as error:
        raise DatabaseError(
            f"[database] url is not usable: {_first_line(error)}",
            remedy='write "sqlite:///digest.db" or "postgresql+psycopg://user@host/name"',
        ) from error


def _tame_sqlite(engine: Engine) -> None:
    @event.listens_for(engine, "connect")
    def configure(connection: Any, _record: object) -> None:
        # The driver must not begin transactions by itself: the hook below does.
        connection.isolation_level = None
        for pragma in (
            "journal_mode=WAL",
            "synchronous=FULL",
            "foreign_keys=ON",
            "busy_timeout=10000",
        ):
            connection.execute(f"PRAGMA {pragma}")

    @event.listens_for(engine, "begin")
    def begin(connection: Connection) -> None:
        writes = connection.get_execution_options().get("writes", False)
        connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")


@contextlib.contextmanager
def _file_lock(engine: Engine) -> Iterator[None]:
    import fcntl  # not on Windows, where only sending needs it

    with Path(f"{engine.url.database}.sender").open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise _taken() from None
        yield


def _may_help(error: DBAPIError) -> bool:
    # Lost connections, deadlocks and serialization failures (SQLSTATE class 40), a busy SQLite.
    state = str(getattr(error.orig, "sqlstate", "") or "")
    words = str(error.orig)
    return (
        error.connection_invalidated
        or state.startswith(("40", "57P", "08"))
        or "locked" in words
        or "connection failed" in words
        or "connection refused" in words.lower()
    )


def _unwritten(error: DBAPIError) -> DatabaseError:
    return DatabaseError(
        f"the database could not be written: {_first_line(error)}",
        remedy="make room, or bring it back; nothing is lost, run the same command again",
    )


@contextlib.contextmanager
def _file_claim(engine: Engine, task: str) -> Iterator[bool]:
    import fcntl

    with Path(f"{engine.url.database}.{task}").open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            yield False
            return
        yield True


@contextlib.contextmanager
def _advisory_claim(engine: Engine, task: str) -> Iterator[bool]:
    number = {"number": _CLAIMS + zlib.crc32(task.encode())}
    with engine.connect() as connection:
        connection.execution_options(isolation_level="AUTOCOMMIT")
        ask = text("SELECT pg_try_advisory_lock(:number)")
        mine = bool(connection.execute(ask, number).scalar())
        try:
            yield mine
        finally:
            if mine:
                connection.execute(text("SELECT pg_advisory_unlock(:number)"), number)


def _taken() -> SenderAtWork:
    return SenderAtWork(
        "another `digest send` is at work on this database",
        remedy="wait until it ends (`digest status` shows how far it is)",
    )


def _alembic(connection: Connection | None = None) -> Config:
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
    config.attributes["connection"] = connection
    return config


def _revision(connection: Connection) -> str | None:
    return MigrationContext.configure(connection).get_current_revision()


def _newest() -> str:
    return ScriptDirectory.from_config(_alembic()).get_current_head() or ""


def _known() -> set[str]:
    return {script.revision for script in ScriptDirectory.from_config(_alembic()).walk_revisions()}


def _misfit(found: str) -> DatabaseError:
    if found in _known():
        return DatabaseError(
            f"the database is older ({found}) than this program", remedy="run `digest migrate`"
        )
    return DatabaseError(
        f"the database is newer ({found}) than this program",
        remedy="install the newer version of digest that it was made with; nothing was changed",
    )


def _first_line(error: Exception) -> str:
    cause = getattr(error, "orig", None) or error
    return (str(cause).strip() or type(cause).__name__).splitlines()[0]
