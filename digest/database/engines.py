"""A database's URL -> the engine that SQLAlchemy speaks to it with, tamed for its dialect.

Never here: which tables there are, or what is in them.
"""

from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError, SQLAlchemyError

from digest.errors import DatabaseError

PATIENCE = 10.0  # seconds that SQLite waits for a lock
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


def made(url: str, folder: Path) -> Engine:
    """The engine of that URL; relative SQLite paths start at `folder`. Nothing is opened yet.

    Raises DatabaseError for a URL that is none, or a driver that is not installed.
    """
    try:
        parsed = make_url(url)
        if parsed.get_backend_name() == "sqlite":
            if parsed.database and parsed.database != ":memory:":
                parsed = parsed.set(database=str(folder / parsed.database))
            # The connection that was used last knows what it has read: ledger.mark relies on it.
            engine = create_engine(
                parsed,
                pool_use_lifo=True,
                connect_args={"timeout": PATIENCE, "check_same_thread": False},
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
            f"[database] url is not usable: {first_line(error)}",
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
            f"busy_timeout={PATIENCE * 1000:.0f}",
            "secure_delete=ON",  # whom a reader asks to forget is overwritten, on any build of it
        ):
            connection.execute(f"PRAGMA {pragma}")

    @event.listens_for(engine, "begin")
    def begin(connection: Connection) -> None:
        options = connection.get_execution_options()
        writes, patience = options.get("writes", False), options.get("patience") or PATIENCE
        # What another user of this connection had told the driver is not what this one wants.
        if connection.info.get("patience", PATIENCE) != patience:
            connection.exec_driver_sql(f"PRAGMA busy_timeout={patience * 1000:.0f}")
            connection.info["patience"] = patience
        connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")


def first_line(error: Exception) -> str:
    """What the driver said, in one line."""
    cause = getattr(error, "orig", None) or error
    return (str(cause).strip() or type(cause).__name__).splitlines()[0]
