"""What the DNS says of each newsletter's sender, asked through dnspython."""

import ipaddress
from collections.abc import Sequence
from email.utils import parseaddr

import dns.exception
import dns.resolver

from digest.dkim import DkimKey
from digest.errors import SettingsError
from digest.preflight import Finding, Names, Resolver, Unanswered, examine_records
from digest.preflight.records import Kind
from digest.publish.composing import return_domain
from digest.publish.opening import House

SECONDS = 5.0
LEAST = 0.25


class DnsResolver:
    """Implements `preflight.Resolver`: the system's name servers, or the one that is named."""

    def __init__(self, nameserver: str = "") -> None:
        """`nameserver` is an IP address, with ":port" or "[…]:port" where it is not 53."""
        self._resolver = dns.resolver.Resolver(configure=not nameserver)
        self.patience = SECONDS
        if nameserver:
            host, port = _address(nameserver)
            self._resolver.nameservers, self._resolver.port = [host], port

    def look_up(self, name: str, kind: Kind) -> list[str]:
        """See preflight.Resolver."""
        try:
            answer = self._resolver.resolve(name, kind, search=False, lifetime=self.patience)
        except dns.resolver.LifetimeTimeout as error:
            # Where nobody answers, dozens of names are not waited for as long as one.
            self.patience = max(LEAST, self.patience / 2)
            raise Unanswered(name) from error
        except (dns.resolver.NXDOMAIN, dns.resolver.NoAnswer):
            return []
        except dns.exception.DNSException as error:
            raise Unanswered(name) from error
        self.patience = SECONDS
        if kind == "TXT":
            return [b"".join(record.strings).decode("utf-8", "replace") for record in answer]
        if kind == "MX":
            return [str(record.exchange).rstrip(".") for record in answer]
        return [str(record).rstrip(".") for record in answer]


def examine_names(
    house: House, resolver: Resolver, signing: Sequence[DkimKey], *, ip: str = ""
) -> list[Finding]:
    """What SPF, DKIM, DMARC, MX and, for `ip`, its reverse name lack.

    Raises SettingsError where `ip` is no address.
    """
    if ip:
        _valid(ip)
    keys = tuple((key.host, key.record) for key in signing)
    bits = next((key.bits for key in signing if key.kind == "rsa"), 0)
    asked = dict.fromkeys(
        Names(domain, return_domain(house, domain), keys, ip, bits)
        for newsletter in house.settings.newsletter.values()
        for domain in [parseaddr(newsletter.from_)[1].rpartition("@")[2].lower()]
    )
    return [each for names in asked for each in examine_records(names, resolver)]


def _address(nameserver: str) -> tuple[str, int]:
    host, colon, port = nameserver.rpartition(":")
    if not colon or (":" in host and not host.startswith("[")):
        host, port = nameserver, "53"
    _valid(host.strip("[]"))
    if not port.isdigit() or not 0 < int(port) < 65536:
        raise SettingsError(f"{port!r} is no port", remedy="write ADDRESS or ADDRESS:PORT")
    return host.strip("[]"), int(port)


def _valid(ip: str) -> None:
    try:
        ipaddress.ip_address(ip)
    except ValueError:
        raise SettingsError(f"{ip!r} is no IP address", remedy="write it in numbers") from None
