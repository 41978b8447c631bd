"""Book 1: what was published. Sources and how they fare, articles, lists, issues.

Every table and every query about them. Functions take a session first and never commit.
Never here: what may be mailed to whom (roster), what was mailed (ledger).
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from pydantic import TypeAdapter
from sqlalchemy import JSON, Column, Text, UniqueConstraint, func
from sqlmodel import Field, Session, SQLModel, col, delete, select

from digest.articles import Article, Image, Listed, headline_key
from digest.edition import Issue
from digest.errors import IssueError
from subscribers.columns import Utc

_ISSUE = TypeAdapter(Issue)


class SourceRow(SQLModel, table=True):
    """How a source fares; its definition stands in the settings."""

    __tablename__ = "source"
    name: str = Field(primary_key=True)
    etag: str = ""
    last_modified: str = ""
    checked: datetime = Field(sa_type=Utc)
    failing_since: datetime | None = Field(default=None, sa_type=Utc)
    error: str = Field(default="", sa_type=Text)


class ArticleRow(SQLModel, table=True):
    """One article; seen again it is updated in place."""

    __tablename__ = "article"
    id: int | None = Field(default=None, primary_key=True)
    fingerprint: str = Field(unique=True)
    headline: str = Field(sa_type=Text)
    url: str = Field(sa_type=Text)
    dek: str = Field(sa_type=Text)
    byline: str = Field(sa_type=Text)
    published: datetime | None = Field(default=None, sa_type=Utc, index=True)
    updated: datetime | None = Field(default=None, sa_type=Utc)
    section: str
    categories: list[str] = Field(sa_column=Column(JSON, nullable=False))
    image: dict[str, str] = Field(sa_column=Column(JSON, nullable=False))
    attribution: str = Field(sa_type=Text)
    body: str = Field(sa_type=Text)
    language: str
    source: str = Field(index=True)
    first_seen: datetime = Field(sa_type=Utc)
    last_seen: datetime = Field(sa_type=Utc)


class ListedRow(SQLModel, table=True):
    """An entry of a source's Trending list, as it was last seen."""

    __tablename__ = "listed"
    source: str = Field(primary_key=True)
    rank: int = Field(primary_key=True, sa_column_kwargs={"autoincrement": False})
    headline: str = Field(sa_type=Text)
    url: str = Field(sa_type=Text)
    section: str
    seen: datetime = Field(sa_type=Utc)


class IssueRow(SQLModel, table=True):
    """One number of a newsletter. `manifest` is the whole issue as JSON: what was approved."""

    __tablename__ = "issue"
    __table_args__ = (UniqueConstraint("newsletter", "number"), {"sqlite_autoincrement": True})
    id: int | None = Field(default=None, primary_key=True)
    newsletter: str
    number: int
    state: str
    manifest: str = Field(sa_type=Text)
    content_hash: str
    approved_hash: str = ""
    approved_by: str = ""
    approved_at: datetime | None = Field(default=None, sa_type=Utc)
    prepared_at: datetime = Field(sa_type=Utc)
    finished_at: datetime | None = Field(default=None, sa_type=Utc)


class StoryRow(SQLModel, table=True):
    """Which article an issue carried: what an earlier issue had is never sent again."""

    __tablename__ = "story"
    issue_id: int = Field(primary_key=True, foreign_key="issue.id", ondelete="CASCADE")
    position: int = Field(primary_key=True, sa_column_kwargs={"autoincrement": False})
    fingerprint: str = Field(index=True)
    headline_key: str = Field(sa_type=Text)


class DueRow(SQLModel, table=True):
    """A due time of a newsletter that was acted on: one row each, so it never happens twice."""

    __tablename__ = "due"
    newsletter: str = Field(primary_key=True)
    due: datetime = Field(primary_key=True, sa_type=Utc)
    acted: datetime = Field(sa_type=Utc)
    note: str = Field(sa_type=Text)


@dataclass(frozen=True, slots=True)
class SourceState:
    """What is remembered of a source between two visits."""

    name: str
    etag: str = ""
    last_modified: str = ""
    checked: datetime | None = None
    failing_since: datetime | None = None
    error: str = ""


@dataclass(frozen=True, slots=True)
class Kept:
    """How many articles of a reading were new, changed, or already known as they are."""

    new: int = 0
    changed: int = 0
    unchanged: int = 0


@dataclass(frozen=True, slots=True)
class IssueRecord:
    """An issue as it stands in the archive. `state`: draft, approved, sending or sent."""

    id: int
    issue: Issue
    state: str
    content_hash: str
    approved_hash: str
    approved_by: str
    approved_at: datetime | None
    prepared_at: datetime
    finished_at: datetime | None


def source_state(session: Session, name: str) -> SourceState:
    """What is remembered; a blank state for a source that was never visited."""
    row = session.get(SourceRow, name)
    return SourceState(**row.model_dump()) if row else SourceState(name)


def source_states(session: Session) -> list[SourceState]:
    """All sources ever visited, by name."""
    rows = session.exec(select(SourceRow).order_by(SourceRow.name))
    return [SourceState(**row.model_dump()) for row in rows]


def note_visit(
    session: Session, name: str, now: datetime, *, etag: str, last_modified: str
) -> None:
    """The source answered: whatever failed before is over."""
    session.merge(SourceRow(name=name, checked=now, etag=etag, last_modified=last_modified))


def note_failure(session: Session, name: str, now: datetime, error: str) -> None:
    """The source failed; since when is kept from the first failure in a row."""
    row = session.get(SourceRow, name) or SourceRow(name=name, checked=now)
    row.checked, row.error = now, error
    row.failing_since = row.failing_since or now
    session.add(row)


def keep(session: Session, articles: Iterable[Article], now: datetime) -> Kept:
    """Write articles, each once by its fingerprint; a changed one replaces what was known."""
    new = changed = unchanged = 0
    for article in articles:
        row = _known(session, article.fingerprint)
        if row is None:
            session.add(ArticleRow(**_columns(article), first_seen=now, last_seen=now))
            new += 1
        elif _change(row, article, now):
            changed += 1
        else:
            unchanged += 1
        session.flush()
    return Kept(new, changed, unchanged)


def keep_listed(session: Session, source: str, listed: Sequence[Listed], now: datetime) -> None:
    """Put a source's Trending list in the place of the one before."""
    if not listed:
        return
    session.exec(delete(ListedRow).where(col(ListedRow.source) == source))
    for entry in listed:
        session.add(
            ListedRow(
                source=source,
                rank=entry.rank,
                headline=entry.headline,
                url=entry.url,
                section=entry.section,
                seen=now,
            )
        )


def articles(
    session: Session, *, since: datetime | None = None, limit: int = 100_000
) -> list[Article]:
    """The articles published after `since`, newest first; those without a date come last."""
    query = select(ArticleRow)
    if since is not None:
        query = query.where(
            (col(ArticleRow.published) > since) | col(ArticleRow.published).is_(None)
        )
    query = query.order_by(col(ArticleRow.published).desc().nulls_last(), col(ArticleRow.id))
    return [_article(row) for row in session.exec(query.limit(limit))]


def article(session: Session, beginning: str) -> Article | None:
    """The article whose fingerprint begins so, or whose address it is; None if not exactly one."""
    query = select(ArticleRow).where(
        (col(ArticleRow.url) == beginning)
        | col(ArticleRow.fingerprint).startswith(beginning.lower(), autoescape=True)
    )
    rows = session.exec(query.limit(2)).all()
    return _article(rows[0]) if len(rows) == 1 else None


def listed(session: Session, since: datetime) -> list[Listed]:
    """The Trending lists seen after `since`, the most recent source first, by rank."""
    query = select(ListedRow).where(col(ListedRow.seen) > since)
    rows = session.exec(
        query.order_by(col(ListedRow.seen).desc(), col(ListedRow.source), col(ListedRow.rank))
    )
    return [Listed(row.rank, row.headline, row.url, row.section) for row in rows]


def carried(session: Session, newsletter: str) -> dict[str, int]:
    """Fingerprints and headline keys of what went out (or is about to), with the issue's number.

    A draft does not count: it is replaced by the next one.
    """
    query = (
        select(StoryRow.fingerprint, StoryRow.headline_key, IssueRow.number)
        .join(IssueRow)
        .where(IssueRow.newsletter == newsletter, IssueRow.state != "draft")
    )
    found: dict[str, int] = {}
    for print_, key, number in session.exec(query):
        found[print_] = found[key] = number
    return found


def save_draft(session: Session, issue: Issue, content_hash: str, now: datetime) -> IssueRecord:
    """Write the draft of a newsletter in the place of an earlier draft of it, if there is one."""
    row = session.exec(
        select(IssueRow).where(IssueRow.newsletter == issue.newsletter, IssueRow.state == "draft")
    ).first()
    if row is None:
        row = IssueRow(
            newsletter=issue.newsletter,
            number=issue.number,
            state="draft",
            manifest="",
            content_hash="",
            prepared_at=now,
        )
    row.number, row.prepared_at, row.content_hash = issue.number, now, content_hash
    row.manifest = _ISSUE.dump_json(issue).decode()
    session.add(row)
    session.flush()
    session.exec(delete(StoryRow).where(col(StoryRow.issue_id) == row.id))
    for position, story in enumerate(issue.stories):
        session.add(
            StoryRow(
                issue_id=row.id or 0,
                position=position,
                fingerprint=story.fingerprint,
                headline_key=headline_key(story.headline),
            )
        )
    return _record(row)


def next_number(session: Session, newsletter: str) -> int:
    """The number of the issue to prepare: one more than the last that is no draft."""
    query = select(func.max(IssueRow.number)).where(
        IssueRow.newsletter == newsletter, IssueRow.state != "draft"
    )
    return (session.exec(query).one() or 0) + 1


def issue(session: Session, newsletter: str, number: int | None = None) -> IssueRecord:
    """An issue by its number, the newest without one. Raises IssueError where there is none."""
    query = select(IssueRow).where(IssueRow.newsletter == newsletter)
    if number is not None:
        query = query.where(IssueRow.number == number)
    row = session.exec(query.order_by(col(IssueRow.number).desc()).limit(1)).first()
    if row is None:
        which = f"issue {number}" if number else "issue"
        raise IssueError(
            f"there is no {which} of {newsletter} yet", remedy="run `digest prepare` first"
        )
    return _record(row)


def issue_by_id(session: Session, issue_id: int) -> IssueRecord | None:
    """The issue that a link or a delivery names; None where it is gone."""
    row = session.get(IssueRow, issue_id)
    return _record(row) if row else None


def issues(session: Session, newsletter: str | None = None) -> list[IssueRecord]:
    """All issues, newest first."""
    query = select(IssueRow)
    if newsletter:
        query = query.where(IssueRow.newsletter == newsletter)
    return [_record(row) for row in session.exec(query.order_by(col(IssueRow.id).desc()))]


def approve(session: Session, issue_id: int, content_hash: str, by: str, now: datetime) -> None:
    """Bind the approval to the content's hash: only that is ever sent."""
    row = _row(session, issue_id)
    row.state = "approved" if row.state == "draft" else row.state
    row.approved_hash, row.approved_by, row.approved_at = content_hash, by, now
    session.add(row)


def set_state(session: Session, issue_id: int, state: str, now: datetime) -> None:
    """Move an issue on: "sending" with the first row of the ledger, "sent" after the last."""
    row = _row(session, issue_id)
    row.state = state
    row.finished_at = now if state == "sent" else None
    session.add(row)


def act_once(session: Session, newsletter: str, due: datetime, now: datetime, note: str) -> bool:
    """Write down that a due time was acted on; False where that had been done before."""
    if session.get(DueRow, (newsletter, due)):
        return False
    session.add(DueRow(newsletter=newsletter, due=due, acted=now, note=note))
    session.flush()
    return True


def take_back(session: Session, newsletter: str, due: datetime) -> None:
    """What was begun for a due time came to nothing: it may be tried again."""
    session.exec(delete(DueRow).where(col(DueRow.newsletter) == newsletter, col(DueRow.due) == due))


def _known(session: Session, fingerprint: str) -> ArticleRow | None:
    return session.exec(select(ArticleRow).where(ArticleRow.fingerprint == fingerprint)).first()


def _change(row: ArticleRow, article: Article, now: datetime) -> bool:
    row.last_seen = now
    # A list names an article by its headline alone: that must not wipe out what a feed told.
    if row.dek and not article.dek:
        return False
    news = {name: value for name, value in _columns(article).items() if value}
    if row.source != article.source:
        # The first source keeps the article: two that differ must not take turns at it.
        news = {name: value for name, value in news.items() if not getattr(row, name)}
    changed = {name: value for name, value in news.items() if getattr(row, name) != value}
    for name, value in changed.items():
        setattr(row, name, value)
    return bool(changed)


def _columns(article: Article) -> dict[str, Any]:
    return {
        "fingerprint": article.fingerprint,
        "headline": article.headline,
        "url": article.url,
        "dek": article.dek,
        "byline": article.byline,
        "published": article.published,
        "updated": article.updated,
        "section": article.section,
        "categories": list(article.categories),
        "image": {
            "url": article.image.url,
            "alt": article.image.alt,
            "credit": article.image.credit,
        },
        "attribution": article.attribution,
        "body": article.body,
        "language": article.language,
        "source": article.source,
    }


def _article(row: ArticleRow) -> Article:
    values = row.model_dump(exclude={"id", "fingerprint", "first_seen", "last_seen"})
    values["categories"] = tuple(values["categories"])
    values["image"] = Image(**values["image"])
    return Article(**values)


def _row(session: Session, issue_id: int) -> IssueRow:
    row = session.get(IssueRow, issue_id)
    if row is None:
        raise IssueError(f"issue with id {issue_id} is gone")
    return row


def _record(row: IssueRow) -> IssueRecord:
    values = row.model_dump(exclude={"newsletter", "number", "manifest"})
    return IssueRecord(issue=_ISSUE.validate_json(row.manifest), **values)
