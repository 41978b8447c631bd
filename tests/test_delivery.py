"""Delivery to a real SMTP server: every fault has its outcome, and the next message its own."""

import asyncio
import socket
import ssl
import threading
import tracemalloc
from collections import Counter, deque
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from typing import Literal

import pytest

from digest import delivery
from digest.delivery import Begun, Crew, Dialogue, Limits, RelayAddress, Timeouts
from digest.delivery.wire import Wire
from digest.messages import Message
from digest.outcomes import (
    Deferred,
    NotBegun,
    Outcome,
    Refused,
    RelayFault,
    Sent,
    Unknown,
    slows_its_domain,
)
from tests.relay import (
    ANYONE,
    DROP,
    LOSE,
    PASSWORD,
    USER,
    Accepted,
    Drop,
    Flood,
    Hold,
    Raw,
    Reply,
    ScriptedRelay,
    Stage,
    Wait,
    trusting_context,
)
from tests.waiting import PATIENCE, Clockwork, until

SENDER = "b+1@bounce.example.org"
ANN, BOB, CID = (f"{name}@example.org" for name in ("ann", "bob", "cid"))
PATIENT = Timeouts(PATIENCE, PATIENCE, PATIENCE)
ONE = Limits(connections=1, pause=0.01)
PIPELINING, ONE_BY_ONE = ("PIPELINING", "DSN"), ("8BITMIME",)
both = pytest.mark.parametrize("extensions", [PIPELINING, ONE_BY_ONE], ids=["groups", "singly"])


def message(to: str, text: bytes = b"Hello", sender: str = SENDER) -> Message:
    return Message(
        sender, to, b"Subject: The Week\r\nTo: " + to.encode() + b"\r\n\r\n" + text + b"\r\n"
    )


@dataclass
class ListDesk:
    """Gives out messages in their order and remembers what became of each."""

    waiting: deque[Begun[int]]
    outcomes: dict[int, Outcome] = field(default_factory=dict)
    stopped: bool = False

    def opened(self) -> None:
        """Nothing is counted here."""

    def closed(self) -> None:
        """Nothing is counted here."""

    async def next(self) -> Begun[int] | None:
        return self.next_at_once()

    def next_at_once(self) -> Begun[int] | None:
        return None if self.stopped or not self.waiting else self.waiting.popleft()

    def tell(self, ready: Callable[[], None]) -> None:
        """All is ready from the beginning."""

    def settle(self, begun: Begun[int], outcome: Outcome) -> None:
        if isinstance(outcome, NotBegun) and not self.stopped:
            self.waiting.appendleft(begun)
        else:
            self.outcomes[begun.job] = outcome

    def finished(self) -> bool:
        return not self.waiting


class LikeTheLedger(ListDesk):
    """Whom the relay's own fault kept from having it, is due at once."""

    def settle(self, begun: Begun[int], outcome: Outcome) -> None:
        if isinstance(outcome, RelayFault) and not outcome.of_one:
            self.waiting.append(begun)
        else:
            super().settle(begun, outcome)


@dataclass
class LateDesk(ListDesk):
    """Has what is `later` only when it is brought."""

    later: deque[Begun[int]] = field(default_factory=deque)
    told: list[Callable[[], None]] = field(default_factory=list)

    def tell(self, ready: Callable[[], None]) -> None:
        self.told.append(ready)

    def bring(self) -> None:
        self.waiting.extend(self.later)
        for ready in self.told:
            ready()


@dataclass
class Run:
    """What came of a crew's work."""

    outcomes: list[Outcome]
    fault: RelayFault | None


def work(
    address: RelayAddress,
    *messages: Message,
    timeouts: Timeouts = PATIENT,
    limits: Limits = ONE,
    trust: ssl.SSLContext | None = None,
    desk: type[ListDesk] = ListDesk,
) -> Run:
    """All messages over the connections of one crew."""
    giving = desk(deque(Begun(number, one) for number, one in enumerate(messages)))

    async def conversation() -> RelayFault | None:
        async def connect() -> Dialogue | RelayFault:
            return await delivery.connect(address, timeouts, trust)

        return await Crew(giving, connect, limits, asyncio.Event()).run()

    with asyncio.Runner(loop_factory=delivery.event_loop()) as runner:
        fault = runner.run(conversation())
    return Run([giving.outcomes[number] for number in sorted(giving.outcomes)], fault)


def impatient(relay: ScriptedRelay, *messages: Message, asked: Callable[[], object]) -> ListDesk:
    """All messages over one connection, whose clock is put forward by an hour once `asked`."""
    desk = ListDesk(deque(Begun(number, one) for number, one in enumerate(messages)))
    loop = Clockwork()

    async def conversation() -> None:
        async def connect() -> Dialogue | RelayFault:
            return await delivery.connect(plain(relay.port), Timeouts())

        crew = asyncio.create_task(Crew(desk, connect, ONE, asyncio.Event()).run())
        await asyncio.to_thread(until, asked)
        loop.ahead += 3600
        await crew

    with asyncio.Runner(loop_factory=lambda: loop) as runner:
        runner.run(conversation())
    return desk


def plain(port: int) -> RelayAddress:
    return RelayAddress("127.0.0.1", port, "none")


def deliver(relay: ScriptedRelay, *messages: Message) -> list[Outcome]:
    return work(plain(relay.port), *messages).outcomes


@both
def test_messages_are_taken_over_one_connection(extensions: tuple[str, ...]) -> None:
    with ScriptedRelay(*extensions) as relay:
        outcomes = deliver(relay, message(ANN), message(BOB), message(CID))

    assert [type(outcome) for outcome in outcomes] == [Sent, Sent, Sent]
    assert outcomes[0].reply.code == 250
    assert [taken.recipient for taken in relay.accepted] == [ANN, BOB, CID]
    assert relay.connections == 1
    assert relay.heard[-1] == "QUIT"


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


def test_a_reply_that_comes_too_late_is_paired_with_nobody() -> None:
    late, go = threading.Event(), threading.Event()

    def release() -> None:
        until(lambda: len(relay.accepted) == 2)  # ann's reply comes while bob's is awaited
        late.set()
        go.set()

    with ScriptedRelay() as relay, ThreadPoolExecutor(1) as other:
        relay.will("dot", ANN, Hold(late, "250 2.0.0 taken for ann"))
        relay.will("dot", BOB, Hold(go, "250 2.0.0 taken for bob"))
        released = other.submit(release)
        desk = impatient(relay, message(ANN), message(BOB), asked=lambda: relay.accepted)
        released.result()

    assert isinstance(desk.outcomes[0], Unknown)
    assert "600 seconds" in desk.outcomes[0].reply.text
    assert desk.outcomes[1].reply.text == "2.0.0 taken for bob"
    assert relay.connections == 2


@both
@pytest.mark.parametrize(
    ("stage", "seconds", "outcome"),
    [("dot", 90, Sent), ("dot", 590, Sent), ("dot", 700, Unknown),
     ("rcpt", 290, Sent), ("rcpt", 310, Deferred)],
)  # fmt: skip
def test_a_relay_has_the_time_that_rfc_5321_gives_it_and_no_more(
    extensions: tuple[str, ...], stage: Stage, seconds: float, outcome: type[Outcome]
) -> None:
    loop, go, stop = Clockwork(), threading.Event(), asyncio.Event()
    desk = ListDesk(deque([Begun(1, message(ANN)), Begun(2, message(BOB))]))

    async def slowly(relay: ScriptedRelay) -> None:
        async def connect() -> Dialogue | RelayFault:
            return await delivery.connect(plain(relay.port), Timeouts())

        crew = asyncio.create_task(Crew(desk, connect, ONE, stop).run())

        def asked() -> bool:
            heard = any(command.startswith(f"RCPT TO:<{ANN}>") for command in relay.heard)
            return heard if stage == "rcpt" else bool(relay.accepted)

        await asyncio.to_thread(until, asked)
        loop.ahead += seconds
        for _ in range(3):
            await asyncio.sleep(0)  # whatever is due by now is done
        go.set()
        await crew

    with ScriptedRelay(*extensions) as relay, asyncio.Runner(loop_factory=lambda: loop) as runner:
        relay.will(stage, ANN, Hold(go))
        runner.run(slowly(relay))

    assert isinstance(desk.outcomes[1], outcome)
    assert isinstance(desk.outcomes[2], Sent)
    assert (relay.connections == 1) == (outcome is Sent)
    assert Counter(taken.recipient for taken in relay.accepted) == (
        Counter([BOB]) if outcome is Deferred else Counter([ANN, BOB])
    )
    if outcome is not Sent:
        assert "nothing came within" in desk.outcomes[1].reply.text


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


def test_messages_for_each_connection_are_limited() -> None:
    people = [message(f"r{n}@example.org") for n in range(7)]
    with ScriptedRelay() as relay:
        run = work(plain(relay.port), *people, limits=Limits(1, messages=3))

    assert len(relay.accepted) == 7
    assert [type(outcome) for outcome in run.outcomes] == [Sent] * 7
    assert relay.connections == 3


@both
@pytest.mark.parametrize("stage", ["mail", "dot"])
def test_a_relay_that_closes_every_tenth_time_loses_nobody_and_is_not_rested_from(
    extensions: tuple[str, ...], stage: Stage
) -> None:
    """What it costs is one connection, and the commands that were in vain: no pause, no message
    put off before its dot.
    """
    people = [message(f"r{n}@example.org") for n in range(60)]
    closing = ["250 2.0.0 OK"] * 9 + ["421 4.3.2 ten are enough"]
    with ScriptedRelay(*extensions) as relay:
        relay.will(stage, SENDER if stage == "mail" else ANYONE, *closing, times=6)
        # Any rest would last longer than the test may.
        run = work(plain(relay.port), *people, limits=Limits(1, pause=100 * PATIENCE))

    taken = [one.recipient for one in relay.accepted]
    put_off = [type(outcome) for outcome in run.outcomes].count(Deferred)
    assert run.fault is None
    assert [type(outcome) for outcome in run.outcomes].count(Sent) == 60 - put_off == len(taken)
    assert len(set(taken)) == len(taken)
    assert put_off == (6 if stage == "dot" else 0)
    assert relay.connections == (7 if stage == "mail" else 6)
    for verb, times in (("EHLO", relay.connections), ("RSET", 0)):
        assert sum(command.startswith(verb) for command in relay.heard) == times
    asked = sum(command.startswith("MAIL") for command in relay.heard)
    assert asked == (66 if stage == "mail" else 60)


def test_a_message_that_the_relay_alone_does_not_want_opens_no_breaker() -> None:
    """Its envelope sender is its own (VERP), so MAIL may be refused for it alone."""
    other = message(ANN, sender="b+2@bounce.example.org")
    people = [message(f"r{n}@example.org") for n in range(5)]
    for proven, messages in ((False, [other, *people]), (True, [other])):
        with ScriptedRelay() as relay:
            relay.will("mail", other.sender, "450 4.1.8 not from there", times=9)
            limits = Limits(1, pause=0.01, proven=proven)
            run = work(plain(relay.port), *messages, limits=limits, desk=LikeTheLedger)

        assert run.fault is None
        assert len(relay.accepted) == len(messages) - 1
        [alone] = [one for one in run.outcomes if isinstance(one, RelayFault)]
        assert (alone.of_one, alone.reply.code, alone.reply.enhanced) == (True, 450, "4.1.8")
        assert sum(command == f"MAIL FROM:<{other.sender}>" for command in relay.heard) == 2


def test_where_nobody_was_taken_the_fault_is_the_relay_s_and_nobody_else_s() -> None:
    with ScriptedRelay() as relay:
        relay.will("mail", SENDER, "450 4.1.8 not from there", times=9)
        run = work(plain(relay.port), message(ANN), limits=ONE, desk=LikeTheLedger)

    assert run.fault
    assert not run.fault.of_one
    assert run.outcomes == []


def test_a_relay_that_allows_few_connections_gets_few() -> None:
    people = [message(f"r{n}@example.org") for n in range(30)]
    with ScriptedRelay() as relay:
        relay.will("connect", ANYONE, *["220 hello"] * 3, *["421 4.7.0 too many"] * 5)
        relay.will("dot", ANYONE, Wait(0.02), times=30)
        run = work(plain(relay.port), *people, limits=Limits(8, pause=0.01))

    assert run.fault is None
    assert len(relay.accepted) == 30


def test_stopping_lets_the_message_on_the_wire_end() -> None:
    go = threading.Event()
    desk = ListDesk(deque([Begun(1, message(ANN)), Begun(2, message(BOB))]))

    async def stopped(relay: ScriptedRelay) -> None:
        stop = asyncio.Event()

        async def connect() -> Dialogue | RelayFault:
            return await delivery.connect(plain(relay.port), Timeouts())

        crew = asyncio.create_task(Crew(desk, connect, ONE, stop).run())
        await asyncio.to_thread(until, lambda: relay.accepted)
        desk.stopped = True
        stop.set()
        go.set()
        await crew

    with ScriptedRelay(*ONE_BY_ONE) as relay:
        relay.will("dot", ANN, Hold(go, "250 2.0.0 taken for ann"))
        relay.will("dot", BOB, "250 2.0.0 taken for bob")
        asyncio.run(stopped(relay))

    assert desk.outcomes[1].reply.text == "2.0.0 taken for ann"
    assert isinstance(desk.outcomes.get(2, NotBegun(desk.outcomes[1].reply)), NotBegun)
    assert [taken.recipient for taken in relay.accepted] == [ANN]


@pytest.mark.parametrize("asked", [True, False], ids=["asked again", "drained for long enough"])
def test_cutting_leaves_in_doubt_what_had_its_dot(*, asked: bool) -> None:
    desk = ListDesk(deque([Begun(1, message(ANN))]))

    async def cut(relay: ScriptedRelay) -> None:
        stop = asyncio.Event()

        async def connect() -> Dialogue | RelayFault:
            return await delivery.connect(plain(relay.port), Timeouts())

        crew = Crew(desk, connect, replace(ONE, drain=25.0 if asked else 0.01), stop)
        running = asyncio.create_task(crew.run())
        await asyncio.to_thread(until, lambda: bool(relay.accepted))
        stop.set()
        if asked:
            crew.cut.set()
        await asyncio.wait_for(running, PATIENCE)
        assert crew.cut.is_set()

    with ScriptedRelay() as relay:
        relay.will("dot", ANN, Wait(2 * PATIENCE))
        asyncio.run(cut(relay))

    assert isinstance(desk.outcomes[1], Unknown)


def late(
    relay: ScriptedRelay,
    reply: str | Drop | None,
    *,
    text: bytes = b"Hello",
    to: str = BOB,
    limits: Limits = ONE,
    before: Callable[[asyncio.Event], None] = lambda _: None,
    after: Callable[[Crew[int], LateDesk, asyncio.Event], None] = lambda *_: None,
    stage: Stage = "dot",
) -> tuple[LateDesk, bool]:
    """Ann's message, and another when hers has come to that stage, which then has its reply; and
    whether the other was begun before."""
    go, stop = threading.Event(), asyncio.Event()
    desk = LateDesk(deque([Begun(1, message(ANN, text))]), later=deque([Begun(2, message(to))]))

    async def conversation() -> bool:
        async def connect() -> Dialogue | RelayFault:
            return await delivery.connect(plain(relay.port), PATIENT)

        crew = Crew(desk, connect, limits, stop)
        running = asyncio.create_task(crew.run())
        await asyncio.to_thread(until, lambda: not relay.replies[stage, ANN])
        before(stop)
        desk.bring()
        begun = not desk.waiting
        after(crew, desk, stop)
        if not crew.cut.is_set():
            go.set()
        await running
        go.set()
        return begun

    relay.will(stage, ANN, Hold(go, reply))
    relay.will("dot", BOB, "250 2.0.0 taken for bob")
    with asyncio.Runner(loop_factory=delivery.event_loop()) as runner:
        return desk, runner.run(conversation())


@pytest.mark.parametrize(
    ("reply", "outcome", "connections"),
    [("250 2.0.0 taken for ann", Sent, 1), ("451 4.3.0 later", Deferred, 1),
     ("554 5.7.1 spam", Refused, 1), ("421 4.3.2 closing", Deferred, 2), ("354 what?", Unknown, 2),
     ("*** not SMTP ***", Unknown, 2), (DROP, Unknown, 2), (LOSE, Unknown, 2),
     (Drop(recorded=True, reset=True), Unknown, 2)],
)  # fmt: skip
def test_what_becomes_ready_while_a_dot_is_awaited_follows_it_and_has_its_own_outcome(
    reply: str | Drop, outcome: type[Outcome], connections: int
) -> None:
    with ScriptedRelay() as relay:
        desk, begun = late(relay, reply)

    assert begun
    assert isinstance(desk.outcomes[1], outcome)
    assert desk.outcomes[2] == Sent(desk.outcomes[2].reply)
    assert desk.outcomes[2].reply.text == "2.0.0 taken for bob"
    assert [taken.recipient for taken in relay.accepted].count(BOB) == 1
    assert relay.connections == connections
    if connections == 1:
        assert sum(command.startswith("MAIL") for command in relay.heard) == 2


def test_what_follows_a_dot_may_be_refused_alone() -> None:
    with ScriptedRelay() as relay:
        relay.will("rcpt", BOB, "550 5.1.1 no such user")
        desk, begun = late(relay, "250 2.0.0 taken for ann")

    assert begun
    assert isinstance(desk.outcomes[1], Sent)
    assert desk.outcomes[2] == Refused(desk.outcomes[2].reply)
    assert [taken.recipient for taken in relay.accepted] == [ANN]


def test_an_address_that_cannot_be_spoken_is_refused_behind_a_dot_too() -> None:
    with ScriptedRelay() as relay:
        desk, begun = late(relay, "250 2.0.0 taken for ann", to="a b@example.org")

    assert begun
    assert isinstance(desk.outcomes[1], Sent)
    assert isinstance(desk.outcomes[2], Refused)
    assert relay.connections == 1


@pytest.mark.parametrize("stopped", ["before", "after"])
def test_stopping_lets_follow_what_was_written_behind_a_dot_and_nothing_else(stopped: str) -> None:
    with ScriptedRelay() as relay:
        if stopped == "before":
            desk, begun = late(relay, None, before=asyncio.Event.set)
        else:
            desk, begun = late(relay, None, after=lambda *all_: all_[-1].set())

    assert begun == (stopped == "after")
    assert isinstance(desk.outcomes[1], Sent)
    assert [type(desk.outcomes[n]) for n in desk.outcomes] == [Sent] * (2 if begun else 1)
    assert len(relay.accepted) == len(desk.outcomes)


def test_cutting_leaves_no_doubt_of_what_was_written_behind_a_dot() -> None:
    def cut(crew: Crew[int], desk: LateDesk, stop: asyncio.Event) -> None:
        desk.stopped = True
        stop.set()
        crew.cut.set()

    with ScriptedRelay() as relay:
        desk, begun = late(relay, None, after=cut)

    assert begun
    assert isinstance(desk.outcomes[1], Unknown)
    assert isinstance(desk.outcomes[2], NotBegun)


@pytest.mark.parametrize("why", ["no more over it", "one by one", "not all has left"])
def test_nothing_follows_a_dot_where_it_may_not(why: str) -> None:
    with ScriptedRelay(*ONE_BY_ONE if why == "one by one" else PIPELINING, window=65_536) as relay:
        if why == "not all has left":
            desk, begun = late(relay, None, stage="body", text=b"0123456789abcdef\r\n" * 2_000_000)
        else:
            desk, begun = late(relay, None, limits=replace(ONE, messages=1))

    assert not begun
    assert [type(outcome) for outcome in desk.outcomes.values()] == [Sent, Sent]


@pytest.mark.parametrize("security", ["starttls", "tls"])
def test_tls_and_login(security: Literal["starttls", "tls"]) -> None:
    kind = security
    extensions = ("PIPELINING", "AUTH PLAIN", "STARTTLS")
    with ScriptedRelay(*extensions, tls=kind == "tls") as relay:
        address = RelayAddress("localhost", relay.port, kind, USER, PASSWORD)
        run = work(address, message(ANN), message(BOB), trust=trusting_context())

    assert [type(outcome) for outcome in run.outcomes] == [Sent, Sent]
    assert relay.connections == 1
    assert ("STARTTLS" in relay.heard) == (kind == "starttls")


def test_a_wrong_password_is_enough_once() -> None:
    with ScriptedRelay("PIPELINING", "AUTH PLAIN", "STARTTLS") as relay:
        address = RelayAddress("localhost", relay.port, "starttls", USER, "wrong")
        run = work(address, message(ANN), trust=trusting_context())

    assert run.fault
    assert run.fault.reply.code == 535
    assert relay.connections == 1
    assert run.outcomes == []


def test_a_login_that_cannot_be_now_may_be_later() -> None:
    with ScriptedRelay("PIPELINING", "AUTH PLAIN", "STARTTLS") as relay:
        relay.will("auth", ANYONE, "454 4.7.0 not now")
        address = RelayAddress("localhost", relay.port, "starttls", USER, PASSWORD)
        run = work(address, message(ANN), trust=trusting_context())

    assert [type(outcome) for outcome in run.outcomes] == [Sent]
    assert relay.connections == 2


def test_starttls_that_is_not_offered_is_never_done_without() -> None:
    with ScriptedRelay("PIPELINING") as relay:
        run = work(
            RelayAddress("localhost", relay.port, "starttls"), message(ANN),
            trust=trusting_context(),
        )  # fmt: skip

    assert run.fault
    assert "STARTTLS" in run.fault.reply.text
    assert relay.accepted == []
    assert not any(command.startswith("MAIL") for command in relay.heard)


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1"])
def test_a_certificate_that_does_not_fit_is_refused(host: str) -> None:
    # Unknown authority for the one, another name for the other.
    trust = trusting_context() if host == "127.0.0.1" else ssl.create_default_context()
    with ScriptedRelay("STARTTLS") as relay:
        run = work(RelayAddress(host, relay.port, "starttls"), message(ANN), trust=trust)

    assert run.fault
    assert "certificate" in run.fault.reply.text
    assert not any(command.startswith("MAIL") for command in relay.heard)


def test_what_was_said_before_tls_is_forgotten() -> None:
    """Somebody on the way adds to the relay's words before TLS; over TLS it is asked anew."""
    injected = Raw(b"220 2.0.0 go on\r\n250-relay\r\n250-PIPELINING\r\n250 AUTH PLAIN\r\n")

    async def connected(address: RelayAddress) -> bool | str:
        found = await delivery.connect(address, PATIENT, trusting_context())
        if isinstance(found, RelayFault):
            return found.reply.text
        await found.close()
        return found.pipelining

    with ScriptedRelay("STARTTLS") as relay:
        relay.will("starttls", ANYONE, injected, times=2)
        plain_one = RelayAddress("localhost", relay.port, "starttls")
        assert asyncio.run(connected(plain_one)) is False
        known = RelayAddress("localhost", relay.port, "starttls", USER, PASSWORD)
        assert str(asyncio.run(connected(known))).endswith("it takes no login")

    # No login went to whoever had offered it in clear.
    assert relay.heard == [*["EHLO localhost", "STARTTLS", "EHLO localhost"], "QUIT",
                           *["EHLO localhost", "STARTTLS", "EHLO localhost"]]  # fmt: skip


IMPATIENT = Timeouts(connect=0.3, command=PATIENCE, dot=PATIENCE)


def test_a_name_that_nobody_has_stops_the_run() -> None:
    run = work(RelayAddress("relay.invalid", 25, "none"), message(ANN))

    assert run.fault
    assert run.fault.reply.text == "no reply to the greeting: its name is not found"
    assert run.outcomes == []


def test_a_relay_that_answers_nothing_at_all_is_given_up_in_time() -> None:
    # A queue of connections that is full: further ones are neither taken nor refused.
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        listening.listen(0)
        port = listening.getsockname()[1]
        waiting = [socket.socket() for _ in range(4)]
        for one in waiting:
            one.setblocking(False)
            one.connect_ex(("127.0.0.1", port))
        run = work(plain(port), message(ANN), timeouts=IMPATIENT)
        for one in waiting:
            one.close()

    assert run.fault
    assert "Timed out connecting" in run.fault.reply.text
    assert Timeouts().connect == 30
    assert run.outcomes == []


def test_a_relay_without_a_greeting_is_given_up_in_time() -> None:
    with ScriptedRelay() as relay:
        relay.will("connect", ANYONE, Wait(2 * PATIENCE), times=5)
        run = work(plain(relay.port), message(ANN), timeouts=IMPATIENT)

    assert run.fault
    assert "Timed out" in run.fault.reply.text
    assert run.outcomes == []


def test_who_does_not_know_ehlo_is_greeted_with_helo() -> None:
    with ScriptedRelay() as relay:
        relay.will("ehlo", ANYONE, "502 5.5.1 what?")
        [outcome] = deliver(relay, message(ANN))

    assert isinstance(outcome, Sent)
    assert any(command.startswith("HELO") for command in relay.heard)


def test_who_knows_neither_greeting_is_at_fault() -> None:
    with ScriptedRelay() as relay:
        for stage in ("ehlo", "helo"):
            relay.will(stage, ANYONE, "502 5.5.1 what?", times=9)
        run = work(plain(relay.port), message(ANN))

    assert run.fault
    assert run.fault.reply.code == 502
    assert run.outcomes == []


def test_a_relay_that_wants_less_for_a_while_gets_all_in_the_end() -> None:
    people = [message(f"r{n}@example.org") for n in range(20)]
    with ScriptedRelay() as relay:
        relay.will("mail", SENDER, "451 4.7.1 slower", times=2)
        relay.will("dot", ANYONE, Wait(0.01), times=20)
        run = work(plain(relay.port), *people, limits=Limits(4, pause=0.02), desk=LikeTheLedger)

    assert run.fault is None
    assert [type(outcome) for outcome in run.outcomes] == [Sent] * 20
    assert Counter(taken.recipient for taken in relay.accepted) == Counter(
        one.recipient for one in people
    )
    # Twice it was told to come later, and what it had been asked to take was asked again.
    assert sum(command.startswith("MAIL") for command in relay.heard) == 22
