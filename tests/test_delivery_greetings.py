"""From the name to the first message: TLS, login, greetings, and who answers none."""

import asyncio
import socket
import ssl
from typing import Literal

import pytest

from digest import delivery
from digest.delivery import RelayAddress, Timeouts
from digest.outcomes import RelayFault, Sent
from tests.delivering import ANN, BOB, PATIENT, deliver, message, plain, work
from tests.relay import ANYONE, PASSWORD, USER, ScriptedRelay, trusting_context
from tests.replies import Raw, Wait
from tests.waiting import PATIENCE, until


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
        until(lambda: relay.heard[-1] == "QUIT")  # before another says something
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
