"""Where a visit may lead: redirects, private networks, ports, names and certificates."""

import contextlib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from digest import sources
from digest.errors import FetchError, SourceError
from digest.sources import MOST_REDIRECTS, Memory
from digest.sources.places import is_public, names_itself, place_of
from tests.visiting import FEED, OTHER, PUBLIC, articles, error_of, site, source, visit
from tests.web_server import Roads, WebServer, certified

__all__ = ["site"]


# -- redirects


def test_redirects_are_followed_each_by_its_own_address(site: WebServer) -> None:
    site.says("/new/rss", FEED)
    site.says("/old", status="302 Found", Location="new/rss")

    seen = visit(source(site.says("/first", status="301 Moved", Location=f"{site.root}/old")))

    assert articles(seen) == 1
    assert [path for path, _ in site.asked] == ["/first", "/old", "/new/rss"]
    # Permanent was only the first; what came after may change its mind.
    assert seen.memory.moved_to == f"{site.root}/old"
    assert seen.memory.answered == f"{site.root}/new/rss"


@pytest.mark.parametrize(
    ("status", "remembered"), [(301, True), (302, False), (303, False), (307, False), (308, True)]
)
def test_a_permanent_redirect_is_remembered_and_the_new_address_asked_next_time(
    site: WebServer, status: int, remembered: bool
) -> None:
    site.says("/new", FEED)
    place = site.says("/old", status=f"{status} Elsewhere", Location="/new")

    known = visit(source(place)).memory
    again = visit(source(place), known)

    assert known.moved_to == (f"{site.root}/new" if remembered else "")
    assert again.reading is None
    assert again.memory == known
    asked = [path for path, _ in site.asked]
    assert asked == ["/old", "/new", *([] if remembered else ["/old"]), "/new"]


def test_where_the_new_address_fails_the_old_one_is_asked(site: WebServer) -> None:
    known = Memory(moved_to=site.says("/new", status="404 Not Found"))
    place = site.says("/old", FEED)

    seen = visit(source(place), known)

    assert articles(seen) == 1
    assert seen.memory.moved_to == ""
    assert [path for path, _ in site.asked] == ["/new", "/old"]


def test_a_new_address_that_asks_for_patience_is_not_gone_round(site: WebServer) -> None:
    known = Memory(moved_to=site.says("/new", status="429 Slow Down", Retry_After="60"))

    assert isinstance(error_of(source(site.says("/old", FEED)), known), sources.AskedToWait)
    assert [path for path, _ in site.asked] == ["/new"]


def test_a_loop_of_redirects_ends(site: WebServer) -> None:
    error = error_of(source(site.says("/loop", status="302 Found", Location="/loop")))

    assert isinstance(error, FetchError)
    assert len(site.asked) == MOST_REDIRECTS + 1


@pytest.mark.parametrize(
    "to",
    ["file:///etc/passwd", "gopher://example.org/", "http://[::1", "http://:80/", "javascript:1"],
)
def test_a_redirect_leaves_the_web_for_nothing_else(site: WebServer, to: str) -> None:
    assert "no web page" in error_of(source(site.says("/", status="302 Found", Location=to))).what


# -- which addresses


PRIVATE_ADDRESSES = [
    "127.0.0.1", "0.0.0.0", "10.1.2.3", "172.16.0.1", "192.168.1.1", "169.254.169.254",
    "100.64.0.1", "100.127.255.255", "192.0.0.1", "192.0.2.1", "198.18.0.1", "203.0.113.1",
    "224.0.0.1", "239.1.1.1", "240.0.0.1", "255.255.255.255",
    "::", "::1", "::127.0.0.1", "::ffff:127.0.0.1", "::ffff:10.0.0.1", "64:ff9b::7f00:1",
    "64:ff9b::a9fe:a9fe", "64:ff9b:1::1", "2002:7f00:1::", "2002:a00:1::", "2001::1",
    "2001:db8::1", "fc00::1", "fd12::1", "fe80::1", "fe80::1%eth0", "fec0::1", "ff02::1", "100::1",
]  # fmt: skip


@pytest.mark.parametrize("address", PRIVATE_ADDRESSES)
def test_no_address_but_a_public_one_is_asked(address: str) -> None:
    roads = Roads({"news.example": [[address]]}, {})

    error = error_of(source("http://news.example/rss", private=False), network=roads)

    assert "private network" in error.what
    assert "private = true" in error.remedy
    assert error.exit_code == 1
    assert roads.gone == []


@pytest.mark.parametrize(
    "address", ["169.254.169.254", "::ffff:169.254.169.254", "fe80::1", "fd00:ec2::254"]
)
def test_what_a_cloud_tells_its_machines_is_asked_by_nobody(address: str) -> None:
    """Not even of a host that the publisher called his own: its name may be led there."""
    roads = Roads({"news.example": [[address]]}, {})

    assert "no web site" in error_of(source("http://news.example/rss"), network=roads).what
    assert roads.gone == []


@pytest.mark.parametrize(
    "address", [PUBLIC, OTHER, "2606:2800:220:1::1", "::ffff:8.8.8.8", "64:ff9b::808:808"]
)
def test_public_addresses_are_known(address: str) -> None:
    assert is_public(address)


@pytest.mark.parametrize(
    "host",
    [
        "2130706433",
        "0x7f000001",
        "0177.0.0.1",
        "127.1",
        "[::1]",
        "[::ffff:127.0.0.1]",
        "localhost",
        "127.0.0.1",
    ],
)
def test_however_a_private_host_is_written_nobody_is_asked(site: WebServer, host: str) -> None:
    place = f"http://{host}:{site.port}/rss"
    error = error_of(source(place, private=False))

    assert "private network" in error.what or "not known" in error.what
    assert site.asked == []


def test_of_several_addresses_the_public_ones_are_tried_in_turn(site: WebServer) -> None:
    site.says("/rss", FEED)
    roads = Roads({"news.example": [["10.0.0.1", OTHER, PUBLIC]]}, {(PUBLIC, 80): site.port})

    assert articles(visit(source("http://news.example/rss", private=False), network=roads)) == 1
    assert roads.gone == [(OTHER, 80), (PUBLIC, 80)]


def test_a_name_server_that_changes_its_mind_is_not_asked_twice(
    site: WebServer, closed_port: int
) -> None:
    site.says("/rss", FEED)
    names = {"news.example": [[PUBLIC], ["127.0.0.1"]]}
    roads = Roads(names, {(PUBLIC, 80): site.port, ("127.0.0.1", 80): closed_port})

    assert articles(visit(source("http://news.example/rss", private=False), network=roads)) == 1
    assert roads.questions == {"news.example": 1}
    assert roads.gone == [(PUBLIC, 80)]
    assert site.asked[0][1]["Host"] == "news.example"


def test_a_redirect_to_a_rebound_name_is_checked_again(site: WebServer) -> None:
    place = "http://news.example/rss"
    site.says("/rss", status="302 Found", Location=place)
    roads = Roads({"news.example": [[PUBLIC], ["127.0.0.1"]]}, {(PUBLIC, 80): site.port})

    assert "private network" in error_of(source(place, private=False), network=roads).what
    assert roads.gone == [(PUBLIC, 80)]


@pytest.mark.parametrize("private", [False, True])
@pytest.mark.parametrize(
    "inside",
    ["http://169.254.169.254/latest/meta-data/", "http://localhost/", "http://intranet.example/"],
)
def test_a_stranger_does_not_lead_us_into_a_private_network(
    site: WebServer, inside: str, private: bool
) -> None:
    with WebServer() as canary:
        site.says("/rss", status="302 Found", Location=inside)
        roads = Roads(
            {
                "news.example": [[PUBLIC]],
                "localhost": [["127.0.0.1"]],
                "intranet.example": [["10.0.0.1"]],
            },
            {
                (PUBLIC, 80): site.port,
                **{(ip, 80): canary.port for ip in ("169.254.169.254", "127.0.0.1", "10.0.0.1")},
            },
        )

        error = error_of(source("http://news.example/rss", private=private), network=roads)

        assert "private network" in error.what
        assert canary.asked == []
        assert roads.gone == [(PUBLIC, 80)]


def test_what_is_remembered_of_a_redirect_is_checked_like_a_redirect(site: WebServer) -> None:
    site.says("/rss", FEED)
    roads = Roads(
        {"moved.example": [["10.0.0.1"]], "news.example": [[PUBLIC]]}, {(PUBLIC, 80): site.port}
    )
    known = Memory(moved_to="http://moved.example/rss")

    seen = visit(source("http://news.example/rss", private=True), known, network=roads)

    assert articles(seen) == 1
    assert roads.gone == [(PUBLIC, 80)]


@pytest.mark.parametrize("port", [22, 25, 6379, 8080])
def test_a_stranger_names_no_port(site: WebServer, port: int) -> None:
    site.says("/rss", status="302 Found", Location=f"http://news.example:{port}/")
    roads = Roads(
        {"news.example": [[PUBLIC]]}, {(PUBLIC, 80): site.port, (PUBLIC, port): site.port}
    )

    assert (
        f"port {port}"
        in error_of(source("http://news.example/rss", private=False), network=roads).what
    )
    assert roads.gone == [(PUBLIC, 80)]


def test_the_operator_may_name_a_port(site: WebServer) -> None:
    site.says("/rss", status="302 Found", Location="/feed")
    site.says("/feed", FEED)
    roads = Roads({"news.example": [[PUBLIC]]}, {(PUBLIC, 8080): site.port})

    assert (
        articles(visit(source("http://news.example:8080/rss", private=False), network=roads)) == 1
    )
    assert site.asked[0][1]["Host"] == "news.example:8080"


def test_the_certificate_is_checked_against_the_name(tmp_path: Path) -> None:
    with certified(tmp_path, "news.example") as (context, trust), WebServer(context) as site:
        site.says("/rss", FEED)
        names = {name: [[PUBLIC]] for name in ("news.example", "other.example")}
        roads = Roads(names, {(PUBLIC, 443): site.port}, trust)

        assert (
            articles(visit(source("https://news.example/rss", private=False), network=roads)) == 1
        )
        error = error_of(source("https://other.example/rss", private=False), network=roads)
        assert "certificate" in error.what
        unknown = Roads(names, {(PUBLIC, 443): site.port})
        assert (
            "certificate"
            in error_of(source("https://news.example/rss", private=False), network=unknown).what
        )
        assert len(site.asked) == 1


def test_names_of_every_script_reach_the_wire_as_it_wants_them() -> None:
    place = place_of("HTTPS://Bücher.example/Ä b?q=ü&r=1")
    assert (place.host, place.url) == (
        "xn--bcher-kva.example",
        "https://xn--bcher-kva.example/%C3%84%20b?q=%C3%BC&r=1",
    )


@given(st.text(max_size=80))
def test_any_text_is_an_address_or_is_refused(text: str) -> None:
    for url in (text, f"https://{text}", f"http://a.example/{text}"):
        with contextlib.suppress(SourceError):
            place = place_of(url)
            assert place.url.isascii()
            assert place_of(place.url).url == place.url
        assert names_itself(url) in {True, False}


def test_only_figures_and_localhost_name_themselves() -> None:
    assert names_itself("http://127.0.0.1:80/")
    assert names_itself("http://[fd00::1]/")
    assert names_itself("http://localhost/")
    assert not names_itself(f"http://{PUBLIC}/")
    assert not names_itself("http://intranet.example/")
    assert not names_itself("http://2130706433/")
