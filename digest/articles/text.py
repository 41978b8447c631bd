"""Text: markup from outside becomes plain text, and a text becomes a dek.

Here lives what a reader may see of a stranger's words. Never here: addresses, dates, where the
words come from.
"""

import html
import re
import unicodedata

import nh3

BLOCKS = {"p", "br", "div", "li", "ul", "ol", "tr", "td", "h1", "h2", "h3", "h4", "h5", "h6",
          "blockquote", "figure", "figcaption", "section", "article", "table", "hr",
          "pre"}  # fmt: skip
DEK = 280  # characters: three lines on a telephone
MORE = re.compile(
    r"(?:\s|^|[\[(…])+(?:Read (?:[Mm]ore|(?:the )?full (?:story|article))|READ MORE"
    r"|Continue [Rr]eading|Keep reading)\b[^.!?]{0,80}[\s.…»→>\])]*$"
    r"|\s*\bThe post .{1,300} (?:first )?appeared (?:first )?on .{1,100}$"
)
SENTENCE_END = re.compile(r"[.!?…][\"'”’»)\]]*(?=\s)|[।。！？]")
ABBREVIATED = re.compile(r"(?:\b\w|\b(?:Mr|Mrs|Ms|Dr|St|Prof|Gen|Sen|Gov|Rep|Lt|No|vs|Jr|Sr))\.$")
INVISIBLE = re.compile(r"[\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f\u00ad\u200b\u2060\ufeff]")


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


def _without_tags(markup: str) -> str:
    # nh3 gives well-formed output with nothing but bare block tags, so a pattern may cut them.
    cleaned = nh3.clean(markup, tags=BLOCKS, attributes={}, clean_content_tags={"script", "style"})
    return re.sub(r"<[^>]*>", " ", cleaned)
