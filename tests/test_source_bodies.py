"""What a server sends as a body: bombs, damage, silence, and what takes too long to read."""

import asyncio
import gzip
import socket
import subprocess
import sys
import threading
import zlib
from pathlib import Path

import pytest

from digest import sources
from digest.articles import Reading
from digest.errors import FetchError, SourceError
from digest.sources import MOST_BYTES, Kind, Memory, Source, Visit
from digest.sources.reading import Readers
from tests.visiting import (
    FEED,
    PAGE,
    _all,
    articles,
    articles_of,
    error_of,
    gzip_bomb,
    laughs,
    nested,
    site,
    source,
    visit,
)
from tests.waiting import PATIENCE, Clockwork, until
from tests.web_server import (
    Behaviour,
    Roads,
    WebServer,
    drip,
    endless_headers,
    flood,
    response,
    silence,
)

__all__ = ["site"]


# -- limits


def test_a_body_that_is_too_large(site: WebServer) -> None:
    assert "5 MB" in error_of(source(site.says("/rss", b"x" * (MOST_BYTES + 1)))).what


def test_a_body_without_end_is_not_waited_for(site: WebServer) -> None:
    assert "5 MB" in error_of(source(site.does("/rss", flood))).what


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
        "from tests.visiting import error_of, source\n"
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
