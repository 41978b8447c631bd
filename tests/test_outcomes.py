"""What a reply means at each point of the dialogue."""

from datetime import UTC, datetime, timedelta

import pytest

from digest.outcomes import (
    Deferred,
    Phase,
    Refused,
    RelayFault,
    Reply,
    Sent,
    Unknown,
    judge,
    judge_silence,
    next_attempt,
)


@pytest.mark.parametrize(
    ("phase", "code", "meaning"),
    [
        (Phase.DOT, 250, Sent),
        (Phase.DOT, 451, Deferred),
        (Phase.DOT, 554, Refused),
        (Phase.DOT, 421, Deferred),
        (Phase.RECIPIENT, 550, Refused),
        (Phase.RECIPIENT, 450, Deferred),
        (Phase.RECIPIENT, 421, RelayFault),
        (Phase.SENDER, 550, RelayFault),
        (Phase.SENDER, 451, RelayFault),
        (Phase.CONNECT, 535, RelayFault),
    ],
)
def test_replies(phase: Phase, code: int, meaning: type) -> None:
    assert isinstance(judge(phase, Reply(code, "text")), meaning)


@pytest.mark.parametrize(
    ("phase", "meaning"),
    [
        (Phase.CONNECT, RelayFault),
        (Phase.SENDER, Deferred),
        (Phase.RECIPIENT, Deferred),
        (Phase.DATA, Deferred),
        (Phase.DOT, Unknown),
    ],
)
def test_silence(phase: Phase, meaning: type) -> None:
    assert isinstance(judge_silence(phase, "timed out"), meaning)


def test_the_enhanced_status_is_read_from_the_text() -> None:
    assert Reply(550, "5.1.1 no such user").enhanced == "5.1.1"
    assert Reply(550, "no such user").enhanced == ""


def test_the_wait_doubles_within_its_bounds() -> None:
    now = datetime(2026, 3, 30, tzinfo=UTC)
    waits = [(next_attempt(attempts, now) - now) / timedelta(seconds=1) for attempts in range(1, 8)]
    assert waits == [300, 600, 1200, 2400, 4000, 4000, 4000]
