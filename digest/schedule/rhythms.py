"""The rhythm of a newsletter: wall-clock times in its own zone, reckoned to moments in UTC.

RFC 5545's rule (section 3.3.5) holds where the clock jumps: a time that a spring change skips
is read by the offset before the change (02:30 becomes 03:30); of a time that comes twice, the
first counts. Never here: what is done at those moments.
"""

import calendar
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
ORDINALS = {"first": 1, "second": 2, "third": 3, "fourth": 4, "last": -1}
GRAMMAR = (
    'a rhythm is written "monday 07:00", "day 18:30", "weekday 07:00", "monday, thursday 07:00" '
    'or, once a month, "first friday 07:00", "last day 07:00", "day 15 07:00"'
)
_KINDS = {
    "day": frozenset(range(7)),
    "weekday": frozenset(range(5)),
    **{name: frozenset({number}) for number, name in enumerate(WEEKDAYS)},
}
_ONE_DAY = timedelta(days=1)
_SHAPE = re.compile(
    rf"(?:({'|'.join(ORDINALS)}) )?({'|'.join(_KINDS)})(?: (\d{{1,2}}))?"
    r"(?: ([01]\d|2[0-3]):([0-5]\d))?"
)
_WORD = re.compile(r"\d{1,2}|([01]\d|2[0-3]):[0-5]\d")


@dataclass(frozen=True, slots=True)
class Beat:
    """Certain days at one time: all days of `weekdays` (0 is Monday), or in each month the
    `nth` of them; -1 is the last."""

    weekdays: frozenset[int]
    nth: int | None
    at: time


@dataclass(frozen=True, slots=True)
class Rhythm:
    """When issues come out, by the wall clock of `timezone`, but never on the days `left_out`."""

    beats: tuple[Beat, ...]
    timezone: str
    left_out: frozenset[date] = frozenset()


def rhythm(every: str, timezone: str, left_out: Iterable[date] = ()) -> Rhythm:
    """Read "monday, thursday 07:00" and the like; a day without a time has that of the next one.

    Raises ValueError with what is allowed.
    """
    beats: list[Beat] = []
    at: time | None = None
    for part in reversed(" ".join(every.lower().split()).split(",")):
        found = _SHAPE.fullmatch(part.strip())
        if not found:
            raise ValueError(_wrong(part))
        ordinal, kind, number, hour, minute = found.groups()
        at = time(int(hour), int(minute)) if hour else at
        if at is None:
            raise ValueError(f'"{part.strip()}" has no time of day; {GRAMMAR}')
        beats.insert(0, Beat(_KINDS[kind], _nth(ordinal, kind, number), at))
    return Rhythm(tuple(beats), timezone, frozenset(left_out))


def _wrong(part: str) -> str:
    """Which word is no day and no time; or that the words do not stand so."""
    for word in part.split():
        if word not in ORDINALS and word not in _KINDS and not _WORD.fullmatch(word):
            return f'"{word}" is no day and no time; {GRAMMAR}'
    return f'"{part.strip()}" is no rhythm; {GRAMMAR}'


def coming(rhythm: Rhythm, after: datetime, count: int = 1) -> list[datetime]:
    """The next `count` due times later than `after`, in UTC, earliest first."""
    found: list[datetime] = []
    start, days = after, 1
    while len(found) < count:
        end = start + timedelta(days=days)
        found += between(rhythm, start, end)
        start, days = end, min(days * 6, 400)
    return found[:count]


def between(rhythm: Rhythm, after: datetime, until: datetime) -> list[datetime]:
    """The due times later than `after` and not later than `until`, in UTC, earliest first."""
    return [due for due, _ in _reckoned(rhythm, after, until, wanted=True)]


def left_out(rhythm: Rhythm, after: datetime, until: datetime) -> list[datetime]:
    """What would have been due in that time, but falls on a day that is left out."""
    return [due for due, _ in _reckoned(rhythm, after, until, wanted=False)]


def oddity(rhythm: Rhythm, due: datetime) -> str:
    """What the clock does to a due time: "skipped", "doubled", or "" where it does nothing."""
    walls = {wall for moment, wall in _reckoned(rhythm, due - _ONE_DAY, due + _ONE_DAY, wanted=True)
             if moment == due}  # fmt: skip
    zone = ZoneInfo(rhythm.timezone)
    if not any(due.astimezone(zone).replace(tzinfo=None) == wall for wall in walls):
        return "skipped"
    later = due.astimezone(zone).replace(fold=1)
    return "doubled" if later.utcoffset() != due.astimezone(zone).utcoffset() else ""


def by_the_clock_of(rhythm: Rhythm, due: datetime, timezone: str) -> datetime:
    """When the clock of another zone shows the time that is due, in UTC.

    Not before it is due, and at most a day after. Raises ZoneInfoNotFoundError.
    """
    reckoned = _reckoned(rhythm, due - _ONE_DAY, due, wanted=True)
    here = due.astimezone(ZoneInfo(rhythm.timezone)).replace(tzinfo=None)
    wall = next((wall for moment, wall in reckoned if moment == due), here)
    return min(max(_moment(wall, ZoneInfo(timezone)), due), due + _ONE_DAY)


def shift(timezone: str, before: datetime, after: datetime) -> timedelta:
    """By how much the zone's clock was put forward between two moments; negative: back."""
    zone = ZoneInfo(timezone)
    offsets = [moment.astimezone(zone).utcoffset() or timedelta(0) for moment in (before, after)]
    return offsets[1] - offsets[0]


def _reckoned(
    rhythm: Rhythm, after: datetime, until: datetime, *, wanted: bool
) -> list[tuple[datetime, datetime]]:
    zone = ZoneInfo(rhythm.timezone)
    # A zone that crosses the date line skips a whole day: two days about are enough.
    first = after.astimezone(zone).date() - 2 * _ONE_DAY
    last = until.astimezone(zone).date() + 2 * _ONE_DAY
    found: dict[datetime, datetime] = {}
    for wall in _walls(rhythm, first, last):
        due = _moment(wall, zone)
        if after < due <= until and (wall.date() not in rhythm.left_out) == wanted:
            found.setdefault(due, wall)
    return sorted(found.items())


def _walls(rhythm: Rhythm, day: date, last: date) -> Iterator[datetime]:
    while day <= last:
        for beat in rhythm.beats:
            if _falls_on(beat.weekdays, beat.nth, day):
                yield datetime.combine(day, beat.at)
        day += _ONE_DAY


def _falls_on(weekdays: frozenset[int], nth: int | None, day: date) -> bool:
    if day.weekday() not in weekdays:
        return False
    if nth is None:
        return True
    length = calendar.monthrange(day.year, day.month)[1]
    others = range(day.day + 1, length + 1) if nth < 0 else range(1, day.day)
    before = sum((day.weekday() + other - day.day) % 7 in weekdays for other in others)
    return before == (0 if nth < 0 else nth - 1)


def _nth(ordinal: str | None, kind: str, number: str | None) -> int | None:
    if number is None:
        return ORDINALS[ordinal] if ordinal else None
    # Not every month has a 29th: whoever wants the end of the month says "last day".
    if ordinal or kind != "day" or not 1 <= int(number) <= 28:
        raise ValueError(GRAMMAR + '; days go up to 28, the end of a month is "last day"')
    return int(number)


def _moment(wall: datetime, zone: ZoneInfo) -> datetime:
    # With fold=0 zoneinfo reads a skipped time by the offset before the change, as RFC 5545 asks.
    return wall.replace(tzinfo=zone).astimezone(UTC)
