"""The article's dates, however they are written, and what is none."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from digest.articles import moment, names_hour


@pytest.mark.parametrize(
    ("text", "timezone", "expected"),
    [
        ("2025-04-02T01:20:00+05:30", "UTC", "2025-04-01T19:50"),
        ("2025-04-02 01:20:00", "Asia/Kolkata", "2025-04-01T19:50"),
        ("02-04-2025 01:20 IST", "UTC", "2025-04-01T19:50"),
        ("2025-04-02 14.05", "UTC", "2025-04-02T14:05"),
        ("Wed, 02 Apr 2025 24:00:00 GMT", "UTC", "2025-04-03T00:00"),
        ("Wed, 02 Apr 2025 14:05:60 GMT", "UTC", "2025-04-02T14:05:59"),
        ("Wed, 02 Apr 2025 14:05:00 America/New_York", "Asia/Kolkata", "2025-04-02T18:05"),
        ("Wed, 02 Apr 2025 14:05:00 Asia/Nowhere", "Asia/Kolkata", "2025-04-02T08:35"),
        ("02-04-2025 01:20 IST", "Asia/Kolkata", "2025-04-01T19:50"),
        ("02-04-2025 01:20 IST", "Asia/Jerusalem", "2025-04-01T22:20"),
        ("02-04-2025 01:20 IST", "America/New_York", "2025-04-01T19:50"),
        ("Wed, 04/02/2025 - 13:20", "UTC", "2025-04-02T13:20"),
        ("Tue, 04/02/2025 - 13:20", "America/New_York", "2025-02-04T18:20"),
        ("04/02/2025 13:20", "America/New_York", "2025-04-02T17:20"),
        ("04/02/2025 13:20", "America/Sao_Paulo", "2025-02-04T16:20"),
        ("04/02/2025 13:20", "Europe/London", "2025-02-04T13:20"),
        ("2025/04/02 13:20", "America/New_York", "2025-04-02T17:20"),
        ("04/16/2025", "UTC", "2025-04-16T00:00"),
        ("Wed, 02 Apr 25 01:20:00 +0530", "UTC", "2025-04-01T19:50"),
        ("Wed, 02 Apr 2025 01:20:00 EST", "UTC", "2025-04-02T06:20"),
        ("Wed, 02 Apr 2025 01:20:00", "Europe/Berlin", "2025-04-01T23:20"),
        ("April 2nd, 2025 1:20 p.m.", "UTC", "2025-04-02T13:20"),
        ("20250402", "UTC", "2025-04-02T00:00"),
        ("20250402031500", "UTC", "2025-04-02T03:15"),
        ("1743537000", "Asia/Tokyo", "2025-04-01T19:50"),
        ("2 avril 2025 à 14h30", "Europe/Paris", "2025-04-02T12:30"),
        ("2. April 2025, 14:30 Uhr", "Europe/Berlin", "2025-04-02T12:30"),
        ("02 अप्रैल 2025, 01:20 AM IST", "UTC", "2025-04-01T19:50"),
        ("٢ أبريل ٢٠٢٥", "UTC", "2025-04-02T00:00"),
        ("2025年4月2日 14:30", "Asia/Shanghai", "2025-04-02T06:30"),
        ("2025년 4월 2일 오후 2:30", "Asia/Seoul", "2025-04-02T05:30"),
        ("2 апреля 2025, 14:30", "Europe/Moscow", "2025-04-02T11:30"),
        ("March 18, 2015 at 5:12 PM ET", "UTC", "2015-03-18T21:12"),
        ("Wed Apr 02 01:20:00 +0530 2025", "UTC", "2025-04-01T19:50"),
        # The figures of a second date are no offset from UTC.
        (
            "Publié le 30 mars 2025 à 18h05, modifié le 31 mars 2025 à 09h12",
            "Europe/Paris",
            "2025-03-30T16:05",
        ),
        ("2 April 2025 13:20 \u22120400", "UTC", "2025-04-02T17:20"),
    ],
)
def test_moment(text: str, timezone: str, expected: str) -> None:
    assert moment(text, timezone) == datetime.fromisoformat(expected).replace(tzinfo=UTC)


@pytest.mark.parametrize(
    ("timezone", "language", "month"),
    [
        ("UTC", "en-US", 4),
        ("UTC", "en-GB", 2),
        ("UTC", "", 2),
        ("Asia/Kolkata", "en-US", 2),
        ("America/Chicago", "", 4),
    ],
)
def test_a_date_of_two_small_numbers_is_read_as_its_readers_do(
    timezone: str, language: str, month: int
) -> None:
    found = moment("04/02/2025 13:20", timezone, language)
    assert found is not None
    assert found.month == month


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("2025-04-02", False),
        ("20250402", False),
        ("02.04.2025", False),
        ("April 2, 2025", False),
        ("2025年4月2日", False),
        ("2025-04-02T00:00:00Z", True),
        ("1743537000", True),
        ("02.04.2025 13:20 Uhr", True),
        ("2 avril 2025 à 14h30", True),
        ("2 April 2025, 5 pm", True),
        ("yesterday at 5 pm", False),
    ],
)
def test_a_date_may_name_the_day_alone(text: str, names: bool) -> None:
    assert names_hour(text) is names


@pytest.mark.parametrize(
    "text", ["", "yesterday", "32 Apr 2025", "0001-01-01", "2025-13-45", "9" * 500]
)
def test_moment_of_no_date(text: str) -> None:
    assert moment(text, "Asia/Kolkata") is None


@given(st.text())
def test_moment_of_any_text_is_utc_or_none(text: str) -> None:
    found = moment(text, "Asia/Kolkata")
    assert found is None or found.tzinfo is UTC


@pytest.mark.parametrize("letters", ["न", "नि", "ก", "ที่", "م", "مَ", "e\u0301", "a\u200c"])
def test_letters_without_end_are_no_date(letters: str) -> None:
    # 2 ** 60 ways to divide them once: the test then has no end.
    assert moment(letters * 60 + " x", "UTC") is None
    assert moment("2 " + letters * 60, "UTC") is None


@pytest.mark.parametrize(
    "never", ["Thu, 01 Jan 1970 00:00:00 GMT", "1970-01-01T00:00:00Z", "0001-01-01T00:00:00Z"]
)
def test_the_beginning_of_the_epoch_is_no_date(never: str) -> None:
    assert moment(never, "UTC") is None
    assert moment("1970-01-02T00:00:00Z", "UTC") == datetime(1970, 1, 2, tzinfo=UTC)
