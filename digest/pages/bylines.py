"""Bylines: who wrote an article, of all that a page's markup says about it.

Never here: a byline that only the visible lines have (lines).
"""

import re
from collections.abc import Iterator
from itertools import islice

from lxml import html

from digest.articles import headline_key, tidy
from digest.pages.linked import Linked
from digest.pages.printed import BEHIND_NAMES
from digest.pages.tags import Meta, pieces_of, text_of

BYLINE_CLASS = re.compile(
    r"(?:^|[\s_-])(?:byline|submitted|field--name-uid|author|writtenby|p-author|reporter|autor|auteur|contributor)"
    r"(?:s|names?)?(?:$|[\s_-])",
    re.IGNORECASE,
)
CAMEL_CLASS = re.compile(r"[a-z](?:By[Ll]ine|Author)(?:s|Names?)?(?![a-z])")
NO_BYLINE_CLASS = re.compile(
    r"bio|image|avatar|photo|social|follow|comment|related|share", re.IGNORECASE
)
BYLINE_AT_MOST = 100
LOOKED_AT = 1_000  # characters of an element: a mail address is looked for from each of them
SIGNATURE = re.compile(r"[^\W\d_a-z][^\W\d_]*(?: [^\W\d_a-z][\w.'’-]*){1,4}")
CLASSED = 20  # elements that are looked into
NAMES_AT_MOST = 60  # characters: what is longer says more than names
# What stands behind a name in a link: "PARA LA GACETA", "Staff".
PLACE = re.compile(r",\s[^\W\d_][^\s,]*")  # one word behind the name
ROLE = re.compile(r"\s+(?!(?:and|und|et|y|e|with)\b)[^\W\d_][^(,&;]*")
# "(Sainte-Brune, envoyée spéciale)", "in Karsan": where an author stands, and as what.
WHENCE = re.compile(
    r"\s*\([^()]{0,40}(?:,[^()]{1,40}|\b(?:envoyée?|enviad[oa]|special|correspond\w+)\b[^()]{0,40})\)$",
    re.IGNORECASE,
)
HANDLE = re.compile(r"\s*(?:\(@\w+\)|(?<!\w)@\w+)|\s*\S+@\S+\.\w+")
BY = re.compile(
    r"^\W*(?:(?:written |reported |words |story |text |posted |published |submitted )?by"
    r"|von|par|por|di|door|av"
    r"|af|autor(?:es)?"
    r"|autore|auteur|author|text|texte|fuente|redazione|oleh|yazan|haber|muhabir|автор|текст|लेखक|द्वारा"
    r"|रिपोर्ट|بقلم|كتب|كتبت|作者|记者"
    r"|記者|文|責編|撰文|取材・文)(?:\s*[:：/|]\s*|\s+)",
    re.IGNORECASE,
)
AFTER_BYLINE = re.compile(
    r"\s*(?:\||•|·|\bPublished\b|\bUpdated\b|\bPosted\b|\bLast updated\b|(?<=[a-z])\s?\d{1,2}["
    r" :]"
    r"|,?\s(?:Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec)[a-z]*\.? \d{1,2}|[-–—] (?=\w+ \d)"
    r"|\d{1,2}[/.-]\d{1,2}[/.-]\d{2,4}|\d{4}[-年]|\bon(?:$| (?=\w+,? \d))|\bat (?=\d)"
    r"|\b\d+ (?:hours?|minutes?|days?) ago).*$"
)
LOGIN = re.compile(r"[a-z][a-z0-9._-]{1,30}")
NOBODY = {
    "admin",
    "administrator",
    "editor",
    "super user",
    "webmaster",
    "root",
    "unknown",
    "none",
    "null",
    "author",
}
AUTHORS = (
    "dc.creator",
    "dcterms.creator",
    "author",
    "parsely-author",
    "article:author",
    "og:article:author",
    "article:author_name",
    "article.author",
    "sailthru.author",
    "byl",
    "byline",
    "article_author",
    "dc.contributor",
    "twitter:data1",
)


def byline(root: html.HtmlElement, meta: Meta, linked: Linked, sites: list[str]) -> str:
    """The byline without "By"; a person's name before that of the house (one of `sites`)."""
    own = linked.article
    names = [*linked.words(own, "author")] or [*linked.words(own, "creator")]
    house = {headline_key(site) for site in sites}
    stated = [names_of(names), *(names_of([tag]) for tag in meta(*AUTHORS))]
    stated = [name for name in stated if name]
    # "mgarza" is how somebody logs in; the page prints her name.
    stated.sort(key=lambda name: bool(LOGIN.fullmatch(name)))
    persons = (name for name in stated if not _is_house(name, house))
    printed = (_without_house(names_of([text]), house) for text in _printed(root))
    shown = [name for name in printed if name and not _is_house(name, house)]
    if (person := next(persons, "")) and not LOGIN.fullmatch(person):
        # A meta tag may name but the first of those that the page prints.
        return next((names for names in shown if names.startswith(f"{person}, ")), person)
    return next(iter([*shown, *stated]), "")


def _without_house(names: str, house: set[str]) -> str:
    """Names without the site's own behind them ("Ann Lee, The Gazette")."""
    persons = [name for name in names.split(", ") if headline_key(name) not in house]
    return ", ".join(persons) or names


def _is_house(name: str, house: set[str]) -> bool:
    """Whether a name is the site's own, or begins with it ("Gazette.example")."""
    key = headline_key(name)
    return key in house or any(
        len(site) > 2 and key.startswith(site) and "." in name for site in house
    )


def names_of(names: list[str]) -> str:
    """Names as a byline: without "By", dates, addresses of pages and of people."""
    made = [
        BY.sub("", AFTER_BYLINE.sub("", BEHIND_NAMES.sub("", WHENCE.sub("", name)))).strip(
            " ,;|-–—·•"
        )
        for name in names
    ]
    kept = (
        name
        for name in made
        if name
        and "://" not in name
        and len(name) <= 2 * BYLINE_AT_MOST
        and "@" not in name
        and not name.startswith("/")
        and not name.isdecimal()
        and name.lower() not in NOBODY
    )
    return ", ".join(dict.fromkeys(kept))


def _printed(root: html.HtmlElement) -> Iterator[str]:
    """The bylines that the page marks as such."""
    for path in (
        '//*[contains(concat(" ", @rel, " "), " author ")]',
        '//*[contains(@itemprop, "author")]',
    ):
        found = root.xpath(path)[:12]
        # Those beside the first are its co-authors; others belong to a portrait or another piece.
        beside = [e for e in found if e.getparent() is found[0].getparent()]
        if texts := [text for e in beside if (text := _named(e))]:
            yield ", ".join(dict.fromkeys(texts))
    classed = (e for e in root.xpath("//body//*[@class or @id]") if _is_byline(e))
    for element in islice(classed, CLASSED):
        if text := _named(element):
            yield text
    # Who signs beneath the text, at its right edge.
    signed = root.xpath('//p[@align="right" or contains(@style, "right")]')[-1:]
    yield from (text for e in signed if SIGNATURE.fullmatch(text := text_of(e)))


def _is_byline(element: html.HtmlElement) -> bool:
    marks = f"{element.get('class') or ''} {element.get('id') or ''}"
    named = BYLINE_CLASS.search(marks) or CAMEL_CLASS.search(marks)
    return bool(named) and not NO_BYLINE_CLASS.search(marks)


def _named(element: html.HtmlElement) -> str:
    names = element.xpath('.//*[contains(@itemprop, "name")]')
    whole = str(element.get("content") or "") or _first_line(names[0] if names else element)
    whole = HANDLE.sub("", whole[:LOOKED_AT])
    linked = [text for a in element.xpath(".//a")[:6] if (text := text_of(a))]
    if linked and ROLE.fullmatch(whole.partition(linked[0])[2] or "-"):
        return whole.partition(linked[0])[0] + linked[0]
    strong = next((text for e in element.xpath(".//strong|.//b")[:1] if (text := text_of(e))), "")
    if strong and PLACE.fullmatch(whole.partition(strong)[2] or "-"):
        return whole.partition(strong)[0] + strong
    if len(whole) <= NAMES_AT_MOST or not linked:
        return whole if len(whole) <= BYLINE_AT_MOST else ""
    kept = [
        text
        for text in dict.fromkeys(linked)
        if text and len(text) <= NAMES_AT_MOST and "@" not in text
    ]
    return ", ".join(kept)


def _first_line(element: html.HtmlElement) -> str:
    """The first of the lines that an element shows, and the next where that is only "By"."""
    lines = [line for part in pieces_of(element).split("\n") if (line := tidy(part))]
    return " ".join(lines[:2]) if lines and len(lines[0]) <= 4 else next(iter(lines), "")
