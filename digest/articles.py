"""Article: one item that a source published, as the rest of the house sees it.

Here live the value, the canonical form of its address, its fingerprint, and the one way in
which markup from outside becomes plain text. Never here: how a feed or a page is parsed
(feeds, pages), what is chosen (selection), where it is kept (archive).
"""

import hashlib
import html
import re
import unicodedata
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, tzinfo
from datetime import timezone as fixed_zone
from urllib.parse import parse_qsl, quote, urlencode, urlsplit, urlunsplit
from zoneinfo import ZoneInfo

import nh3

BLOCKS = {"p", "br", "div", "li", "ul", "ol", "tr", "td", "h1", "h2", "h3", "h4", "h5", "h6",
          "blockquote", "figure", "figcaption", "section", "article", "table", "hr",
          "pre"}  # fmt: skip
TRACKING = re.compile(
    r"^(utm_\w+|fbclid|gclid|dclid|msclkid|mc_cid|mc_eid|igshid|yclid|_hsenc|_hsmi|ref_src)$"
)
DEK = 280  # characters: three lines on a telephone
MORE = re.compile(
    r"(?:\s|^|[\[(…])+(?:Read (?:[Mm]ore|(?:the )?full (?:story|article))|READ MORE"
    r"|Continue [Rr]eading|Keep reading)\b[^.!?]{0,80}[\s.…»→>\])]*$"
    r"|\s*\bThe post .{1,300} (?:first )?appeared (?:first )?on .{1,100}$"
)
SENTENCE_END = re.compile(r"[.!?…][\"'”’»)\]]*(?=\s)|[।。！？]")
ABBREVIATED = re.compile(r"(?:\b\w|\b(?:Mr|Mrs|Ms|Dr|St|Prof|Gen|Sen|Gov|Rep|Lt|No|vs|Jr|Sr))\.$")
MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
DAYS = tuple(
    re.compile(pattern, re.IGNORECASE)
    for pattern in (
        r"\b(?P<y>\d{4})[-/.](?P<m>\d{1,2})[-/.](?P<d>\d{1,2})\b",
        r"\b(?P<d>\d{1,2})[-/.](?P<m>\d{1,2})[-/.](?P<y>\d{4})\b",
        r"\b(?P<d>\d{1,2})(?:st|nd|rd|th)?[ -](?P<m>[a-z]{3})[a-z]*\.?,?[ -](?P<y>\d{4}|\d\d)\b",
        r"\b(?P<m>[a-z]{3})[a-z]*\.? (?P<d>\d{1,2})(?:st|nd|rd|th)?,? (?P<y>\d{4})\b",
    )
)
CLOCK = re.compile(r"(\d{1,2}):(\d\d)(?::(\d\d))?(?:\.\d+)?\s*(?:([ap])\.?m\b\.?)?", re.IGNORECASE)
OFFSET = re.compile(r"([+-])(\d\d):?(\d\d)\b")
LETTERS = re.compile(r"\b[A-Z]{1,5}\b")
# Hours ahead of UTC. The letters IST stand for three zones and are settled in `_zone`.
ZONES = {"UTC": 0, "GMT": 0, "UT": 0, "Z": 0, "WET": 0, "WEST": 1, "BST": 1, "CET": 1, "CEST": 2,
         "EET": 2, "EEST": 3, "MSK": 3, "PKT": 5, "SGT": 8, "HKT": 8, "JST": 9, "KST": 9,
         "AEST": 10, "AEDT": 11, "EST": -5, "EDT": -4, "CST": -6, "CDT": -5, "MST": -7,
         "MDT": -6, "PST": -8, "PDT": -7}  # fmt: skip
INVISIBLE = re.compile(r"[\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f\u00ad\u200b\u2060\ufeff]")


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
    separated by an empty line. `categories` are the source's own words, in their order.
    """

    headline: str
    url: str = ""
    dek: str = ""
    byline: str = ""
    published: datetime | None = None
    updated: datetime | None = None
    section: str = ""
    categories: tuple[str, ...] = ()
    image: Image = Image()
    attribution: str = ""
    body: str = ""
    language: str = ""
    source: str = ""

    @property
    def fingerprint(self) -> str:
        """What makes it the same article when it is seen again: its address, else its headline.

        32 hexadecimal digits; http or https, `www.`, and tracking parameters make no difference.
        """
        return fingerprint(self.url, self.headline)


@dataclass(frozen=True, slots=True)
class Listed:
    """One entry of a list that a page carries beside its article (Trending, Opinion).

    `rank` counts from 1 in the order of the page. `url` is empty where the page names none.
    """

    rank: int
    headline: str
    url: str = ""
    section: str = ""


@dataclass(frozen=True, slots=True)
class Reading:
    """All that one document of a source yielded: a feed gives articles, a page also its lists."""

    articles: tuple[Article, ...] = ()
    trending: tuple[Listed, ...] = ()


def plain(markup: str) -> str:
    """Markup from outside as one line of plain text: tags, scripts and control characters gone.

    Entities are resolved once more than the markup asks for, because feeds escape twice.
    """
    text = html.unescape(html.unescape(_without_tags(markup)))
    if re.search(r"</?[a-zA-Z][^<>]*>", text):
        text = html.unescape(_without_tags(text))
    return tidy(text)


def tidy(text: str) -> str:
    """Plain text with Unicode composed (NFC), invisible characters gone and white space folded."""
    return " ".join(INVISIBLE.sub("", unicodedata.normalize("NFC", text)).split())


def canonical(url: str) -> str:
    """The address without fragment, tracking parameters and default port; host in lower case.

    Anything but an absolute http(s) address gives "": nothing else may become a link in mail.
    """
    try:
        parts = urlsplit(INVISIBLE.sub("", url).strip())
        port = parts.port
    except ValueError:
        return ""
    if parts.scheme.lower() not in {"http", "https"} or not parts.hostname or parts.username:
        return ""
    host = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
    if port and port != {"http": 80, "https": 443}[parts.scheme.lower()]:
        host = f"{host}:{port}"
    kept = [
        (k, v) for k, v in parse_qsl(parts.query, keep_blank_values=True) if not TRACKING.match(k)
    ]
    # A space at the end would be lost the next time that the address is read.
    path = re.sub(r"\s", lambda space: quote(space[0]), parts.path) or "/"
    return urlunsplit((parts.scheme.lower(), host, path, urlencode(kept), ""))


def fingerprint(url: str, headline: str) -> str:
    """See `Article.fingerprint`."""
    identity = re.sub(r"^https?://(www\.)?", "", canonical(url)).rstrip("/") or headline_key(
        headline
    )
    return hashlib.sha256(identity.encode()).hexdigest()[:32]


def headline_key(headline: str) -> str:
    """Two headlines with the same key are the same headline: case, marks and spaces don't count."""
    folded = unicodedata.normalize("NFKD", headline).casefold()
    return "".join(c for c in folded if c.isalnum())


def dek_of(text: str) -> str:
    """Plain text as a dek: at most 280 characters, no "Read more" or "Continue reading" behind it.

    It ends with a sentence where one ends in time, otherwise with a word and "…".
    """
    text = MORE.sub("", text).strip()
    if len(text) <= DEK:
        return text
    # One character more is looked at, so that a sentence may end exactly at the limit.
    ends = [m.end() for m in SENTENCE_END.finditer(text[: DEK + 1]) if m.end() <= DEK]
    ends = [end for end in ends if not ABBREVIATED.search(text[:end])]
    if ends:
        return text[: ends[-1]]
    cut = text[: DEK - 1]
    return (cut.rpartition(" ")[0] or cut).rstrip(" ,;:–—-") + "…"


def moment(text: str, timezone: str) -> datetime | None:
    """A date as feeds and pages write it (ISO 8601, RFC 822, day-month-year) in UTC.

    `timezone` is an IANA name, for dates that name no zone. None where no date can be made out.
    Raises zoneinfo's errors where `timezone` is no zone: settings checks it long before.
    """
    text = tidy(text)
    try:
        try:
            found = datetime.fromisoformat(text)
            zone = found.tzinfo or ZoneInfo(timezone)
        except ValueError:
            found, rest = _day_and_clock(text)
            zone = _zone(rest, timezone)
        return found.replace(tzinfo=zone).astimezone(UTC)
    except (ValueError, OverflowError):
        return None


def _day_and_clock(text: str) -> tuple[datetime, str]:
    """Date and time without a zone, and what stands beside them; ValueError where there is none."""
    day = next((match for pattern in DAYS if (match := pattern.search(text))), None)
    if day is None:
        raise ValueError(text)
    rest = f"{text[: day.start()]} {text[day.end() :]}"
    clock = CLOCK.search(rest)
    hour, minute, second, half = clock.groups() if clock else ("0", "0", "0", None)
    hours = int(hour) % 12 + 12 * (half in "pP") if half else int(hour)
    found = datetime(  # noqa: DTZ001 - the zone is found out in `_zone`
        _year(day["y"]), _month(day["m"]), int(day["d"]), hours, int(minute), int(second or 0)
    )
    return found, rest[clock.end() :] if clock else rest


def _year(digits: str) -> int:
    # RFC 822 wrote two digits; RFC 5322 section 4.3 says which century they mean.
    return int(digits) if len(digits) == 4 else int(digits) + (2000 if int(digits) < 50 else 1900)


def _month(word: str) -> int:
    return int(word) if word.isdigit() else MONTHS.index(word.lower()) + 1


def _zone(text: str, timezone: str) -> tzinfo:
    if offset := OFFSET.search(text):
        sign, hours, minutes = offset.groups()
        ahead = timedelta(hours=int(hours), minutes=int(minutes))
        return fixed_zone(-ahead if sign == "-" else ahead)
    letters = next((word for word in LETTERS.findall(text) if word in ZONES or word == "IST"), "")
    # India, Ireland and Israel all write IST; a source that says where it is decides.
    if letters == "IST":
        return ZoneInfo("Asia/Kolkata" if timezone == "UTC" else timezone)
    return fixed_zone(timedelta(hours=ZONES[letters])) if letters else ZoneInfo(timezone)


def _without_tags(markup: str) -> str:
    # nh3 gives well-formed output with nothing but bare block tags, so a pattern may cut them.
    cleaned = nh3.clean(markup, tags=BLOCKS, attributes={}, clean_content_tags={"script", "style"})
    return re.sub(r"<[^>]*>", " ", cleaned)
