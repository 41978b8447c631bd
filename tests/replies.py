"""What a scripted relay may say or do instead of a reply, and what it took."""

import threading
from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class Accepted:
    """One message that the relay took, as it stood when the final dot had come."""

    sender: str
    recipient: str
    data: bytes


@dataclass(frozen=True, slots=True)
class Drop:
    """Close the connection without a word. `recorded`: was the message taken before that?

    With `reset` the other side sees a reset instead of an end.
    """

    recorded: bool = False
    reset: bool = False


@dataclass(frozen=True, slots=True)
class Wait:
    """Stay silent for so many seconds, then say `then`, or go on as if nothing were scripted."""

    seconds: float
    then: "str | Drop | None" = None


@dataclass(frozen=True, slots=True)
class Raw:
    """These bytes as they are, in packets of so many bytes; `recorded` as in Drop. Whatever they
    say, the connection stays open."""

    data: bytes
    packet: int = 65_536
    recorded: bool = False


@dataclass(frozen=True, slots=True)
class Hold:
    """Stay silent until this is set, then say `then`, or go on as if nothing were scripted."""

    until: threading.Event
    then: "str | Drop | None" = None


@dataclass(frozen=True, slots=True)
class Flood:
    """These bytes over and over, until the other side hangs up, or `size` of them were said; then
    the end. `recorded` as in Drop."""

    data: bytes
    recorded: bool = False
    size: int = 8_000_000


Reply = str | Drop | Wait | Raw | Hold | Flood
DROP: Final = Drop(recorded=True)
"""The message was taken, but the reply to the final dot never comes."""
LOSE: Final = Drop(recorded=False)
"""The connection goes, and the message with it. The same to a client as `DROP`."""
