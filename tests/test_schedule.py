"""When the next issue is due, also where the clock jumps."""

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo, available_timezones

import pytest
from hypothesis import given
from hypothesis import strategies as st

from digest.schedule import between, by_the_clock_of, coming, left_out, oddity, rhythm, shift

ZONES = sorted(available_timezones() - {"localtime", "Factory"})
PATTERNS = [
    "monday 07:00",
    "day 02:30",
    "weekday 01:30",
    "monday, thursday 07:00",
    "saturday 09:00, sunday 02:15",
    "first friday 07:00",
    "last day 23:59",
    "day 15 00:00",
    "last weekday 07:00, second monday 00:05",
]
MOMENTS = st.integers(1_500_000_000, 1_900_000_000).map(lambda at: datetime.fromtimestamp(at, UTC))


@pytest.mark.parametrize(
    "wrong",
    ["", "monday", "monday 24:00", "mon 07:00", "day 7:00", "day 29 07:00", "day 0 07:00",
     "fifth friday 07:00", "first day 3 07:00", "friday 3 07:00", "monday 07:00,", "07:00",
     "monday 07:00, thursday"],
)  # fmt: skip
def test_a_rhythm_is_written_one_way(wrong: str) -> None:
    with pytest.raises(ValueError, match="monday 07:00"):
        rhythm(wrong, "UTC")


@pytest.mark.parametrize(
    ("every", "said"),
    [
        ("monday 25:00", '"25:00" is no day and no time'),
        ("funday 07:00", '"funday" is no'),
        ("monday 07:00, fifth friday 07:00", '"fifth" is no'),
        ("monday", '"monday" has no time of day'),
        ("friday first 07:00", '"friday first 07:00" is no rhythm'),
    ],
)
def test_the_wrong_word_is_named(every: str, said: str) -> None:
    with pytest.raises(ValueError, match=said) as error:
        rhythm(every, "UTC")
    assert "a rhythm is written" in str(error.value)


@pytest.mark.parametrize(
    ("every", "expected"),
    [
        ("monday 07:00", ["06-01 07:00", "06-08 07:00", "06-15 07:00"]),
        ("Monday,  Thursday 07:00", ["06-01 07:00", "06-04 07:00", "06-08 07:00"]),
        ("monday 07:00, thursday 18:30", ["06-01 07:00", "06-04 18:30", "06-08 07:00"]),
        ("weekday 07:00", ["06-01 07:00", "06-02 07:00", "06-03 07:00"]),
        ("day 07:00, day 18:30", ["06-01 07:00", "06-01 18:30", "06-02 07:00"]),
        ("first friday 07:00", ["06-05 07:00", "07-03 07:00", "08-07 07:00"]),
        ("last friday 07:00", ["06-26 07:00", "07-31 07:00", "08-28 07:00"]),
        ("fourth tuesday 07:00", ["06-23 07:00", "07-28 07:00", "08-25 07:00"]),
        ("first day 07:00", ["06-01 07:00", "07-01 07:00", "08-01 07:00"]),
        ("last day 07:00", ["06-30 07:00", "07-31 07:00", "08-31 07:00"]),
        ("day 15 07:00", ["06-15 07:00", "07-15 07:00", "08-15 07:00"]),
        ("last weekday 07:00", ["06-30 07:00", "07-31 07:00", "08-31 07:00"]),
        ("monday 07:00, day 07:00", ["06-01 07:00", "06-02 07:00", "06-03 07:00"]),
    ],
)
def test_what_can_be_written(every: str, expected: list[str]) -> None:
    due = coming(rhythm(every, "UTC"), datetime(2026, 5, 31, 23, 59, 59, tzinfo=UTC), 3)
    assert [f"{moment:%m-%d %H:%M}" for moment in due] == expected


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
    beat = rhythm("sunday 02:30", "Europe/Berlin")
    spring = coming(beat, datetime(2026, 3, 28, tzinfo=UTC))
    assert spring == [datetime(2026, 3, 29, 1, 30, tzinfo=UTC)]
    assert oddity(beat, spring[0]) == "skipped"
    beat = rhythm("sunday 01:30", "America/New_York")
    autumn = coming(beat, datetime(2026, 10, 31, tzinfo=UTC), 2)
    assert autumn[0] == datetime(2026, 11, 1, 5, 30, tzinfo=UTC)
    assert autumn[1] == datetime(2026, 11, 8, 6, 30, tzinfo=UTC)
    assert [oddity(beat, due) for due in autumn] == ["doubled", ""]


def test_a_skipped_time_may_be_later_than_one_that_is_not() -> None:
    beat = rhythm("day 02:45, day 03:15", "Europe/Berlin")
    due = coming(beat, datetime(2026, 3, 28, 12, tzinfo=UTC), 2)
    assert [f"{moment:%H:%M}" for moment in due] == ["01:15", "01:45"]


def test_a_day_that_a_zone_leaves_out_is_not_lost() -> None:
    # Samoa went over the date line: there was no 30 December 2011, a Friday.
    due = coming(rhythm("friday 07:00", "Pacific/Apia"), datetime(2011, 12, 28, tzinfo=UTC), 2)
    assert due == [datetime(2011, 12, 30, 17, tzinfo=UTC), datetime(2012, 1, 5, 17, tzinfo=UTC)]


def test_days_can_be_left_out() -> None:
    beat = rhythm("friday 07:00", "Europe/Berlin", [date(2026, 12, 25), date(2027, 1, 1)])
    start = datetime(2026, 12, 17, tzinfo=UTC)
    due = coming(beat, start, 2)
    assert [f"{moment:%m-%d}" for moment in due] == ["12-18", "01-08"]
    none = left_out(beat, start, due[-1])
    assert [f"{moment:%m-%d}" for moment in none] == ["12-25", "01-01"]


def test_a_year_may_be_left_out() -> None:
    none = [date(2026, 1, 1) + timedelta(days=n) for n in range(365)]
    beat = rhythm("first monday 07:00", "UTC", none)
    assert coming(beat, datetime(2026, 1, 1, tzinfo=UTC)) == [datetime(2027, 1, 4, 7, tzinfo=UTC)]


@given(MOMENTS, st.sampled_from(ZONES), st.sampled_from(PATTERNS))
def test_what_comes_is_whole_and_in_order(now: datetime, zone: str, every: str) -> None:
    beat = rhythm(every, zone)
    first, second = coming(beat, now, 2)
    assert now < first < second <= now + timedelta(days=70)
    assert coming(beat, first) == [second]
    assert between(beat, now, second) == [first, second]
    assert between(beat, first, second - timedelta(seconds=1)) == []


@given(MOMENTS, st.sampled_from(ZONES))
def test_each_day_has_one_due_time_by_its_own_clock(now: datetime, zone: str) -> None:
    due = coming(rhythm("day 02:30", zone), now, 10)
    days = [moment.astimezone(ZoneInfo(zone)).date() for moment in due]
    assert days == [days[0] + timedelta(days=n) for n in range(10)]
    for moment in due:
        local = moment.astimezone(ZoneInfo(zone))
        assert local.fold == 0
        assert f"{local:%H:%M}" == "02:30" or oddity(rhythm("day 02:30", zone), moment)


@pytest.mark.parametrize(
    ("due", "zone", "expected"),
    [
        ("2026-03-30 01:30", "Asia/Kolkata", "2026-03-30 01:30"),
        ("2026-03-30 01:30", "Australia/Sydney", "2026-03-30 01:30"),  # past seven there
        ("2026-03-30 01:30", "Europe/Madrid", "2026-03-30 05:00"),  # since Sunday in summer time
        ("2026-03-30 01:30", "America/Los_Angeles", "2026-03-30 14:00"),
        ("2026-03-30 01:30", "Etc/GMT+12", "2026-03-30 19:00"),
    ],
)
def test_by_the_clock_of_a_reader(due: str, zone: str, expected: str) -> None:
    beats = rhythm("monday 07:00", "Asia/Kolkata")
    moment = by_the_clock_of(beats, datetime.fromisoformat(f"{due}+00:00"), zone)
    assert moment == datetime.fromisoformat(f"{expected}+00:00")


def test_by_a_clock_that_goes_forward_over_the_time() -> None:
    beats = rhythm("sunday 02:30", "Africa/Nairobi")
    due = datetime(2026, 3, 28, 23, 30, tzinfo=UTC)
    # 02:30 is not there in Berlin on that day: as long after midnight as ever, 03:30.
    assert by_the_clock_of(beats, due, "Europe/Berlin") == datetime(2026, 3, 29, 1, 30, tzinfo=UTC)


@given(st.sampled_from(PATTERNS), st.sampled_from(ZONES), st.sampled_from(ZONES), MOMENTS)
def test_by_any_clock_it_is_that_time_and_at_most_a_day_later(
    every: str, here: str, there: str, now: datetime
) -> None:
    beats = rhythm(every, here)
    (due,) = coming(beats, now)
    moment = by_the_clock_of(beats, due, there)
    assert due <= moment <= due + timedelta(days=1)
    assert by_the_clock_of(beats, due, here) == due
    if due < moment < due + timedelta(days=1) and not oddity(beats, due):
        wall, shown = due.astimezone(ZoneInfo(here)), moment.astimezone(ZoneInfo(there))
        jump = shift(there, moment - timedelta(hours=3), moment)
        assert shown.replace(tzinfo=None) in (
            wall.replace(tzinfo=None), wall.replace(tzinfo=None) + jump,
        )  # fmt: skip


def test_by_how_much_a_clock_is_put() -> None:
    march = [datetime(2026, 3, day, 6, tzinfo=UTC) for day in (28, 29)]
    assert shift("Europe/Berlin", *march) == timedelta(hours=1)
    assert shift("Europe/Berlin", march[1], march[0]) == -timedelta(hours=1)
    assert shift("Asia/Kolkata", *march) == timedelta(0)
