"""Limiting: how often something may be asked for, and what it costs to ask. Pure.

Against list bombing: sign-ups are counted by the network they come from (IPv6 by its /64), by the
domain of the mail address and in all, in windows of the clock. The roster keeps the counts, so
that all processes share them. Where a limit is near, whoever asks must work or wait for it
(puzzles): so the first half of a limit is anybody's, and its other half theirs.
"""

import hashlib
import hmac
import ipaddress
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Literal

from subscribers.puzzles import Solved

HOUR = timedelta(hours=1)
# So many in so long. The roster adds one a day for each mail address (roster.joining).
SIGNUPS: Mapping[str, tuple[int, timedelta]] = {
    "network": (10, HOUR),
    "domain": (500, HOUR),
    "everybody": (2000, HOUR),
    "waited": (200, HOUR),
}
# How often a login may be tried: by the network that asks, for one name by all networks, by
# everybody; and for one name by a browser that it logged in with before.
LOGINS: Mapping[str, tuple[int, timedelta]] = {
    "login-network": (10, timedelta(minutes=10)),
    "login-name": (100, timedelta(minutes=10)),
    "login-everybody": (300, timedelta(minutes=10)),
    "login-browser": (10, timedelta(minutes=10)),
}
# How many test mails one editor sends, where the publisher does not say it (tests_an_hour).
TESTS: Mapping[str, tuple[int, timedelta]] = {"desk-tests": (20, HOUR)}
_RULES = {**SIGNUPS, **LOGINS, **TESTS}
NEAR = 0.5  # of a limit: from here on asking costs something

Admission = Literal["yes", "puzzle", "no"]
Flood = Literal["", "begins", "goes on"]


def window(rule: str, now: datetime) -> datetime:
    """When the window of a rule ends that `now` is in (UTC)."""
    seconds = _RULES[rule][1].total_seconds()
    return datetime.fromtimestamp((now.timestamp() // seconds + 1) * seconds, UTC)


def is_over(rule: str, count: int) -> bool:
    """Whether this is one too many."""
    return count > _RULES[rule][0]


def is_near(rule: str, count: int) -> bool:
    """Whether so many are enough to ask for work."""
    return count > SIGNUPS[rule][0] * NEAR


def admission(counts: Mapping[str, int], solved: Solved) -> Admission:
    """Whether somebody may ask, by the counts with them in it; a rule not counted says nothing.

    Whoever has neither worked nor waited gets no further than the first half of each limit.
    """
    if any(is_over(rule, count) for rule, count in counts.items()):
        return "no"
    if not solved and any(is_near(rule, count) for rule, count in counts.items()):
        return "puzzle"
    return "yes"


def flood(count: int, alarm_at: int, last: datetime | None, now: datetime) -> Flood:
    """Whether so many sign-ups in this hour are a flood, and whether it is the one of before.

    `alarm_at` is how many make one; 0 says that none does. `last` is the end of the last hour
    that was one; a whole hour without ends it.
    """
    if not alarm_at or count < alarm_at:
        return ""
    return "begins" if last is None or now >= last + HOUR else "goes on"


def hidden(rule: str, name: str, keys: Sequence[bytes]) -> str:
    """What the roster keeps of a network or a domain: no more than that it is the same again."""
    text = f"limit {rule}\n{name}".encode()
    return hmac.new(keys[0], text, hashlib.sha256).hexdigest()[:32]


def network(address: str) -> str:
    """What one asker can easily have: an IPv4 address, or a /64 of IPv6."""
    try:
        found = ipaddress.ip_address(address)
    except ValueError:
        return "unknown"
    if isinstance(found, ipaddress.IPv6Address):
        if found.ipv4_mapped:
            return str(found.ipv4_mapped)
        return str(ipaddress.ip_network(f"{found}/64", strict=False))
    return str(found)
