"""Words: what of an article is compared when twins are looked for.

Never here: the comparison itself (twins).
"""

import re
import unicodedata
from dataclasses import dataclass
from datetime import datetime
from urllib.parse import urlsplit

from digest.articles import Article, headline_key

LEAD = 60  # words
WORD = re.compile(r"(?:\w|[\u0610-\u065f\u0900-\u0dff])+")  # vowel signs belong to their word
# Scripts that set no spaces between words: two neighbouring signs stand for a word.
UNSPACED = re.compile(r"[\u0e00-\u0e7f\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]+")
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
        "first second third fourth fifth",
    )
    for word in line.split()
)


@dataclass(frozen=True, slots=True)
class Profile:
    """What of an article is compared.

    `page` is its address, the same for the forms that a site has for telephones; `key` the
    headline without marks and case; `lead` the words with which the text begins, the dek's too;
    `numbers` and `names` are those of the headline.
    """

    page: str
    at: datetime
    key: str
    cut: bool
    headline: frozenset[str]
    dek: frozenset[str]
    lead: frozenset[str]
    numbers: frozenset[str]
    names: frozenset[str]


def profile(article: Article, at: datetime) -> Profile:
    """`at` is when it was published, in UTC."""
    headline = frozenset(_words(article.headline))
    dek = _words(article.dek)[:LEAD]
    lead = frozenset(dek) | frozenset(_words(article.body[:600])[: 2 * LEAD])
    numbers = frozenset(w for w in headline if w in DAYS or any(c.isdigit() for c in w))
    cut = bool(CUT.search(article.headline))
    key = headline_key(article.headline)
    names = frozenset(_proper_names(article.headline))
    page = _page(article.url) if article.url else key
    return Profile(page, at, key, cut, headline, frozenset(dek), lead, numbers, names)


def _page(url: str) -> str:
    """One page has several addresses: with http or https, for telephones, for AMP."""
    parts = urlsplit(url)
    host = re.sub(r"^(?:www|m|mobile|amp)\.", "", parts.netloc)
    path = re.sub(r"(?:/amp|\.amp(?=\.html$)|(?<=/)amp/(?=.))/?", "/", f"{parts.path}/")
    path = re.sub(r"/+", "/", path.replace("/.html", ".html")).rstrip("/")
    query = "&".join(
        pair for pair in parts.query.split("&") if not re.match(r"(?:amp|outputType=amp)\b", pair)
    )
    return f"{host}{path}?{query}"


def _proper_names(headline: str) -> list[str]:
    """The capitalised words of a headline but its first; none where all are written so."""
    words = re.findall(r"[^\W\d_]{3,}", headline)[1:]
    capitals = [word for word in words if word[0].isupper() and not word.isupper()]
    return [w for word in capitals for w in _words(word)] if 2 * len(capitals) <= len(words) else []


def _words(text: str) -> list[str]:
    folded = unicodedata.normalize("NFKD", text.casefold())
    # Latin accents don't tell words apart; the vowel signs of Indian scripts (Mc, Mn) do.
    folded = "".join(c for c in folded if not "\u0300" <= c <= "\u036f")
    words: list[str] = []
    for word in WORD.findall(unicodedata.normalize("NFC", folded)):
        if UNSPACED.search(word):
            words += [word[i : i + 2] for i in range(max(1, len(word) - 1))]
        elif len(word) > 2 or word.isdigit():
            words.append(word)
    return words
