"""The roster's memory of what came back: reports, kept for ever once, and their history."""

import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, cast

from sqlalchemy import ColumnElement, func, select, update
from sqlmodel import Session, col

from subscribers.roster.asking import BATCH
from subscribers.roster.changing import insert_new
from subscribers.roster.tables import FeedbackRow, ReportRow, SubscriberRow

if TYPE_CHECKING:
    from subscribers.bounces import Fault, Kind, Report
    from subscribers.bounces.policy import Mark

RAW = 256 * 1024  # bytes of a report that are kept, before compression


@dataclass(frozen=True, slots=True)
class Reported:
    """One report as it is listed. `subscriber` and `issue` are None where it names nobody of ours.

    `counted` tells whether it counts against the subscriber; `did` what it brought about.
    """

    id: int
    kind: "Kind"
    fault: "Fault | None"
    source: str
    at: datetime
    subscriber: int | None
    issue: int | None
    recipient: str
    status: str
    diagnostic: str
    counted: bool
    did: str


def note_report(
    session: Session,
    report: "Report",
    *,
    source: str,
    now: datetime,
    subscriber: int | None,
    issue: int | None,
    counted: bool,
    raw: bytes = b"",
) -> bool:
    """Keep a report. False where it is known: then it must bring nothing about again."""
    failure = report.failures[0] if report.failures else None
    values = {
        "kind": report.kind,
        "fault": failure.fault if failure else "",
        "source": source,
        "at": now,
        "subscriber_id": subscriber,
        "issue": issue,
        "recipient": failure.recipient if failure else "",
        "status": failure.status if failure else "",
        "diagnostic": failure.diagnostic if failure else report.why,
        "counted": counted,
        "did": "",
        "raw": zlib.compress(raw[:RAW]) if raw else None,
    }
    return insert_new(session, ReportRow, {"fingerprint": report.fingerprint}, values)


def note_deed(session: Session, report: "Report", did: str) -> None:
    """What a report brought about."""
    row = ReportRow
    known = col(row.fingerprint) == report.fingerprint
    session.connection().execute(update(row).where(known).values(did=did))


def history(session: Session, subscriber: int, since: datetime) -> "list[Mark]":
    """What counted against a subscriber, oldest first."""
    row = ReportRow
    query = (
        select(col(row.at), col(row.fault), col(row.issue))
        .where(col(row.subscriber_id) == subscriber, col(row.counted), col(row.at) >= since)
        .order_by(col(row.at), col(row.id))
    )
    # Loaded for who asks: understanding of bounces takes long to load.
    from subscribers.bounces.policy import Mark

    found = session.connection().execute(query)
    return [Mark(line.at, cast("Fault", line.fault), line.issue) for line in found]


def reports(
    session: Session,
    *,
    kinds: Sequence[str] = (),
    subscriber: int | None = None,
    issue: int | None = None,
    before: int | None = None,
    limit: int = BATCH,
) -> list[Reported]:
    """Reports, newest first, those below the number `before`."""
    row = ReportRow
    conditions: list[ColumnElement[bool]] = []
    if kinds:
        conditions.append(col(row.kind).in_(kinds))
    if subscriber is not None:
        conditions.append(col(row.subscriber_id) == subscriber)
    if issue is not None:
        conditions.append(col(row.issue) == issue)
    if before is not None:
        conditions.append(col(row.id) < before)
    columns = (row.id, row.kind, row.fault, row.source, row.at, row.issue,
               row.recipient, row.status, row.diagnostic, row.counted, row.did)  # fmt: skip
    chosen: list[Any] = [*map(col, columns), col(row.subscriber_id).label("subscriber")]
    query = select(*chosen).where(*conditions).order_by(col(row.id).desc()).limit(limit)
    return [
        Reported(**{**line, "fault": line["fault"] or None})
        for line in session.connection().execute(query).mappings()
    ]


def report_raw(session: Session, number: int) -> tuple[str, bytes] | None:
    """What way a report came, and its bytes; None where there is none or they were not kept."""
    query = select(col(ReportRow.source), col(ReportRow.raw)).where(col(ReportRow.id) == number)
    found = session.connection().execute(query).first()
    return (found.source, zlib.decompress(found.raw)) if found and found.raw else None


def report_counts(session: Session, issue: int | None = None) -> dict[str, int]:
    """How many reports there are of each kind, and of bounces by fault, for an issue or in all."""
    row = ReportRow
    query = select(col(row.kind), col(row.fault), func.count()).group_by(
        col(row.kind), col(row.fault)
    )
    if issue is not None:
        query = query.where(col(row.issue) == issue)
    found: dict[str, int] = {}
    for kind, fault, number in session.connection().execute(query):
        name = f"{kind}: {fault}" if kind == "bounce" else str(kind)
        found[name] = found.get(name, 0) + number
    return found


def number_of(session: Session, address_key: str) -> int | None:
    """The number of the person of this key of an address, if the roster has them."""
    query = select(col(SubscriberRow.id)).where(col(SubscriberRow.address_key) == address_key)
    return session.connection().scalar(query)


def is_known(session: Session, subscriber: int) -> bool:
    """Whether the roster still has a person of this number."""
    query = select(col(SubscriberRow.id)).where(col(SubscriberRow.id) == subscriber)
    return session.connection().scalar(query) is not None


def feedback(session: Session, issue: int) -> dict[str, int]:
    """How many readers said what of an issue."""
    row = FeedbackRow
    verdict = col(row.verdict)
    query = select(verdict, func.count()).where(col(row.issue) == issue).group_by(verdict)
    return {line[0]: line[1] for line in session.connection().execute(query)}


@dataclass(frozen=True, slots=True)
class Opinion:
    """What one reader thinks of an issue: "good", "fair" or "poor", and their own words, if any."""

    at: datetime
    verdict: str
    comment: str


def opinions(session: Session, issue: int) -> list[Opinion]:
    """What readers said of an issue, the newest first; never who."""
    row = FeedbackRow
    query = select(col(row.at), col(row.verdict), col(row.comment)).where(col(row.issue) == issue)
    found = session.connection().execute(query.order_by(col(row.at).desc(), col(row.id).desc()))
    return [Opinion(*line) for line in found]
