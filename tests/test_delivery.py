"""Delivery to a real SMTP server: every fault has its outcome, and the next message its own."""

import asyncio

import pytest

from digest.delivery import RelayAddress, SmtpRelay
from digest.messages import Message
from digest.outcomes import Deferred, Outcome, Refused, RelayFault, Sent, Unknown
from tests.conftest import free_port
from tests.relay import ANYONE, DROP, LOSE, Accepted, Reply, ScriptedRelay, Stage, Wait

SENDER = "b+1@bounce.example.org"
ANN, BOB, CID = (f"{name}@example.org" for name in ("ann", "bob", "cid"))


def message(to: str, text: bytes = b"Hello") -> Message:
    return Message(
        SENDER, to, b"Subject: The Week\r\nTo: " + to.encode() + b"\r\n\r\n" + text + b"\r\n"
    )


def deliver(port: int, *messages: Message) -> list[Outcome]:
    """All messages, one after another, over one SmtpRelay."""

    async def conversation() -> list[Outcome]:
        smtp = SmtpRelay(RelayAddress("127.0.0.1", port, "none"))
        try:
            return [await smtp.deliver(one) for one in messages]
        finally:
            await smtp.close()

    return asyncio.run(conversation())


def test_messages_are_taken_over_one_connection() -> None:
    with ScriptedRelay() as relay:
        outcomes = deliver(relay.port, message(ANN), message(BOB))

    assert [type(outcome) for outcome in outcomes] == [Sent, Sent]
    assert outcomes[0].reply.code == 250
    assert [taken.recipient for taken in relay.accepted] == [ANN, BOB]
    assert relay.connections == 1


def test_the_bytes_arrive_as_they_were_given() -> None:
    text = b".\r\n..two\r\n.one\r\n\r\nlast line.\r\n."
    with ScriptedRelay() as relay:
        deliver(relay.port, message(ANN, text))

    assert relay.accepted == [Accepted(SENDER, ANN, message(ANN, text).data)]


@pytest.mark.parametrize(
    ("stage", "whom", "reply", "outcome", "code", "enhanced"),
    [
        ("connect", ANYONE, "421 4.3.2 closing", RelayFault, 421, "4.3.2"),
        ("connect", ANYONE, "554 5.7.1 not you", RelayFault, 554, "5.7.1"),
        ("connect", ANYONE, LOSE, RelayFault, 0, ""),
        ("mail", SENDER, "550 5.7.1 sender not welcome", RelayFault, 550, "5.7.1"),
        ("mail", SENDER, "451 4.3.0 later", RelayFault, 451, "4.3.0"),
        ("mail", SENDER, "421 4.3.2 closing", RelayFault, 421, "4.3.2"),
        ("mail", SENDER, LOSE, Deferred, 0, ""),
        ("rcpt", ANN, "550 5.1.1 no such user", Refused, 550, "5.1.1"),
        ("rcpt", ANN, "450 4.2.1 greylisted", Deferred, 450, "4.2.1"),
        ("rcpt", ANN, "421 4.3.2 closing", RelayFault, 421, "4.3.2"),
        ("rcpt", ANN, LOSE, Deferred, 0, ""),
        ("data", ANN, "451 4.3.0 later", Deferred, 451, "4.3.0"),
        ("data", ANN, "554 5.7.0 no", Refused, 554, "5.7.0"),
        ("data", ANN, "250 2.0.0 out of step", Unknown, 0, ""),
        ("data", ANN, LOSE, Unknown, 0, ""),
        ("dot", ANN, "452 4.3.1 disk full", Deferred, 452, "4.3.1"),
        ("dot", ANN, "554 5.7.1 spam", Refused, 554, "5.7.1"),
        ("dot", ANN, "421 4.3.2 closing", Deferred, 421, "4.3.2"),
        ("dot", ANN, DROP, Unknown, 0, ""),
        ("dot", ANN, LOSE, Unknown, 0, ""),
        ("dot", ANN, Wait(0.05, LOSE), Unknown, 0, ""),
        ("dot", ANN, "251 2.1.5 will forward", Unknown, 0, ""),
    ],
)
def test_a_fault_has_its_outcome_and_the_next_message_its_own_reply(
    stage: Stage, whom: str, reply: Reply, outcome: type[Outcome], code: int, enhanced: str
) -> None:
    with ScriptedRelay() as relay:
        relay.will(stage, whom, reply)
        relay.will("dot", BOB, "250 2.0.0 taken for bob")
        relay.will("dot", CID, "554 5.7.1 refused for cid")
        first, second, third = deliver(relay.port, message(ANN), message(BOB), message(CID))

    assert (type(first), first.reply.code, first.reply.enhanced) == (outcome, code, enhanced)
    assert first.reply.text
    assert (type(second), second.reply.text) == (Sent, "2.0.0 taken for bob")
    assert (type(third), third.reply.text) == (Refused, "5.7.1 refused for cid")
    assert Accepted(SENDER, BOB, message(BOB).data) in relay.accepted
    assert {taken.recipient for taken in relay.accepted} <= {ANN, BOB}


def test_nobody_listens() -> None:
    port = free_port()

    [outcome] = deliver(port, message(ANN))

    assert isinstance(outcome, RelayFault)
    assert outcome.reply.text.startswith("no connection")


def test_a_cancelled_message_leaves_no_reply_behind() -> None:
    async def conversation(relay: ScriptedRelay) -> Outcome:
        smtp = SmtpRelay(RelayAddress(relay.host, relay.port, "none"))
        try:
            with pytest.raises(TimeoutError):
                await asyncio.wait_for(smtp.deliver(message(ANN)), 0.3)
            return await smtp.deliver(message(BOB))
        finally:
            await smtp.close()

    with ScriptedRelay() as relay:
        relay.will("dot", ANN, Wait(0.6, "250 2.0.0 taken for ann"))
        relay.will("dot", BOB, "250 2.0.0 taken for bob")
        outcome = asyncio.run(conversation(relay))

    assert outcome.reply.text == "2.0.0 taken for bob"
    assert relay.connections == 2
