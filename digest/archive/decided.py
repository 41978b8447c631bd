"""What editors decided about articles. It wins over everything and survives re-collection."""

from dataclasses import asdict, fields
from datetime import datetime

from sqlalchemy import or_
from sqlmodel import Session, col, select

from digest.archive.tables import DecisionRow, OutlineRow
from digest.articles import Image
from digest.selection import Decision

_FOR_ONE_ISSUE = {"pinned": False, "position": None, "again": False}


def decide(session: Session, newsletter: str, number: int, decision: Decision) -> None:
    """Write down a decision in the place of the one before about the same article.

    Pin, position and "again" hold for the issue `number` alone.
    """
    values = {field.name: getattr(decision, field.name) for field in fields(decision)}
    values["image"] = asdict(decision.image) if decision.image is not None else None
    session.merge(DecisionRow(newsletter=newsletter, number=number, **values))


def undecide(session: Session, newsletter: str, fingerprint: str) -> bool:
    """Forget what was decided about an article; False where nothing was."""
    row = session.get(DecisionRow, (newsletter, fingerprint))
    if row is not None:
        session.delete(row)
    return row is not None


def decided_about(session: Session, newsletter: str, fingerprint: str) -> list[str]:
    """The articles about which something was decided: this one, and others of the same story."""
    named = select(DecisionRow.fingerprint).where(DecisionRow.newsletter == newsletter)
    mine = select(OutlineRow.story).where(OutlineRow.fingerprint == fingerprint)
    twins = select(OutlineRow.fingerprint).where(col(OutlineRow.story).in_(mine))
    column = col(DecisionRow.fingerprint)
    same = or_(column == fingerprint, column.in_(twins))
    return list(session.exec(named.where(same).order_by(column)))


def decisions(session: Session, newsletter: str, number: int) -> list[Decision]:
    """What holds for the issue `number`, by article."""
    query = select(DecisionRow).where(DecisionRow.newsletter == newsletter)
    rows = session.exec(query.order_by(col(DecisionRow.fingerprint)))
    return [_decision(row, number) for row in rows]


def decision(
    session: Session, newsletter: str, number: int, fingerprint: str, by: str, at: datetime
) -> Decision:
    """What holds for one article; a blank decision by `by` where nothing was decided."""
    row = session.get(DecisionRow, (newsletter, fingerprint))
    return _decision(row, number) if row else Decision(fingerprint, by, at)


def _decision(row: DecisionRow, number: int) -> Decision:
    values = row.model_dump(exclude={"newsletter", "number"})
    values["image"] = Image(**row.image) if row.image is not None else None
    return Decision(**{**values, **({} if row.number == number else _FOR_ONE_ISSUE)})
