"""Edit, undo, redo: a change checked, and all that follows from it written at once.

Nothing is rendered, so the answer comes at once: an issue that differs from the approved one is
a draft again. Only where it has come to be as it was approved, its hash is taken once more: a
template may have changed meanwhile. Never here: what a change does (changing, holding).
"""

from dataclasses import replace
from datetime import datetime
from typing import Any

from digest import archive
from digest.archive import Decided, Edit, IssueRecord, Standing
from digest.edition import Issue
from digest.errors import Conflict, IssueError
from digest.publish.comparing import compare
from digest.publish.editing import telling
from digest.publish.editing.change import (
    BringIn,
    Change,
    ChooseImage,
    MoveStory,
    Pin,
    Rewrite,
    TakeBack,
    written,
)
from digest.publish.editing.changing import AtHand, changed, headline_of, on_one_line, seat
from digest.publish.editing.desk import DeskIssue, shown
from digest.publish.editing.holding import decided, named
from digest.publish.editing.looking import approved_content
from digest.publish.editing.steps import Steps, steps
from digest.publish.opening import House
from digest.publish.preparing import hash_of
from digest.publish.selecting import policy, section_order
from digest.selection import Story, rank, story_of


def edit(
    house: House,
    name: str | None,
    version: int,
    by: str,
    change: Change,
    *,
    now: datetime,
    number: int | None = None,
) -> DeskIssue:
    """Change an issue, and have it as it is then. `version` is the one that the editor saw.

    A change that changes nothing is no step. What was approved and is no longer as it was is a
    draft again. Raises Conflict where somebody was quicker, IssueError where there is no such
    story, section or picture, or the issue can't be changed any more.
    """
    record = _seen(house, name, version, number)
    change = on_one_line(change)
    issue, at_hand = record.issue, _at_hand(house, record, change, now)
    after = changed(issue, change, at_hand)
    words = _words(house, record, change, after, by, now)
    as_it_was = after == issue and isinstance(change, Rewrite | ChooseImage)
    if as_it_was or (after == issue and not words):
        return shown(house, record)
    before = {name: known for name, known in _known(house, record).items() if name in words}
    step = Edit(
        version + 1, now, by, "edited", _kept(change, issue, after, at_hand),
        {name: before.get(name) for name in words}, words,
    )  # fmt: skip
    return _save(house, record, step, after)


def undo(
    house: House,
    name: str | None,
    version: int,
    by: str,
    *,
    now: datetime,
    number: int | None = None,
) -> DeskIssue:
    """Take back the last step that was not taken back yet. Raises as `edit` does."""
    record = _seen(house, name, version, number)
    at, edits = _steps(house, record)
    if not at.undo:
        what = "is left to take back" if record.version else "was changed"
        raise IssueError(
            f"nothing {what} in issue {record.issue.number}",
            remedy="`digest issues history` shows every step",
        )
    last = edits[at.shown]
    kept = {"said": telling.told(last), "by": last.by, "version": at.shown}
    step = Edit(version + 1, now, by, "undone", kept, last.after, last.before)
    return _save(house, record, step, _content(house, record, at.undo[-1]))


def redo(
    house: House,
    name: str | None,
    version: int,
    by: str,
    *,
    now: datetime,
    number: int | None = None,
) -> DeskIssue:
    """Do again what was taken back last. Raises as `edit` does."""
    record = _seen(house, name, version, number)
    at, edits = _steps(house, record)
    if not at.redo:
        raise IssueError(
            f"nothing was taken back in issue {record.issue.number} that could come again",
            remedy="`digest issues history` shows every step",
        )
    again = edits[at.redo[-1]]
    kept = {"said": telling.told(again), "by": again.by, "version": again.version}
    step = Edit(version + 1, now, by, "redone", kept, again.before, again.after)
    return _save(house, record, step, _content(house, record, again.version))


def _seen(house: House, name: str | None, version: int, number: int | None) -> IssueRecord:
    slug, _ = house.newsletter(name)
    record = house.issue(slug, number)
    if record.state not in archive.EDITABLE or record.version != version:
        raise _refusal(house, record, version)
    return record


def _refusal(house: House, record: IssueRecord, version: int) -> IssueError:
    if record.state not in archive.EDITABLE:
        stands = {"sending": "is being sent", "sent": "has been sent"}
        return IssueError(
            f"issue {record.issue.number} {stands.get(record.state, 'was cancelled')}",
            remedy="change the next one",
        )
    with house.database.reading() as session:
        news = archive.edits(session, record.id, version)
    said = [f"{edit.by or 'digest'} {telling.told(edit)}" for edit in news]
    what = f": {said[-1]}" if said else ""
    return Conflict(
        f"somebody else has changed issue {record.issue.number} meanwhile{what}",
        version=record.version, changed=said,
    )  # fmt: skip


def _save(house: House, record: IssueRecord, step: Edit, issue: Issue) -> DeskIssue:
    standing = _standing(house, record, issue)
    with house.database.writing() as session:
        saved = archive.edit(session, record.id, step, standing)
    now = house.issue(record.issue.newsletter, record.issue.number)
    if not saved:
        raise _refusal(house, now, step.version - 1)
    return shown(house, now)


def _standing(house: House, record: IssueRecord, issue: Issue) -> Standing:
    if issue == record.issue:
        return Standing(issue, record.content_hash, record.state)
    if issue != approved_content(house, record):
        return Standing(issue, "", "draft")
    digest = hash_of(house, issue)
    return Standing(issue, digest, "approved" if digest == record.approved_hash else "draft")


def _steps(house: House, record: IssueRecord) -> tuple[Steps, dict[int, Edit]]:
    with house.database.reading() as session:
        edits = archive.edits(session, record.id)
    return steps(edits), {edit.version: edit for edit in edits}


def _content(house: House, record: IssueRecord, version: int) -> Issue:
    with house.database.reading() as session:
        found = archive.issue_at(session, record.id, version)
    if found is None:
        raise IssueError(f"version {version} of issue {record.issue.number} is gone")
    return found


def _known(house: House, record: IssueRecord) -> dict[str, Any]:
    with house.database.reading() as session:
        words = archive.decisions(session, record.issue.newsletter, record.issue.number)
    return {word.fingerprint: word for word in words}


def _words(
    house: House, record: IssueRecord, change: Change, after: Issue, by: str, now: datetime
) -> Decided:
    known = _known(house, record)
    with house.database.reading() as session:
        copies = archive.copies(session, named(change))
    return decided(change, after, known, copies, by, now)


def _kept(change: Change, before: Issue, after: Issue, at_hand: AtHand) -> dict[str, Any]:
    """The change as the history keeps it, with what a reader of the history wants to see."""
    kept: dict[str, Any] = {"change": written(change)}
    if name := named(change):
        headline = headline_of(before, name) or headline_of(after, name) or at_hand.headline
        kept |= {"name": name, "headline": headline}
        if isinstance(change, Rewrite):
            kept["now"] = headline_of(after, name)
        if isinstance(change, MoveStory | BringIn | Pin):
            kept["section"], kept["place"] = seat(after, name) or ("", 0)
    return kept


def _at_hand(house: House, record: IssueRecord, change: Change, now: datetime) -> AtHand:
    _, settings = house.newsletter(record.issue.newsletter)
    at_hand = AtHand(sections=section_order(house, settings))
    if isinstance(change, BringIn):
        story, home = _story(house, record, change.article, now)
        with house.database.reading() as session:
            copies = tuple(archive.copies(session, change.article))
        headline = story.headline if story else ""
        return replace(at_hand, story=story, home=home, copies=copies, headline=headline)
    if isinstance(change, ChooseImage):
        with house.database.reading() as session:
            images = archive.pictures(session, [change.story]).get(change.story, ())
        return replace(at_hand, images=images)
    if isinstance(change, TakeBack):
        with house.database.reading() as session:
            known = archive.called(session, change.story, 1)
        return replace(at_hand, headline=known[0].headline if known else "")
    return at_hand


def _story(house: House, record: IssueRecord, name: str, now: datetime) -> tuple[Story | None, str]:
    """The story that an article tells with its copies, itself in front; its section."""
    compare(house)
    issue = record.issue
    _, settings = house.newsletter(issue.newsletter)
    stated = policy(house, settings, now)
    with house.database.reading() as session:
        found = list(archive.candidates(session, now, archive.copies(session, name), ()))
        told_before = archive.carried(session, issue.newsletter, stated.since)
        earlier = [one for one in told_before if one.number != issue.number]
    found.sort(key=lambda one: (one.article.fingerprint != name, rank(one)))
    if not found or found[0].article.fingerprint != name:
        return None, ""
    told = {one.article.fingerprint for one in earlier} | {one.story for one in earlier} - {0}
    was = any({one.article.fingerprint, one.story} & told for one in found)
    story = story_of(found, stated, updated=was)
    front = replace(story, article=replace(story.article, body=""))
    places = (stated.place(one.article)[0] for one in found)
    home = next((rule.name for rule in places if rule), "")
    return front, home or next((rule.name for rule in stated.sections), "")
