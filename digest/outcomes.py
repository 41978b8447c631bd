"""SMTP reply or failure -> Outcome, and when a deferred delivery is tried again. Pure.

Outcomes are values: a refused recipient is news for the ledger, not an exception.
"""

import re
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import Enum

# Postfix: minimal_backoff_time, maximal_backoff_time (postconf(5)).
FIRST_WAIT = timedelta(seconds=300)
LONGEST_WAIT = timedelta(seconds=4000)
_ENHANCED = re.compile(r"^([245]\.\d{1,3}\.\d{1,3})\b")


class Phase(Enum):
    """How far a message had come. From DOT on, a lost reply is ambiguous (RFC 1047)."""

    CONNECT = "connect"
    SENDER = "mail"
    RECIPIENT = "rcpt"
    DATA = "data"
    DOT = "dot"


@dataclass(frozen=True, slots=True)
class Reply:
    """What the relay said: `code` three digits; `enhanced` as RFC 3463 ("5.1.1") or ""."""

    code: int
    text: str

    @property
    def enhanced(self) -> str:
        """The enhanced status code at the head of the text, RFC 2034."""
        found = _ENHANCED.match(self.text)
        return found[1] if found else ""


@dataclass(frozen=True, slots=True)
class Sent:
    """The relay took responsibility; that is never "delivered"."""

    reply: Reply


@dataclass(frozen=True, slots=True)
class Deferred:
    """Definitely not taken, but worth trying again."""

    reply: Reply


@dataclass(frozen=True, slots=True)
class Refused:
    """Definitely and finally not taken."""

    reply: Reply


@dataclass(frozen=True, slots=True)
class Unknown:
    """The message was handed over, but the reply to the final dot never came."""

    reply: Reply


@dataclass(frozen=True, slots=True)
class RelayFault:
    """The relay does not want us or is not there: no recipient is to blame."""

    reply: Reply


Outcome = Sent | Deferred | Refused | Unknown | RelayFault


def judge(phase: Phase, reply: Reply) -> Outcome:
    """What a reply means (RFC 5321 section 4.2.1) at that point of the dialogue."""
    kind = reply.code // 100
    if phase is Phase.DOT and kind == 2:
        return Sent(reply)
    if reply.code == 421 or phase in {Phase.CONNECT, Phase.SENDER}:
        return Deferred(reply) if phase is Phase.DOT else RelayFault(reply)
    return Refused(reply) if kind == 5 else Deferred(reply)


def judge_silence(phase: Phase, what: str) -> Outcome:
    """What it means that no reply came: `what` says how (time-out, connection lost)."""
    reply = Reply(0, what)
    if phase is Phase.CONNECT:
        return RelayFault(reply)
    return Unknown(reply) if phase is Phase.DOT else Deferred(reply)


def next_attempt(attempts: int, now: datetime) -> datetime:
    """When to try again after `attempts` failed ones: the wait doubles within Postfix's bounds."""
    doublings = max(0, min(attempts - 1, 10))
    wait = FIRST_WAIT * (1 << doublings)
    return now + min(wait, LONGEST_WAIT)
