"""Pages: the bytes of a saved article page become its article and the lists beside it.

    saved       bytes -> text; what is no page
    markup      text -> a tree, and the lines that it shows
    linked      JSON-LD
    titles      the headline without the name of the site
    tags        meta tags; the text of an element
    bylines     who wrote it
    sections    where in its site it stands
    sectors     what it calls its sectors
    metadata    what the markup says about the article
    printed     what pages print around a story, in many languages: headings, stamps, furniture
    lines       the visible lines
    lists       the lists beside the article: Trending, opinion, briefs, Latest
    layout      what the visible lines say: headline, dek, byline, text
    pictures    the article's picture among those that are shown
    markdown    Markdown with front matter, as if it were a page
    joining     metadata and lines -> one article

Here lives what a page is. Never here: feeds; how the bytes are fetched (sources).
"""

import re
from dataclasses import replace

from digest.articles import Reading, canonical
from digest.errors import SourceError
from digest.pages.joining import Page, listed, opinion_pieces, own_article
from digest.pages.layout import read_lines
from digest.pages.lines import text_lines
from digest.pages.markdown import is_markdown, read_markdown
from digest.pages.markup import parse, visible_lines
from digest.pages.metadata import metadata
from digest.pages.pictures import shown_picture
from digest.pages.saved import SNIFFED, text_of_page
from digest.pages.sectors import sectors_of

__all__ = ["read_page"]

MARKUP = re.compile(r"<(?:!doctype html|html|head|body|title|h1|article|div|p)\b", re.IGNORECASE)


def read_page(
    data: bytes,
    *,
    source: str,
    section: str = "",
    timezone: str = "UTC",
    url: str = "",
    charset: str = "",
) -> Reading:
    """The article of a saved page (HTML, text, or Markdown) and the lists beside it.

    `articles[0]` is the page's own; the opinion pieces it lists follow as headlines with the
    page's time; `listed` has them too, with Trending, briefs and Latest. `section` overrules what
    the page says. `timezone` (IANA) counts for dates that name no zone, and says whose IST is
    meant; times are in UTC. `url` is where the page was found; `charset` the encoding that a
    server names for it, for a page that declares none itself.
    Raises SourceError for what is no article page: empty, binary, a feed, without a headline; for
    a draft, and for front matter that can't be read.
    """
    text = text_of_page(data, source, charset)
    page = read_markdown(text, source) if is_markdown(text) else _read(text, url)
    own = own_article(page, timezone, canonical(url))
    if not own.headline:
        raise SourceError(
            f"The page of {source} has no headline.",
            remedy="Save the page of one article, not of a section; then collect again.",
        )
    own = replace(own, source=source, section=section or own.section)
    return Reading((own, *opinion_pieces(own, page.found)), tuple(listed(page.found)))


def _read(text: str, url: str) -> Page:
    root = parse(text) if MARKUP.search(text[:SNIFFED]) else None
    if root is None:
        lines = text_lines(text)
        found = read_lines(lines)
        return Page(found, sectors=sectors_of(lines, found.headline))
    meta = metadata(root, url)
    shown = shown_picture(root, meta.image_url, meta.url or url)
    lines = visible_lines(root, meta.url or url)
    found = read_lines(lines, meta.headline)
    return Page(found, meta, shown, sectors_of(lines, found.headline))
