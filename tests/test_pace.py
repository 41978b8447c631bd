"""Budgets, shares and the brake, reckoned: never more than the budget, and everybody in the end."""

from collections import Counter
from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from digest import pace
from digest.pace import Brake, Budget, Rate, Shares, Spent

NOW = datetime(2026, 3, 30, 1, 30, tzinfo=UTC)
SECOND, HOUR, DAY = timedelta(seconds=1), timedelta(hours=1), timedelta(days=1)

rates = st.builds(
    Rate, st.integers(1, 400), st.sampled_from([SECOND, timedelta(minutes=1), HOUR])
)  # fmt: skip
# One sender's clock differs from another's, and is put back now and then, by less than an hour.
clocks = st.lists(
    st.tuples(st.floats(0, 90), st.integers(-1700, 1700), st.integers(1, 300)), max_size=30
)


def spent_by(budget: Budget, visits: list[tuple[float, int, int]]) -> list[tuple[datetime, int]]:
    """What is granted to senders who ask in turn, each by its own clock, all by one memory."""
    spent, true, granted = Spent(), NOW, []
    for passed, skew, wanted in visits:
        true += timedelta(seconds=passed)
        now = true + timedelta(seconds=skew)
        may = pace.available(budget, spent, now, piecemeal=wanted % 2 == 0)
        count = wanted if may is None else min(may, wanted)
        spent = pace.spend(budget, spent, count, now)
        granted.append((now, count))
    return granted


@given(rates, clocks)
def test_in_no_window_goes_more_than_the_rate(
    rate: Rate, visits: list[tuple[float, int, int]]
) -> None:
    granted = spent_by(Budget(rate), visits)
    for start, _ in granted:
        inside = sum(count for at, count in granted if start <= at < start + rate.window)
        assert inside <= rate.number


@given(st.integers(1, 500), st.lists(st.integers(1, 300), max_size=5), clocks)
def test_on_no_day_goes_more_than_its_cap(
    daily: int, plan: list[int], visits: list[tuple[float, int, int]]
) -> None:
    budget = Budget(daily=daily, warm_up=tuple(plan), begins=NOW.date() if plan else None)
    stretched = [(passed * 400, skew, wanted) for passed, skew, wanted in visits]
    days = Counter[date]()
    for at, count in spent_by(budget, stretched):
        days[at.date()] += count
    for day, count in days.items():
        cap = budget.cap(day)
        assert cap is not None
        assert count <= cap <= daily


@given(
    st.none() | rates,
    st.integers(0, 50),
    st.integers(1, 100),
    st.lists(st.integers(1, 30), max_size=4),
)
def test_everybody_goes_in_the_end_and_never_sooner_than_said(
    rate: Rate | None, daily: int, readers: int, plan: list[int]
) -> None:
    budget = Budget(rate, daily, warm_up=tuple(plan), begins=NOW.date() if plan else None)
    spent, now, rounds = Spent(), NOW, 0
    while readers:
        may = pace.available(budget, spent, now)
        count = readers if may is None else min(may, readers)
        if count == 0:
            free = pace.free_at(budget, spent, now)
            assert free > now
            before = free - timedelta(microseconds=1)
            assert before == now or pace.available(budget, spent, before) == 0
            now = free
        spent = pace.spend(budget, spent, count, now)
        readers -= count
        rounds += 1
        assert rounds < 300


@given(rates, st.integers(0, 100))
def test_an_even_flow_is_nine_tenths_of_the_rate_or_more(rate: Rate, rests: int) -> None:
    spent, sent, end = Spent(), 0, NOW + 2 * rate.window
    now = NOW
    while now < end:
        may = pace.available(Budget(rate), spent, now)
        assert may is not None
        spent = pace.spend(Budget(rate), spent, may, now)
        sent += may
        now = max(pace.free_at(Budget(rate), spent, now), now + rate.window * rests / 100)
        rests = 0
    assert sent >= 0.85 * rate.number


def test_a_clock_that_ran_ahead_is_not_believed_for_ever() -> None:
    budget = Budget(Rate(10, SECOND), daily=100)
    ahead = pace.spend(budget, Spent(), 1, NOW + timedelta(days=400))
    assert pace.available(budget, ahead, NOW) == 1
    # Less than an hour may be another machine's clock: it is waited for.
    near = pace.spend(budget, Spent(), 1, NOW + timedelta(minutes=50))
    assert pace.available(budget, near, NOW) == 0
    assert pace.free_at(budget, near, NOW) > NOW + timedelta(minutes=49)


def test_of_a_day_a_relay_takes_a_tenth_at_a_time() -> None:
    budget = Budget(daily=100)
    assert pace.available(budget, Spent(), NOW) == 100
    assert pace.available(budget, Spent(), NOW, piecemeal=True) == 10
    nearly = Spent(None, NOW.date(), 97)
    assert pace.available(budget, nearly, NOW, piecemeal=True) == 3
    assert pace.available(Budget(daily=3), Spent(), NOW, piecemeal=True) == 1


def test_a_warm_up_rises_day_by_day_and_ends() -> None:
    budget = Budget(daily=800, warm_up=(50, 100, 1000), begins=date(2026, 4, 1))
    caps = [budget.cap(date(2026, 4, 1) + n * DAY) for n in range(-2, 5)]
    assert caps == [50, 50, 50, 100, 800, 800, 800]
    assert Budget(warm_up=(5,), begins=date(2026, 4, 1)).cap(date(2026, 4, 2)) is None


def test_what_was_not_sent_is_given_back_to_its_day_alone() -> None:
    budget = Budget(daily=10)
    spent = pace.spend(budget, Spent(), 4, NOW)
    assert pace.give_back(spent, 3, NOW).used == 1
    assert pace.give_back(spent, 3, NOW + DAY).used == 4


def test_those_who_wait_get_moments_within_the_budget() -> None:
    budget = Budget(Rate(60, timedelta(minutes=1)), daily=3)
    moments = pace.slots(budget, NOW)
    found = [next(moments) for _ in range(7)]
    assert found == sorted(found)
    assert max(Counter(moment.date() for moment in found).values()) == 3


@pytest.mark.parametrize(
    ("text", "rate"),
    [("10/s", Rate(10, SECOND)), ("600/m", Rate(600, timedelta(minutes=1))),
     (" 1000 / h ", Rate(1000, HOUR)), ("7", Rate(7, SECOND)), ("0", None), ("", None)],
)  # fmt: skip
def test_a_rate_is_read(text: str, rate: Rate | None) -> None:
    assert pace.rate(text) == rate


@pytest.mark.parametrize("text", ["fast", "10/d", "-1/s", "1.5/s", "10/s/s", "99999999/s"])
def test_what_is_no_rate_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="a rate is written"):
        pace.rate(text)


def test_a_domain_that_asked_for_less_gets_none_then_one_then_one_more() -> None:
    minutes = [0, 9.99, 10, 11.9, 12, 14, 50]
    given = [pace.connections_after(NOW, NOW + timedelta(minutes=m)) for m in minutes]
    assert given == [0, 0, 1, 1, 2, 3, 21]


BRAKE = Brake(first=100, refused=10.0, complaints=0.5)


@pytest.mark.parametrize(
    ("settled", "refused", "stops"),
    [(19, 19, False), (20, 2, False), (20, 3, True), (100, 10, False), (100, 11, True)],
)
def test_the_brake_looks_at_a_sample_that_is_large_enough(
    settled: int, refused: int, stops: bool
) -> None:
    assert bool(pace.too_many_refused(BRAKE, settled, refused)) == stops
    assert not pace.too_many_refused(Brake(0, 10.0, 0.5), settled, refused)


@pytest.mark.parametrize(
    ("sent", "complaints", "stops"),
    [(10, 2, False), (10, 3, True), (600, 3, False), (599, 3, True), (0, 3, False)],
)
def test_complaints_are_looked_at_from_three_on(sent: int, complaints: int, stops: bool) -> None:
    assert bool(pace.too_many_complaints(BRAKE, sent, complaints)) == stops


@given(
    st.lists(st.integers(1, 9), min_size=2, max_size=4),
    st.lists(st.tuples(st.integers(0, 3), st.integers(1, 500)), min_size=20, max_size=80),
)
def test_shares_follow_the_weights_whoever_asks_how_often(
    weights: list[int], asked: list[tuple[int, int]]
) -> None:
    names = {str(n): weight for n, weight in enumerate(weights)}
    shares, taken = Shares(names, 0.0), Counter[str]()
    for turn, name in enumerate([*names, *(str(n % len(weights)) for n, _ in asked)]):
        wanted = asked[turn % len(asked)][1]
        room = shares.room(name, turn / 1000)
        assert room is not None
        shares.took(name, min(room, wanted))
        taken[name] += min(room, wanted)
    even = [taken[name] / weight for name, weight in names.items()]
    group = Shares.GROUP / sum(weights)
    assert max(even) - min(even) <= group + 2


def test_a_relay_that_takes_nothing_holds_nobody_up() -> None:
    shares = Shares({"a": 1, "b": 1}, 0.0)
    assert shares.room("b", 0.0)
    taken = 0
    for _ in range(10):
        room = shares.room("a", 1.0) or 0
        shares.took("a", room)
        taken += room
    assert taken == 20  # its half of a group; b has not come back for more
    assert shares.room("a", 1.0) == 0
    assert (shares.room("a", 1.0 + Shares.STALL) or 0) > 0
    shares.took("a", 500)
    # Back again it goes on from where the others are, without a debt to claim.
    assert shares.room("b", 12.0) == 20
    shares.rest("b")
    assert (shares.room("a", 12.0) or 0) > 0


def test_one_relay_alone_takes_what_it_likes() -> None:
    assert Shares({"a": 3}, 0.0).room("a", 0.0) is None
