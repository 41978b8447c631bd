"""Text: markup from outside becomes plain text.

Here lives what a reader may see of a stranger's words. Never here: which of the words make a dek
(deks), addresses, dates, where the words come from.
"""

import html
import re
import unicodedata

import nh3

BLOCKS = {
    "p",
    "br",
    "div",
    "li",
    "ul",
    "ol",
    "tr",
    "td",
    "th",
    "h1",
    "h2",
    "h3",
    "h4",
    "h5",
    "h6",
    "blockquote",
    "figure",
    "figcaption",
    "section",
    "article",
    "table",
    "hr",
    "dl",
    "dt",
    "dd",
    "header",
    "footer",
    "pre",
}
# Their content is no text, or none of the running text.
UNSEEN = {"script", "style", "template", "noscript", "iframe", "object", "svg", "math", "title"}
BESIDE = {
    "figure",
    "figcaption",
    "aside",
    "nav",
    "form",
    "table",
    "button",
    "h1",
    "h2",
    "h3",
    "h4",
    "h5",
    "h6",
}
# Control and other characters that show nothing or turn the line about. The joiners U+200C and
# U+200D stay: Hindi, Persian and emoji are written with them.
INVISIBLE = re.compile(
    "[\u0000-\u0008\u000e-\u001b\u007f-\u0084\u0086-\u009f\u00ad\u200b\u202a-\u202e\u2060-\u2064"
    "\u2066-\u206f\ufeff\ufff9-\ufffb\ufffe\uffff\ud800-\udfff]"
)
TAG = re.compile(r"<(/?)[a-zA-Z][^<>]*>")
OPENING = re.compile(r"<([a-zA-Z][a-zA-Z0-9]{0,15})(\s[^<>]*)?/?>")
CLOSING = re.compile(r"</([a-zA-Z][a-zA-Z0-9]{0,15})")
SLOPPY = {"p", "br", "hr", "wbr"}  # nobody closes them
SWALLOWING = UNSEEN | {"textarea", "xmp", "noembed", "noframes", "plaintext"}
NESTED = re.compile(r"&(?:amp;|#0*38;|#[xX]0*26;)+")
# Halves of surrogate pairs: libxml2 makes bytes of them that are no UTF-8.
REFERENCE = re.compile(
    r"&#(?:[xX]0*([dD][89a-fA-F][0-9a-fA-F]{2})|0*(5[5-7]\d{3}))(?![0-9a-fA-F]);?"
)
LANGUAGE = re.compile(r"[A-Za-z]{2,8}(?:[-_][A-Za-z0-9]{1,8}){0,4}")
AND = "\ue000"  # of the private use area: no text has it
DEEP = 200  # levels: more is no text that anybody wrote, and nh3's work grows with their square
ROUNDS = 6  # how often one feed may escape the same text


def plain(markup: str) -> str:
    """Markup from outside as one line of plain text: tags, scripts and control characters gone.

    Entities are resolved as often as they were escaped, because feeds escape twice: what is plain
    is left as it is.
    """
    text = tidy(markup)
    for _ in range(ROUNDS):
        before, text = text, tidy(html.unescape(NESTED.sub("&", _without_tags(text, BLOCKS))))
        if text == before:
            return text
    return tidy(re.sub(r"[<>&]", " ", text))


def title_text(markup: str, *, literal: bool = False) -> str:
    """A title as plain text, of which no tag that it only speaks of takes the rest away.

    "Guide to <script> tags" keeps its words, with ‹script› among them: a tag that is never closed
    and would swallow what follows. `literal`: by its format the text has no markup, so that each
    bare tag that is never closed is a word ("Why <b> beats <strong>").
    """
    return plain(spoken(html.unescape(NESTED.sub("&", markup)), literal=literal))


def spoken(markup: str, *, literal: bool) -> str:
    """Markup in which the tags that it only speaks of are words, as in `title_text`."""
    closed = {name.lower() for name in CLOSING.findall(markup)} | SLOPPY

    def word(tag: re.Match[str]) -> str:
        name = tag[1].lower()
        is_word = name in SWALLOWING or (literal and not tag[2])
        return f" ‹{tag[1]}› " if is_word and name not in closed else tag[0]

    return OPENING.sub(word, markup)


def paragraphs(markup: str) -> list[str]:
    """The paragraphs of markup as plain text; captions, headings and tables are left out."""
    if "<" not in markup and "&lt;" in markup:
        markup = html.unescape(markup)
    if "<" in markup:
        parts = re.split(r"<[^>]*>", _cleaned(markup, BLOCKS - BESIDE, UNSEEN | BESIDE))
    else:
        parts = re.split(r"\n[ \t]*\n", markup)
    return [text for part in parts if not part.isspace() and (text := plain(part))]


def tidy(text: str) -> str:
    """Plain text with Unicode composed (NFC), invisible characters gone and white space folded."""
    return " ".join(unicodedata.normalize("NFC", INVISIBLE.sub("", text)).split())


def without_surrogates(markup: str) -> str:
    """Markup without references to halves of surrogate pairs, which no text may contain."""
    return REFERENCE.sub(_character, markup)


def language_of(tag: str) -> str:
    """A language tag (BCP 47) as a document writes it; "" where it is none."""
    tag = tag.strip().replace("_", "-")
    return tag if LANGUAGE.fullmatch(tag) else ""


def headline_key(headline: str) -> str:
    """Two headlines with the same key are the same headline: case, marks and spaces don't count."""
    folded = unicodedata.normalize("NFKD", headline).casefold()
    return "".join(c for c in folded if c.isalnum())


def _character(reference: re.Match[str]) -> str:
    code = int(reference[1], 16) if reference[1] else int(reference[2])
    return "" if 0xD800 <= code <= 0xDFFF else reference[0]


def _without_tags(markup: str, blocks: set[str]) -> str:
    if "<" not in markup:
        return markup
    # nh3 gives well-formed output with nothing but bare block tags, so a pattern may cut them.
    return re.sub(r"<[^>]*>", " ", _cleaned(markup, blocks, UNSEEN))


def _cleaned(markup: str, kept: set[str], without: set[str]) -> str:
    if _is_deep(markup):
        markup = TAG.sub(" ", markup)
    # Its parser looks each ampersand up in a list of two thousand names, which takes the longest
    # of all that a stranger can send; they are resolved afterwards anyway.
    markup = markup.replace(AND, "").replace("&", AND)
    cleaned: str = nh3.clean(markup, tags=kept, attributes={}, clean_content_tags=without)
    return cleaned.replace(AND, "&")


def _is_deep(markup: str) -> bool:
    depth = 0
    if markup.count("<") > DEEP:
        for tag in TAG.finditer(markup):
            depth += -1 if tag[1] else 1
            if depth > DEEP:
                return True
    return False
