"""What the roster tells of a person and of an issue: access requests, and why readers left."""

import base64
from collections.abc import Sequence
from typing import Any, cast

from sqlalchemy import func, select
from sqlmodel import Session, col

from subscribers.roster.forgetting import personal, traces_of
from subscribers.roster.tables import ConsentEventRow, SubscriberRow, SuppressionRow
from subscribers.suppression import address_hash


def everything(session: Session, subscriber: int) -> dict[str, list[dict[str, Any]]]:
    """All rows of all tables about a person, as they are kept: the answer to an access request."""
    connection = session.connection()
    person = SubscriberRow.__table__  # type: ignore[attr-defined]
    tables = [(person, person.c.id), *personal()]
    return {
        table.name: [
            {name: _plain(value) for name, value in line.items()}
            for line in connection.execute(
                select(table).where(column == subscriber).order_by(*table.primary_key.columns)
            ).mappings()
        ]
        for table, column in tables
    }


def traces(
    session: Session, address: str, keys: Sequence[bytes]
) -> dict[str, list[dict[str, Any]]]:
    """What is kept under an address itself, whether it is anybody's or not: its suppression,
    mails that somebody wanted to go there, how many of them nobody answered, what was lifted, and
    what came back that names it and no reader.

    Raises InvalidAddress.
    """
    never = cast(Any, SuppressionRow).__table__
    mine = never.c.address_hash == address_hash(address, keys)
    found = {
        table.name: session.connection().execute(select(table).where(kept)).mappings().all()
        for table, kept in [(never, mine), *traces_of(session, address, keys)]
    }
    return {
        name: [{column: _plain(value) for column, value in line.items()} for line in lines]
        for name, lines in found.items()
        if lines
    }


def left_by(session: Session, issue: int) -> dict[str, int]:
    """How many readers left by an issue (the archive's number), by the way they took: each once,
    however many newsletters they left by it.
    """
    row = ConsentEventRow
    left = (col(row.issue) == issue) & (col(row.kind) == "withdrawn")
    readers = func.count(col(row.subscriber_id).distinct())
    query = select(col(row.how), readers).where(left).group_by(col(row.how))
    return {line[0]: line[1] for line in session.connection().execute(query)}


def left_near(session: Session, issue: int) -> dict[int, int]:
    """How many left an issue by the link next to each of its stories, by the story's place."""
    row = ConsentEventRow
    left = (col(row.issue) == issue) & (col(row.kind) == "withdrawn") & col(row.story).is_not(None)
    readers = func.count(col(row.subscriber_id).distinct())
    query = select(col(row.story), readers).where(left).group_by(col(row.story))
    found = session.connection().execute(query)
    return {place: count for place, count in found if place is not None}


def _plain(value: Any) -> Any:
    if isinstance(value, bytes):
        return base64.b64encode(value).decode()
    return value.isoformat() if hasattr(value, "isoformat") else value
