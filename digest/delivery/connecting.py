"""Opening a connection: aiosmtplib connects, negotiates TLS and logs in. Never here: a message."""

import asyncio
import socket
import ssl
from dataclasses import dataclass
from typing import Literal, cast

import aiosmtplib

from digest.delivery.dialogue import Dialogue, Timeouts
from digest.delivery.wire import LONGEST_REPLY, Wire, printable
from digest.outcomes import Phase, RelayFault, Reply, judge_silence


@dataclass(frozen=True, slots=True)
class RelayAddress:
    """Where the relay listens and how to speak to it."""

    host: str
    port: int
    security: Literal["starttls", "tls", "none"]
    username: str = ""
    password: str = ""

    @property
    def name(self) -> str:
        """For logs and the ledger."""
        return f"{self.host}:{self.port}"


async def connect(
    address: RelayAddress, timeouts: Timeouts, trust: ssl.SSLContext | None = None
) -> Dialogue | RelayFault:
    """A connection that is ready for messages, or what the relay had against it.

    TLS that was asked for is never done without. `trust` stands in for the system's authorities.
    """
    client = _client(address, timeouts, trust)
    try:
        await client.connect()
        await _introduced(client, address)
    except aiosmtplib.SMTPResponseException as error:
        await _abandoned(client)
        return RelayFault(_as_said(error))
    except (TimeoutError, aiosmtplib.SMTPException, OSError, ValueError) as error:
        await _abandoned(client)
        return RelayFault(judge_silence(Phase.CONNECT, _told(error)).reply)
    return _taken_over(client, timeouts)


def _told(error: BaseException) -> str:
    """What an operator can do something about, in place of what a library was about to do."""
    cause: BaseException | None = error
    while cause:
        match cause:
            case ssl.SSLCertVerificationError():
                return f"its certificate is not accepted: {cause.verify_message}"
            case ssl.SSLError():
                return "it does not speak TLS at that port"
            case socket.gaierror():
                return "its name is not found"
            case ConnectionRefusedError():
                return "nobody listens at that port"
        cause = cause.__cause__ or cause.__context__
    text = str(error) or type(error).__name__
    lacks = {"STARTTLS extension": "it offers no STARTTLS", "AUTH extension": "it takes no login"}
    return next((told for sign, told in lacks.items() if sign in text), text)


def _as_said(error: aiosmtplib.SMTPResponseException) -> Reply:
    # aiosmtplib keeps what is no UTF-8 as lone surrogates, which neither a database nor a terminal
    # takes; and calls -1 what is no reply at all.
    raw = error.message.encode("utf-8", "surrogateescape")
    return Reply(max(error.code, 0), printable(raw[:LONGEST_REPLY]))


def _client(
    address: RelayAddress, timeouts: Timeouts, trust: ssl.SSLContext | None
) -> aiosmtplib.SMTP:
    secure = address.security != "none"
    return aiosmtplib.SMTP(
        hostname=address.host,
        port=address.port,
        timeout=timeouts.connect,
        use_tls=address.security == "tls",
        start_tls=False,
        tls_context=(trust or ssl.create_default_context()) if secure else None,
    )


async def _introduced(client: aiosmtplib.SMTP, address: RelayAddress) -> None:
    # One by one: where `connect` did it all, it would also close a failed connection, politely
    # and so slowly that nobody hears when it is gone.
    await _greet(client)
    if address.security == "starttls":
        await client.starttls()
        await _greet(client)
    if address.username:
        await client.login(address.username, address.password)


async def _greet(client: aiosmtplib.SMTP) -> None:
    try:
        await client.ehlo()
    except aiosmtplib.SMTPHeloError as error:
        if error.code == 421:
            raise
        await client.helo()  # RFC 5321 section 3.2: who does not know EHLO may know HELO


async def _abandoned(client: aiosmtplib.SMTP) -> None:
    # aiosmtplib closes politely, which over TLS may take as long as the relay likes.
    if client.transport is not None:
        cast(asyncio.Transport, client.transport).abort()
    client.close()
    await asyncio.sleep(0)


def _taken_over(client: aiosmtplib.SMTP, timeouts: Timeouts) -> Dialogue | RelayFault:
    transport = client.transport
    if transport is None or transport.is_closing():
        client.close()
        return RelayFault(Reply(0, "the connection was closed after the greeting"))
    return Dialogue(
        Wire(cast(asyncio.Transport, transport), timeouts.tick),
        timeouts,
        pipelining=client.supports_extension("pipelining"),
        dsn=client.supports_extension("dsn"),
    )
