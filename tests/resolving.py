"""A name server on the loopback that knows what a sender of mail should have in the DNS."""

from collections.abc import Iterator

import pytest

from digest.preflight import Names, examine_records
from digest.publish import DnsResolver
from tests.names import NameServer

IP = "203.0.113.7"


@pytest.fixture
def names() -> Iterator[NameServer]:
    """A name server that says all that is wanted of news.example.org but the DKIM record."""
    with NameServer() as server:
        server.add("bounce.news.example.org", "TXT", "v=spf1 mx include:_spf.example.org -all")
        server.add("_spf.example.org", "TXT", f"v=spf1 ip4:{IP}/30 ip6:2001:db8::/32 -all")
        server.add("bounce.news.example.org", "MX", "10 mx.example.org.")
        server.add("mx.example.org", "A", IP)
        server.add("_dmarc.example.org", "TXT", "v=DMARC1; p=reject; rua=mailto:dmarc@example.org")
        server.add("7.113.0.203.in-addr.arpa", "PTR", "mx.example.org.")
        yield server


def asked(names: NameServer, **changes: object) -> dict[str, str]:
    """Rule and place of what is found for the sender of the sample."""
    about = {"from_domain": "news.example.org", "envelope_domain": "bounce.news.example.org"}
    found = examine_records(
        Names(**{**about, **changes}),  # type: ignore[arg-type]
        DnsResolver(names.address),
    )
    for finding in found:
        assert finding.what.endswith(".")
        assert finding.remedy
    return {finding.rule: finding.where for finding in found}
