"""Plan, facts, now -> intents: what is to be done for a newsletter, and for which due time.

    drafted -> (told) -> approved -> begun -> sent: closed
                  \\-> too late, or the next one is due: told why, closed

One due time is cared for at a time, the oldest that can still be kept. Every step leaves a row,
so that deciding again after a crash finds what is left to do. Nothing is done here.
"""

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from digest.schedule.rhythms import Rhythm, between, coming

RETRY = timedelta(minutes=15)
"""Between two attempts to draft an issue, so that the sources are not asked every minute."""
SILENCE = timedelta(hours=24)
"""Without a run for so long, the database may be an old copy: what was due in it is held."""
# What was told or given up later than this after now, was so by a clock that ran ahead.
_AHEAD = timedelta(hours=2)
# So long a send that began in time may need until the first mail is written down.
_SETTLING = timedelta(minutes=10)
_REMEMBERED = timedelta(days=90)
_NEWS = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Plan:
    """What the settings promise. `expire`: how long a send that began may go on after its time,
    of which the readers farthest away have theirs `spread` later. `report`: the editors are told
    how it went.

    Without a rhythm nothing is due, but what was begun by hand is gone on with.
    """

    rhythm: Rhythm | None
    draft: timedelta
    remind: timedelta
    late_at_most: timedelta
    expire: timedelta
    auto: bool
    editors: tuple[str, ...] = ()
    report: bool = False
    spread: timedelta = timedelta(0)


@dataclass(frozen=True, slots=True)
class Step:
    """One thing that was done for a due time: `name` is drafted, tried, failed, told, begun or
    closed; `key` tells failures and notices apart, `whom` the editors."""

    due: datetime
    name: str
    at: datetime
    key: str = ""
    whom: str = ""
    number: int = 0
    note: str = ""


@dataclass(frozen=True, slots=True)
class Standing:
    """Where an issue stands: draft, approved, sending or sent; why it has `paused` itself, and
    whether it may be waiting for a budget, for as long as that takes; when its last reader was
    settled."""

    state: str
    approved_at: datetime | None = None
    paused: str = ""
    patient: bool = False
    finished_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Facts:
    """What the archive knows: the steps of this newsletter, its issues by number, since when
    this rhythm is kept, and up to which moment due times are held."""

    kept_since: datetime
    steps: tuple[Step, ...] = ()
    issues: Mapping[int, Standing] = field(default_factory=dict)
    held: datetime | None = None


@dataclass(frozen=True, slots=True)
class Pulse:
    """The last run that the database remembers, and the how-manieth it was."""

    at: datetime
    count: int


@dataclass(frozen=True, slots=True)
class Draft:
    """Collect, and prepare an issue; the approval of issue `stale`, which came too late, ends."""

    due: datetime
    stale: int = 0


@dataclass(frozen=True, slots=True)
class Adopt:
    """An issue is approved and waits: it is the one for this due time."""

    due: datetime
    number: int


@dataclass(frozen=True, slots=True)
class Tell:
    """Mail the editor `whom`; with "" nobody is named in the settings, and it is said aloud."""

    due: datetime
    key: str
    whom: str
    number: int = 0
    note: str = ""
    count: int = 1


@dataclass(frozen=True, slots=True)
class Approve:
    """Approve by the schedule itself, if preflight finds no error."""

    due: datetime
    number: int


@dataclass(frozen=True, slots=True)
class Begin:
    """Write down that this issue, and no other, goes out for this due time."""

    due: datetime
    number: int


@dataclass(frozen=True, slots=True)
class Send:
    """Send the issue to whoever has not got it; safe to repeat."""

    due: datetime
    number: int


@dataclass(frozen=True, slots=True)
class Close:
    """This due time is settled; `note` is sent, or skipped with all that were due before it."""

    due: datetime
    note: str


Intent = Draft | Adopt | Tell | Approve | Begin | Send | Close


def due(plan: Plan, facts: Facts, now: datetime) -> list[Intent]:
    """What is to be done now. Decide again afterwards, until nothing new comes."""
    case = _Case(plan, facts, now)
    if plan.rhythm is None:
        return list(dict.fromkeys(case.go_on()))
    missed, current = case.times(plan.rhythm)
    intents = [*case.give_up(missed)] if missed else []
    if now >= current - plan.draft:
        intents += case.care(current)
    told = [*case.too_late(), *case.went_out()]
    return list(dict.fromkeys([*intents, *told, *case.go_on()]))


def outlook(plan: Plan, facts: Facts, now: datetime) -> datetime | None:
    """The due time that is cared for now, or comes next; None without a rhythm."""
    return _Case(plan, facts, now).times(plan.rhythm)[1] if plan.rhythm else None


def restored(pulse: Pulse | None, stamp: int, now: datetime) -> str:
    """Why this database seems to be an old copy: "behind", "silent", or "" where it does not.

    `stamp` is the count of the last run that this machine remembers outside the database.
    """
    if stamp > (pulse.count if pulse else 0):
        return "behind"
    return "silent" if pulse and now - pulse.at > SILENCE else ""


def kept_since(before: Step | None, rhythm: str, now: datetime) -> datetime:
    """Since when a rhythm is kept: what was due before it was written down is nobody's debt."""
    same = before is not None and before.note == rhythm and before.due <= now
    return before.due if before and same else now


def slug(kind: str, what: str) -> str:
    """The key of a failure: one for each kind and sentence, so that each is told once."""
    # How many stories there are changes with every attempt, and is no news.
    return kind if kind == "stories" else f"{kind}:{hashlib.sha256(what.encode()).hexdigest()[:8]}"


def why_skipped(facts: Facts, due: datetime) -> str:
    """In one word why nothing went out: held, failed, absent, unapproved or unsent."""
    mine = [step for step in facts.steps if step.due == due]
    if facts.held and due <= facts.held:
        return "held"
    number = next((step.number for step in mine if step.name == "drafted"), 0)
    if number in facts.issues:
        if any(step.name == "failed" and step.key.startswith("preflight:") for step in mine):
            return "failed"
        return "unapproved" if facts.issues[number].state == "draft" else "unsent"
    return "failed" if any(step.name == "failed" for step in mine) else "absent"


class _Case:
    """One newsletter at one moment."""

    def __init__(self, plan: Plan, facts: Facts, now: datetime) -> None:
        self.plan, self.facts, self.now = plan, facts, now
        self.steps = [step for step in facts.steps if not self._from_the_future(step)]
        self.closed = {step.due: step for step in self.steps if step.name == "closed"}
        self.bound = {s.number: s.due for s in self.steps if s.name == "drafted" and s.number}
        held = facts.held
        self.held = held if held and held <= now + _AHEAD else None

    def times(self, rhythm: Rhythm) -> tuple[list[datetime], datetime]:
        """The due times that can't be kept any more, and the one to care for."""
        plan, now = self.plan, self.now
        begun = {step.due for step in self.steps if step.name != "closed"}
        # What was skipped settles all before it; what was sent, itself alone.
        skipped = [d for d, step in self.closed.items() if step.note == "skipped" and d <= now]
        start = max(skipped) if skipped else min([self.facts.kept_since, *begun])
        past = [
            moment
            for moment in between(rhythm, max(start, now - _REMEMBERED), now)
            if moment not in self.closed and (moment > self.facts.kept_since or moment in begun)
        ]
        newest = max((moment for moment in self.closed if moment <= now), default=start)
        in_time = past and now <= past[-1] + plan.late_at_most + self._settling(past[-1])
        # Older than one that is settled, it is overtaken: no second issue to catch up.
        if in_time and past[-1] > newest:
            return past[:-1], past[-1]
        # Sent by hand before its time, a due time ahead of us is closed, too.
        ahead = coming(rhythm, now, 1 + sum(moment > now for moment in self.closed))
        return past, next(moment for moment in ahead if moment not in self.closed)

    def give_up(self, missed: list[datetime]) -> Iterator[Intent]:
        """Close what went out after all, by hand or before a crash; tell of the others, once."""
        out = [due for due in missed if self._is_out(due)]
        yield from (Close(due, "sent") for due in out)
        lost = [due for due in missed if due not in out]
        if lost:
            yield from self._skip(lost)

    def _skip(self, missed: list[datetime]) -> Iterator[Intent]:
        last = missed[-1]
        facts = Facts(self.facts.kept_since, tuple(self.steps), self.facts.issues, self.held)
        note = why_skipped(facts, last)
        told = list(self._tell(last, "skipped", self._number(last), note, len(missed)))
        yield from told or [Close(last, "skipped")]

    def care(self, due: datetime) -> Iterator[Intent]:
        """The next step for a due time that can be kept."""
        if self.held and due <= self.held:
            yield from self._tell(due, "held", self._number(due))
            return
        number = self._number(due)
        standing = self.facts.issues.get(number)
        if standing is None:
            yield from self._drafting(due)
        elif standing.state == "draft":
            yield from self._waiting(due, number)
        elif standing.state == "approved":
            if due <= self.now <= due + self.plan.late_at_most:
                yield Send(due, number) if self._has(due, "begun") else Begin(due, number)
        else:
            yield Close(due, "sent")
        yield from self._failures(due, number)

    def too_late(self) -> Iterator[Intent]:
        """Approved after its due time was given up: it will not go out by itself."""
        for number, standing in self._approved():
            skipped = self.closed.get(self.bound.get(number, self.now))
            if skipped and standing.approved_at and standing.approved_at > skipped.at:
                yield from self._tell(skipped.due, "too-late", number)

    def go_on(self) -> Iterator[Intent]:
        """What began to be sent and is not finished."""
        for number, standing in self.facts.issues.items():
            if standing.state != "sending":
                continue
            # Begun by hand, it has no due time: the approval stands for it.
            due = self.bound.get(number) or standing.approved_at or self.now
            by_hand = number not in self.bound
            if self.held and due <= self.held:
                yield from self._tell(due, "held", number)
            elif by_hand or standing.patient or self.now <= self._end(due):
                yield Send(due, number)
            else:
                yield from self._tell(due, "interrupted", number)
            if standing.paused:
                key = slug("paused", standing.paused)
                yield from self._tell(due, key, number, standing.paused)
            yield from self._failures(due, number)

    def went_out(self) -> Iterator[Intent]:
        """Everybody's mail is settled: how it went. Long ago it is no news, as after an upgrade."""
        if not self.plan.report or not self.plan.editors:
            return
        for number, standing in self.facts.issues.items():
            at = standing.finished_at
            if standing.state == "sent" and at and self.now < at + _NEWS:
                due = self.bound.get(number) or standing.approved_at or at
                yield from self._tell(due, f"sent:{number}", number)

    def _drafting(self, due: datetime) -> Iterator[Intent]:
        approved = [number for number, _ in self._approved()]
        fresh = [number for number in approved if self.bound.get(number) not in self.closed]
        if fresh:
            yield Adopt(due, min(fresh))
        elif not self._tried_lately(due):
            yield Draft(due, min(approved, default=0))

    def _waiting(self, due: datetime, number: int) -> Iterator[Intent]:
        plan, now = self.plan, self.now
        if now < due:
            yield from self._tell(due, "draft", number)
            if plan.remind < plan.draft and due - plan.remind <= now and not plan.auto:
                yield from self._tell(due, "reminder", number)
        elif plan.auto:
            yield Approve(due, number)
        else:
            yield from self._tell(due, "unapproved", number)

    def _failures(self, due: datetime, number: int) -> Iterator[Intent]:
        for step in self.steps:
            if step.due == due and step.name == "failed":
                yield from self._tell(due, step.key, number, step.note)

    def _tell(
        self, due: datetime, key: str, number: int, note: str = "", count: int = 1
    ) -> Iterator[Intent]:
        told = {s.whom for s in self.steps if (s.due, s.name, s.key) == (due, "told", key)}
        for whom in self.plan.editors or ("",):
            if whom not in told:
                yield Tell(due, key, whom, number, note, count)

    def _number(self, due: datetime) -> int:
        return next((s.number for s in self.steps if s.due == due and s.name == "drafted"), 0)

    def _is_out(self, due: datetime) -> bool:
        standing = self.facts.issues.get(self._number(due))
        return standing is not None and standing.state in {"sending", "sent", "cancelled"}

    def _has(self, due: datetime, name: str) -> bool:
        return any(step.due == due and step.name == name for step in self.steps)

    def _tried_lately(self, due: datetime) -> bool:
        # At the due time itself it is tried in any case, and after a clock was put back, too.
        tried = [s.at for s in self.steps if s.due == due and s.name == "tried"]
        return any(at <= self.now < at + RETRY and not at < due <= self.now for at in tried)

    def _approved(self) -> list[tuple[int, Standing]]:
        return [(n, s) for n, s in self.facts.issues.items() if s.state == "approved"]

    def _end(self, due: datetime) -> datetime:
        return due + self.plan.spread + self.plan.late_at_most + self.plan.expire

    def _settling(self, due: datetime) -> timedelta:
        return _SETTLING if self._has(due, "begun") else timedelta(0)

    def _from_the_future(self, step: Step) -> bool:
        lasting = step.name in {"drafted", "begun"} or (step.name, step.note) == ("closed", "sent")
        # What went out stays out, whatever the clock said then.
        lasting = lasting or step.key.startswith("sent:")
        return not lasting and step.at > self.now + _AHEAD
