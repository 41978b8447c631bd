"""The database: one engine, two kinds of session, the migrations, and one sender at a time.

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
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from sqlalchemy import Connection, Engine, MetaData, create_engine, event, inspect, text
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError, DBAPIError, OperationalError, SQLAlchemyError
from sqlmodel import Session, SQLModel

from digest.database import claims
from digest.database.sharing import Sharing
from digest.database.transactions import REMEDY, undone, watch
from digest.database.turns import Turns
from digest.errors import DatabaseBusy, DatabaseError, NoDatabaseYet

if TYPE_CHECKING:
    from alembic.config import Config

_MIGRATIONS = Path(__file__).parents[1] / "migrations"
# A process that stands still in the middle of a transaction holds its locks no longer than this.
IDLE = "-c idle_in_transaction_session_timeout=60s"
# A server whose host vanished says nothing more; a client that waits for its reply is told within
# a minute: libpq's parameters, in seconds, and what was sent and is not acknowledged, in
# milliseconds. Shorter than a sender's lease, so that it knows before others act on it.
ALIVE = {
    "connect_timeout": "10",
    "keepalives": "1",
    "keepalives_idle": "10",
    "keepalives_interval": "5",
    "keepalives_count": "4",
    "tcp_user_timeout": "30000",
}
PERSIST = 8  # tries, over some eleven seconds: what a restarting server needs
T = TypeVar("T")


class Database:
    """Opens sessions. `reading()` never blocks a writer; `writing()` commits when it ends well."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self._sqlite = engine.dialect.name == "sqlite"
        self._turns = Turns(self.file if self._sqlite else None)
        self._sharing = Sharing(self.persist, _may_help)
        self._writer: Connection | None = None  # SQLite's, used in turn
        self._closed = False

    @contextlib.contextmanager
    def reading(self) -> Iterator[Session]:
        """A session that sees one moment of the database and writes nothing.

        Raises DatabaseError where it cannot be read.
        """
        try:
            with Session(self.engine) as session:
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
    def _writing(self) -> Iterator[Session]:
        with (
            self._turns.taken() if self._sqlite else contextlib.nullcontext(),
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
        for tries in range(PERSIST):
            try:
                with self._writing() as session:
                    return work(session, tries > 0)
            except DBAPIError as error:
                if tries + 1 == PERSIST or not _may_help(error):
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
            told = _first_line(error)
        return "" if told == "ok" else " ".join(told.split())

    def unwritable(self) -> str:
        """Why nothing can be written into it; "" where something can, or others are at it."""
        try:
            with self.engine.connect().execution_options(writes=True) as connection:
                # Of no effect, and undone; the age of the tables is what all of them have.
                connection.execute(text("UPDATE alembic_version SET version_num = version_num"))
                connection.rollback()
        except DBAPIError as error:
            return "" if "locked" in str(error.orig) else _first_line(error)
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
            f"the database could not be opened: {_first_line(error)}",
            remedy=_found_at(database.file),
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


def _found_at(file: Path | None) -> str:
    if file is None:
        return "check [database] url in digest.toml, and that the server runs"
    where = f"see that {file} ([database] url) is in a folder that is there"
    return f"{where}, and that this user may write both"


def _fit_already(database: Database) -> None:
    if database.file is None or database.file.exists() or not database.file.parent.is_dir():
        with database.engine.connect() as connection:
            if _revision(connection):
                _fit(database)
                return
    raise NoDatabaseYet(
        f"there is no database yet: {database.file or 'it has no tables'}",
        remedy="`digest collect` or `digest run` sets one up; if there was one, correct "
        "[database] url in digest.toml, or restore it",
    )


def open_unchecked(url: str, folder: Path) -> Database:
    """Open without looking at the tables' age: for `digest migrate`."""
    engine = _engine(url, folder)
    watch(engine)
    return Database(engine)


def migrate(database: Database) -> tuple[str | None, str]:
    """Bring the tables to this program's age. Returns the revision before and after.

    Runs in one transaction: a migration that is interrupted has not happened.
    Raises DatabaseError for a database newer than the program.
    """
    # Loaded here alone: a command that finds its tables in order waits for no migrations.
    from alembic import command

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
        return create_engine(parsed, pool_pre_ping=True, connect_args=_told(parsed))
    except ModuleNotFoundError as error:
        raise DatabaseError(
            f"the driver for this database is not installed: {error.name}",
            remedy='PostgreSQL needs pip install "psycopg[binary]"; besides SQLite no other '
            "database can be used",
        ) from error
    except (ArgumentError, SQLAlchemyError) as error:
        raise DatabaseError(
            f"[database] url is not usable: {_first_line(error)}",
            remedy='write "sqlite:///digest.db" or "postgresql+psycopg://user@host/name"',
        ) from error


def _told(url: URL) -> dict[str, str]:
    """What PostgreSQL's client is told; what the operator wrote into the URL goes before it."""
    theirs = url.query.get("options", "")
    options = theirs if isinstance(theirs, str) else " ".join(theirs)
    told = {name: value for name, value in ALIVE.items() if name not in url.query}
    return {**told, "options": f"{IDLE} {options}".rstrip()}


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
            "secure_delete=ON",  # whom a reader asks to forget is overwritten, on any build of it
        ):
            connection.execute(f"PRAGMA {pragma}")

    @event.listens_for(engine, "begin")
    def begin(connection: Connection) -> None:
        writes = connection.get_execution_options().get("writes", False)
        connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")


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
    busy = "locked" in str(error.orig)
    return (DatabaseBusy if busy else DatabaseError)(
        f"the database could not be {what}: {_first_line(error)}",
        remedy="wait until the others have ended, then run the same command again"
        if busy
        else REMEDY,
    )


def tables() -> MetaData:
    """The tables of the three books, as the models have them."""
    # Loaded here alone: who drafts an issue needs neither ledger nor roster.
    from digest import archive, ledger
    from subscribers import roster

    del archive, ledger, roster
    return SQLModel.metadata


def _alembic(connection: Connection | None = None) -> "Config":
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(_MIGRATIONS))
    config.attributes["connection"] = connection
    return config


def _revision(connection: Connection) -> str | None:
    """What alembic wrote down in its own table."""
    if not inspect(connection).has_table("alembic_version"):
        return None
    found: str | None = connection.execute(text("SELECT version_num FROM alembic_version")).scalar()
    return found


def _newest() -> str:
    return max(_known(), default="")


def _known() -> set[str]:
    """The revisions that this program has: each stands before the first stroke of its file."""
    files = (_MIGRATIONS / "versions").glob("[0-9]*.py")
    return {file.stem.partition("_")[0] for file in files}


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
