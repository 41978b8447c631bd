"""The desk: an issue that is being drafted, edited as a value; each change is kept, and undone.

    change       what an editor can do: one small value each
    changing     an issue and a change -> the issue as it is then         pure
    holding      the same change -> what the next draft has to obey       pure
    differing    two issues -> what differs between them                  pure
    telling      a change -> the sentence of the history                  pure
    steps        which step undo takes back, and redo brings again        pure
    desk         DeskIssue: all that an editor sees of an issue
    acting       edit, undo, redo: checked, saved, written down
    waiting      candidates: what could stand in the issue, and why it does not
    looking      history, differences, preflight's findings at their places

Every step is a version: it is written with who and when and is never changed again; undoing is
a step, too. Who edits says which version he saw, and gets a Conflict where another was quicker.
Never here: how the desk looks (the doors), what a new draft selects (selecting).
"""

from digest.publish.editing.acting import edit, redo, undo
from digest.publish.editing.change import (
    Arrange,
    BringIn,
    Change,
    ChooseImage,
    DropStory,
    MoveStory,
    Pin,
    Preheader,
    Rewrite,
    Subjects,
    TakeBack,
    WriteNote,
)
from digest.publish.editing.desk import (
    DeskEntry,
    DeskIssue,
    DeskSection,
    DeskStory,
    Line,
    desk_issue,
    name_in,
)
from digest.publish.editing.differing import Difference
from digest.publish.editing.looking import (
    Changes,
    DeskFinding,
    HistoryLine,
    changes,
    findings,
    history,
)
from digest.publish.editing.waiting import Candidate, candidates
from digest.rendering import Cut

__all__ = ["Arrange", "BringIn", "Candidate", "Change", "Changes", "ChooseImage", "Cut",
           "DeskEntry", "DeskFinding", "DeskIssue", "DeskSection", "DeskStory", "Difference",
           "DropStory", "HistoryLine", "Line", "MoveStory", "Pin", "Preheader", "Rewrite",
           "Subjects", "TakeBack", "WriteNote", "candidates", "changes", "desk_issue", "edit",
           "findings", "history", "name_in", "redo", "undo"]  # fmt: skip
