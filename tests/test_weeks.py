"""Never twice, never silently missed: thousands of weeks with everything that can go wrong."""

import os
from collections import Counter
from datetime import datetime, timedelta

import pytest

from digest.schedule import Tell, between
from tests.weeks import Week

TORTURE = os.environ.get("DIGEST_HYPOTHESIS") == "torture"
WEEKS, PARTS = (100_000 if TORTURE else 1_200), 4
AHEAD = timedelta(hours=2)


@pytest.mark.parametrize("part", range(PARTS))
def test_never_twice_and_never_silently_missed(part: int) -> None:
    for seed in range(part, WEEKS, PARTS):
        week = Week(seed).play()
        never_twice(week)
        in_time(week)
        never_silently_missed(week)
        told_truly(week)


def never_twice(week: Week) -> None:
    """One issue for a due time, one at a time; an issue begins once, even after a restore."""
    counts = Counter(sent.due for sent in week.sent if not sent.by_hand)
    assert max(counts.values(), default=0) <= 1, week
    runs = Counter(sent.run for sent in week.sent if not sent.by_hand)
    assert max(runs.values(), default=0) <= 1, week
    if not week.was_restored:
        numbers = Counter(sent.number for sent in week.sent)
        assert max(numbers.values(), default=0) <= 1, week


def in_time(week: Week) -> None:
    """By the clock, nothing goes out before its time or later than is allowed, or on a holiday."""
    assert week.plan.rhythm
    for sent in week.sent:
        if not sent.by_hand:
            assert between(week.plan.rhythm, sent.due - timedelta(seconds=1), sent.due), (
                week,
                sent,
            )
            assert sent.due <= sent.clock <= sent.due + week.plan.late_at_most, (week, sent)


def never_silently_missed(week: Week) -> None:
    """For each due time something went out, or the editors were told why not."""
    assert week.plan.rhythm
    assert week.first_run
    settled = {sent.due for sent in week.sent}
    skips = [tell for tell, _ in week.told if tell.key in {"skipped", "held"}]
    # Taken up by a clock that ran ahead, the rhythm is kept since that clock was put right.
    since = week.first_run
    if week.clock_was_wrong and week.book.kept:
        since = max(since, week.book.kept.due)
    for due in between(week.plan.rhythm, since, week.end - week.plan.late_at_most):
        assert due in settled or any(speaks_of(week, tell, due) for tell in skips), (
            week,
            due,
        )


def told_truly(week: Week) -> None:
    """What the editors are told is skipped had not gone out, unless a clock or copy misled us."""
    if week.clock_was_wrong or week.was_restored:
        return
    out = {sent.due: sent.true for sent in week.sent}
    for tell, at in week.told:
        assert tell.key != "skipped" or out.get(tell.due, at) >= at, (week, tell)


def speaks_of(week: Week, tell: Tell, due: datetime) -> bool:
    """Whether a notice about the last of `count` due times speaks of this one, too."""
    assert week.plan.rhythm
    settled = {sent.due for sent in week.sent}
    spanned = between(week.plan.rhythm, due - timedelta(seconds=1), tell.due)
    return due <= tell.due and len([one for one in spanned if one not in settled]) <= tell.count
