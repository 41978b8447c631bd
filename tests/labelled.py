"""Documents that we wrote and labelled by hand, and how a reading is held against the labels.

`samples/labelled/labels.json` names for each document the system in whose shape it is written, the
settings of its source, and what a person reads in it. Nothing is taken from a real site.
"""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from digest.articles import Article, Reading
from digest.feeds import read_feed
from digest.pages import read_page

FOLDER = Path(__file__).parent / "samples" / "labelled"
LISTS = ("trending", "opinion", "brief", "latest")


@dataclass(frozen=True, slots=True)
class Field:
    """One labelled field of one document: what was read, and what is right."""

    document: str
    name: str
    read: Any
    right: Any

    @property
    def holds(self) -> bool:
        """Whether it came out right, to the letter."""
        return bool(self.read == self.right)


def labels() -> list[dict[str, Any]]:
    """The labels of every document."""
    found: list[dict[str, Any]] = json.loads((FOLDER / "labels.json").read_text(encoding="utf-8"))
    return found


def reading(label: dict[str, Any]) -> Reading:
    """What the house reads in a document, with the settings of its source."""
    read = read_feed if label["kind"] == "feed" else read_page
    settings = {"source": "labelled", **label.get("settings", {})}
    return read((FOLDER / label["file"]).read_bytes(), **settings)


def fields(label: dict[str, Any]) -> Iterator[Field]:
    """Each labelled field of a document. A feed's entries come in its order, none too many."""
    made = reading(label)
    articles = made.articles if label["kind"] == "feed" else made.articles[:1]
    if label["kind"] == "feed":
        yield Field(label["file"], "entries", len(articles), len(label["expected"]))
    for article, right in zip(articles, label["expected"], strict=False):
        for name, value in right.items():
            if name in LISTS:
                listed = [entry.headline for entry in made.listed if entry.kind == name]
                yield Field(label["file"], name, listed, value)
            else:
                yield from _article_fields(label["file"], article, name, value)


def _article_fields(document: str, article: Article, name: str, right: Any) -> Iterator[Field]:
    if name == "image":
        for part in ("url", "alt", "credit"):
            yield Field(document, f"image {part}", getattr(article.image, part), right[part])
    elif name in {"published", "updated"}:
        moment = datetime.fromisoformat(right).astimezone(UTC) if right else None
        yield Field(document, name, getattr(article, name), moment)
    else:
        yield Field(document, name, getattr(article, name), right)


def told(wrong: list[Field]) -> str:
    """What came out wrong, for whoever has to mend it."""
    return "\n".join(
        f"{field.document} {field.name}:\n  read  {field.read!r}\n  right {field.right!r}"
        for field in wrong
    )


def same(read: str, recorded: str) -> bool:
    """Whether two texts say the same: letters and digits count; "By" before a name doesn't."""
    return _bare(read) == _bare(recorded)


def _bare(text: str) -> str:
    return re.sub(r"\W+", " ", re.sub(r"^by\s+", "", text, flags=re.IGNORECASE)).casefold().strip()
