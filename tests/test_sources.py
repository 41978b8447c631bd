"""Sources over real sockets: what is read, what is asked for, what is refused, and how it ends."""

import asyncio
import contextlib
import gzip
import os
import socket
import subprocess
import sys
import threading
import zlib
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from digest import sample, sources
from digest.articles import Reading
from digest.errors import DigestError, FetchError, SourceError
from digest.sources import MOST_BYTES, MOST_REDIRECTS, Kind, Memory, Network, Source, Visit
from digest.sources.places import is_public, names_itself, place_of, shown
from digest.sources.reading import Readers
from tests.conftest import NOW
from tests.waiting import PATIENCE, Clockwork, until
from tests.web_server import (
    Behaviour,
    Roads,
    WebServer,
    certified,
    drip,
    endless_headers,
    flood,
    response,
    silence,
)

FEED = b"""<?xml version="1.0"?><rss version="2.0"><channel><title>Post</title>
<item><title>A Headline</title><link>https://www.example.org/a</link></item></channel></rss>"""
PAGE = b"<!doctype html><html><head><title>No feed</title></head><body><p>Hello</p></body></html>"
PUBLIC, OTHER = "93.184.216.34", "8.8.4.4"  # never reached: Roads leads elsewhere


@pytest.fixture
def site() -> Iterator[WebServer]:
    with WebServer() as server:
        yield server


def source(place: str | Path, kind: Kind = "feed", *, private: bool = True) -> Source:
    return Source("world", kind, str(place), "Global", private=private)


async def _all(
    asked: list[tuple[Source, Memory]], network: Network | None, deadline: float, patience: float
) -> list[tuple[Source, Visit | DigestError]]:
    visits = sources.visits(asked, network=network, deadline=deadline, patience=patience)
    async with contextlib.aclosing(visits):
        return [outcome async for outcome in visits]


def visit(
    one: Source,
    known: Memory = sources.NOTHING,
    *,
    network: Network | None = None,
    deadline: float = PATIENCE,
    patience: float = PATIENCE,
) -> Visit:
    """Visit one source; its error is raised."""
    [(_, outcome)] = asyncio.run(_all([(one, known)], network, deadline, patience))
    if isinstance(outcome, DigestError):
        raise outcome
    return outcome


def error_of(one: Source, known: Memory = sources.NOTHING, **how: object) -> DigestError:
    with pytest.raises(SourceError) as caught:
        visit(one, known, **how)  # type: ignore[arg-type]
    assert caught.value.what
    assert "\n" not in caught.value.what
    assert caught.value.remedy
    return caught.value


def articles(seen: Visit) -> int:
    assert seen.reading is not None
    return len(seen.reading.articles)


# -- what is read


@pytest.mark.parametrize("kind", ["feed", "auto"])
def test_a_feed_is_fetched(site: WebServer, kind: Kind) -> None:
    place = site.says("/rss?a=1&b=%20#part", FEED, ETag='"7"', Last_Modified="Mon")
    site.answers["/rss?a=1&b=%20"] = site.answers.pop("/rss?a=1&b=%20#part")
    seen = visit(source(place, kind))

    assert seen.reading is not None
    [article] = seen.reading.articles
    assert (article.headline, article.section, article.source) == ("A Headline", "Global", "world")
    assert (seen.memory.etag, seen.memory.last_modified) == ('"7"', "Mon")
    assert seen.memory.answered == f"{site.root}/rss?a=1&b=%20"
    [(_, headers)] = site.asked
    assert headers["User-Agent"] == sources.AGENT
    assert headers["Host"] == f"127.0.0.1:{site.port}"
    assert headers["Accept-Encoding"] == "gzip"
    assert not {"If-None-Match", "Cookie", "Authorization"} & set(headers)


@pytest.mark.parametrize(
    ("kind", "document", "said", "encoding", "headline"),
    [
        (
            "page",
            "<html><body><h1>{}</h1><p>Мост</p></body></html>",
            "text/html; charset=windows-1251",
            "cp1251",
            "Новый мост через реку",
        ),
        (
            "feed",
            "<rss><channel><item><title>{}</title></item></channel></rss>",
            'application/xml;Charset="Shift_JIS"',
            "cp932",
            "新しい橋が川に開通",
        ),
        # The document's own word is nearer to it than the server's.
        (
            "feed",
            "<?xml encoding='windows-1251'?><rss><item><title>{}</title></item></rss>",
            "application/xml; charset=koi8-r",
            "cp1251",
            "Новый мост через реку",
        ),
        # A server's default, said of everything.
        (
            "feed",
            "<rss><channel><item><title>{}</title></item></channel></rss>",
            "text/xml; charset=ISO-8859-1",
            "utf-8",
            "Brücke über den Fluss",
        ),
        (
            "page",
            "<html><body><h1>{}</h1></body></html>",
            "text/html; charset=none-such",
            "utf-8",
            "Brücke über den Fluss",
        ),
    ],
)
def test_the_server_says_the_encoding_where_the_document_does_not(
    site: WebServer, kind: Kind, document: str, said: str, encoding: str, headline: str
) -> None:
    body = document.format(headline).encode(encoding)
    seen = visit(source(site.says("/a", body, Content_Type=said), kind))

    assert seen.reading is not None
    assert seen.reading.articles[0].headline == headline


def test_unchanged_is_asked_with_what_the_server_gave_and_remembered(site: WebServer) -> None:
    when = "Mon, 30 Mar 2026 01:00:00 GMT"
    place = site.says("/rss", FEED, ETag='"7\xe9"', Last_Modified=when)
    known = visit(source(place)).memory
    site.says("/rss", status="304 Not Modified")

    seen = visit(source(place), known)

    assert seen.reading is None
    assert seen.memory == known
    headers = site.asked[-1][1]
    assert headers["If-None-Match"] == '"7\xe9"'
    assert headers["If-Modified-Since"] == when


def test_the_same_bytes_are_unchanged_though_the_server_does_not_say_so(site: WebServer) -> None:
    place = site.says("/rss", FEED)
    known = visit(source(place)).memory

    assert visit(source(place), known).reading is None
    site.says("/rss", FEED.replace(b"A Headline", b"Another"))
    assert articles(visit(source(place), known)) == 1


def test_a_source_that_is_read_otherwise_now_is_read_anew(site: WebServer) -> None:
    place = site.says("/rss", FEED, ETag='"7"')
    known = visit(source(place)).memory

    seen = visit(Source("world", "feed", place, "Opinion", private=True), known)

    assert articles(seen) == 1
    assert "If-None-Match" not in site.asked[-1][1]


def test_what_one_address_said_is_not_told_to_another(site: WebServer) -> None:
    site.says("/a", FEED, ETag='"1"')
    place = site.says("/", status="302 Found", Location="/a")
    known = visit(source(place)).memory
    site.says("/b", FEED.replace(b"A Headline", b"Of the other"), ETag='"1"')
    site.says("/", status="302 Found", Location="/b")

    assert articles(visit(source(place), known)) == 1
    assert ["If-None-Match" in headers for _, headers in site.asked[2:]] == [False, False]


def test_a_login_in_the_address_is_for_its_host_alone(site: WebServer, tmp_path: Path) -> None:
    with WebServer() as other:
        there = other.says("/rss", FEED)
        site.says("/in", status="302 Found", Location="/out")
        site.says("/out", status="301 Moved", Location=there.replace(str(other.port), "80"))
        place = site.root.replace("//", "//ann:s%C3%A9cret@") + "/in"
        roads = Roads({}, {("127.0.0.1", site.port): site.port, ("127.0.0.1", 80): other.port})

        seen = visit(source(place), network=roads)

        assert [headers["Authorization"] for _, headers in site.asked] == [
            "Basic YW5uOnPDqWNyZXQ="
        ] * 2
        assert "Authorization" not in other.asked[0][1]
    assert "cret" not in repr(seen.memory)
    assert "cret" not in error_of(source(place.replace("/in", "/no")), network=roads).what
    assert shown(place) == f"{site.root}/in"


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


def test_the_environment_names_no_proxy(
    site: WebServer, monkeypatch: pytest.MonkeyPatch, closed_port: int
) -> None:
    monkeypatch.setenv("HTTP_PROXY", f"http://127.0.0.1:{closed_port}")
    monkeypatch.setenv("ALL_PROXY", f"http://127.0.0.1:{closed_port}")
    assert articles(visit(source(site.says("/rss", FEED)))) == 1


def test_no_cookie_is_kept(site: WebServer) -> None:
    site.says("/rss", FEED, Set_Cookie="a=1")
    visit(source(site.says("/", status="302 Found", Location="/rss", Set_Cookie="b=1")))
    assert all("Cookie" not in headers for _, headers in site.asked)


# -- what servers say


@pytest.mark.parametrize("status", [400, 401, 403, 404, 500, 502, 503, 599])
def test_an_error_of_the_server_may_pass(site: WebServer, status: int) -> None:
    error = error_of(source(site.says("/rss", b"sorry", f"{status} No")))

    assert isinstance(error, FetchError)
    assert not isinstance(error, sources.AskedToWait)
    assert error.exit_code == 75
    assert str(status) in error.what


def test_gone_is_said_as_such(site: WebServer) -> None:
    error = error_of(source(site.says("/rss", status="410 Gone")))
    assert "gone for good (410)" in error.what
    assert "digest.toml" in error.remedy


@pytest.mark.parametrize("status", [429, 503])
@pytest.mark.parametrize(
    ("asked", "seconds"),
    [
        ("120", 120),
        ("Mon, 30 Mar 2026 01:35:00 GMT", 300),
        ("Mon, 30 Mar 2020 00:00:00 GMT", 0),
        ("999999999", 86_400),
        ("Fri, 31 Dec 9999 23:59:59 GMT", 86_400),
    ],
)
def test_a_server_that_asks_to_wait_is_heard(
    site: WebServer, status: int, asked: str, seconds: int
) -> None:
    error = error_of(source(site.says("/rss", status=f"{status} Later", Retry_After=asked)))

    assert isinstance(error, sources.AskedToWait)
    assert (error.until(NOW) - NOW).total_seconds() == seconds
    assert error.exit_code == 75


@pytest.mark.parametrize("asked", ["", "soon", "-5", "1e9", "9" * 400, "Mon, 99 Foo 2026"])
def test_nonsense_is_no_time_to_wait(site: WebServer, asked: str) -> None:
    error = error_of(source(site.says("/rss", status="429 Slow Down", Retry_After=asked)))
    assert not isinstance(error, sources.AskedToWait)


def test_nobody_listens(closed_port: int) -> None:
    error = error_of(source(f"http://127.0.0.1:{closed_port}/rss"))

    assert isinstance(error, FetchError)
    assert "could not be reached" in error.what


def test_an_unknown_host() -> None:
    error = error_of(source("http://nowhere.invalid/rss"))

    assert isinstance(error, FetchError)
    assert "nowhere.invalid is not known" in error.what


# -- limits


def test_a_body_that_is_too_large(site: WebServer) -> None:
    assert "5 MB" in error_of(source(site.says("/rss", b"x" * (MOST_BYTES + 1)))).what


def test_a_body_without_end_is_not_waited_for(site: WebServer) -> None:
    assert "5 MB" in error_of(source(site.does("/rss", flood))).what


def gzip_bomb() -> bytes:
    """A hundred megabytes in a hundred kilobytes."""
    packer, million = zlib.compressobj(9, wbits=31), bytes(1_000_000)
    return b"".join([*(packer.compress(million) for _ in range(100)), packer.flush()])


@pytest.mark.parametrize("encoding", ["gzip", "x-gzip", "deflate"])
def test_a_body_that_unpacks_to_too_much(site: WebServer, encoding: str) -> None:
    bomb = gzip.compress(bytes(MOST_BYTES + 1))
    assert (
        "unpacked, is larger than 5 MB"
        in error_of(source(site.says("/rss", bomb, Content_Encoding=encoding))).what
    )


def test_a_bomb_does_not_go_off(site: WebServer) -> None:
    place = site.says("/rss", gzip_bomb(), Content_Encoding="gzip")
    program = (
        "import asyncio, contextlib, resource, sys; from digest import sources\n"
        "from tests.test_sources import *\n"
        "before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss\n"
        "print(error_of(source(sys.argv[1])).what)\n"
        "print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, place], capture_output=True, text=True, check=True
    )
    sentence, kilobytes = done.stdout.splitlines()
    assert "5 MB" in sentence
    assert int(kilobytes) < 60_000


@pytest.mark.parametrize(
    ("body", "encoding"),
    [
        (gzip.compress(FEED), "gzip"),
        (zlib.compress(FEED), "deflate"),
        (zlib.compress(FEED)[2:-4], "deflate"),
        (FEED, "identity"),
    ],
    ids=["gzip", "deflate", "bare deflate", "identity"],
)
def test_a_packed_body_is_unpacked(site: WebServer, body: bytes, encoding: str) -> None:
    assert articles(visit(source(site.says("/rss", body, Content_Encoding=encoding)))) == 1


@pytest.mark.parametrize(
    "body", [FEED, gzip.compress(FEED)[:-20], b""], ids=["not packed", "cut off", "empty"]
)
def test_a_damaged_body(site: WebServer, body: bytes) -> None:
    error = error_of(source(site.says("/rss", body, Content_Encoding="gzip")))

    assert isinstance(error, FetchError)
    assert "damaged" in error.what


@pytest.mark.parametrize("encoding", ["br", "zstd", "gzip, gzip", "x" * 3000])
def test_a_packing_that_we_cannot_open(site: WebServer, encoding: str) -> None:
    error = error_of(source(site.says("/rss", b"?", Content_Encoding=encoding)))
    assert "not asked for" in error.what
    assert len(error.what) < 200


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (b"HTTP/1.1 200 OK\r\nContent-Length: 5000\r\n\r\n" + FEED, "broke off"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 60\r\n\r\n" + FEED, "cut off"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n" + FEED, "no proper HTTP"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab", "no proper HTTP"),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n", "no proper HTTP"),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n<rss>", "broke off"),
        (b"HTTP/1.1 200 OK\r\n\r\n" + FEED[:-30], "cut off"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 99999999999999\r\n\r\n", "5 MB"),
        (b"SSH-2.0-OpenSSH_9.2p1\r\n", "no proper HTTP"),
        (b"", "broke off"),
        (b"HTTP/1.1 200 OK\r\nNo colon here\r\n\r\n", "no proper HTTP"),
        (b"HTTP/1.1 304 Not Modified\r\n\r\n", "answered 304"),
    ],
    ids=[
        "body cut off", "length too short", "negative length", "two lengths", "bad chunk",
        "chunk cut off", "no length and cut off", "length too large", "no http", "nothing",
        "bad header", "304 to no question",
    ],
)  # fmt: skip
def test_answers_that_are_none(site: WebServer, answer: bytes, words: str) -> None:
    assert words in error_of(source(site.does("/rss", answer))).what


@pytest.mark.parametrize(
    "behaviour",
    [silence, drip(0.05), drip(0.05, b"HTTP/1.1 200 OK\r\nX-Slow: "),
     drip(0.05, b"HTTP/1.1 100 Continue\r\n\r\n", b"HTTP/1.1 100 Continue\r\n\r\n")],
    ids=["silence", "drip", "slow headers", "endless prelude"],
)  # fmt: skip
def test_a_document_has_a_time_in_all(site: WebServer, behaviour: Behaviour) -> None:
    error = error_of(source(site.does("/rss", behaviour)), deadline=0.5)

    assert isinstance(error, FetchError)
    assert "took more than" in error.what


def test_a_name_server_that_does_not_answer_is_not_waited_for() -> None:
    class Mute(Roads):
        async def resolve(self, host: str) -> list[str]:
            await asyncio.Event().wait()
            return []

    error = error_of(source("http://news.example/"), network=Mute({}, {}), deadline=0.1)
    assert "took more than" in error.what


def test_headers_without_end(site: WebServer) -> None:
    assert isinstance(error_of(source(site.does("/rss", endless_headers))), FetchError)


def test_a_very_long_etag_does_no_harm(site: WebServer) -> None:
    known = visit(source(site.says("/rss", FEED, ETag=f'"{"x" * 50_000}"'))).memory
    assert len(known.etag) < 5000


# -- documents that are made to do harm


def nested(depth: int) -> bytes:
    """As many tags within each other."""
    return b"<rss><channel>" + b"<a>" * depth + b"</a>" * depth + b"</channel></rss>"


def laughs(levels: int) -> bytes:
    """Entities of entities."""
    told = b'<!ENTITY l0 "lol">' + b"".join(
        b'<!ENTITY l%d "%s">' % (n, b"&l%d;" % (n - 1) * 10) for n in range(1, levels)
    )
    item = b"<item><title>x &l%d;</title></item>" % (levels - 1)
    return b"<!DOCTYPE rss [" + told + b"]><rss><channel>" + item + b"</channel></rss>"


@pytest.mark.parametrize("body", [nested(200_000), laughs(12)], ids=["nested", "entities"])
@pytest.mark.parametrize("kind", ["feed", "page", "auto"])
def test_a_document_that_is_made_to_do_harm_has_an_end(
    site: WebServer, body: bytes, kind: Kind
) -> None:
    good = source(site.says("/good", FEED))
    bad = source(site.says("/bad", body), kind)

    outcomes = dict(
        asyncio.run(_all([(bad, Memory()), (good, Memory())], None, PATIENCE, PATIENCE))
    )

    assert articles_of(outcomes[good]) == 1
    harmed = outcomes[bad]
    if isinstance(harmed, Visit):
        assert harmed.reading is not None
        assert sum(len(a.headline + a.body + a.dek) for a in harmed.reading.articles) < 100_000


def articles_of(outcome: Visit | DigestError) -> int:
    assert isinstance(outcome, Visit)
    return articles(outcome)


HANGS = """
import time
from pathlib import Path
from digest.sources import reader
read = reader.answer
def answer(asked):
    if asked[2]["source"] != "world":
        return read(asked)
    Path(MARK).touch()
    time.sleep(600)
reader.answer = answer
reader.main()
"""


def test_a_reader_that_takes_too_long_is_given_up_and_another_reads_on(tmp_path: Path) -> None:
    mark, loop = tmp_path / "hangs", Clockwork()

    async def read() -> list[Reading | BaseException]:
        async with Readers(PATIENCE, HANGS.replace("MARK", repr(str(mark)))) as readers:
            hanging = asyncio.create_task(readers.read(source("a feed"), FEED))
            await asyncio.to_thread(until, mark.exists)
            loop.ahead += PATIENCE
            wanted = [Source(f"s{n}", "feed", "a feed") for n in range(5)]
            reads = (readers.read(one, FEED) for one in wanted)
            return await asyncio.gather(hanging, *reads, return_exceptions=True)

    with asyncio.Runner(loop_factory=lambda: loop) as runner:
        harmed, *others = runner.run(read())

    assert isinstance(harmed, SourceError)
    assert "takes longer" in harmed.what
    assert [isinstance(one, Reading) and len(one.articles) for one in others] == [1] * 5


def test_a_page_where_a_feed_should_be(site: WebServer) -> None:
    error = error_of(source(site.says("/", PAGE)))
    assert error.exit_code == 1


# -- many at once


def test_many_sources_are_asked_at_once_but_few_of_one_host(site: WebServer) -> None:
    with WebServer(host="127.0.0.2") as other:
        gate = Gate(4)
        asked = []
        for number in range(8):
            for server in (site, other):
                place = server.does(f"/{number}", gate.pass_(response("200 OK", FEED)))
                asked.append((Source(place, "feed", place, private=True), Memory()))

        outcomes = asyncio.run(_all(asked, None, PATIENCE, PATIENCE))

        assert [articles_of(outcome) for _, outcome in outcomes] == [1] * 16
        assert gate.met
        assert site.busiest == other.busiest == sources.FOR_ONE_HOST


class Gate:
    """Holds back everybody until so many stand before it at once."""

    def __init__(self, crowd: int) -> None:
        self._barrier = threading.Barrier(crowd)
        self.met = False

    def pass_(self, answer: bytes) -> Behaviour:
        """Answer once the crowd is complete."""

        def behave(connection: socket.socket) -> None:
            self._barrier.wait(PATIENCE)
            self.met = True
            connection.sendall(answer)

        return behave


# -- the disk


def test_a_folder_of_pages(tmp_path: Path) -> None:
    sample.write(tmp_path, NOW)
    folder = source(tmp_path / "saved", "folder")

    seen = visit(folder)

    assert seen.reading is not None
    assert any(article.body for article in seen.reading.articles)
    assert {article.source for article in seen.reading.articles} == {"world"}
    assert seen.reading.listed
    assert visit(folder, seen.memory).reading is None
    (tmp_path / "saved" / "page.html").rename(tmp_path / "saved" / "renamed.html")
    assert visit(folder, seen.memory).reading is not None


def listing(name: str, day: str) -> str:
    stated = f"<meta property='article:published_time' content='{day}'>" if day else ""
    return (
        f"<html><head>{stated}</head><body><h1>The page of {name}</h1>"
        f"<h3>Trending</h3><p><a href='/x'>What {name} lists as trending</a></p></body></html>"
    )


@pytest.mark.parametrize(
    ("pages", "listed"),
    [
        ({"a": "2025-04-01", "b": "2025-04-02", "c": "2025-03-31"}, "b"),
        # A page that names no day is as old as its file.
        ({"a": "", "b": "2025-04-02"}, "a"),
        ({"a": "2025-04-01", "b": "2099-01-01"}, "b"),
    ],
)
def test_what_is_trending_says_the_newest_page_of_a_folder(
    tmp_path: Path, pages: dict[str, str], listed: str
) -> None:
    for name, day in pages.items():
        (tmp_path / f"{name}.html").write_text(listing(name, day))
    seen = visit(source(tmp_path, "folder"))
    assert seen.reading is not None
    assert [e.headline for e in seen.reading.listed] == [f"What {listed} lists as trending"]


def test_what_was_trending_a_week_ago_is_not(tmp_path: Path) -> None:
    (tmp_path / "a.html").write_text(listing("a", "2025-04-01"))
    (tmp_path / "b.md").write_text("---\ndate: 2025-04-09\n---\n# The page of b\n\nIt is new.\n")
    seen = visit(source(tmp_path, "folder"))
    assert seen.reading is not None
    assert (len(seen.reading.articles), seen.reading.listed) == (2, ())


def test_one_bad_file_of_a_folder_is_named_and_loses_no_other(tmp_path: Path) -> None:
    sample.write(tmp_path, NOW)
    (tmp_path / "saved" / "a-bad.html").write_bytes(b"\x00\x01 no page at all")
    (tmp_path / "saved" / "b-empty.txt").write_bytes(b"")
    os.mkfifo(tmp_path / "saved" / "c-pipe.txt")
    folder = source(tmp_path / "saved", "folder")

    first = visit(folder)
    again = visit(folder, first.memory)

    for seen in (first, again):
        assert articles(seen)
        assert [line.partition(":")[0] for line in seen.left_out] == [
            "a-bad.html",
            "b-empty.txt",
            "c-pipe.txt",
        ]


def test_a_link_out_of_a_folder_is_not_followed(tmp_path: Path) -> None:
    sample.write(tmp_path, NOW)
    secret = tmp_path / "secret.txt"
    secret.write_text("A headline of the sesame trade\n\nWhat they wrote is not for everybody.\n")
    (tmp_path / "saved" / "a-out.txt").symlink_to(secret)
    (tmp_path / "saved" / "b-circle.txt").symlink_to("b-circle.txt")
    page = next(p for p in (tmp_path / "saved").iterdir() if not p.is_symlink())
    (tmp_path / f"saved/within{page.suffix}").symlink_to(page.name)
    (tmp_path / "elsewhere").symlink_to("saved")

    seen = visit(source(tmp_path / "elsewhere", "folder"))

    assert articles(seen)
    assert seen.reading
    assert "sesame" not in str(seen.reading)
    assert [line.partition(":")[0] for line in seen.left_out] == ["a-out.txt", "b-circle.txt"]


def test_a_folder_without_a_page_and_no_folder(tmp_path: Path) -> None:
    assert "no saved page" in error_of(source(tmp_path, "folder")).what
    assert "no folder" in error_of(source(tmp_path / "missing", "folder")).what
    (tmp_path / "bad.html").write_bytes(b"")
    assert "bad.html" in error_of(source(tmp_path, "folder")).what


def test_a_missing_file(tmp_path: Path) -> None:
    error = error_of(source(tmp_path / "world.rss"))

    assert "there is no file" in error.what
    assert error.exit_code == 1


@pytest.mark.parametrize("place", ["/dev/zero", ".", "a\0b"])
def test_what_is_no_file(place: str) -> None:
    assert error_of(source(place)).exit_code == 1


def test_a_file_that_is_too_large(tmp_path: Path) -> None:
    with (tmp_path / "world.rss").open("wb") as file:
        file.truncate(MOST_BYTES + 1)

    assert "5 MB" in error_of(source(tmp_path / "world.rss")).what
