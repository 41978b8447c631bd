"""Rules on contrast (WCAG 2.2, 1.4.3), from the colours that stand inlined in the HTML."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace

from lxml.html import HtmlElement

from digest.preflight.case import Case, Says, rule

Colour = tuple[int, int, int]
ENOUGH, ENOUGH_LARGE = 4.5, 3.0
NO_CONTRAST = 1.25  # what filters call invisible
NAMES: dict[str, Colour] = {
    "white": (255, 255, 255), "black": (0, 0, 0), "red": (255, 0, 0), "green": (0, 128, 0),
    "blue": (0, 0, 255), "gray": (128, 128, 128), "grey": (128, 128, 128),
    "silver": (192, 192, 192), "yellow": (255, 255, 0), "navy": (0, 0, 128),
    "maroon": (128, 0, 0), "orange": (255, 165, 0), "purple": (128, 0, 128),
}  # fmt: skip
WHITE, BLACK = NAMES["white"], NAMES["black"]


@dataclass(frozen=True, slots=True)
class Ink:
    """How a text is set: colours, and whether it is large or bold. None: cannot be computed."""

    text: Colour | None = BLACK
    ground: Colour | None = WHITE
    size: float = 16.0
    bold: bool = False

    @property
    def contrast(self) -> float | None:
        """WCAG contrast ratio, 1 to 21."""
        if self.text is None or self.ground is None:
            return None
        light, dark = sorted(map(_luminance, (self.text, self.ground)), reverse=True)
        return (light + 0.05) / (dark + 0.05)

    @property
    def enough(self) -> float:
        """The contrast it needs: less where it is large (18 pt, or 14 pt and bold)."""
        large = self.size >= 24 or (self.bold and self.size >= 18.66)
        return ENOUGH_LARGE if large else ENOUGH


@rule("contrast-low", "warning")
def contrast_low(case: Case) -> Says:
    """Text needs a contrast of 4.5 to its background, large text 3, or it cannot be read."""
    for text, ink in _texts(case):
        contrast = ink.contrast
        if contrast is not None and NO_CONTRAST <= contrast < ink.enough:
            yield (
                f"text “{text[:40]}”",
                f"“{text[:40]}” has a contrast of {contrast:.1f} to its background.",
                f"Choose colours with {ink.enough} or more.",
            )


@rule("text-invisible", "error")
def text_invisible(case: Case) -> Says:
    """Text in the colour of its background is how spam hides words; filters look for it."""
    for text, ink in _texts(case):
        contrast = ink.contrast
        if contrast is not None and contrast < NO_CONTRAST:
            yield (
                f"text “{text[:40]}”",
                f"“{text[:40]}” has the colour of its background.",
                "Show it or take it out.",
            )


def _texts(case: Case) -> Iterator[tuple[str, Ink]]:
    for body in case.named("body")[:1]:
        yield from _walk(body, Ink())


def _walk(node: HtmlElement, outer: Ink) -> Iterator[tuple[str, Ink]]:
    if not isinstance(node.tag, str) or node.tag == "style":
        return
    ink = _ink(node, outer)
    pieces = [node.text or "", *(child.tail or "" for child in node)]
    text = " ".join("".join(pieces).split())
    if re.search(r"\w", text):
        yield text, ink
    for child in node:
        yield from _walk(child, ink)


def _ink(node: HtmlElement, outer: Ink) -> Ink:
    style = declarations(node.get("style", ""))
    ink = outer
    if node.tag == "a" and "color" not in style:
        ink = replace(ink, text=(0, 0, 238))
    if "color" in style:
        ink = replace(ink, text=colour(style["color"]))
    ground = style.get("background-color") or style.get("background") or node.get("bgcolor")
    if ground and ground != "transparent":
        ink = replace(ink, ground=colour(ground))
    if size := re.fullmatch(r"([\d.]+)px", style.get("font-size", "")):
        ink = replace(ink, size=float(size[1]))
    weight = style.get("font-weight", "")
    if weight or node.tag in {"b", "strong", "h1", "h2", "h3"}:
        ink = replace(ink, bold=weight in {"", "bold", "bolder", "600", "700", "800", "900"})
    return ink


def declarations(style: str) -> dict[str, str]:
    """The declarations of a style attribute, lower case, without !important."""
    found = {}
    for declaration in style.split(";"):
        name, colon, value = declaration.partition(":")
        if colon:
            found[name.strip().lower()] = value.replace("!important", "").strip().lower()
    return found


def colour(value: str) -> Colour | None:
    """A CSS colour as red, green, blue; None where it is none that we can compute."""
    if value in NAMES:
        return NAMES[value]
    if found := re.fullmatch(r"#([0-9a-f]{3}|[0-9a-f]{6})", value.lower()):
        digits = found[1] if len(found[1]) == 6 else "".join(d * 2 for d in found[1])
        return int(digits[:2], 16), int(digits[2:4], 16), int(digits[4:], 16)
    if found := re.fullmatch(r"rgb\((\d{1,3})[ ,]+(\d{1,3})[ ,]+(\d{1,3})\)", value):
        return int(found[1]), int(found[2]), int(found[3])
    return None


def _luminance(value: Colour) -> float:
    parts = [channel / 255 for channel in value]
    red, green, blue = (
        part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts
    )
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue
