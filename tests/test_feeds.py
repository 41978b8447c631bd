"""Feeds of every kind, and what is no feed."""

import json
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from digest.articles import Article, Image, Reading
from digest.errors import SourceError
from digest.feeds import is_feed, read_feed

SAMPLES = Path(__file__).parent / "samples"
FEEDS = ["rss2.xml", "atom.xml", "rdf.xml", "latin1.xml", "feed.json"]


def sample(name: str) -> bytes:
    return (SAMPLES / name).read_bytes()


def test_rss() -> None:
    reading = read_feed(
        sample("rss2.xml"), source="gazette", section="Global", timezone="Asia/Kolkata"
    )
    assert reading == Reading(
        articles=(
            Article(
                headline="Harbour & river towns agree on a shared ferry",
                url="https://www.example.org/world/ferry?id=7",
                dek="Six towns will run one ferry.",
                byline="Dana Quill",
                published=datetime(2025, 4, 1, 19, 50, tzinfo=UTC),
                section="Global",
                categories=("World", "Transport"),
                image=Image(
                    "https://www.example.org/pictures/ferry.jpg", "A white ferry", "Picture desk"
                ),
                language="en-gb",
                source="gazette",
            ),
            Article(
                headline="Lighthouse keeper retires",
                url="https://example.org/world/lighthouse",
                published=datetime(2025, 4, 2, 3, 30, tzinfo=UTC),
                section="Global",
                language="en-gb",
                source="gazette",
            ),
            Article(
                headline="An entry without a headline.",
                section="Global",
                language="en-gb",
                source="gazette",
            ),
            Article(
                headline="Bridge closed",
                section="Global",
                image=Image("https://example.org/bridge.png"),
                language="en-gb",
                source="gazette",
            ),
        )
    )


def test_atom() -> None:
    when = datetime(2025, 4, 2, 10, 30, tzinfo=UTC)
    assert read_feed(sample("atom.xml"), source="notes").articles == (
        Article(
            headline="Orchards & frost",
            url="https://example.org/notes/frost.html",
            dek="Growers light fires at night.",
            byline="Robin Vale",
            published=when,
            updated=when,
            categories=("Farming",),
            language="en",
            source="notes",
        ),
    )


def test_rdf() -> None:
    when = datetime(2025, 4, 2, 8, tzinfo=UTC)
    assert read_feed(sample("rdf.xml"), source="ledger").articles == (
        Article(
            headline="Tram line opens",
            url="https://example.org/tram",
            dek="Twelve stops in nine minutes.",
            byline="Kim Alder",
            published=when,
            source="ledger",
        ),
    )


def test_latin_1() -> None:
    assert read_feed(sample("latin1.xml"), source="zeitung").articles == (
        Article(
            headline="Brücke in Königsau eröffnet",
            url="https://example.org/bruecke",
            language="de",
            source="zeitung",
        ),
    )


def test_json_feed() -> None:
    assert read_feed(sample("feed.json"), source="notes", section="Local").articles == (
        Article(
            headline="High tide",
            url="https://example.org/tide",
            dek="The quay was under water.",
            byline="Sam Reed",
            published=datetime(2025, 4, 2, 0, 30, tzinfo=UTC),
            section="Local",
            categories=("Weather",),
            image=Image("https://example.org/tide.jpg"),
            language="en",
            source="notes",
        ),
        # Its first words name what has no title.
        Article(headline="No headline here.", section="Local", language="en", source="notes"),
    )


def test_a_json_item_without_title_or_url() -> None:
    items = [
        {"id": "https://example.org/notes/1", "content_text": "The ferry sails again. " * 5},
        {"id": "7", "content_html": "<p>Short note</p>", "external_url": "https://example.com/b"},
        {"id": "https://example.org/c", "url": "https://example.org/d", "title": "Quay opens"},
        {"id": "8", "url": "https://example.org/silent"},
    ]
    feed = {"version": "https://jsonfeed.org/version/1.1", "title": "Notes", "items": items}
    made = read_feed(json.dumps(feed).encode(), source="s").articles
    assert [(a.headline, a.url) for a in made] == [
        (
            "The ferry sails again. The ferry sails again. The ferry sails again. The ferry sails…",
            "https://example.org/notes/1",
        ),
        ("Short note", "https://example.com/b"),
        ("Quay opens", "https://example.org/d"),
    ]


@pytest.mark.parametrize(
    ("title", "headline"),
    [
        ("<title>Guide to &lt;script&gt; tags</title>", "Guide to ‹script› tags"),
        ("<title>Guide to &amp;lt;script&amp;gt; tags</title>", "Guide to ‹script› tags"),
        ("<title><![CDATA[On <style> and <title x=1> now]]></title>", "On ‹style› and ‹title› now"),
        ("<title>A &lt;b&gt;bold&lt;/b&gt; word</title>", "A bold word"),
        ("<title>A &amp;lt;b&amp;gt;bold&amp;lt;/b&amp;gt; word</title>", "A bold word"),
        ("<title>A &lt;script&gt;go()&lt;/script&gt; word</title>", "A word"),
        ("<a:title>Why &lt;b&gt; beats &lt;strong&gt;</a:title>", "Why ‹b› beats ‹strong›"),
        ("<a:title type='text'>Why &lt;b&gt; beats</a:title>", "Why ‹b› beats"),
        ("<a:title type='html'>Why &lt;b&gt;big&lt;/b&gt; beats</a:title>", "Why big beats"),
        # Markup where text was promised: many feeds say no type.
        ("<a:title>Why &lt;b&gt;big&lt;/b&gt; beats&lt;br&gt;all</a:title>", "Why big beats all"),
    ],
)
def test_a_title_keeps_the_words_behind_a_tag_that_it_speaks_of(title: str, headline: str) -> None:
    feed = f'<rss xmlns:a="http://www.w3.org/2005/Atom"><item>{title}</item></rss>'
    assert read_feed(feed.encode(), source="s").articles[0].headline == headline


def test_sloppy_but_complete_xml_is_accepted() -> None:
    data = sample("rss2.xml").replace(b"&amp;amp;", b"& &nbsp;")
    assert len(read_feed(data, source="gazette").articles) == 4


def test_markup_in_a_headline_yields_no_script() -> None:
    data = sample("atom.xml").replace(b"Orchards", b"Orchards&lt;script&gt;x&lt;/script&gt;")
    assert read_feed(data, source="notes").articles[0].headline == "Orchards & frost"


@pytest.mark.parametrize(
    ("data", "what", "remedy"),
    [
        (sample("page.html"), "a web page, not a feed", "page ="),
        (sample("truncated.xml"), "cut off", "Collect again"),
        (sample("feed.json")[:-9], "cut off", "Collect again"),
        (b"<rss version='2.0'><channel><title>T</title></channel></rss>", "no entries", "browser"),
        (b'{"version": "https://jsonfeed.org/version/1", "items": []}', "no entries", "browser"),
        (b'{"items": []}', "no feed", "digest.toml"),
        (b"", "is empty", "browser"),
        (b"\x89PNG\r\n\x1a\n", "no feed", "digest.toml"),
    ],
)
def test_what_is_no_feed(data: bytes, what: str, remedy: str) -> None:
    with pytest.raises(SourceError, match=what) as caught:
        read_feed(data, source="gazette")
    assert "gazette" in caught.value.what
    assert remedy in caught.value.remedy


@pytest.mark.parametrize("kept", [0.3, 0.6, 0.9])
@pytest.mark.parametrize("name", FEEDS)
def test_nothing_is_taken_from_half_a_feed(name: str, kept: float) -> None:
    data = sample(name)
    with pytest.raises(SourceError, match="cut off"):
        read_feed(data[: int(len(data) * kept)], source="gazette")


@pytest.mark.parametrize("name", FEEDS)
def test_a_feed_is_known_by_its_beginning(name: str) -> None:
    assert is_feed(sample(name))
    assert is_feed(b"\xef\xbb\xbf\n" + sample(name))
    assert not is_feed(sample("page.html"))
    assert not is_feed(sample("page.txt"))


SITEMAP = b"""<?xml version="1.0"?>
<n:sitemapindex xmlns:n="http://www.sitemaps.org/schemas/sitemap/0.9">
<n:sitemap><n:loc>https://example.org/news.xml</n:loc></n:sitemap></n:sitemapindex>"""


def test_a_list_of_sitemaps_says_what_to_name_instead() -> None:
    assert is_feed(SITEMAP)
    with pytest.raises(SourceError, match="a list of sitemaps") as caught:
        read_feed(SITEMAP, source="gazette")
    assert "name one of those" in caught.value.remedy


@pytest.mark.parametrize(
    "within", [b"<url><loc>https://example.org/</loc></url>", b"<p>A page</p>"]
)
def test_a_sitemap_without_news_is_refused(within: bytes) -> None:
    data = b"<urlset>" + within + b"</urlset>"
    with pytest.raises(SourceError, match="no news"):
        read_feed(data, source="gazette")


def test_a_ranked_feed_keeps_its_order() -> None:
    items = b"".join(
        b"<item><title>Story %d</title><pubDate>2025-04-0%d</pubDate></item>" % (n, 9 - n)
        for n in (3, 1, 2)
    )
    articles = read_feed(b"<rss><channel>" + items + b"</channel></rss>", source="s").articles
    assert [article.headline for article in articles] == ["Story 3", "Story 1", "Story 2"]


def test_prefixes_that_were_never_declared_are_understood() -> None:
    data = (
        b"<rss><channel><item><title>T</title><dc:creator>Dana Quill</dc:creator>"
        b"<media:thumbnail url='https://example.org/a.jpg'/><atom:link href='https://example.org/t'/>"
        b"<content:encoded>&lt;p&gt;The quay is open again since the morning.&lt;/p&gt;"
        b"</content:encoded></item></channel></rss>"
    )
    article = read_feed(data, source="s").articles[0]
    assert article.byline == "Dana Quill"
    assert article.image.url == "https://example.org/a.jpg"
    assert article.url == "https://example.org/t"
    assert article.dek == article.body == "The quay is open again since the morning."


def test_a_picture_that_counts_readers_is_none() -> None:
    text = b"&lt;img src='https://example.org/p.gif' width='1' height='1'&gt;Words."
    data = b"<rss><channel><item><title>T</title><description>" + text + b"</description></item>"
    assert read_feed(data + b"</channel></rss>", source="s").articles[0].image == Image()


@given(
    st.one_of(
        st.binary(),
        st.binary().map(lambda junk: b"<rss><channel><item><title>" + junk + b"</channel></rss>"),
        st.binary().map(lambda junk: b'{"version":"https://jsonfeed.org/version/1",' + junk),
    )
)
def test_any_bytes_give_a_reading_or_a_source_error(data: bytes) -> None:
    with suppress(SourceError):
        assert read_feed(data, source="any").articles


def test_a_news_sitemap_of_a_quiet_weekend_is_empty() -> None:
    quiet = b'<urlset xmlns="http://www.sitemaps.org/schemas/sitemap/0.9"></urlset>'
    assert read_feed(quiet, source="s") == Reading()


@pytest.mark.parametrize(
    ("page", "picture", "kept"),
    [
        ("https://a.example/1", "http://a.example/p.jpg", "https://a.example/p.jpg"),
        ("https://www.a.example/1", "http://a.example/p.jpg", "https://a.example/p.jpg"),
        # Preflight names those that no mail program will show.
        ("https://a.example/1", "http://cdn.example/p.jpg", "http://cdn.example/p.jpg"),
        ("http://a.example/1", "http://a.example/p.jpg", "http://a.example/p.jpg"),
    ],
)
def test_a_picture_is_taken_by_https_where_its_page_is(page: str, picture: str, kept: str) -> None:
    text = f"&lt;img src='{picture}' alt='A quay'&gt;The quay is open."
    item = f"<item><title>T</title><link>{page}</link><description>{text}</description></item>"
    feed = f"<rss><channel>{item}</channel></rss>".encode()
    assert read_feed(feed, source="s").articles[0].image == Image(kept, "A quay")
