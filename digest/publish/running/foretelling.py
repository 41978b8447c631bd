"""The due times to come, what is done before each, and how far the present one has come."""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

from digest.publish.opening import House
from digest.publish.running.knowing import facts_of, plan_of
from digest.schedule import (
    Facts,
    Plan,
    coming,
    left_out,
    oddity,
    outlook,
    shift,
    why_skipped,
)
from digest.settings import NewsletterSettings


@dataclass(frozen=True, slots=True)
class DueLine:
    """One due time. All but `due` (UTC) are in the newsletter's zone.

    `oddity` is "skipped" or "doubled" where the clock jumps; with `left_out` there is no issue.
    `shift`: by how much the zone's clock was put forward since the due time before (minutes).
    `at` is whose clock counts: newsletter, or local for each reader's own. `approval` is
    required, or auto where the schedule itself approves.
    `state` is "" or where issue `number`, drafted for this time, stands; held, if it is held;
    unfit, if the schedule would approve it and preflight does not let it.
    """

    newsletter: str
    due: datetime
    local: datetime
    draft: datetime
    remind: datetime | None
    oddity: str
    left_out: bool = False
    state: str = ""
    number: int = 0
    shift: int = 0
    at: str = "newsletter"
    approval: str = "required"


def due_lines(house: House, newsletter: str | None, *, now: datetime, count: int) -> list[DueLine]:
    """What is being cared for now, and what comes: `count` due times of each newsletter."""
    names = [house.newsletter(newsletter)[0]] if newsletter else list(house.settings.newsletter)
    lines: list[DueLine] = []
    for name in names:
        settings = house.settings.newsletter[name]
        if settings.schedule:
            lines += _lines(house, name, settings, now, count)
    return lines


def _lines(
    house: House, name: str, settings: NewsletterSettings, now: datetime, count: int
) -> list[DueLine]:
    plan, facts = plan_of(house, settings), facts_of(house, name, settings, now)
    if plan.rhythm is None:
        return []
    present = outlook(plan, facts, now)
    dues = coming(plan.rhythm, now, count)
    if present and present <= now:
        dues = [present, *dues[: count - 1]]
    none = left_out(plan.rhythm, now, dues[-1]) if dues else []
    lines = [
        _line(name, plan, facts, due, settings.timezone, due in none)
        for due in sorted([*dues, *none])
    ]
    whose = settings.schedule.at if settings.schedule else "newsletter"
    moments = [min(now, *dues), *(line.due for line in lines)]
    moved = [shift(settings.timezone, *pair) for pair in pairwise(moments)]
    return [
        replace(line, shift=round(by / timedelta(minutes=1)), at=whose)
        for line, by in zip(lines, moved, strict=True)
    ]


def _line(
    name: str, plan: Plan, facts: Facts, due: datetime, timezone: str, without: bool
) -> DueLine:
    zone = ZoneInfo(timezone)
    reminded = plan.remind < plan.draft and not plan.auto and plan.remind > timedelta(0)
    number = next((s.number for s in facts.steps if s.due == due and s.name == "drafted"), 0)
    standing = facts.issues.get(number)
    return DueLine(
        newsletter=name,
        due=due,
        local=due.astimezone(zone),
        draft=(due - plan.draft).astimezone(zone),
        remind=(due - plan.remind).astimezone(zone) if reminded else None,
        oddity=oddity(plan.rhythm, due) if plan.rhythm else "",
        left_out=without,
        state=_state(plan, facts, due, standing.state if standing else ""),
        number=number if standing else 0,
        approval="auto" if plan.auto else "required",
    )


def _state(plan: Plan, facts: Facts, due: datetime, standing: str) -> str:
    if facts.held is not None and due <= facts.held:
        return "held"
    unfit = plan.auto and standing == "draft" and why_skipped(facts, due) == "failed"
    return "unfit" if unfit else standing
