"""The roster's way to forget: where a person and an address stand, and how all of it is erased."""

import re
from collections import Counter
from collections.abc import Sequence
from datetime import datetime
from typing import Any, cast

from sqlalchemy import Column, ColumnElement, Table, delete, func, select, update
from sqlalchemy.schema import sort_tables
from sqlmodel import Session, SQLModel, col

from subscribers.address import key
from subscribers.errors import UnknownSubscriber
from subscribers.roster.asking import is_suppressed, person
from subscribers.roster.changing import suppress
from subscribers.roster.tables import (
    LiftingRow,
    NoticeRow,
    ReportRow,
    SubscriberRow,
    SuppressionRow,
    TallyRow,
)
from subscribers.suppression import UNANSWERED, address_hash


def forget(
    session: Session, address: str, *, now: datetime, keys: Sequence[bytes]
) -> dict[str, int]:
    """Erase a person: the number of rows erased, by table. A suppression of the address stays.

    It is made where there is none (GDPR 17 with 21(3): erased, and never mailed again), or an
    old list could bring them back as new. Of an address that is nobody's, what others asked for
    in its name is erased. Raises InvalidAddress, and UnknownSubscriber where there is nothing.
    """
    traced = _untraced(session, address, keys)
    try:
        found = person(session, address)
    except UnknownSubscriber:
        if not traced.total():
            raise
        suppress(session, address, reason="request", how="forget", now=now, keys=keys)
        return traced
    connection = session.connection()
    today = address_hash(found.address, keys)
    if found.address_hash != today and not is_suppressed(session, found.address, keys):
        # The oldest key is not the one this row was made with. What stays must be findable
        # by the address alone, for the stored hash goes with the row.
        connection.execute(
            update(SuppressionRow)
            .where(col(SuppressionRow.address_hash) == found.address_hash)
            .values(address_hash=today)
        )
    suppress(session, found.address, reason="request", how="forget", now=now, keys=keys)
    # Erased one by one, not by the cascade: the report counts them.
    for table, column in personal():
        traced[table.name] += connection.execute(delete(table).where(column == found.id)).rowcount
    person_row = delete(SubscriberRow).where(col(SubscriberRow.id) == found.id)
    return {**traced, "subscriber": connection.execute(person_row).rowcount}


def _untraced(session: Session, address: str, keys: Sequence[bytes]) -> Counter[str]:
    """Erase what stands under an address and under no person: see `telling.traces`."""
    run = session.connection().execute
    erased = [(table.name, run(delete(table).where(mine)).rowcount)
              for table, mine in traces_of(session, address, keys)]  # fmt: skip
    return Counter(dict(erased))


def traces_of(
    session: Session, address: str, keys: Sequence[bytes]
) -> list[tuple[Table, ColumnElement[bool]]]:
    """Where an address stands that may be nobody's: mails that were asked for, and their count,
    what an operator lifted, and reports that name it and carry no token of ours."""
    rows = (NoticeRow, TallyRow, LiftingRow, ReportRow)
    notice, tally, lifting, report = (cast(Any, row).__table__ for row in rows)
    named = notice.c.address_key == key(address)
    hashed = address_hash(address, keys)
    counted = (tally.c.rule == UNANSWERED) & (tally.c.name == hashed)
    return [
        (notice, named),
        (tally, counted),
        (lifting, lifting.c.address_hash == hashed),
        (report, report.c.id.in_(_strays(session, address))),
    ]


def _strays(session: Session, address: str) -> list[int]:
    """The numbers of reports that are nobody's, and were sent or are told of by this address."""
    row, named = ReportRow, key(address)
    told = func.lower(col(row.recipient) + " " + col(row.diagnostic))
    query = select(col(row.id), told).where(
        col(row.subscriber_id).is_(None), told.contains(named, autoescape=True)
    )
    # Not those of an address that ends or begins like it: they are another person's.
    whole = re.compile(rf"(?<![\w.+-]){re.escape(named)}(?![\w-]|\.\w)")
    found = session.connection().execute(query)
    return [number for number, words in found if whole.search(words)]


def personal() -> list[tuple[Table, Column[Any]]]:
    """Every table that keeps something of a person, with the column that names them.

    Found by walking the foreign keys, so that no table of tomorrow is left out.
    """
    named = {
        table: column
        for table in SQLModel.metadata.tables.values()
        for column in table.columns
        if any(key.target_fullname == "subscriber.id" for key in column.foreign_keys)
    }
    return [(table, named[table]) for table in sort_tables(named)]
