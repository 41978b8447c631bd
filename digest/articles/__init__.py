"""Article: one item that a source published, as the rest of the house sees it.

    text        markup from outside -> plain text
    deks        a summary and the first lines -> the dek
    addresses   the canonical form of an address; the fingerprint
    credits     a caption -> who made the picture
    moments     a date as it was written -> a moment in UTC (months: their names)

Here live the values. Never here: how a feed or a page is parsed (feeds, pages), what is chosen
(selection), where it is kept (archive).
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from digest.articles.addresses import canonical, fingerprint, secured
from digest.articles.credits import credit_of, is_credit, is_generated
from digest.articles.deks import DEK, DEK_AT_LEAST, dek_of, is_running, sentences, shortened
from digest.articles.moments import moment, names_hour
from digest.articles.text import (
    headline_key,
    language_of,
    paragraphs,
    plain,
    spoken,
    tidy,
    title_text,
    without_surrogates,
)

__all__ = ["DEK", "DEK_AT_LEAST", "Article", "Image", "Kind", "Listed", "Reading", "canonical",
           "credit_of", "dek_of", "fingerprint", "headline_key", "is_credit", "is_generated",
           "is_running", "language_of", "moment", "names_hour", "paragraphs", "plain", "secured",
           "sentences", "shortened", "spoken", "tidy", "title_text",
           "without_surrogates"]  # fmt: skip

Kind = Literal["trending", "opinion", "brief", "latest"]


@dataclass(frozen=True, slots=True)
class Image:
    """A picture of an article. `credit` is kept word for word: it may disclose AI generation."""

    url: str = ""
    alt: str = ""
    credit: str = ""


@dataclass(frozen=True, slots=True)
class Article:
    """One item of a source. Every text is plain (no markup, no control characters).

    `published` and `updated` are aware and in UTC; None where the source names no time.
    `url` is canonical; empty where a saved page names none. `attribution` is a line such as
    "(With inputs from agencies.)": kept, but no part of the text. `body` has its paragraphs
    separated by an empty line. `categories` are the source's own words, in their order; `sectors`
    are those that a page calls so (topics that a reader can follow).
    """

    headline: str
    url: str = ""
    dek: str = ""
    byline: str = ""
    published: datetime | None = None
    updated: datetime | None = None
    section: str = ""
    categories: tuple[str, ...] = ()
    sectors: tuple[str, ...] = ()
    image: Image = Image()
    attribution: str = ""
    body: str = ""
    language: str = ""
    source: str = ""

    @property
    def fingerprint(self) -> str:
        """What makes it the same article when it is seen again: its address, else its headline.

        32 hexadecimal digits; http or https, `www.`, `m.`, AMP and tracking parameters make no
        difference.
        """
        return fingerprint(self.url, self.headline)


@dataclass(frozen=True, slots=True)
class Listed:
    """One entry of a list: on a page beside its article, or of a feed that is ranked.

    `rank` counts from 1 in the order of the list. `url` is empty where the list names none.
    `kind` is what the list is called: Trending, Opinion, briefs (DevShots), or Latest.
    """

    rank: int
    headline: str
    url: str = ""
    section: str = ""
    kind: Kind = "trending"


@dataclass(frozen=True, slots=True)
class Reading:
    """All that one document of a source yielded: a feed gives articles, a page also its lists."""

    articles: tuple[Article, ...] = ()
    listed: tuple[Listed, ...] = ()
