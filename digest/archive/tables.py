"""The tables of book 1. Rows never leave the archive: values do."""

from datetime import datetime
from typing import Any

from sqlalchemy import JSON, BigInteger, Column, LargeBinary, Text, UniqueConstraint
from sqlmodel import Field, SQLModel

from subscribers.columns import Utc

# What is looked up by its beginning is sorted by its bytes, as SQLite does everywhere.
Bytewise = Text().with_variant(Text(collation="C"), "postgresql")


class SourceRow(SQLModel, table=True):
    """How a source fares; its definition stands in the settings.

    `place` is what the settings said: what is known of one address is void for another.
    `answered` is where redirects led, and what `etag` and `last_modified` belong to.
    """

    __tablename__ = "source"
    name: str = Field(primary_key=True)
    place: str = Field(default="", sa_type=Text)
    moved_to: str = Field(default="", sa_type=Text)
    answered: str = Field(default="", sa_type=Text)
    etag: str = ""
    last_modified: str = ""
    body_hash: str = ""
    not_before: datetime | None = Field(default=None, sa_type=Utc)
    checked: datetime = Field(sa_type=Utc)
    succeeded: datetime | None = Field(default=None, sa_type=Utc)
    failing_since: datetime | None = Field(default=None, sa_type=Utc)
    failures: int = 0
    error: str = Field(default="", sa_type=Text)


class ArticleRow(SQLModel, table=True):
    """One article; seen again it is updated in place. `changed`: when its content last did."""

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
    sectors: list[str] = Field(sa_column=Column(JSON, nullable=False))
    image: dict[str, str] = Field(sa_column=Column(JSON, nullable=False))
    attribution: str = Field(sa_type=Text)
    body: str = Field(sa_type=Text)
    language: str
    source: str = Field(index=True)
    first_seen: datetime = Field(sa_type=Utc)
    last_seen: datetime = Field(sa_type=Utc)
    changed: datetime = Field(sa_type=Utc)


class OutlineRow(SQLModel, table=True):
    """What a draft looks at of every article before it reads a few: narrow, so that it is quick.

    Drawn from the article, and anew where `stale`; all of it may be deleted and comes back.
    Articles that tell the same `story` have its number, the id of the first. `moment`: when it
    was published, else first seen, in microseconds since 1970. `belongs`: source, section,
    categories and sectors, as JSON. `key`: of the headline. `faults`: fewest stand in front.
    """

    __tablename__ = "outline"
    article_id: int = Field(primary_key=True, foreign_key="article.id", ondelete="CASCADE")
    story: int = Field(index=True)
    moment: int = Field(sa_type=BigInteger, index=True)
    fingerprint: str = Field(unique=True)
    key: str = Field(sa_column=Column(Bytewise, nullable=False, index=True))
    belongs: str = Field(sa_type=Text)
    url: str = Field(sa_type=Text)
    faults: int
    stale: bool = Field(default=False, index=True)


class ListedRow(SQLModel, table=True):
    """An entry of a source's list (Trending, Opinion, briefs, Latest), as it was last seen."""

    __tablename__ = "listed"
    source: str = Field(primary_key=True)
    kind: str = Field(primary_key=True)
    rank: int = Field(primary_key=True, sa_column_kwargs={"autoincrement": False})
    headline: str = Field(sa_type=Text)
    url: str = Field(sa_type=Text)
    section: str
    seen: datetime = Field(sa_type=Utc)


class DecisionRow(SQLModel, table=True):
    """What an editor decided about an article for a newsletter; no collection touches it.

    Pin, position and "again" hold for the issue `number`, everything else until it is undone.
    """

    __tablename__ = "decision"
    newsletter: str = Field(primary_key=True)
    fingerprint: str = Field(primary_key=True)
    number: int
    pinned: bool = False
    section: str = ""
    position: int | None = None
    excluded: bool = False
    why: str = Field(default="", sa_type=Text)
    headline: str = Field(default="", sa_type=Text)
    dek: str = Field(default="", sa_type=Text)
    again: bool = False
    image: dict[str, str] | None = Field(
        default=None, sa_column=Column(JSON(none_as_null=True), nullable=True)
    )
    by: str
    at: datetime = Field(sa_type=Utc)


class IssueRow(SQLModel, table=True):
    """One number of a newsletter. `manifest` is the whole issue as JSON, as it is now.

    `version` grows with each step on the desk. `approved_hash` is kept when the content moves on
    and the issue is a draft again.
    """

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
    version: int = 0


class EditRow(SQLModel, table=True):
    """A step that an issue took on the desk: never changed, never deleted before the issue is.

    `kind` is drafted, edited, undone, redone or approved; `change` what an editor did; `manifest`
    the issue as it was then, as JSON deflated by zlib, null for an approval; `decisions` what
    was decided about its articles before and after.
    """

    __tablename__ = "edit"
    issue_id: int = Field(primary_key=True, foreign_key="issue.id", ondelete="CASCADE")
    version: int = Field(primary_key=True, sa_column_kwargs={"autoincrement": False})
    at: datetime = Field(sa_type=Utc)
    by: str
    kind: str
    change: dict[str, Any] = Field(sa_column=Column(JSON, nullable=False))
    manifest: bytes | None = Field(default=None, sa_type=LargeBinary)
    decisions: dict[str, Any] = Field(sa_column=Column(JSON, nullable=False))


class StoryRow(SQLModel, table=True):
    """An article that an issue carried, as it was then: what went out is not sent again."""

    __tablename__ = "story"
    issue_id: int = Field(primary_key=True, foreign_key="issue.id", ondelete="CASCADE")
    position: int = Field(primary_key=True, sa_column_kwargs={"autoincrement": False})
    fingerprint: str = Field(index=True)
    article: dict[str, Any] = Field(sa_column=Column(JSON, nullable=False))


class DueRow(SQLModel, table=True):
    """A step for a due time of a newsletter: one row each, so that it is never taken twice.

    `name` is kept (this rhythm, from then on), drafted, tried, failed, told, begun or closed;
    `key` tells failures and notices apart, `whom` the editors.
    """

    __tablename__ = "due"
    newsletter: str = Field(primary_key=True)
    due: datetime = Field(primary_key=True, sa_type=Utc)
    name: str = Field(primary_key=True)
    key: str = Field(primary_key=True)
    whom: str = Field(primary_key=True)
    at: datetime = Field(sa_type=Utc)
    number: int
    note: str = Field(sa_type=Text)


class PulseRow(SQLModel, table=True):
    """What `digest run` remembers: the last run and its count, the last collection, the hold."""

    __tablename__ = "pulse"
    name: str = Field(primary_key=True)
    at: datetime = Field(sa_type=Utc)
    count: int


class EditorRow(SQLModel, table=True):
    """Somebody who may sit at the desk. `password` is what argon2 made of it."""

    __tablename__ = "editor"
    name: str = Field(primary_key=True)
    role: str
    password: str = Field(sa_type=Text)
    added: datetime = Field(sa_type=Utc)


class LoginRow(SQLModel, table=True):
    """A login until it expires; `token` is the SHA-256 of what the browser keeps."""

    __tablename__ = "login"
    token: str = Field(primary_key=True)
    name: str = Field(foreign_key="editor.name", ondelete="CASCADE", index=True)
    until: datetime = Field(sa_type=Utc)
