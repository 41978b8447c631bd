"""Sitemaps: a news sitemap becomes articles.

What Google News reads (https://www.google.com/schemas/sitemap-news/0.9): an address, a headline, a
date, a language. Never here: a list of sitemaps (kinds refuses it), other kinds of feeds.
"""

from digest.articles import Article, Image, language_of, moment
from digest.errors import SourceError
from digest.feeds.entries import MOST, Origin, address, categories_of
from digest.feeds.markup import Element, children, says, title_of


def read(root: Element, origin: Origin) -> list[Article]:
    """The articles of a news sitemap in its order; raises SourceError where it names no news."""
    pages = children(root, "url")[:MOST]
    made = [
        article
        for page in pages
        for news in children(page, "news:news", "news")
        if (article := _article(page, news, origin))
    ]
    # Between its two tags an empty one has nothing at all; a broken one, whatever else there was.
    if not made and any(isinstance(child.tag, str) for child in root):
        raise SourceError(
            f"The sitemap of {origin.source} lists no news.",
            remedy="Name the site's news sitemap; robots.txt on its server often says where it is.",
        )
    return made


def _article(page: Element, news: Element, origin: Origin) -> Article | None:
    headline = title_of(news, "news:title", "title")
    if not headline:
        return None
    published = moment(says(news, "news:publication_date", "publication_date"), origin.timezone)
    updated = moment(says(page, "lastmod"), origin.timezone)
    publication = next(iter(children(news, "news:publication", "publication")), news)
    labels = says(news, "news:keywords", "keywords").split(",")
    return Article(
        headline=headline,
        url=address(origin.base, says(page, "loc")),
        published=published or updated,
        updated=updated,
        section=origin.section,
        categories=categories_of([*labels, *says(news, "news:genres", "genres").split(",")]),
        image=_image(page, origin),
        language=language_of(says(publication, "news:language", "language")),
        source=origin.source,
    )


def _image(page: Element, origin: Origin) -> Image:
    for image in children(page, "image:image"):
        if url := address(origin.base, says(image, "image:loc")):
            return Image(url, alt=says(image, "image:caption", "image:title"))
    return Image()
