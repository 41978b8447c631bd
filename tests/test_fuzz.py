"""The fuzzer's short form, and documents that were made to be expensive.

What bounds their work is asserted, not how long it took: a machine may be busy.
"""

import itertools

import pytest

from digest.articles import Reading
from digest.errors import SourceError
from digest.feeds import LARGEST, read_feed
from digest.feeds.entries import MOST
from digest.feeds.markup import TEXT_AT_MOST
from digest.pages import read_page
from digest.pages.lines import LINE_AT_MOST, LINES, text_lines
from digest.pages.markup import TAGS, parse, visible_lines
from tests.fuzz import SEED, case, corpus, hold

DEEP = 200_000
CASES = 120


def _rss(text: bytes) -> bytes:
    head = b'<rss version="2.0"><channel><item><title>T</title><link>http://a.example/</link>'
    return head + b"<description>" + text + b"</description></item></channel></rss>"


FEEDS = {
    "nested elements": _rss(b"<a>" * DEEP + b"</a>" * DEEP),
    "nested elements without an end": _rss(b"<a>" * DEEP),
    "nested escaped markup": _rss(b"&lt;div&gt;" * DEEP),
    "nested markup in CDATA": _rss(b"<![CDATA[" + b"<div>" * DEEP + b"]]>"),
    "ampersands": _rss(b"&" * DEEP),
    "entities that nobody knows": _rss(b"&a" * DEEP),
    "one long line": _rss(b"word " * 1_000_000),
    "one long word": _rss(b"x" * 5_000_000),
    "spaces": _rss(b" " * 5_000_000),
    "brackets": _rss(b"(" * DEEP),
    "capitals": _rss(b"A" * DEEP),
    "stops": _rss(b"." * DEEP + b"x"),
    "attributes": _rss(b"<a " + b" ".join(b"a%d='1'" % n for n in range(50_000)) + b"/>"),
}
PAGES = {
    "nested elements": b"<div>" * DEEP + b"<p>x",
    "nested formatting": b"<b><i>" * DEEP,
    "nested articles": b"<article>" * DEEP,
    "nested bylines": b"<div class=byline>" * DEEP,
    "links": b"<a href=/x>an entry of a list</a>" * DEEP,
    "paragraphs": b"<p>A line of text." * DEEP,
    "one long line": b"<p>" + b"word " * 1_000_000,
    "capitals": b"<p>" + b"A" * DEEP + b"<p class=byline>" + b"A" * 5 * DEEP,
    "titles": b"<title>" + b"a - " * DEEP + b"</title>",
    "meta tags": b"<meta name=author content='A B'>" * DEEP,
    "pictures": b"<figure><img src=/a.jpg><figcaption class=credit>x" * 20_000,
    "attributes": b"<p " + b" ".join(b"a%d=1" % n for n in range(DEEP)) + b">",
    "JSON-LD that nests": b"<script type='application/ld+json'>" + b'{"@graph":[' * DEEP,
    "JSON-LD of spaces": b"<script type='application/ld+json'>//" + b" " * 5 * DEEP + b"x</script>",
    "JSON-LD of marks": b"<script type='application/ld+json'>{" + b"//--> " * DEEP + b"x</script>",
    "halves of surrogate pairs": b"&#xD800;" * DEEP,
}


def _laughs() -> bytes:
    """An entity of entities of entities: 100 bytes that want to be a gigabyte."""
    names = "abcdefghi"
    pairs = itertools.pairwise(names)
    told = "".join(f"<!ENTITY {name} '{f'&{before};' * 10}'>" for before, name in pairs)
    head = f"<!DOCTYPE rss [<!ENTITY a '{'x' * 100}'>{told}]>".encode()
    return head + _rss(b"&i;")


@pytest.mark.parametrize("number", range(CASES))
def test_a_mutated_document_gives_a_clean_reading_or_a_source_error(number: int) -> None:
    hold(case(SEED, number, DOCUMENTS), number)


DOCUMENTS = corpus()


@pytest.mark.parametrize("name", FEEDS)
def test_an_expensive_feed_is_read_within_bounds(name: str) -> None:
    article = read_feed(FEEDS[name], source="s").articles[0]
    assert article.headline == "T"
    assert len(article.body) <= TEXT_AT_MOST


def test_an_entity_bomb_stays_small() -> None:
    article = read_feed(_laughs(), source="s").articles[0]
    assert len(article.dek) < 100


def test_of_a_long_feed_the_newest_are_read() -> None:
    items = b"<item><title>T</title></item>" * 10 + b"".join(
        b"<item><title>T%d</title></item>" % n for n in range(MOST)
    )
    reading = read_feed(b"<rss><channel>" + items + b"</channel></rss>", source="s")
    assert len(reading.articles) == MOST - 10 + 1


@pytest.mark.parametrize("read", [read_feed, read_page])
def test_what_is_too_large_is_refused_in_a_sentence(read: object) -> None:
    assert callable(read)
    with pytest.raises(SourceError, match="is larger than") as caught:
        read(b"<rss>" + b" " * LARGEST + b"</rss>", source="s")
    assert caught.value.remedy


@pytest.mark.parametrize("name", PAGES)
def test_an_expensive_page_is_read_within_bounds(name: str) -> None:
    reading = read_page(b"<h1>Something happened</h1>" + PAGES[name], source="s")
    assert isinstance(reading, Reading)
    assert reading.articles[0].headline
    assert len(reading.articles[0].body) <= LINES * LINE_AT_MOST


def test_a_tree_and_its_lines_are_bounded() -> None:
    root = parse("<p>a<b>b</b>" * DEEP)
    assert root is not None
    assert sum(1 for _ in root.iter()) <= TAGS + 3
    assert len(visible_lines(root, "")) <= LINES
    assert len(text_lines("a line\n" * DEEP)) <= LINES
    assert len(text_lines("x" * 1_000_000)[0].text) == LINE_AT_MOST
