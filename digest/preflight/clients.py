"""What mail clients cannot show, by the data of www.caniemail.com (MIT; caniemail.LICENSE).

Only what stands inlined is looked at: a style sheet in the head is for the clients that read it.
The data is an extract that scripts/caniemail.py makes anew; half of its tests are years old, so
a finding names the date and is never more than a warning.
"""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

from digest.preflight.case import Case, Says, rule, tag
from digest.preflight.colours import declarations

# Where it is missing the mail reads just as well: corners, hints to one client, roles.
HARMLESS = frozenset(
    {"border-radius", "box-shadow", "text-shadow", "transition", "cursor", "max-height",
     "overflow", "opacity", "outline", "word-break", "word-wrap", "overflow-wrap", "hyphens",
     "box-sizing", "attribute:target", "attribute:aria-label", "attribute:aria-hidden",
     "attribute:aria-labelledby", "attribute:aria-describedby", "border-spacing",
     "table-layout", "text-decoration-color", "text-decoration-line", "text-decoration-style",
     "text-decoration-thickness", "text-underline-offset", "background-image", "white-space",
     "visibility", "height", "text-overflow", "element:header", "element:footer", "element:main",
     "element:section", "element:article", "element:nav", "element:aside", "element:figure",
     "element:abbr", "element:bdi", "element:wbr", "color-scheme"}
)  # fmt: skip
UNITS = re.compile(r"(?<![\w-])[\d.]+(rem|vh|vw|vmin|vmax|ch)\b")
FUNCTIONS = re.compile(r"\b([a-z-]+)\(")
# These make Gmail drop the whole attribute or style sheet, not the one declaration.
FATAL = re.compile(r"\b(?:rgba?|hsla?)\(\s*[\d.]+%?\s+[\d.]|\b(?:ok)?l(?:ch|ab)\(")


@dataclass(frozen=True, slots=True)
class Support:
    """When a feature was tested last, and which clients did not know it."""

    tested: str
    without: tuple[str, ...]


@rule("client-support", "warning")
def client_support(case: Case) -> Says:
    """Some widespread mail client cannot show what the HTML uses; the date is the test's."""
    for name in dict.fromkeys(used(case)):
        support = known().get(name)
        if support and name not in HARMLESS:
            yield (
                f"html: {name.removeprefix('function:').removeprefix('unit:')}",
                f"“{name}” was unknown to {', '.join(support.without)} on {support.tested}.",
                "Do without, or look at the mail in that client.",
            )


@rule("style-drops-all", "error")
def style_drops_all(case: Case) -> Says:
    """Gmail throws away a whole style attribute or sheet for one colour in the new notation."""
    places = [(f"<{tag(node)}>", node.get("style", "")) for node in case.elements]
    places += [("style", node.text or "") for node in case.named("style")]
    for where, style in places:
        if found := FATAL.search(style.lower()):
            yield (
                where,
                f"“{found[0]}…” makes Gmail drop all of the style around it.",
                "Write the colour as #rrggbb.",
            )


@cache
def known() -> dict[str, Support]:
    """The extract: what a mail may use, and who does not know it."""
    text = files("digest.preflight").joinpath("caniemail.json").read_text("utf-8")
    return {
        name: Support(each["tested"], tuple(each["without"]))
        for name, each in json.loads(text)["features"].items()
    }


def used(case: Case) -> Iterator[str]:
    """Everything that the HTML uses inlined, by the names of the extract."""
    for node in case.elements:
        yield f"element:{tag(node)}"
        yield from (f"attribute:{name}" for name in node.attrib)
        for name, value in declarations(node.get("style", "")).items():
            yield name
            yield f"{name}:{value}"
            yield from (f"unit:{unit}" for unit in UNITS.findall(value))
            yield from (f"function:{function}" for function in FUNCTIONS.findall(value))
