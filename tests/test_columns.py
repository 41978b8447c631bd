"""Times as the tables keep them: however one came to stand there, it is read as it always was."""

from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import create_engine, literal, select, text

from subscribers.columns import Utc

ENGINE = create_engine("sqlite://")
ZONES = st.integers(-14 * 60, 14 * 60).map(lambda minutes: timezone(timedelta(minutes=minutes)))
MOMENTS = st.datetimes(datetime(2, 1, 1), datetime(9998, 1, 1), timezones=ZONES)  # noqa: DTZ001


def read(stored: str | None) -> Any:
    with ENGINE.connect() as connection:
        return connection.scalar(text("SELECT :it AS it").columns(it=Utc()), {"it": stored})


@given(MOMENTS)
def test_a_time_of_any_zone_is_read_as_the_same_moment_in_utc(moment: datetime) -> None:
    with ENGINE.connect() as connection:
        back = connection.scalar(select(literal(moment, Utc)))

    assert back == moment
    assert back is not None
    assert back.tzinfo is UTC


@pytest.mark.parametrize(
    ("stored", "moment"),
    [("2026-03-30 01:30:00.000001", datetime(2026, 3, 30, 1, 30, 0, 1, UTC)),
     ("2026-03-30T01:30:00.000000", datetime(2026, 3, 30, 1, 30, tzinfo=UTC)),
     ("2026-03-30 01:30:00", datetime(2026, 3, 30, 1, 30, tzinfo=UTC)),
     ("2026-03-30", datetime(2026, 3, 30, tzinfo=UTC)),
     # It is UTC whatever it says of itself: we write no zone.
     ("2026-03-30 01:30:00.00+0500", datetime(2026, 3, 30, 1, 30, tzinfo=UTC)),
     (None, None)],
)  # fmt: skip
def test_what_another_program_wrote_is_read_too(
    stored: str | None, moment: datetime | None
) -> None:
    assert read(stored) == moment


@pytest.mark.parametrize("stored", ["never", "2026-03-30 01:30:00.00000x", ""])
def test_what_is_no_time_is_not_taken_for_one(stored: str) -> None:
    with pytest.raises(ValueError, match="Invalid isoformat string"):
        read(stored)
