"""How often: whether an issue is for readers who want only the first of each week."""

from zoneinfo import ZoneInfo

from digest.archive import IssueRecord
from digest.publish.opening import House


def is_first_of_week(house: House, record: IssueRecord) -> bool:
    """Whether no earlier issue of the newsletter went out in the same week of its own time zone."""
    zone = ZoneInfo(record.issue.timezone)
    week = record.issue.at.astimezone(zone).isocalendar()[:2]
    return not any(
        other.issue.at.astimezone(zone).isocalendar()[:2] == week
        for other in house.issues(record.issue.newsletter)
        if other.issue.number < record.issue.number and other.state in {"sending", "sent"}
    )
