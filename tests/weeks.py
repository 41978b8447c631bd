"""A newsletter's week, played against the schedule's decisions with everything that goes wrong.

One seed is one week: a zone, mostly about a change of its clock; a rhythm; an editor who approves
or forgets; outages, crashes in the middle of a run, a clock that is put wrong and right again, a
relay that fails, or a database restored from a copy. What is true is kept apart from what the
database believes. Never here: what ought to have come of it (the test says that).
"""

import contextlib
import copy
import random
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from functools import cache
from zoneinfo import ZoneInfo, available_timezones

from digest.schedule import (
    Adopt,
    Approve,
    Begin,
    Close,
    Draft,
    Facts,
    Intent,
    Plan,
    Pulse,
    Send,
    Standing,
    Step,
    Tell,
    between,
    due,
    kept_since,
    restored,
    rhythm,
    slug,
)

ZONES = sorted(available_timezones() - {"localtime", "Factory"})
MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
RHYTHMS = (
    "monday 07:00", "day 07:00", "day 02:30", "sunday 01:30", "weekday 23:45", "day 00:00",
    "monday, thursday 02:15", "day 07:00, day 18:30", "first friday 07:00", "last day 02:00",
    "day 15 07:00", "last weekday 01:30",
)  # fmt: skip


class CrashedError(Exception):
    """The process was killed here."""


@dataclass
class Book:
    """What the database believes; this is what a backup holds."""

    steps: dict[tuple[datetime, str, str, str], Step] = field(default_factory=dict)
    issues: dict[int, Standing] = field(default_factory=dict)
    kept: Step | None = None
    pulse: Pulse | None = None
    held: datetime | None = None

    def note(self, step: Step) -> None:
        """One row for each due time, step, key and editor; an issue is for one due time."""
        if step.name == "drafted":
            for key, other in self.steps.items():
                if other.name == "drafted" and other.number == step.number:
                    self.steps[key] = replace(other, number=0)
        self.steps[step.due, step.name, step.key, step.whom] = step

    def next_number(self) -> int:
        """As the archive counts: a draft is replaced."""
        return max((n for n, s in self.issues.items() if s.state != "draft"), default=0) + 1


@dataclass(frozen=True)
class Sent:
    """The truth: the first mail of an issue went out, by the clock and in fact."""

    due: datetime
    number: int
    clock: datetime
    true: datetime
    run: int
    by_hand: bool = False


@dataclass
class Week:
    """One seed's world. `sent` and `told` are what the world saw."""

    seed: int
    sent: list[Sent] = field(default_factory=list)
    told: list[tuple[Tell, datetime]] = field(default_factory=list)
    book: Book = field(default_factory=Book)
    stamp: int = 0
    runs: int = 0
    offset: timedelta = timedelta(0)
    clock_was_wrong: bool = False
    was_restored: bool = False
    first_run: datetime | None = None

    def __post_init__(self) -> None:
        """Draw the week's circumstances."""
        draw = self.draw = random.Random(self.seed)  # noqa: S311 - no secret
        self.zone = draw.choice(ZONES)
        changes = _changes(self.zone)
        middle = (
            draw.choice(changes)
            if changes and draw.random() < 0.8
            else datetime(2024, 1, 1, tzinfo=UTC) + timedelta(minutes=draw.randrange(3_000_000))
        )
        self.start = middle - timedelta(minutes=draw.randrange(2 * 1440, 6 * 1440))
        self.end = self.start + 9 * DAY
        self.plan = Plan(
            rhythm=rhythm(draw.choice(RHYTHMS), self.zone, self._left_out()),
            draft=draw.choice((HOUR, 24 * HOUR, 72 * HOUR)),
            remind=draw.choice((timedelta(0), HOUR, 4 * HOUR)),
            late_at_most=draw.choice((30 * MINUTE, 12 * HOUR, 30 * HOUR)),
            expire=24 * HOUR,
            auto=draw.random() < 0.5,
            editors=("ed@example.org", "jo@example.org")[: draw.randrange(3)],
            spread=draw.choice((timedelta(0), DAY)),
        )
        self.trouble = draw.choice(("none", "outages", "crashes", "clock", "restore", "all"))

    def _left_out(self) -> list[date]:
        """The publisher's holidays: none, or some days of this week."""
        first = self.start.astimezone(ZoneInfo(self.zone)).date()
        return [
            first + n * DAY for n in self.draw.sample(range(10), self.draw.choice((0, 0, 1, 4)))
        ]

    def play(self) -> "Week":
        """From the first run to the last."""
        backup: Book | None = None
        for true in self._moments():
            self._editor(true)
            if self.trouble == "clock" or (self.trouble == "all" and not self.was_restored):
                self._clock()
            if self.trouble == "restore" and self.draw.random() < 0.05:
                if backup is None and self.runs:
                    backup = copy.deepcopy(self.book)
                elif backup is not None:
                    self.book, backup, self.was_restored = backup, None, True
            self.run(true)
        # A quiet end with a right clock, so that whatever is open gets its chance.
        self.offset, self.trouble = timedelta(0), "none"
        for hour in range(4):
            self.run(self.end + hour * HOUR)
        return self

    def run(self, true: datetime) -> None:
        """`digest run`, perhaps killed after some of its effects."""
        crashes = self.trouble in {"crashes", "all"} and self.draw.random() < 0.3
        self.left = self.draw.randrange(12) if crashes else -1
        self.true, self.runs = true, self.runs + 1
        self.first_run = self.first_run or true
        with contextlib.suppress(CrashedError):
            self._tick()

    @property
    def now(self) -> datetime:
        """What the clock says."""
        return self.true + self.offset

    def _tick(self) -> None:
        book, now = self.book, self.now
        last = book.pulse
        if restored(last, self.stamp, now):
            book.held = now
        count = max(last.count if last else 0, self.stamp) + 1
        book.pulse = Pulse(now, count)
        since = kept_since(book.kept, "rhythm", now)
        book.kept = Step(since, "kept", now, note="rhythm")
        self._effect()
        self.stamp = count
        tried: set[Intent] = set()
        while fresh := [i for i in self._intents() if i not in tried]:
            ordered = [i for i in fresh if not isinstance(i, Send)] or fresh
            for intent in ordered:
                tried.add(intent)
                self._act(intent)

    def _intents(self) -> list[Intent]:
        book = self.book
        steps = tuple(sorted(book.steps.values(), key=lambda step: (step.due, step.at)))
        since = book.kept.due if book.kept else self.now
        return due(self.plan, Facts(since, steps, dict(book.issues), book.held), self.now)

    def _act(self, intent: Intent) -> None:
        self._effect()
        match intent:
            case Draft():
                self._draft(intent)
            case Tell() if self.draw.random() < 0.1:
                pass  # the relay is not there
            case Tell():
                self.told.append((intent, self.true))
                self._effect()
                self._note(intent.due, "told", intent.key, intent.whom)
            case Approve() if self.draw.random() < 0.2:
                self._note(intent.due, "failed", slug("preflight", "no"), note="no")
            case Approve():
                self.book.issues[intent.number] = Standing("approved", self.now)
            case Begin() | Adopt():
                name = "begun" if isinstance(intent, Begin) else "drafted"
                self._note(intent.due, name, number=intent.number)
            case Send():
                self.send(intent.due, intent.number)
            case Close():
                self._note(intent.due, "closed", note=intent.note)

    def _draft(self, intent: Draft) -> None:
        book = self.book
        if intent.stale:
            book.issues[intent.stale] = Standing("draft")
            self._effect()
        if self.draw.random() < 0.15:
            self._note(intent.due, "tried")
            self._note(intent.due, "failed", "stories", note="none")
            return
        for number in [n for n, s in book.issues.items() if s.state == "draft"]:
            del book.issues[number]
        number = book.next_number()
        book.issues[number] = Standing("draft")
        self._effect()
        self._note(intent.due, "drafted", number=number)

    def send(self, due: datetime, number: int, *, by_hand: bool = False) -> None:
        """The ledger's part: rows are frozen once, whoever has it is left alone."""
        standing = self.book.issues[number]
        if standing.state == "approved":
            if self.draw.random() < 0.1:
                return  # the relay is not there
            self.book.issues[number] = Standing("sending", standing.approved_at)
            self.sent.append(Sent(due, number, self.now, self.true, self.runs, by_hand))
            self._effect()
        if self.draw.random() < 0.7:
            self.book.issues[number] = Standing("sent", standing.approved_at)

    def _note(
        self, due: datetime, name: str, key: str = "", whom: str = "", number: int = 0,
        note: str = "",
    ) -> None:  # fmt: skip
        self.book.note(Step(due, name, self.now, key, whom, number, note))

    def _effect(self) -> None:
        if self.left == 0:
            raise CrashedError
        self.left -= 1

    def _editor(self, true: datetime) -> None:
        drafts = [n for n, s in self.book.issues.items() if s.state == "draft"]
        self.true, self.left = true, -1
        if drafts and not self.plan.auto and self.draw.random() < 0.15:
            self.book.issues[max(drafts)] = Standing("approved", self.now)
            if self.draw.random() < 0.03:
                dues = [s.due for s in self.book.steps.values()
                        if s.name == "drafted" and s.number == max(drafts)]  # fmt: skip
                self.send(max(dues, default=true), max(drafts), by_hand=True)

    def _clock(self) -> None:
        if self.draw.random() < 0.06:
            self.clock_was_wrong = True
            wrong = (-DAY, -HOUR, -5 * MINUTE, 5 * MINUTE, HOUR, 13 * HOUR, 2 * DAY, 400 * DAY)
            self.offset = self.draw.choice(wrong) if not self.offset else timedelta(0)

    def _moments(self) -> Iterator[datetime]:
        """When it runs: mostly every hour or so, and about each moment that matters."""
        draw = self.draw
        moments = {self.start, self.end - HOUR}
        at = self.start
        while at < self.end:
            at += timedelta(seconds=draw.randrange(60, 6 * 3600))
            moments.add(at)
        assert self.plan.rhythm
        for moment in between(self.plan.rhythm, self.start, self.end):
            around = (moment, moment - self.plan.draft, moment + self.plan.late_at_most)
            moments |= {at + draw.choice((-1, 0, 1, 59)) * timedelta(seconds=1) for at in around}
        if self.trouble in {"outages", "all"}:
            for _ in range(draw.randrange(1, 4)):
                off = self.start + timedelta(minutes=draw.randrange(9 * 1440))
                back = off + draw.choice((10 * MINUTE, HOUR, 11 * HOUR, 20 * HOUR, 3 * DAY))
                moments = {at for at in moments if not off <= at < back}
        yield from sorted(at for at in moments if self.start <= at <= self.end)


@cache
def _changes(zone: str) -> list[datetime]:
    """When the zone's clock is put on or back, 2024 to 2030, to the day."""
    about = ZoneInfo(zone)
    days = [datetime(2024, 1, 1, tzinfo=UTC) + n * DAY for n in range(7 * 365)]
    offsets = [day.astimezone(about).utcoffset() for day in days]
    pairs = zip(days, offsets, offsets[1:], strict=False)
    return [day for day, before, after in pairs if before != after]
