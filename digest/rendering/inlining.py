"""CSS into style attributes: premailer, tamed, and nothing of it seen outside.

`inlined` is the whole of it: no network, a page's own sheet only, a second style sheet
(`<style data-premailer="ignore">`) untouched, the same bytes for the same page in any process.
What premailer gets wrong is refused beforehand, where the sheet asks for it. Never here: a
page's content.
"""

import logging
import os
import re
from collections.abc import Iterator
from functools import lru_cache

from digest.errors import TemplateError
from digest.rendering.values import SENTINEL

SURPRISES = ("{{", "{%", "%7B", "%20}")
# What premailer loses or gets wrong in the sheet that it inlines, and what to do instead.
TRAPS = (
    (r"@import\b", "fetches from the network", "put the rules themselves into the sheet"),
    (r"@[a-z-]+", "is not inlined but lost", "put it into client.css"),
    (r"!\s*important", "would beat the rules of client.css", "remove it"),
    (r"url\(", "lets Gmail drop the whole style", "use an image in the template"),
    (r":(?:not|is|where|has)\(", "is not understood", "use a class"),
    (r"(?:^|[,}\s])\*\s*[,{]", "would be repeated in every element", "name the elements"),
    (r"\[[^\]]*\][^{}]*{", "is weighed wrongly", "use a class"),
    (r"rgba?\([^),]*\s[^),]*\)|(?:ok)?l(?:ch|ab)\(", "lets Gmail drop the whole sheet",
     "write colours as #rrggbb"),
    (r"var\(|--[a-z]", "is not known to most mail programs", "use the theme's values"),
)  # fmt: skip


@lru_cache(maxsize=16)  # an issue is rendered when it is approved, examined and composed
def inlined(markup: str) -> str:
    """The HTML with the sheet's CSS in style attributes.

    Raises TemplateError where the sheet has what cannot be inlined rightly, where a style sheet
    is linked, and where a reader's place or a brace did not come through unharmed.
    """
    _refuse_traps(markup)
    os.environ.setdefault("PREMAILER_CACHE_MAXSIZE", "4096")  # is read at import
    from premailer import Premailer  # takes half a second, so only who renders pays

    result: str = Premailer(
        _with_closed_styles(markup),
        base_url=None,
        allow_network=False,
        allow_loading_external_files=False,
        keep_style_tags=False,
        strip_important=False,
        disable_validation=True,
        remove_classes=False,
        align_floating_images=False,
        include_star_selectors=False,
        disable_basic_attributes=["width", "height"],
        cssutils_logging_level=logging.CRITICAL,
    ).transform(pretty_print=False)
    _compare(markup, result)
    return _without_spaces(result.replace("\r\n", "\n"))


def growth(markup: str) -> list[tuple[str, int]]:
    """What each rule of the sheet adds to the page in bytes, the heaviest first."""
    from lxml import html as lxml_html

    page = lxml_html.document_fromstring(markup)
    found: dict[str, int] = {}
    for sheet in _sheets(markup):
        for selectors, declarations in re.findall(r"([^{}]+){([^{}]*)}", sheet):
            size = len(re.sub(r"\s*([:;])\s*", r"\1", declarations.strip()).encode())
            count = sum(len(page.cssselect(one.strip())) for one in selectors.split(","))
            name = " ".join(selectors.split())
            found[name] = found.get(name, 0) + count * size
    return sorted(found.items(), key=lambda pair: (-pair[1], pair[0]))


def _sheets(markup: str) -> Iterator[str]:
    seen = re.sub(r"(?s)<!--.*?-->", "", markup)
    for attributes, sheet in re.findall(r"(?is)<style([^>]*)>(.*?)</style>", seen):
        if "data-premailer" not in attributes.lower():
            # Lines stay lines, so that a complaint can name one.
            yield re.sub(r"(?s)/\*.*?\*/", lambda found: "\n" * found[0].count("\n"), sheet)


def _refuse_traps(markup: str) -> None:
    without_comments = re.sub(r"(?s)<!--.*?-->", "", markup)
    if re.search(r"(?i)<link\b[^>]*stylesheet", without_comments):
        raise TemplateError(
            "The page links a style sheet, and mail programs fetch none.",
            remedy="Put its rules into email.css (inlined) or client.css (kept in the head).",
        )
    for sheet in _sheets(markup):
        for pattern, why, remedy in TRAPS:
            if found := re.search(f"(?i){pattern}", sheet):
                told, line = " ".join(found.group().split()), sheet.count("\n", 0, found.end())
                raise TemplateError(
                    f"email.css, line {max(line, 1)}: “{told}” {why}.",
                    remedy=f"{remedy[0].upper()}{remedy[1:]}.",
                )


def _with_closed_styles(markup: str) -> str:
    # premailer keeps selectors and style attributes in one cache: style="td" would be taken
    # for the selector td. No selector ends in a semicolon.
    return re.sub(r"""(?i)(\sstyle\s*=\s*(["']))([^"']*?);?\s*\2""", r"\1\3;\2", markup)


def _without_spaces(markup: str) -> str:
    # A space behind each declaration is a twentieth of the mail. Only in tags: a story may say
    # style="a; b" in its text, where "<" would be escaped.
    def tightened(found: re.Match[str]) -> str:
        return f'{found[1]}{re.sub("; +", ";", found[2]).rstrip(";")}"'

    return re.sub(r'(<[a-z][^<>]*\sstyle=")([^"]*)"', tightened, markup)


def _compare(before: str, after: str) -> None:
    if sorted(_places(before)) != sorted(_places(after)):
        raise TemplateError(
            "Inlining the CSS of issue.html.jinja lost a reader's link or date.",
            remedy="Use the reader's values only as a whole href or as text between tags.",
        )
    grown = [mark for mark in SURPRISES if after.count(mark) > before.count(mark)]
    if grown:
        raise TemplateError(
            f"Inlining the CSS of issue.html.jinja left “{grown[0]}” in the mail.",
            remedy="Look for braces inside an href of the template and remove them.",
        )


def _places(text: str) -> Iterator[str]:
    return (found.group() for found in SENTINEL.finditer(text))
