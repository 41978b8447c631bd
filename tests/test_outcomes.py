"""What a reply means at each point of the dialogue."""

from datetime import UTC, datetime, timedelta

import pytest

from digest.delivery.throttle import COHORT, Throttle
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
    slows_its_domain,
)


@pytest.mark.parametrize(
    ("phase", "code", "text", "meaning"),
    [
        (Phase.DOT, 250, "taken", Sent),
        (Phase.DOT, 251, "will forward", Sent),
        (Phase.DOT, 451, "later", Deferred),
        (Phase.DOT, 554, "5.7.1 spam", Refused),
        (Phase.DOT, 550, "5.7.8 odd at this point", Refused),
        (Phase.DOT, 421, "closing", Deferred),
        (Phase.RECIPIENT, 550, "5.1.1 nobody", Refused),
        (Phase.RECIPIENT, 450, "greylisted", Deferred),
        (Phase.RECIPIENT, 452, "too many", Deferred),
        (Phase.RECIPIENT, 552, "too many", Deferred),
        (Phase.RECIPIENT, 421, "closing", Deferred),
        (Phase.RECIPIENT, 530, "log in first", RelayFault),
        (Phase.RECIPIENT, 554, "5.7.8 wrong password", RelayFault),
        (Phase.RECIPIENT, 550, "5.1.8 our sender has no domain", RelayFault),
        (Phase.SENDER, 550, "no", RelayFault),
        (Phase.SENDER, 451, "later", RelayFault),
        (Phase.CONNECT, 535, "no", RelayFault),
    ],
)
def test_replies(phase: Phase, code: int, text: str, meaning: type) -> None:
    assert isinstance(judge(phase, Reply(code, text)), meaning)


@pytest.mark.parametrize(
    ("phase", "meaning"),
    [
        (Phase.CONNECT, RelayFault),
        (Phase.SENDER, Deferred),
        (Phase.RECIPIENT, Deferred),
        (Phase.DATA, Deferred),
        (Phase.BODY, Deferred),
        (Phase.DOT, Unknown),
    ],
)
def test_silence(phase: Phase, meaning: type) -> None:
    outcome = judge_silence(phase, "timed out")
    assert isinstance(outcome, meaning)
    assert outcome.reply.text == f"no reply to {phase.value}: timed out"


def test_the_enhanced_status_is_read_from_the_text() -> None:
    assert Reply(550, "5.1.1 no such user").enhanced == "5.1.1"
    assert Reply(550, "no such user").enhanced == ""


@pytest.mark.parametrize(
    ("text", "nobody"),
    [("5.1.1 no such user", True), ("5.2.1 disabled", True), ("5.7.1 spam", False), ("no", False)],
)
def test_only_some_refusals_say_that_the_address_has_no_reader(text: str, nobody: bool) -> None:
    assert Refused(Reply(550, text)).nobody is nobody


def test_who_asks_for_less_is_heard() -> None:
    assert slows_its_domain(Deferred(Reply(421, "4.7.0 too fast")))
    assert slows_its_domain(Deferred(Reply(450, "4.7.28 unusual rate")))
    assert not slows_its_domain(Deferred(Reply(450, "4.2.1 greylisted")))
    assert not slows_its_domain(RelayFault(Reply(421, "closing")))
    assert not slows_its_domain(Deferred(Reply(421, "4.3.2 closing"), worn=True))
    assert slows_its_domain(Deferred(Reply(421, "4.7.28 unusual rate"), worn=True))


def test_the_wait_doubles_within_its_bounds() -> None:
    now = datetime(2026, 3, 30, tzinfo=UTC)
    waits = [(next_attempt(attempts, now) - now) / timedelta(seconds=1) for attempts in range(1, 8)]
    assert waits == [300, 600, 1200, 2400, 4000, 4000, 4000]


@pytest.mark.parametrize(("phase", "of_one"), [
    (Phase.CONNECT, False), (Phase.SENDER, False), (Phase.RECIPIENT, True), (Phase.DATA, True),
])  # fmt: skip
def test_what_is_said_of_us_at_a_recipient_may_be_that_server_s_word(
    phase: Phase, of_one: bool
) -> None:
    reply = Reply(550, "5.1.8 sender rejected")
    assert judge(phase, reply) == RelayFault(reply, of_one)


BUSY, WRONG = RelayFault(Reply(421, "4.3.2 busy")), RelayFault(Reply(535, "5.7.8 who?"))
NAMED = RelayFault(Reply(550, "5.1.8 sender rejected"), of_one=True)


def test_faults_take_connections_away_and_messages_give_them_back() -> None:
    throttle = Throttle(8)
    for _ in range(3):
        throttle.failed(BUSY, working=True)
    assert throttle.allowed == 5
    assert throttle.fault is None

    messages = 0
    while throttle.allowed < 8:
        throttle.worked()
        messages += 1
    # N messages for each connection more (Postfix, 1/N).
    assert 5 + 6 <= messages <= 5 + 6 + 7
    for _ in range(50):
        throttle.failed(BUSY, working=True)
    assert throttle.allowed == 1


def test_the_breaker_opens_when_a_cohort_has_failed_and_nothing_works() -> None:
    throttle = Throttle(8)
    for _ in range(COHORT - 1):
        throttle.failed(BUSY, working=False)
    assert throttle.fault is None
    throttle.worked()
    for _ in range(COHORT):
        assert throttle.fault is None
        throttle.failed(BUSY, working=False)
    assert throttle.fault is BUSY


def test_a_fault_that_lasts_opens_it_at_once() -> None:
    throttle = Throttle(8)
    throttle.failed(WRONG, working=True)
    assert throttle.fault is WRONG


@pytest.mark.parametrize("trying", [False, True])
def test_what_one_recipient_hears_opens_it_when_the_next_hears_it_too(trying: bool) -> None:
    throttle = Throttle(8, trying=trying)
    throttle.failed(NAMED, working=False)
    throttle.worked()
    throttle.failed(NAMED, working=False)
    assert throttle.fault is None
    throttle.failed(NAMED, working=True)
    assert throttle.fault is NAMED


def test_a_lost_connection_and_what_one_recipient_hears_are_not_the_same() -> None:
    throttle = Throttle(8)
    for fault in (BUSY, NAMED, BUSY, NAMED):
        assert throttle.fault is None
        throttle.failed(fault, working=True)
    assert throttle.fault is None


def test_a_relay_that_is_tried_again_has_one_connection_and_no_second_chance() -> None:
    fault = RelayFault(Reply(421, "4.3.2 closing"))
    throttle = Throttle(8, trying=True)
    assert throttle.allowed == 1
    throttle.failed(fault, working=False)
    assert throttle.fault is fault

    throttle = Throttle(8, trying=True)
    throttle.worked()
    assert throttle.allowed == 2
    for _ in range(COHORT - 1):
        throttle.failed(fault, working=False)
    assert throttle.fault is None  # it works again: it has as many chances as any
