"""Limiting: how often something may be asked for, by whom. Pure but for what it remembers.

Against list bombing: sign-ups are counted by address of the network (IPv6 by its /64), by domain
of the mail address and in all, in windows of the clock; all in memory, bounded.
"""

import ipaddress
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

MOST = 100_000  # names that are remembered in one window

# So many in so long. The roster adds one a day for each mail address (roster.joining).
SIGNUPS: Mapping[str, tuple[int, timedelta]] = {
    "network": (10, timedelta(hours=1)),
    "domain": (200, timedelta(hours=1)),
    "everybody": (2000, timedelta(hours=1)),
}


@dataclass(slots=True)
class Limits:
    """Counts what was asked for. One for a process; `allow` is quick and never waits."""

    rules: Mapping[str, tuple[int, timedelta]] = field(default_factory=lambda: SIGNUPS)
    _counts: dict[tuple[str, int], dict[str, int]] = field(default_factory=dict)

    def allow(self, now: datetime, **asked: str) -> str:
        """ "" when all of these may be, else the name of the first rule that says no.

        What is refused is counted, too: who goes on asking goes on waiting.
        """
        full = ""
        for rule, name in asked.items():
            most, window = self.rules[rule]
            slot = int(now.timestamp() // window.total_seconds())
            counts = self._window(rule, slot)
            counts[name] = counts.get(name, 0) + 1
            if (counts[name] > most or len(counts) > MOST) and not full:
                full = rule
        return full

    def _window(self, rule: str, slot: int) -> dict[str, int]:
        if (rule, slot) not in self._counts:
            for old in [key for key in self._counts if key[0] == rule]:
                del self._counts[old]
            self._counts[rule, slot] = {}
        return self._counts[rule, slot]


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
