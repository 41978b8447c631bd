"""When the next issue is due: pure reckoning in the newsletter's own time zone.

A due time is a wall-clock time ("monday 07:00"). RFC 5545's rule holds where the clock jumps:
a time that a spring change skips is taken at the moment of the change's end; of a time that
comes twice, the first counts. Never here: reading the clock, or doing what is due.
"""

import re
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
_SHAPE = re.compile(rf"(day|{'|'.join(WEEKDAYS)}) ([01]\d|2[0-3]):([0-5]\d)")


@dataclass(frozen=True, slots=True)
class Rhythm:
    """`weekday` is 0 for Monday, None for every day; `at` is the wall-clock time in `timezone`."""

    weekday: int | None
    at: time
    timezone: str


def rhythm(every: str, timezone: str) -> Rhythm:
    """Read "monday 07:00" or "day 18:30". Raises ValueError with what is allowed."""
    found = _SHAPE.fullmatch(every.strip().lower())
    if not found:
        raise ValueError('a time is written "monday 07:00" or "day 18:30"')
    day, hour, minute = found.groups()
    weekday = None if day == "day" else WEEKDAYS.index(day)
    return Rhythm(weekday, time(int(hour), int(minute)), timezone)


def coming(rhythm: Rhythm, after: datetime, count: int = 1) -> list[datetime]:
    """The next `count` due times later than `after`, in UTC, earliest first."""
    zone = ZoneInfo(rhythm.timezone)
    day = after.astimezone(zone).date() - timedelta(days=1)
    found: list[datetime] = []
    while len(found) < count:
        if rhythm.weekday in {None, day.weekday()}:
            due = _moment(datetime.combine(day, rhythm.at), zone)
            if due > after:
                found.append(due)
        day += timedelta(days=1)
    return found


def latest(rhythm: Rhythm, now: datetime) -> datetime:
    """The last due time that is not later than `now`, in UTC."""
    due = coming(rhythm, now - timedelta(days=9), 10)
    return max(moment for moment in due if moment <= now)


def _moment(wall: datetime, zone: ZoneInfo) -> datetime:
    # With fold=0 zoneinfo reads a skipped time by the offset before the change: that is the
    # same distance behind the change's start as RFC 5545 asks for.
    return wall.replace(tzinfo=zone).astimezone(UTC)
