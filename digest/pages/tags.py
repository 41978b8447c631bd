"""Tags: what a page's meta tags say, and the text and addresses of its elements.

Never here: which of them is believed (metadata).
"""

import re
from itertools import islice
from urllib.parse import urljoin

from lxml import etree, html

from digest.articles import plain

PIECES, METAS = 1_000, 1_000
UNSEEN_CLASS = re.compile(
    r"(?:^|\s)(?:sr-only|visually-?hidden|screen-reader-text|offscreen)(?:\s|$)", re.IGNORECASE
)
UNSEEN = {"script", "style", "svg", "template", "noscript"}
INLINE = {
    "a",
    "abbr",
    "b",
    "bdi",
    "bdo",
    "cite",
    "code",
    "em",
    "font",
    "i",
    "ins",
    "mark",
    "q",
    "s",
    "small",
    "strong",
    "sub",
    "sup",
    "u",
    "wbr",
}


class Meta:
    """The page's meta tags: called with names, it gives their contents in that order."""

    def __init__(self, root: html.HtmlElement) -> None:
        self.contents: dict[str, list[str]] = {}
        for tag in islice(root.iter("meta"), METAS):
            content = str(tag.get("content") or tag.get("value") or "")
            keys = (
                str(tag.get(key) or "") for key in ("property", "name", "itemprop", "http-equiv")
            )
            for name in {_key(word) for key in keys for word in key.split()[:5]}:
                if text := plain(content[:5000]):
                    self.contents.setdefault(name, []).append(text)

    def __call__(self, *names: str) -> list[str]:
        return [content for name in names for content in self.contents.get(_key(name), [])]


def _key(name: str) -> str:
    return name.strip().lower().replace(".", ":").replace("dcterm:", "dcterms:")


def text_of(element: html.HtmlElement) -> str:
    """The text that an element shows, as one line."""
    return plain(pieces_of(element))


def pieces_of(element: html.HtmlElement) -> str:
    """The text that an element shows, with a line feed between blocks; its first 2,000 pieces."""
    parts: list[str] = []
    walk = etree.iterwalk(element, events=("start", "end"))
    for event, inner in walk:
        space = "" if inner.tag in INLINE else " " if inner.tag == "span" else "\n"
        if event == "start":
            if not isinstance(inner.tag, str) or inner.tag in UNSEEN or _is_unseen(inner):
                walk.skip_subtree()
                continue
            parts += [space, inner.text or ""]
        elif inner is not element:
            parts += [space, inner.tail or ""]
        if len(parts) > PIECES:
            break
    return "".join(parts)


def join(base: str, link: str) -> str:
    """A link as an absolute address; "" where it is none."""
    try:
        return urljoin(base, link.strip())
    except ValueError:
        return ""


def _is_unseen(element: html.HtmlElement) -> bool:
    return bool(UNSEEN_CLASS.search(element.get("class") or ""))


def microdata(root: html.HtmlElement, name: str) -> list[str]:
    """What a property of schema.org says where elements are marked with it, at most thrice."""
    marked = root.xpath("//*[contains(concat(' ', @itemprop, ' '), $name)]", name=f" {name} ")
    texts = (str(e.get("content") or e.get("datetime") or "") or text_of(e) for e in marked[:3])
    return [plain(text[:5000]) for text in texts if text.strip()]
