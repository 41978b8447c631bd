"""Entry: what one line of a list says of a person, whatever system wrote it. Pure values."""

import re
from datetime import UTC, datetime
from typing import Literal, NamedTuple, cast

from subscribers.consent import Event
from subscribers.preferences import Preferences
from subscribers.suppression import Reason

# What the other system says. Only "confirmed" may ever be mailed.
Status = Literal["confirmed", "requested", "withdrawn", "suppressed", "pending", "gone"]

_NOTED = re.compile(r'\bsuppressed"?: "?(bounce|complaint|request|operator)\b')


class Entry(NamedTuple):
    """One line of a list. `preferences` is None where the line says nothing about them.

    `refused` says why the line can't be entered; empty when nothing is known against it. `since`
    is when the person consented there and `left` when they went (aware, UTC), as far as the line
    tells; `evidence` repeats what it has to show for it. `events` are the proof, which only our
    own sheet carries. `suppression` is a reason never to mail the address, `how` and `at` by what
    way and when it came to that. A tuple: a frozen dataclass takes three times as long to make,
    and a list has a million lines.
    """

    line: int
    address: str
    preferences: Preferences | None = None
    refused: str = ""
    status: Status = "confirmed"
    since: datetime | None = None
    left: datetime | None = None
    evidence: str = ""
    events: tuple[Event, ...] = ()
    suppression: Reason | None = None
    language: str = ""
    paused_until: datetime | None = None
    hashed: str = ""
    how: str = ""
    at: datetime | None = None
    timezone: str = ""


def moment(text: str) -> datetime | None:
    """A time as other systems write it, in UTC; without a zone it is UTC. None for anything else.

    `2023-03-24 10:23:10 UTC` (beehiiv), ISO 8601 with or without a zone (all the others).
    """
    if not text:
        return None
    bare = text.strip().removesuffix(" UTC").removesuffix(" (UTC)")
    try:
        found = datetime.fromisoformat(bare)
        return found.replace(tzinfo=UTC) if found.tzinfo is None else found.astimezone(UTC)
    except (ValueError, OverflowError):  # in UTC it may be before the year 1 or after 9999
        return None


def reason_in(note: str) -> Reason | None:
    """The reason that our sheets for other systems put into a note, as JSON or in words."""
    found = _NOTED.search(note) if note else None
    return cast(Reason, found[1]) if found else None


def printable(text: str) -> str:
    """Hostile text made fit for one line of a report."""
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() else "?" for c in text)
