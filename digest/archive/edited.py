"""Drafts, and their steps on the desk: what was done when and by whom, the issue after each.

A step is written together with the issue and with what it decided about articles, and only where
nobody was quicker: `seen` is the version that the one who edits had before him.
"""

import zlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import datetime
from typing import Any

from pydantic import TypeAdapter
from sqlalchemy import or_, update
from sqlalchemy.orm import aliased
from sqlmodel import Session, col, select

from digest.archive.decided import decide, undecide
from digest.archive.issues import IssueRecord, issue_by_id, issue_of, keep_stories, manifest_of
from digest.archive.tables import ArticleRow, EditRow, IssueRow, OutlineRow
from digest.articles import Image, headline_key
from digest.edition import Issue
from digest.errors import Conflict
from digest.selection import Decision

_DECISION = TypeAdapter(Decision)
EDITABLE = ("draft", "approved")

Decided = Mapping[str, Decision | None]
"""By fingerprint: what holds for an article, or None where nothing is decided."""


@dataclass(frozen=True, slots=True)
class Edit:
    """One step. `kind`: drafted, edited, undone, redone or approved; `change` as it was written.

    `before` and `after` tell what was decided about the articles that the step decided about.
    """

    version: int
    at: datetime
    by: str
    kind: str
    change: dict[str, Any] = field(default_factory=dict)
    before: Decided = field(default_factory=dict)
    after: Decided = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Standing:
    """How an issue stands after a step: its content, draft or approved, and the content's hash, ""
    where it was not rendered.
    """

    issue: Issue
    content_hash: str
    state: str


def draft(session: Session, newsletter: str) -> IssueRecord | None:
    """The draft of a newsletter; None where there is none."""
    row = _draft(session, newsletter, 0)
    return issue_by_id(session, row.id or 0) if row else None


def _draft(session: Session, newsletter: str, number: int) -> IssueRow | None:
    query = select(IssueRow).where(IssueRow.newsletter == newsletter, IssueRow.state == "draft")
    # An approved issue that was edited is a draft again, beside that of the next number.
    first = col(IssueRow.number) != number, col(IssueRow.number)
    return session.exec(query.order_by(*first).with_for_update()).first()


def save_draft(
    session: Session,
    issue: Issue,
    content_hash: str,
    now: datetime,
    *,
    by: str = "",
    seen: int | None = None,
) -> IssueRecord:
    """Write the draft of a newsletter in the place of an earlier draft of it, if there is one.

    Raises Conflict where that one is no longer at the version `seen` by who made this one.
    """
    row = _draft(session, issue.newsletter, issue.number)
    if seen is not None and row is not None and row.version != seen:
        raise Conflict(version=row.version)
    if row is None:
        row = IssueRow(
            newsletter=issue.newsletter, number=issue.number, state="draft", manifest="",
            content_hash="", prepared_at=now, version=-1,
        )  # fmt: skip
    row.number, row.prepared_at, row.content_hash = issue.number, now, content_hash
    row.manifest, row.version = manifest_of(issue), row.version + 1
    session.add(row)
    session.flush()
    keep_stories(session, row.id or 0, issue)
    note_edit(session, row.id or 0, Edit(row.version, now, by, "drafted"), issue)
    return IssueRecord(issue=issue, **row.model_dump(exclude={"newsletter", "number", "manifest"}))


def edit(session: Session, issue_id: int, edit: Edit, standing: Standing) -> bool:
    """Write a step, the issue as it is then, and what is decided now; all or nothing.

    False, and nothing is written, where the issue is no longer at the version before the step,
    or can't be edited any more.
    """
    issue = standing.issue
    values = {
        "manifest": manifest_of(issue),
        "content_hash": standing.content_hash,
        "state": standing.state,
    }
    if not _advanced(session, issue_id, edit.version, values):
        return False
    keep_stories(session, issue_id, issue)
    for fingerprint, decision in edit.after.items():
        if decision is None:
            undecide(session, issue.newsletter, fingerprint)
        else:
            decide(session, issue.newsletter, issue.number, decision)
    note_edit(session, issue_id, edit, issue)
    return True


def approve(
    session: Session, issue_id: int, content_hash: str, by: str, now: datetime, *, seen: int
) -> None:
    """Bind the approval to the content's hash: only that is ever sent.

    Raises Conflict where the issue is no longer at the version `seen`, which has that content.
    """
    values = {"content_hash": content_hash, "approved_hash": content_hash, "approved_by": by,
              "approved_at": now}  # fmt: skip
    state = session.exec(select(IssueRow.state).where(IssueRow.id == issue_id)).first()
    values |= {"state": "approved"} if state == "draft" else {}
    if not _advanced(session, issue_id, seen + 1, values, states=(*EDITABLE, "sending")):
        raise Conflict(version=seen + 1)
    note_edit(session, issue_id, Edit(seen + 1, now, by, "approved"), None)


def note_edit(session: Session, issue_id: int, edit: Edit, issue: Issue | None) -> None:
    """Write the step alone."""
    decisions = {"before": _dumped(edit.before), "after": _dumped(edit.after)}
    session.add(
        EditRow(
            issue_id=issue_id,
            version=edit.version,
            at=edit.at,
            by=edit.by,
            kind=edit.kind,
            change=edit.change,
            manifest=zlib.compress(manifest_of(issue).encode()) if issue else None,
            decisions=decisions,
        )
    )
    session.flush()


def _advanced(
    session: Session,
    issue_id: int,
    version: int,
    values: dict[str, Any],
    states: Iterable[str] = EDITABLE,
) -> bool:
    mine = (
        update(IssueRow)
        .where(
            col(IssueRow.id) == issue_id,
            col(IssueRow.version) == version - 1,
            col(IssueRow.state).in_(list(states)),
        )
        .values(version=version, **values)
    )
    session.flush()
    return session.connection().execute(mine).rowcount == 1


def edits(session: Session, issue_id: int, after: int = -1) -> list[Edit]:
    """The steps of an issue in their order, those after a version."""
    query = select(
        EditRow.version, EditRow.at, EditRow.by, EditRow.kind, EditRow.change, EditRow.decisions
    )  # type: ignore[call-overload]
    mine = query.where(EditRow.issue_id == issue_id, EditRow.version > after)
    return [
        Edit(version, at, by, kind, change, *map(_decided, (d["before"], d["after"])))
        for version, at, by, kind, change, d in session.exec(mine.order_by(EditRow.version))
    ]


def issue_at(session: Session, issue_id: int, version: int) -> Issue | None:
    """The issue as it was after the step; None where the step changed nothing in it."""
    row = session.get(EditRow, (issue_id, version))
    return issue_of(zlib.decompress(row.manifest).decode()) if row and row.manifest else None


def copies(session: Session, fingerprint: str) -> list[str]:
    """The articles that tell the same story as this one, which is among them."""
    mine = select(OutlineRow.story).where(OutlineRow.fingerprint == fingerprint)
    query = select(OutlineRow.fingerprint).where(col(OutlineRow.story).in_(mine))
    return list(dict.fromkeys([fingerprint, *session.exec(query)]))


def search(session: Session, words: Sequence[str], limit: int) -> list[str]:
    """The newest articles that have each of these words in headline, dek, byline, address or
    source; upper and lower case make no difference.
    """
    query = select(OutlineRow.fingerprint).join(
        ArticleRow, col(ArticleRow.id) == col(OutlineRow.article_id)
    )
    for word in words:
        columns = (ArticleRow.dek, ArticleRow.byline, ArticleRow.url, ArticleRow.source)
        having = [col(column).icontains(word, autoescape=True) for column in columns]
        if key := headline_key(word):
            having.append(col(OutlineRow.key).contains(key, autoescape=True))
        query = query.where(or_(*having))
    newest = col(OutlineRow.moment).desc(), col(OutlineRow.article_id)
    return list(session.exec(query.order_by(*newest).limit(limit)))


def pictures(session: Session, fingerprints: Iterable[str]) -> dict[str, tuple[Image, ...]]:
    """The pictures of each of these articles and of the others that tell its story, each once."""
    mine, other = aliased(OutlineRow), aliased(OutlineRow)
    query = (
        select(mine.fingerprint, ArticleRow.image)
        .join(other, col(other.story) == col(mine.story))
        .join(ArticleRow, col(ArticleRow.id) == col(other.article_id))
        .where(col(mine.fingerprint).in_(list(fingerprints)))
        .order_by(col(other.faults), col(other.article_id))
    )
    found: dict[str, dict[str, Image]] = {}
    for fingerprint, image in session.exec(query):
        if image["url"]:
            found.setdefault(fingerprint, {}).setdefault(image["url"], Image(**image))
    return {fingerprint: tuple(images.values()) for fingerprint, images in found.items()}


def _dumped(decided: Decided) -> dict[str, Any]:
    return {
        name: asdict(decision) | {"at": decision.at.isoformat()} if decision else None
        for name, decision in decided.items()
    }


def _decided(dumped: dict[str, Any]) -> dict[str, Decision | None]:
    return {
        name: _DECISION.validate_python(values) if values else None
        for name, values in dumped.items()
    }
