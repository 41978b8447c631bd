"""Outlines: where feeds are, as an OPML file lists them and as a web page links to them.

OPML 2.0 (http://opml.org/spec2.opml) in and out; the links are those of RFC 4287's
autodiscovery: <link rel="alternate" type="application/rss+xml">. Never here: what a feed holds
(feeds), how a page is fetched (sources).
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from urllib.parse import urljoin

from lxml import etree, html

from digest.articles import plain
from digest.errors import SourceError

MOST = 2000
"""Feeds taken from one outline; more is no list that an editor reads."""
LONGEST = 200
"""Characters of a title."""
LONGEST_ADDRESS = 2000
"""Characters."""
FEED_TYPES = {
    "application/rss+xml": "RSS",
    "application/atom+xml": "Atom",
    "application/rdf+xml": "RSS",
    "application/feed+json": "JSON Feed",
}
_TYPES = {**FEED_TYPES, "application/json": "JSON Feed"}
_LOOSE = re.compile(rb"&(?!(?:amp|lt|gt|quot|apos|#\d{1,7}|#x[0-9a-fA-F]{1,6});)")
_FEED_SCHEME = re.compile(r"feed:(?://)?(?=https?://)", re.IGNORECASE)
_NOT_XML = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


@dataclass(frozen=True, slots=True)
class Outline:
    """A feed of an outline. `section` is the folder that it stands in; `page` its web site."""

    title: str
    feed: str
    section: str = ""
    page: str = ""


@dataclass(frozen=True, slots=True)
class Outlines:
    """What an OPML file lists: its feeds, and the titles of what can't be taken over."""

    feeds: tuple[Outline, ...]
    left_out: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class FeedLink:
    """A feed that a page names."""

    title: str
    url: str


def read_outlines(data: bytes, name: str) -> Outlines:
    """The feeds of an OPML file, each once, in its order. Raises SourceError for what is none.

    Left out is what names no address of the web (javascript:, file:), and what stands behind
    `MOST` feeds. An outline without xmlUrl is a folder; the nearest one around a feed is its
    section. No entity is resolved, nothing is fetched, and markup that is slightly broken is
    read on.
    """
    parser = etree.XMLParser(
        resolve_entities=False, no_network=True, load_dtd=False, recover=True, huge_tree=False
    )
    try:
        # A bare ampersand is common in an address; HTML's entities and a DTD's become plain text.
        root = etree.fromstring(_LOOSE.sub(b"&amp;", data), parser)
    except (etree.XMLSyntaxError, ValueError) as error:
        raise _no_opml(name) from error
    if root is None or str(root.tag).lower() != "opml":
        raise _no_opml(name)
    once: dict[str, Outline] = {}
    left_out: list[str] = []
    for outline in _outlines(root):
        if outline.feed in once:
            continue
        if _is_of_the_web(outline.feed) and len(once) < MOST:
            once[outline.feed] = outline
        else:
            left_out.append(outline.title)
    if not once:
        raise SourceError(
            f"{name} lists no feed", remedy="export the subscriptions of a feed reader as OPML"
        )
    return Outlines(tuple(once.values()), tuple(left_out))


def _outlines(root: etree._Element) -> Iterator[Outline]:
    for element in root.iter("outline"):
        told = {str(key).lower(): str(value) for key, value in element.attrib.items()}
        feed = _bare(told.get("xmlurl", "").strip())
        if not feed:
            continue
        yield Outline(
            title=_title(told) or plain(feed)[:LONGEST],
            feed=feed,
            section=_folder(element),
            page=told.get("htmlurl", "").strip(),
        )


def _bare(address: str) -> str:
    """An address without the scheme that tells browsers to call a feed reader."""
    bare = _FEED_SCHEME.sub("", address)
    return f"http{bare[4:]}" if bare[:7].lower() == "feed://" else bare


def _is_of_the_web(feed: str) -> bool:
    return feed.lower().startswith(("http://", "https://")) and len(feed) <= LONGEST_ADDRESS


def _title(told: dict[str, str]) -> str:
    return plain(told.get("title") or told.get("text") or "")[:LONGEST]


def _folder(element: etree._Element) -> str:
    parent = element.getparent()
    if parent is None or str(parent.tag).lower() != "outline":
        return ""
    return _title({str(key).lower(): str(value) for key, value in parent.attrib.items()})


def _no_opml(name: str) -> SourceError:
    return SourceError(
        f"{name} is no OPML file", remedy="export the subscriptions of a feed reader as OPML"
    )


def write_outlines(title: str, outlines: Sequence[Outline]) -> bytes:
    """An OPML file; feeds of one section stand in a folder of its name, in their order."""
    root = etree.Element("opml", version="2.0")
    head = etree.SubElement(root, "head")
    etree.SubElement(head, "title").text = _xml(title)
    body = etree.SubElement(root, "body")
    order = list(dict.fromkeys(outline.section for outline in outlines))
    by_section = sorted(outlines, key=lambda outline: order.index(outline.section))
    for section, some in groupby(by_section, key=lambda outline: outline.section):
        _write(etree.SubElement(body, "outline", text=_xml(section)) if section else body, some)
    return etree.tostring(root, encoding="utf-8", xml_declaration=True, pretty_print=True)


def _write(parent: etree._Element, outlines: Iterable[Outline]) -> None:
    for outline in outlines:
        told = {"type": "rss", "text": outline.title, "title": outline.title}
        told |= {"xmlUrl": outline.feed} | ({"htmlUrl": outline.page} if outline.page else {})
        etree.SubElement(parent, "outline", {key: _xml(value) for key, value in told.items()})


def _xml(text: str) -> str:
    return _NOT_XML.sub("", text)


def feed_links(data: bytes, url: str) -> tuple[FeedLink, ...]:
    """The feeds that the page at `url` names, each once, in its order; of comments none."""
    try:
        root = html.document_fromstring(data, parser=html.HTMLParser(no_network=True))
    except (etree.ParserError, etree.XMLSyntaxError, ValueError):
        return ()
    base = next(iter(root.xpath("//base/@href")), "")
    once: dict[str, FeedLink] = {}
    for link in root.iter("link", "a"):
        if not _is_feed_link(link):
            continue
        address = _joined(_joined(url, str(base)), _bare((link.get("href") or "").strip()))
        if address.lower().startswith(("http://", "https://")):
            title = plain(link.get("title") or link.text_content())[:LONGEST]
            once.setdefault(address, FeedLink(title, address))
    return tuple(once.values())[:50]


def _is_feed_link(link: html.HtmlElement) -> bool:
    kind = (link.get("type") or "").partition(";")[0].strip().lower()
    relation = (link.get("rel") or "").lower().split()
    if kind not in (_TYPES if "alternate" in relation else FEED_TYPES):
        return False
    about = f"{link.get('title') or ''} {link.get('href') or ''}".lower()
    return not re.search(r"\bcomments?\b", about) and (
        link.tag == "a" or bool({"alternate", "feed"} & set(relation))
    )


def _joined(base: str, link: str) -> str:
    try:
        return urljoin(base, link.strip()).partition("#")[0]
    except ValueError:
        return ""
