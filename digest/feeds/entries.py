"""Entries: what the elements of RSS 0.9x to 2.0, RDF and Atom mean; each entry an article.

Never here: encodings and broken markup (markup), pictures (pictures).
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import islice
from urllib.parse import urljoin

from digest.articles import (
    DEK,
    Article,
    canonical,
    dek_of,
    headline_key,
    is_running,
    language_of,
    moment,
    paragraphs,
    plain,
    secured,
    tidy,
)
from digest.feeds.markup import (
    Element,
    attribute,
    base_of,
    children,
    descend,
    name_of,
    says,
    title_of,
    words,
)
from digest.feeds.pictures import picture

ENTRIES = frozenset({"item", "entry", "atom:entry"})
MAIL = re.compile(r"(?:mailto:)?[^\s<>()@]{1,64}@[^\s<>()@]{1,253}")
BY = re.compile(r"^(?:by|von|par|por)[:\s]\s*", re.IGNORECASE)
NOBODY = {"admin", "administrator", "editor", "root", "noreply", "no-reply", "unknown", "webmaster"}
ATTRIBUTION = re.compile(
    r"[(\[（](?:with )?(?:additional |agency )?inputs? (?:from|by) [^()\[\]]{1,80}[)\]）]$",
    re.IGNORECASE,
)
CONTENT = ("content:encoded", "atom:content", "content", "xhtml:body", "body", "fulltext")
PUBLISHED = (
    "pubdate", "atom:published", "published", "dc:date", "dcterms:issued", "dcterms:created",
    "atom:issued", "atom:created", "date",
)  # fmt: skip
UPDATED = ("atom:updated", "dcterms:modified", "atom:modified", "updated")
MOST = 2_000  # articles of one feed: what stands behind them is years old
STANDFIRST_AT_LEAST = 60  # characters
HEADLINE_OF = 90  # characters: how much of its text names an entry without a title


@dataclass(frozen=True, slots=True)
class Origin:
    """What every article of one feed has in common. `base` resolves its relative links."""

    source: str
    section: str = ""
    timezone: str = "UTC"
    base: str = ""
    language: str = ""
    byline: str = ""


def read_entries(root: Element, origin: Origin) -> list[Article]:
    """The articles of a feed, in its order."""
    feed = next(iter(children(root, "channel")), root)
    link = _link(feed, origin)
    stated = language_of(says(feed, "language", "dc:language"))
    by = _byline(_authors(feed, "atom:author")) if name_of(root) in {"atom:feed", "feed"} else ""
    origin = replace(
        origin,
        base=origin.base or link,
        language=stated or _language(feed) or _language(root),
        byline=by,
    )
    entries = islice(descend(root, ENTRIES), MOST)
    return [made for entry in entries if (made := _article(entry, origin, link))]


def _article(entry: Element, origin: Origin, link: str) -> Article | None:
    summary, content = _texts(entry)
    lead = paragraphs(content) or paragraphs(summary)
    headline = _headline(entry, lead)
    if not headline:
        return None
    url = _link(entry, replace(origin, base=link or origin.base))
    updated = _when(entry, origin, *UPDATED)
    published = _when(entry, origin, *PUBLISHED)
    return Article(
        headline=headline,
        url=url,
        dek=without_headline(
            dek_of(plain(summary) if paragraphs(content) else _first(lead, summary), lead),
            headline,
            says(entry, "source"),
        ),
        byline=_byline(_authors(entry)) or origin.byline,
        published=published or updated,
        updated=updated,
        section=origin.section,
        categories=_categories(entry),
        image=picture(
            entry,
            [content, summary],
            lambda raw: secured(address(_base(entry, link or origin.base), raw), url),
        ),
        attribution=_attribution(lead),
        body=body_of(paragraphs(content)),
        language=language_of(says(entry, "dc:language")) or _language(entry) or origin.language,
        source=origin.source,
    )


def _texts(entry: Element) -> tuple[str, str]:
    """What an entry says in short, and in full; either may be empty."""
    summary = next(
        (
            t
            for e in children(
                entry,
                "description",
                "atom:summary",
                "summary",
                "itunes:summary",
                "media:description",
                "dc:description",
                "dcterms:abstract",
            )
            if plain(t := words(e))
        ),
        "",
    )
    grouped = (t for e in descend(entry, frozenset({"media:description"})) if plain(t := words(e)))
    content = next((t for e in children(entry, *CONTENT) if plain(t := words(e))), "")
    return summary or (next(grouped, "") if not content else ""), content


def _first(lead: list[str], summary: str) -> str:
    """A summary that holds a whole text is none: then its paragraphs are the lead.

    But what stands before them without a full stop is the standfirst that a desk wrote.
    """
    if len(lead) < 2:
        return plain(summary)
    first = lead[0]
    long = STANDFIRST_AT_LEAST <= len(first) <= DEK
    return f"{first}." if long and first[-1].isalnum() and is_running(f"{first}.") else ""


def without_headline(dek: str, headline: str, whose: str = "") -> str:
    """A dek; "" where it says nothing but the headline, and perhaps `whose` it is."""
    if (
        dek.startswith(headline)
        and headline[-1:].isalnum()
        and is_running(rest := dek[len(headline) :].strip())
    ):
        return rest if rest[:1].isupper() else dek
    return (
        "" if headline_key(dek) in {headline_key(headline), headline_key(headline + whose)} else dek
    )


def _headline(entry: Element, lead: list[str]) -> str:
    titled = title_of(entry, "title", "atom:title", "dc:title", "media:title", "itunes:title")
    # An aggregator writes behind each headline whose it is, and says so in RSS's <source> too.
    whose = says(entry, "source")
    bare = re.sub(rf"\s+[-–—|]\s+{re.escape(whose)}$", "", titled) if whose else titled
    return bare or opening_words(lead)


def opening_words(lead: list[str]) -> str:
    """The first words of a text, which name notes and short posts that have no title."""
    opening = lead[0] if lead else ""
    if len(opening) <= HEADLINE_OF:
        return opening
    return opening[:HEADLINE_OF].rpartition(" ")[0].rstrip(" ,;:–—-") + "…"


def _link(entry: Element, origin: Origin) -> str:
    links = [*_linked(entry)]
    return next((found for base, raw in links if (found := address(base or origin.base, raw))), "")


def _linked(entry: Element) -> Iterator[tuple[str, str]]:
    """The addresses that an entry may be found at, the best first, each with its base."""
    for original in children(entry, "feedburner:origlink"):
        yield "", words(original)
    for link in children(entry, "link", "atom:link"):
        rel = attribute(link, "rel") or "alternate"
        kind = attribute(link, "type")
        if rel == "alternate" and (not kind or "html" in kind or not attribute(link, "href")):
            yield _base(link), attribute(link, "href") or words(link)
    for guid in children(entry, "guid", "id", "atom:id"):
        if attribute(guid, "ispermalink").lower() != "false" and "://" in words(guid):
            yield _base(guid), words(guid)
    about = attribute(entry, "about")
    if about:
        yield "", about


def _base(element: Element, otherwise: str = "") -> str:
    """xml:base where an element has one; else what is given."""
    stated = element.xpath("ancestor-or-self::*[@xml:base]")
    return base_of(element) if stated else otherwise


def address(base: str, link: str) -> str:
    """A link of a feed as an article's address; "" where it is none."""
    # An empty link would resolve to the feed's own address, and every such entry be the same.
    if not link.strip():
        return ""
    try:
        return canonical(urljoin(base, plain(link).replace(" ", "%20")))
    except ValueError:
        return ""


def _when(entry: Element, origin: Origin, *names: str) -> datetime | None:
    texts = (plain(words(element)) for element in children(entry, *names))
    return next(
        (found for text in texts if (found := moment(text, origin.timezone, origin.language))), None
    )


def _authors(entry: Element, *names: str) -> list[str]:
    found = children(entry, *(names or ("dc:creator", "atom:author", "author", "itunes:author")))
    if not found and not names:
        found = children(entry, "creator", "dc:contributor", "atom:source")
    first = name_of(found[0]) if found else ""
    return [
        says(who, "atom:name", "name") or (words(who) if not len(who) else "")
        for who in found
        if name_of(who) == first
    ]


def _byline(names: Iterable[str]) -> str:
    return byline_of(names)


def byline_of(names: Iterable[str]) -> str:
    """Names as a byline. An address is the author's own business and no byline."""
    bare = (BY.sub("", tidy(MAIL.sub("", plain(name))).strip(" ()<>,;|-–—")) for name in names)
    kept = (name for name in bare if name and name.lower() not in NOBODY and "://" not in name)
    return ", ".join(dict.fromkeys(kept))


def _categories(entry: Element) -> tuple[str, ...]:
    found = children(entry, "category", "atom:category", "dc:subject")
    return categories_of(
        words(e) if words(e).strip() else attribute(e, "label") or attribute(e, "term")
        for e in found
    )


def categories_of(labels: Iterable[str]) -> tuple[str, ...]:
    """A source's own words for what an article is about, each once."""
    return tuple(dict.fromkeys(filter(None, (plain(label) for label in labels))))


def _attribution(lead: list[str]) -> str:
    found = (match for text in lead[-3:] if (match := ATTRIBUTION.search(text[-200:])))
    return next((tidy(match[0]) for match in found), "")


def body_of(lead: list[str]) -> str:
    """The text of an article: its paragraphs without boilerplate, with empty lines between."""
    whole = (ATTRIBUTION.sub("", text[-200:]).join((text[:-200], "")).strip() for text in lead)
    return "\n\n".join(text for text in whole if is_running(text))


def _language(element: Element) -> str:
    stated = element.xpath("ancestor-or-self::*[@xml:lang][1]/@xml:lang")
    return language_of(str(stated[-1])) if stated else ""
