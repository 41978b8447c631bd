"""What the DNS says of a sender: SPF, DKIM, DMARC and reverse names, from a real name server."""

import ipaddress

import pytest

from digest.publish import DnsResolver
from tests.names import NameServer
from tests.resolving import IP, asked, names

__all__ = ["names"]


def test_b20_nothing_is_found_where_all_is_well(names: NameServer) -> None:
    wanted = "v=DKIM1; k=rsa; p=" + "A" * 390
    names.add("s1._domainkey.news.example.org", "TXT", wanted)
    keys = (("s1._domainkey.news.example.org", wanted.replace("; ", ";")),)
    assert asked(names, ip=IP, keys=keys) == {}


def test_b20_spf(names: NameServer) -> None:
    assert asked(names, ip="198.51.100.1") == {
        "spf-excludes": "bounce.news.example.org",
        "ptr-missing": "198.51.100.1",
    }
    assert "spf-excludes" not in asked(names, ip="2001:db8::25")
    assert asked(names, envelope_domain="none.example.org") == {
        "spf-missing": "none.example.org",
        "bounce-mx-missing": "none.example.org",
    }
    names.add("bounce.news.example.org", "TXT", "v=spf1 -all", "v=spf10 is another thing")
    assert asked(names) == {"spf-twice": "bounce.news.example.org"}


def test_b20_spf_that_is_open_or_needs_too_many_look_ups(names: NameServer) -> None:
    deep = "deep.news.example.org"
    names.add(deep, "MX", "10 mx.example.org.")
    for depth in range(12):
        after = f"include:s{depth + 1}.example.org" if depth < 11 else "?all"
        names.add(f"s{depth}.example.org", "TXT", f"v=spf1 {after}")
    names.add(deep, "TXT", "v=spf1 include:s0.example.org +all")
    assert asked(names, envelope_domain=deep) == {"spf-too-deep": deep, "spf-open": deep}
    loop = "loop.news.example.org"
    names.add(loop, "MX", "10 mx.example.org.")
    names.add(loop, "TXT", f"v=spf1 redirect={loop}")
    assert asked(names, envelope_domain=loop) == {"spf-too-deep": loop}


@pytest.mark.parametrize(
    ("record", "rule"),
    [
        ("v=DKIM1; k=rsa; p=BBBB", "dkim-record-differs"),
        ("v=DKIM1; k=rsa; p=", "dkim-record-differs"),
        ("v=DKIM1; k=rsa; t=y; p=AAAA", "dkim-testing"),
        ("", "dkim-record-missing"),
    ],
)
def test_b20_the_dkim_record_holds_the_keys_public_half(
    names: NameServer, record: str, rule: str
) -> None:
    host = "s1._domainkey.news.example.org"
    if record:
        names.add(host, "TXT", record)
    assert asked(names, keys=((host, "v=DKIM1; k=rsa; p=AAAA"),)) == {rule: host}


@pytest.mark.parametrize(
    ("record", "rules"),
    [
        ("v=DMARC1; p=reject; rua=mailto:a@b.example", set()),
        ("v=DMARC1; p=reject; pct=50; rf=afrf; rua=mailto:a@b.example", {"dmarc-old-tags"}),
        ("v=DMARC1; p=none; rua=mailto:a@b.example", {"dmarc-none"}),
        ("v=DMARC1; p=quarantine", {"dmarc-no-reports"}),
        ("v=DMARC1; rua=mailto:a@b.example", {"dmarc-policy"}),
        ("v=DMARC2; p=none", {"dmarc-missing"}),
    ],
)
def test_b20_dmarc(names: NameServer, record: str, rules: set[str]) -> None:
    names.add("_dmarc.other.example", "TXT", record)
    found = set(asked(names, from_domain="week.other.example"))
    assert found == rules | {"envelope-not-aligned"}


def test_b20_domains_that_do_not_belong_together_fail_dmarc(names: NameServer) -> None:
    wanted = "v=DKIM1; k=rsa; p=AAAA"
    names.add("s1._domainkey.other.example", "TXT", wanted)
    keys = (("s1._domainkey.other.example", wanted),)
    assert asked(names, keys=keys) == {"dkim-not-aligned": "other.example"}
    for above in ("example.org", "news.example.org"):
        names.add(f"s1._domainkey.{above}", "TXT", wanted)
        assert asked(names, keys=((f"s1._domainkey.{above}", wanted),)) == {}
    # To the letter, where the record asks for it.
    strict = "v=DMARC1; p=reject; adkim=s; rua=mailto:a@b.example"
    names.add("_dmarc.news.example.org", "TXT", strict)
    assert asked(names, keys=keys[:0]) == {}
    assert asked(names, keys=(("s1._domainkey.news.example.org", wanted),)) == {}
    higher = (("s1._domainkey.example.org", wanted),)
    assert asked(names, keys=higher) == {"dmarc-strict": "news.example.org"}
    mailing = asked(names, from_domain="gmail.com")
    assert {"from-free-mail", "envelope-not-aligned"} <= set(mailing)


def test_b20_a_key_of_1024_bits_is_short(names: NameServer) -> None:
    assert asked(names, bits=1024) == {"dkim-key-short": "[dkim]"}
    assert asked(names, bits=2048) == {}


@pytest.mark.parametrize(
    ("terms", "rules"),
    [
        ("ipv4:203.0.113.7 -all", {"spf-broken"}),
        ("ip4:203.0.113 -all", {"spf-broken"}),
        ("ip4:203.0.113.7 include:none.example.org -all", {"spf-broken"}),
        # What a macro stands for, only a mail tells.
        ("exists:%{i}.spf.example.org -all", set()),
        ("ip4:203.0.113.7 exp=why.example.org -all", set()),
        ("ip4:198.51.100.1 -all", {"spf-excludes"}),
    ],
)
def test_b20_spf_with_an_error_in_it(names: NameServer, terms: str, rules: set[str]) -> None:
    names.add("odd.example.org", "TXT", f"v=spf1 {terms}")
    names.add("odd.example.org", "MX", "10 mx.example.org.")
    assert set(asked(names, envelope_domain="odd.example.org", ip=IP)) == rules


@pytest.mark.parametrize(
    ("terms", "ip", "lets"),
    [
        ("a/24", "203.0.113.99", True),
        ("a/30", "203.0.113.99", False),
        ("mx/24", "203.0.113.99", True),
        ("mx:wide.example.org/24//64", "2001:db8::99", True),
        ("mx:wide.example.org/24//127", "2001:db8::99", False),
        ("a", "203.0.113.99", False),
    ],
)
def test_b20_spf_may_name_the_network_of_a_host(
    names: NameServer, terms: str, ip: str, lets: bool
) -> None:
    names.add("wide.example.org", "A", IP)
    names.add("wide.example.org", "AAAA", "2001:db8::1")
    names.add("wide.example.org", "MX", "10 wide.example.org.")
    names.add("wide.example.org", "TXT", f"v=spf1 {terms} -all")
    assert ("spf-excludes" not in asked(names, envelope_domain="wide.example.org", ip=ip)) is lets


def test_b20_open_spf_and_a_long_way_to_write_an_address(names: NameServer) -> None:
    names.add("open.example.org", "TXT", "v=spf1 +ALL")
    names.add("open.example.org", "MX", "10 mx.example.org.")
    assert set(asked(names, envelope_domain="open.example.org")) == {"spf-open"}
    reverse = ipaddress.ip_address("2001:db8::1").reverse_pointer
    names.add(reverse, "PTR", "six.example.org.")
    names.add("six.example.org", "AAAA", "2001:db8::1")
    assert asked(names, ip="2001:0DB8:0::1") == {}


def test_b20_two_dmarc_records_are_none(names: NameServer) -> None:
    names.add("_dmarc.example.org", "TXT", "v=DMARC1; p=reject")
    assert asked(names) == {"dmarc-twice": "news.example.org"}


def test_b20_reverse_names_must_lead_back(names: NameServer) -> None:
    names.add("8.113.0.203.in-addr.arpa", "PTR", "mx.example.org.")
    assert asked(names, ip="203.0.113.6") == {"ptr-missing": "203.0.113.6"}
    assert asked(names, ip="203.0.113.8")["ptr-not-confirmed"] == "203.0.113.8"


def test_b20_silence_is_not_taken_for_an_answer(names: NameServer) -> None:
    names.broken |= {"_dmarc.news.example.org"}
    assert asked(names) == {"dns-unanswered": "_dmarc.news.example.org"}


def test_a_long_answer_comes_over_tcp(names: NameServer) -> None:
    names.add("long.example.org", "TXT", "x" * 700)
    assert DnsResolver(names.address).look_up("long.example.org", "TXT") == ["x" * 700]
    assert names.asked.count(("long.example.org", "TXT")) == 2
