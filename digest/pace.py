"""How much, how fast, by which relay, and when to stop: the arithmetic of budgets. Pure.

A budget is kept by a token bucket whose whole memory is one moment (the virtual scheduling of
ATM's GCRA) and by a count for a UTC day, so that a row of a table holds it for all senders.
Never here: a relay's reply (outcomes), where budgets are kept (ledger), or a clock.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta

SKEW = timedelta(hours=1)  # what is written further ahead than this is a clock's fault
QUIET = timedelta(minutes=10)  # for which a domain is left alone that asked for less
STEP = timedelta(minutes=2)  # and then one connection, and after each of these one more
LEAST = 20  # deliveries settled, complaints apart: fewer are no sample
ALARMING = 3  # complaints; fewer may be anybody's slip of the finger
_DAY = timedelta(days=1)
_UNITS = {"s": timedelta(seconds=1), "m": timedelta(minutes=1), "h": timedelta(hours=1)}


@dataclass(frozen=True, slots=True)
class Rate:
    """At most `number` in any window of this length."""

    number: int
    window: timedelta

    @property
    def burst(self) -> int:
        """How many may go at once after a rest."""
        return max(1, self.number // 10)

    @property
    def interval(self) -> timedelta:
        """Between two of an even flow: with a burst in the same window it is `number` still."""
        flowing = self.number - self.burst + 1
        return timedelta(microseconds=-(-(self.window // timedelta(microseconds=1)) // flowing))


@dataclass(frozen=True, slots=True)
class Budget:
    """What a relay, or a domain of recipients, is given; 0 and None: no limit.

    `warm_up`: how many on each day from `begins` on, on the days before as on the first.
    `concurrency`: connections at a time, of all senders together.
    """

    rate: Rate | None = None
    daily: int = 0
    concurrency: int = 0
    warm_up: tuple[int, ...] = ()
    begins: date | None = None

    @property
    def counts(self) -> bool:
        """Whether messages are to be counted at all."""
        return self.rate is not None or self.daily > 0 or bool(self.warm_up)

    def cap(self, day: date) -> int | None:
        """How many may go on that UTC day; None where nothing is said."""
        caps = [self.daily] if self.daily else []
        number = max(0, (day - self.begins).days) if self.begins else 0
        if number < len(self.warm_up):
            caps.append(self.warm_up[number])
        return min(caps, default=None)


@dataclass(frozen=True, slots=True)
class Spent:
    """What is remembered: up to when the flow is taken, and how many went on the last day."""

    flow: datetime | None = None
    day: date | None = None
    used: int = 0


def rate(text: str) -> Rate | None:
    """Read "10/s", "600/m", "1000/h"; a bare number is a second's; 0 or "" is no limit.

    Raises ValueError for anything else.
    """
    found = re.fullmatch(r"\s*(\d{1,7})\s*(?:/\s*([smh]))?\s*", text or "0")
    if not found:
        raise ValueError('a rate is written "10/s", "600/m" or "1000/h"; 0 is no limit')
    return Rate(int(found[1]), _UNITS[found[2] or "s"]) if int(found[1]) else None


def available(
    budget: Budget, spent: Spent, now: datetime, *, piecemeal: bool = False
) -> int | None:
    """How many may go now, at once; None: as many as you like.

    `piecemeal`: of what is left of the day no more than a tenth of the whole, for what a killed
    sender had taken is lost to the day.
    """
    spent = _believed(budget, spent, now)
    numbers: list[int] = []
    if budget.rate:
        room = _ceiling(budget.rate, now) - max(spent.flow or now, now)
        numbers.append(max(0, room // budget.rate.interval + 1))
    today = _day(now)
    if (cap := budget.cap(today)) is not None:
        left = max(0, cap - spent.used) if spent.day == today else cap
        left = min(left, max(1, cap // 10)) if piecemeal else left
        numbers.append(0 if spent.day and spent.day > today else left)
    return min(numbers, default=None)


def spend(budget: Budget, spent: Spent, count: int, now: datetime) -> Spent:
    """What is to be remembered when so many go now."""
    if count == 0:
        return spent
    spent = _believed(budget, spent, now)
    today = _day(now)
    flow = spent.flow
    if budget.rate:
        flow = max(flow or now, now) + count * budget.rate.interval
    used = spent.used if spent.day and spent.day >= today else 0
    return Spent(flow, max(spent.day or today, today), used + count)


def give_back(spent: Spent, count: int, now: datetime) -> Spent:
    """So many were not sent after all: the day has them again. The flow comes back by itself."""
    if spent.day != _day(now):
        return spent
    return replace(spent, used=max(0, spent.used - count))


def free_at(budget: Budget, spent: Spent, now: datetime) -> datetime:
    """When the next may go: `now`, or a later moment."""
    spent = _believed(budget, spent, now)
    moments = [now]
    if budget.rate and spent.flow:
        moments.append(spent.flow - (budget.rate.burst - 1) * budget.rate.interval)
    today = _day(now)
    if spent.day and spent.day > today:
        moments.append(_midnight(spent.day))
    elif (cap := budget.cap(today)) is not None and spent.day == today and spent.used >= cap:
        moments.append(_midnight(today + _DAY))
    return max(moments)


def slots(budget: Budget, start: datetime) -> Iterator[datetime]:
    """The moments from `start` on at which one more may go, if nobody else asks: for those who
    wait, so that each is looked at about when its turn comes."""
    moment, day, count = start, _day(start), 0
    while True:
        cap = budget.cap(day)
        if cap is not None and count >= cap:
            day, count = day + _DAY, 0
            moment = max(moment, _midnight(day))
        yield moment
        count += 1
        moment += budget.rate.interval if budget.rate else timedelta(0)
        if _day(moment) != day:
            day, count = _day(moment), 0


def connections_after(slowed: datetime, now: datetime) -> int:
    """How many connections a domain is given that asked for less at `slowed`: for ten minutes
    none, then one, then one more at a time."""
    quiet = now - slowed
    return 0 if quiet < QUIET else 1 + (quiet - QUIET) // STEP


@dataclass(frozen=True, slots=True)
class Brake:
    """When an issue pauses itself: looked at among the `first` so many; thresholds in percent."""

    first: int
    refused: float
    complaints: float


def too_many_refused(brake: Brake, settled: int, refused: int) -> str:
    """Why the issue is to pause, or "": a sample that is large enough, and too many of it."""
    if not brake.first or settled < min(LEAST, brake.first):
        return ""
    share = 100 * refused / settled
    if share <= brake.refused:
        return ""
    shares = f"{share:.3g} %, over {brake.refused:g} %"
    return f"{refused} of the first {settled} were refused ({shares})"


def too_many_complaints(brake: Brake, sent: int, complaints: int) -> str:
    """Why the issue is to pause, or ""."""
    if not brake.first or complaints < ALARMING or not sent:
        return ""
    share = 100 * complaints / sent
    if share <= brake.complaints:
        return ""
    return (
        f"{complaints} of {sent} who were sent it complained "
        f"({share:.3g} %, over {brake.complaints:g} %)"
    )


class Shares:
    """Who of several relays may take how many, so that each has its weight of the whole.

    A relay that takes nothing for a while (`STALL` seconds) or has left holds nobody up: its
    share goes to the others, and it has no debt to claim when it comes back.
    """

    STALL = 10.0
    GROUP = 40  # messages by which the shares may differ, more or less

    def __init__(self, weights: Mapping[str, int], seconds: float) -> None:
        """`seconds`: now, by a steady clock."""
        self._weights = dict(weights)
        self._given = dict.fromkeys(weights, 0.0)  # by weight
        self._seen = dict.fromkeys(weights, seconds)

    def room(self, name: str, seconds: float) -> int | None:
        """How many it may take at this moment; None: as many as it likes."""
        if not self._active(name, seconds):
            self._given[name] = max(self._given[name], self._level(name, seconds))
        self._seen[name] = seconds
        if len(self._weights) == 1:
            return None
        lead = self._given[name] - self._level(name, seconds)
        most = self.GROUP * self._weights[name] / sum(self._weights.values())
        return max(0, round(max(1.0, most) - lead * self._weights[name]))

    def took(self, name: str, count: int) -> None:
        """It took so many."""
        self._given[name] += count / self._weights[name]

    def rest(self, name: str) -> None:
        """It can take nothing for now."""
        self._seen[name] = float("-inf")

    def _active(self, name: str, seconds: float) -> bool:
        return seconds - self._seen[name] < self.STALL

    def _level(self, name: str, seconds: float) -> float:
        # What the one furthest behind has; alone, one is never ahead.
        others = [
            given
            for other, given in self._given.items()
            if other != name and self._active(other, seconds)
        ]
        return min(others, default=self._given[name])


def _ceiling(rate: Rate, now: datetime) -> datetime:
    return now + (rate.burst - 1) * rate.interval


def _believed(budget: Budget, spent: Spent, now: datetime) -> Spent:
    # Clocks differ by seconds; one that ran ahead by hours must not stop all mail till then.
    if spent.flow and budget.rate:
        furthest = _ceiling(budget.rate, now) + budget.rate.interval + SKEW
        if spent.flow > furthest:
            spent = replace(spent, flow=None)
    if spent.day and _midnight(spent.day) > now + SKEW:
        spent = replace(spent, day=_day(now))
    return spent


def _day(moment: datetime) -> date:
    return moment.astimezone(UTC).date()


def _midnight(day: date) -> datetime:
    return datetime.combine(day, time(), UTC)
