"""The roster's tables. Rows stay in the roster; never a query here."""

from datetime import datetime

from sqlalchemy import JSON
from sqlmodel import Column, Field, Index, SQLModel, UniqueConstraint

from subscribers.columns import Utc


class SubscriberRow(SQLModel, table=True):
    """A person. The id is never given to another: links in old mails name it."""

    __tablename__ = "subscriber"
    __table_args__ = (UniqueConstraint("address_key"), {"sqlite_autoincrement": True})
    id: int | None = Field(default=None, primary_key=True)
    address: str
    address_key: str
    address_hash: str = Field(index=True)
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
    format: str
    confirmed_at: datetime | None = Field(default=None, sa_type=Utc)
    changed_at: datetime = Field(sa_type=Utc)


class ConsentEventRow(SQLModel, table=True):
    """One line of the proof of consent. Only ever appended."""

    __tablename__ = "consent_event"
    id: int | None = Field(default=None, primary_key=True)
    subscriber_id: int = Field(foreign_key="subscriber.id", ondelete="CASCADE", index=True)
    newsletter: str
    kind: str
    at: datetime = Field(sa_type=Utc)
    how: str
    issue: int | None = None
    evidence: str


class SuppressionRow(SQLModel, table=True):
    """An address that must never be mailed, known by its hash alone; nothing refers to it."""

    __tablename__ = "suppression"
    __table_args__ = (UniqueConstraint("address_hash"),)
    id: int | None = Field(default=None, primary_key=True)
    address_hash: str
    reason: str
    how: str
    at: datetime = Field(sa_type=Utc)
