"""Rendering + Reader -> the rendering of one reader; and the hash of what is not yet filled.

An edition is split at its places once; each reader then costs a join. Never here: templates.
"""

import hashlib
import html
import json
from collections.abc import Iterable, Mapping
from dataclasses import astuple, fields, is_dataclass, replace
from functools import lru_cache
from typing import Any

from digest.errors import TemplateError
from digest.rendering.values import PLACES, SENTINEL, Reader, Rendering

_REMEDY = "Use the reader's values only as a whole href or as text between tags."


def fill(rendering: Rendering, reader: Reader) -> Rendering:
    """The rendering for one reader; values are HTML-escaped where they go into HTML.

    Raises TemplateError where a place would be left open.
    """
    plain = values(reader)
    return replace(
        rendering,
        html=_joined(rendering.html, {place: html.escape(v) for place, v in plain.items()}),
        text=_joined(rendering.text, plain),
    )


def values(reader: Reader) -> dict[str, str]:
    """What goes into each place, unescaped. Raises TemplateError where a value is a place."""
    found = {getattr(PLACES, f.name): str(getattr(reader, f.name)) for f in fields(Reader)}
    if any("qz" in value and SENTINEL.search(value) for value in found.values()):
        raise TemplateError(
            "A reader's link contains a mark that stands for a reader's link.",
            remedy="Check the base URL in digest.toml.",
        )
    return found


@lru_cache(maxsize=64)
def pieces(text: str) -> tuple[str, ...]:
    """Text and places by turns, beginning and ending with text; a join gives `text` again.

    Raises TemplateError where a place is damaged.
    """
    split = SENTINEL.split(text)
    if any("t.invalid/zq" in piece for piece in split[::2]):
        raise TemplateError("A reader's link in the rendering is damaged.", remedy=_REMEDY)
    return tuple(split)


def content_hash(renderings: Iterable[Rendering], form: Mapping[str, Any] | None = None) -> str:
    """SHA-256 (64 hexadecimal digits) over unfilled renderings, whatever their order, and the
    `form` that they and all others are made in.

    What is approved is what is sent: the hash is kept at approval and compared when sending.
    """
    each = sorted(json.dumps(astuple(rendering)) for rendering in renderings)
    made = json.dumps([each, form], sort_keys=True)
    return hashlib.sha256(made.encode()).hexdigest()


def without_places(value: Any) -> Any:
    """The value with our marks removed: a story that contained one would get a reader's link.

    A part of a mark goes as well: it would pass for a damaged one, and hold the mail up.
    """
    if isinstance(value, str):
        return SENTINEL.sub("-", value).replace("t.invalid", "t-invalid")
    if isinstance(value, tuple):
        return tuple(without_places(item) for item in value)
    if is_dataclass(value) and not isinstance(value, type):
        shown = {f.name: getattr(value, f.name) for f in fields(value) if f.init}
        return replace(value, **{name: without_places(item) for name, item in shown.items()})
    return value


def _joined(text: str, filled: dict[str, str]) -> str:
    split = list(pieces(text))
    try:
        split[1::2] = [filled[place] for place in split[1::2]]
    except KeyError as error:
        raise TemplateError(f"Nothing is known to fill in for {error}.", remedy=_REMEDY) from None
    return "".join(split)
