"""Collecting: what becomes of visits. Faults source by source, on both engines."""

import socket
import threading
from collections.abc import Iterator
from contextlib import suppress
from datetime import timedelta
from pathlib import Path

import pytest

from digest import archive, publish
from digest.publish import Collected, House
from digest.settings import SourceSettings
from digest.sources import MOST_BYTES, Network
from tests.conftest import NOW
from tests.visiting import FEED, PAGE, gzip_bomb, laughs, nested
from tests.waiting import PATIENCE
from tests.web_server import Roads, WebServer, endless_headers, response, silence

HOUR = timedelta(hours=1)


@pytest.fixture
def site() -> Iterator[WebServer]:
    with WebServer() as server:
        yield server


def headed(*headlines: str) -> bytes:
    items = "".join(
        f"<item><title>{h}</title><link>https://www.example.org/{h.partition(',')[0]}</link></item>"
        for h in headlines
    )
    return f"<rss version='2.0'><channel><title>T</title>{items}</channel></rss>".encode()


def with_sources(house: House, **places: str) -> House:
    """The house with these feeds as its only sources, each allowed to be on this machine."""
    told = tuple(
        SourceSettings(name=name, feed=feed, private=".example" not in feed)
        for name, feed in places.items()
    )
    return House(house.settings.model_copy(update={"source": told}), house.database)


def collect(
    house: House, now: object = NOW, network: Network | None = None
) -> dict[str, Collected]:
    return {c.source: c for c in publish.collect(house, now=now, network=network)}  # type: ignore[arg-type]


def test_what_is_new_changed_and_unchanged_is_counted(house: House, site: WebServer) -> None:
    ours = with_sources(house, world=site.says("/rss", headed("A first headline", "A second one")))
    told: list[Collected] = []

    [first] = publish.collect(ours, now=NOW, on_source=told.append)
    again = collect(ours)["world"]
    site.says("/rss", headed("A first headline, changed", "A second one", "Of a third thing"))
    third = collect(ours)["world"]

    assert told == [first] == [Collected("world", "read", new=2)]
    assert again == Collected("world", "unchanged")
    assert third == Collected("world", "read", new=1, changed=1, unchanged=1)


def test_nothing_changed_is_asked_with_the_validators_of_that_place_alone(
    house: House, site: WebServer
) -> None:
    ours = with_sources(house, world=site.says("/rss", headed("A headline"), ETag='"1"'))
    collect(ours)
    collect(ours)
    collect(with_sources(house, world=site.says("/other", headed("Another"), ETag='"1"')))

    assert [headers.get("If-None-Match") for _, headers in site.asked] == [None, '"1"', None]


def test_a_source_that_moved_for_good_is_told_and_asked_there(
    house: House, site: WebServer
) -> None:
    site.says("/new", headed("A headline"))
    ours = with_sources(house, world=site.says("/old", status="301 Moved", Location="/new"))

    first, second = collect(ours)["world"], collect(ours)["world"]

    assert first.moved_to == second.moved_to == f"{site.root}/new"
    assert site.hits == {"/old": 1, "/new": 2}
    [line] = publish.source_lines(ours, NOW)
    assert (line.place, line.moved_to) == (f"{site.root}/old", f"{site.root}/new")
    # The operator has corrected digest.toml.
    assert collect(with_sources(house, world=f"{site.root}/new"))["world"].moved_to == ""


def test_a_source_that_is_asked_to_wait_waits(house: House, site: WebServer) -> None:
    place = site.says("/rss", status="429 Slow Down", Retry_After="3600")
    ours = with_sources(house, world=place)

    first = collect(ours)["world"]
    site.says("/rss", headed("A headline"))
    waiting = collect(ours, NOW + HOUR - timedelta(seconds=1))["world"]
    after = collect(ours, NOW + HOUR)["world"]

    assert (first.outcome, first.exit_code) == ("failed", 75)
    assert first.waiting_until == waiting.waiting_until == NOW + HOUR
    assert (waiting.outcome, waiting.error, waiting.failing_since) == ("waiting", "", NOW)
    assert (after.outcome, after.new, after.waiting_until) == ("read", 1, None)
    assert site.hits["/rss"] == 2


def test_another_address_need_not_wait(house: House, site: WebServer) -> None:
    collect(with_sources(house, world=site.says("/rss", status="503 No", Retry_After="3600")))
    moved = with_sources(house, world=site.says("/new", headed("A headline")))

    assert publish.source_lines(moved, NOW)[0].waiting_until is None
    assert collect(moved)["world"].new == 1


def test_a_failure_counts_until_the_source_is_read_again(house: House, site: WebServer) -> None:
    ours = with_sources(house, world=site.says("/rss", status="500 Oh no"))

    failed = [collect(ours, NOW + n * HOUR)["world"] for n in range(3)]

    assert [c.failures for c in failed] == [1, 2, 3]
    assert {c.failing_since for c in failed} == {NOW}
    [line] = publish.source_lines(ours, NOW)
    assert (line.failing_since, line.failures, line.succeeded) == (NOW, 3, None)
    assert "500" in line.error
    site.says("/rss", headed("A headline"))
    collect(ours, NOW + 9 * HOUR)
    [line] = publish.source_lines(ours, NOW)
    assert (line.failing_since, line.failures, line.succeeded) == (None, 0, NOW + 9 * HOUR)


def test_what_a_source_gave_stays_when_it_fails(house: House, site: WebServer) -> None:
    ours = with_sources(house, world=site.says("/rss", headed("A headline"), ETag='"1"'))
    collect(ours)
    site.says("/rss", headed("A headline", "And half of")[:-40])
    assert "cut off" in collect(ours)["world"].error
    site.says("/rss", status="304 Not Modified")

    assert collect(ours)["world"].outcome == "unchanged"
    assert [article.headline for article in ours.articles(9)] == ["A headline"]


def test_a_source_that_was_taken_out_fails_no_more(house: House, site: WebServer) -> None:
    collect(with_sources(house, world=site.says("/rss", status="500 Oh no")))
    without = with_sources(house, other=site.says("/other", headed("A headline")))
    collect(without)

    assert [state.name for state in without.sources()] == ["other"]
    assert [state.failing_since for state in without.sources()] == [None]


def test_a_private_host_is_asked_only_where_the_settings_say_so(
    house: House, site: WebServer
) -> None:
    place = site.says("/rss", headed("A headline"))
    settings = with_sources(house, world=place).settings
    [source] = settings.source
    careful = House(
        settings.model_copy(update={"source": (source.model_copy(update={"private": False}),)}),
        house.database,
    )

    refused = collect(careful)["world"]

    assert "127.0.0.1 is in a private network" in refused.error
    assert "private = true" in refused.remedy
    assert site.asked == []
    # What somebody types in figures, just now, is meant.
    [typed] = publish.collect(house, [place], now=NOW)
    assert typed.new == 1


def test_a_place_that_is_typed_once_leaves_no_trace_but_articles(
    house: House, site: WebServer
) -> None:
    place = site.says("/rss", headed("A headline"), ETag='"1"')
    for _ in range(2):
        [typed] = publish.collect(house, [place, place], now=NOW)
        assert typed.outcome == "read"
    [failed] = publish.collect(house, [f"{site.root}/no"], now=NOW)
    assert failed.failing_since is None
    with house.database.reading() as session:
        assert archive.source_states(session) == []


def test_the_order_of_a_ranked_feed_is_a_trending_list(house: House, site: WebServer) -> None:
    feed = site.says("/top", headed("Most read of all", "Second to that"))
    ranked = SourceSettings(name="top", feed=feed, private=True, ranked=True)
    ours = House(house.settings.model_copy(update={"source": (ranked,)}), house.database)

    collect(ours)
    assert listed(ours) == [("trending", 1, "Most read of all"), ("trending", 2, "Second to that")]
    # Nothing changed for a week: the list is as good as new.
    assert collect(ours, NOW + 150 * HOUR)["top"].outcome == "unchanged"
    assert len(listed(ours, NOW + 149 * HOUR)) == 2
    site.says("/top", headed("Second to that"))
    collect(ours)
    assert listed(ours) == [("trending", 1, "Second to that")]
    plain = ranked.model_copy(update={"ranked": False})
    collect(House(house.settings.model_copy(update={"source": (plain,)}), house.database))
    assert listed(ours) == []


def listed(house: House, since: object = NOW - HOUR) -> list[tuple[str, int, str]]:
    with house.database.reading() as session:
        return [(e.kind, e.rank, e.headline) for e in archive.listed(session, since)]  # type: ignore[arg-type]


def test_every_fault_has_its_sentence_and_the_good_ones_are_kept(
    house: House, site: WebServer, closed_port: int
) -> None:
    with WebServer() as canary:
        canary.says("/latest", b"secret")
        faults = faults_of(site, closed_port)
        good = {f"good-{n}": site.says(f"/good-{n}", headed(f"Headline no {n}")) for n in range(3)}
        ours = with_sources(house, **{name: place for name, (place, _) in faults.items()}, **good)
        public = "93.184.216.34"
        roads = {("127.0.0.1", site.port): site.port, (public, 80): site.port}
        for inside in ("127.0.0.1", "10.0.0.1", "169.254.169.254"):
            roads[inside, 80] = canary.port
        names = {"evil.example": [[public]], "rebound.example": [[public], ["10.0.0.1"]]}
        network = Roads(names, roads)

        told = collect(ours, network=network)

        wrong = {n: told[n].error for n, (_, words) in faults.items() if words not in told[n].error}
        assert wrong == {}
        assert all(told[name].remedy for name in faults)
        assert [told[name].new for name in good] == [1, 1, 1]
        assert canary.asked == []
        assert list(told) == [*faults, *good]
        assert {state.name for state in ours.sources() if state.failing_since} == set(faults)
        assert {article.source for article in ours.articles(99)} == set(good)


def faults_of(site: WebServer, closed_port: int) -> dict[str, tuple[str, str]]:
    """Every fault by name: where it is, and words of the sentence that it must get."""
    site.says("/evil", status="302 Found", Location="http://127.0.0.1/latest")
    site.says("/metadata", status="301 Moved", Location="http://169.254.169.254/latest")
    site.says("/again", status="302 Found", Location="http://rebound.example/again")
    cut_off = b"HTTP/1.1 200 OK\r\nContent-Length: 999\r\n\r\n<rss>"
    to_a_file = site.says("/file", status="302 Found", Location="file:///etc/passwd")
    loop = site.says("/loop", status="301 Moved", Location="/loop")
    return {
        "404": (site.says("/404", status="404 Not Found"), "404 Not Found"),
        "410": (site.says("/410", status="410 Gone"), "gone for good"),
        "500": (site.says("/500", status="500 Oh no"), "500"),
        "429": (site.says("/429", status="429 Slow", Retry_After="60"), "asks to wait"),
        "301 loop": (loop, "redirects more than"),
        "to a file": (to_a_file, "no web page"),
        "to loopback": ("http://evil.example/evil", "private network"),
        "to metadata": ("http://evil.example/metadata", "private network"),
        "rebinding": ("http://rebound.example/again", "private network"),
        "too large": (site.says("/large", b"x" * (MOST_BYTES + 1)), "larger than 5 MB"),
        "bomb": (site.says("/bomb", gzip_bomb(), Content_Encoding="gzip"), "larger than 5 MB"),
        "brotli": (site.says("/br", b"?", Content_Encoding="br"), "packed as br"),
        "cut off": (site.does("/cut", cut_off), "broke off"),
        "half": (site.does("/half", b"HTTP/1.1 200 OK\r\n\r\n" + FEED[:-30]), "cut off"),
        "headers": (site.does("/headers", endless_headers), "no proper HTTP"),
        "no http": (site.does("/ssh", b"SSH-2.0-OpenSSH\r\n"), "no proper HTTP"),
        "nobody": (f"http://127.0.0.1:{closed_port}/", "could not be reached"),
        "page": (site.says("/page", PAGE), "a web page, not a feed"),
        "empty": (site.says("/empty"), "empty"),
        "nested": (site.says("/nested", nested(200_000)), "deep in each other"),
        "no entries": (site.says("/none", headed()), "no entries"),
        "no address": ("http://[::1/rss", "no web address"),
        "missing": ("missing.rss", "no file"),
    }  # fmt: skip


def test_a_bomb_of_entities_fills_no_archive(house: House, site: WebServer) -> None:
    collect(with_sources(house, world=site.says("/rss", laughs(12))))
    assert sum(len(a.headline) + len(a.dek) for a in house.articles(9)) < 10_000


def test_being_stopped_keeps_what_was_read(house: House, site: WebServer) -> None:
    ours = with_sources(
        house, silent=site.does("/silent", silence), good=site.says("/good", headed("A headline"))
    )

    kept: list[Collected] = []

    def stop(name: str) -> None:
        assert name == "good"
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        publish.collect(ours, now=NOW, on_visit=stop, on_source=kept.append)
    assert [collected.source for collected in kept] == ["good"]
    assert [article.headline for article in ours.articles(9)] == ["A headline"]


def test_no_process_is_left_behind(house: House, site: WebServer) -> None:
    before = _children()  # other tests' servers
    collect(with_sources(house, good=site.says("/good", headed("A headline"))))
    assert _children() <= before


def _children() -> set[str]:
    """The numbers of this process's children, those that ended and nobody awaited among them."""
    threads = Path("/proc/self/task").glob("*/children")
    numbers = set()
    for thread in threads:
        with suppress(OSError):  # it has ended since
            numbers.update(thread.read_text().split())
    return numbers


def test_the_first_source_keeps_an_article_however_late_it_comes(
    house: House, site: WebServer
) -> None:
    both = response("200 OK", headed("A headline of two"))
    second_was_asked = threading.Event()

    def late(connection: socket.socket) -> None:
        second_was_asked.wait(PATIENCE)
        connection.sendall(both)

    def early(connection: socket.socket) -> None:
        connection.sendall(both)
        second_was_asked.set()

    ended: list[str] = []
    ours = with_sources(house, first=site.does("/1", late), second=site.does("/2", early))
    publish.collect(ours, now=NOW, on_visit=ended.append)

    assert [article.source for article in ours.articles(9)] == ["first"]


def test_the_lists_of_a_folder_are_as_old_as_the_page_that_has_them(
    house: House, tmp_path: Path
) -> None:
    saved = tmp_path / "old"
    saved.mkdir()
    page = """<meta property="article:published_time" content="{:%Y-%m-%d}"><h1>The page of a</h1>
        <h3>Trending</h3><p><a href="/x">What was trending then</a></p>""".format
    (saved / "a.html").write_text(page(NOW - 240 * HOUR), encoding="utf-8")
    folder = SourceSettings(name="saved", folder=str(saved))
    ours = House(house.settings.model_copy(update={"source": (folder,)}), house.database)
    for _ in range(2):
        collect(ours)
        assert listed(ours, NOW - 168 * HOUR) == []
    assert len(listed(ours, NOW - 300 * HOUR)) == 1
    # A folder whose pages list nothing any more lists nothing.
    (saved / "a.html").write_text("<h1>The page of a</h1><p>Nothing beside it.</p>")
    collect(ours)
    assert listed(ours, NOW - 300 * HOUR) == []
