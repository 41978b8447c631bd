"""Pictures: which of the pictures that a page shows is its article's, with alt text and credit.

Never here: the pictures that its metadata names (metadata).
"""

import re
from collections import Counter
from dataclasses import dataclass
from itertools import islice

from lxml import html

from digest.articles import canonical, credit_of, is_credit, plain
from digest.pages.markup import HIDDEN, story_of
from digest.pages.metadata import NO_PICTURE
from digest.pages.tags import join, text_of

SIZE = re.compile(r"[-_](?:\d{2,4}x\d{2,4}|\d{3,4}w?|scaled|large|medium|small|thumb)$|@\dx$")
FIGURE_CLASS = re.compile(
    r"figure|caption|featured|hero|(?:lead|main|article|item|story|post)-?(?:image|img|picture|photo)",
    re.IGNORECASE,
)
CREDIT_CLASS = re.compile(
    r"credit|\bcite$|copyright|source|photographer|attribution",
    re.IGNORECASE,
)
CAPTION_CLASS = re.compile(r"caption|legend|credit", re.IGNORECASE)
LOOKED_AT = 100  # pictures of one page
LONGEST = 300  # characters of a credit
TINY = 60  # pixels: icons and portraits of authors


@dataclass(frozen=True, slots=True)
class Shown:
    """A picture as a page shows it. `main`: it stands in a figure of the main column."""

    url: str
    alt: str
    credit: str
    main: bool


def shown_picture(root: html.HtmlElement, named: str, base: str) -> Shown | None:
    """The picture that the metadata names, as the page shows it; else the first of the article."""
    story = story_of(root)
    if story is None:
        story = _densest(root)
    images = root.xpath("//body//*[self::img or self::amp-img]")[:LOOKED_AT]
    pictures = [made for e in images if (made := _shown(e, story, base))]
    same = [p for p in pictures if named and _stem(p.url) == _stem(named)]
    main = [p for p in pictures if p.main]
    # A picture is printed twice, large and small: one of them has the words.
    return next(iter([*(p for p in same if p.credit), *same, *main]), None)


def _shown(image: html.HtmlElement, story: html.HtmlElement | None, base: str) -> Shown | None:
    around = [*image.iterancestors()]
    if any(e.tag in HIDDEN - {"noscript"} or e.tag == "aside" for e in around) or _is_tiny(image):
        return None
    url = next((u for raw in _sources(image) if (u := canonical(join(base, raw)))), "")
    if not url or NO_PICTURE.search(url):
        return None
    figure = next((e for e in around if e.tag == "figure"), None)
    captioned = figure is not None and next(figure.iter("figcaption"), None) is not None
    if figure is None:
        near = around[:3]
        figure = next((e for e in near if FIGURE_CLASS.search(str(e.get("class") or ""))), None)
    credit = _credit(figure) if figure is not None else _credit_beneath(image)
    marked = "image" in str(image.get("itemprop") or "").split()
    inside = captioned or marked or any(e is story or e.tag in {"article", "main"} for e in around)
    return Shown(url, plain(str(image.get("alt") or "")), credit, inside)


def _densest(root: html.HtmlElement) -> html.HtmlElement | None:
    """The element with the most text in paragraphs of its own, where nothing marks the story."""
    lengths: Counter[html.HtmlElement] = Counter()
    for paragraph in islice(root.iter("p"), 500):
        if (parent := paragraph.getparent()) is not None and parent.tag != "body":
            lengths[parent] += len(text_of(paragraph))
    return next((parent for parent, _ in lengths.most_common(1)), None)


def _credit_beneath(image: html.HtmlElement) -> str:
    """The credit of a picture that stands in no figure: in the next element, if that is one."""
    beneath = (e.getnext() for e in (image, *islice(image.iterancestors(), 2)))
    for element in beneath:
        if element is None:
            continue
        marked = CAPTION_CLASS.search(str(element.get("class") or ""))
        credit = credit_of(text_of(element)[:LONGEST])
        if marked or is_credit(credit):
            return credit
    return ""


def _sources(image: html.HtmlElement) -> list[str]:
    lazy = (
        str(image.get(key) or "") for key in ("data-src", "data-original", "data-lazy-src", "src")
    )
    sets = (str(image.get(key) or "").split() for key in ("srcset", "data-srcset"))
    urls = [*lazy, *(words[0] for words in sets if words)]
    return [url for url in urls if url.strip() and not url.startswith("data:")]


def _is_tiny(image: html.HtmlElement) -> bool:
    sizes = (str(image.get(key) or "").removesuffix("px") for key in ("width", "height"))
    return any(size.isdecimal() and len(size) < 6 and int(size) < TINY for size in sizes)


def _credit(figure: html.HtmlElement) -> str:
    marked = figure.xpath(".//*[@class or @itemprop or self::cite]")[:60]
    for element in marked:
        marks = f"{element.get('class') or ''} {element.get('itemprop') or ''} {element.tag}"
        if element.tag == "figure" or not CREDIT_CLASS.search(marks):
            continue
        text = text_of(element)
        if 1 < len(text) < LONGEST:
            return text.strip(" ()[]")
    captions = [*figure.iter("figcaption")] or [
        e for e in marked if CAPTION_CLASS.search(str(e.get("class") or ""))
    ]
    return next((c for caption in captions[:3] if (c := credit_of(text_of(caption)))), "")


def _stem(url: str) -> str:
    """What the sizes of one picture have in common: its file's name."""
    path = url.partition("?")[0].rstrip("/")
    return SIZE.sub("", re.sub(r"\.\w{2,5}$", "", path.rpartition("/")[2].lower()))
