"""Delivery to a real SMTP server: every fault has its outcome, and the next message its own."""

import asyncio
import tracemalloc

import pytest

from digest.delivery import Dialogue
from digest.delivery.wire import Wire
from digest.messages import Message
from digest.outcomes import Deferred, Outcome, Refused, RelayFault, Sent, Unknown, slows_its_domain
from tests.delivering import (
    ANN,
    BOB,
    CID,
    PATIENT,
    PIPELINING,
    SENDER,
    both,
    deliver,
    impatient,
    message,
    plain,
    work,
)
from tests.relay import ANYONE, ScriptedRelay, Stage
from tests.replies import DROP, LOSE, Accepted, Drop, Flood, Raw, Reply, Wait
from tests.waiting import until


@both
def test_messages_are_taken_over_one_connection(extensions: tuple[str, ...]) -> None:
    with ScriptedRelay(*extensions) as relay:
        outcomes = deliver(relay, message(ANN), message(BOB), message(CID))
        until(lambda: relay.heard[-1] == "QUIT")  # nobody waits for its answer

    assert [type(outcome) for outcome in outcomes] == [Sent, Sent, Sent]
    assert outcomes[0].reply.code == 250
    assert [taken.recipient for taken in relay.accepted] == [ANN, BOB, CID]
    assert relay.connections == 1


@both
def test_the_bytes_arrive_as_they_were_given(extensions: tuple[str, ...]) -> None:
    # As messages.Message promises them: lines end in CRLF and none begins with a dot.
    text = b"a.\r\n=2Etwo\r\n\r\nlast line."
    with ScriptedRelay(*extensions) as relay:
        deliver(relay, message(ANN, text))

    assert relay.accepted == [Accepted(SENDER, ANN, message(ANN, text).data)]


@both
def test_commands_are_grouped_where_that_is_offered(extensions: tuple[str, ...]) -> None:
    # Over a relay that answers only when it has heard all three, who waits for each is too late.
    with ScriptedRelay(*extensions) as relay:
        relay.will("mail", SENDER, Raw(b""))
        relay.will("rcpt", ANN, Raw(b""))
        relay.will("data", ANN, Raw(b"250 2.1.0 OK\r\n250 2.1.5 OK\r\n354 go on\r\n"))
        if extensions is PIPELINING:
            [outcome] = deliver(relay, message(ANN))
            assert isinstance(outcome, Sent)
        else:
            desk = impatient(relay, message(ANN), asked=lambda: "MAIL" in str(relay.heard))
            assert isinstance(desk.outcomes[0], Deferred)


def test_b23_dsn_is_asked_for_where_it_is_offered_and_only_there() -> None:
    with ScriptedRelay("PIPELINING", "DSN") as with_dsn, ScriptedRelay("PIPELINING") as without:
        deliver(with_dsn, message(ANN))
        deliver(without, message(ANN))

    assert f"MAIL FROM:<{SENDER}> RET=HDRS" in with_dsn.heard
    assert f"RCPT TO:<{ANN}> NOTIFY=FAILURE" in with_dsn.heard
    assert f"MAIL FROM:<{SENDER}>" in without.heard
    assert f"RCPT TO:<{ANN}>" in without.heard


FAULTS: list[tuple[Stage, str, Reply, type[Outcome], int, str]] = [
    ("rcpt", ANN, "550 5.1.1 no such user", Refused, 550, "5.1.1"),
    ("rcpt", ANN, "450 4.2.1 greylisted", Deferred, 450, "4.2.1"),
    ("rcpt", ANN, "452 4.5.3 too many", Deferred, 452, "4.5.3"),
    ("rcpt", ANN, "552 5.5.3 too many", Deferred, 552, "5.5.3"),
    ("rcpt", ANN, "421 4.3.2 closing", Deferred, 421, "4.3.2"),
    ("rcpt", ANN, LOSE, Deferred, 0, ""),
    ("mail", SENDER, LOSE, Deferred, 0, ""),
    ("data", ANN, "451 4.3.0 later", Deferred, 451, "4.3.0"),
    ("data", ANN, "554 5.7.0 no", Refused, 554, "5.7.0"),
    ("data", ANN, "250 2.0.0 out of step", Deferred, 250, "2.0.0"),
    ("data", ANN, LOSE, Deferred, 0, ""),
    ("dot", ANN, "452 4.3.1 disk full", Deferred, 452, "4.3.1"),
    ("dot", ANN, "554 5.7.1 spam", Refused, 554, "5.7.1"),
    ("dot", ANN, "421 4.3.2 closing", Deferred, 421, "4.3.2"),
    ("dot", ANN, Raw(b"421 4.3.2 closing, but slowly\r\n"), Deferred, 421, "4.3.2"),
    ("dot", ANN, DROP, Unknown, 0, ""),
    ("dot", ANN, LOSE, Unknown, 0, ""),
    ("dot", ANN, Drop(recorded=True, reset=True), Unknown, 0, ""),
    ("dot", ANN, Wait(0.05, LOSE), Unknown, 0, ""),
    ("dot", ANN, "251 2.1.5 will forward", Sent, 251, "2.1.5"),
    ("dot", ANN, "354 what?", Unknown, 0, ""),
    ("dot", ANN, Raw(b"*** not SMTP ***\r\n", recorded=True), Unknown, 0, ""),
    ("rcpt", ANN, Raw(b"x" * 5_000_000), Deferred, 0, ""),
    ("dot", ANN, Raw(b"250-" + b"y" * 5_000_000 + b"\r\n", recorded=True), Unknown, 0, ""),
    ("rcpt", ANN, Raw(b"250-one\r\n251 two\r\n"), Deferred, 0, ""),
    ("dot", ANN, Raw(b"250 2.0.0 taken\r\n250 2.0.0 again\r\n", recorded=True), Sent, 250, "2.0.0"),
]


@both
@pytest.mark.parametrize(("stage", "whom", "reply", "outcome", "code", "enhanced"), FAULTS)
def test_a_fault_has_its_outcome_and_the_next_message_its_own_reply(
    extensions: tuple[str, ...],
    stage: Stage,
    whom: str,
    reply: Reply,
    outcome: type[Outcome],
    code: int,
    enhanced: str,
) -> None:
    with ScriptedRelay(*extensions) as relay:
        relay.will(stage, whom, reply)
        relay.will("dot", BOB, "250 2.0.0 taken for bob")
        relay.will("dot", CID, "554 5.7.1 refused for cid")
        first, second, third = deliver(relay, message(ANN), message(BOB), message(CID))

    assert (type(first), first.reply.code, first.reply.enhanced) == (outcome, code, enhanced)
    assert first.reply.text
    assert len(first.reply.text) < 40_000
    assert (type(second), second.reply.text) == (Sent, "2.0.0 taken for bob")
    assert (type(third), third.reply.text) == (Refused, "5.7.1 refused for cid")
    assert Accepted(SENDER, BOB, message(BOB).data) in relay.accepted
    assert {taken.recipient for taken in relay.accepted} <= {ANN, BOB}
    # RFC 5321 section 3.8: who says 421 is closing, and nothing more is asked there.
    assert relay.connections == (2 if code == 421 else relay.connections)


@both
@pytest.mark.parametrize(
    ("stage", "whom", "reply", "code"),
    [
        ("connect", ANYONE, "421 4.3.2 closing", 421),
        ("connect", ANYONE, "554 5.7.1 not you", 554),
        ("connect", ANYONE, LOSE, 0),
        ("ehlo", ANYONE, "421 4.3.2 closing", 421),
        ("mail", SENDER, "550 5.7.1 sender not welcome", 550),
        ("mail", SENDER, "451 4.3.0 later", 451),
        ("mail", SENDER, "421 4.3.2 closing", 421),
    ],
)
def test_a_fault_of_the_relay_stops_the_run_after_a_cohort_and_touches_nobody(
    extensions: tuple[str, ...], stage: Stage, whom: str, reply: Reply, code: int
) -> None:
    people = [message(f"r{n}@example.org") for n in range(40)]
    with ScriptedRelay(*extensions) as relay:
        relay.will(stage, whom, reply, times=100)
        run = work(plain(relay.port), *people)

    assert run.fault
    assert run.fault.reply.code == code
    assert {type(outcome) for outcome in run.outcomes} <= {RelayFault}
    assert len(run.outcomes) <= 3
    assert relay.connections == 3
    assert relay.accepted == []


FLOODS = {"one line": b"z" * 65_536, "one reply": b"250-z\r\n" * 8_000,
          "replies": b"250 2.0.0 OK\r\n" * 5_000}  # fmt: skip
MUCH = 3 << 20  # bytes: what tests and relay allocate meanwhile, and far less than was said


@both
@pytest.mark.parametrize("said", FLOODS.values(), ids=FLOODS)
@pytest.mark.parametrize(
    ("stage", "whom", "outcome"),
    [("connect", ANYONE, None), ("ehlo", ANYONE, None), ("mail", SENDER, Deferred),
     ("rcpt", ANN, Deferred), ("dot", ANN, Unknown)],
)  # fmt: skip
def test_of_a_relay_that_never_ends_its_reply_little_is_kept(
    extensions: tuple[str, ...],
    stage: Stage,
    whom: str,
    outcome: type[Outcome] | None,
    said: bytes,
) -> None:
    with ScriptedRelay(*extensions) as relay:
        deliver(relay, message(BOB))  # what is loaded for the first message is no part of it
        relay.will(stage, whom, Flood(said, recorded=True), times=1 if outcome else 3)
        tracemalloc.start()
        try:
            run = work(plain(relay.port), message(ANN), message(CID))
            _, most = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()

    assert most < MUCH
    texts = [one.reply.text for one in run.outcomes] + ([run.fault.reply.text] if run.fault else [])
    assert all(len(text) < 40_000 for text in texts)
    whole = said == FLOODS["replies"]  # of which the first is the one that was asked for
    if outcome and not whole:
        assert [type(one) for one in run.outcomes] == [outcome, Sent]
    elif outcome:
        assert isinstance(run.outcomes[-1], Sent)
    else:
        assert whole or (run.fault and run.outcomes == [])


@pytest.mark.parametrize(
    ("said", "code", "text"),
    [(b"554 5.7.1 caf\xe9 \x1b[31mclosed\r\n", 554, "5.7.1 caf\ufffd  [31mclosed"),
     (b"hello\r\n", 0, "Malformed SMTP response line: hello")],
)  # fmt: skip
def test_what_a_relay_says_at_the_greeting_can_be_shown_and_kept(
    said: bytes, code: int, text: str
) -> None:
    with ScriptedRelay() as relay:
        relay.will("connect", ANYONE, Raw(said), times=3)
        run = work(plain(relay.port), message(ANN))

    assert run.fault
    assert (run.fault.reply.code, run.fault.reply.text) == (code, text)


def test_a_fault_that_passes_stops_nobody() -> None:
    with ScriptedRelay() as relay:
        relay.will("connect", ANYONE, "421 4.3.2 too busy", times=2)
        run = work(plain(relay.port), message(ANN), message(BOB))

    assert run.fault is None
    assert [type(outcome) for outcome in run.outcomes] == [Sent, Sent]


def test_where_nobody_listens_the_run_stops(closed_port: int) -> None:
    run = work(plain(closed_port), message(ANN))

    assert run.fault
    assert "greeting" in run.fault.reply.text
    assert run.outcomes == []


def test_a_reply_in_single_bytes_is_read() -> None:
    said = b"250-2.0.0 one\r\n250-2.0.0 two\r\n250 2.0.0 three\r\n"
    with ScriptedRelay() as relay:
        relay.will("rcpt", ANN, Raw(said, packet=1))
        relay.will("dot", ANN, Raw(said, packet=1, recorded=True))
        [outcome, _] = deliver(relay, message(ANN), message(BOB))

    assert isinstance(outcome, Sent)
    assert outcome.reply.text == "2.0.0 one 2.0.0 two 2.0.0 three"
    assert relay.connections == 1


@both
@pytest.mark.parametrize(("whom", "slows"), [(ANN, True), (BOB, False)])
def test_the_end_of_a_connection_that_had_worked_is_no_word_about_a_domain(
    extensions: tuple[str, ...], whom: str, slows: bool
) -> None:
    with ScriptedRelay(*extensions) as relay:
        relay.will("dot", whom, "421 4.3.2 closing")
        outcomes = deliver(relay, message(ANN), message(BOB))

    ended = outcomes[0 if whom == ANN else 1]
    assert isinstance(ended, Deferred)
    assert slows_its_domain(ended) is slows


def test_a_word_that_nobody_asked_for_ends_the_connection() -> None:
    with ScriptedRelay() as relay:
        relay.will("data", ANN, Raw(b"354 go on\r\n250 2.0.0 taken, already\r\n"))
        relay.will("dot", BOB, "250 2.0.0 taken for bob")
        first, second = deliver(relay, message(ANN), message(BOB))

    assert isinstance(first, Deferred)
    assert second.reply.text == "2.0.0 taken for bob"
    assert [taken.recipient for taken in relay.accepted] == [BOB]


def test_control_characters_of_a_relay_go_nowhere() -> None:
    with ScriptedRelay() as relay:
        relay.will("rcpt", ANN, "550 5.1.1 \x1b[31mred\x07")
        [outcome] = deliver(relay, message(ANN))

    assert outcome.reply.text == "5.1.1  [31mred"


def test_data_that_is_taken_without_a_recipient_is_answered_with_nothing() -> None:
    with ScriptedRelay() as relay:
        relay.will("rcpt", ANN, Raw(b"550 5.1.1 no such user\r\n354 go on\r\n250 2.0.0 hm\r\n"))
        first, second = deliver(relay, message(ANN), message(BOB))

    assert isinstance(first, Refused)
    assert isinstance(second, Sent)
    assert [taken.recipient for taken in relay.accepted] == [BOB]


def test_what_had_not_all_left_is_not_in_doubt() -> None:
    with ScriptedRelay(window=65_536) as relay:
        # It reads nothing of the text: more than all buffers between us hold stays here.
        relay.will("body", ANN, Wait(0.3, Drop(reset=True)))
        large = message(ANN, b"0123456789abcdef\r\n" * 2_000_000)
        [outcome, _] = deliver(relay, large, message(BOB))

    assert isinstance(outcome, Deferred)
    assert "not all of which had left" in outcome.reply.text


class Narrow(asyncio.Transport):
    """Takes all but the last `room` bytes of what is written, and keeps these for ever."""

    def __init__(self, room: int) -> None:
        super().__init__()
        self.room = room
        self.protocol: asyncio.BaseProtocol | None = None

    def set_protocol(self, protocol: asyncio.BaseProtocol) -> None:
        self.protocol = protocol

    def set_write_buffer_limits(self, high: int | None = None, low: int | None = None) -> None:
        """Whatever is kept is too much."""

    def get_write_buffer_size(self) -> int:
        return self.room

    def writelines(self, _parts: object) -> None:
        if self.protocol and self.room:
            self.protocol.pause_writing()

    def abort(self) -> None:
        """Nothing is open."""


@pytest.mark.parametrize(
    ("kept", "outcome"), [(0, Unknown), (6, Unknown), (69, Unknown), (70, Deferred)]
)
def test_what_has_its_dot_is_in_doubt_though_what_follows_has_not_all_left(
    kept: int, outcome: type[Outcome]
) -> None:
    following = f"MAIL FROM:<{SENDER}>\r\nRCPT TO:<{BOB}>\r\nDATA\r\n"
    assert len(following) == 69

    async def cut() -> Outcome:
        transport = Narrow(kept)
        dialogue = Dialogue(Wire(transport, 1.0), PATIENT, pipelining=True, dsn=False)
        dot, _ = dialogue.handed_over(message(ANN), message(BOB))
        dialogue.end("the sender was stopped")
        return await dialogue.after_dot(dot)

    assert isinstance(asyncio.run(cut()), outcome)


@both
@pytest.mark.parametrize(
    ("to", "sender"),
    [("jürgen@example.org", SENDER), (ANN, "b+ü@example.org"), ("a b@example.org", SENDER),
     ("a@example.org>\r\nRSET", SENDER), ("<>@example.org", SENDER)],
)  # fmt: skip
def test_an_address_that_cannot_be_spoken_is_refused_and_the_others_are_not(
    extensions: tuple[str, ...], to: str, sender: str
) -> None:
    odd = Message(sender, to, b"Subject: x\r\n\r\n")
    with ScriptedRelay(*extensions) as relay:
        first, second, third = deliver(relay, message(ANN), odd, message(BOB))

    assert (type(first), type(second), type(third)) == (Sent, Refused, Sent)
    assert second.reply.text
    assert relay.connections == 1
    assert len(relay.accepted) == 2
