"""Moments: a date as feeds and pages write it becomes a moment in UTC."""

import re
import unicodedata
from datetime import UTC, date, datetime, timedelta, tzinfo
from datetime import timezone as fixed_zone
from zoneinfo import ZoneInfo

from digest.articles.months import month
from digest.articles.text import tidy

AT_MOST = 200  # characters: what is longer is no date
DIGITS = re.compile(r"(\d{4})(\d\d)(\d\d)(?:T?(\d\d)(\d\d)(\d\d)?)?")
EPOCH = re.compile(r"[1-9]\d{9}(?:\d{3})?(?:\.0+)?")
# Vowel signs belong to their word. It never gives back what it took: a run of letters without a
# date would else be tried in every division.
WORD = r"(?P<m>[^\W\d_](?:[^\W\d_\u200c]|[\u0300-\u036f\u0900-\u0dff])*+)"
DAYS = tuple(
    re.compile(pattern, re.IGNORECASE)
    for pattern in (
        r"(?<!\d)(?P<y>\d{4})\s?[年년]\s?(?P<m>\d{1,2})\s?[月월]\s?(?P<d>\d{1,2})\s?[日일]?",
        r"(?<!\d)(?P<y>\d{4})(?P<s>[-/.])(?P<m>\d{1,2})(?P=s)(?P<d>\d{1,2})(?!\d)",
        r"(?<!\d)(?P<d>\d{1,2})(?P<s>[-/.])\s?(?P<m>\d{1,2})(?P=s)\s?(?P<y>\d{4})(?!\d)",
        (
            rf"(?<!\d)(?P<d>\d{{1,2}})(?:st|nd|rd|th|er|[.º°])?,?[ -]?(?:de |d['’])?{WORD}\.?,?["
            rf" -](?:de )?"
            r"(?P<y>\d{4}|'?\d\d(?![\d:]))(?!\d)"
        ),
        rf"{WORD}\.? (?P<d>\d{{1,2}})(?:st|nd|rd|th)?,? (?P<y>\d{{4}})(?!\d)",
        # `date` of Unix and of the older Twitter: "Wed Apr 02 01:20:00 +0530 2025".
        rf"{WORD} (?P<d>\d{{1,2}}) (?=\d\d:\d\d)(?=.{{5,25}} (?P<y>\d{{4}})$)",
    )
)
CLOCK = re.compile(
    r"(?:(?P<before>上午|下午|晚上|凌晨|오전|오후|午前|午後)\s?)?(?<!\d)(?P<h>\d{1,2})\s?(?::"
    r"|h(?=[\d ]|$)|時|时|点|點|시|\.(?=\d\d(?!\d)))"
    r"\s?(?P<m>\d\d)?(?:[分분])?(?::(?P<s>\d\d))?(?:[.,]\d+)?\s*(?P<half>[ap]\.?\s?m\b\.?"
    r"|[ap](?=\s|$)"
    r"|صباحا|صباحًا|مساء|مساءً|ص(?!\w)|م(?!\w))?",
    re.IGNORECASE,
)
HOUR = re.compile(r"\b(?P<h>1[0-2]|0?[1-9])\s?(?P<half>[ap]\.?m\b\.?)", re.IGNORECASE)
LATER = ("p", "下午", "晚上", "오후", "午後", "مساء", "م")
OFFSET = re.compile(r"(?<![\d:])([+\-−])(0?\d|1[0-4]):?(\d\d)?(?!\d)")
# "2025-04-02 14.05": Python would read 14 hours and five hundredths of a second.
POINTED = re.compile(r"(?<=\d[ T]\d\d)\.(?=\d\d$)")
REGION = re.compile(r"\b(?:Africa|America|Asia|Atlantic|Australia|Europe|Pacific)/[A-Za-z_/]{3,30}")
LETTERS = re.compile(r"\b[A-Z]{1,5}\b")
# Hours ahead of UTC. The letters IST stand for three zones and are settled in `_zone`.
ZONES = {
    "UTC": 0,
    "GMT": 0,
    "UT": 0,
    "Z": 0,
    "WET": 0,
    "WEST": 1,
    "BST": 1,
    "CET": 1,
    "CEST": 2,
    "MEZ": 1,
    "MESZ": 2,
    "EET": 2,
    "EEST": 3,
    "MSK": 3,
    "PKT": 5,
    "NPT": 5.75,
    "WIB": 7,
    "ICT": 7,
    "SGT": 8,
    "HKT": 8,
    "JST": 9,
    "KST": 9,
    "AEST": 10,
    "AEDT": 11,
    "EST": -5,
    "EDT": -4,
    "CST": -6,
    "CDT": -5,
    "MST": -7,
    "MDT": -6,
    "PST": -8,
    "PDT": -7,
}
PLACES = {
    "ET": "America/New_York",
    "CT": "America/Chicago",
    "MT": "America/Denver",
    "PT": "America/Los_Angeles",
}
IST = {"Asia/Kolkata", "Europe/Dublin", "Asia/Jerusalem"}
# Where 04/02 is the second of April; the rest of America writes the day first.
MONTH_FIRST = re.compile(
    r"America/(?:New_York|Detroit|Chicago|Denver|Boise|Phoenix|Los_Angeles|Anchorage|Indiana/\w+"
    r"|Kentucky/\w+|North_Dakota/\w+)|Pacific/Honolulu|US/\w+"
)
YEAR_FIRST = re.compile(r"\d{4}[-/.]\s?\d{1,2}[-/.]")
WEEKDAY = re.compile(r"\b(Mon|Tue|Wed|Thu|Fri|Sat|Sun)", re.IGNORECASE)
WEEK = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
NEVER = datetime(1970, 1, 1, tzinfo=UTC)  # what a system writes that has no date
EARLIEST, LATEST = 1900, 2200


def moment(text: str, timezone: str, language: str = "") -> datetime | None:
    """A date as feeds and pages write it (ISO 8601, RFC 822, a language's own way) in UTC.

    `timezone` is an IANA name, for dates that name no zone, and says whose IST is meant. None
    where no date can be made out, and for the beginning of 1970, where computers begin to count.
    Day comes before month where both are numbers, but where a weekday beside them fits only the
    other order, or names none and `timezone` is of the USA; or it is UTC, which says nothing, and
    `language` (BCP 47) is en-US. A zone says more than a language: many systems call every site
    of theirs en-US.
    Raises zoneinfo's errors where `timezone` is no zone: settings checks it long before.
    """
    text = POINTED.sub(":", _digits(tidy(text[: AT_MOST * 2])))
    if not text or len(text) > AT_MOST:
        return None
    try:
        found, zone = _read(text, timezone, language)
        if not EARLIEST <= found.year <= LATEST:
            return None
        read = found.replace(tzinfo=zone).astimezone(UTC)
    except (ValueError, OverflowError):
        return None
    return None if read == NEVER else read


def names_hour(text: str) -> bool:
    """Whether a date that `moment` can read names an hour, and not the day alone."""
    text = _digits(tidy(text[: AT_MOST * 2]))
    if DIGITS.fullmatch(text) or EPOCH.fullmatch(text):
        return len(text) > 8
    try:
        datetime.fromisoformat(text)
        return len(text) > len("2025-04-02")
    except ValueError:
        pass
    try:
        rest = _day(text)[3]
    except ValueError:
        return False
    return bool(CLOCK.search(rest) or HOUR.search(rest))


def _read(text: str, timezone: str, language: str) -> tuple[datetime, tzinfo]:
    if EPOCH.fullmatch(text):
        seconds = int(text[:10])
        return datetime.fromtimestamp(seconds, UTC), UTC
    try:
        found = datetime.fromisoformat(text)
        return found, found.tzinfo or ZoneInfo(timezone)
    except ValueError:
        found, rest = _day_and_clock(text, american=_is_american(timezone, language))
        return found, _zone(rest, timezone)


def _digits(text: str) -> str:
    """The digits of Hindi, Arabic and others as 0 to 9."""
    return (
        text
        if text.isascii()
        else "".join(str(unicodedata.decimal(c)) if c.isdecimal() else c for c in text)
    )


def _is_american(timezone: str, language: str) -> bool:
    """Whether 04/02 is the second of April here."""
    named = timezone == "UTC" and language.lower() == "en-us"
    return named or bool(MONTH_FIRST.fullmatch(timezone))


def _day_and_clock(text: str, *, american: bool) -> tuple[datetime, str]:
    """Date and time without a zone, and what stands beside them; ValueError where there is none."""
    if found := DIGITS.fullmatch(text):
        return datetime(*(int(n or 0) for n in found.groups())), ""  # type: ignore[arg-type]  # noqa: DTZ001
    year, number, day, rest = _day(text, american=american)
    hours, minutes, seconds, rest = _clock(rest)
    # RFC 5322 allows a 60th second; ISO 8601 calls a day's end 24:00.
    midnight = (hours, minutes, seconds) == (24, 0, 0)
    found_at = datetime(year, number, day, 0 if midnight else hours, minutes, min(seconds, 59))  # noqa: DTZ001 - see `_zone`
    return found_at + timedelta(days=midnight), rest


def _day(text: str, *, american: bool = False) -> tuple[int, int, int, str]:
    for pattern in DAYS:
        for match in pattern.finditer(text):
            try:
                number = _month(match["m"])
            except ValueError:
                continue
            day, year = int(match["d"]), _year(match["y"])
            if match["m"].isdigit() and _is_month_first(
                text, (year, number, day), american=american
            ):
                number, day = day, number
            rest = f"{text[: match.start()]} {text[match.end() :]}"
            return year, number, day, rest
    raise ValueError(text)


def _is_month_first(text: str, read: tuple[int, int, int], *, american: bool) -> bool:
    """Whether numbers that were read as year, month and day have the month before the day."""
    year, number, day = read
    if max(number, day) > 12 or YEAR_FIRST.search(text):
        return number > 12 >= day
    if said := WEEKDAY.search(text):
        weekday = WEEK.index(said[1].lower())
        if date(year, number, day).weekday() == weekday:
            return False
        if date(year, day, number).weekday() == weekday:
            return True
    return "/" in text and american


def _month(word: str) -> int:
    return int(word) if word.isdigit() else month(word)


def _year(digits: str) -> int:
    # RFC 822 wrote two digits; RFC 5322 section 4.3 says which century they mean.
    digits = digits.lstrip("'")
    return int(digits) if len(digits) == 4 else int(digits) + (2000 if int(digits) < 50 else 1900)


def _clock(text: str) -> tuple[int, int, int, str]:
    clock = CLOCK.search(text) or HOUR.search(text)
    if clock is None:
        return 0, 0, 0, text
    parts = clock.groupdict()
    hours = int(parts["h"])
    half = (parts["half"] or parts.get("before") or "").lower()
    if half and hours <= 12:
        hours = hours % 12 + 12 * half.startswith(LATER)
    rest = f"{text[: clock.start()]} {text[clock.end() :]}"
    return hours, int(parts.get("m") or 0), int(parts.get("s") or 0), rest


def _region(name: str) -> tzinfo | None:
    try:
        return ZoneInfo(name)
    except (OSError, ValueError, KeyError):
        return None


def _zone(text: str, timezone: str) -> tzinfo:
    if offset := OFFSET.search(text):
        sign, hours, minutes = offset.groups()
        ahead = timedelta(hours=int(hours), minutes=int(minutes or 0))
        return fixed_zone(ahead if sign == "+" else -ahead)
    if (place := REGION.search(text)) and (region := _region(place[0])):
        return region
    known = ZONES.keys() | PLACES.keys() | {"IST"}
    letters = next((word for word in LETTERS.findall(text) if word in known), "")
    # India, Ireland and Israel all write IST; a source that stands in one of them decides.
    if letters == "IST":
        return ZoneInfo(timezone if timezone in IST else "Asia/Kolkata")
    if letters in PLACES:
        return ZoneInfo(PLACES[letters])
    return fixed_zone(timedelta(hours=ZONES[letters])) if letters else ZoneInfo(timezone)
