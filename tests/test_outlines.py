"""Outlines: OPML in and out, and the feeds that a page links to."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from digest.articles import plain
from digest.errors import SourceError
from digest.outlines import MOST, FeedLink, Outline, feed_links, read_outlines, write_outlines

OPML = b"""<?xml version="1.0" encoding="UTF-8"?>
<opml version="2.0"><head><title>Ours</title></head><body>
<outline text="World &amp; more">
  <outline type="rss" text="Post" title="The Post" xmlUrl="https://post.example/rss" htmlUrl="https://post.example/"/>
  <outline type="rss" text="  Times\tof &lt;b&gt;Calder&lt;/b&gt; " XMLURL="http://times.example/feed?a=1&amp;b=2"/>
</outline>
<outline text="Outer"><outline text="Inner"><outline xmlUrl="https://deep.example/"/></outline></outline>
<outline type="rss" text="Loose" xmlUrl="https://loose.example/atom"/>
<outline type="rss" text="Again" xmlUrl="https://post.example/rss"/>
<outline type="link" text="No feed" url="https://link.example/"/>
<outline text="File" xmlUrl="file:///etc/passwd"/><outline text="Script" xmlUrl="javascript:1"/>
</body></opml>"""


def test_feeds_are_read_with_their_folders() -> None:
    assert list(read_outlines(OPML, "feeds.opml").feeds) == [
        Outline("The Post", "https://post.example/rss", "World & more", "https://post.example/"),
        Outline("Times of Calder", "http://times.example/feed?a=1&b=2", "World & more"),
        Outline("https://deep.example/", "https://deep.example/", "Inner"),
        Outline("Loose", "https://loose.example/atom"),
    ]


@pytest.mark.parametrize(
    ("written", "feed"),
    [
        ("feed://a.example/rss", "http://a.example/rss"),
        ("feed:https://a.example/rss", "https://a.example/rss"),
        ("FEED://https://a.example/rss", "https://a.example/rss"),
    ],
)
def test_an_address_that_calls_a_feed_reader_is_one_of_the_web(written: str, feed: str) -> None:
    data = f'<opml><body><outline text="A" xmlUrl="{written}"/></body></opml>'.encode()
    assert [outline.feed for outline in read_outlines(data, "f").feeds] == [feed]
    page = f'<link rel=alternate type=application/rss+xml href="{written}">'.encode()
    assert [link.url for link in feed_links(page, "https://b.example/")] == [feed]


def test_what_is_of_no_web_is_named() -> None:
    assert read_outlines(OPML, "feeds.opml").left_out == ("File", "Script")
    many = b"".join(
        b'<outline text="%d" xmlUrl="https://a.example/%d"/>' % (n, n) for n in range(MOST + 2)
    )
    assert read_outlines(b"<opml><body>" + many + b"</body></opml>", "f").left_out == (
        "2000",
        "2001",
    )


def test_markup_that_is_slightly_broken_is_read_on() -> None:
    data = b'<opml><body><outline text="A & B" xmlUrl="https://a.example/?x=1&y=2"/></body>'
    [outline] = read_outlines(data, "feeds.opml").feeds
    assert outline.feed == "https://a.example/?x=1&y=2"


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\x00\xff",
        b"no xml",
        b"<html><body/></html>",
        b"<rss/>",
        b"<opml/>",
        b"<opml><body><outline text='folder'/></body></opml>",
    ],
)
def test_what_is_no_list_of_feeds_is_refused(data: bytes) -> None:
    with pytest.raises(SourceError, match=r"feeds\.opml") as caught:
        read_outlines(data, "feeds.opml")
    assert "OPML" in caught.value.remedy


def test_entities_bring_nothing_in(tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text("canary")
    bomb = "".join(f'<!ENTITY l{n} "{f"&l{n - 1};" * 10}">' for n in range(1, 12))
    data = f"""<!DOCTYPE opml [<!ENTITY x SYSTEM "file://{secret}"><!ENTITY l0 "lol">{bomb}]>
<opml><body><outline text="&x;&l11;" xmlUrl="https://a.example/"/></body></opml>""".encode()

    try:
        found = read_outlines(data, "feeds.opml").feeds
    except SourceError:
        return
    assert all(len(o.title) < 300 and "canary" not in o.title for o in found)


@pytest.mark.parametrize("closed", [True, False])
def test_nested_without_end_has_an_end(closed: bool) -> None:
    deep = b'<outline text="x">' * 200_000 + (b"</outline>" * 200_000 if closed else b"")
    good = b'<outline xmlUrl="https://a.example/"/>'
    try:
        assert len(read_outlines(b"<opml><body>" + good + deep + b"</body></opml>", "f").feeds) == 1
    except SourceError as error:
        assert "OPML" in error.remedy  # noqa: PT017 - either is an end


def test_a_list_that_no_editor_reads_is_cut() -> None:
    many = b"".join(b'<outline xmlUrl="https://a.example/%d"/>' % n for n in range(MOST + 5))
    assert len(read_outlines(b"<opml><body>" + many + b"</body></opml>", "f").feeds) == MOST


TEXT = st.text(max_size=30).map(plain).filter(lambda text: text and plain(text) == text)
OUTLINES = st.lists(
    st.builds(
        Outline,
        title=TEXT,
        feed=st.builds("https://{}.example/{}".format, st.sampled_from("abc"), st.integers(0, 99)),
        section=st.just("") | TEXT,
    ),
    min_size=1,
    max_size=20,
    unique_by=lambda outline: outline.feed,
)


@given(OUTLINES)
def test_what_is_written_is_read_again(outlines: list[Outline]) -> None:
    again = read_outlines(write_outlines("Ours", outlines), "f").feeds
    assert sorted(again, key=lambda o: o.feed) == sorted(outlines, key=lambda o: o.feed)


@given(st.text(max_size=30), st.text(max_size=30))
def test_any_text_is_written_as_xml(title: str, section: str) -> None:
    data = write_outlines(title, [Outline(title, "https://a.example/", section)])
    assert [o.feed for o in read_outlines(data, "f").feeds] == ["https://a.example/"]


@given(st.binary(max_size=300))
def test_hostile_bytes_are_a_list_or_are_refused(data: bytes) -> None:
    assert isinstance(feed_links(data, "https://a.example/"), tuple)
    for some in (data, b"<opml><body>" + data + b"</body></opml>"):
        try:
            assert read_outlines(some, "f").feeds
        except SourceError as error:
            assert error.what  # noqa: PT017 - either is an end


PAGE = b"""<html><head><base href="/sub/">
<link rel="alternate" type="application/rss+xml" title="The Post &raquo; Feed" href="rss.xml#x">
<link rel="alternate" type="application/rss+xml" title="Post &raquo; Comments" href="/comments/">
<link rel="Alternate feed" type="application/ATOM+xml; charset=utf-8" href="https://other.example/atom">
<link rel="alternate" type="application/json" title="JSON" href="/feed.json">
<link rel="alternate" hreflang="de" type="text/html" href="/de/">
<link rel="stylesheet" type="text/css" href="/x.css">
<link rel="alternate" type="application/rss+xml" href="javascript:alert(1)">
<link rel="alternate" type="application/rss+xml" href="http://[::1">
</head><body><a type="application/rss+xml" href="/top.rss"> Most  read </a><a href="/rss">RSS</a>
<a type="application/rss+xml" href="rss.xml">Twice</a></body></html>"""


def test_the_feeds_of_a_page() -> None:
    assert feed_links(PAGE, "https://post.example/news") == (
        FeedLink("The Post » Feed", "https://post.example/sub/rss.xml"),
        FeedLink("", "https://other.example/atom"),
        FeedLink("JSON", "https://post.example/feed.json"),
        FeedLink("Most read", "https://post.example/top.rss"),
    )


@pytest.mark.parametrize("data", [b"", b" ", b"<", b"\x00", b"<html>" * 50_000, b"<a>" * 50_000])
def test_a_page_without_a_feed(data: bytes) -> None:
    assert feed_links(data, "https://post.example/") == ()
