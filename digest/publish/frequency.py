"""How often: whether an issue is for readers who want only the first of each week."""

from zoneinfo import ZoneInfo

from digest import ledger
from digest.archive import IssueRecord
from digest.publish.opening import House


def is_first_of_week(house: House, record: IssueRecord) -> bool:
    """Whether no earlier issue of the newsletter went out in the same week of its own time zone.

    A cancelled one counts where at least half of its readers had it by then: else most of those
    who want one a week would get none.
    """
    zone = ZoneInfo(record.issue.timezone)
    week = record.issue.at.astimezone(zone).isocalendar()[:2]
    return not any(
        other.issue.at.astimezone(zone).isocalendar()[:2] == week and _is_out(house, other)
        for other in house.issues(record.issue.newsletter)
        if other.issue.number < record.issue.number
    )


def _is_out(house: House, record: IssueRecord) -> bool:
    if record.state != "cancelled":
        return record.state in {"sending", "sent"}
    with house.database.reading() as session:
        counts = ledger.counts(session, record.id)
    return 2 * counts.get("sent", 0) >= max(1, sum(counts.values()))
