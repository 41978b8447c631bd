"""Groups: one change to many deliveries, each on its conditions, and exactly which of them moved.

PostgreSQL is sent a group as JSON, in one statement, for each statement is a trip to the server.
SQLite is in this process: one statement, prepared once and run for each row by the driver itself,
costs half of what it takes to write a group as JSON and to take it apart again.
Never here: what a change means (moving).
"""

import json
import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from typing import Any

from sqlalchemy import TextClause, text
from sqlalchemy.exc import DBAPIError
from sqlmodel import Session


@dataclass(frozen=True, slots=True)
class Change:
    """What becomes of a delivery in the state `leaves`: assignments in which {name} stands for the
    row's value of that column. Of `columns`, names and types, the first two are always the
    delivery's id and the attempts that it must have had.
    """

    leaves: str
    becomes: str
    columns: tuple[tuple[str, str], ...]


def change(leaves: str, becomes: str, **columns: str) -> Change:
    """A change to rows of (id, attempts so far, and these columns)."""
    return Change(leaves, becomes, (("key", "bigint"), ("was", "integer"), *columns.items()))


def move(
    session: Session, how: Change, rows: Sequence[Sequence[Any]], sender: int, now: datetime
) -> set[int]:
    """Change those of the rows that still are as they were and this sender's; their ids."""
    if not rows:
        return set()
    if session.get_bind().dialect.name == "postgresql":
        return _at_once(session, how, rows, sender, now)
    return _one_by_one(session, how, rows, sender, now)


def _at_once(
    session: Session, how: Change, rows: Sequence[Sequence[Any]], sender: int, now: datetime
) -> set[int]:
    names = [name for name, _ in how.columns]
    told = json.dumps([dict(zip(names, row, strict=True)) for row in rows])
    values = {"rows": told, "now": stored(now), "leaves": how.leaves, "sender": sender}
    return set(session.connection().scalars(_for_all(how), values).all())


def _one_by_one(
    session: Session, how: Change, rows: Sequence[Sequence[Any]], sender: int, now: datetime
) -> set[int]:
    driver: Any = session.connection().connection.dbapi_connection
    statement, all_alike = _for_one(how), (stored(now), how.leaves, sender)
    try:
        return {row[0] for row in rows if driver.execute(statement, (*row, *all_alike)).rowcount}
    except sqlite3.Error as error:
        raise DBAPIError.instance(statement, None, error, sqlite3.Error) from error


@cache
def _for_all(how: Change) -> TextClause:
    typed = ", ".join(f"{name} {kind}" for name, kind in how.columns)
    becomes = how.becomes.format(**{name: f"v.{name}" for name, _ in how.columns})
    return text(
        f"UPDATE delivery SET {becomes}, changed = :now"  # noqa: S608 - our words
        f" FROM json_to_recordset(CAST(:rows AS json)) AS v({typed})"
        " WHERE delivery.id = v.key AND delivery.state = :leaves AND delivery.sender = :sender"
        " AND delivery.attempts = v.was RETURNING id"
    )


@cache
def _for_one(how: Change) -> str:
    # Numbered, not named: the driver looks names up again for each row.
    names = [*(name for name, _ in how.columns), "now", "leaves", "sender"]
    at = {name: f"?{place}" for place, name in enumerate(names, start=1)}
    becomes = how.becomes.format(**at)
    return (
        f"UPDATE delivery SET {becomes}, changed = {at['now']}"  # noqa: S608 - our words
        f" WHERE id = {at['key']} AND state = {at['leaves']} AND sender = {at['sender']}"
        f" AND attempts = {at['was']}"
    )


def stored(moment: datetime) -> str:
    """As subscribers.columns.Utc stores it; both engines read this text."""
    return moment.astimezone(UTC).replace(tzinfo=None).isoformat(" ", "microseconds")
