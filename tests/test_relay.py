"""The scripted relay does what its script says, over a real socket."""

import asyncio
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import aiosmtplib
import pytest

from tests.relay import ANYONE, ScriptedRelay, Stage
from tests.replies import DROP, LOSE, Accepted, Drop, Hold, Wait
from tests.waiting import PATIENCE, until

SENDER = "weekly@news.example.org"
MESSAGE = b"Subject: The Week\r\n\r\n.A dot first\r\nGr\xc3\xbc\xc3\x9fe\r\n"


@pytest.fixture
def relay() -> Iterator[ScriptedRelay]:
    with ScriptedRelay() as open_relay:
        yield open_relay


def mail(relay: ScriptedRelay, *recipients: str) -> None:
    async def conversation() -> None:
        client = aiosmtplib.SMTP(
            hostname=relay.host, port=relay.port, use_tls=False, start_tls=False, timeout=PATIENCE
        )
        async with client:
            for recipient in recipients:
                await client.sendmail(SENDER, [recipient], MESSAGE)

    asyncio.run(conversation())


def test_a_relay_without_a_script_takes_everything_word_for_word(relay: ScriptedRelay) -> None:
    mail(relay, "ann@example.org", "bob@example.org")

    assert relay.accepted == [
        Accepted(SENDER, "ann@example.org", MESSAGE),
        Accepted(SENDER, "bob@example.org", MESSAGE),
    ]
    assert relay.connections == 1


def test_a_recipient_is_refused_once_and_nobody_else_is(relay: ScriptedRelay) -> None:
    relay.will("rcpt", "bob@example.org", "550 5.1.1 no such user")

    with pytest.raises(aiosmtplib.SMTPRecipientsRefused) as refusal:
        mail(relay, "bob@example.org")
    mail(relay, "ann@example.org", "bob@example.org")

    assert refusal.value.recipients[0].code == 550
    assert [a.recipient for a in relay.accepted] == ["ann@example.org", "bob@example.org"]


def test_replies_are_said_in_their_order_and_as_often_as_asked(relay: ScriptedRelay) -> None:
    relay.will("rcpt", "bob@example.org", "450 4.2.0 later", times=2)
    relay.will("rcpt", "bob@example.org", "550 5.1.1 never")

    codes = []
    for _ in range(3):
        with pytest.raises(aiosmtplib.SMTPRecipientsRefused) as refusal:
            mail(relay, "bob@example.org")
        codes.append(refusal.value.recipients[0].code)

    assert codes == [450, 450, 550]


def test_mail_from_is_refused_by_its_sender(relay: ScriptedRelay) -> None:
    relay.will("mail", SENDER, "451 4.3.0 not now")

    with pytest.raises(aiosmtplib.SMTPSenderRefused) as refusal:
        mail(relay, "ann@example.org")

    assert refusal.value.code == 451


@pytest.mark.parametrize(("stage", "code"), [("data", 451), ("data", 554), ("dot", 452)])
def test_the_message_is_refused_and_not_recorded(
    relay: ScriptedRelay, stage: Stage, code: int
) -> None:
    relay.will(stage, "ann@example.org", f"{code} no")

    with pytest.raises(aiosmtplib.SMTPDataError) as refusal:
        mail(relay, "ann@example.org")

    assert refusal.value.code == code
    assert relay.accepted == []


@pytest.mark.parametrize(("fault", "taken"), [(DROP, 1), (LOSE, 0)])
def test_a_dropped_connection_looks_the_same_whether_the_message_was_taken_or_not(
    relay: ScriptedRelay, fault: Drop, taken: int
) -> None:
    relay.will("dot", "ann@example.org", fault)

    with pytest.raises(aiosmtplib.SMTPServerDisconnected):
        mail(relay, "ann@example.org")
    assert len(relay.accepted) == taken

    mail(relay, "ann@example.org")
    assert len(relay.accepted) == taken + 1


def test_the_message_is_recorded_before_a_reply_that_comes_too_late(relay: ScriptedRelay) -> None:
    go = threading.Event()
    relay.will("dot", "ann@example.org", Hold(go))

    with ThreadPoolExecutor(1) as client:
        mailing = client.submit(mail, relay, "ann@example.org")
        until(lambda: relay.accepted)
        assert not mailing.done()
        go.set()
        mailing.result()

    assert [a.recipient for a in relay.accepted] == ["ann@example.org"]


def test_a_late_reply_may_still_be_a_refusal(relay: ScriptedRelay) -> None:
    relay.will("dot", "ann@example.org", Wait(0.01, "451 4.3.0 disk full"))

    with pytest.raises(aiosmtplib.SMTPDataError):
        mail(relay, "ann@example.org")

    assert relay.accepted == []


def test_the_greeting_may_turn_a_client_away(relay: ScriptedRelay) -> None:
    relay.will("connect", ANYONE, "421 4.7.0 too many connections")

    with pytest.raises(aiosmtplib.SMTPConnectError) as refusal:
        mail(relay, "ann@example.org")
    assert "too many connections" in str(refusal.value)

    mail(relay, "ann@example.org")
    assert len(relay.accepted) == 1


def test_closing_the_relay_closes_what_is_open() -> None:
    async def stay(relay: ScriptedRelay) -> bytes:
        reader, writer = await asyncio.open_connection(relay.host, relay.port)
        assert (await reader.readline()).startswith(b"220 ")
        await asyncio.to_thread(relay.close)
        rest = await asyncio.wait_for(reader.read(), timeout=PATIENCE)
        writer.close()
        return rest

    with ScriptedRelay() as relay:
        assert asyncio.run(stay(relay)) == b""
