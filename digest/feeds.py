"""Feeds: the bytes of an RSS, RDF, Atom or JSON feed become articles.

Here lives what a feed's elements mean to this house, and what is said about bytes that are no
feed. Never here: how the bytes are fetched (sources), how an article page is read (pages).
"""

import io
import json
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any
from urllib.parse import urljoin

import feedparser

from digest.articles import Article, Image, Reading, canonical, dek_of, moment, plain, tidy
from digest.errors import SourceError

BEFORE_ROOT = re.compile(
    r"\A[\s\ufeff]*(?:(?:<\?.*?\?>|<!--.*?-->|<!doctype\b(?:[^>\[]|\[.*?\])*>)\s*)*",
    re.IGNORECASE | re.DOTALL,
)
ROOT = re.compile(r"<((?:[\w.-]+:)?(?:rss|rdf|feed))\b", re.IGNORECASE)
WEB_PAGE = re.compile(
    r"\A[\s\ufeff]*(?:<\?.*?\?>\s*|<!--.*?-->\s*)*<(?:!doctype html|html|head|body|div|p|h1)\b",
    re.IGNORECASE | re.DOTALL,
)
OPAQUE = re.compile(r"<!\[CDATA\[.*?(?:\]\]>|\Z)|<!--.*?(?:-->|\Z)", re.DOTALL)
MAIL = re.compile(r"(?:mailto:)?[^\s<>()]+@[^\s<>()]+")
IMAGE_NAME = re.compile(r"\.(?:jpe?g|png|gif|webp|avif)(?:\?|$)", re.IGNORECASE)
# What feedparser and its HTML parser are known to let through on hostile bytes.
BREAKS = (
    ArithmeticError,
    AssertionError,
    AttributeError,
    LookupError,
    RecursionError,
    TypeError,
    ValueError,
)


@dataclass(frozen=True, slots=True)
class _Origin:
    """What every article of one feed has in common. `base` resolves its relative links."""

    source: str
    section: str
    timezone: str
    base: str
    language: str


def is_feed(data: bytes) -> bool:
    """Whether the first 4096 bytes begin like a feed: RSS, RDF, Atom, or JSON Feed."""
    text = _text(data[:4096])
    if text.lstrip("\ufeff \t\r\n").startswith("{"):
        return "://jsonfeed.org/version" in text.replace("\\/", "/")
    return _root(text) is not None


def read_feed(
    data: bytes, *, source: str, section: str = "", timezone: str = "UTC", url: str = ""
) -> Reading:
    """The articles of a feed in its own order, each once; entries without a headline are left out.

    `source` is the source's name; `section` is where its articles go. `timezone` (IANA) counts for
    dates that name no zone; times are in UTC, and an entry that names only its last change is
    published then. `url` is the feed's own address: links may be relative to it. Raises SourceError
    for a web page, a document that was cut off, a feed without entries, and what is no feed.
    """
    text = _text(data)
    if text.lstrip("\ufeff \t\r\n").startswith("{"):
        articles = _json_articles(data, _Origin(source, section, timezone, url, ""))
    else:
        _refuse(text, source)
        articles = _xml_articles(data, _Origin(source, section, timezone, url, ""))
    once = {article.fingerprint: article for article in reversed(list(articles))}
    if not once:
        raise SourceError(
            f"The feed of {source} has no entries.",
            remedy="Open its address in a browser; where it stays empty, ask its publisher.",
        )
    return Reading(articles=tuple(reversed(once.values())))


def _text(data: bytes) -> str:
    # Only for sniffing: markup is ASCII in every encoding a feed comes in, but for UTF-16.
    utf16 = data[:2] in {b"\xff\xfe", b"\xfe\xff"}
    return data.decode("utf-16", "replace") if utf16 else data.decode("latin-1").removeprefix("ï»¿")


def _root(text: str) -> re.Match[str] | None:
    before = BEFORE_ROOT.match(text)
    return ROOT.match(text, before.end() if before else 0)


def _refuse(text: str, source: str) -> None:
    if not text.strip():
        raise SourceError(
            f"The feed of {source} is empty.",
            remedy="Open its address in a browser; where it stays empty, ask its publisher.",
        )
    root = _root(text)
    if root is None and WEB_PAGE.match(text):
        raise SourceError(
            f"The feed of {source} is a web page, not a feed.",
            remedy="Give the feed's own address, or write page = instead of feed = in digest.toml.",
        )
    if root is None:
        raise _no_feed(source)
    # Half a feed parses well enough to look like a whole one: nothing is taken from it.
    name = re.escape(root[1])
    if not re.search(rf"</{name}\s*>|<{name}\b[^<>]*/>", OPAQUE.sub("", text)):
        raise _cut_off(source)


def _no_feed(source: str) -> SourceError:
    return SourceError(
        f"What {source} gave is no feed: neither RSS, RDF, Atom nor JSON Feed.",
        remedy="Check the address of feed = in digest.toml in a browser.",
    )


def _cut_off(source: str) -> SourceError:
    return SourceError(
        f"The feed of {source} was cut off before its end; nothing was taken from it.",
        remedy="Collect again; where it stays so, tell the feed's publisher.",
    )


# -- RSS, RDF, Atom


def _xml_articles(data: bytes, origin: _Origin) -> list[Article]:
    # feedparser files an image's description with the entry's own text; under a name that it
    # doesn't know, it keeps it apart.
    data = re.sub(rb"<(/?)media:description\b", rb"<\1media:alternative", data)
    try:
        # `plain` does the sanitising, and links are resolved one by one.
        parsed = feedparser.parse(
            io.BytesIO(data), sanitize_html=False, resolve_relative_uris=False
        )
        feed = parsed["feed"]
        base = _join(origin.base, _raw(feed, "link"))
        origin = replace(origin, base=base, language=_language(feed))
        return [made for entry in parsed["entries"] if (made := _article(entry, origin))]
    except BREAKS as error:
        raise _no_feed(origin.source) from error


def _raw(element: Any, key: str) -> str:
    # Past FeedParserDict's own lookup, which answers `updated` with `published` and warns about it.
    value = dict.get(element, key)
    if not isinstance(value, str):
        return ""
    # JSON can carry half of a surrogate pair, which no text may contain.
    return value.encode("utf-8", "ignore").decode()


def _article(entry: Any, origin: _Origin) -> Article | None:
    headline = plain(_raw(entry, "title"))
    if not headline:
        return None
    updated = _when(entry, "updated", origin)
    return Article(
        headline=headline,
        url=_address(origin, _raw(entry, "link")),
        dek=dek_of(plain(_summary(entry))),
        byline=_byline(_authors(entry)),
        published=_when(entry, "published", origin) or _when(entry, "created", origin) or updated,
        updated=updated,
        section=origin.section,
        categories=_categories(_raw(tag, "term") for tag in _items(entry, "tags")),
        image=_image(entry, origin),
        language=_language(entry) or origin.language,
        source=origin.source,
    )


def _items(element: Any, key: str) -> list[Any]:
    return [item for item in dict.get(element, key) or [] if isinstance(item, dict)]


def _authors(entry: Any) -> list[str]:
    return [_raw(who, "name") for who in _items(entry, "authors")] or [_raw(entry, "author")]


def _summary(entry: Any) -> str:
    contents = (_raw(content, "value") for content in _items(entry, "content"))
    texts = [_raw(entry, "summary"), *contents]
    return next((text for text in texts if plain(text)), "")


def _when(entry: Any, key: str, origin: _Origin) -> datetime | None:
    return moment(_raw(entry, key), origin.timezone)


def _language(element: Any) -> str:
    detail = dict.get(element, "title_detail") or {}
    return tidy(_raw(element, "language") or _raw(detail, "language"))


def _image(entry: Any, origin: _Origin) -> Image:
    url = next((u for raw in _pictures(entry) if (u := _address(origin, raw))), "")
    if not url:
        return Image()
    credited = [plain(_raw(credit, "content")) for credit in _items(entry, "media_credit")]
    alt = plain(_raw(entry, "media_alternative"))
    return Image(url=url, alt=alt, credit=next(filter(None, credited), ""))


def _pictures(entry: Any) -> Iterator[str]:
    for content in _items(entry, "media_content"):
        kind = _raw(content, "medium") or _raw(content, "type").partition("/")[0]
        if kind == "image" or (not kind and IMAGE_NAME.search(_raw(content, "url"))):
            yield _raw(content, "url")
    for thumbnail in _items(entry, "media_thumbnail"):
        yield _raw(thumbnail, "url")
    for link in _items(entry, "links"):
        if _raw(link, "rel") == "enclosure" and _raw(link, "type").startswith("image/"):
            yield _raw(link, "href")


# -- JSON Feed 1.x (https://www.jsonfeed.org/version/1.1/)


def _json_articles(data: bytes, origin: _Origin) -> list[Article]:
    try:
        feed = json.loads(data.removeprefix(b"\xef\xbb\xbf"))
    except (ValueError, RecursionError) as error:
        raise (_cut_off if is_feed(data) else _no_feed)(origin.source) from error
    if not isinstance(feed, dict) or "://jsonfeed.org/version" not in _raw(feed, "version"):
        raise _no_feed(origin.source)
    base = _join(_join(origin.base, _raw(feed, "feed_url")), _raw(feed, "home_page_url"))
    origin = replace(origin, base=base, language=_raw(feed, "language"))
    items = (item for item in _list(feed, "items") if isinstance(item, dict))
    return [made for item in items if (made := _json_article(item, feed, origin))]


def _json_article(item: Any, feed: Any, origin: _Origin) -> Article | None:
    headline = plain(_raw(item, "title"))
    if not headline:
        return None
    updated = _when(item, "date_modified", origin)
    picture = _raw(item, "image") or _raw(item, "banner_image")
    texts = [_raw(item, key) for key in ("summary", "content_text", "content_html")]
    return Article(
        headline=headline,
        url=_address(origin, _raw(item, "url") or _raw(item, "external_url")),
        dek=dek_of(plain(next((text for text in texts if plain(text)), ""))),
        byline=_json_byline(item) or _json_byline(feed),
        published=_when(item, "date_published", origin) or updated,
        updated=updated,
        section=origin.section,
        categories=_categories(tag for tag in _list(item, "tags") if isinstance(tag, str)),
        image=Image(url=_address(origin, picture)),
        language=tidy(_raw(item, "language") or origin.language),
        source=origin.source,
    )


def _list(element: Any, key: str) -> list[Any]:
    value = dict.get(element, key)
    return value if isinstance(value, list) else []


def _json_byline(element: Any) -> str:
    authors = _list(element, "authors") or [dict.get(element, "author")]
    return _byline(_raw(author, "name") for author in authors if isinstance(author, dict))


# -- both


def _byline(names: Iterable[str]) -> str:
    # An address is the author's own business and no byline; what stands beside it may be a name.
    bare = (MAIL.sub("", plain(name)).strip(" ()<>,;") for name in names)
    return ", ".join(dict.fromkeys(filter(None, bare)))


def _categories(words: Iterable[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(filter(None, (plain(word) for word in words))))


def _address(origin: _Origin, link: str) -> str:
    # An empty link would resolve to the feed's own address, and every such entry be the same.
    return canonical(_join(origin.base, link)) if link.strip() else ""


def _join(base: str, link: str) -> str:
    try:
        return urljoin(base, link.strip())
    except ValueError:
        return ""
