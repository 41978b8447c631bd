"""The issues: drafts, what was approved, what went out."""

from collections.abc import Collection, Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from pydantic import TypeAdapter
from sqlalchemy import func
from sqlmodel import Session, col, delete, select

from digest.archive.outlines import stories_of
from digest.archive.tables import IssueRow, OutlineRow, StoryRow
from digest.articles import Article
from digest.edition import Issue
from digest.errors import Conflict, IssueError, NoSuchIssue
from digest.selection import Carried, Story, Trend, micros

_ISSUE = TypeAdapter(Issue)
_ARTICLE = TypeAdapter(Article)
# A story may be told again in other words for as long; after that only the same article counts.
REMEMBERED = timedelta(days=45)


@dataclass(frozen=True, slots=True)
class IssueRecord:
    """An issue as it stands in the archive. `state`: draft, approved, sending, sent or cancelled.

    `version` counts the steps on the desk. What was approved is kept when the content moved on.
    """

    id: int
    issue: Issue
    state: str
    content_hash: str
    approved_hash: str
    approved_by: str
    approved_at: datetime | None
    prepared_at: datetime
    finished_at: datetime | None
    version: int = 0


def manifest_of(issue: Issue) -> str:
    """The whole issue as JSON."""
    return _ISSUE.dump_json(issue).decode()


def issue_of(manifest: str) -> Issue:
    """The issue that was written so."""
    return _ISSUE.validate_json(manifest)


def carried(session: Session, newsletter: str, since: datetime) -> Iterator[Carried]:
    """What went out (or is about to): all of the last weeks before `since`, and whatever is there
    of older issues among the articles published after it; in the order of the issues.

    A draft does not count: it is replaced by the next one. What merely stood in a list counts as
    an article of its headline and its address.
    """
    told = [*_listed(session, newsletter, since), *_carried(session, newsletter, since)]
    return iter(sorted(told, key=lambda one: one.number))


def _carried(session: Session, newsletter: str, since: datetime) -> Iterator[Carried]:
    recent = select(OutlineRow.fingerprint).where(OutlineRow.moment > micros(since))
    told = col(OutlineRow.fingerprint) == StoryRow.fingerprint
    query = (
        select(StoryRow, IssueRow.number, IssueRow.prepared_at, OutlineRow.story)
        .join(IssueRow)
        .outerjoin(OutlineRow, told)
        .where(IssueRow.newsletter == newsletter, IssueRow.state != "draft")
        .where(
            (col(IssueRow.prepared_at) > since - REMEMBERED) | col(StoryRow.fingerprint).in_(recent)
        )
        .order_by(col(IssueRow.number), col(StoryRow.position))
    )
    for row, number, at, story in session.exec(query):
        yield Carried(number, _ARTICLE.validate_python(row.article), at, story or 0)


def _listed(session: Session, newsletter: str, since: datetime) -> list[Carried]:
    query = select(IssueRow.number, IssueRow.prepared_at, IssueRow.manifest).where(
        IssueRow.newsletter == newsletter,
        IssueRow.state != "draft",
        col(IssueRow.prepared_at) > since - REMEMBERED,
    )
    found = [
        (number, at, Article(entry.headline, entry.url, section=entry.section))
        for number, at, manifest in session.exec(query)
        for entry in _entries(_ISSUE.validate_json(manifest))
    ]
    stories = stories_of(session, (article.fingerprint for _, _, article in found))
    return [Carried(n, a, at, stories.get(a.fingerprint, 0)) for n, at, a in found]


def _entries(issue: Issue) -> Iterator[Trend]:
    """What stood in the lists of an issue with no story behind it."""
    lists = (*issue.trending, *issue.briefs, *issue.latest)
    return (entry for entry in lists if entry.story is None)


def last_prepared(session: Session, newsletter: str) -> datetime | None:
    """When the last issue that is no draft was prepared; None before the first."""
    query = select(func.max(IssueRow.prepared_at)).where(
        IssueRow.newsletter == newsletter, IssueRow.state != "draft"
    )
    return session.exec(query).one()


def keep_stories(session: Session, issue_id: int, issue: Issue) -> None:
    """Write what the issue carries, in the place of what it carried before."""
    session.exec(delete(StoryRow).where(col(StoryRow.issue_id) == issue_id))
    for position, story in enumerate(_told(issue)):
        session.add(
            StoryRow(
                issue_id=issue_id,
                position=position,
                fingerprint=story.fingerprint,
                article=_ARTICLE.dump_python(replace(story.article, body=""), mode="json"),
            )
        )


def _told(issue: Issue) -> list[Story]:
    """Every story once, wherever it stands: none of them is news in a later issue."""
    trending = (trend.story for trend in issue.trending if trend.story)
    return [*issue.stories, *trending]


def next_number(session: Session, newsletter: str) -> int:
    """The number of the issue to prepare: one more than the last that is no draft."""
    query = select(func.max(IssueRow.number)).where(
        IssueRow.newsletter == newsletter, IssueRow.state != "draft"
    )
    return (session.exec(query).one() or 0) + 1


def issue(session: Session, newsletter: str, number: int | None = None) -> IssueRecord:
    """An issue by its number, the newest without one. Raises NoSuchIssue."""
    query = select(IssueRow).where(IssueRow.newsletter == newsletter)
    if number is not None:
        query = query.where(IssueRow.number == number)
    query = query.order_by(col(IssueRow.number).desc()).limit(1)
    # No integer column holds a larger one: the database would fail, not find nothing.
    row = session.exec(query).first() if (number or 0) < 2**31 else None
    if row is not None:
        return _record(row)
    if number is None:
        raise NoSuchIssue(
            f"there is no issue of {newsletter} yet", remedy="run `digest prepare` first"
        )
    raise NoSuchIssue(
        f"there is no issue {number} of {newsletter}", remedy="`digest issues list` shows them all"
    )


def issue_by_id(session: Session, issue_id: int) -> IssueRecord | None:
    """The issue that a link or a delivery names; None where it is gone."""
    row = session.get(IssueRow, issue_id)
    return _record(row) if row else None


def issues(
    session: Session, newsletter: str | None = None, *, states: Collection[str] = (),
    before: int | None = None, limit: int | None = None,
) -> list[IssueRecord]:  # fmt: skip
    """All issues, newest first: those in one of these states, numbered below `before`, at most
    `limit`. Each is read whole, which takes its time; who answers a page asks for few.
    """
    query = select(IssueRow)
    if newsletter:
        query = query.where(IssueRow.newsletter == newsletter)
    if states:
        query = query.where(col(IssueRow.state).in_(states))
    if before is not None:
        query = query.where(IssueRow.number < before)
    newest = query.order_by(col(IssueRow.id).desc()).limit(limit)
    return [_record(row) for row in session.exec(newest)]


def set_state(
    session: Session, issue_id: int, state: str, now: datetime, *, seen: int | None = None
) -> None:
    """Move an issue on: "sending" with the first row of the ledger, "sent" after the last.

    Raises Conflict where it is no longer at the version that was `seen`.
    """
    row = session.get(IssueRow, issue_id, with_for_update=True)
    if row is None:
        raise _gone(issue_id)
    if seen is not None and row.version != seen:
        raise Conflict(
            f"issue {row.number} was changed at this very moment", version=row.version,
            remedy="look at it as it is now, and approve it again",
        )  # fmt: skip
    row.state = state
    row.finished_at = now if state == "sent" else None
    session.add(row)


def withdraw(session: Session, issue_id: int) -> None:
    """End an approval: the issue is a draft again, to be prepared anew."""
    row = _row(session, issue_id)
    if row.state == "approved":
        row.state, row.approved_hash, row.approved_by, row.approved_at = "draft", "", "", None
        session.add(row)


def _row(session: Session, issue_id: int) -> IssueRow:
    row = session.get(IssueRow, issue_id)
    if row is None:
        raise _gone(issue_id)
    return row


def _gone(issue_id: int) -> IssueError:
    return IssueError(f"issue with id {issue_id} is gone")


def _record(row: IssueRow) -> IssueRecord:
    values = row.model_dump(exclude={"newsletter", "number", "manifest"})
    return IssueRecord(issue=issue_of(row.manifest), **values)
