"""One connection's dialogue: MAIL, RCPT, DATA and the text of each message, and its Outcome.

Where the relay offers PIPELINING the three commands are one group, and the group of the next
message follows the final dot of this one (RFC 2920 section 3.1), at once or while its reply is
awaited: a message costs one round trip. Elsewhere it is one by one. How far a message had come is
known at every moment, because that decides what silence means. Never here: which message is next,
or the ledger.
"""

import asyncio
import re
from collections.abc import Sequence
from dataclasses import dataclass

from digest.delivery.wire import Wire
from digest.messages import Message
from digest.outcomes import (
    Deferred,
    NotBegun,
    Outcome,
    Phase,
    Refused,
    Reply,
    judge,
    judge_silence,
)

_PATH = re.compile(r"[!-;=?-~]*")  # printable ASCII without space and angle brackets
_COMMANDS = (Phase.SENDER, Phase.RECIPIENT, Phase.DATA)


@dataclass(frozen=True, slots=True)
class Timeouts:
    """Seconds, by phase: those of Postfix. After the dot ten minutes, or mail comes twice."""

    connect: float = 30.0
    command: float = 300.0
    dot: float = 600.0

    @property
    def tick(self) -> float:
        """How often deadlines are looked at."""
        return min(1.0, self.command / 8, self.dot / 8)


@dataclass(slots=True)
class Envelope:
    """A message whose commands were written (`promised`), or are yet to be spoken one by one.

    With a `problem` there are none: no relay is asked to take it.
    """

    commands: tuple[bytes, ...]
    problem: str | None = None
    promised: "asyncio.Future[list[Reply]] | None" = None


class Dialogue:
    """Messages over one connection. When `why` says something, it must not be used again."""

    def __init__(self, wire: Wire, timeouts: Timeouts, *, pipelining: bool, dsn: bool) -> None:
        self.taken = 0
        self.pipelining = pipelining
        self._wire, self._timeouts, self._dsn = wire, timeouts, dsn
        self._reset = self._used = False
        self._left = False  # the text and the dot have left, whatever was written behind them

    @property
    def why(self) -> str:
        """Why the connection is over; "" while it can be used."""
        return self._wire.why

    def end(self, why: str) -> None:
        """Cut it; whatever is under way ends in the outcome of its phase."""
        self._wire.end(why)

    async def close(self) -> None:
        """Say QUIT; what the relay answers doesn't matter."""
        await self._wire.close(b"QUIT\r\n")

    def propose(self, message: Message) -> Envelope:
        """Begin with a message; `answered` tells whether the relay wants its text."""
        envelope = self._envelope(message)
        if self.pipelining and not envelope.problem:
            envelope.promised = self._ask(envelope.commands)
        return envelope

    async def answered(self, envelope: Envelope) -> Outcome | None:
        """None where the relay wants the text, or what it had against the message."""
        if envelope.problem:
            return Refused(Reply(0, envelope.problem))
        if envelope.promised is None:
            replies = await self._one_by_one(envelope.commands)
        else:
            replies = await envelope.promised
        extra = len(envelope.commands) - len(_COMMANDS)  # RSET, whose reply says nothing
        outcome = self._judged(replies[extra:])
        if outcome is not None and not self.why:
            await self._back_in_step(replies[extra:])
        return outcome

    def handed_over(
        self, message: Message, following: Message | None
    ) -> "tuple[asyncio.Future[list[Reply]], Envelope | None]":
        """Write the text as it stands and the dot, and with them the commands of `following`.

        `messages` promises lines that end in CRLF and never begin with a dot; to look again at
        each byte here would cost a third of the whole send.

        To be called at once when `answered` said None. The first promise is the reply to the
        dot: `after_dot` says what it means.
        """
        envelope = None if following is None else self._envelope(following)
        ahead = envelope is not None and self.pipelining and not envelope.problem
        group = b"".join(envelope.commands) if envelope and ahead else b""
        self._used = True
        dot = self._wire.ask((message.data, b".\r\n" + group), 1, self._timeouts.dot)
        self._left = self._wire.kept() <= len(group)
        if envelope and ahead:
            envelope.promised = self._wire.ask((), len(envelope.commands), self._timeouts.command)
        return dot, envelope

    @property
    def all_left(self) -> bool:
        """Whether nothing of what was written is still here."""
        return not self._wire.unsent

    def behind(self, following: Message) -> Envelope:
        """Write the commands of another message while the reply to the dot is awaited.

        Only where they are pipelined, and when `all_left`: what is here afterwards is theirs.
        """
        self._left = True
        return self.propose(following)

    async def after_dot(self, dot: "asyncio.Future[list[Reply]]") -> Outcome:
        """What became of the message: only a 2xx read after all had left means that it is sent."""
        replies = await dot
        unsent = self._wire.unsent and not self._left
        if not replies:
            return judge_silence(Phase.BODY if unsent else Phase.DOT, self.why)
        [reply] = replies
        if unsent or reply.code == 421 or reply.code // 100 not in (2, 4, 5):
            self.end(f"out of step after {reply.code} {reply.text}")
            if reply.code // 100 not in (4, 5):
                return judge_silence(Phase.DOT, f"{reply.code} {reply.text} in its place")
        self.taken += 1
        if reply.code == 421:
            return Deferred(reply, worn=self.taken > 1)
        return judge(Phase.DOT, reply)

    def _envelope(self, message: Message) -> Envelope:
        if problem := _problem(message):
            return Envelope((), problem)
        # RFC 3461: headers are enough for a bounce, and only failures are worth one.
        ret, notify = (" RET=HDRS", " NOTIFY=FAILURE") if self._dsn else ("", "")
        commands = (
            f"MAIL FROM:<{message.sender}>{ret}\r\n".encode("ascii"),
            f"RCPT TO:<{message.recipient}>{notify}\r\n".encode("ascii"),
            b"DATA\r\n",
        )
        reset, self._reset = self._reset, False
        return Envelope((b"RSET\r\n", *commands) if reset else commands)

    def _ask(self, commands: Sequence[bytes]) -> "asyncio.Future[list[Reply]]":
        return self._wire.ask((b"".join(commands),), len(commands), self._timeouts.command)

    async def _one_by_one(self, commands: Sequence[bytes]) -> list[Reply]:
        replies: list[Reply] = []
        for command in commands:
            answer = await self._ask((command,))
            replies += answer
            if not answer or (answer[0].code >= 400 and command != b"RSET\r\n"):
                break
        return replies

    def _judged(self, replies: list[Reply]) -> Outcome | None:
        for phase, reply in zip(_COMMANDS, replies, strict=False):
            wanted = reply.code == 354 if phase is Phase.DATA else reply.code // 100 == 2
            if wanted:
                continue
            if reply.code // 100 not in (4, 5):
                self.end(f"out of step: {reply.code} {reply.text} to {phase.value}")
                return self._not_taken(Deferred(reply))
            # 421: it wants a new connection, whoever the next one is for (RFC 5321, 3.8).
            outcome = judge(phase, reply)
            return self._not_taken(outcome) if reply.code == 421 else outcome
        if len(replies) == len(_COMMANDS) and not self.why:
            return None
        phase = Phase.BODY if len(replies) == len(_COMMANDS) else _COMMANDS[len(replies)]
        return self._not_taken(judge_silence(phase, self.why))

    def _not_taken(self, outcome: Outcome) -> Outcome:
        # A connection that was good for others has come to its end: a new one may be better.
        return NotBegun(outcome.reply) if self._used else outcome

    async def _back_in_step(self, replies: list[Reply]) -> None:
        if any(reply.code == 421 for reply in replies):
            self.end("the relay closes the connection")
            return
        self._reset = True
        if len(replies) == len(_COMMANDS) and replies[-1].code == 354:
            # RFC 2920 section 3.1: DATA was taken without a recipient; nothing is its text.
            await self._wire.ask((b".\r\n",), 1, self._timeouts.dot)


def _problem(message: Message) -> str | None:
    for path in (message.sender, message.recipient):
        if not path.isascii():
            return f"{path} is not ASCII, and the relay is not asked for SMTPUTF8"
        if not _PATH.fullmatch(path):
            return f"{path!r} cannot be written in an SMTP command"
    return None
