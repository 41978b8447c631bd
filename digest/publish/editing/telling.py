"""A step of the history -> one sentence that says what was done, for every door. Pure."""

from collections.abc import Mapping
from typing import Any

from digest.archive import Edit
from digest.publish.editing import change as kinds


def told(edit: Edit) -> str:
    """For instance “moved “Grain deal holds” to Global, place 2”; who and when stand beside it."""
    match edit.kind:
        case "drafted":
            return "selected the stories"
        case "approved":
            return "approved the issue"
        case "undone":
            return f"took back: {_step(edit.change)}"
        case "redone":
            return f"did again: {_step(edit.change)}"
    return said(edit.change)


def _step(kept: Mapping[str, Any]) -> str:
    """The step that was taken back or came again, and whose it was."""
    by = f" (by {kept['by']})" if kept.get("by") else ""
    return f"{kept.get('said', '')}{by}"


def said(kept: Mapping[str, Any]) -> str:
    """What an edit did; `headline` stands in what was kept beside the change."""
    story = f"“{kept.get('headline') or kept.get('name', 'a story')}”"
    change = kinds.read(kept.get("change", {}))
    return _story(change, story, kept) or _words(change) or "changed the issue"


def _story(change: kinds.Change | None, story: str, kept: Mapping[str, Any]) -> str:
    match change:
        case kinds.MoveStory():
            return f"moved {story} to {_where(kept)}"
        case kinds.DropStory(_, why):
            return f"dropped {story}" + (f": {why}" if why else "")
        case kinds.BringIn():
            return f"brought {story} into {_where(kept)}"
        case kinds.Arrange(section):
            return f"arranged {section}"
        case kinds.Pin(_, pinned):
            return f"pinned {story}" if pinned else f"unpinned {story}"
        case kinds.Rewrite(_, headline, dek):
            what = [n for n, t in (("headline", headline), ("dek", dek)) if t is not None]
            verb = "rewrote" if headline or dek else "brought back"
            now = kept.get("now", "") if headline is not None else ""
            return f"{verb} the {' and '.join(what)} of {story}" + (f", now “{now}”" if now else "")
        case kinds.ChooseImage(_, url):
            which = "its own picture" if url is None else "a picture" if url else "no picture"
            return f"chose {which} for {story}"
        case kinds.TakeBack():
            return f"took back all that was decided about {story}"
    return ""


def _words(change: kinds.Change | None) -> str:
    match change:
        case kinds.WriteNote(note):
            return "wrote the note" if note.strip() else "took the note out"
        case kinds.Subjects(first, second):
            words = f"the subject “{first}”" if first else "the subject of the headlines"
            return f"set {words}" + (f" and the second “{second}”" if second else "")
        case kinds.Preheader(text):
            return f"set the preheader “{text}”" if text else "set the preheader of the headlines"
    return ""


def _where(kept: Mapping[str, Any]) -> str:
    return f"{kept.get('section', '')}, place {kept.get('place', '')}"
