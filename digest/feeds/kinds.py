"""Kinds: which kind of document a source gave, told by its first element, and what is no feed.

Never here: what stands in it.
"""

import re

from digest.errors import SourceError

# What may stand before the first element. Possessive: what was passed is not passed again.
BEFORE_ROOT = re.compile(
    r"(?:\s++|<\?[^>]*+>|<!--.*?-->|<!doctype\b[^>\[]*+(?:\[[^\]]*+\][^>]*+)?>)*+",
    re.IGNORECASE | re.DOTALL,
)
ROOT = re.compile(r"<((?:[\w.-]{1,40}:)?(?:rss|rdf|feed|urlset|sitemapindex))\b", re.IGNORECASE)
SITEMAP = re.compile(r"<(?:[\w.-]{1,40}:)?urlset\b", re.IGNORECASE)
INDEX = re.compile(r"(?:.*:)?sitemapindex", re.IGNORECASE)
WEB_PAGE = re.compile(r"<(?:!doctype html|html|head|body|div|p|h1)\b", re.IGNORECASE)
OPAQUE = re.compile(r"<!\[CDATA\[.*?(?:\]\]>|\Z)|<!--.*?(?:-->|\Z)", re.DOTALL)
JSON_FEED = "://jsonfeed.org/version"
SNIFFED = 50_000  # characters before the first element


def begins_as_feed(text: str) -> bool:
    """Whether a text begins like RSS, RDF, Atom, JSON Feed, or a sitemap."""
    if text.startswith("{"):
        return JSON_FEED in text.replace("\\/", "/")
    return _root(text) is not None


def is_sitemap(text: str) -> bool:
    """Whether the first element is that of a sitemap (https://www.sitemaps.org/protocol.html)."""
    root = _root(text)
    return bool(root and SITEMAP.match(root[0]))


def refuse(text: str, source: str) -> None:
    """Raises SourceError for what is no feed, or only the beginning of one."""
    if not text.strip():
        raise SourceError(
            f"The feed of {source} is empty.",
            remedy="Open its address in a browser; where it stays empty, ask its publisher.",
        )
    root = _root(text)
    if root is None and WEB_PAGE.match(text, _start(text)):
        raise SourceError(
            f"The feed of {source} is a web page, not a feed.",
            remedy="Give the feed's own address, or write page = instead of feed = in digest.toml.",
        )
    if root is None:
        raise no_feed(source)
    if INDEX.fullmatch(root[1]):
        raise SourceError(
            f"The feed of {source} is a list of sitemaps, not one with news.",
            remedy="Open it in a browser and name one of those that it lists: the news sitemap.",
        )
    # Half a feed parses well enough to look like a whole one: nothing is taken from it.
    name = re.escape(root[1])
    if not re.search(rf"</{name}\s*>|<{name}\b[^<>]*/>", OPAQUE.sub("", text)):
        raise cut_off(source)


def no_feed(source: str) -> SourceError:
    """What is said about bytes that are no feed of any kind."""
    return SourceError(
        f"What {source} gave is no feed: neither RSS, RDF, Atom, JSON Feed nor a news sitemap.",
        remedy="Check the address of feed = in digest.toml in a browser.",
    )


def cut_off(source: str) -> SourceError:
    """What is said about a feed without its end."""
    return SourceError(
        f"The feed of {source} was cut off before its end; nothing was taken from it.",
        remedy="Collect again; where it stays so, tell the feed's publisher.",
    )


def _start(text: str) -> int:
    before = BEFORE_ROOT.match(text, 0, SNIFFED)
    return before.end() if before else 0


def _root(text: str) -> re.Match[str] | None:
    return ROOT.match(text, _start(text))
