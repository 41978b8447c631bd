"""The tables of book 2. Rows never leave the ledger: values do."""

from datetime import date, datetime

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
    tried: datetime | None = Field(default=None, sa_type=Utc)


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

    Of the first so many, how many are `settled` and how many of them `refused`, while the brake
    is on (`watched`). While the list is being written, `last` is the newest subscription that can
    be on it.
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
    settled: int = 0
    refused: int = 0
    watched: bool = True
    opened: datetime = Field(sa_type=Utc)
    last: int | None = None


class BudgetRow(SQLModel, table=True):
    """What is spent of a relay's or a domain's budget: see pace.Spent. All senders share it."""

    __tablename__ = "budget"
    name: str = Field(primary_key=True)
    flow: datetime | None = Field(default=None, sa_type=Utc)
    day: date | None = None
    used: int = 0


class HoldingRow(SQLModel, table=True):
    """How many connections a sender may use at a time of those that a relay or domain is given."""

    __tablename__ = "holding"
    name: str = Field(primary_key=True)
    sender: int = Field(primary_key=True, sa_column_kwargs={"autoincrement": False})
    held: int = 0


class BreakerRow(SQLModel, table=True):
    """A relay that is left alone `until` then, after so many faults; one sender may be trying it
    again, and has until `probing` for that."""

    __tablename__ = "breaker"
    relay: str = Field(primary_key=True)
    faults: int = 0
    opened: datetime = Field(sa_type=Utc)
    until: datetime = Field(sa_type=Utc)
    reply: str = Field(default="", sa_type=Text)
    probing: datetime | None = Field(default=None, sa_type=Utc)


class SlowedRow(SQLModel, table=True):
    """A domain of recipients that asked for less, and when it last did."""

    __tablename__ = "slowed"
    domain: str = Field(primary_key=True)
    at: datetime = Field(sa_type=Utc)


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
