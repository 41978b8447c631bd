"""A real SMTP server on the loopback, whose faults a test scripts like a dialogue.

    with ScriptedRelay() as relay:
        relay.will("rcpt", "bob@example.org", "550 5.1.1 no such user")
        relay.will("dot", "ann@example.org", DROP)
        ...
        assert relay.accepted == [...]

It speaks over real sockets from its own thread, so that a test sees what a relay would do to
delivery, down to single packets. Never here: what the outcome of a reply ought to be (that is
what the tests say).
"""

import asyncio
import base64
import contextlib
import socket
import ssl
import struct
import threading
from collections import deque
from collections.abc import Sequence
from concurrent.futures import Future
from pathlib import Path
from types import TracebackType
from typing import Final, Literal, Self

from tests.replies import Accepted, Drop, Flood, Hold, Raw, Reply, Wait
from tests.waiting import PATIENCE

Stage = Literal[
    "connect", "ehlo", "helo", "starttls", "auth", "mail", "rcpt", "data", "body", "dot"
]
ANYONE: Final = "*"
CERTIFICATE = Path(__file__).parent / "samples" / "relay.pem"
USER, PASSWORD = "digest", "secret"


class ScriptedRelay:
    """Listens on a free port of the loopback while the `with` block lasts.

    `replies` holds what is still to be said, by stage and by whom it concerns: the recipient, at
    "mail" the envelope sender, before that nobody (`ANYONE`). Each reply is said once; where
    nothing is scripted, the relay is content. `accepted` grows before the reply goes out, as a
    relay that takes responsibility must do it: one entry for each recipient of a message.
    """

    def __init__(
        self, *extensions: str, tls: bool = False, delay: float = 0.0, window: int = 0
    ) -> None:
        """`extensions` are announced; `tls` means from the first byte; `delay` (seconds) before a
        reply; `window`: bytes that the system may take before the relay reads them."""
        self.host = "127.0.0.1"
        self.port = 0
        self.extensions = extensions or ("PIPELINING", "8BITMIME", "ENHANCEDSTATUSCODES")
        self.delay = delay
        self.replies: dict[tuple[Stage, str], deque[Reply]] = {}
        self._tls, self._window = tls, window
        self._accepted: list[Accepted] = []
        self._heard: list[str] = []
        self._connections = self._open = self._most = 0
        self._lock = threading.Lock()
        self._opened: Future[int] = Future()
        self._thread = threading.Thread(target=self._run, name="scripted relay", daemon=True)
        self._loop: asyncio.AbstractEventLoop | None = None
        self._closing: asyncio.Event | None = None
        self._tasks: set[asyncio.Task[None]] = set()

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
    def heard(self) -> list[str]:
        """Every command, in order."""
        with self._lock:
            return list(self._heard)

    @property
    def connections(self) -> int:
        """How many connections were opened so far."""
        with self._lock:
            return self._connections

    @property
    def most(self) -> int:
        """How many connections were open at the same time, at most."""
        with self._lock:
            return self._most

    def __enter__(self) -> Self:
        self._thread.start()
        self.port = self._opened.result(PATIENCE)
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
            self._thread.join(PATIENCE)

    def next_reply(self, stage: Stage, *whom: str) -> Reply | None:
        """Take the next scripted reply for the first of `whom` who has one, else for anyone."""
        with self._lock:
            for name in (*whom, ANYONE):
                if waiting := self.replies.get((stage, name)):
                    return waiting.popleft()
        return None

    def record(self, sender: str, recipients: Sequence[str], data: bytes) -> None:
        """Take the message for each of its recipients."""
        with self._lock:
            self._accepted.extend(Accepted(sender, to, data) for to in recipients)

    def hear(self, command: str) -> None:
        """Write a command down."""
        with self._lock:
            self._heard.append(command)

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
        context = server_context() if self._tls else None
        listening = socket.create_server((self.host, 0), backlog=512)  # hundreds may come at once
        # Connections inherit it; asyncio sets it only on sockets that it made itself.
        listening.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if self._window:
            listening.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, self._window)
        server = await asyncio.start_server(
            self._connected, sock=listening, ssl=context, limit=2**18
        )
        self._opened.set_result(server.sockets[0].getsockname()[1])
        await self._closing.wait()
        server.close()
        for task in tuple(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await server.wait_closed()

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        with self._lock:
            self._connections += 1
            self._open += 1
            self._most = max(self._most, self._open)
        try:
            with contextlib.suppress(_HungUp, OSError, asyncio.IncompleteReadError):
                await _Conversation(self, reader, writer).hold()
        except asyncio.CancelledError:
            pass  # the relay closes; a cancelled handler would be reported
        finally:
            self._tasks.discard(task)
            writer.transport.abort()
            with self._lock:
                self._open -= 1


def server_context() -> ssl.SSLContext:
    """What the relay shows of itself: a certificate for localhost that nobody else trusts."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(CERTIFICATE)
    return context


def trusting_context() -> ssl.SSLContext:
    """A client's context that trusts the relay's certificate."""
    return ssl.create_default_context(cafile=str(CERTIFICATE))


class _HungUp(Exception):
    """The conversation is over."""


class _Conversation:
    """One connection, with the script asked at each stage."""

    def __init__(
        self, relay: ScriptedRelay, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        self.relay, self.reader, self.writer = relay, reader, writer
        self.secure = relay._tls
        self.sender = ""
        self.recipients: list[str] = []

    async def hold(self) -> None:
        if not await self.answer("connect", "220 relay.example.org ESMTP"):
            raise _HungUp
        while line := await self.reader.readline():
            command = line.decode("utf-8", "replace").rstrip("\r\n")
            self.relay.hear(command)
            verb, _, rest = command.partition(" ")
            handle = getattr(self, f"on_{verb.lower()}", None)
            if handle is None:
                await self.say("500 5.5.1 what?")
            else:
                await handle(rest)

    async def on_ehlo(self, _rest: str) -> None:
        self.reset()
        offered = [e for e in self.relay.extensions if e != "STARTTLS" or not self.secure]
        lines = ["relay.example.org", *offered]
        shown = [f"250{'-' if line != lines[-1] else ' '}{line}" for line in lines]
        await self.answer("ehlo", "\r\n".join(shown))

    async def on_helo(self, _rest: str) -> None:
        self.reset()
        await self.answer("helo", "250 relay.example.org")

    async def on_starttls(self, _rest: str) -> None:
        await self.answer("starttls", "220 2.0.0 go on")
        self.secure = True
        with contextlib.suppress(ssl.SSLError):
            await self.writer.start_tls(server_context())
            return
        raise _HungUp

    async def on_auth(self, rest: str) -> None:
        given = rest.split()[-1]
        wanted = base64.b64encode(f"\0{USER}\0{PASSWORD}".encode()).decode()
        known = given == wanted
        await self.answer("auth", "235 2.7.0 welcome" if known else "535 5.7.8 who are you?")

    async def on_mail(self, rest: str) -> None:
        address = _path(rest)
        if self.sender:
            await self.say("503 5.5.1 nested MAIL")
        elif await self.answer("mail", "250 2.1.0 OK", address):
            self.sender = address

    async def on_rcpt(self, rest: str) -> None:
        address = _path(rest)
        if not self.sender:
            await self.say("503 5.5.1 MAIL first")
        elif await self.answer("rcpt", "250 2.1.5 OK", address):
            self.recipients.append(address)

    async def on_data(self, _rest: str) -> None:
        if not self.recipients:
            await self.say("554 5.5.1 no valid recipients")
            return
        if not await self.answer("data", "354 go on", *self.recipients):
            return
        await self.acted(self.relay.next_reply("body", *self.recipients))
        data = await self.body()
        sender, recipients = self.sender, self.recipients
        self.reset()
        reply = self.relay.next_reply("dot", *recipients)
        if _takes(reply):
            self.relay.record(sender, recipients, data)
        await self.told(reply, "250 2.0.0 OK: taken")

    async def on_rset(self, _rest: str) -> None:
        self.reset()
        await self.say("250 2.0.0 OK")

    async def on_noop(self, _rest: str) -> None:
        await self.say("250 2.0.0 OK")

    async def on_quit(self, _rest: str) -> None:
        await self.say("221 2.0.0 bye")
        raise _HungUp

    def reset(self) -> None:
        self.sender, self.recipients = "", []

    async def body(self) -> bytes:
        lines = []
        while (line := await self.reader.readline()) != b".\r\n":
            if not line:
                raise _HungUp
            lines.append(line[1:] if line.startswith(b".") else line)
        return b"".join(lines)

    async def answer(self, stage: Stage, usual: str, *whom: str) -> bool:
        """Say what is scripted, else the usual; whether the relay is content."""
        return await self.told(self.relay.next_reply(stage, *whom), usual)

    async def told(self, reply: Reply | None, usual: str) -> bool:
        said = await self.acted(reply)
        said = usual if said is None else said
        if not isinstance(reply, Raw):
            await self.say(said)
            if said.startswith("421"):
                raise _HungUp
        return said.startswith(("2", "3")) or said == ""

    async def acted(self, reply: Reply | None) -> str | None:
        """Act a reply out as far as words: what to say, or None to go on as usual."""
        if self.relay.delay:
            await asyncio.sleep(self.relay.delay)
        if isinstance(reply, Wait):
            await asyncio.sleep(reply.seconds)
            reply = reply.then
        if isinstance(reply, Hold):
            await asyncio.to_thread(reply.until.wait, PATIENCE)
            reply = reply.then
        if isinstance(reply, Raw):
            await self.packets(reply)
            return reply.data.decode("utf-8", "replace")
        if isinstance(reply, Flood):
            for _ in range(0, reply.size, len(reply.data)):
                await self.packets(Raw(reply.data))
            raise _HungUp
        if isinstance(reply, Drop):
            if reply.reset:
                sock = self.writer.get_extra_info("socket")
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            raise _HungUp
        return reply

    async def packets(self, raw: Raw) -> None:
        for start in range(0, len(raw.data), raw.packet):
            self.writer.write(raw.data[start : start + raw.packet])
            await self.writer.drain()
            await asyncio.sleep(0)

    async def say(self, words: str) -> None:
        self.writer.write(words.encode() + b"\r\n")
        await self.writer.drain()


def _path(rest: str) -> str:
    return rest[rest.index("<") + 1 : rest.index(">")] if "<" in rest and ">" in rest else rest


def _takes(reply: Reply | None) -> bool:
    # Recording comes before waiting, too: that is how a relay takes a message twice.
    if isinstance(reply, (Wait, Hold)):
        reply = reply.then
    if isinstance(reply, (Drop, Raw, Flood)):
        return reply.recorded
    return reply is None or reply.startswith("2")
