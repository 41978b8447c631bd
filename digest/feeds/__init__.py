"""Feeds: the bytes of an RSS, RDF, Atom or JSON feed, or of a news sitemap, become articles.

    kinds       which kind of document the bytes are; what is said about those that are no feed
    markup      bytes -> a tree: encodings, entities and broken XML
    entries     RSS 0.9x to 2.0, RDF, Atom -> articles
    pictures    the picture of an entry, its alt text and credit
    sitemaps    a news sitemap -> articles
    json_feed   JSON Feed 1.x -> articles

Here lives what a feed's elements mean to this house. Never here: how the bytes are fetched
(sources), how an article page is read (pages).

libxml2 reads the markup, whose work grows with the length of a feed and no faster. (A reader that
falls back to patterns on broken markup took a minute for a megabyte of ampersands.)
"""

from digest.articles import Article, Reading
from digest.errors import SourceError
from digest.feeds import json_feed, kinds, sitemaps
from digest.feeds.entries import Origin, read_entries
from digest.feeds.markup import decoded, tree

__all__ = ["is_feed", "read_feed"]

SNIFFED = 4096  # bytes
LARGEST = 20_000_000  # bytes: sources stops long before; this holds for files as well


def is_feed(data: bytes) -> bool:
    """Whether the first 4096 bytes begin like a feed: RSS, RDF, Atom, JSON Feed, a sitemap."""
    return kinds.begins_as_feed(decoded(data[:SNIFFED]))


def read_feed(
    data: bytes,
    *,
    source: str,
    section: str = "",
    timezone: str = "UTC",
    url: str = "",
    charset: str = "",
) -> Reading:
    """The articles of a feed in its own order, each once; entries without any words are left out.

    `source` is the source's name; `section` is where its articles go. `timezone` (IANA) counts for
    dates that name no zone; times are in UTC, and an entry that names only its last change is
    published then. `url` is the feed's own address: links may be relative to it. `charset`
    is the encoding that a server names for it, for a document that declares none itself. Raises
    SourceError for a web page, a document that was cut off, a feed without entries, a sitemap of
    pages without news, and what is no feed. A news sitemap may be empty.
    """
    if len(data) > LARGEST:
        raise SourceError(
            f"The feed of {source} is larger than {LARGEST // 1_000_000} MB.",
            remedy="Ask its publisher for a feed of the newest articles alone.",
        )
    text = decoded(data, charset)
    origin = Origin(source=source, section=section, timezone=timezone, base=url)
    once = {article.fingerprint: article for article in reversed(_articles(text, origin))}
    # A news sitemap names what is two days old at most: after a quiet weekend it is empty.
    if not once and not kinds.is_sitemap(text):
        raise SourceError(
            f"The feed of {source} has no entries.",
            remedy="Open its address in a browser; where it stays empty, ask its publisher.",
        )
    return Reading(articles=tuple(reversed(once.values())))


def _articles(text: str, origin: Origin) -> list[Article]:
    if text.startswith("{"):
        return json_feed.read(text, origin)
    kinds.refuse(text, origin.source)
    root = tree(text, origin.base)
    if root is None:
        raise kinds.no_feed(origin.source)
    if kinds.is_sitemap(text):
        return sitemaps.read(root, origin)
    return read_entries(root, origin)
