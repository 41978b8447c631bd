"""What the DNS must say of a sender: SPF, DKIM, DMARC, MX, reverse names. Never here: asking it.

A resolver is handed in, so that these stay plain functions of what it answers.
"""

import ipaddress
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal, Protocol

from digest.preflight.case import Finding, Severity
from digest.preflight.identity import ADVISED_KEY, FREE_MAIL, aligned, organisational

Kind = Literal["TXT", "MX", "A", "AAAA", "PTR"]
MOST_LOOKUPS = 10  # RFC 7208, section 4.6.4
MECHANISMS = {"all", "include", "a", "mx", "ptr", "ip4", "ip6", "exists"}  # section 5
GONE = {"pct", "rf", "ri"}  # RFC 9989 has dropped these tags of DMARC
RECORD_RULES: dict[str, tuple[Severity, str]] = {
    "dns-unanswered": ("error", "No name server answered, so nothing is known of that record."),
    "spf-missing": ("error", "The envelope sender's domain says nobody may send for it (SPF)."),
    "spf-twice": ("error", "Of two SPF records none counts (RFC 7208, section 4.5)."),
    "spf-broken": (
        "error",
        "A record with an error in it counts as none (RFC 7208, section 4.6).",
    ),
    "spf-too-deep": ("error", "Receivers stop after 10 look-ups and take SPF as failed."),
    "spf-open": ("warning", "A record that ends in +all or ?all keeps nobody out."),
    "spf-excludes": ("error", "With `--ip`: the record does not let that address send."),
    "from-free-mail": ("error", "Nobody can sign for gmail.com but Gmail: such mail fails DMARC."),
    "envelope-not-aligned": (
        "error",
        "SPF helps DMARC only if the envelope sender's domain belongs to that of From.",
    ),
    "dkim-not-aligned": (
        "error",
        "DMARC counts a signature only if its domain belongs to that of From.",
    ),
    "dkim-key-short": ("warning", "RSA keys should have 2048 bits (RFC 8301)."),
    "dkim-record-missing": ("error", "Nobody can verify the signature without the public key."),
    "dkim-record-differs": ("error", "The record's key is not the one that signs."),
    "dkim-testing": ("warning", "With t=y receivers treat the mail as if it were not signed."),
    "dmarc-missing": (
        "error",
        "Gmail, Yahoo and Microsoft ask for DMARC of who mails to many.",
    ),
    "dmarc-twice": ("error", "Of two DMARC records none counts."),
    "dmarc-policy": ("error", "A DMARC record without a policy counts as none."),
    "dmarc-strict": (
        "error",
        "With adkim=s a signature counts only if its domain is that of From to the letter.",
    ),
    "dmarc-none": ("warning", "With p=none receivers take what others forge in your name."),
    "dmarc-old-tags": (
        "warning",
        "RFC 9989 has dropped pct, rf and ri; they mean nothing now.",
    ),
    "dmarc-no-reports": ("warning", "Without reports you do not see who sends in your name."),
    "bounce-mx-missing": ("error", "Bounces that nobody takes are lost, and dead addresses stay."),
    "ptr-missing": ("error", "With `--ip`: Gmail refuses mail from an address without a name."),
    "ptr-not-confirmed": ("error", "With `--ip`: the address's name must lead back to it."),
}
Address = ipaddress.IPv4Address | ipaddress.IPv6Address


class Unanswered(Exception):
    """No name server answered; it is not known whether there is a record."""


class Resolver(Protocol):
    """The one thing outside: answers with the values of the records, none where none are."""

    def look_up(self, name: str, kind: Kind) -> list[str]:
        """TXT joined, MX and PTR as host names, A and AAAA as text. Raises Unanswered."""


@dataclass(frozen=True, slots=True)
class Names:
    """What is asked about: `keys` are (host, wanted TXT record), `ip` who speaks to the world.

    `bits`: how long the RSA key is that signs; 0 where none does.
    """

    from_domain: str
    envelope_domain: str
    keys: tuple[tuple[str, str], ...] = ()
    ip: str = ""
    bits: int = 0

    @property
    def signers(self) -> tuple[str, ...]:
        """The domains that are signed for."""
        return tuple(dict.fromkeys(host.partition("._domainkey.")[2] for host, _ in self.keys))


def examine_records(names: Names, resolver: Resolver) -> list[Finding]:
    """What the DNS lacks; nothing where all is well."""
    checks = (
        _sender(names),
        _spf(names, resolver),
        *(_dkim(host, record, resolver) for host, record in names.keys),
        _dmarc(names, resolver),
        _bounce_mx(names.envelope_domain, resolver),
        _reverse(names.ip, resolver) if names.ip else iter(()),
    )
    return [finding for check in checks for finding in _answered(check)]


def _answered(check: Iterator[Finding]) -> Iterator[Finding]:
    try:
        yield from check
    except Unanswered as error:
        yield _found(
            "dns-unanswered", str(error), f"No name server told about {error}.",
            "Try again, or ask another one: `digest doctor --nameserver ADDRESS`.",
        )  # fmt: skip


def _sender(names: Names) -> Iterator[Finding]:
    """What no record can mend: domains that do not belong together, a key that is too short."""
    domain, envelope = names.from_domain, names.envelope_domain
    if domain in FREE_MAIL:
        yield _found(
            "from-free-mail", domain, f"The mail comes from {domain}.",
            "Use an address of your own domain as from.",
        )  # fmt: skip
    if not aligned(envelope, domain):
        yield _found(
            "envelope-not-aligned", envelope, f"Bounces go to {envelope}, but From is of {domain}.",
            f"Set domain of [bounces] to a name under {organisational(domain)}.",
        )  # fmt: skip
    for signer in names.signers:
        if not aligned(signer, domain):
            yield _found(
                "dkim-not-aligned", signer, f"DKIM signs for {signer}, but From is of {domain}.",
                f"Set domain of [dkim] to {domain} or the domain above it.",
            )  # fmt: skip
    if 0 < names.bits < ADVISED_KEY:
        yield _found(
            "dkim-key-short", "[dkim]", f"The DKIM key has {names.bits} bits.",
            "Write a new one under a new selector: `digest dkim generate --selector NEW`.",
        )  # fmt: skip


def _spf(names: Names, resolver: Resolver) -> Iterator[Finding]:
    domain = names.envelope_domain
    records = _spf_records(domain, resolver)
    if len(records) != 1:
        yield _found(
            "spf-missing" if not records else "spf-twice", domain,
            f"{domain} has {'two SPF records or more' if records else 'no SPF record'}.",
            f"Write one TXT record for {domain}: v=spf1 … -all",
        )  # fmt: skip
        return
    passed = _SpfReading(resolver, names.ip).passes(domain)
    reading = _SpfReading(resolver, "")  # for no address: it goes through to the end
    reading.passes(domain)
    if reading.broken:
        yield _found(
            "spf-broken", domain,
            f"The SPF record of {domain} has an error: {reading.broken}.",
            "Mend it, or take it out: with an error in it all of the record counts as none.",
        )  # fmt: skip
    if reading.lookups > MOST_LOOKUPS:
        yield _found(
            "spf-too-deep", domain,
            f"The SPF record of {domain} needs {reading.lookups} look-ups, not {MOST_LOOKUPS}.",
            "Replace includes by the addresses behind them.",
        )  # fmt: skip
    if re.search(r"(?i)\s[+?]?all\b", records[0]):
        yield _found(
            "spf-open", domain,
            f"The SPF record of {domain} lets everybody send.", "End it with -all or ~all.",
        )  # fmt: skip
    if names.ip and not passed and not reading.unsure and not reading.broken:
        yield _found(
            "spf-excludes", domain,
            f"The SPF record of {domain} does not include {names.ip}.",
            f"Add ip{'6' if ':' in names.ip else '4'}:{names.ip} to it.",
        )  # fmt: skip


def _dkim(host: str, wanted: str, resolver: Resolver) -> Iterator[Finding]:
    records = resolver.look_up(host, "TXT")
    tags = [_tags(record) for record in records]
    if not records:
        yield _found(
            "dkim-record-missing", host, f"{host} has no TXT record.",
            "Publish what `digest dkim show` prints.",
        )  # fmt: skip
    elif len(records) > 1:
        yield _found(
            "dkim-record-differs", host, f"{host} has {len(records)} TXT records.",
            "Leave one: what `digest dkim show` prints.",
        )  # fmt: skip
    elif tags[0].get("p") == "":
        yield _found(
            "dkim-record-differs", host, f"The record of {host} says that the key is revoked.",
            "Sign with a new key under a new selector: `digest dkim generate --selector NEW`.",
        )  # fmt: skip
    elif tags[0].get("p") != _tags(wanted)["p"]:
        yield _found(
            "dkim-record-differs", host, f"The record of {host} holds another key.",
            "Publish what `digest dkim show` prints; a new key wants a new selector.",
        )  # fmt: skip
    elif "y" in tags[0].get("t", "").split(":"):
        yield _found(
            "dkim-testing", host, f"The record of {host} says that it is a test (t=y).",
            "Take t=y out once all works.",
        )  # fmt: skip


def _dmarc(names: Names, resolver: Resolver) -> Iterator[Finding]:
    domain = names.from_domain
    found: list[str] = []
    for name in dict.fromkeys((domain, organisational(domain))):
        found = found or [
            record
            for record in resolver.look_up(f"_dmarc.{name}", "TXT")
            if re.match(r"v\s*=\s*DMARC1\b", record)
        ]
    if len(found) != 1:
        what = "no DMARC record" if not found else f"{len(found)} DMARC records"
        yield _found(
            "dmarc-missing" if not found else "dmarc-twice", domain,
            f"{domain} has {what}.",
            f"Write one at _dmarc.{organisational(domain)}: v=DMARC1; p=none; rua=mailto:…",
        )  # fmt: skip
        return
    yield from _dmarc_policy(names, _tags(found[0]))


def _dmarc_policy(names: Names, tags: dict[str, str]) -> Iterator[Finding]:
    domain, policy = names.from_domain, tags.get("p", "").lower()
    strict = [each for each in names.signers if each != domain and aligned(each, domain)]
    if strict and tags.get("adkim", "").lower() == "s":
        yield _found(
            "dmarc-strict", domain,
            f"The DMARC record of {domain} is strict (adkim=s), and DKIM signs for {strict[0]}.",
            f"Set domain of [dkim] to {domain}, or take adkim=s out of the record.",
        )  # fmt: skip
    if policy == "none":
        yield _found(
            "dmarc-none", domain, f"The DMARC record of {domain} has p=none.",
            "Once its reports show no other mail than yours, write p=quarantine.",
        )  # fmt: skip
    elif policy not in {"quarantine", "reject"}:
        yield _found(
            "dmarc-policy", domain, f"The DMARC record of {domain} has no policy (p=).",
            "Begin with p=none.",
        )  # fmt: skip
    if old := sorted(GONE & set(tags)):
        yield _found(
            "dmarc-old-tags", domain,
            f"The DMARC record of {domain} uses {', '.join(old)}, which mean nothing any more.",
            "Take them out.",
        )  # fmt: skip
    if "rua" not in tags:
        yield _found(
            "dmarc-no-reports", domain,
            f"The DMARC record of {domain} asks for no reports (rua=).",
            "Add rua=mailto: with an address that is read.",
        )  # fmt: skip


def _bounce_mx(domain: str, resolver: Resolver) -> Iterator[Finding]:
    hosts = resolver.look_up(domain, "MX")
    if not any(_addresses(host, resolver) for host in hosts):
        yield _found(
            "bounce-mx-missing", domain,
            f"No mail server takes the bounces for {domain}.",
            f"Publish an MX record for {domain} whose host has an address.",
        )  # fmt: skip


def _reverse(ip: str, resolver: Resolver) -> Iterator[Finding]:
    names = resolver.look_up(ipaddress.ip_address(ip).reverse_pointer, "PTR")
    if not names:
        yield _found(
            "ptr-missing", ip, f"{ip} has no reverse name (PTR).",
            "Ask the owner of the address to set one; Gmail refuses mail without it.",
        )  # fmt: skip
    elif not any(_same(ip, found) for name in names for found in _addresses(name, resolver)):
        yield _found(
            "ptr-not-confirmed", ip, f"{names[0]} does not lead back to {ip}.",
            f"Give {names[0]} an address record with {ip}.",
        )  # fmt: skip


class _SpfReading:
    """One evaluation of SPF (RFC 7208) for an address; counts the look-ups that it cost."""

    def __init__(self, resolver: Resolver, ip: str) -> None:
        self.lookups = 0
        self.broken = ""
        self.unsure = False  # a macro stands for something that only a mail has
        self._resolver = resolver
        self._ip: Address | None = ipaddress.ip_address(ip) if ip else None

    def passes(self, domain: str) -> bool:
        """Whether the record lets the address send. Without one all of it is read, to count."""
        records = _spf_records(domain, self._resolver)
        if len(records) != 1 or self.lookups > 2 * MOST_LOOKUPS:
            return False
        redirect = ""
        for term in records[0].split()[1:]:
            if term.lower().startswith("redirect="):
                redirect = term[9:]
            elif self._matches(term.lstrip("+-~?"), domain):
                return term[0] not in "-~?"
        self.lookups += bool(redirect)
        return bool(redirect) and self.passes(redirect)

    def _matches(self, term: str, domain: str) -> bool:
        mechanism, _, value = term.partition(":")
        name, host = mechanism.partition("/")[0].lower(), value.partition("/")[0] or domain
        if name in {"include", "a", "mx", "ptr", "exists"}:
            self.lookups += 1
        if "%" in term:
            self.unsure = True
            return False
        if name not in MECHANISMS and "=" not in term:
            self.broken = f"{term} is no mechanism"
        if name == "include":
            return self._included(value)
        if name in {"ip4", "ip6"}:
            return self._within([value])
        if name == "a":
            return self._within(_addresses(host, self._resolver), term)
        if name == "mx":
            hosts = self._resolver.look_up(host, "MX")
            each = [ip for mx in hosts for ip in _addresses(mx, self._resolver)]
            return self._within(each, term)
        return name == "all" and self._ip is not None

    def _included(self, domain: str) -> bool:
        # RFC 7208, section 5.2: whoever is included must have one record.
        if self.lookups <= MOST_LOOKUPS and len(_spf_records(domain, self._resolver)) != 1:
            self.broken = f"{domain}, which it includes, has no one SPF record"
        return self.passes(domain)

    def _within(self, networks: list[str], term: str = "") -> bool:
        # "a/24//64": how many bits count of IPv4 addresses, and of IPv6 ones.
        lengths = re.search(r"(?:/(\d+))?(?://(\d+))?$", term)
        four, six = lengths.groups() if lengths else (None, None)
        try:
            each = [
                ipaddress.ip_network(n + (f"/{bits}" if bits else ""), strict=False)
                for n in networks
                for bits in [six if ":" in n else four]
            ]
        except ValueError:
            self.broken = f"{networks[0]} is no address"
            return False
        return self._ip is not None and any(self._ip in network for network in each)


def _spf_records(domain: str, resolver: Resolver) -> list[str]:
    records = resolver.look_up(domain, "TXT")
    return [record for record in records if re.match(r"(?i)v=spf1(\s|$)", record)]


def _addresses(host: str, resolver: Resolver) -> list[str]:
    return resolver.look_up(host, "A") + resolver.look_up(host, "AAAA")


def _same(one: str, other: str) -> bool:
    try:
        return ipaddress.ip_address(one) == ipaddress.ip_address(other)
    except ValueError:
        return False


def _tags(record: str) -> dict[str, str]:
    pairs = (part.partition("=") for part in record.split(";"))
    return {name.strip(): "".join(value.split()) for name, _, value in pairs if name.strip()}


def _found(rule: str, where: str, what: str, remedy: str) -> Finding:
    return Finding(rule, RECORD_RULES[rule][0], where, what, remedy)
