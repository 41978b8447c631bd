"""What a page's markup says about its article.

Here live JSON-LD's properties, OpenGraph, the meta tags of many systems, microdata, and which of
them is believed first. Never here: the lines that the page shows (markup, lines).
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from urllib.parse import urlsplit

from lxml import html

from digest.articles import canonical, headline_key, language_of, plain, tidy
from digest.pages.bylines import byline
from digest.pages.linked import Linked
from digest.pages.printed import changes
from digest.pages.sections import section_of
from digest.pages.tags import Meta, join, microdata, text_of
from digest.pages.titles import LONGEST, SEPARATOR, headline_of, tails

PUBLISHED = (
    "article:published_time",
    "article:published",
    "og:article:published_time",
    "og:published_time",
    "article.published",
    "parsely-pub-date",
    "sailthru.date",
    "dc.date.issued",
    "dcterms.issued",
    "dcterms.created",
    "dc.date.created",
    "dc.date",
    "dcterms.date",
    "dc.created",
    "ptime",
    "pubdate",
    "publishdate",
    "publish-date",
    "publish_date",
    "publication_date",
    "publication-date",
    "date.issued",
    "article_date_original",
    "originalpublicationdate",
    "bt:pubdate",
    "rnews:datepublished",
    "cxenseparse:recs:publishtime",
    "article:created",
    "date_published",
    "created",
    "date",
    "displaydate",
)
UPDATED = (
    "article:modified_time",
    "article:modified",
    "og:updated_time",
    "og:article:modified_time",
    "article:updated_time",
    "dcterms.modified",
    "dc.date.modified",
    "utime",
    "lastmod",
    "last-modified",
    "revised",
    "article.updated",
    "date_modified",
)
TITLES = ("dc.title", "dcterms.title", "og:title", "title", "twitter:title", "parsely-title",
          "sailthru.title", "hdl")  # fmt: skip
DESCRIPTIONS = (
    "dc.description",
    "dcterms.description",
    "dcterms.abstract",
    "og:description",
    "description",
    "twitter:description",
    "sailthru.description",
    "lp",
)
DEK_CLASS = re.compile(
    r"(?:^|[\s_-])(?:dek|standfirst|sub-?(?:title|headline|heading)|synopsis|chapo|vorspann|teaser-text"
    r"|(?:article|story|post)[-_]*(?:desc(?:ription)?|summary|excerpt|intro|lead))(?:$|[\s_-])",
    re.IGNORECASE,
)
CHANGE_CLASS = re.compile(r"(?:^|[\s_-])(?:updated|modified|dt-updated)(?:$|[\s_-])", re.IGNORECASE)
FRONT_PAGE = re.compile(r"https?://[^/?]+/")
HEADINGS = 300  # elements that may be the headline of a page without h1
TITLED_AT_LEAST = 15  # characters: what is shorter may be the site's name or a section's
TIMES = 20  # elements of one page
DEK_AT_MOST = 600  # characters
NEAR = 8  # elements behind the headline
NO_PICTURE = re.compile(
    r"logo|placeholder|default[-_.]|blank\.|spacer|favicon|/icons?/|1x1", re.IGNORECASE
)
URL_DATE = re.compile(
    r"/(20\d\d|19\d\d)[/-]?(0[1-9]|1[0-2]|[a-z]{3})[/-]?(0[1-9]|[12]\d|3[01])(?=[/_.-]|$)"
)


@dataclass(frozen=True, slots=True)
class Metadata:
    """What a page's markup says about its article; "" or () where it is silent.

    Dates are text, the most trusted first; so are the descriptions.
    """

    headline: str
    url: str
    deks: tuple[str, ...]
    byline: str
    published: tuple[str, ...]
    updated: tuple[str, ...]
    section: str
    categories: tuple[str, ...]
    image_url: str
    image_alt: str
    image_caption: str
    image_credit: str
    language: str
    site: str
    sectors: tuple[str, ...] = ()


def metadata(root: html.HtmlElement, url: str) -> Metadata:
    """What the page says about its article. `url` is where it was found, if that is known."""
    meta, linked = Meta(root), Linked(root)
    shown, titles = _shown_titles(root)
    linked.choose([*shown, *meta("og:title"), *titles], url)
    own, address = linked.article, _address(root, meta, linked, url)
    sites = [*_sites(root, meta, linked, address), *tails(titles, shown)]
    named = [*linked.words(own, "headline"), *linked.words(own, "name")]
    headline = headline_of(named, meta(*TITLES), shown, _marked(root), titles, sites)
    image, alt, caption, credit = _image(root, meta, linked, address)
    return Metadata(
        headline=headline,
        url=canonical(address),
        deks=_deks(root, meta, linked),
        byline=byline(root, meta, linked, sites),
        published=tuple(_published(root, meta, linked)),
        updated=tuple(_updated(root, meta, linked)),
        section=section_of(root, meta, linked, headline, sites),
        categories=_categories(root, meta, linked),
        image_url=image,
        image_alt=alt,
        image_caption=caption,
        image_credit=credit,
        language=_language(root, meta, linked),
        site=next(iter(sites), ""),
    )


def _shown_titles(root: html.HtmlElement) -> tuple[list[str], list[str]]:
    """The h1 that a page shows, and its title. One that leads to the front page names the site."""
    own = (h1 for h1 in islice(root.iter("h1"), 20) if not leads_home(h1))
    texts = (text_of(h1) for h1 in own)
    titles = (plain((title.text or "")[:LONGEST]) for title in root.xpath("//head/title")[:1])
    named = [text for text in titles if text]
    headings = [text for text in texts if 0 < len(text) < LONGEST]
    return headings or [*islice(_titled(root, named), 1)], named


def _titled(root: html.HtmlElement, titles: list[str]) -> Iterator[str]:
    """What a page without any h1 shows in bold or large, and its title has beside its site."""
    parts = {headline_key(part) for title in titles for part in SEPARATOR.split(title) if part}
    parts |= {headline_key(title.partition(": ")[2]) for title in titles}
    for element in islice(root.iter("h2", "h3", "b", "strong", "big", "font", "span"), HEADINGS):
        text = (element.text or "").strip()
        if TITLED_AT_LEAST <= len(text) < LONGEST and headline_key(text) in parts:
            yield plain(text)


def leads_home(h1: html.HtmlElement) -> bool:
    """Whether a heading is nothing but a link to the front page of its site."""
    link = next(h1.iter("a"), None)
    return (
        link is not None
        and bool(re.fullmatch(r"(?:https?://[^/]+)?/?", link.get("href") or "-"))
        and text_of(link) == text_of(h1)
    )


def _deks(root: html.HtmlElement, meta: Meta, linked: Linked) -> tuple[str, ...]:
    return (
        *linked.words(linked.article, "description"),
        *meta(*DESCRIPTIONS),
        *microdata(root, "description"),
        *linked.words(linked.page(), "description"),
        *islice(_printed_deks(root), 1),
    )


def _printed_deks(root: html.HtmlElement) -> Iterator[str]:
    """What a page prints beneath its headline and marks as its dek."""
    for h1 in islice(root.iter("h1"), 5):
        for element in h1.xpath(
            f"following::*[self::p or self::div or self::h2 or self::h3][position() <= {NEAR}]"
        ):
            if DEK_CLASS.search(str(element.get("class") or "")):
                text = text_of(element)
                if len(text) <= DEK_AT_MOST and " " in text:
                    yield text


def _updated(root: html.HtmlElement, meta: Meta, linked: Linked) -> Iterator[str]:
    yield from linked.words(linked.article, "dateModified")
    yield from meta(*UPDATED)
    yield from microdata(root, "dateModified")
    for element in islice(root.iter("time"), TIMES):
        if _is_change(element):
            yield str(element.get("datetime") or "") or text_of(element)


def _is_change(time: html.HtmlElement) -> bool:
    """Whether a time is the last change's: its class says so, or the word before it."""
    before, parent = time.getprevious(), time.getparent()
    above = parent.text if parent is not None else ""
    words = (before.tail if before is not None else above) or ""
    if not words.strip() and before is not None and before.tag in {"span", "b", "strong", "em"}:
        words = text_of(before)
    marked = CHANGE_CLASS.search(str(time.get("class") or ""))
    return bool(marked) or changes(words)


def _marked(root: html.HtmlElement) -> list[str]:
    marked = root.xpath(
        '//*[@itemprop="headline" or contains(concat(" ", @class, " "), " entry-title ")]'
    )
    return [text for e in marked[:3] if (text := tidy(str(e.get("content") or "")) or text_of(e))][
        :1
    ]


def _sites(root: html.HtmlElement, meta: Meta, linked: Linked, address: str) -> list[str]:
    try:
        host = (urlsplit(address).hostname or "").removeprefix("www.")
    except ValueError:
        host = ""
    handles = (word.lstrip("@") for word in meta("twitter:site"))
    names = [
        *meta("og:site_name"),
        *(text_of(h1) for h1 in islice(root.iter("h1"), 3) if leads_home(h1)),
        *linked.words(linked.article, "publisher"),
        *meta("application-name", "apple-mobile-web-app-title", "cre", "publisher", "dc.publisher"),
        *handles,
        host,
        *host.split(".")[:-1][-1:],
    ]
    return list(dict.fromkeys(filter(None, names)))


def _address(root: html.HtmlElement, meta: Meta, linked: Linked, url: str) -> str:
    links = [
        str(link)
        for link in root.xpath('//link[contains(concat(" ", @rel, " "), " canonical ")]/@href')
    ]
    stated = linked.texts(linked.article.get("url"), "@id")
    base = str(next(iter(root.xpath("//base/@href")), ""))
    for link in (
        *links,
        *meta("og:url"),
        *stated,
        *linked.texts(linked.article.get("mainEntityOfPage"), "@id"),
    ):
        found = canonical(join(url or base, link))
        # A site that names its front page on every page would have one article only.
        if found and not FRONT_PAGE.fullmatch(found):
            return found
    return url or base


def _published(root: html.HtmlElement, meta: Meta, linked: Linked) -> Iterator[str]:
    own = linked.article
    yield from linked.words(own, "datePublished")
    yield from meta(*PUBLISHED[:3])
    yield from microdata(root, "datePublished")
    yield from meta(*PUBLISHED[3:])
    hatom = (
        '//*[contains(concat(" ", @class, " "), " published ") or contains(@class, "dt-published")]'
    )
    for path in ("//time[@pubdate]", hatom, "//article//time", "//header//time", "//time"):
        for element in root.xpath(path)[:2]:
            yield str(element.get("datetime") or element.get("title") or "") or text_of(element)
    yield from linked.words(own, "dateCreated")
    yield from linked.words(linked.page(), "datePublished")


def url_date(address: str) -> str:
    """The day that an address names ("/2025/04/02/"), for a page that names none itself."""
    found = URL_DATE.search(address)
    return "-".join(found.groups()) if found and found[2].isdecimal() else ""


def _image(root: html.HtmlElement, meta: Meta, linked: Linked, base: str) -> tuple[str, ...]:
    own = linked.article
    node = linked.resolved(own.get("image"))
    urls = [
        *linked.texts(own.get("image"), "url"),
        *linked.texts(own.get("image"), "contentUrl"),
        *meta(
            "og:image:secure_url", "og:image", "og:image:url", "twitter:image", "twitter:image:src"
        ),
        *linked.texts(own.get("thumbnailUrl")),
        *map(str, root.xpath('//link[@rel="image_src"]/@href')),
        *meta("sailthru.image.full", "image"),
    ]
    found = (canonical(join(base, url)) for url in urls if not url.startswith("data:"))
    url = next((u for u in found if u and not NO_PICTURE.search(u)), "")
    credit = next(
        (
            c
            for key in ("creditText", "copyrightNotice", "creator", "author", "copyrightHolder")
            for c in linked.words(node, key)
            if "://" not in c
        ),
        "",
    )
    alts = [*meta("og:image:alt", "twitter:image:alt"), *linked.words(node, "alternateName")]
    return url, next(iter(alts), ""), next(iter(linked.words(node, "caption")), ""), credit


def _categories(root: html.HtmlElement, meta: Meta, linked: Linked) -> tuple[str, ...]:
    words = (
        meta("article:tag", "og:article:tag")
        or linked.words(linked.article, "keywords")
        or meta("news_keywords", "parsely-tags", "sailthru.tags")
        or [text_of(a) for a in root.xpath('//a[contains(concat(" ", @rel, " "), " tag ")]')[:20]]
        or meta("keywords")
    )
    if len(words) == 1:
        words = [tidy(word) for word in re.split(r"[,،，;]", words[0])]
    return tuple(dict.fromkeys(filter(None, words)))[:30]


def _language(root: html.HtmlElement, meta: Meta, linked: Linked) -> str:
    stated = [
        str(root.get("lang") or ""),
        str(root.get("{http://www.w3.org/XML/1998/namespace}lang") or ""),
        *linked.words(linked.article, "inLanguage"),
        *meta("og:locale", "content-language", "dc.language", "language"),
    ]
    return next((tag for text in stated if (tag := language_of(text))), "")
