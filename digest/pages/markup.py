"""The markup of an article page: its tree, and the lines that it shows.

Here lives how elements become lines. Never here: what a line means (lines), what the markup says
about the article (metadata).
"""

import re
from itertools import islice
from typing import Any

from lxml import etree, html

from digest.articles import canonical, plain, without_surrogates
from digest.pages.lines import LINE_AT_MOST, LINES, Line
from digest.pages.tags import UNSEEN_CLASS, join, text_of

HIDDEN = {
    "script",
    "style",
    "noscript",
    "template",
    "svg",
    "math",
    "nav",
    "footer",
    "form",
    "button",
    "select",
    "iframe",
    "object",
    "video",
    "audio",
    "head",
    "dialog",
}
ASIDE = {"aside"}
PROSE = {"p", "blockquote"}
TITLES = {"h1", "h2", "h3", "h4", "h5", "h6"}
BLOCKS = (
    PROSE
    | TITLES
    | {
        "address",
        "article",
        "aside",
        "body",
        "br",
        "dd",
        "div",
        "dl",
        "dt",
        "fieldset",
        "figcaption",
        "figure",
        "header",
        "hr",
        "li",
        "main",
        "ol",
        "pre",
        "section",
        "table",
        "td",
        "th",
        "tr",
        "ul",
    }
)
STORY_CLASS = re.compile(
    r"(?:^|[\s_-])(?:(?:article|story|post|entry|news|page|text|canvas)[-_]?(?:body|content"
    r"|text|cont)"
    r"|rich-?text\w*|contenu|content|field--name-body)(?:$|[\s_-])",
    re.IGNORECASE,
)
SECTION = re.compile(r"\W{0,3}[^\W\d_][^\W_]*(?:[ &]+[^\W_]+){0,2}")  # what stands behind an entry
SHORT = 3  # words: what is longer is no label, but a headline
RANKED = re.compile(r"\s*#?\d{1,2}[.)]?\s*")
LABELS = {"span", "time", "small", "em", "b", "strong", "i"}
CAPTIONS = {"figcaption", "figure"}
CAPTION_CLASS = re.compile(r"(?:^|[\s_-])(?:caption|credit|photo-?credit)", re.IGNORECASE)
UNSEEN_STYLE = re.compile(r"display\s?:\s?none|visibility\s?:\s?hidden", re.IGNORECASE)
PROSE_AT_LEAST = 120
STORIES = 20  # elements that may hold the text and are weighed
TAGS = 50_000  # of one page: the longest that news sites make have 20,000
LONG_TAG = re.compile(r"<[a-zA-Z][^<>]{16384,}")
ATTRIBUTES = 1_000  # of one element: libxml2 compares each with all before it


def parse(text: str) -> html.HtmlElement | None:
    """The document, or None where there is nothing to parse.

    It ends where it nests deeper than 256 levels, and after 50,000 tags.
    """
    text = "<".join(text.split("<", TAGS)[:TAGS])
    text = LONG_TAG.sub(_bounded, text)
    text = without_surrogates(text)
    # lxml refuses a str that declares an encoding, so it gets bytes and is told theirs.
    parser = html.HTMLParser(encoding="utf-8", remove_comments=True, remove_pis=True)
    try:
        return html.document_fromstring(text.encode("utf-8", "replace"), parser=parser)
    except (etree.LxmlError, ValueError, AssertionError):
        return None


def _bounded(tag: re.Match[str]) -> str:
    return "<a" if tag[0].count("=") + tag[0].count(" ") > ATTRIBUTES else tag[0]


def visible_lines(root: html.HtmlElement, base: str) -> list[Line]:
    """The lines that the page shows, in its order. `base` makes their addresses absolute."""
    writer = _Writer(base, story_of(root))
    # Iterative: a page may nest deeper than Python's stack.
    walk = etree.iterwalk(root, events=("start", "end"))
    for event, element in walk:
        if event == "start":
            if not isinstance(element.tag, str) or _is_hidden(element):
                walk.skip_subtree()
                continue
            writer.enter(element)
        else:
            writer.leave(element)
        if len(writer.lines) >= LINES:
            break
    writer.end_line()
    return writer.lines


def _is_hidden(element: Any) -> bool:
    if element.tag in HIDDEN or "hidden" in element.attrib:
        return True
    return bool(
        UNSEEN_CLASS.search(element.get("class") or "")
        or UNSEEN_STYLE.search(element.get("style") or "")
    )


def story_of(root: html.HtmlElement) -> html.HtmlElement | None:
    """The element that holds the text, where the page marks it."""
    for path in ('//*[@itemprop="articleBody"]', "//article", "//main"):
        marked: list[html.HtmlElement] = root.xpath(path)
        if marked:
            return max(marked[:STORIES], key=_paragraph_length)
    named = (e for e in root.iter("div", "section", "td") if STORY_CLASS.search(_marks(e)))
    return max(islice(named, STORIES), key=_paragraph_length, default=None)


def _marks(element: html.HtmlElement) -> str:
    return f"{element.get('id') or ''} {element.get('class') or ''}"


def _paragraph_length(element: html.HtmlElement) -> int:
    texts = (islice(p.itertext(), 50) for p in islice(element.iter("p"), 100))
    return sum(len(text) for some in texts for text in some)


def _is_rank(element: Any) -> bool:
    """Whether an element is the number of an entry in a list ("<span>2</span>Second")."""
    return (
        element.tag in LABELS
        and not len(element)
        and bool(RANKED.fullmatch(element.text or ""))
        and element.getparent().tag not in PROSE
    )


def _is_caption(element: Any) -> bool:
    return element.tag in CAPTIONS or bool(CAPTION_CLASS.search(element.get("class") or ""))


class _Writer:
    """Collects the text between two block elements as one line."""

    def __init__(self, base: str, story: html.HtmlElement | None) -> None:
        self.base = base
        self.story = story
        self.lines: list[Line] = []
        self.parts: list[str] = []
        self.links: list[str] = []
        self.open: list[str] = []
        self.asides = 0
        self.captions = 0
        self.linked = 0
        self.inside = int(story is None)

    def enter(self, element: Any) -> None:
        if element.tag in BLOCKS:
            self.end_line()
            self.open.append(element.tag)
        self.asides += element.tag in ASIDE
        self.captions += _is_caption(element)
        self.inside += element is self.story
        if element.tag == "a" and element.get("href"):
            self.links.append(element.get("href"))
        if _is_rank(element):
            self.end_line()
        self.parts.append(element.text or "")

    def leave(self, element: Any) -> None:
        if not (isinstance(element.tag, str) and _is_hidden(element)):
            if element.tag in BLOCKS:
                self.end_line()
                self.open.pop()
            self.asides -= element.tag in ASIDE
            self.captions -= _is_caption(element)
            self.linked += len(element.text or "") * (element.tag == "a")
            self.inside -= element is self.story
            if _is_rank(element):
                # The number stands in the entry's link: that leads on.
                links = self.links
                self.end_line()
                self.links = links
            elif element.tag == "a" and self._is_entry(element):
                self.end_line()
        self.parts.append(element.tail or "")

    def _is_entry(self, link: Any) -> bool:
        """Whether a link is an entry of a list, and what is beside it a label of its own."""
        beside = link.getnext()
        block = self.open[-1] if self.open else ""
        tail = (link.tail or "").strip()
        if tail and block == "li" and beside is None and link.getprevious() is None:
            return bool(SECTION.fullmatch(tail)) and len(text_of(link).split()) > SHORT
        return block not in PROSE and beside is not None and beside.tag in LABELS and not tail

    def end_line(self) -> None:
        text = plain("".join(self.parts)[:LINE_AT_MOST])
        if text:
            self.lines.append(self._line(text))
        self.parts, self.links = [], [] if text else self.links
        self.linked = 0

    def _line(self, text: str) -> Line:
        block = self.open[-1] if self.open else ""
        long = len(text) >= PROSE_AT_LEAST and block not in TITLES
        running = self.linked < len(text) * 0.8 and not self.captions
        return Line(
            text,
            url=canonical(join(self.base, self.links[0])) if self.links else "",
            aside=self.asides > 0,
            prose=self.inside > 0 and running and (block in PROSE or long),
            caption=self.captions > 0,
            entry=bool(self.links) or block in TITLES,
            heading=not self.links or block in TITLES,
            title=not self.links and block in {"h1", "h2", "h3"},
        )
