"""`at = "local"`: from when on an issue may go to the readers of each time zone."""

from contextlib import suppress
from datetime import datetime, timedelta
from zoneinfo import ZoneInfoNotFoundError

from digest import archive
from digest.archive import IssueRecord
from digest.publish.opening import House
from digest.schedule import by_the_clock_of, rhythm
from subscribers import roster
from subscribers.roster import Session

_REMEMBERED = timedelta(days=90)


def mornings(
    house: House, session: Session, record: IssueRecord, now: datetime
) -> dict[str, datetime]:
    """The zones of readers whose own clock does not show the due time yet, and when it will.

    Empty unless the schedule says so, and for an issue that no due time has begun: what is sent
    by hand goes to everybody at once.
    """
    settings = house.settings.newsletter[record.issue.newsletter]
    told = settings.schedule
    if told is None or told.at != "local":
        return {}
    steps = archive.steps(session, record.issue.newsletter, now - _REMEMBERED)
    due = [s.due for s in steps if s.name == "begun" and s.number == record.issue.number]
    if not due:
        return {}
    beats = rhythm(told.every, settings.timezone, told.except_)
    found: dict[str, datetime] = {}
    for zone in roster.zones(session):
        with suppress(ZoneInfoNotFoundError):  # renamed since: as the newsletter
            found[zone] = by_the_clock_of(beats, due[-1], zone)
    return {zone: moment for zone, moment in found.items() if moment > now}
