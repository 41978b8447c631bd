"""A real SMTP server on the loopback, whose faults a test scripts like a dialogue.

    with ScriptedRelay() as relay:
        relay.will("rcpt", "bob@example.org", "550 5.1.1 no such user")
        relay.will("dot", "ann@example.org", DROP)
        ...
        assert relay.accepted == [...]

It speaks over real sockets from its own thread, so that a test sees what a relay would do to
delivery. Never here: what the outcome of a reply ought to be (that is what the tests say).
"""

import asyncio
import threading
from collections import deque
from concurrent.futures import Future
from dataclasses import dataclass
from types import TracebackType
from typing import Final, Literal, Self

from aiosmtpd.smtp import SMTP, Envelope, Session

Stage = Literal["connect", "mail", "rcpt", "data", "dot"]
ANYONE: Final = "*"
UNTIL_CANCELLED: Final = 3600.0


@dataclass(frozen=True, slots=True)
class Accepted:
    """One message that the relay took, as it stood when the final dot had come."""

    sender: str
    recipient: str
    data: bytes


@dataclass(frozen=True, slots=True)
class Drop:
    """Close the connection without a word. `recorded`: was the message taken before that?"""

    recorded: bool = False


@dataclass(frozen=True, slots=True)
class Wait:
    """Stay silent for so many seconds, then say `then`, or go on as if nothing were scripted."""

    seconds: float
    then: str | Drop | None = None


Reply = str | Drop | Wait
DROP: Final = Drop(recorded=True)
"""The message was taken, but the reply to the final dot never comes."""
LOSE: Final = Drop(recorded=False)
"""The connection goes, and the message with it. The same to a client as `DROP`."""


class ScriptedRelay:
    """Listens on a free port of the loopback while the `with` block lasts.

    `replies` holds what is still to be said, by stage and by whom it concerns: the recipient, at
    "mail" the envelope sender, at "connect" nobody (`ANYONE`). Each reply is said once; where
    nothing is scripted, the relay is content. `accepted` grows before the reply goes out, as a
    relay that takes responsibility must do it: one entry for each recipient of a message.
    """

    def __init__(self) -> None:
        self.host = "127.0.0.1"
        self.port = 0
        self.replies: dict[tuple[Stage, str], deque[Reply]] = {}
        self._accepted: list[Accepted] = []
        self._connections = 0
        self._lock = threading.Lock()
        self._opened: Future[int] = Future()
        self._thread = threading.Thread(target=self._run, name="scripted relay", daemon=True)
        self._loop: asyncio.AbstractEventLoop | None = None
        self._closing: asyncio.Event | None = None
        self._gone = asyncio.Event()
        self._transports: set[asyncio.Transport] = set()

    def will(self, stage: Stage, whom: str, *replies: Reply, times: int = 1) -> None:
        """Say these replies, one after another, `times` over, when `stage` comes to `whom`."""
        with self._lock:
            self.replies.setdefault((stage, whom), deque()).extend(replies * times)

    @property
    def accepted(self) -> list[Accepted]:
        """What the relay has taken so far, in order: a copy, safe from any thread."""
        with self._lock:
            return list(self._accepted)

    @property
    def connections(self) -> int:
        """How many connections were opened so far."""
        with self._lock:
            return self._connections

    def __enter__(self) -> Self:
        self._thread.start()
        self.port = self._opened.result(timeout=10)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Stop listening and close what is open. A second time, it does nothing."""
        if self._loop is not None and self._closing is not None and self._thread.is_alive():
            self._loop.call_soon_threadsafe(self._closing.set)
            self._thread.join(timeout=10)

    def next_reply(self, stage: Stage, *whom: str) -> Reply | None:
        """Take the next scripted reply for the first of `whom` who has one, else for anyone."""
        with self._lock:
            for name in (*whom, ANYONE):
                if waiting := self.replies.get((stage, name)):
                    return waiting.popleft()
        return None

    def record(self, envelope: Envelope) -> None:
        """Take the message for each of its recipients."""
        content = envelope.original_content or b""
        taken = [Accepted(envelope.mail_from or "", to, content) for to in envelope.rcpt_tos]
        with self._lock:
            self._accepted.extend(taken)

    def connected(self, transport: asyncio.Transport) -> None:
        """Remember an open connection, so that closing the relay closes it."""
        self._transports.add(transport)
        with self._lock:
            self._connections += 1

    def disconnected(self, transport: asyncio.Transport) -> None:
        """Forget a connection that is gone."""
        self._transports.discard(transport)
        self._gone.set()

    def _run(self) -> None:
        try:
            asyncio.run(self._serve())
        except BaseException as error:
            if self._opened.done():
                raise
            self._opened.set_exception(error)

    async def _serve(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._closing = asyncio.Event()
        server = await self._loop.create_server(lambda: _Conversation(self), self.host, 0)
        self._opened.set_result(server.sockets[0].getsockname()[1])
        await self._closing.wait()
        server.close()
        for transport in tuple(self._transports):
            transport.abort()
        while self._transports:
            self._gone.clear()
            await self._gone.wait()
        await server.wait_closed()


class _Conversation(SMTP):
    """One connection: aiosmtpd's own, with the script asked at each stage."""

    def __init__(self, relay: ScriptedRelay) -> None:
        # A host name, lest aiosmtpd ask the resolver for ours.
        super().__init__(
            _Handler(relay), hostname="relay.example.org", ident="ESMTP", enable_SMTPUTF8=True
        )
        self.relay = relay

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.relay.connected(transport)
        super().connection_made(transport)

    def connection_lost(self, error: Exception | None) -> None:
        if isinstance(self.transport, asyncio.Transport):
            self.relay.disconnected(self.transport)
        super().connection_lost(error)

    async def _handle_client(self) -> None:
        said = await self.scripted(self.relay.next_reply("connect"))
        if said is not None:
            await self.push(said)
            await self.hang_up()
        await super()._handle_client()

    async def smtp_DATA(self, arg: str) -> None:  # noqa: N802 - aiosmtpd finds it by this name
        assert self.envelope is not None
        said = await self.scripted(self.relay.next_reply("data", *self.envelope.rcpt_tos))
        if said is None:
            await super().smtp_DATA(arg)
        else:
            await self.push(said)

    async def scripted(self, reply: Reply | None) -> str | None:
        """Act a reply out as far as words: what to say, or None to go on as usual."""
        if isinstance(reply, Wait):
            await asyncio.sleep(reply.seconds)
            reply = reply.then
        if isinstance(reply, Drop):
            await self.hang_up()
        return reply if isinstance(reply, str) else None

    async def hang_up(self) -> None:
        """Close the connection; never returns, for losing it cancels the conversation."""
        assert self.transport is not None
        self.transport.close()
        await asyncio.sleep(UNTIL_CANCELLED)


class _Handler:
    """The hooks that aiosmtpd calls by name."""

    def __init__(self, relay: ScriptedRelay) -> None:
        self.relay = relay

    async def handle_MAIL(  # noqa: N802
        self,
        server: _Conversation,
        session: Session,
        envelope: Envelope,
        address: str,
        options: list[str],
    ) -> str:
        said = await server.scripted(self.relay.next_reply("mail", address))
        if said is None or said.startswith("2"):
            envelope.mail_from = address
            envelope.mail_options.extend(options)
        return said or "250 2.1.0 OK"

    async def handle_RCPT(  # noqa: N802
        self,
        server: _Conversation,
        session: Session,
        envelope: Envelope,
        address: str,
        options: list[str],
    ) -> str:
        said = await server.scripted(self.relay.next_reply("rcpt", address))
        if said is None or said.startswith("2"):
            envelope.rcpt_tos.append(address)
            envelope.rcpt_options.extend(options)
        return said or "250 2.1.5 OK"

    async def handle_DATA(  # noqa: N802
        self, server: _Conversation, session: Session, envelope: Envelope
    ) -> str:
        reply = self.relay.next_reply("dot", *envelope.rcpt_tos)
        if _takes(reply):
            self.relay.record(envelope)
        return await server.scripted(reply) or "250 2.0.0 OK: taken"


def _takes(reply: Reply | None) -> bool:
    # Recording comes before waiting, too: that is how a relay takes a message twice.
    if isinstance(reply, Wait):
        reply = reply.then
    if isinstance(reply, Drop):
        return reply.recorded
    return reply is None or reply.startswith("2")
