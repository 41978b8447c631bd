"""Sources over real sockets: what is read, what is asked for, and how what fails is told."""

from pathlib import Path

import pytest

from digest import sources
from digest.errors import FetchError
from digest.sources import Kind, Source
from digest.sources.places import shown
from tests.conftest import NOW
from tests.visiting import FEED, articles, error_of, site, source, visit
from tests.web_server import Roads, WebServer

__all__ = ["site"]


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
