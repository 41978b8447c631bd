"""What stands against sending at all, by looking: at the DNS, the relay, base_url, the machine.

    names     the DNS, asked through dnspython
    outside   the relay, and base_url from outside in
    machine   database, disk, clock, timer, rights

What was seen is judged in `preflight`.
"""

from collections.abc import Callable
from typing import Literal

from digest.preflight import Finding, Resolver
from digest.preflight.premises import examine_machine, examine_relays, examine_web
from digest.publish.doctoring.machine import looked_over
from digest.publish.doctoring.names import DnsResolver, examine_names
from digest.publish.doctoring.outside import relays, web
from digest.publish.opening import Clock, House

__all__ = ["PARTS", "DnsResolver", "Part", "doctor"]

Part = Literal["dns", "relay", "web", "machine"]
PARTS: tuple[Part, ...] = ("machine", "relay", "web", "dns")


def doctor(
    house: House,
    resolver: Resolver,
    *,
    clock: Clock,
    ip: str = "",
    parts: tuple[Part, ...] = PARTS,
    on_part: Callable[[Part], None] = lambda _: None,
) -> list[Finding]:
    """What stands against sending at all, errors first; `ip` speaks to the world.

    `on_part` hears what is looked at next, for it may take seconds. Raises DkimError where a key
    cannot be used, SettingsError where `ip` is no address.
    """
    looks: dict[Part, Callable[[], list[Finding]]] = {
        "machine": lambda: examine_machine(looked_over(house, clock())),
        "relay": lambda: examine_relays(relays(house)),
        "web": lambda: examine_web(web(house, clock)),
        "dns": lambda: examine_names(house, resolver, ip=ip),
    }
    found: list[Finding] = []
    for part in parts:
        on_part(part)
        found += looks[part]()
    return sorted(dict.fromkeys(found), key=lambda finding: finding.severity != "error")
