"""The steps taken for each due time, and what `digest run` remembers of itself."""

from datetime import datetime

from sqlalchemy import update
from sqlmodel import Session, col, select
from sqlmodel.sql.expression import SelectOfScalar

from digest.archive.tables import DueRow, IssueRow, PulseRow
from digest.schedule import Pulse, Standing, Step

_KEPT = "kept"


def note_step(session: Session, newsletter: str, step: Step) -> bool:
    """Write a step down. True where it is new; taken again, it has its last time and note.

    An issue is for one due time: drafted for another, it is no more for the one before.
    """
    if step.name == "drafted":
        same = (col(DueRow.name) == "drafted", col(DueRow.number) == step.number)
        session.execute(
            update(DueRow)
            .where(col(DueRow.newsletter) == newsletter, col(DueRow.due) != step.due, *same)
            .values(number=0)
        )
    key = (newsletter, step.due, step.name, step.key, step.whom)
    row = session.get(DueRow, key)
    new = row is None
    if row is None:
        row = DueRow(newsletter=newsletter, due=step.due, name=step.name, key=step.key,
                     whom=step.whom, at=step.at, number=step.number, note=step.note)  # fmt: skip
    row.at, row.number, row.note = step.at, step.number, step.note
    session.add(row)
    session.flush()
    return new


def steps(session: Session, newsletter: str, since: datetime) -> list[Step]:
    """The steps for the due times after `since`, in their order."""
    query = (
        select(DueRow)
        .where(DueRow.newsletter == newsletter, DueRow.due > since, DueRow.name != _KEPT)
        .order_by(col(DueRow.due), col(DueRow.at), col(DueRow.name))
    )
    return [Step(**row.model_dump(exclude={"newsletter"})) for row in session.exec(query)]


def kept(session: Session, newsletter: str) -> Step | None:
    """Which rhythm the newsletter keeps (the note), and since when (the due time)."""
    row = session.exec(_kept(newsletter)).first()
    return Step(**row.model_dump(exclude={"newsletter"})) if row else None


def keep_rhythm(session: Session, newsletter: str, rhythm: str, since: datetime) -> None:
    """From now on the newsletter keeps this rhythm and no other."""
    for row in session.exec(_kept(newsletter)):
        session.delete(row)
    session.flush()
    note_step(session, newsletter, Step(since, _KEPT, since, note=rhythm))


def standings(session: Session, newsletter: str) -> dict[int, Standing]:
    """Where the issues stand, by number, without what they hold."""
    query = select(
        IssueRow.number, IssueRow.state, IssueRow.approved_at, IssueRow.finished_at
    ).where(IssueRow.newsletter == newsletter)
    return {
        number: Standing(state, approved, finished_at=finished)
        for number, state, approved, finished in session.exec(query)
    }


def pulse(session: Session, name: str) -> Pulse | None:
    """When something of the house last happened, and how often it had by then."""
    row = session.get(PulseRow, name)
    return Pulse(row.at, row.count) if row else None


def note_pulse(session: Session, name: str, now: datetime, count: int = 0) -> None:
    """It happened now."""
    row = session.get(PulseRow, name) or PulseRow(name=name, at=now, count=count)
    row.at, row.count = now, count
    session.add(row)


def stop_pulse(session: Session, name: str) -> bool:
    """It is over. False where it never was."""
    row = session.get(PulseRow, name)
    if row is not None:
        session.delete(row)
    return row is not None


def _kept(newsletter: str) -> SelectOfScalar[DueRow]:
    return select(DueRow).where(DueRow.newsletter == newsletter, DueRow.name == _KEPT)
