"""Moments: a date as feeds and pages write it becomes a moment in UTC."""

import re
from datetime import UTC, datetime, timedelta, tzinfo
from datetime import timezone as fixed_zone
from zoneinfo import ZoneInfo

from digest.articles.text import tidy

MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
DAYS = tuple(
    re.compile(pattern, re.IGNORECASE)
    for pattern in (
        r"\b(?P<y>\d{4})[-/.](?P<m>\d{1,2})[-/.](?P<d>\d{1,2})\b",
        r"\b(?P<d>\d{1,2})[-/.](?P<m>\d{1,2})[-/.](?P<y>\d{4})\b",
        r"\b(?P<d>\d{1,2})(?:st|nd|rd|th)?[ -](?P<m>[a-z]{3})[a-z]*\.?,?[ -](?P<y>\d{4}|\d\d)\b",
        r"\b(?P<m>[a-z]{3})[a-z]*\.? (?P<d>\d{1,2})(?:st|nd|rd|th)?,? (?P<y>\d{4})\b",
    )
)
CLOCK = re.compile(r"(\d{1,2}):(\d\d)(?::(\d\d))?(?:\.\d+)?\s*(?:([ap])\.?m\b\.?)?", re.IGNORECASE)
OFFSET = re.compile(r"([+-])(\d\d):?(\d\d)\b")
LETTERS = re.compile(r"\b[A-Z]{1,5}\b")
# Hours ahead of UTC. The letters IST stand for three zones and are settled in `_zone`.
ZONES = {"UTC": 0, "GMT": 0, "UT": 0, "Z": 0, "WET": 0, "WEST": 1, "BST": 1, "CET": 1, "CEST": 2,
         "EET": 2, "EEST": 3, "MSK": 3, "PKT": 5, "SGT": 8, "HKT": 8, "JST": 9, "KST": 9,
         "AEST": 10, "AEDT": 11, "EST": -5, "EDT": -4, "CST": -6, "CDT": -5, "MST": -7,
         "MDT": -6, "PST": -8, "PDT": -7}  # fmt: skip


def moment(text: str, timezone: str) -> datetime | None:
    """A date as feeds and pages write it (ISO 8601, RFC 822, day-month-year) in UTC.

    `timezone` is an IANA name, for dates that name no zone. None where no date can be made out.
    Raises zoneinfo's errors where `timezone` is no zone: settings checks it long before.
    """
    text = tidy(text)
    try:
        try:
            found = datetime.fromisoformat(text)
            zone = found.tzinfo or ZoneInfo(timezone)
        except ValueError:
            found, rest = _day_and_clock(text)
            zone = _zone(rest, timezone)
        return found.replace(tzinfo=zone).astimezone(UTC)
    except (ValueError, OverflowError):
        return None


def _day_and_clock(text: str) -> tuple[datetime, str]:
    """Date and time without a zone, and what stands beside them; ValueError where there is none."""
    day = next((match for pattern in DAYS if (match := pattern.search(text))), None)
    if day is None:
        raise ValueError(text)
    rest = f"{text[: day.start()]} {text[day.end() :]}"
    clock = CLOCK.search(rest)
    hour, minute, second, half = clock.groups() if clock else ("0", "0", "0", None)
    hours = int(hour) % 12 + 12 * (half in "pP") if half else int(hour)
    found = datetime(  # noqa: DTZ001 - the zone is found out in `_zone`
        _year(day["y"]), _month(day["m"]), int(day["d"]), hours, int(minute), int(second or 0)
    )
    return found, rest[clock.end() :] if clock else rest


def _year(digits: str) -> int:
    # RFC 822 wrote two digits; RFC 5322 section 4.3 says which century they mean.
    return int(digits) if len(digits) == 4 else int(digits) + (2000 if int(digits) < 50 else 1900)


def _month(word: str) -> int:
    return int(word) if word.isdigit() else MONTHS.index(word.lower()) + 1


def _zone(text: str, timezone: str) -> tzinfo:
    if offset := OFFSET.search(text):
        sign, hours, minutes = offset.groups()
        ahead = timedelta(hours=int(hours), minutes=int(minutes))
        return fixed_zone(-ahead if sign == "-" else ahead)
    letters = next((word for word in LETTERS.findall(text) if word in ZONES or word == "IST"), "")
    # India, Ireland and Israel all write IST; a source that says where it is decides.
    if letters == "IST":
        return ZoneInfo("Asia/Kolkata" if timezone == "UTC" else timezone)
    return fixed_zone(timedelta(hours=ZONES[letters])) if letters else ZoneInfo(timezone)
