"""Pictures: which picture an entry of a feed has, with its alt text and its credit.

Never here: what else an entry says (entries).
"""

import re
from collections.abc import Callable, Iterator

from lxml import etree, html

from digest.articles import Image, credit_of, plain
from digest.feeds.markup import Element, attribute, children, descend, name_of, says, words

IMAGE_NAME = re.compile(r"\.(?:jpe?g|png|gif|webp|avif)(?:\?|$)", re.IGNORECASE)
TINY = 50  # pixels: what is smaller is an icon, or counts readers
COUNTER = re.compile(
    r"pixel|spacer|blank\.gif|/1x1|tracker|beacon|feedburner|feedsportal|doubleclick|stats\."
    r"|counter"
    r"|/ads?/|gravatar|emoji|/icons?/",
    re.IGNORECASE,
)
ALT_AT_MOST = 200  # characters
SCANNED = 200_000  # characters of an entry's text that are looked through for a picture

Address = Callable[[str], str]


def picture(entry: Element, texts: list[str], address: Address) -> Image:
    """The picture of an entry: what its elements name, else the first of its text.

    `texts` are the entry's texts as markup; `address` makes an absolute address of a link.
    """
    for scope, raw in _named(entry):
        if url := address(raw):
            return _with_words(entry, scope, Image(url=url), texts, address)
    found = (shown for text in texts if (shown := picture_of_text(text, address)).url)
    return next(found, Image())


def picture_of_text(text: str, address: Address) -> Image:
    """The first picture of a text that a reader would see."""
    return next(_shown(text, address), Image())


def _named(entry: Element) -> Iterator[tuple[Element, str]]:
    """The elements that name a picture, the best first."""
    media = [*descend(entry, frozenset({"media:content"}))]
    images = [e for e in media if _is_image(e)]
    for element in sorted(images, key=lambda e: (attribute(e, "isdefault") != "true", -_width(e))):
        yield element, attribute(element, "url")
    thumbnails = [e for e in descend(entry, frozenset({"media:thumbnail"})) if _width(e) >= TINY]
    for element in sorted(thumbnails, key=lambda e: -_width(e)):
        yield element, attribute(element, "url") or words(element)
    for link in children(entry, "enclosure", "link", "atom:link"):
        enclosed = name_of(link) == "enclosure" or attribute(link, "rel") == "enclosure"
        url = attribute(link, "url") or attribute(link, "href")
        kind = attribute(link, "type")
        if enclosed and (kind.startswith("image/") or (not kind and IMAGE_NAME.search(url))):
            yield link, url
    for image in children(entry, "itunes:image", "image", "image:image", "thumbnail", "thumb"):
        yield (
            image,
            attribute(image, "href")
            or attribute(image, "resource")
            or (says(image, "url", "link", "image:loc") or attribute(image, "url") or words(image)),
        )


def _is_image(element: Element) -> bool:
    kind = attribute(element, "medium") or attribute(element, "type").partition("/")[0]
    named = kind == "image" or (not kind and bool(IMAGE_NAME.search(attribute(element, "url"))))
    return named and _width(element) >= TINY


def _width(element: Element) -> int:
    sizes = [
        int(n)
        for key in ("width", "height")
        if (n := attribute(element, key)).isdecimal() and len(n) < 6
    ]
    return min(sizes, default=TINY)


def _with_words(
    entry: Element, scope: Element, image: Image, texts: list[str], address: Address
) -> Image:
    """The picture with what its own element says of it, or the one around, or the entry."""
    around = [scope, *(e for e in scope.iterancestors() if e in {*entry.iterdescendants()}), entry]
    credit = next((t for e in around if (t := says(e, "media:credit", "media:copyright"))), "")
    described = [
        *(t for e in around[:-1] if (t := says(e, "media:description", "media:text"))),
        says(entry, "media:description"),
    ]
    alt = (
        # A description of a page's length is of the film or article, and not of the picture.
        next((text for text in described if 0 < len(text) <= ALT_AT_MOST), "")
        or next(
            (t for e in around[:-1] if (t := says(e, "media:title", "title", "image:title"))), ""
        )
    )
    same = next(
        (i for text in texts for i in _shown(text, address) if _is_same(i.url, image.url)), None
    )
    alt = alt or (same.alt if same else "")
    return Image(image.url, alt, credit or (same.credit if same else ""))


def _is_same(one: str, other: str) -> bool:
    return one.partition("?")[0].rpartition("/")[2] == other.partition("?")[0].rpartition("/")[2]


def _shown(text: str, address: Address) -> Iterator[Image]:
    """The pictures of a text that a reader would see, with alt text and caption's credit."""
    if "<img" not in text[:SCANNED].lower():
        return
    try:
        root = html.fragment_fromstring(text[:SCANNED], create_parent="div")
    except (etree.LxmlError, ValueError, AssertionError):
        return
    for element in root.iter("img"):
        raw = element.get("data-src") or element.get("data-lazy-src") or element.get("src") or ""
        url = "" if raw.startswith("data:") else address(raw)
        if url and _width(element) >= TINY and not COUNTER.search(url):
            yield Image(url, plain(element.get("alt") or ""), _caption_credit(element))


def _caption_credit(element: html.HtmlElement) -> str:
    figure = next(element.iterancestors("figure"), None)
    captions = figure.iter("figcaption") if figure is not None else ()
    text = next((plain(caption.text_content()) for caption in captions), "")
    return credit_of(text)
