"""Joining: what a page says in its metadata and what it shows make one article.

Here lives which of the two is believed. Never here: how either is read (metadata, lines).
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from digest.articles import (
    DEK_AT_LEAST,
    Article,
    Image,
    Kind,
    Listed,
    dek_of,
    headline_key,
    is_generated,
    moment,
    names_hour,
    secured,
)
from digest.pages.layout import Found
from digest.pages.lists import Entry
from digest.pages.metadata import Metadata, url_date
from digest.pages.pictures import Shown
from digest.pages.printed import CUT

DAY = timedelta(days=1)
SHOWN_AT_MOST = 600  # characters of a dek that the page prints beneath its headline
WHOLE_AT_LEAST = 25  # characters of a page's own description that can stand alone


@dataclass(frozen=True, slots=True)
class Page:
    """A page as it was read. Saved text has no metadata and shows no picture."""

    found: Found
    meta: Metadata | None = None
    shown: Shown | None = None
    sectors: tuple[str, ...] = ()


def own_article(page: Page, timezone: str, url: str) -> Article:
    """The page's own article, without source; its headline is "" where none can be made out.

    `url` is where the page was found, where it names no address itself.
    """
    found, meta = page.found, page.meta
    stated = (*(meta.published if meta else ()), found.published, *found.dated)
    changed = (*(meta.updated if meta else ()), found.updated)
    language = meta.language if meta else ""
    updated = _first_moment(changed, timezone, language)
    published = _first_moment(stated, timezone, language) or updated
    address = (meta and meta.url) or url
    return Article(
        headline=found.headline,
        url=address,
        dek=_dek(page),
        byline=(meta and meta.byline) or found.byline,
        published=published or moment(url_date(address), timezone),
        updated=updated,
        section=meta.section if meta else "",
        categories=meta.categories if meta else (),
        sectors=(meta.sectors if meta else ()) or page.sectors,
        image=_image(page, address),
        attribution=found.attribution,
        body="\n\n".join(found.body),
        language=language,
    )


def _first_moment(texts: Iterable[str], timezone: str, language: str) -> datetime | None:
    """The first that can be read; of one that names but its day, the hour that another names."""
    day: datetime | None = None
    for text in texts:
        if (found := moment(text, timezone, language)) is None:
            continue
        if names_hour(text) and (day is None or day <= found < day + DAY):
            return found
        day = day or found
    return day


def _dek(page: Page) -> str:
    """The page's own description where it is whole; else what it shows, else its first lines."""
    found = page.found
    stated = [
        text for text in (*(page.meta.deks if page.meta else ()), found.dek) if _says(text, page)
    ]
    shown = bool(stated) and len(CUT.sub("", stated[0])) <= len(found.dek) <= SHOWN_AT_MOST
    if shown and _goes_on(found.dek, stated[0]):
        # What the desk wrote beneath its headline is not ours to shorten.
        return found.dek
    fit = [text for text in stated if not CUT.search(text)]
    # A few words ("An excerpt.") are less than what the page prints beneath its headline.
    whole = next((text for text in fit if len(text) >= WHOLE_AT_LEAST), next(iter(fit), ""))
    if stated and whole != stated[0] and not _goes_on(whole, stated[0]):
        # Only a beginning is given: what it is the beginning of may stand in the text.
        whole = dek_of(stated[0], found.body) if len(stated[0]) >= DEK_AT_LEAST else whole
    if len(whole) >= WHOLE_AT_LEAST:
        # As the page says it: the text is only for one that was cut off without a sign.
        return dek_of(whole, found.body if len(whole) > DEK_AT_LEAST else ())
    return dek_of(whole, found.body)


def _says(text: str, page: Page) -> bool:
    """Whether a description says anything of this article: no headline, no name of the site."""
    key = headline_key(text)
    return len(key) > 8 and key not in {
        headline_key(page.found.headline),
        headline_key(page.meta.site if page.meta else ""),
    }


def _goes_on(whole: str, cut: str) -> bool:
    return headline_key(whole).startswith(headline_key(CUT.sub("", cut))[:40])


def _image(page: Page, address: str) -> Image:
    found, meta, shown = page.found, page.meta, page.shown
    if meta is None:
        return Image(credit=found.credit)
    if not meta.image_url and shown is None:
        return Image(alt=meta.image_alt, credit=found.credit)
    seen = shown or Shown("", "", "", main=False)
    named = (seen.credit, meta.image_credit, found.credit)
    generated = (credit for credit in (found.credit, *named) if is_generated(credit))
    return Image(
        secured(meta.image_url or seen.url, address),
        meta.image_alt or seen.alt or meta.image_caption,
        next(generated, "") or next(filter(None, named), ""),
    )


def opinion_pieces(own: Article, found: Found) -> list[Article]:
    """What a page lists as opinion, as headlines with the page's time."""
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


def listed(found: Found) -> Iterator[Listed]:
    """The entries of the page's lists, each list counted from 1."""
    kinds: dict[Kind, list[Entry]] = {
        "trending": found.trending,
        "opinion": found.opinion,
        "brief": found.brief,
        "latest": found.latest,
    }
    for kind, entries in kinds.items():
        for rank, entry in enumerate(entries, 1):
            yield Listed(rank, entry.headline, entry.url, entry.section, kind)
