"""An editor's note: a few marks of Markdown, to HTML that cannot be broken and to plain text.

Paragraphs (an empty line between), lists ("- " before each entry), **bold**, *italic* and
[words](https://address). All else is shown as it stands. Never here: how a note looks.
"""

import re
from dataclasses import dataclass

from markupsafe import Markup, escape

_MARKS = re.compile(
    r"\[(?P<words>[^\[\]\n]+)\]\((?P<url>(?:https://|mailto:)[^\s()<>\[\]\"']+)\)"
    r"|\*\*(?P<bold>\S(?:[^*\n]*[^\s*])?)\*\*"
    r"|\*(?P<italic>\S(?:[^*\n]*[^\s*])?)\*"
)


@dataclass(frozen=True, slots=True)
class Block:
    """A paragraph or a list of a note, line breaks taken as spaces."""

    kind: str
    entries: tuple[str, ...]


def blocks(note: str) -> tuple[Block, ...]:
    """The note's paragraphs ("text", one entry) and lists ("list"), empty ones left out."""
    made = []
    for part in re.split(r"\n\s*\n", note.replace("\r\n", "\n").strip()):
        lines = [line.strip() for line in part.splitlines() if line.strip()]
        if lines and all(re.match(r"[-*] +\S", line) for line in lines):
            made.append(Block("list", tuple(line[2:].strip() for line in lines)))
        elif lines:
            made.append(Block("text", (" ".join(lines),)))
    return tuple(made)


def marked_up(text: str, link_class: str = "") -> Markup:
    """One entry as HTML: only strong, em and a, the rest escaped."""
    made, at = [], 0
    for found in _MARKS.finditer(text):
        made += [escape(text[at : found.start()]), _element(found, link_class)]
        at = found.end()
    return Markup("").join([*made, escape(text[at:])])


def in_plain(text: str) -> str:
    """One entry as plain text: a link's address behind its words, the other marks as they are."""
    return _MARKS.sub(
        lambda found: f"{found['words']} <{found['url']}>" if found["words"] else found.group(),
        text,
    )


def links(note: str) -> tuple[tuple[str, str], ...]:
    """Words and address of every link of a note."""
    found = (mark for b in blocks(note) for e in b.entries for mark in _MARKS.finditer(e))
    return tuple((mark["words"], mark["url"]) for mark in found if mark["words"])


def unmarked(text: str) -> str:
    """What is left of one entry without its marks, and without the links."""
    return _MARKS.sub(lambda found: found["bold"] or found["italic"] or "", text)


def _element(found: re.Match[str], link_class: str) -> Markup:
    if found["words"]:
        link = Markup('<a href="{}" class="{}">{}</a>')
        return link.format(found["url"], link_class, found["words"])
    if found["bold"]:
        return Markup("<strong>{}</strong>").format(found["bold"])
    return Markup("<em>{}</em>").format(found["italic"])
