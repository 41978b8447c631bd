"""The roster's tallies: how often something was asked for, shared by every process that serves.

The names are hidden (limiting.hidden): no network and no domain is kept.
"""

from datetime import datetime

from sqlalchemy import delete, select, update
from sqlmodel import Session, col

from subscribers.roster.changing import insert_for
from subscribers.roster.tables import TallyRow


def tally(session: Session, rule: str, name: str, until: datetime, now: datetime) -> int:
    """Count one more; how many there are with it. What is over is forgotten on the way."""
    row = TallyRow
    known = {"rule": rule, "name": name, "until": until}
    counted = insert_for(session, row).values(**known, count=1)
    counted = counted.on_conflict_do_update(
        index_elements=list(known), set_={"count": col(row.count) + 1}
    )
    number = session.connection().scalar(counted.returning(col(row.count))) or 1
    if number == 1:
        session.connection().execute(delete(row).where(col(row.until) < now))
    return int(number)


def untally(session: Session, rule: str, name: str, until: datetime) -> None:
    """Count one less: what was counted turned out to be none."""
    row = TallyRow
    here = (col(row.rule) == rule) & (col(row.name) == name) & (col(row.until) == until)
    less = update(row).where(here & (col(row.count) > 0)).values(count=col(row.count) - 1)
    session.connection().execute(less)


def tallied(session: Session, rule: str, name: str, until: datetime) -> int:
    """How many there are."""
    row = TallyRow
    here = (col(row.rule) == rule) & (col(row.name) == name) & (col(row.until) == until)
    return session.connection().scalar(select(col(row.count)).where(here)) or 0
