"""Delivery: connections to the relay, and messages over them; every message ends in an Outcome.

    connecting   aiosmtplib connects, negotiates TLS and logs in
    wire         the hot path: bytes out, replies in
    dialogue     MAIL, RCPT, DATA, the text, and what the replies mean at that point
    throttle     how many connections a relay stands, and when to leave it alone
    crew         the connections of one run, the desk that feeds them, and how they stop

Never here: the ledger, or what is sent to whom.
"""

import asyncio
from collections.abc import Callable

from digest.delivery.connecting import RelayAddress, connect
from digest.delivery.crew import Begun, Crew, Desk, Limits
from digest.delivery.dialogue import Dialogue, Timeouts
from digest.messages import Message
from digest.outcomes import Outcome, RelayFault

__all__ = [
    "Begun",
    "Crew",
    "Desk",
    "Dialogue",
    "Limits",
    "RelayAddress",
    "Timeouts",
    "connect",
    "deliver",
    "event_loop",
]


async def deliver(
    address: RelayAddress, message: Message, timeouts: Timeouts | None = None
) -> Outcome:
    """One message over a connection of its own."""
    dialogue = await connect(address, timeouts or Timeouts())
    if isinstance(dialogue, RelayFault):
        return dialogue
    try:
        outcome = await dialogue.answered(dialogue.propose(message))
        if outcome is None:
            dot, _ = dialogue.handed_over(message, None)
            outcome = await dialogue.after_dot(dot)
        return outcome
    finally:
        await dialogue.close()


def event_loop() -> Callable[[], asyncio.AbstractEventLoop]:
    """What makes the loop: uvloop's where it is installed, which is half as fast again."""
    try:
        import uvloop
    except ImportError:
        return asyncio.new_event_loop
    return uvloop.new_event_loop
