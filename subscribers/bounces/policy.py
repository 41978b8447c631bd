"""Policy: when faults suppress an address. Pure: a history and the rules in, a reason out."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from subscribers.bounces.values import Fault

WEIGHTS: dict[Fault, float] = {"address": 1.0, "full": 1.0, "soft": 1.0, "policy": 0.0, "size": 0.0}


@dataclass(frozen=True, slots=True)
class Policy:
    """`hard`: on so many days the address itself was at fault. `issues`: so many in a row, none
    of which came through. `score`: one a day, forgotten after `stale` without any. 0 turns a
    rule off.
    """

    hard: int = 1
    issues: int = 3
    score: float = 5.0
    stale: timedelta = timedelta(days=7)


DEFAULT = Policy()
GONE = "the address does not exist"  # a verdict; no mail would reach who it is about


@dataclass(frozen=True, slots=True)
class Mark:
    """One failure in a subscriber's history; `issue` is the archive's number, None if unknown."""

    at: datetime
    fault: Fault
    issue: int | None = None


def verdict(history: Sequence[Mark], sent: Sequence[int], policy: Policy = DEFAULT) -> str:
    """Why this subscriber is to be suppressed now; "" while there is no reason.

    `history` has the oldest first; `sent` are the issues that were mailed to them, newest first.
    """
    blamed = [mark for mark in history if WEIGHTS[mark.fault]]
    hard = {mark.at.date() for mark in blamed if mark.fault == "address"}
    if policy.hard and len(hard) >= policy.hard:
        return GONE
    failed = {mark.issue for mark in blamed}
    last = sent[: policy.issues]
    if policy.issues and len(last) == policy.issues and failed.issuperset(last):
        return f"{policy.issues} issues in a row did not arrive"
    if policy.score and score(blamed, policy) >= policy.score:
        return f"a score of {policy.score:g}"
    return ""


def score(history: Iterable[Mark], policy: Policy = DEFAULT) -> float:
    """What the days with failures add up to, at the last of them."""
    days: dict[date, float] = {}
    for mark in history:
        day = mark.at.date()
        days[day] = max(days.get(day, 0.0), WEIGHTS[mark.fault])
    total, before = 0.0, None
    for day in sorted(days):
        if before is not None and day - before > policy.stale:
            total = 0.0
        total, before = total + days[day], day
    return total
