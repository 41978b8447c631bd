"""A change -> what is decided about articles then: so it survives every new draft. Pure.

Whatever an editor touched in a section stays at its place, though fresher stories come; what he
dropped stays out. Never here: the issue itself (changing).
"""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import datetime

from digest.edition import TRENDING, Issue
from digest.publish.editing.change import (
    Arrange,
    BringIn,
    Change,
    ChooseImage,
    DropStory,
    MoveStory,
    Pin,
    Rewrite,
    TakeBack,
)
from digest.publish.editing.changing import seat, story_of
from digest.selection import Decision

Decided = dict[str, Decision | None]


def decided(
    change: Change,
    after: Issue,
    known: Mapping[str, Decision],
    copies: Iterable[str],
    by: str,
    now: datetime,
) -> Decided:
    """Every decision that becomes another with the change, by fingerprint; None: it is undone.

    `after` is the issue after the change, `known` what was decided before, `copies` the articles
    that tell the story of the change.
    """
    name = named(change)
    words: Decided = dict(known)
    if isinstance(change, Arrange):
        for story in change.stories:
            before = known.get(story) or Decision(story, by, now)
            words[story] = replace(_placed(before, after), by=by, at=now)
    if isinstance(change, TakeBack):
        words |= {copy: None for copy in copies if copy in known}
    elif name:
        words |= _let_in(change, known, copies)
        before = known.get(name) or Decision(name, by, now)
        words[name] = replace(_decision(change, before, after), by=by, at=now)
    seated = {f: _seated(word, after) for f, word in words.items() if word}
    words |= seated
    return {f: word for f, word in words.items() if not _same(word, known.get(f))}


def _same(word: Decision | None, before: Decision | None) -> bool:
    """Whether it says the same, whoever says it."""
    if word is None or before is None:
        return word is before
    return replace(word, by=before.by, at=before.at) == before


def _let_in(change: Change, known: Mapping[str, Decision], copies: Iterable[str]) -> Decided:
    """Who wants a story takes back that a copy of it was dropped."""
    wanted = isinstance(change, MoveStory | BringIn) or (isinstance(change, Pin) and change.pinned)
    dropped = (known[copy] for copy in copies if copy in known and known[copy].excluded)
    return {d.fingerprint: replace(d, excluded=False, why="") for d in dropped if wanted}


def named(change: Change) -> str:
    """The story or article that a change is about; "" where it is about the whole issue."""
    return getattr(change, "story", "") or getattr(change, "article", "")


def _decision(change: Change, before: Decision, after: Issue) -> Decision:
    match change:
        case DropStory(_, why):
            return replace(before, excluded=True, pinned=False, position=None, why=why)
        case BringIn():
            return _placed(replace(before, pinned=True, excluded=False, why=""), after)
        case Pin(_, pinned):
            free = replace(before, pinned=pinned, position=None)
            return _placed(replace(free, excluded=False, why=""), after) if pinned else free
        case MoveStory():
            return _placed(replace(before, excluded=False, why=""), after)
        case Rewrite() | ChooseImage():
            told = story_of(after, before.fingerprint)
            if told is None:
                return before
            words = replace(before, headline=told.edited_headline, dek=told.edited_dek,
                            image=told.edited_image)  # fmt: skip
            # In Trending words alone hold nothing: what trends no longer goes.
            held = before.trends or (seat(after, before.fingerprint) or ("",))[0] != TRENDING
            return _placed(words, after) if held else words
    return before


def _placed(decision: Decision, issue: Issue) -> Decision:
    """Given the place where its story stands; as it was where it stands nowhere."""
    if (found := seat(issue, decision.fingerprint)) is None:
        return decision
    return replace(decision, section=found[0], position=found[1])


def _seated(decision: Decision, issue: Issue) -> Decision:
    """What has a place has that of its story now: others were put before it, or taken away."""
    return decision if decision.position is None else _placed(decision, issue)
