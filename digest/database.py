"""The database: one engine, two kinds of session, the migrations, and one sender at a time.

Dialect notes live here. SQLite: WAL with synchronous=FULL, foreign keys on, and every writing
session begins with BEGIN IMMEDIATE, or a reader that turns writer is refused at once however
long the busy timeout. Never here: a query about anything (the three books).
"""

import contextlib
import threading
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, Engine, create_engine, event, text
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError, DBAPIError, OperationalError, SQLAlchemyError
from sqlmodel import Session, SQLModel

from digest import archive, ledger
from digest.errors import DatabaseError
from subscribers import roster

# Imported for what they declare: each book adds its tables to the one metadata.
BOOKS = (archive, ledger, roster)
TABLES = SQLModel.metadata
_SENDER_LOCK = 0x0D16E57  # the advisory lock's number on PostgreSQL


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

    @contextlib.contextmanager
    def sole_sender(self) -> Iterator[None]:
        """Held while sending. Raises DatabaseError where another sender holds it.

        The lock goes with its process, so whoever gets it knows that no sender is alive.
        """
        with _file_lock(self.engine) if self._sqlite else _advisory_lock(self.engine):
            yield

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
            engine = create_engine(parsed, connect_args={"timeout": 10, "check_same_thread": False})
            _tame_sqlite(engine)
            return engine
        return create_engine(parsed, pool_pre_ping=True)
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


@contextlib.contextmanager
def _advisory_lock(engine: Engine) -> Iterator[None]:
    with engine.connect() as connection:
        connection.execution_options(isolation_level="AUTOCOMMIT")
        ask = text("SELECT pg_try_advisory_lock(:number)")
        if not connection.execute(ask, {"number": _SENDER_LOCK}).scalar():
            raise _taken()
        try:
            yield
        finally:
            connection.execute(text("SELECT pg_advisory_unlock(:number)"), {"number": _SENDER_LOCK})


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
    number = {"number": _SENDER_LOCK + zlib.crc32(task.encode())}
    with engine.connect() as connection:
        connection.execution_options(isolation_level="AUTOCOMMIT")
        ask = text("SELECT pg_try_advisory_lock(:number)")
        mine = bool(connection.execute(ask, number).scalar())
        try:
            yield mine
        finally:
            if mine:
                connection.execute(text("SELECT pg_advisory_unlock(:number)"), number)


def _taken() -> DatabaseError:
    return DatabaseError(
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
