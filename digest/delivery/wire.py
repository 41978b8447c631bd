"""The hot path: bytes out, replies in, over a connection that aiosmtplib has opened.

aiosmtplib 5.1.3 throws away whatever arrives while no reply is awaited, or before the last one
was picked up, so it cannot pipeline (RFC 2920). Once it has connected, `Wire` takes over its
transport with `set_protocol`. It costs one future for a group of replies and no timer for a
message: one tick for each connection looks at the deadline of what is awaited first.
Never here: what a reply means, or which commands are sent.
"""

import asyncio
from collections import deque
from collections.abc import Sequence
from functools import lru_cache

from digest.outcomes import Reply

# Bytes. RFC 5321 section 4.5.3.1.5 allows 512 for a line; a reply may have several.
LONGEST_REPLY = 32_768


class Wire(asyncio.Protocol):
    """One connection. Once `why` is set it is over, and whoever awaits replies gets fewer."""

    def __init__(self, transport: asyncio.Transport, tick: float) -> None:
        """`tick`: how often deadlines are looked at, in seconds."""
        self.why = ""
        self.unsent = False
        self._transport, self._tick = transport, tick
        self._loop = asyncio.get_running_loop()
        self._lost: asyncio.Future[None] = self._loop.create_future()
        self._waiting: deque[tuple[asyncio.Future[list[Reply]], int, float]] = deque()
        self._replies: list[Reply] = []
        self._deadline = 0.0
        self._buffer = b""
        self._lines: list[bytes] = []
        # With room for nothing but one byte we hear (pause_writing) whether all has left; with
        # none at all, TLS transports would call an empty buffer full.
        transport.set_write_buffer_limits(high=1, low=0)
        transport.set_protocol(self)
        self._timer = self._loop.call_later(tick, self._look)

    def ask(
        self, parts: Sequence[bytes], count: int, seconds: float
    ) -> "asyncio.Future[list[Reply]]":
        """Write, and promise `count` replies; fewer where the connection ended before.

        `seconds` run from when all that was asked before has been answered.
        """
        promise: asyncio.Future[list[Reply]] = self._loop.create_future()
        if self.why:
            promise.set_result([])
            return promise
        if not self._waiting:
            self._deadline = self._loop.time() + seconds
        self._waiting.append((promise, count, seconds))
        if parts:
            self._transport.writelines(parts)
        return promise

    def kept(self) -> int:
        """Bytes of what was written that are still here."""
        return self._transport.get_write_buffer_size() if self.unsent else 0

    def end(self, why: str) -> None:
        """Cut the connection; what is still awaited will not come. Only the first call counts."""
        if self.why:
            return
        self.why = why
        self._timer.cancel()
        self._transport.abort()
        while self._waiting:
            self._answer()

    async def close(self, farewell: bytes = b"") -> None:
        """Say goodbye and close; nothing is lost if it is not heard within a second."""
        if not self.why:
            self.why = "closed"
            self._timer.cancel()
            self._transport.write(farewell)
            self._transport.close()
            await asyncio.wait({self._lost}, timeout=1.0)
            self._transport.abort()
        await asyncio.wait({self._lost}, timeout=1.0)

    def data_received(self, data: bytes) -> None:
        """Cut the bytes into replies (RFC 5321 section 4.2), however they were split on the way."""
        *lines, self._buffer = (self._buffer + data).split(b"\n")
        for line in lines:
            if self.why:
                return
            self._line(line.rstrip(b"\r"))
        if len(self._buffer) + sum(map(len, self._lines)) > LONGEST_REPLY:
            self.end("the reply was longer than any reply may be")

    def pause_writing(self) -> None:
        """Something of what was written is still here."""
        self.unsent = True

    def resume_writing(self) -> None:
        """All that was written has left this process, or was thrown away after an error."""
        # uvloop calls this before it says that the write failed: believe it a moment later.
        self._loop.call_soon(self._flushed)

    def _flushed(self) -> None:
        if not self._transport.is_closing():
            self.unsent = self._transport.get_write_buffer_size() > 0

    def connection_lost(self, error: Exception | None) -> None:
        """The other side closed, or the network did."""
        if not self._lost.done():
            self._lost.set_result(None)
        self.end(f"the connection was lost ({error})" if error else "the connection was closed")

    def _line(self, line: bytes) -> None:
        if not self._lines and (whole := _whole(line)):
            self._reply(whole)
            return
        code, mark = line[:3], line[3:4]
        first = self._lines[0][:3] if self._lines else code
        if not code.isdigit() or mark not in (b" ", b"-", b"") or code != first:
            self.end(f"what came is no reply: {printable(line[:60])}")
        elif mark == b"-":
            self._lines.append(line)
        else:
            text = b"\n".join(part[4:] for part in (*self._lines, line))
            self._lines = []
            self._reply(Reply(int(code), printable(text)))

    def _reply(self, reply: Reply) -> None:
        if not self._waiting:
            self.end(f"nobody had asked for {reply.code} {reply.text}")
            return
        self._replies.append(reply)
        if len(self._replies) == self._waiting[0][1]:
            self._answer()

    def _answer(self) -> None:
        promise, _, _ = self._waiting.popleft()
        replies, self._replies = self._replies, []
        if self._waiting:
            self._deadline = self._loop.time() + self._waiting[0][2]
        if not promise.done():
            promise.set_result(replies)

    def _look(self) -> None:
        if self._waiting and self._loop.time() >= self._deadline:
            self.end(f"nothing came within {self._waiting[0][2]:g} seconds")
        else:
            self._timer = self._loop.call_later(self._tick, self._look)


@lru_cache(maxsize=64)
def _whole(line: bytes) -> Reply | None:
    """The reply that is this one line, if it is one."""
    # Three of a message's four replies are the same words each time.
    whole = line[:3].isdigit() and line[3:4] in (b" ", b"")
    return Reply(int(line[:3]), printable(line[4:])) if whole else None


def printable(raw: bytes) -> str:
    """A relay's words, which reach terminals and logs: no control character of theirs does."""
    text = raw.decode("utf-8", "replace")
    if not text.isprintable():
        text = "".join(c if c.isprintable() else " " for c in text)
    return text.strip()
