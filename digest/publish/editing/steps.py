"""The steps of an issue -> which one is undone next, which one comes again. Pure.

Undoing is a step like any other, so nothing is ever lost: what was done between is found in the
history, and an edit after an undo begins a new branch.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field

from digest.archive import Edit


@dataclass(slots=True)
class Steps:
    """`shown` is the version of the content as it is now; `undo` and `redo` are the versions of
    the contents before it and undone after it, the nearest last.
    """

    shown: int = 0
    undo: list[int] = field(default_factory=list)
    redo: list[int] = field(default_factory=list)


def steps(edits: Iterable[Edit]) -> Steps:
    """Where undo and redo lead after these steps."""
    at: Steps | None = None
    for edit in edits:
        if edit.kind == "undone" and at:
            at.redo.append(at.shown)
            at.shown = at.undo.pop()
        elif edit.kind == "redone" and at:
            at.undo.append(at.shown)
            at.shown = at.redo.pop()
        elif edit.kind != "approved":
            at = at or Steps(edit.version)
            if at.shown != edit.version:
                at.undo.append(at.shown)
                at.shown, at.redo = edit.version, []
    return at or Steps()
