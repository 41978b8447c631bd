"""The tables of book 2. Rows never leave the ledger: values do."""

from datetime import datetime

from sqlalchemy import Index, Text, UniqueConstraint, text
from sqlmodel import Field, SQLModel

from subscribers.columns import Utc

# Written out, not bound: SQLite uses a partial index only where the query says the same words.
DUE = "state IN ('pending', 'deferred')"
HELD = "state IN ('claimed', 'inflight')"


class DeliveryRow(SQLModel, table=True):
    """One message's passage. No foreign key to the subscriber: the count outlives forgetting."""

    __tablename__ = "delivery"
    __table_args__ = (
        UniqueConstraint("issue_id", "subscriber"),
        # Must match the ORDER BY of claim(), or PostgreSQL sorts every open row each time.
        Index(
            "ix_delivery_due",
            "issue_id",
            "next_at",
            "id",
            sqlite_where=text(DUE),
            postgresql_where=text(DUE),
        ),
        # A few hundred rows at any time: what a sender that died has left behind.
        Index(
            "ix_delivery_held",
            "sender",
            sqlite_where=text(HELD),
            postgresql_where=text(HELD),
        ),
        {"sqlite_autoincrement": True},
    )
    id: int | None = Field(default=None, primary_key=True)
    issue_id: int = Field(foreign_key="issue.id")
    subscriber: int = Field(index=True)
    edition: str = Field(default="", sa_type=Text)
    message_id: str = ""
    state: str = "pending"
    reason: str = Field(default="", sa_type=Text)
    sender: int = 0
    relay: str = ""
    attempts: int = 0
    resends: int = 0
    next_at: datetime = Field(sa_type=Utc)
    code: int = 0
    enhanced: str = ""
    reply: str = Field(default="", sa_type=Text)
    frozen: datetime = Field(sa_type=Utc)
    changed: datetime = Field(sa_type=Utc)
    left: datetime | None = Field(default=None, sa_type=Utc)


class SenderRow(SQLModel, table=True):
    """One run of a sender. What it holds is its own until `ended`; `lease` says when others may
    presume it dead. Numbers are never used twice, so a row of the ledger names one run for ever.
    """

    __tablename__ = "sender"
    __table_args__ = ({"sqlite_autoincrement": True},)
    id: int | None = Field(default=None, primary_key=True)
    name: str
    began: datetime = Field(sa_type=Utc)
    lease: datetime = Field(sa_type=Utc)
    ended: datetime | None = Field(default=None, sa_type=Utc)


class SendingRow(SQLModel, table=True):
    """The sending of one issue: how many were frozen, and what the operator wants of it.

    While the list is being written, `last` is the newest subscription that can be on it.
    """

    __tablename__ = "sending"
    issue_id: int = Field(
        primary_key=True, foreign_key="issue.id", sa_column_kwargs={"autoincrement": False}
    )
    recipients: int
    control: str = "go"
    why: str = Field(default="", sa_type=Text)
    by: str = ""
    at: datetime = Field(sa_type=Utc)
    opened: datetime = Field(sa_type=Utc)
    last: int | None = None


class InterventionRow(SQLModel, table=True):
    """A person moved a delivery out of a final state: who, when, from where, to where."""

    __tablename__ = "intervention"
    id: int | None = Field(default=None, primary_key=True)
    issue_id: int = Field(foreign_key="issue.id", index=True)
    subscriber: int
    was: str
    became: str
    reply: str = Field(default="", sa_type=Text)
    by: str
    at: datetime = Field(sa_type=Utc)
