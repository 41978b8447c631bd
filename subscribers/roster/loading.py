"""The driver's way in: thousands of rows in one statement, made ready by hand.

To have SQLAlchemy bind each value by its type took half of all the time of a million lines. What
the rows are is `entering`'s to say.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any, cast

from sqlalchemy import (
    ARRAY,
    ColumnElement,
    Dialect,
    String,
    Table,
    any_,
    bindparam,
    func,
    select,
)
from sqlalchemy.types import TypeEngine
from sqlmodel import Session, SQLModel, col

from subscribers.columns import Utc
from subscribers.roster import changing
from subscribers.roster.tables import SubscriberRow, SubscriptionRow

# The highest number that SQLite ever gave (sqlite.org/autoinc.html).
_LAST = (
    "SELECT max(coalesce((SELECT seq FROM sqlite_sequence WHERE name = 'subscriber'), 0), "
    "coalesce((SELECT max(id) FROM subscriber), 0))"
)


def people(session: Session, keys: list[str], columns: dict[str, Sequence[Any]]) -> dict[str, int]:
    """Put down people whom this transaction looked for by these keys in vain; their numbers.

    Who is put down and forgotten by others at this very moment is not among them.
    """
    connection, table = session.connection(), SubscriberRow
    if connection.dialect.name == "sqlite":
        # Nobody else writes now: the next numbers are known, and need not be asked for.
        first = cast(int, connection.exec_driver_sql(_LAST).scalar()) + 1
        numbers = range(first, first + len(keys))
        insert(session, table, [], {"id": numbers, **columns})
        return dict(zip(keys, numbers, strict=True))
    insert(session, table, ["address_key"], columns)
    key = col(table.address_key)
    query = select(key, col(table.id)).where(among(session, key, keys))
    query = query.with_for_update(read=True, key_share=True)  # nobody of them is forgotten now
    return {line[0]: cast(int, line[1]) for line in connection.execute(query)}


def subscribe(session: Session, columns: Mapping[str, Sequence[Any]]) -> set[int]:
    """Insert these subscriptions but those that stand; the subscribers of the new ones."""
    unique = ["subscriber_id", "newsletter"]
    if session.get_bind().dialect.name == "sqlite":
        # Nobody else writes now: what this transaction has not found does not stand.
        insert(session, SubscriptionRow, unique, columns)
        return set(columns["subscriber_id"])
    if not columns["subscriber_id"]:
        return set()
    statement = changing.insert_for(session, SubscriptionRow)
    statement = statement.on_conflict_do_nothing(index_elements=unique)
    rows = [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)]
    new = session.connection().execute(
        statement.returning(col(SubscriptionRow.subscriber_id)), rows
    )
    return set(new.scalars())


def insert(
    session: Session,
    row: type[SQLModel] | Table,
    unique: list[str],
    columns: Mapping[str, Sequence[Any]],
    *,
    replacing: bool = False,
) -> None:
    """Insert these columns' rows, but those whose `unique` columns stand there already.

    `replacing`: those take the place of what stands there.
    """
    if not any(columns.values()):
        return
    table = row if isinstance(row, Table) else cast(Table, row.__table__)  # type: ignore[attr-defined]
    statement = changing.insert_for(session, table)
    if replacing:
        others = {name: statement.excluded[name] for name in columns if name not in unique}
        statement = statement.on_conflict_do_update(index_elements=unique, set_=others)
    elif unique:
        statement = statement.on_conflict_do_nothing(index_elements=unique)
    connection = session.connection()
    compiled = statement.compile(dialect=connection.dialect, column_keys=list(columns))
    order = compiled.positiontup or list(columns)
    ready = (_ready(connection.dialect, table.c[name].type, columns[name]) for name in order)
    lines = zip(*ready, strict=True)
    if compiled.positiontup is None:  # psycopg's are named
        named = [dict(zip(order, line, strict=True)) for line in lines]
        connection.exec_driver_sql(str(compiled), named)
    else:
        connection.exec_driver_sql(str(compiled), list(lines))


def _ready(dialect: Dialect, kind: TypeEngine[Any], values: Sequence[Any]) -> Iterable[Any]:
    """The values of a column fit for the driver."""
    if values.count(None) == len(values):  # NULL is NULL, also in our columns of JSON
        return values
    if isinstance(kind, Utc) and dialect.name == "sqlite":
        return map(_moment, values)
    bind = kind.dialect_impl(dialect).bind_processor(dialect)
    return map(bind, values) if bind else values


@lru_cache(maxsize=1 << 12)
def _moment(value: datetime | None) -> str | None:
    # What SQLAlchemy stores in SQLite, and 5 times as fast as its own.
    if value is None:
        return None
    if value.tzinfo is not UTC:
        value = value.astimezone(UTC)
    return value.replace(tzinfo=None).isoformat(" ", "microseconds")


def among(session: Session, column: Any, values: Sequence[str]) -> ColumnElement[bool]:
    """Whether a column is one of thousands of texts, which travel as one parameter."""
    if session.get_bind().dialect.name == "postgresql":
        return cast(ColumnElement[bool], column == any_(bindparam(None, values, ARRAY(String))))
    listed = func.json_each(json.dumps(values)).table_valued("value")
    return cast(ColumnElement[bool], column.in_(select(listed.c.value)))
