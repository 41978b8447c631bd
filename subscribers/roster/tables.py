"""The roster's tables. Rows stay in the roster; never a query here."""

from datetime import datetime

from sqlalchemy import JSON, LargeBinary, Text, text
from sqlmodel import Column, Field, Index, SQLModel, UniqueConstraint

from subscribers.columns import Utc

NAMED = "issue IS NOT NULL"


class SubscriberRow(SQLModel, table=True):
    """A person. The id is never given to another: links in old mails name it."""

    __tablename__ = "subscriber"
    __table_args__ = (UniqueConstraint("address_key"), {"sqlite_autoincrement": True})
    id: int | None = Field(default=None, primary_key=True)
    address: str
    address_key: str
    address_hash: str
    language: str = ""
    timezone: str = ""
    created_at: datetime = Field(sa_type=Utc)


class SubscriptionRow(SQLModel, table=True):
    """A person and a newsletter. `state` repeats what the events say, for the queries."""

    __tablename__ = "subscription"
    __table_args__ = (
        UniqueConstraint("subscriber_id", "newsletter"),
        Index(None, "newsletter", "state", "subscriber_id"),
        {"sqlite_autoincrement": True},
    )
    id: int | None = Field(default=None, primary_key=True)
    subscriber_id: int = Field(foreign_key="subscriber.id", ondelete="CASCADE")
    newsletter: str
    state: str
    sections: list[str] | None = Field(sa_column=Column(JSON(none_as_null=True)))
    sectors: list[str] | None = Field(sa_column=Column(JSON(none_as_null=True)))
    format: str
    frequency: str = "each"
    paused_until: datetime | None = Field(default=None, sa_type=Utc)
    confirmed_at: datetime | None = Field(default=None, sa_type=Utc)
    changed_at: datetime = Field(sa_type=Utc)


class ConsentEventRow(SQLModel, table=True):
    """One line of the proof of consent. Only ever appended."""

    __tablename__ = "consent_event"
    # Of those that name an issue alone: a list's million lines name none, and pay nothing.
    __table_args__ = (Index(None, "issue", sqlite_where=text(NAMED), postgresql_where=text(NAMED)),)
    id: int | None = Field(default=None, primary_key=True)
    subscriber_id: int = Field(foreign_key="subscriber.id", ondelete="CASCADE", index=True)
    newsletter: str
    kind: str
    at: datetime = Field(sa_type=Utc)
    how: str
    issue: int | None = None
    story: int | None = None
    evidence: str
    wording: str = ""
    ip: str = ""
    agent: str = ""


class WordingRow(SQLModel, table=True):
    """A text that was shown to somebody who consented, kept once under its SHA-256 in hex."""

    __tablename__ = "wording"
    hash: str = Field(primary_key=True)
    text: str = Field(sa_type=Text)
    at: datetime = Field(sa_type=Utc)


class NoticeRow(SQLModel, table=True):
    """A mail that the roster owes somebody: confirm, known, address, moved, stopped. Its outbox.

    `address_key` is the form in which an address is looked for (`address.key`). `state` is due,
    sending, sent or refused; a mail is never sent twice for one row.
    """

    __tablename__ = "notice"
    __table_args__ = (
        Index(None, "state", "due"),
        {"sqlite_autoincrement": True},
    )
    id: int | None = Field(default=None, primary_key=True)
    subscriber_id: int = Field(foreign_key="subscriber.id", ondelete="CASCADE", index=True)
    newsletter: str
    kind: str
    address: str
    address_key: str = Field(index=True)
    state: str
    asked_at: datetime = Field(sa_type=Utc)
    due: datetime = Field(sa_type=Utc)
    attempts: int = 0
    reply: str = Field(default="", sa_type=Text)
    used_at: datetime | None = Field(default=None, sa_type=Utc)


class ReportRow(SQLModel, table=True):
    """A mail or event about mail: a bounce, a complaint, an answer. Nothing is thrown away.

    `fingerprint` makes it count once however often it comes. `raw` is compressed (zlib).
    """

    __tablename__ = "report"
    __table_args__ = (
        UniqueConstraint("fingerprint"),
        Index(None, "subscriber_id", "at"),
        {"sqlite_autoincrement": True},
    )
    id: int | None = Field(default=None, primary_key=True)
    fingerprint: str
    kind: str = Field(index=True)
    fault: str
    source: str
    at: datetime = Field(sa_type=Utc)
    subscriber_id: int | None = Field(default=None, foreign_key="subscriber.id", ondelete="CASCADE")
    issue: int | None = Field(default=None, index=True)
    recipient: str
    status: str
    diagnostic: str = Field(sa_type=Text)
    counted: bool
    did: str
    raw: bytes | None = Field(default=None, sa_type=LargeBinary)


class FeedbackRow(SQLModel, table=True):
    """What a reader said of an issue; the last word of each counts."""

    __tablename__ = "feedback"
    __table_args__ = (UniqueConstraint("issue", "subscriber_id"),)
    id: int | None = Field(default=None, primary_key=True)
    subscriber_id: int = Field(foreign_key="subscriber.id", ondelete="CASCADE", index=True)
    issue: int
    verdict: str
    comment: str = Field(sa_type=Text)
    at: datetime = Field(sa_type=Utc)


class TallyRow(SQLModel, table=True):
    """How often something was asked for until then, by a name that tells nobody what it was."""

    __tablename__ = "tally"
    __table_args__ = (Index(None, "until"),)
    rule: str = Field(primary_key=True)
    name: str = Field(primary_key=True)
    until: datetime = Field(primary_key=True, sa_type=Utc)
    count: int


class SuppressionRow(SQLModel, table=True):
    """An address that must never be mailed, known by its hash alone; nothing refers to it."""

    __tablename__ = "suppression"
    __table_args__ = (UniqueConstraint("address_hash"),)
    id: int | None = Field(default=None, primary_key=True)
    address_hash: str
    reason: str
    how: str
    at: datetime = Field(sa_type=Utc)


class LiftingRow(SQLModel, table=True):
    """A suppression that an operator lifted: what stood, since when, who lifted it, and why.

    Known by the hash, as that was: the address may be nobody's here.
    """

    __tablename__ = "lifting"
    id: int | None = Field(default=None, primary_key=True)
    address_hash: str = Field(index=True)
    reason: str
    how: str
    since: datetime = Field(sa_type=Utc)
    why: str = Field(sa_type=Text)
    by: str
    at: datetime = Field(sa_type=Utc)
