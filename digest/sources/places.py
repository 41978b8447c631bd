"""Places: web addresses taken apart, and which of them may be talked to.

Pure. Never here: name servers and connections (network).
"""

import contextlib
import ipaddress
import re
from collections.abc import Iterable
from dataclasses import dataclass
from urllib.parse import quote, unquote, urlsplit

import idna

from digest.errors import SourceError

PORTS = {"http": 80, "https": 443}
_GLOBAL = ipaddress.IPv6Network("2000::/3")
_NAT64 = ipaddress.IPv6Network("64:ff9b::/96")
_NOBODYS = (
    ipaddress.ip_network("169.254.0.0/16"),
    ipaddress.ip_network("fe80::/10"),
    ipaddress.ip_network("fd00:ec2::/32"),
)
_PRIVATE = "if it is your own, write private = true into this [[source]] of digest.toml"


@dataclass(frozen=True, slots=True)
class Place:
    """A web address taken apart, as the wire wants it. `login` is "user:password", or empty."""

    scheme: str
    host: str
    port: int
    target: str
    login: str = ""

    @property
    def authority(self) -> str:
        """The host as a Host header names it, with a port that is not the scheme's own."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == PORTS[self.scheme] else f"{host}:{self.port}"

    @property
    def url(self) -> str:
        """The address without its login, fit to be shown and logged."""
        return f"{self.scheme}://{self.authority}{self.target}"


def place_of(url: str) -> Place:
    """Take an address apart. Raises SourceError for what is none, or not of the web."""
    try:
        parts = urlsplit(url.strip())
        scheme, host, port = parts.scheme.lower(), parts.hostname or "", parts.port
        if not host.isascii():
            host = idna.encode(host, uts46=True).decode()
    except (ValueError, UnicodeError) as error:
        raise _no_place(url) from error
    if scheme not in PORTS or not host:
        raise _no_place(url)
    # What a browser would send: reserved characters as they are, all others percent-encoded.
    path = quote(parts.path, safe="/%:@!$&'()*+,;=~-._[]") or "/"
    query = quote(parts.query, safe="/%:@!$&'()*+,;=~-._?[]|")
    login = f"{unquote(parts.username)}:{unquote(parts.password or '')}" if parts.username else ""
    return Place(scheme, host, port or PORTS[scheme], path + (f"?{query}" if query else ""), login)


def _no_place(url: str) -> SourceError:
    said = "".join(c if c.isprintable() else "?" for c in shown(url)[:200])
    return SourceError(f"{said} is no web address", remedy="correct it; it begins with https://")


def shown(url: str) -> str:
    """The address (or path) as it may be shown: without its login."""
    return re.sub(r"^(https?://)[^/?#@]*@", r"\1", url, flags=re.IGNORECASE)


def names_itself(url: str) -> bool:
    """Whether the host is a private address in figures, or localhost: no name server's word."""
    with contextlib.suppress(SourceError, ValueError):
        host = place_of(url).host
        return host == "localhost" or not is_public(str(ipaddress.ip_address(host)))
    return False


def is_public(address: str) -> bool:
    """Whether an IP address is one of the public Internet's.

    IPv4 within IPv6 (mapped, 6to4, NAT64: RFC 4291, 3056, 6052) counts as what is within.
    """
    found = ipaddress.ip_address(address.partition("%")[0])
    if isinstance(found, ipaddress.IPv6Address):
        within = found.ipv4_mapped or found.sixtofour
        if found in _NAT64:
            within = ipaddress.IPv4Address(int(found) & 0xFFFF_FFFF)
        if within:
            return is_public(str(within))
        return found in _GLOBAL and found.is_global and not found.teredo
    return found.is_global and not (found.is_multicast or found.is_reserved)


def may_be_own(address: str) -> bool:
    """Whether an address may be one of the publisher's own network.

    No feed stands at a link-local one (RFC 3927, RFC 4291 section 2.5.6): there a cloud tells its
    machines their secrets, and a name that leads there is an attack.
    """
    found = ipaddress.ip_address(address.partition("%")[0])
    within = getattr(found, "ipv4_mapped", None) or found
    return not any(within in network for network in _NOBODYS if network.version == within.version)


@dataclass(frozen=True, slots=True)
class Permit:
    """What the operator's own word allows: his host and port, and whether it may be private.

    Everything else was named by a stranger: a public address, and port 80 or 443.
    """

    host: str
    port: int
    private: bool = False

    def check_port(self, place: Place) -> None:
        """Raises SourceError for a port that nobody but a stranger named."""
        if place.port not in PORTS.values() and (place.host, place.port) != (self.host, self.port):
            raise SourceError(
                f"{place.url} is led to by another site, and port {place.port} is no web server's",
                remedy="if it is right, write that address into digest.toml yourself",
            )

    def checked(self, place: Place, addresses: Iterable[str]) -> list[str]:
        """The addresses that may be talked to. Raises SourceError where there is none."""
        known = list(addresses)
        own = place.host == self.host
        private = own and self.private
        good = [a for a in known if is_public(a) or (private and may_be_own(a))]
        if good:
            return good
        if private:
            raise SourceError(
                f"{place.host} is at {known[0]}, where no web site is", remedy="correct its address"
            )
        if own:
            figures = "" if place.host in known else f" ({known[0]})"
            raise SourceError(f"{place.host} is in a private network{figures}", remedy=_PRIVATE)
        raise SourceError(
            f"{place.url} is in a private network, and another site leads to it",
            remedy="check who runs that site",
        )
