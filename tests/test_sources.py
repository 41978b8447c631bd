"""Sources over a real HTTP server: what is read, what is asked for, and what is refused."""

import gzip
import threading
from collections.abc import Iterator
from email.message import Message
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from digest import sample, sources
from digest.errors import DigestError, FetchError, SourceError
from digest.sources import MOST_BYTES, MOST_REDIRECTS, Kind, Source, Validators, visit
from tests.conftest import NOW, free_port

FEED = b"""<?xml version="1.0"?><rss version="2.0"><channel><title>Post</title>
<item><title>A Headline</title><link>https://www.example.org/a</link></item></channel></rss>"""
PAGE = b"<!doctype html><html><head><title>No feed</title></head><body><p>Hello</p></body></html>"


class Site:
    """What each path answers, and what was asked for."""

    def __init__(self) -> None:
        self.answers: dict[str, tuple[int, dict[str, str], bytes]] = {}
        self.asked: list[tuple[str, Message]] = []
        self.root = ""

    def says(self, path: str, body: bytes = b"", status: int = 200, **headers: str) -> str:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        self.answers[path] = (status, named, body)
        return self.root + path


@pytest.fixture
def site() -> Iterator[Site]:
    here = Site()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            here.asked.append((self.path, self.headers))
            status, headers, body = here.answers[self.path]
            try:
                self.send_response(status)
                for name, value in headers.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(body)
            except ConnectionError:
                self.close_connection = True

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    here.root = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield here
    server.shutdown()
    thread.join()
    server.server_close()


def source(place: str | Path, kind: Kind = "feed") -> Source:
    return Source("world", kind, str(place), "Global")


def error_of(place: str | Path, kind: Kind = "feed") -> DigestError:
    with pytest.raises(SourceError) as caught:
        visit(source(place, kind))
    assert caught.value.what
    return caught.value


@pytest.mark.parametrize("kind", ["feed", "auto"])
def test_a_feed_is_fetched(site: Site, kind: Kind) -> None:
    seen = visit(source(site.says("/rss", FEED, ETag='"7"', Last_Modified="Mon"), kind))

    assert seen.reading is not None
    [article] = seen.reading.articles
    assert (article.headline, article.section, article.source) == ("A Headline", "Global", "world")
    assert seen.validators == Validators('"7"', "Mon")
    [(_, headers)] = site.asked
    assert headers["User-Agent"] == sources.AGENT
    assert "If-None-Match" not in headers


def test_unchanged_is_asked_with_what_the_server_gave_and_remembered(site: Site) -> None:
    known = Validators('"7"', "Mon, 30 Mar 2026 01:00:00 GMT")

    seen = visit(source(site.says("/rss", status=304)), known)

    assert seen.reading is None
    assert seen.validators == known
    [(_, headers)] = site.asked
    assert headers["If-None-Match"] == known.etag
    assert headers["If-Modified-Since"] == known.last_modified


def test_redirects_are_followed_each_by_its_own_address(site: Site) -> None:
    site.says("/new/rss", FEED)
    site.says("/old", status=302, Location="new/rss")

    seen = visit(source(site.says("/first", status=301, Location=f"{site.root}/old")))

    assert seen.reading is not None
    assert len(seen.reading.articles) == 1
    assert [path for path, _ in site.asked] == ["/first", "/old", "/new/rss"]


def test_a_loop_of_redirects_ends(site: Site) -> None:
    error = error_of(site.says("/loop", status=302, Location="/loop"))

    assert isinstance(error, FetchError)
    assert len(site.asked) == MOST_REDIRECTS + 1


def test_a_redirect_leaves_the_web_for_nothing_else(site: Site) -> None:
    assert "no web page" in error_of(site.says("/", status=302, Location="file:///etc/passwd")).what


def test_a_stranger_does_not_lead_us_into_a_private_network(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sources, "_is_public", lambda url: not url.endswith("/inside"))
    site.says("/inside", FEED)

    assert "private network" in error_of(site.says("/", status=302, Location="/inside")).what
    assert [path for path, _ in site.asked] == ["/"]


@pytest.mark.parametrize("status", [404, 410, 500, 503])
def test_an_error_of_the_server_may_pass(site: Site, status: int) -> None:
    error = error_of(site.says("/rss", b"sorry", status))

    assert isinstance(error, FetchError)
    assert error.exit_code == 75
    assert str(status) in error.what
    assert error.remedy


def test_nobody_listens() -> None:
    error = error_of(f"http://127.0.0.1:{free_port()}/rss")

    assert isinstance(error, FetchError)
    assert "could not be reached" in error.what
    assert error.remedy


def test_an_unknown_host() -> None:
    error = error_of("http://nowhere.invalid/rss")

    assert isinstance(error, FetchError)
    assert "nowhere.invalid" in error.what
    assert error.remedy


def test_a_body_that_is_too_large(site: Site) -> None:
    assert "5 MB" in error_of(site.says("/rss", b"x" * (MOST_BYTES + 1))).what


def test_a_body_that_unpacks_to_too_much(site: Site) -> None:
    bomb = gzip.compress(bytes(MOST_BYTES + 1))

    assert "5 MB" in error_of(site.says("/rss", bomb, Content_Encoding="gzip")).what


def test_a_packed_body_is_unpacked_though_we_did_not_ask(site: Site) -> None:
    seen = visit(source(site.says("/rss", gzip.compress(FEED), Content_Encoding="gzip")))

    assert seen.reading is not None
    assert len(seen.reading.articles) == 1


@pytest.mark.parametrize("body", [FEED, gzip.compress(FEED)[:-20]], ids=["not packed", "cut off"])
def test_a_damaged_body(site: Site, body: bytes) -> None:
    error = error_of(site.says("/rss", body, Content_Encoding="gzip"))

    assert isinstance(error, FetchError)
    assert "damaged" in error.what


def test_a_packing_that_we_cannot_open(site: Site) -> None:
    assert "packed as br" in error_of(site.says("/rss", b"?", Content_Encoding="br")).what


def test_a_page_where_a_feed_should_be(site: Site) -> None:
    error = error_of(site.says("/", PAGE))

    assert error.exit_code == 1
    assert error.remedy


def test_a_folder_of_pages(tmp_path: Path) -> None:
    sample.write(tmp_path, NOW)

    reading = visit(source(tmp_path / "saved", "folder")).reading

    assert reading is not None
    assert any(article.body for article in reading.articles)
    assert {article.source for article in reading.articles} == {"world"}
    assert reading.listed


def test_a_folder_without_a_page_and_no_folder(tmp_path: Path) -> None:
    assert "no saved page" in error_of(tmp_path, "folder").what
    assert "no folder" in error_of(tmp_path / "missing", "folder").what


def test_a_missing_file(tmp_path: Path) -> None:
    error = error_of(tmp_path / "world.rss")

    assert "there is no file" in error.what
    assert error.exit_code == 1
    assert error.remedy


def test_a_file_that_is_too_large(tmp_path: Path) -> None:
    with (tmp_path / "world.rss").open("wb") as file:
        file.truncate(MOST_BYTES + 1)

    assert "5 MB" in error_of(tmp_path / "world.rss").what
