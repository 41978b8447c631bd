"""Pages: the bytes of a saved article page become its article and the lists beside it.

Here lives what a page is (markup or text, in which encoding), and how metadata and visible lines
make one article. Never here: feeds; how the bytes are fetched (sources).
"""

import codecs
import re
from dataclasses import replace

from digest.articles import (
    Article,
    Image,
    Listed,
    Reading,
    canonical,
    dek_of,
    moment,
)
from digest.errors import SourceError
from digest.pages.lines import CUT, Found, read_lines, text_lines
from digest.pages.markup import Metadata, metadata, parse, visible_lines

__all__ = ["read_page"]

BOMS = {codecs.BOM_UTF8: "utf-8-sig", codecs.BOM_UTF16_LE: "utf-16", codecs.BOM_UTF16_BE: "utf-16"}
CHARSET = re.compile(rb"(?:charset|encoding)\s*=\s*[\"']?\s*([\w.:-]+)", re.IGNORECASE)
# Names that a page may give: anything else that Python knows isn't an encoding of text.
ENCODING = re.compile(
    r"utf-?8|iso-?8859-\d+|latin-?1|us-ascii|(?:windows|cp)-?125\d|koi8-[ru]|gb\w+|big5\S*"
    r"|shift_jis|euc-\w+|iso-2022-jp|tis-620|mac\w+",
    re.IGNORECASE,
)
MARKUP = re.compile(r"<(?:!doctype html|html|head|body|title|h1|article|div|p)\b", re.IGNORECASE)
FEED = re.compile(
    r"\A\s*(?:<\?.*?\?>\s*|<!--.*?-->\s*)*<(?:rss|feed|rdf:rdf)\b|\A\s*\{.{0,400}?jsonfeed\.org",
    re.IGNORECASE | re.DOTALL,
)
SNIFFED = 20_000  # characters: saved pages begin with long scripts


def read_page(
    data: bytes, *, source: str, section: str = "", timezone: str = "UTC", url: str = ""
) -> Reading:
    """The article of a saved page (HTML or text) and the lists beside it.

    `articles[0]` is the page's own; the opinion pieces it lists follow as headlines with the
    page's time. `section` overrules what the page says. `timezone` (IANA) counts for dates that
    name no zone, and says whose IST is meant; times are in UTC. `url` is where the page was found.
    Raises SourceError for what is no article page: empty, binary, a feed, without a headline.
    """
    text = _text(data, source)
    meta, found = _read(text, url)
    own = _own(meta, found, timezone, canonical(url))
    if not own.headline:
        raise SourceError(
            f"The page of {source} has no headline.",
            remedy="Save the page of one article, not of a section; then collect again.",
        )
    own = replace(own, source=source, section=section or own.section)
    trending = tuple(
        Listed(rank, entry.headline, entry.url, entry.section)
        for rank, entry in enumerate(found.trending, 1)
    )
    return Reading(articles=(own, *_opinion(own, found)), listed=trending)


def _text(data: bytes, source: str) -> str:
    if not data.strip():
        raise SourceError(f"The page of {source} is empty.", remedy="Save it again from a browser.")
    text = _decoded(data)
    if re.search(r"[\x00-\x08\x0e-\x1a]", text[:SNIFFED]) or text.startswith("%PDF-"):
        raise SourceError(
            f"The page of {source} is neither HTML nor text.",
            remedy="Save the article page itself, as HTML or as text.",
        )
    if FEED.match(text):
        raise SourceError(
            f"The page of {source} is a feed, not an article page.",
            remedy="Write feed = instead of page = in digest.toml.",
        )
    return text


def _decoded(data: bytes) -> str:
    for bom, encoding in BOMS.items():
        if data.startswith(bom):
            return data.decode(encoding, "replace")
    declared = CHARSET.search(data[:4096])
    name = declared[1].decode("ascii", "replace") if declared else ""
    # Browsers read "latin-1" as Windows-1252, and pages are written for browsers.
    named = (
        "cp1252" if re.fullmatch(r"iso-?8859-1|latin-?1|us-ascii", name, re.IGNORECASE) else name
    )
    for encoding in (named, "utf-8"):
        if ENCODING.fullmatch(encoding):
            try:
                return data.decode(encoding)
            except (LookupError, ValueError):
                continue
    return data.decode("cp1252", "replace")


def _read(text: str, url: str) -> tuple[Metadata | None, Found]:
    root = parse(text) if MARKUP.search(text[:SNIFFED]) else None
    if root is None:
        return None, read_lines(text_lines(text))
    meta = metadata(root, url)
    return meta, read_lines(visible_lines(root, meta.url or url), meta.headline)


def _own(meta: Metadata | None, found: Found, timezone: str, url: str) -> Article:
    body = "\n\n".join(found.body)
    updated = moment((meta and meta.updated) or found.updated, timezone)
    published = moment((meta and meta.published) or found.published, timezone)
    own = Article(
        headline=found.headline,
        url=url,
        dek=found.dek or dek_of(found.body[0] if found.body else ""),
        byline=found.byline,
        published=published or updated,
        updated=updated,
        image=Image(credit=found.credit),
        attribution=found.attribution,
        body=body,
    )
    return _with_metadata(own, meta, found) if meta else own


def _with_metadata(own: Article, meta: Metadata, found: Found) -> Article:
    # A description that was cut off is worse than the dek that the page shows.
    whole = meta.dek if meta.dek and not (CUT.search(meta.dek) and found.dek) else ""
    return replace(
        own,
        url=meta.url or own.url,
        dek=whole or own.dek,
        byline=meta.byline or own.byline,
        section=meta.section,
        categories=meta.categories,
        image=Image(meta.image_url, meta.image_alt, found.credit or meta.image_credit),
        language=meta.language,
    )


def _opinion(own: Article, found: Found) -> list[Article]:
    return [
        Article(
            headline=entry.headline,
            url=entry.url,
            published=own.published,
            section="Opinion",
            language=own.language,
            source=own.source,
        )
        for entry in found.opinion
    ]
