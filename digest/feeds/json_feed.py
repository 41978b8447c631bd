"""JSON Feed 1.x (https://www.jsonfeed.org/version/1.1/) becomes articles.

Never here: feeds written in XML (entries).
"""

import json
from dataclasses import replace
from datetime import datetime
from typing import Any

from digest.articles import (
    Article,
    Image,
    dek_of,
    language_of,
    moment,
    paragraphs,
    plain,
    secured,
    tidy,
    title_text,
)
from digest.feeds.entries import (
    MOST,
    Origin,
    address,
    body_of,
    byline_of,
    categories_of,
    opening_words,
    without_headline,
)
from digest.feeds.kinds import JSON_FEED, begins_as_feed, cut_off, no_feed
from digest.feeds.pictures import picture_of_text


def read(text: str, origin: Origin) -> list[Article]:
    """The articles of a JSON feed in its order; raises SourceError for what is none."""
    try:
        feed = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise (cut_off if begins_as_feed(text[:4096]) else no_feed)(origin.source) from error
    if not isinstance(feed, dict) or JSON_FEED not in _raw(feed, "version"):
        raise no_feed(origin.source)
    base = (
        address(origin.base, _raw(feed, "home_page_url"))
        or address(origin.base, _raw(feed, "feed_url"))
        or origin.base
    )
    origin = replace(
        origin, base=base, language=language_of(_raw(feed, "language")), byline=_byline(feed)
    )
    items = (item for item in _list(feed, "items")[:MOST] if isinstance(item, dict))
    return [made for item in items if (made := _article(item, origin))]


def _article(item: dict[str, Any], origin: Origin) -> Article | None:
    lead = paragraphs(_raw(item, "content_html")) or _plain_paragraphs(_raw(item, "content_text"))
    headline = title_text(_raw(item, "title"), literal=True) or opening_words(lead)
    if not headline:
        return None
    updated = _when(item, "date_modified", origin)
    return Article(
        headline=headline,
        url=address(origin.base, _link(item)),
        dek=without_headline(dek_of(plain(_raw(item, "summary")), lead), headline),
        byline=_byline(item) or origin.byline,
        published=_when(item, "date_published", origin) or updated,
        updated=updated,
        section=origin.section,
        categories=categories_of(tag for tag in _list(item, "tags") if isinstance(tag, str)),
        image=_image(item, origin, address(origin.base, _link(item))),
        body=body_of(lead),
        language=language_of(_raw(item, "language")) or origin.language,
        source=origin.source,
    )


def _link(item: dict[str, Any]) -> str:
    """Where an item is to be read; an id is ideally that address as well."""
    named = _raw(item, "id")
    permanent = named if named.lower().startswith(("https://", "http://")) else ""
    return _raw(item, "url") or permanent or _raw(item, "external_url")


def _image(item: dict[str, Any], origin: Origin, url: str) -> Image:
    def absolute(raw: str) -> str:
        return secured(address(origin.base, raw), url)

    shown = picture_of_text(_raw(item, "content_html"), absolute)
    named = absolute(_raw(item, "image") or _raw(item, "banner_image"))
    if not named:
        return shown
    return replace(shown, url=named) if shown.url == named else Image(url=named)


def _plain_paragraphs(text: str) -> list[str]:
    return [tidy(part) for part in text.split("\n\n") if tidy(part)]


def _when(item: dict[str, Any], key: str, origin: Origin) -> datetime | None:
    return moment(_raw(item, key), origin.timezone, origin.language)


def _raw(element: dict[str, Any], key: str) -> str:
    value = element.get(key)
    # JSON can carry half of a surrogate pair, which no text may contain.
    return value.encode("utf-8", "ignore").decode() if isinstance(value, str) else ""


def _list(element: dict[str, Any], key: str) -> list[Any]:
    value = element.get(key)
    return value if isinstance(value, list) else []


def _byline(element: dict[str, Any]) -> str:
    authors = _list(element, "authors") or [element.get("author")]
    return byline_of(_raw(author, "name") for author in authors if isinstance(author, dict))
