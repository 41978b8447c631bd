"""When the next issue is due, also where the clock jumps."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from digest.schedule import coming, latest, rhythm


@pytest.mark.parametrize("wrong", ["", "monday", "monday 24:00", "mon 07:00", "day 7:00"])
def test_a_rhythm_is_written_one_way(wrong: str) -> None:
    with pytest.raises(ValueError, match="monday 07:00"):
        rhythm(wrong, "UTC")


def test_monday_at_seven_in_new_delhi() -> None:
    due = coming(rhythm("monday 07:00", "Asia/Kolkata"), datetime(2026, 3, 28, tzinfo=UTC), 2)
    assert due == [
        datetime(2026, 3, 30, 1, 30, tzinfo=UTC),
        datetime(2026, 4, 6, 1, 30, tzinfo=UTC),
    ]


def test_the_wall_clock_holds_across_summer_time() -> None:
    due = coming(rhythm("day 07:00", "Europe/Berlin"), datetime(2026, 3, 27, 12, tzinfo=UTC), 3)
    assert [moment.hour for moment in due] == [6, 5, 5]


def test_a_skipped_time_is_due_once_and_a_doubled_one_the_first_time() -> None:
    spring = coming(rhythm("sunday 02:30", "Europe/Berlin"), datetime(2026, 3, 28, tzinfo=UTC))
    assert spring == [datetime(2026, 3, 29, 1, 30, tzinfo=UTC)]
    autumn = coming(
        rhythm("sunday 01:30", "America/New_York"), datetime(2026, 10, 31, tzinfo=UTC), 2
    )
    assert autumn[0] == datetime(2026, 11, 1, 5, 30, tzinfo=UTC)
    assert autumn[1] == datetime(2026, 11, 8, 6, 30, tzinfo=UTC)


@given(
    st.integers(1_700_000_000, 1_900_000_000).map(lambda at: datetime.fromtimestamp(at, UTC)),
    st.sampled_from(["Europe/Berlin", "America/New_York", "Asia/Kolkata", "UTC"]),
    st.sampled_from(["monday 07:00", "day 02:30", "sunday 01:30"]),
)
def test_what_was_last_due_is_followed_by_what_comes(now: datetime, zone: str, every: str) -> None:
    beat = rhythm(every, zone)
    last = latest(beat, now)
    following = coming(beat, now)[0]
    assert last <= now < following
    assert coming(beat, last)[0] == following
    assert following - last <= timedelta(days=7, hours=1)
