"""Sections: where in its site a page stands.

Never here: the newsletter's sections (selection and the settings decide those).
"""

import re
from collections.abc import Iterator
from itertools import islice

from lxml import html

from digest.articles import headline_key
from digest.pages.linked import Linked
from digest.pages.tags import Meta, microdata, text_of

HOME = {
    "home",
    "homepage",
    "start",
    "startseite",
    "accueil",
    "inicio",
    "início",
    "news",
    "होम",
    "الرئيسية",
    "首页",
    "首頁",
    "ホーム",
    "главная",
}
HOME_KEYS = {headline_key(word) for word in HOME}
WAY = re.compile(r"^\s*[>»›/→|]\s*$")
LABEL_CLASS = re.compile(
    r"(?:^|[\s_-])(?:kicker|eyebrow|genre|rubri[ck]|section-(?:name|label|link|title)"
    r"|article-(?:section|category)"
    r"|cat-?name|(?:post|item|entry|taxonomy|news|list|article)-categor(?:y|ies)|topic-label|dachzeile)(?:$|[\s_-])",
    re.IGNORECASE,
)
ABOVE = 4  # links
LABEL_AT_MOST = 30  # characters


def section_of(
    root: html.HtmlElement, meta: Meta, linked: Linked, headline: str, sites: list[str]
) -> str:
    """The section that a page says it belongs to; "" where it says none.

    Of its metadata, else of the way from the front page to it, else of a label at the headline.
    """
    crumbs = linked.breadcrumbs() or _crumbs(root)
    house = (
        {headline_key(site) for site in sites}
        | {headline_key(word) for word in HOME}
        | {headline_key(headline)}
    )
    # "News" is a section where it isn't the front page.
    inner = (
        c
        for n, c in enumerate(crumbs)
        if (headline_key(c) not in house or (headline_key(c) == "news" and (n or len(crumbs) == 1)))
        and not headline_key(headline).startswith(headline_key(c))
    )
    category = root.xpath('//a[contains(concat(" ", @rel, " "), " category ")]')
    stated = [
        *linked.words(linked.article, "articleSection"),
        *meta(
            "article:section",
            "og:article:section",
            "parsely-section",
            "sailthru.section",
            "dc.subject.section",
        ),
        *microdata(root, "articleSection"),
        *meta("section", "og:section", "category", "cg"),
        *inner,
        *(text_of(a) for a in category[:1]),
        *_labels(root),
        *_above(root),
    ]
    return next((word for text in stated if (word := _section_word(text))), "")


def _crumbs(root: html.HtmlElement) -> list[str]:
    path = (
        '//*[contains(@itemtype, "BreadcrumbList")]//*[@itemprop="name"]',
        '//*[contains(translate(@aria-label, "B", "b"), "breadcrumb")]//a',
        '//*[contains(translate(@class, "B", "b"), "breadcrumb")]//a',
    )
    found: list[html.HtmlElement] = next((e for p in path if (e := root.xpath(p))), [])
    if not found:
        found = _way_from_home(root)
    return [text for e in found[:6] if e.get("href") != "/" and (text := text_of(e))]


def _way_from_home(root: html.HtmlElement) -> list[html.HtmlElement]:
    """Links in a row that begin with the front page, with marks between ("Home > World")."""
    for link in islice(root.iter("a"), 60):
        home = headline_key(text_of(link)) in HOME_KEYS or link.get("href") == "/"
        if home and WAY.search(link.tail or ""):
            parent = link.getparent()
            return [] if parent is None else list(parent.iter("a"))
    return []


def _labels(root: html.HtmlElement) -> Iterator[str]:
    """The label that many pages print above their headline."""
    for element in islice(root.iter("p", "span", "div", "a", "li"), 4_000):
        if LABEL_CLASS.search(element.get("class") or "") and len(element) < 2:
            text = text_of(element)
            if 1 < len(text) <= LABEL_AT_MOST:
                yield text


def _above(root: html.HtmlElement) -> Iterator[str]:
    """The link above the headline that leads where it says: "Energy", to /energy."""
    for h1 in islice(root.iter("h1"), 3):
        for link in h1.xpath(
            f"preceding::a[not(ancestor::nav or ancestor::li)][position() <= {ABOVE}]"
        ):
            text, path = text_of(link), str(link.get("href") or "").partition("?")[0]
            if len(text) > 1 and headline_key(text) == headline_key(
                path.strip("/").rpartition("/")[2]
            ):
                yield text


def _section_word(text: str) -> str:
    """A section's name; of a path ("/world/africa") its last part."""
    if text.startswith("/"):
        text = text.strip("/").rpartition("/")[2].replace("_", " ").replace("-", " ").title()
    text = text.partition(",")[0].strip()
    return (
        ""
        if "://" in text or len(text) > 60 or re.fullmatch(r"[\d\W]*|[0-9A-F-]{20,}", text)
        else text
    )
