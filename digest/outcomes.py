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
# RFC 3463: no such mailbox, system or syntax; moved away; no mail accepted; mailbox disabled.
_NOBODY = {"5.1.1", "5.1.2", "5.1.3", "5.1.6", "5.1.10", "5.2.1"}
# RFC 3463: our envelope sender's address or system; RFC 4954: log in first, or anew.
_OURSELVES = {"5.1.7", "5.1.8", "5.7.8", "5.7.9", "5.7.11"}
_LOG_IN = {530, 534, 535, 538}


class Phase(Enum):
    """How far a message had come. From DOT on, a lost reply is ambiguous (RFC 1047)."""

    CONNECT = "the greeting"
    SENDER = "MAIL"
    RECIPIENT = "RCPT"
    DATA = "DATA"
    BODY = "the message, not all of which had left"
    DOT = "the final dot"


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
    """Definitely not taken, but worth trying again.

    `worn`: with the message a connection ended that had taken others; that is no word about its
    recipient's domain.
    """

    reply: Reply
    worn: bool = False


@dataclass(frozen=True, slots=True)
class Refused:
    """Definitely and finally not taken."""

    reply: Reply

    @property
    def nobody(self) -> bool:
        """Whether the reply says that this address has no reader: what bounce rules ask."""
        return self.reply.enhanced in _NOBODY


@dataclass(frozen=True, slots=True)
class Unknown:
    """The message was handed over, but the reply to the final dot never came."""

    reply: Reply


@dataclass(frozen=True, slots=True)
class RelayFault:
    """The relay does not want us or is not there: no recipient is to blame.

    `of_one`: said when a recipient had been named, so the relay may only pass on what that one
    reader's server has against us; or of the same message once more, while others are taken.
    """

    reply: Reply
    of_one: bool = False

    @property
    def lasting(self) -> bool:
        """Whether trying again cannot help until somebody changes something (RFC 4954)."""
        return self.of_login or self.reply.enhanced in _OURSELVES

    @property
    def of_login(self) -> bool:
        """Whether it wants another name or password of us (RFC 4954 section 6)."""
        return self.reply.code in _LOG_IN


@dataclass(frozen=True, slots=True)
class NotBegun:
    """Nothing of the message had been taken up when its connection, or the sender, ended."""

    reply: Reply


Outcome = Sent | Deferred | Refused | Unknown | RelayFault | NotBegun


def judge(phase: Phase, reply: Reply) -> Outcome:
    """What a reply means (RFC 5321 section 4.2.1) at that point of the dialogue."""
    kind = reply.code // 100
    if phase is Phase.DOT and kind == 2:
        return Sent(reply)
    if phase in {Phase.CONNECT, Phase.SENDER}:
        return RelayFault(reply)
    named = RelayFault(reply, of_one=True)
    if phase in {Phase.RECIPIENT, Phase.DATA} and named.lasting:
        return named
    # RFC 5321 section 4.5.3.1.10: 552 for a recipient too many is to be read as 452.
    too_many = phase is Phase.RECIPIENT and reply.code == 552
    return Refused(reply) if kind == 5 and not too_many else Deferred(reply)


def judge_silence(phase: Phase, what: str) -> Outcome:
    """What it means that no reply came: `what` says how (time-out, connection lost)."""
    reply = Reply(0, f"no reply to {phase.value}: {what}")
    if phase is Phase.CONNECT:
        return RelayFault(reply)
    return Unknown(reply) if phase is Phase.DOT else Deferred(reply)


def slows_its_domain(outcome: Outcome) -> bool:
    """Whether the recipient's domain asks for less: 421, or Gmail's 4.7.28 (rate by sender)."""
    if not isinstance(outcome, Deferred):
        return False
    closing = outcome.reply.code == 421 and not outcome.worn
    return closing or outcome.reply.enhanced == "4.7.28"


def next_attempt(attempts: int, now: datetime) -> datetime:
    """When to try again after `attempts` failed ones: the wait doubles within Postfix's bounds."""
    doublings = max(0, min(attempts - 1, 10))
    wait = FIRST_WAIT * (1 << doublings)
    return now + min(wait, LONGEST_WAIT)
