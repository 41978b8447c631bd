"""Saved pages: their bytes become text, and what is no page is told apart.

Never here: what stands on the page.
"""

import codecs
import re

from digest.errors import SourceError

BOMS = {codecs.BOM_UTF8: "utf-8-sig", codecs.BOM_UTF16_LE: "utf-16", codecs.BOM_UTF16_BE: "utf-16"}
CHARSET = re.compile(rb"(?:charset|encoding)\s*=\s*[\"']?\s*([\w.:-]+)", re.IGNORECASE)
# Names that a page may give: anything else that Python knows isn't an encoding of text.
ENCODING = re.compile(
    r"utf-?8|iso-?8859-\d+|latin-?1|us-ascii|(?:windows|cp)-?125\d|koi8-[ru]|gb\w+|big5\S*"
    r"|shift[_-]jis|x-sjis|euc-\w+|iso-2022-jp|tis-620|mac\w+",
    re.IGNORECASE,
)
FEED = re.compile(
    r"\A(?:\s++|<\?[^>]*+>|<!--.*?-->)*+<(?:rss|feed|rdf:rdf|urlset|sitemapindex)\b"
    r"|\A\s*\{.{0,400}?jsonfeed\.org",
    re.IGNORECASE | re.DOTALL,
)
SNIFFED = 20_000  # characters: saved pages begin with long scripts


LARGEST = 12_000_000  # bytes: a page saved with its pictures inside has a few million


def text_of_page(data: bytes, source: str, charset: str = "") -> str:
    """The text of a page, markup or not; raises SourceError for what is no page.

    Empty, binary, a feed, or larger than 12 MB.
    """
    if len(data) > LARGEST:
        raise SourceError(
            f"The page of {source} is larger than {LARGEST // 1_000_000} MB.",
            remedy="Save the article page as HTML alone, without its pictures.",
        )
    if not data.strip():
        raise SourceError(f"The page of {source} is empty.", remedy="Save it again from a browser.")
    text = _decoded(data, charset)
    if re.search(r"[\x00-\x08\x0e-\x1a]", text[:SNIFFED]) or text.startswith("%PDF-"):
        raise SourceError(
            f"The page of {source} is neither HTML nor text.",
            remedy="Save the article page itself, as HTML or as text.",
        )
    if FEED.match(text, 0, SNIFFED):
        raise SourceError(
            f"The page of {source} is a feed, not an article page.",
            remedy="Write feed = instead of page = in digest.toml.",
        )
    # Those of Windows and of old Macs would hide where front matter begins and ends.
    return text.replace("\r\n", "\n").replace("\r", "\n")


def _decoded(data: bytes, charset: str) -> str:
    if data[:4] in {b"<\x00!\x00", b"<\x00h\x00"}:
        return data.decode("utf-16-le", "replace")
    for bom, encoding in BOMS.items():
        if data.startswith(bom):
            return data.decode(encoding, "replace")
    declared = CHARSET.search(data[:4096])
    name = declared[1].decode("ascii", "replace") if declared else charset
    # Browsers read "latin-1" as Windows-1252, and pages are written for browsers.
    named = (
        "cp1252" if re.fullmatch(r"iso-?8859-1|latin-?1|us-ascii", name, re.IGNORECASE) else name
    )
    if name.lower() in {"shift_jis", "shift-jis", "sjis", "x-sjis"}:
        named = "cp932"
    # Many a page that says Latin-1 is UTF-8, whose pairs of letters no Latin-1 text has.
    for encoding in (*(["utf-8"] if named == "cp1252" else []), named, "utf-8"):
        if ENCODING.fullmatch(encoding) or encoding == "cp932":
            try:
                return data.decode(encoding)
            except (LookupError, ValueError):
                continue
    # A single bad byte must not turn every umlaut of a page into two letters.
    high = sum(byte > 127 for byte in data[:200_000])
    bad = data[:200_000].decode("utf-8", "replace").count("\ufffd")
    named = named if ENCODING.fullmatch(named) and not named.lower().startswith("utf") else "cp1252"
    try:
        return data.decode("utf-8" if bad * 10 < high else named, "replace")
    except LookupError:
        return data.decode("cp1252", "replace")
