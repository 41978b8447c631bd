"""Messages are signed in other threads, ahead of time: each is still its reader's."""

from datetime import datetime
from pathlib import Path

import pytest

from digest import dkim, publish
from digest.errors import MessageError
from digest.messages import Message
from digest.publish import House
from digest.publish.composing import Composer
from tests.relay import ScriptedRelay
from tests.replies import DROP
from tests.sending import BEN, MAILED, Clock, approved, later
from tests.test_dkim import verify

KEY = dkim.generate("rsa")


@pytest.fixture
def environ(environ: dict[str, str], folder: Path) -> dict[str, str]:
    (folder / "dkim.pem").write_bytes(KEY)
    signing = {"DIGEST_DKIM_DOMAIN": "news.example.org", "DIGEST_DKIM_KEY_FILE": "dkim.pem"}
    return environ | signing


def test_each_message_of_a_send_carries_its_own_signature(
    house: House, relay: ScriptedRelay, clock: Clock
) -> None:
    approved(house, clock)
    mine = dkim.load(KEY, domain="news.example.org", selector=house.settings.dkim.selector)

    assert publish.send(house, clock=clock).counts == {"sent": 4, "skipped": 1}

    assert {one.recipient for one in relay.accepted} == MAILED
    for one in relay.accepted:
        assert f"\r\nTo: {one.recipient}\r\n".encode() in one.data
        assert verify(one.data, mine)


def test_sent_again_it_is_the_same_to_the_last_byte_of_its_signature(
    house: House, relay: ScriptedRelay, clock: Clock
) -> None:
    approved(house, clock)
    reader = min(MAILED)
    relay.will("dot", reader, DROP)
    publish.send(house, clock=clock)
    publish.send(house, clock=later(60))

    first, second = (one.data for one in relay.accepted if one.recipient == reader)
    assert first == second


class Unsigned(Composer):
    def sign(self, message: Message, date: datetime) -> Message:
        if message.recipient == BEN:
            raise MessageError("this message cannot be signed")
        return super().sign(message, date)


def test_a_message_that_cannot_be_signed_stops_nobody_else(
    house: House, relay: ScriptedRelay, clock: Clock
) -> None:
    record = approved(house, clock)

    account = publish.send(house, clock=clock, composing=Unsigned)

    assert account.counts == {"sent": 3, "refused": 1, "skipped": 1}
    assert {one.recipient for one in relay.accepted} == MAILED - {BEN}
    [line] = publish.readers(house, record, ("refused",))
    assert (line.address, line.reason) == (BEN, "this message cannot be signed")
