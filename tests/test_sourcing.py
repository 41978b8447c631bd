"""The list of sources as an operator meets it: found, added, imported, exported, listed."""

import json
import os
import signal
import socket
import sys
import threading
import tomllib
from collections.abc import Callable, Iterator
from pathlib import Path
from subprocess import CompletedProcess

import pytest
from hypothesis import given
from hypothesis import strategies as st

from digest import cli, publish
from digest.errors import FetchError, SettingsError, SourceError
from digest.outlines import Outline, read_outlines
from digest.publish import NewSource
from digest.settings import load
from tests.commands import INIT, start
from tests.test_collecting import headed
from tests.test_outlines import OPML
from tests.waiting import PATIENCE
from tests.web_server import Roads, WebServer, drip, silence

PUBLIC = "93.184.216.34"


@pytest.fixture
def site() -> Iterator[WebServer]:
    with WebServer() as server:
        yield server


Digest = Callable[..., CompletedProcess[str]]


@pytest.fixture
def digest_in(monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> Digest:
    """The program, run in this process: a new one for each word would take the most of a minute."""
    for name in [name for name in os.environ if name.startswith("DIGEST_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("NO_COLOR", "1")

    def run(folder: Path, *words: str) -> CompletedProcess[str]:
        monkeypatch.chdir(folder)
        monkeypatch.setattr(sys, "argv", ["digest", "-C", str(folder), *words])
        capfd.readouterr()
        with pytest.raises(SystemExit) as ended:
            cli.main()
        told = capfd.readouterr()
        return CompletedProcess(words, int(ended.value.code or 0), told.out, told.err)

    return run


@pytest.fixture
def folder(tmp_path: Path, digest_in: Digest) -> Path:
    assert digest_in(tmp_path, *INIT).returncode == 0
    return tmp_path


def page(*links: str) -> bytes:
    feeds = "".join(f'<link rel="alternate" type="application/rss+xml" href="{h}">' for h in links)
    return f"<!doctype html><html><head><title>S</title>{feeds}</head></html>".encode()


def roads(site: WebServer) -> Roads:
    names = {"post.example": [[PUBLIC]], "inside.example": [["10.0.0.1"]]}
    return Roads(names, {(PUBLIC, 80): site.port, ("10.0.0.1", 80): site.port})


# -- finding


def test_the_feeds_that_a_page_names_are_read_before_they_are_told(site: WebServer) -> None:
    site.says("/", page("/good", "/gone", "/a-page", "/moved", "http://inside.example/secret"))
    site.says("/good", headed("One", "Two"))
    site.says("/a-page", page())
    site.says("/moved", status="301 Moved", Location="/new")
    site.says("/new", headed("Three"))
    site.says("/secret", headed("Secret"))

    found = publish.find_feeds("http://post.example", network=roads(site))

    assert [(c.url, c.articles) for c in found] == [
        ("http://post.example/good", 2),
        ("http://post.example/new", 1),
    ]
    assert site.hits["/secret"] == 0


def test_where_the_page_names_none_the_usual_places_are_tried(site: WebServer) -> None:
    site.says("/", page())
    site.says("/feed", status="301 Moved", Location="/feed/")
    site.says("/feed/", headed("One"))
    site.says("/rss.xml", headed("One"))

    [found] = publish.find_feeds("http://post.example/", network=roads(site))

    assert found.articles == 1


def test_a_feed_finds_itself(site: WebServer) -> None:
    [found] = publish.find_feeds(site.says("/rss", headed("One")))
    assert found.url == f"{site.root}/rss"


def test_a_site_without_a_feed_says_so(site: WebServer) -> None:
    site.says("/", page())
    with pytest.raises(SourceError, match="no feed") as caught:
        publish.find_feeds(site.root)
    assert caught.value.remedy
    with pytest.raises(FetchError, match="404"):
        publish.find_feeds(f"{site.root}/no")


def test_find_prints_tables_and_adds_them(digest_in: Digest, folder: Path, site: WebServer) -> None:
    address = site.says("/", page("/world", "/sport"))
    site.says("/world", headed("One"))
    site.says("/sport", headed("Two"))
    before = (folder / "digest.toml").read_text("utf-8")

    shown = digest_in(folder, "sources", "find", address, "--section", "Global")
    as_json = digest_in(folder, "sources", "find", address, "--json")
    assert (folder / "digest.toml").read_text("utf-8") == before
    added = digest_in(folder, "sources", "find", address, "--section", "Global", "--add")

    tables = tomllib.loads(shown.stdout)["source"]
    assert [t["feed"] for t in tables] == [f"{site.root}/world", f"{site.root}/sport"]
    assert [t["name"] for t in tables] == ["127-0-0-1", "127-0-0-1-2"]
    assert {t["section"] for t in tables} == {"Global"}
    assert [c["articles"] for c in json.loads(as_json.stdout)] == [1, 1]
    assert "2 added" in added.stderr
    after = (folder / "digest.toml").read_text("utf-8")
    assert after.startswith(before.rstrip())
    assert tomllib.loads(after)["source"] == tables
    collected = digest_in(folder, "collect", "--json")
    assert [c["new"] for c in json.loads(collected.stdout)] == [1, 1], collected.stderr
    again = digest_in(folder, "sources", "find", address, "--add")
    assert "has them all already" in again.stderr
    assert (folder / "digest.toml").read_text("utf-8") == after


def test_find_needs_no_settings_unless_it_writes(
    digest_in: Digest, tmp_path: Path, site: WebServer
) -> None:
    address = site.says("/rss", headed("One"))
    assert tomllib.loads(digest_in(tmp_path, "sources", "find", address).stdout)["source"]
    refused = digest_in(tmp_path, "sources", "find", address, "--add")
    assert refused.returncode == 2
    assert "there is no digest.toml" in refused.stderr
    assert list(tmp_path.iterdir()) == []


# -- lists of other readers


def test_import_appends_and_keeps_what_stands_there(digest_in: Digest, folder: Path) -> None:
    toml = folder / "digest.toml"
    with toml.open("a", encoding="utf-8") as file:
        file.write('\n[[source]]  # mine\nname = "the-post"\nfeed = "https://mine.example/rss"')
    toml.chmod(0o640)
    before = toml.read_text("utf-8")
    (folder / "feeds.opml").write_bytes(OPML)

    dry = digest_in(folder, "sources", "import", str(folder / "feeds.opml"), "--dry-run")
    assert toml.read_text("utf-8") == before
    done = digest_in(folder, "sources", "import", str(folder / "feeds.opml"))

    assert done.returncode == 0, done.stderr
    assert "4 added" in done.stderr
    assert "no newsletter has a section called Inner, World & more" in done.stderr
    assert "left out: File, Script" in done.stderr
    assert toml.read_text("utf-8").startswith(before)
    assert toml.stat().st_mode & 0o777 == 0o640
    sources = load(folder, {}).source
    assert [(s.name, s.section) for s in sources] == [
        ("the-post", ""), ("the-post-2", "World & more"), ("times-of-calder", "World & more"),
        ("deep-example", "Inner"), ("loose", ""),
    ]  # fmt: skip
    assert [t["name"] for t in tomllib.loads(dry.stdout)["source"]] == [s.name for s in sources[1:]]
    assert (
        "has them all already"
        in digest_in(folder, "sources", "import", str(folder / "feeds.opml")).stderr
    )
    assert sorted(p.name for p in folder.iterdir()) == ["digest.env", "digest.toml", "feeds.opml"]


def test_a_feed_with_a_login_comes_in_once_and_its_login_is_not_shown(
    digest_in: Digest, folder: Path
) -> None:
    feed = "https://ann:sesame@post.example/rss"
    listed = f'<opml version="2.0"><body><outline type="rss" xmlUrl="{feed}"/></body></opml>'
    (folder / "feeds.opml").write_text(listed)
    first, again = (
        digest_in(folder, "sources", "import", str(folder / "feeds.opml")) for _ in range(2)
    )

    assert "added post-example: https://post.example/rss" in first.stderr
    assert "has them all already" in again.stderr
    assert "sesame" not in first.stdout + first.stderr + again.stderr
    assert [(s.name, s.feed) for s in load(folder, {}).source] == [("post-example", feed)]


def test_a_settings_file_behind_a_link_stays_behind_it(folder: Path) -> None:
    (folder / "digest.toml").rename(folder / "real.toml")
    (folder / "digest.toml").symlink_to("real.toml")

    publish.add_sources(folder, [NewSource("a", "https://a.example/rss")])

    assert (folder / "digest.toml").is_symlink()
    assert load(folder, {}).source[0].name == "a"


def test_a_file_that_takes_no_more_tables_is_left_as_it_is(folder: Path) -> None:
    toml = folder / "digest.toml"
    text = 'source = [{ name = "a", feed = "https://a.example/" }]\n' + toml.read_text("utf-8")
    toml.write_text(text, encoding="utf-8")

    with pytest.raises(SettingsError, match="could not take") as caught:
        publish.add_sources(folder, [NewSource("b", "https://b.example/")])

    assert caught.value.remedy
    assert toml.read_text("utf-8") == text


@given(st.lists(st.tuples(st.text(max_size=20), st.text(max_size=20)), min_size=1, max_size=5))
def test_whatever_an_outline_is_called_the_table_is_toml(told: list[tuple[str, str]]) -> None:
    outlines = [Outline(t, f"https://a.example/{n}", s) for n, (t, s) in enumerate(told)]
    tables = tomllib.loads(publish.source_tables(publish.new_sources(outlines, None)))["source"]
    assert [t["feed"] for t in tables] == [o.feed for o in outlines]
    assert len({t["name"] for t in tables}) == len(tables)


@pytest.mark.parametrize(
    ("data", "words"),
    [(None, "there is no file"), (b"<html/>", "no OPML"), (b"x" * 5_000_001, "5 MB")],
    ids=["missing", "html", "large"],
)
def test_an_import_of_nothing_is_a_sentence(
    digest_in: Digest, folder: Path, data: bytes | None, words: str
) -> None:
    if data is not None:
        (folder / "feeds.opml").write_bytes(data)
    done = digest_in(folder, "sources", "import", str(folder / "feeds.opml"))
    assert done.returncode == 1
    assert words in done.stderr
    assert "Traceback" not in done.stderr


def test_export_gives_what_import_takes(digest_in: Digest, folder: Path) -> None:
    (folder / "feeds.opml").write_bytes(OPML)
    digest_in(folder, "sources", "import", str(folder / "feeds.opml"))
    with (folder / "digest.toml").open("a", encoding="utf-8") as toml:
        toml.write('\n[[source]]\nname = "saved"\nfolder = "saved"\n')
        toml.write('\n[[source]]\nname = "closed"\nfeed = "https://ann:secret@c.example/"\n')

    done = digest_in(folder, "sources", "export")

    assert [(o.title, o.section) for o in read_outlines(done.stdout.encode(), "f").feeds] == [
        ("the-post", "World & more"), ("times-of-calder", "World & more"),
        ("deep-example", "Inner"), ("loose", ""), ("closed", ""),
    ]  # fmt: skip
    assert "saved" in done.stderr
    assert "secret" not in done.stdout


# -- listing, and the collection in a terminal


def test_the_list_tells_how_each_source_fares(
    digest_in: Digest, folder: Path, site: WebServer
) -> None:
    waiting = site.says("/wait", status="429 Slow", Retry_After="3600")
    moved = site.says("/moved", status="301 Moved", Location="/new")
    site.says("/new", headed("One"))
    places = {"wait": waiting, "moved": moved, "gone": site.says("/gone", status="410 Gone")}
    with (folder / "digest.toml").open("a", encoding="utf-8") as toml:
        for name, place in places.items():
            toml.write(f'\n[[source]]\nname = "{name}"\nfeed = "{place}"\nprivate = true\n')

    collected = digest_in(folder, "collect")
    again = digest_in(folder, "collect")
    shown = digest_in(folder, "sources", "list").stdout.splitlines()
    as_json = json.loads(digest_in(folder, "sources", "list", "--json").stdout)

    assert collected.returncode == again.returncode == 1
    assert "waiting until" in collected.stdout
    assert f"moved to {site.root}/new: correct digest.toml" in again.stdout
    assert "nothing has changed" in again.stdout
    assert "2 times" in again.stdout
    assert site.hits["/wait"] == 1
    assert "waiting until" in shown[1]
    assert f"moved to {site.root}/new" in shown[2]
    assert "gone for good (410)" in shown[3]
    assert [line["name"] for line in as_json] == list(places)
    assert [line["failures"] for line in as_json] == [1, 0, 2]


def test_only_waiting_is_no_failure(digest_in: Digest, folder: Path, site: WebServer) -> None:
    place = site.says("/wait", status="503 No", Retry_After="3600")
    with (folder / "digest.toml").open("a", encoding="utf-8") as toml:
        toml.write(f'\n[[source]]\nname = "wait"\nfeed = "{place}"\nprivate = true\n')
    assert [digest_in(folder, "collect").returncode for _ in range(2)] == [75, 0]


def test_a_bad_file_of_a_folder_is_named(digest_in: Digest, folder: Path) -> None:
    saved = folder / "saved"
    saved.mkdir()
    (saved / "good.html").write_text("<html><title>T</title><h1>A whole headline here</h1></html>")
    (saved / "bad.html").write_text("")
    with (folder / "digest.toml").open("a", encoding="utf-8") as toml:
        toml.write('\n[[source]]\nname = "saved"\nfolder = "saved"\n')

    done = digest_in(folder, "collect")

    assert done.returncode == 1
    assert "left out 1 of its files" in done.stdout
    assert "bad.html: " in done.stderr
    assert "A whole headline here" in digest_in(folder, "articles", "list").stdout


def test_all_sources_failing_is_told_by_run_and_drafts_nothing(
    digest_in: Digest, folder: Path, site: WebServer
) -> None:
    toml = folder / "digest.toml"
    text = toml.read_text("utf-8").replace(
        '# schedule = { every = "monday 07:00"', 'schedule = { every = "day 00:00"'
    )
    source = f'\n[[source]]\nname = "x"\nfeed = "{site.root}/no"\nprivate = true\n'
    toml.write_text(text + source, encoding="utf-8")

    done = digest_in(folder, "run")

    assert done.returncode == 75
    assert "none of the sources could be read" in done.stderr
    assert digest_in(folder, "issues", "list", "--json").stdout.strip() == "[]"


def test_ctrl_c_ends_a_collection_and_keeps_what_was_read(
    digest_in: Digest, folder: Path, site: WebServer
) -> None:
    asked = threading.Event()

    def dripping(connection: socket.socket) -> None:
        asked.set()
        drip(0.1)(connection)

    places = {
        "mute": site.does("/mute", silence),
        "good": site.says("/good", headed("A whole headline")),
        # One host is asked twice at once: this one only when the good one has been read.
        "drip": site.does("/drip", dripping),
    }
    with (folder / "digest.toml").open("a", encoding="utf-8") as toml:
        for name, place in places.items():
            toml.write(f'\n[[source]]\nname = "{name}"\nfeed = "{place}"\nprivate = true\n')

    running = start(folder, "collect")
    assert asked.wait(PATIENCE)
    running.send_signal(signal.SIGINT)
    shown, talk = running.communicate(timeout=PATIENCE)

    assert running.returncode == 75
    assert talk == "digest: stopped\n  nothing is lost; run the same command again\n"
    assert [line.split()[0] for line in shown.splitlines()] == ["source", "good"]
    assert "A whole headline" in digest_in(folder, "articles", "list").stdout
