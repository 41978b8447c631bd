"""What stands against sending at all, by looking: at the DNS, the relay, base_url, the machine,
and at settings that contradict each other.

    names     the DNS, asked through dnspython
    outside   the relay, and base_url from outside in
    machine   database, disk, clock, timer, rights

What was seen is judged in `preflight`.
"""

from collections.abc import Callable
from typing import Literal

from digest.dkim import DkimKey
from digest.errors import DatabaseError, DkimError, SettingsError
from digest.preflight import Finding, Resolver
from digest.preflight.premises import (
    examine_machine,
    examine_relays,
    examine_secret,
    examine_settings,
    examine_web,
)
from digest.preflight.promises import examine_signature
from digest.publish.doctoring.machine import looked_over
from digest.publish.doctoring.names import DnsResolver, examine_names
from digest.publish.doctoring.outside import relays, web
from digest.publish.opening import Clock, House
from digest.publish.running import unkept
from digest.publish.signing import signing_keys

__all__ = ["PARTS", "DnsResolver", "Part", "doctor", "unreadable"]

Part = Literal["dns", "relay", "web", "machine", "settings"]
PARTS: tuple[Part, ...] = ("machine", "relay", "web", "dns", "settings")


def doctor(
    house: House,
    resolver: Resolver,
    *,
    clock: Clock,
    ip: str = "",
    parts: tuple[Part, ...] = PARTS,
    trouble: DatabaseError | None = None,
    on_part: Callable[[Part], None] = lambda _: None,
) -> list[Finding]:
    """What stands against sending at all, errors first; `ip` speaks to the world.

    `trouble`: why the database could not be opened; all else is looked at without it. `on_part`
    hears what is looked at next, for it may take seconds. Raises SettingsError where `ip` is
    no address.
    """
    keys, key_trouble = _keys(house)
    looks: dict[Part, Callable[[], list[Finding]]] = {
        "machine": lambda: examine_machine(looked_over(house, clock(), trouble)),
        "relay": lambda: examine_relays(relays(house)),
        "web": lambda: _web(house, clock),
        "dns": lambda: [*key_trouble, *examine_names(house, resolver, keys, ip=ip)],
        "settings": lambda: [*unkept(house, clock()), *key_trouble],
    }
    found: list[Finding] = []
    for part in parts:
        on_part(part)
        found += looks[part]()
    return sorted(dict.fromkeys(found), key=lambda finding: finding.severity != "error")


def unreadable(error: SettingsError) -> list[Finding]:
    """What is found where the settings cannot be read, and so no house opened."""
    return examine_settings(error.what, error.remedy)


def _web(house: House, clock: Clock) -> list[Finding]:
    try:
        return examine_web(web(house, clock))
    except SettingsError as error:
        return examine_secret(error.what, error.remedy)


def _keys(house: House) -> tuple[tuple[DkimKey, ...], list[Finding]]:
    """The keys that sign, and what is wrong with them: it hides nothing of the rest."""
    try:
        return signing_keys(house), examine_signature(house.settings.dkim.key_file)
    except DkimError as error:
        return (), examine_signature(house.settings.dkim.key_file, error.what, error.remedy)
