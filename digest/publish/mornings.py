"""`at = "local"`: from when on an issue may go to the readers of each time zone."""

from contextlib import suppress
from datetime import datetime, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfoNotFoundError

from digest import archive
from digest.archive import IssueRecord
from digest.publish.opening import House
from digest.schedule import Rhythm, by_the_clock_of, rhythm
from subscribers import zones
from subscribers.roster import Session

_REMEMBERED = timedelta(days=90)


def is_local(house: House, newsletter: str) -> bool:
    """Whether issues come by the clock of each reader."""
    told = house.settings.newsletter.get(newsletter)
    return told is not None and told.schedule is not None and told.schedule.at == "local"


def mornings(
    house: House, session: Session, record: IssueRecord, now: datetime
) -> dict[str, datetime]:
    """The zones whose clock does not show the due time of the issue yet, and when it will.

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
    found = _by_zone(rhythm(told.every, settings.timezone, told.except_), due[-1])
    return {zone: moment for zone, moment in found.items() if moment > now}


@lru_cache(maxsize=8)
def _by_zone(beats: Rhythm, due: datetime) -> dict[str, datetime]:
    # For all the zones there are: each portion of a long list asks.
    found: dict[str, datetime] = {}
    for zone in zones.names():
        with suppress(ZoneInfoNotFoundError):
            found[zone] = by_the_clock_of(beats, due, zone)
    return found
