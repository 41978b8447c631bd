"""The roster's way in for a whole list: a batch of entries, decided in `exchange`, at once.

A million lines in a minute: two questions and three inserts for a batch, and single statements
only for the few lines that change somebody who is known.
"""

import json
import re
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any, cast

from sqlalchemy import (
    ARRAY,
    JSON,
    ColumnElement,
    Dialect,
    String,
    Table,
    any_,
    bindparam,
    func,
    select,
    text,
)
from sqlalchemy.types import TypeEngine
from sqlmodel import Session, SQLModel, col

from subscribers.address import normalise
from subscribers.columns import Utc
from subscribers.consent import Event
from subscribers.errors import InvalidAddress
from subscribers.exchange.deciding import NOBODY, Known, Verdict, after, decide
from subscribers.exchange.values import Entry
from subscribers.preferences import EVERYTHING, Preferences
from subscribers.roster import changing
from subscribers.roster.asking import CHOICES, preferences
from subscribers.roster.tables import (
    ConsentEventRow,
    SubscriberRow,
    SubscriptionRow,
    SuppressionRow,
)
from subscribers.suppression import key_hash, key_name

HASH = "#"  # before a hash that stands for an address; no address begins so with 65 characters


class Entering:
    """Enters one list for one newsletter. `evidence` is the operator's word for its consent.

    With `pretend` nothing is written: what earlier lines would have done is kept in a table
    that only this session sees, so that the report is the same to the word.
    """

    def __init__(
        self,
        newsletter: str,
        *,
        how: str,
        evidence: str,
        now: datetime,
        keys: Sequence[bytes],
        pretend: bool = False,
    ) -> None:
        self._newsletter, self._how, self._evidence = newsletter, how, evidence
        self._now, self._keys, self._pretend = now, keys, pretend

    def enter(self, session: Session, entries: Sequence[Entry]) -> list[Verdict]:
        """What became of each entry, in their order. Works in the caller's transaction."""
        if session.get_bind().dialect.name == "sqlite":
            # A list comes in no order, so every line touches other pages of the indexes: with
            # SQLite's own 2 MB of them in memory, a million lines read each page a hundred times.
            session.connection().exec_driver_sql("PRAGMA cache_size = -65536")
        mails = [self._normalised(entry) for entry in entries]
        hashes = {
            mail.lower(): mail[1:] if mail[0] == HASH else key_hash(mail.lower(), self._keys)
            for mail, _ in mails
            if mail
        }
        known = self._known(session, hashes)
        verdicts, work = [], []
        for entry, (mail, refused) in zip(entries, mails, strict=True):
            stands = known.get(mail.lower(), NOBODY)
            asked = replace(entry, refused=refused) if refused else entry
            verdict = decide(asked, stands, attested=bool(self._evidence))
            verdicts.append(verdict)
            if verdict.act or verdict.suppress:
                known[mail.lower()] = after(entry, stands, verdict, self._now)
                work.append((entry, mail, verdict))
        if self._pretend:
            self._remember(session, {mail.lower(): known[mail.lower()] for _, mail, _ in work})
        else:
            self._carry_out(session, work, hashes)
        return verdicts

    def _normalised(self, entry: Entry) -> tuple[str, str]:
        """The address to mail (or the mark of a hash), and why not if there is none."""
        if entry.refused:
            return "", entry.refused
        if entry.hashed:
            name, _, hashed = entry.hashed.partition(":")
            if name != key_name(self._keys) or not re.fullmatch(r"[0-9a-f]{64}", hashed):
                return "", "This hash was made under another key (DIGEST_WEB_SECRET)."
            return HASH + hashed, ""
        try:
            return normalise(entry.address), ""
        except InvalidAddress as error:
            return "", error.what

    def _known(self, session: Session, hashes: dict[str, str]) -> dict[str, Known]:
        connection, row = session.connection(), SubscriptionRow
        of_newsletter = (col(row.subscriber_id) == col(SubscriberRow.id)) & (
            col(row.newsletter) == self._newsletter
        )
        query = (
            select(col(SubscriberRow.address_key), col(row.state), col(row.confirmed_at), *CHOICES)
            .outerjoin_from(SubscriberRow, row, of_newsletter)
            .where(_among(session, col(SubscriberRow.address_key), list(hashes)))
        )
        hashed = col(SuppressionRow.address_hash)
        silenced = select(hashed).where(_among(session, hashed, list(hashes.values())))
        never = set(connection.scalars(silenced))
        known = {key: Known(suppressed=True) for key, hashed in hashes.items() if hashed in never}
        for line in connection.execute(query):
            stays = hashes[line.address_key] in never
            chosen = preferences(line) if line.state else None
            known[line.address_key] = Known(line.state, chosen, line.confirmed_at, stays)
        if self._pretend and hashes:
            known |= self._remembered(session, list(hashes))
        return known

    def _carry_out(
        self, session: Session, work: list[tuple[Entry, str, Verdict]], hashes: dict[str, str]
    ) -> None:
        entering = [(entry, mail) for entry, mail, verdict in work if verdict.act == "enter"]
        silenced = [
            {"address_hash": hashes[mail.lower()], "reason": verdict.suppress, "how": self._how,
             "at": self._now}
            for _, mail, verdict in work
            if verdict.suppress
        ]  # fmt: skip
        self._insert(session, SuppressionRow, ["address_hash"], silenced)
        numbers = self._subscribers(session, entering, hashes)
        fresh = [(entry, numbers[mail.lower()]) for entry, mail in entering]
        lines = [self._subscription(entry, number) for entry, number in fresh]
        self._insert(session, SubscriptionRow, ["subscriber_id", "newsletter"], lines)
        proof = [
            changing.event_row(session, number, self._newsletter, event)
            for entry, number in fresh
            for event in self._events(entry)
        ]
        self._insert(session, ConsentEventRow, [], proof)
        for entry, mail, verdict in work:
            if verdict.act not in {"", "enter"}:
                self._change(session, entry, mail, verdict)

    def _subscribers(
        self, session: Session, entering: list[tuple[Entry, str]], hashes: dict[str, str]
    ) -> dict[str, int]:
        """The numbers of these people, who are put down where they are new."""
        people = [
            {"address": mail, "address_key": mail.lower(), "address_hash": hashes[mail.lower()],
             "language": entry.language, "created_at": entry.since or self._now}
            for entry, mail in entering
        ]  # fmt: skip
        self._insert(session, SubscriberRow, ["address_key"], people)
        keys = [mail.lower() for _, mail in entering]
        key = col(SubscriberRow.address_key)
        query = select(key, col(SubscriberRow.id)).where(_among(session, key, keys))
        found = session.connection().execute(query)
        return {line[0]: cast(int, line[1]) for line in found}

    def _insert(
        self, session: Session, row: type[SQLModel], unique: list[str], rows: list[dict[str, Any]]
    ) -> None:
        """Insert these rows, but those whose `unique` columns stand there already."""
        if not rows:
            return
        connection, table = session.connection(), cast(Table, row.__table__)  # type: ignore[attr-defined]
        statement = changing.insert_for(session, table)
        if unique:
            statement = statement.on_conflict_do_nothing(index_elements=unique)
        # Handed to the driver ready-made: to have each value bound by its type took half of all
        # the time of a million lines.
        names = list(rows[0])
        compiled = statement.compile(dialect=connection.dialect, column_keys=names)
        order = compiled.positiontup or names
        columns = []
        for name in order:
            ready = _ready(connection.dialect, table.c[name].type)
            column = [line[name] for line in rows]
            columns.append(map(ready, column) if ready else column)
        values = list(zip(*columns, strict=True))
        if compiled.positiontup is None:  # psycopg's are named
            connection.exec_driver_sql(
                str(compiled), [dict(zip(order, line, strict=True)) for line in values]
            )
        else:
            connection.exec_driver_sql(str(compiled), values)

    def _subscription(self, entry: Entry, number: int) -> dict[str, Any]:
        chosen = entry.preferences or EVERYTHING
        state = entry.status
        if state not in {"confirmed", "requested", "withdrawn"}:
            state = "withdrawn"
        confirmed = (entry.since or self._now) if state == "confirmed" else entry.since
        return {
            "subscriber_id": number,
            "newsletter": self._newsletter,
            "state": state,
            "confirmed_at": confirmed,
            "changed_at": self._now,
            "paused_until": entry.paused_until,
            **changing.stored(chosen),
        }

    def _events(self, entry: Entry) -> Sequence[Event]:
        """The proof of a new line: its own, or one event with what the list has to show."""
        if entry.events:
            return entry.events
        if entry.status == "withdrawn":
            return [Event("withdrawn", entry.left or self._now, self._how, None, self._said(entry))]
        return [Event("confirmed", entry.since or self._now, self._how, None, self._said(entry))]

    def _said(self, entry: Entry) -> str:
        return "; ".join(part for part in (self._evidence, entry.evidence) if part)

    def _change(self, session: Session, entry: Entry, mail: str, verdict: Verdict) -> None:
        found = changing.number(session, mail)
        when: dict[str, Any] = {"how": self._how, "now": self._now}
        if verdict.act == "withdraw":
            changing.withdraw(session, found, self._newsletter, **when, reason=self._said(entry))
        else:
            chosen = cast(Preferences, entry.preferences)
            changing.choose(session, found, self._newsletter, chosen, **when)

    def _remember(self, session: Session, known: dict[str, Known]) -> None:
        connection = session.connection()
        connection.execute(text(_PRETENDED))
        rows = [
            {"key": key, "state": k.state, "at": k.confirmed_at and k.confirmed_at.isoformat(),
             "never": k.suppressed, "chosen": changing.stored(k.preferences or EVERYTHING)}
            for key, k in known.items()
        ]  # fmt: skip
        keep = text(_KEEP).bindparams(bindparam("chosen", type_=JSON))
        if rows:
            connection.execute(keep, rows)

    def _remembered(self, session: Session, keys: list[str]) -> dict[str, Known]:
        connection = session.connection()
        connection.execute(text(_PRETENDED))
        ask = (
            text("SELECT * FROM pretended WHERE address_key IN :keys")
            .bindparams(bindparam("keys", expanding=True))
            .columns(chosen=JSON)
        )
        known = {}
        for line in connection.execute(ask, {"keys": keys}).mappings():
            at = line["confirmed_at"] and datetime.fromisoformat(line["confirmed_at"])
            chosen = line["chosen"]
            value = Preferences(
                _set(chosen["sections"]), chosen["format"], _set(chosen["sectors"]),
                chosen["frequency"],
            )  # fmt: skip
            known[line["address_key"]] = Known(line["state"], value, at, bool(line["never"]))
        return known


# Seen by this session alone, and gone with its transaction: SQLite keeps it in a file of its own
# and takes no lock on the roster for it.
_PRETENDED = """
CREATE TEMPORARY TABLE IF NOT EXISTS pretended (
    address_key VARCHAR PRIMARY KEY, state VARCHAR, confirmed_at VARCHAR, never BOOLEAN, chosen JSON
)
"""
_KEEP = """
INSERT INTO pretended (address_key, state, confirmed_at, never, chosen)
VALUES (:key, :state, :at, :never, :chosen)
ON CONFLICT (address_key) DO UPDATE
SET state = :state, confirmed_at = :at, never = :never, chosen = :chosen
"""


def _ready(dialect: Dialect, kind: TypeEngine[Any]) -> Callable[[Any], Any] | None:
    """What makes a value of this column fit for the driver; None where it is."""
    if isinstance(kind, Utc) and dialect.name == "sqlite":
        return _moment
    return kind.dialect_impl(dialect).bind_processor(dialect)


def _moment(value: datetime | None) -> str | None:
    # What SQLAlchemy stores in SQLite, and 5 times as fast as its own.
    if value is None:
        return None
    if value.tzinfo is not UTC:
        value = value.astimezone(UTC)
    return value.replace(tzinfo=None).isoformat(" ", "microseconds")


def _among(session: Session, column: Any, values: Sequence[str]) -> ColumnElement[bool]:
    """Whether a column is one of thousands of texts, which travel as one parameter."""
    if session.get_bind().dialect.name == "postgresql":
        return cast(ColumnElement[bool], column == any_(bindparam(None, values, ARRAY(String))))
    listed = func.json_each(json.dumps(values)).table_valued("value")
    return cast(ColumnElement[bool], column.in_(select(listed.c.value)))


def _set(names: list[str] | None) -> frozenset[str] | None:
    return None if names is None else frozenset(names)
