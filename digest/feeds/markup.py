"""The markup of a feed: bytes become a tree, however they are encoded and whatever is broken.

Here live encodings, entities, namespaces and what a strict parser would refuse. Never here: what
an element means (entries).
"""

import codecs
import html
import re
from collections.abc import Iterator
from html.entities import html5

from lxml import etree

from digest.articles import plain, spoken, tidy, title_text, without_surrogates

BOMS = {
    codecs.BOM_UTF8: "utf-8",
    codecs.BOM_UTF16_LE: "utf-16-le",
    codecs.BOM_UTF16_BE: "utf-16-be",
}
DECLARED = re.compile(
    rb"<\?xml[^>]{0,200}?encoding\s{0,9}=\s{0,9}[\"']([\w.:-]{1,40})[\"']", re.IGNORECASE
)
# What Python knows beside them is no encoding of text.
ENCODING = re.compile(
    r"utf-?8|iso-?8859-?\d+|latin-?1|us-ascii|ascii|(?:windows|cp)-?125\d|koi8-[ru]|gb\w+"
    r"|big5\S*"
    r"|shift[_-]jis|sjis|windows-31j|euc-\w+|iso-2022-jp|tis-620|macintosh",
    re.IGNORECASE,
)
LATIN_1 = re.compile(r"iso-?8859-?1|latin-?1|us-ascii|ascii", re.IGNORECASE)
PROLOGUE = re.compile(
    r"<\?xml\b[^>]*+>"
    r"|<!doctype\b[^>\[]*+(?:\[[^\]]*+\][^>]*+)?>",
    re.IGNORECASE,
)
CDATA = re.compile(r"(<!\[CDATA\[.*?\]\]>|<!--.*?-->)", re.DOTALL)
AMPERSAND = re.compile(
    r"&(?!#\d{1,7};|#[xX][\da-fA-F]{1,6};|(?:amp|lt|gt|quot|apos);)([A-Za-z]\w{1,30};)?"
)
ILLEGAL = re.compile("[\u0000-\u0008\u000b\u000c\u000e-\u001f\ufffe\uffff\ud800-\udfff]")
# The namespaces that matter, as they are written here whatever a feed calls them.
SPACES = {
    "http://www.w3.org/2005/atom": "atom",
    "http://purl.org/atom/ns": "atom",
    "http://purl.org/dc/elements/1.1": "dc",
    "http://purl.org/dc/elements/1.0": "dc",
    "http://purl.org/dc/terms": "dcterms",
    "http://purl.org/rss/1.0/modules/content": "content",
    "http://search.yahoo.com/mrss": "media",
    "http://www.itunes.com/dtds/podcast-1.0.dtd": "itunes",
    "http://www.w3.org/1999/02/22-rdf-syntax-ns": "rdf",
    "http://www.w3.org/1999/xhtml": "xhtml",
    "http://rssnamespace.org/feedburner/ext/1.0": "feedburner",
    "http://www.google.com/schemas/sitemap-news/0.9": "news",
    "http://www.google.com/schemas/sitemap-image/1.1": "image",
    "http://www.w3.org/xml/1998/namespace": "xml",
}
TEXT_AT_MOST = 50_000  # characters of one element: twice the longest report
PREFIXES = frozenset(SPACES.values())

Element = etree._Element


def decoded(data: bytes, charset: str = "") -> str:
    """The text of a feed, without what is invisible before it.

    `charset` is what its server says of it, which counts after a byte order mark and the feed's
    own declaration.
    """
    return _decoded(data, charset).lstrip("\ufeff \t\r\n\x00")


def _decoded(data: bytes, charset: str) -> str:
    for bom, encoding in BOMS.items():
        if data.startswith(bom):
            return data[len(bom) :].decode(encoding, "replace")
    if data[:4] in {b"<\x00?\x00", b"\x00<\x00?"}:
        return data.decode("utf-16-le" if data[0] else "utf-16-be", "replace")
    declared = DECLARED.search(data[:1024])
    for encoding in (*_named(declared[1].decode() if declared else charset), "utf-8"):
        try:
            return data.decode(encoding)
        except (LookupError, ValueError):
            continue
    # A single bad byte must not turn every umlaut of a declared UTF-8 into two letters.
    if _mostly_utf8(data):
        return data.decode("utf-8", "replace")
    return data.decode("cp1252", "replace")


def _named(name: str) -> list[str]:
    """The encodings that a name may mean, to be tried in turn."""
    if LATIN_1.fullmatch(name):
        # Many who declare Latin-1 write UTF-8, whose pairs no Latin-1 text has; and Windows-1252.
        return ["utf-8", "cp1252"]
    if name.lower() in {"shift_jis", "shift-jis", "sjis"}:
        name = "cp932"
    return [name] if ENCODING.fullmatch(name) or name == "cp932" else []


def _mostly_utf8(data: bytes) -> bool:
    bad = data.decode("utf-8", "replace").count("\ufffd")
    high = sum(byte > 127 for byte in data[:200_000])
    return bad * 10 < high


def tree(text: str, base: str = "") -> Element | None:
    """The root of a feed's tree; None where there is none. Nothing outside of it is loaded.

    `base` is the feed's own address, for xml:base. Entities of HTML count as they do in HTML; those
    that a feed declares itself don't: they are the way to write a gigabyte in a hundred bytes.
    """
    text = without_surrogates(ILLEGAL.sub("", text))
    parts = CDATA.split(PROLOGUE.sub("", text, count=2))
    parts[::2] = [AMPERSAND.sub(_character, part) for part in parts[::2]]
    parser = etree.XMLParser(
        encoding="utf-8",
        recover=True,
        resolve_entities=False,
        no_network=True,
        load_dtd=False,
        huge_tree=False,
        remove_comments=True,
        remove_pis=True,
    )
    try:
        return etree.fromstring("".join(parts).encode(), parser, base_url=base or None)
    except (etree.LxmlError, ValueError):
        return None


def _character(entity: re.Match[str]) -> str:
    name = entity[1] or ""
    found = html5.get(name)
    return html.escape(found) if found else f"&amp;{name}"


def name_of(element: Element) -> str:
    """An element's name in lower case, with the prefix of its namespace where that matters."""
    if not isinstance(element.tag, str):
        return ""
    space, _, local = element.tag.rpartition("}")
    local = local.lower()
    if space:
        uri = space[1:].lower().replace("https:", "http:").rstrip("/#")
        prefix = SPACES.get(uri, "")
    else:
        # A prefix that was never declared.
        prefix, _, local = local.rpartition(":")
    return f"{prefix}:{local}" if prefix in PREFIXES else local


def children(element: Element, *names: str) -> list[Element]:
    """The children of these names, first all of the first name."""
    found = [(name_of(child), child) for child in element]
    return [child for name in names for known, child in found if known == name]


def words(element: Element | None) -> str:
    """What an element says, as markup: its text, and the markup within it; 50,000 characters."""
    if element is None:
        return ""
    if not len(element):
        text = (element.text or "")[:TEXT_AT_MOST]
        # RFC 4287 section 3.1.1.1: it is text, unless its type says otherwise.
        return spoken(text, literal=True) if _is_literal(element) else text
    opening = html.escape(element.text or "", quote=False)
    inner = (etree.tostring(child, encoding="unicode", method="html") for child in element)
    return "".join([opening, *inner])[:TEXT_AT_MOST]


def _is_literal(element: Element) -> bool:
    stated = attribute(element, "type").lower()
    return name_of(element) in {"atom:title", "atom:summary"} and stated in {"", "text"}


def says(element: Element, *names: str) -> str:
    """The plain text of the first child of these names that says anything."""
    return next((text for e in children(element, *names) if (text := plain(words(e)))), "")


def title_of(element: Element, *names: str) -> str:
    """As `says`, of a title."""
    return next((text for e in children(element, *names) if (text := title_text(words(e)))), "")


def attribute(element: Element, name: str) -> str:
    """An attribute, whatever the case of its name and its namespace; "" where it has none."""
    for key, value in element.attrib.items():
        if str(key).rpartition("}")[2].lower() == name:
            return tidy(str(value))
    return ""


def base_of(element: Element) -> str:
    """What an element's relative links are relative to: xml:base, else the feed's address."""
    try:
        return element.base or ""
    except ValueError:
        return ""


def descend(element: Element, names: frozenset[str], depth: int = 3) -> Iterator[Element]:
    """The descendants of these names, down to `depth` levels, in the document's order."""
    for child in element:
        if name_of(child) in names:
            yield child
        if depth > 1:
            yield from descend(child, names, depth - 1)
