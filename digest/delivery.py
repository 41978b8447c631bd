"""Delivery: connections to the relay, and messages over them; every message ends in an Outcome.

aiosmtplib connects, negotiates TLS and logs in. MAIL, RCPT and DATA are driven one by one,
because `sendmail` hides how far a message had come, and that decides what a failure means.
Never here: the ledger, or what is sent to whom.
"""

import asyncio
import ssl
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Generic, Literal, Protocol, TypeVar

import aiosmtplib

from digest.messages import Message
from digest.outcomes import Outcome, Phase, RelayFault, Reply, judge, judge_silence

# Seconds. RFC 5321 section 4.5.3.2: after the final dot ten minutes, or mail comes twice.
CONNECT_TIMEOUT = 30.0
COMMAND_TIMEOUT = 300.0
DOT_TIMEOUT = 600.0

Job = TypeVar("Job")


@dataclass(frozen=True, slots=True)
class RelayAddress:
    """Where the relay listens and how to speak to it."""

    host: str
    port: int
    security: Literal["starttls", "tls", "none"]
    username: str = ""
    password: str = ""


class Relay(Protocol):
    """The one thing outside: takes a message, tells what became of it; never raises for mail."""

    async def deliver(self, message: Message) -> Outcome:
        """Hand one message over and wait for the reply."""

    async def close(self) -> None:
        """Say goodbye; nothing is lost if it is not heard."""


class SmtpRelay:
    """One connection, opened when it is first needed and again after it broke."""

    def __init__(self, address: RelayAddress) -> None:
        self._address = address
        self._client: aiosmtplib.SMTP | None = None

    async def deliver(self, message: Message) -> Outcome:
        """See Relay. A connection whose dialogue is in doubt is closed, never used again."""
        phase = Phase.CONNECT
        try:
            client = await self._connected()
            for phase, command in _dialogue(client, message):
                response = await command()
                outcome = judge(phase, Reply(response.code, response.message))
        except aiosmtplib.SMTPResponseException as error:
            outcome = _refusal(phase, Reply(error.code, error.message))
            await self._after_refusal(error.code)
        except (aiosmtplib.SMTPException, OSError, ValueError) as error:
            self._drop()
            outcome = judge_silence(phase, f"{_words(phase)}: {error or type(error).__name__}")
        except BaseException:
            # Cancelled in the middle: the next reply would belong to this message.
            self._drop()
            raise
        return outcome

    async def close(self) -> None:
        """See Relay."""
        client, self._client = self._client, None
        if client and client.is_connected:
            try:
                await client.quit(timeout=5)
            except (aiosmtplib.SMTPException, OSError):
                client.close()

    async def _connected(self) -> aiosmtplib.SMTP:
        if self._client and self._client.is_connected:
            return self._client
        at = self._address
        client = aiosmtplib.SMTP(
            hostname=at.host,
            port=at.port,
            timeout=CONNECT_TIMEOUT,
            use_tls=at.security == "tls",
            start_tls=at.security == "starttls",
            username=at.username or None,
            password=at.password or None,
            tls_context=ssl.create_default_context() if at.security != "none" else None,
        )
        try:
            await client.connect()
        except BaseException:
            client.close()
            raise
        self._client = client
        return client

    async def _after_refusal(self, code: int) -> None:
        if self._client is None:
            return
        if code == 421 or code // 100 == 2:
            self._drop()
            return
        try:
            await self._client.rset(timeout=COMMAND_TIMEOUT)
        except (aiosmtplib.SMTPException, OSError):
            self._drop()

    def _drop(self) -> None:
        if self._client:
            self._client.close()
        self._client = None


class Desk(Protocol[Job]):
    """Who gives out the jobs and writes down what became of them; may be slow, not async."""

    async def take(self) -> list[Job]:
        """The next jobs; an empty list when there are none."""

    async def begin(self, job: Job) -> Message | None:
        """Commit the intent and give the message; None where it must not be sent after all."""

    async def record(self, job: Job, outcome: Outcome) -> None:
        """Commit what became of it."""


async def run(
    desk: Desk[Job], connect: Callable[[], Relay], connections: int, stop: asyncio.Event
) -> RelayFault | None:
    """Send all jobs over at most `connections` connections; after `stop`, only what has begun.

    Returns the relay's fault that ended it early, else None.
    """
    shift = _Shift(desk, connect, stop)
    async with asyncio.TaskGroup() as group:
        for _ in range(connections):
            group.create_task(shift.work())
    return shift.fault


class _Shift(Generic[Job]):
    """The workers of one run and the jobs they have not begun."""

    def __init__(self, desk: Desk[Job], connect: Callable[[], Relay], stop: asyncio.Event) -> None:
        self.fault: RelayFault | None = None
        self._desk, self._connect, self._stop = desk, connect, stop
        self._jobs: list[Job] = []
        self._refill = asyncio.Lock()

    async def work(self) -> None:
        relay: Relay | None = None
        try:
            while (job := await self._next()) is not None:
                relay = relay or self._connect()
                await self._send(relay, job)
        finally:
            if relay:
                await relay.close()

    async def _next(self) -> Job | None:
        async with self._refill:
            if self._stop.is_set() or self.fault:
                return None
            if not self._jobs:
                self._jobs = (await self._desk.take())[::-1]
            return self._jobs.pop() if self._jobs else None

    async def _send(self, relay: Relay, job: Job) -> None:
        message = await self._desk.begin(job)
        if message is None:
            return
        outcome = await relay.deliver(message)
        await self._desk.record(job, outcome)
        if isinstance(outcome, RelayFault):
            self.fault = outcome


_Command = Callable[[], Awaitable[aiosmtplib.SMTPResponse]]


def _dialogue(client: aiosmtplib.SMTP, message: Message) -> list[tuple[Phase, _Command]]:
    # aiosmtplib's data() sends DATA and the text, so silence after DATA counts as silence after
    # the dot: rather an unknown outcome too many than a mail too many.
    return [
        (Phase.SENDER, lambda: client.mail(message.sender, timeout=COMMAND_TIMEOUT)),
        (Phase.RECIPIENT, lambda: client.rcpt(message.recipient, timeout=COMMAND_TIMEOUT)),
        (Phase.DOT, lambda: client.data(message.data, timeout=DOT_TIMEOUT)),
    ]


def _refusal(phase: Phase, reply: Reply) -> Outcome:
    # aiosmtplib raises for 251 after the dot as for 250 after DATA: which it was is not told.
    if reply.code // 100 == 2:
        return judge_silence(Phase.DOT, f"unexpected reply {reply.code} {reply.text}")
    return judge(phase, reply)


def _words(phase: Phase) -> str:
    return {
        Phase.CONNECT: "no connection",
        Phase.SENDER: "no reply to MAIL",
        Phase.RECIPIENT: "no reply to RCPT",
        Phase.DATA: "no reply to DATA",
        Phase.DOT: "no reply to the final dot",
    }[phase]
