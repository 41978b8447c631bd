"""Transactions: what was begun can still be committed, or whoever wrote is told. Never here: SQL.

An engine may undo a transaction unasked. SQLite does so where the disk is full or fails, or memory
is short (sqlite.org/lang_transaction.html, section 3); it goes on without any, where each statement
is committed by itself and the driver's commit() does nothing. PostgreSQL answers a COMMIT after an
error with a rollback of which the driver says nothing. Whoever did not see the error, because
others had it, would be told that all is kept.
"""

import sqlite3
from typing import Any

from sqlalchemy import Connection, Engine, event
from sqlalchemy.engine import ExceptionContext

from digest.errors import DatabaseError

REMEDY = "make room, or bring it back; nothing is lost, run the same command again"
_IN_ERROR = 3  # libpq's PQTRANS_INERROR


def watch(engine: Engine) -> None:
    """From now on a commit that would keep less than was written raises DatabaseError."""

    @event.listens_for(engine, "commit")
    def refuse(connection: Connection) -> None:
        if not is_whole(connection):
            raise undone()

    if engine.dialect.name == "sqlite":
        event.listen(engine, "handle_error", _let_go)


def is_whole(connection: Connection) -> bool:
    """Whether all that was done since BEGIN can still be committed."""
    if connection.closed or connection.invalidated or not connection.in_transaction():
        return False
    driver: Any = connection.connection.driver_connection
    if isinstance(driver, sqlite3.Connection):
        return driver.in_transaction
    return bool(driver.info.transaction_status != _IN_ERROR)


def undone() -> DatabaseError:
    """What to raise where a transaction is not whole."""
    return DatabaseError("the database could not be written: all of it was undone", remedy=REMEDY)


def _let_go(context: ExceptionContext) -> None:
    # Nothing more is to be said on a connection that lost its transaction: SQLAlchemy refuses it.
    connection = context.connection
    if connection is not None and connection.in_transaction() and not is_whole(connection):
        context.is_disconnect = True
        context.invalidate_pool_on_disconnect = False  # the others are as good as before
