"""The markup of an article page: its metadata, and its visible lines.

Here lives where HTML keeps what it says about itself (JSON-LD, OpenGraph, meta tags, microdata)
and how elements become lines. Never here: what a line means (lines).
"""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from urllib.parse import urljoin

from lxml import etree, html

from digest.articles import canonical, headline_key, plain, tidy
from digest.pages.lines import Line

HIDDEN = {"script", "style", "noscript", "template", "svg", "math", "nav", "footer", "form",
          "button", "select", "iframe", "object", "video", "audio", "head", "dialog"}  # fmt: skip
ASIDE = {"aside"}
PROSE = {"p", "blockquote"}
TITLES = {"h1", "h2", "h3", "h4", "h5", "h6"}
BLOCKS = PROSE | TITLES | {
    "address", "article", "aside", "body", "br", "dd", "div", "dl", "dt", "fieldset", "figcaption",
    "figure", "header", "hr", "li", "main", "ol", "pre", "section", "table", "td", "th", "tr", "ul",
}  # fmt: skip
BYLINE_CLASS = re.compile(r"(?:^|[\s_-])(?:byline|author)(?:$|[\s_-])", re.IGNORECASE)
BYLINE_AT_MOST = 100
ARTICLE_TYPE = re.compile(r"(?:Article|Posting|Report)$")
PROSE_AT_LEAST = 120


@dataclass(frozen=True, slots=True)
class Metadata:
    """What a page's markup says about its article; "" or () where it is silent. Dates are text."""

    headline: str
    url: str
    dek: str
    byline: str
    published: str
    updated: str
    section: str
    categories: tuple[str, ...]
    image_url: str
    image_alt: str
    image_credit: str
    language: str


def parse(text: str) -> html.HtmlElement | None:
    """The document, or None where there is nothing to parse."""
    # lxml refuses a str that declares an encoding, so it gets bytes and is told theirs.
    parser = html.HTMLParser(encoding="utf-8", remove_comments=True, remove_pis=True)
    try:
        return html.document_fromstring(text.encode("utf-8", "replace"), parser=parser)
    except (etree.LxmlError, ValueError, AssertionError):
        return None


def metadata(root: html.HtmlElement, url: str) -> Metadata:
    """What the page says about its article. `url` is where it was found, if that is known."""
    meta, linked = _meta(root), _linked(root)
    address = _address(root, meta, linked, url)
    image = _first_of(linked.get("image"))
    picture = _first(*_words(image, "url"), *meta("og:image", "twitter:image"))
    return Metadata(
        headline=_headline(root, meta, linked),
        url=canonical(address),
        dek=_first(
            *_words(linked.get("description")),
            *meta("og:description", "description", "twitter:description"),
        ),
        byline=_byline(root, meta, linked),
        published=_first(
            *_words(linked.get("datePublished")),
            *meta("article:published_time", "article:published"),
            *_dated(root, "datePublished"),
            *meta("date", "dc.date.issued", "dc.date", "pubdate", "parsely-pub-date"),
            *map(str, root.xpath("//time/@datetime")[:1]),
            *_words(linked.get("dateCreated")),
        ),
        updated=_first(
            *_words(linked.get("dateModified")),
            *meta("article:modified_time", "article:modified", "og:updated_time"),
            *_dated(root, "dateModified"),
        ),
        section=_first(
            *_words(linked.get("articleSection")), *meta("article:section", "og:article:section")
        ),
        categories=_categories(meta, linked),
        image_url=canonical(_join(address, picture)) if picture else "",
        image_alt=_first(*meta("og:image:alt", "twitter:image:alt")),
        image_credit=_first(*_words(image, "creditText")),
        language=_language(root, meta, linked),
    )


class _Meta:
    """The page's meta tags: called with names, it gives their contents in that order."""

    def __init__(self, root: html.HtmlElement) -> None:
        self.contents: dict[str, list[str]] = {}
        for tag in root.iter("meta"):
            name = str(tag.get("property") or tag.get("name") or "").strip().lower()
            if content := plain(str(tag.get("content") or "")):
                self.contents.setdefault(name, []).append(content)

    def __call__(self, *names: str) -> list[str]:
        return [content for name in names for content in self.contents.get(name, [])]


def _meta(root: html.HtmlElement) -> _Meta:
    return _Meta(root)


def _linked(root: html.HtmlElement) -> dict[str, Any]:
    """The page's JSON-LD object of an article type; {} where there is none."""
    for script in root.xpath('//script[contains(@type, "ld+json")]'):
        text = re.sub(r"^\s*(?:<!\[CDATA\[|<!--)|(?:\]\]>|-->)\s*$", "", script.text or "")
        try:
            nodes = list(_nodes(json.loads(text, strict=False)))
        except (ValueError, RecursionError):
            continue
        for node in nodes:
            if any(ARTICLE_TYPE.search(kind) for kind in _words(node.get("@type"))):
                return node
    return {}


def _nodes(value: Any) -> Iterator[dict[str, Any]]:
    for item in value if isinstance(value, list) else [value]:
        if isinstance(item, dict):
            yield item
            yield from _nodes(item.get("@graph") or [])


def _words(value: Any, key: str = "name") -> list[str]:
    """The texts of a JSON-LD value: a text, an object with a name, or a list of either."""
    if isinstance(value, list):
        return [word for item in value for word in _words(item, key)]
    if isinstance(value, dict):
        return _words(value.get(key)) if isinstance(value.get(key), str) else []
    # JSON can carry half of a surrogate pair, which no text may contain.
    word = plain(value.encode("utf-8", "ignore").decode()) if isinstance(value, str) else ""
    return [word] if word else []


def _first_of(value: Any) -> Any:
    while isinstance(value, list) or (isinstance(value, dict) and "@list" in value):
        value = value["@list"] if isinstance(value, dict) else (value[0] if value else None)
    return value


def _first(*texts: str) -> str:
    return next((text for text in texts if text), "")


def _join(base: str, link: str) -> str:
    try:
        return urljoin(base, link.strip())
    except ValueError:
        return ""


def _address(root: html.HtmlElement, meta: _Meta, linked: dict[str, Any], url: str) -> str:
    links = [str(link) for link in root.xpath('//link[@rel="canonical"]/@href')]
    named = _first(*links, *meta("og:url"), *_words(linked.get("url")))
    return _join(url, named) if named else url


def _headline(root: html.HtmlElement, meta: _Meta, linked: dict[str, Any]) -> str:
    shown = [text for h1 in root.iter("h1") if (text := _text(h1))]
    titles = [tidy(title.text or "") for title in root.xpath("//head/title")]
    named = _first(*_words(linked.get("headline")), *meta("og:title", "twitter:title"))
    if not named:
        return _first(*shown, *(_without_site(title, meta, shown) for title in titles))
    return _without_site(named, meta, shown)


def _without_site(title: str, meta: _Meta, shown: list[str]) -> str:
    """The title without " - Name of the Site", which the page shows or names elsewhere."""
    for text in shown:
        if re.match(re.escape(text) + r"\s*[|–—-]\s", title):
            return text
    for site in meta("og:site_name", "application-name"):
        parts = re.fullmatch(r"(.*\S)\s[|–—:-]\s(.+)", title)
        if parts and headline_key(site).startswith(headline_key(parts[2])):
            return parts[1]
    return title


def _byline(root: html.HtmlElement, meta: _Meta, linked: dict[str, Any]) -> str:
    names = _words(linked.get("author")) or _words(linked.get("creator"))
    tags = meta("author", "article:author", "og:article:author", "byl", "parsely-author")
    said = [", ".join(dict.fromkeys(names)), *(tag for tag in tags if "://" not in tag)]
    byline = _first(*said) or next(_printed_bylines(root), "")
    return re.sub(r"^by:?\s+", "", byline, flags=re.IGNORECASE)


def _printed_bylines(root: html.HtmlElement) -> Iterator[str]:
    marked = [*root.xpath('//*[@itemprop="author"]'), *root.xpath('//*[@rel="author"]')]
    classed = (e for e in root.xpath("//body//*[@class]") if BYLINE_CLASS.search(e.get("class")))
    named_by = [*((e, './/*[@itemprop="name"]') for e in marked), *((e, ".//a") for e in classed)]
    for element, path in named_by:
        named = element.xpath(path)
        text = _text(named[0] if named else element)
        if text and len(text) <= BYLINE_AT_MOST:
            yield text


def _dated(root: html.HtmlElement, name: str) -> list[str]:
    marked = root.xpath("//*[@itemprop=$name]", name=name)
    return [str(e.get("content") or e.get("datetime") or "") for e in marked]


def _categories(meta: _Meta, linked: dict[str, Any]) -> tuple[str, ...]:
    words = meta("article:tag") or _words(linked.get("keywords")) or meta("news_keywords")
    if len(words) == 1:
        words = [tidy(word) for word in words[0].split(",")]
    return tuple(dict.fromkeys(filter(None, words)))


def _language(root: html.HtmlElement, meta: _Meta, linked: dict[str, Any]) -> str:
    stated = tidy(str(root.get("lang") or ""))
    locale = [word.replace("_", "-") for word in meta("og:locale")]
    return _first(stated, *_words(linked.get("inLanguage")), *locale)


def _text(element: html.HtmlElement) -> str:
    parts = element.xpath(".//text()[not(ancestor::script or ancestor::style or ancestor::svg)]")
    return tidy(" ".join(map(str, parts)))


# -- visible lines


def visible_lines(root: html.HtmlElement, base: str) -> list[Line]:
    """The lines that the page shows, in its order. `base` makes their addresses absolute."""
    writer = _Writer(base, _story(root))
    # Iterative: a page may nest deeper than Python's stack.
    walk = etree.iterwalk(root, events=("start", "end"))
    for event, element in walk:
        if event == "start":
            if not isinstance(element.tag, str) or _is_hidden(element):
                walk.skip_subtree()
                continue
            writer.enter(element)
        else:
            writer.leave(element)
    writer.end_line()
    return writer.lines


def _is_hidden(element: Any) -> bool:
    return element.tag in HIDDEN or "hidden" in element.attrib


def _story(root: html.HtmlElement) -> html.HtmlElement | None:
    """The element that holds the text, where the page marks it."""
    for path in ('//*[@itemprop="articleBody"]', "//article", "//main"):
        marked: list[html.HtmlElement] = root.xpath(path)
        if marked:
            return max(marked, key=lambda e: sum(len(_text(p)) for p in e.iter("p")))
    return None


class _Writer:
    """Collects the text between two block elements as one line."""

    def __init__(self, base: str, story: html.HtmlElement | None) -> None:
        self.base = base
        self.story = story
        self.lines: list[Line] = []
        self.parts: list[str] = []
        self.links: list[str] = []
        self.open: list[str] = []
        self.asides = 0
        self.inside = int(story is None)

    def enter(self, element: Any) -> None:
        if element.tag in BLOCKS:
            self.end_line()
            self.open.append(element.tag)
        self.asides += element.tag in ASIDE
        self.inside += element is self.story
        if element.tag == "a" and element.get("href"):
            self.links.append(element.get("href"))
        self.parts.append(element.text or "")

    def leave(self, element: Any) -> None:
        if not (isinstance(element.tag, str) and _is_hidden(element)):
            if element.tag in BLOCKS:
                self.end_line()
                self.open.pop()
            self.asides -= element.tag in ASIDE
            self.inside -= element is self.story
        self.parts.append(element.tail or "")

    def end_line(self) -> None:
        text = tidy("".join(self.parts))
        if text:
            self.lines.append(self._line(text))
        self.parts, self.links = [], [] if text else self.links

    def _line(self, text: str) -> Line:
        block = self.open[-1] if self.open else ""
        long = len(text) >= PROSE_AT_LEAST and block not in TITLES
        return Line(
            text,
            url=canonical(_join(self.base, self.links[0])) if self.links else "",
            aside=self.asides > 0,
            prose=self.inside > 0 and (block in PROSE or long),
            entry=bool(self.links) or block in TITLES,
            heading=not self.links or block in TITLES,
            title=not self.links and block in {"h1", "h2", "h3"},
        )
