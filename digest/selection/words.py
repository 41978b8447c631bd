"""Words: what of an article is compared when twins are looked for.

Never here: the comparison itself (twins).
"""

import re
import unicodedata
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from urllib.parse import urlsplit

from digest.articles import Article, headline_key

LEAD = 50  # words
WORD = re.compile(r"(?:\w|[\u0610-\u065f\u0900-\u0dff])+")  # vowel signs belong to their word
# Scripts that set no spaces between words: two neighbouring signs stand for a word.
ACCENTS = re.compile(r"[\u0300-\u036f]+")
UNSPACED = re.compile(r"[\u0e00-\u0e7f\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]+")
# One word on both shores: labour, programme, centre, organise.
BRITISH = re.compile(
    r"^(\w{3,}?)(?:(our)(?=(?:s|ed|ing|ers?|able|ites?|hood)?$)|(amme)(?=s?$)|(tre)(?=s?$)"
    r"|is(?=(?:e|es|ed|ing|ation|ations)$))"
)
FIGURE = re.compile(r"(?<=\d)[.,:’'–-](?=\d)")
CUT = re.compile(r"(?:\.\.\.|…)\s*$")
# Two headlines that name different days tell of different days.
DAYS = frozenset(
    word
    for line in (
        "monday tuesday wednesday thursday friday saturday sunday",
        "january february march april june july august september october november december",
        "lunes martes miercoles jueves viernes sabado domingo",
        "lundi mardi mercredi jeudi vendredi samedi dimanche",
        "montag dienstag mittwoch donnerstag freitag samstag sonntag",
    )
    for word in line.split()
)


@dataclass(frozen=True, slots=True)
class Profile:
    """What of an article is compared.

    `page` is its address, the same for the forms that a site has for telephones; `key` the
    headline without marks and case; `dek` the words with which it begins, of the text where it
    has no dek; `lead` these and more of the text. `numbers`, `days` and `names` are those of
    the headline.
    """

    page: str
    at: datetime
    key: str
    cut: bool
    headline: frozenset[str]
    dek: frozenset[str]
    lead: frozenset[str]
    numbers: frozenset[str]
    days: frozenset[str]
    names: frozenset[str]

    @property
    def site(self) -> str:
        """The host of its address; articles without one stand alone."""
        return self.page.partition("/")[0]

    @property
    def whole(self) -> frozenset[str]:
        """The words of headline and dek."""
        return self.headline | self.dek


def profile(article: Article, at: datetime) -> Profile:
    """`at` is when it was published, in UTC."""
    headline = frozenset(_words(article.headline))
    begins = article.body[:400]
    dek = frozenset(_words(article.dek or begins)[:LEAD])
    return Profile(
        page=_page(article.url) if article.url else article.fingerprint,
        at=at,
        key=headline_key(article.headline),
        cut=bool(CUT.search(article.headline)),
        headline=headline,
        dek=dek,
        lead=dek | frozenset(_words(begins)[:LEAD]),
        numbers=frozenset(word for word in headline if any(map(str.isdigit, word))),
        days=headline & DAYS,
        names=_names(article.headline, article.dek or begins) & headline,
    )


def _page(url: str) -> str:
    """One page has several addresses: with http or https, for telephones, for AMP."""
    parts = urlsplit(url)
    host = re.sub(r"^(?:www|m|mobile|amp)\.", "", parts.netloc)
    path = re.sub(r"/amp(?=/)", "", f"{parts.path}/").replace(".amp.html/", ".html").rstrip("/")
    query = "&".join(
        pair for pair in parts.query.split("&") if not re.match(r"(?:amp|outputType=amp)\b", pair)
    )
    return f"{host}{path}?{query}"


def _names(headline: str, text: str) -> frozenset[str]:
    """What is capitalised within a sentence; a headline that is so all over tells nothing."""
    words = re.findall(r"[^\W\d_]{3,}", headline)[1:]
    capitals = [word for word in words if word[0].isupper() and not word.isupper()]
    if 2 * len(capitals) > len(words):
        capitals = []
    capitals += re.findall(r"(?<=[\w,;] )[^\W\d_]{3,}", text)
    return frozenset(w for word in capitals if word[0].isupper() for w in _words(word))


def _words(text: str) -> list[str]:
    folded = text.casefold()
    if not folded.isascii():
        # Latin accents don't tell words apart; the vowel signs of Indian scripts (Mc, Mn) do.
        bare = ACCENTS.sub("", unicodedata.normalize("NFKD", folded))
        folded = unicodedata.normalize("NFC", bare)
    # A figure is one word, however its digits are parted: 40,000 and 4.25 and 2-1.
    found = WORD.findall(FIGURE.sub("", folded))
    if not folded.isascii():
        found = [part for word in found for part in _parts(word)]
    found = [_american(word) for word in found] if folded.isascii() else found
    return [word for word in found if len(word) > 2 or word.isdigit() or UNSPACED.search(word)]


@lru_cache(50_000)
def _american(word: str) -> str:
    found = BRITISH.match(word)
    if found is None:
        return word
    stem, our, amme, tre = found.groups()
    return stem + ("or" if our else "am" if amme else "ter" if tre else "iz") + word[found.end() :]


def _parts(word: str) -> list[str]:
    if not UNSPACED.search(word):
        return [word]
    return [word[i : i + 2] for i in range(max(1, len(word) - 1))]
