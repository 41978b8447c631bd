"""Edition -> Rendering: the templates filled, the CSS inlined, the reader's places left open.

    languages   words, dates and numbers of the edition's language
    subjects    what the inbox shows
    notes       an editor's note, with a few marks of Markdown
    context     what a template sees of the edition
    sandbox     the environment that templates run in, bounded
    inlining    CSS into style attributes
    values      Reader, Rendering, and the places between them
    filling     a rendering for one reader
    samples     editions that are hard to render

An edition is rendered once for all of its readers; `fill` then puts in what differs between
them. Never here: what stands in the issue (edition), the message around it (messages).
"""

import re
from pathlib import Path
from typing import Any

from jinja2 import Environment

from digest.edition import Edition
from digest.rendering import notes, sandbox
from digest.rendering.context import FILTERS, address, context, linkable, reading_minutes
from digest.rendering.filling import content_hash, fill, pieces, values, without_places
from digest.rendering.inlining import growth, inlined
from digest.rendering.languages import LANGUAGES, joined_on
from digest.rendering.sandbox import broken, held
from digest.rendering.subjects import Cut, inbox_cuts, preheader_of, shortened, subject_of
from digest.rendering.values import PLACES, SENTINEL, Reader, Rendering
from digest.theme import Theme

__all__ = ["LANGUAGES", "PLACES", "SENTINEL", "Cut", "Reader", "Rendering", "address", "broken",
           "content_hash", "environment", "fill", "filled", "form", "growth", "held",
           "inbox_cuts", "inlined", "joined_on",
           "linkable", "notes", "pieces", "preheader_of", "reading_minutes", "render", "shortened",
           "subject_of",
           "values", "without_places"]  # fmt: skip


def environment(*folders: Path, theme: Theme | None = None) -> Environment:
    """The Jinja environment of these template folders, the house's own last, in this theme.

    See digest/rendering/sandbox.py for what it bounds.
    """
    templates = sandbox.environment(*folders)
    templates.filters.update(FILTERS)
    templates.globals["theme"] = (theme or Theme()).for_templates()
    return templates


def form(templates: Environment) -> dict[str, Any]:
    """What every edition is made in, as JSON takes it: the theme, and the templates as written.

    A template may say to some readers (of one section, of another language) what it does not say
    to the others, so that not even all sections together show all of it.
    """
    written = sandbox.sources(templates, "issue.html.jinja", "issue.txt.jinja")
    return {"theme": templates.globals["theme"], "templates": written}


def render(edition: Edition, templates: Environment, *, in_browser: bool = False) -> Rendering:
    """Fill issue.html.jinja and issue.txt.jinja; equal editions give equal bytes.

    `in_browser` leaves out what is a reader's own or makes sense in mail alone.
    Raises TemplateError: names the template and the line where one of them is wrong.
    """
    seen = context(without_places(edition), in_browser=in_browser)
    text = _tidied(sandbox.rendered("issue.txt.jinja", templates, seen))
    markup = ""
    if edition.format != "text":
        markup = inlined(_markup(templates, seen))
    return Rendering(seen["subject"], seen["preheader"], markup, text)


def filled(edition: Edition, templates: Environment, *, in_browser: bool = False) -> str:
    """issue.html.jinja filled, its CSS not yet inlined. Raises TemplateError."""
    return _markup(templates, context(without_places(edition), in_browser=in_browser))


def _markup(templates: Environment, seen: dict[str, Any]) -> str:
    markup = sandbox.rendered("issue.html.jinja", templates, seen)
    # Indentation and empty lines are for who reads the template; they would cost bytes.
    return re.sub(r"\n\s*\n", "\n", markup)


def _tidied(text: str) -> str:
    lines = "\n".join(line.rstrip(" ") for line in text.splitlines())
    return re.sub(r"\n{4,}", "\n\n\n", lines).strip("\n") + "\n"
