"""What an editor can do to an issue at the desk: values, which the history keeps as they are.

A story is named by the fingerprint of the article in front of it; an entry of a list (Trending,
In brief, Latest) that has no article of ours by the fingerprint of its address or headline.
Places count from 1 within a section; Trending is named as one. Never here: what a change does
(changing, holding).
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, get_args

from pydantic import TypeAdapter


@dataclass(frozen=True, slots=True)
class MoveStory:
    """To a place of a section, or of Trending. "" is where it stands, no place its end.

    An entry of Trending with no article behind it stays in the list. Who leaves Trending out
    finds a story that was moved there in the section from which it came.
    """

    story: str
    section: str = ""
    place: int | None = None


@dataclass(frozen=True, slots=True)
class DropStory:
    """Out of the issue, and kept out until that is undone; also a bare entry of a list."""

    story: str
    why: str = ""


@dataclass(frozen=True, slots=True)
class BringIn:
    """An article of the archive, pinned. "" is the section that takes it, no place its end."""

    article: str
    section: str = ""
    place: int | None = None


@dataclass(frozen=True, slots=True)
class Pin:
    """The story stays in, whatever a new draft would select; or no longer (`pinned` false).

    Where it stands, or at the place that is named.
    """

    story: str
    pinned: bool = True
    section: str = ""
    place: int | None = None


@dataclass(frozen=True, slots=True)
class Arrange:
    """These stories come first in their section, in this order; the others follow as they were."""

    section: str
    stories: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Rewrite:
    """Words in the place of the article's own. None leaves them as they are, "" brings its own."""

    story: str
    headline: str | None = None
    dek: str | None = None


@dataclass(frozen=True, slots=True)
class ChooseImage:
    """One of `DeskStory.images` by its URL; "" is none, None the article's own again.

    `alt` describes it in other words than the source did.
    """

    story: str
    url: str | None
    alt: str | None = None


@dataclass(frozen=True, slots=True)
class TakeBack:
    """All that was decided about an article or a copy of it; its own words and picture stand."""

    story: str


@dataclass(frozen=True, slots=True)
class WriteNote:
    """The editors' note, in the Markdown of `rendering.notes`; "" for none."""

    note: str


@dataclass(frozen=True, slots=True)
class Subjects:
    """The subject, "" for the one made of the headlines; a second one goes to half the readers."""

    first: str
    second: str = ""


@dataclass(frozen=True, slots=True)
class Preheader:
    """What inboxes show behind the subject; "" for the one made of the headlines."""

    text: str


Change = (
    MoveStory | Arrange | DropStory | BringIn | Pin | Rewrite | ChooseImage | TakeBack
    | WriteNote | Subjects | Preheader
)  # fmt: skip


def written(change: Change) -> dict[str, Any]:
    """The change as the history keeps it."""
    return {"do": type(change).__name__, **asdict(change)}


def read(kept: Mapping[str, Any]) -> Change | None:
    """The change that was written so; None for a step that is none."""
    kind = _KINDS.get(kept.get("do", ""))
    values = {name: value for name, value in kept.items() if name != "do"}
    return kind.validate_python(values) if kind else None


_KINDS: dict[str, TypeAdapter[Change]] = {
    kind.__name__: TypeAdapter(kind) for kind in get_args(Change)
}
