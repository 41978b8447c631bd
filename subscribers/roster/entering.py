"""The roster's way in for a whole list: a batch of entries, decided in `exchange`, at once.

A million lines in a minute: two questions and three inserts for a batch, and single statements
only for the few lines that change somebody who is known.
"""

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import lru_cache
from operator import attrgetter
from typing import Any, cast, get_args

from sqlalchemy import (
    ARRAY,
    JSON,
    Boolean,
    Column,
    ColumnElement,
    Dialect,
    MetaData,
    String,
    Table,
    any_,
    bindparam,
    func,
    select,
)
from sqlalchemy.schema import CreateTable
from sqlalchemy.types import TypeEngine
from sqlmodel import Session, SQLModel, col

from subscribers.address import normalise
from subscribers.columns import Utc
from subscribers.consent import Event, State
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

STATES = get_args(State)
_FIELDS = attrgetter(*changing.EVENT)
HASH = "#"  # before a hash that stands for an address; no address begins so with 65 characters


@dataclass(frozen=True, slots=True)
class _Work:
    """A line that changes something; `mail` is its address and `key` the address's key."""

    entry: Entry
    mail: str
    key: str
    verdict: Verdict


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
            session.connection().exec_driver_sql("PRAGMA cache_size = -49152")
        mails = [self._normalised(entry) for entry in entries]
        hashes = {
            key: mail[1:] if mail[0] == HASH else key_hash(key, self._keys)
            for mail, key, _ in mails
            if mail
        }
        known = self._known(session, hashes)
        verdicts, work, attested = [], [], bool(self._evidence)
        for entry, (mail, key, refused) in zip(entries, mails, strict=True):
            stands = known.get(key, NOBODY)
            asked = replace(entry, refused=refused) if refused else entry
            verdict = decide(asked, stands, attested=attested)
            verdicts.append(verdict)
            if verdict.act or verdict.suppress:
                known[key] = after(entry, stands, verdict, self._now)
                work.append(_Work(entry, mail, key, verdict))
        if self._pretend:
            self._remember(session, {one.key: known[one.key] for one in work})
        else:
            self._carry_out(session, work, hashes)
        return verdicts

    def _normalised(self, entry: Entry) -> tuple[str, str, str]:
        """The address to mail (or the mark of a hash) and its key; or why there is none."""
        if entry.refused:
            return "", "", entry.refused
        if entry.hashed:
            name, _, hashed = entry.hashed.partition(":")
            if name != key_name(self._keys) or not re.fullmatch(r"[0-9a-f]{64}", hashed):
                return "", "", "This hash was made under another key (DIGEST_WEB_SECRET)."
            return HASH + hashed, HASH + hashed, ""
        try:
            mail = normalise(entry.address)
        except InvalidAddress as error:
            return "", "", error.what
        return mail, mail.lower(), ""

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
        silenced = select(hashed, col(SuppressionRow.reason)).where(
            _among(session, hashed, list(hashes.values()))
        )
        never = {line[0]: line[1] == "operator" for line in connection.execute(silenced)}
        known = {
            key: Known(suppressed=True, forbidden=never[hashed])
            for key, hashed in hashes.items()
            if hashed in never
        }
        for line in connection.execute(query):
            hashed_key = hashes[line.address_key]
            stays = (hashed_key in never, never.get(hashed_key, False))
            chosen = preferences(line) if line.state else None
            known[line.address_key] = Known(line.state, chosen, line.confirmed_at, *stays)
        if self._pretend:
            known |= self._remembered(session, list(hashes))
        return known

    def _carry_out(self, session: Session, work: list[_Work], hashes: dict[str, str]) -> None:
        for operators in (False, True):  # the operator's word takes the place of a weaker one
            silenced = [
                one
                for one in work
                if one.verdict.suppress and (one.verdict.suppress == "operator") == operators
            ]
            _insert(session, SuppressionRow, ["address_hash"], {
                "address_hash": [hashes[one.key] for one in silenced],
                "reason": [one.verdict.suppress for one in silenced],
                "how": [one.entry.how or self._how for one in silenced],
                "at": [min(one.entry.at or self._now, self._now) for one in silenced],
            }, replacing=operators)  # fmt: skip
        entering = [one for one in work if one.verdict.act == "enter"]
        numbers = self._subscribers(session, entering, hashes)
        self._subscribe(session, entering, numbers)
        self._prove(session, entering, numbers)
        for one in work:
            if one.verdict.act not in {"", "enter"}:
                self._change(session, one)

    def _subscribers(
        self, session: Session, entering: list[_Work], hashes: dict[str, str]
    ) -> list[int]:
        """The numbers of these people, who are put down where they are new."""
        keys = [one.key for one in entering]
        _insert(session, SubscriberRow, ["address_key"], {
            "address": [one.mail for one in entering],
            "address_key": keys,
            "address_hash": [hashes[key] for key in keys],
            "language": [one.entry.language for one in entering],
            "timezone": [one.entry.timezone for one in entering],
            "created_at": [one.entry.since or self._now for one in entering],
        })  # fmt: skip
        key = col(SubscriberRow.address_key)
        query = select(key, col(SubscriberRow.id)).where(_among(session, key, keys))
        numbers = {line[0]: cast(int, line[1]) for line in session.connection().execute(query)}
        return [numbers[key] for key in keys]

    def _subscribe(self, session: Session, entering: list[_Work], numbers: list[int]) -> None:
        many, entries = len(entering), [one.entry for one in entering]
        states = [e.status if e.status in STATES else "withdrawn" for e in entries]
        since = [
            e.since or (self._now if state == "confirmed" else None)
            for e, state in zip(entries, states, strict=True)
        ]
        _insert(session, SubscriptionRow, ["subscriber_id", "newsletter"], {
            "subscriber_id": numbers,
            "newsletter": [self._newsletter] * many,
            "state": states,
            "confirmed_at": since,
            "changed_at": [self._now] * many,
            "paused_until": [e.paused_until for e in entries],
            **_stored([e.preferences or EVERYTHING for e in entries]),
        })  # fmt: skip

    def _prove(self, session: Session, entering: list[_Work], numbers: list[int]) -> None:
        proof = [
            (number, event)
            for one, number in zip(entering, numbers, strict=True)
            for event in self._events(one.entry)
        ]
        if not proof:
            return
        fields = zip(*(_FIELDS(event) for _, event in proof), strict=True)
        columns: dict[str, Sequence[Any]] = {
            "subscriber_id": [number for number, _ in proof],
            "newsletter": [self._newsletter] * len(proof),
            **dict(zip(changing.EVENT, fields, strict=True)),
        }
        columns["wording"] = [
            changing.kept_wording(session, event.wording, event.at) for _, event in proof
        ]
        _insert(session, ConsentEventRow, [], columns)

    def _events(self, entry: Entry) -> Sequence[Event]:
        """The proof of a new line: its own, or one event with what the list has to show."""
        if entry.events:
            return entry.events
        if entry.status == "withdrawn":
            return [Event("withdrawn", entry.left or self._now, self._how, None, self._said(entry))]
        if entry.status == "requested":
            return [
                Event("requested", entry.since or self._now, self._how, None, self._said(entry))
            ]
        return [Event("confirmed", entry.since or self._now, self._how, None, self._said(entry))]

    def _said(self, entry: Entry) -> str:
        return "; ".join(part for part in (self._evidence, entry.evidence) if part)

    def _change(self, session: Session, one: _Work) -> None:
        found = changing.number(session, one.mail)
        when: dict[str, Any] = {"how": self._how, "now": self._now}
        if one.verdict.act == "withdraw":
            said = self._said(one.entry)
            changing.withdraw(session, found, self._newsletter, **when, reason=said)
        else:
            chosen = cast(Preferences, one.entry.preferences)
            changing.choose(session, found, self._newsletter, chosen, **when)

    def _remember(self, session: Session, known: dict[str, Known]) -> None:
        _insert(session, PRETENDED, ["address_key"], {
            "address_key": list(known),
            "state": [k.state for k in known.values()],
            "confirmed_at": [k.confirmed_at for k in known.values()],
            "never": [k.suppressed for k in known.values()],
            "forbidden": [k.forbidden for k in known.values()],
            **_stored([k.preferences or EVERYTHING for k in known.values()]),
        }, replacing=True)  # fmt: skip

    def _remembered(self, session: Session, keys: list[str]) -> dict[str, Known]:
        connection = session.connection()
        connection.execute(CreateTable(PRETENDED, if_not_exists=True))
        ask = select(PRETENDED).where(_among(session, PRETENDED.c.address_key, keys))
        return {
            line.address_key: Known(
                line.state, preferences(line), line.confirmed_at, line.never, line.forbidden
            )
            for line in connection.execute(ask)
        }


# What a dry run would have done. Seen by its session alone, and gone with its transaction: SQLite
# keeps it in a file of its own and takes no lock on the roster for it.
PRETENDED = Table(
    "pretended",
    MetaData(),
    Column("address_key", String, primary_key=True),
    Column("state", String),
    Column("confirmed_at", Utc),
    Column("never", Boolean),
    Column("forbidden", Boolean),
    Column("sections", JSON(none_as_null=True)),
    Column("sectors", JSON(none_as_null=True)),
    Column("format", String),
    Column("frequency", String),
    prefixes=["TEMPORARY"],
    sqlite_with_rowid=False,
)


def _stored(chosen: list[Preferences]) -> dict[str, list[Any]]:
    """Choices as their columns."""
    rows = map(_columns, chosen)
    return {
        name: list(column)
        for name, column in zip(changing.stored(EVERYTHING), zip(*rows, strict=True), strict=False)
    }


@lru_cache(maxsize=1 << 12)
def _columns(chosen: Preferences) -> tuple[Any, ...]:
    return tuple(changing.stored(chosen).values())


def _insert(
    session: Session,
    row: type[SQLModel] | Table,
    unique: list[str],
    columns: Mapping[str, Sequence[Any]],
    *,
    replacing: bool = False,
) -> None:
    """Insert these columns' rows, but those whose `unique` columns stand there already.

    `replacing`: those take the place of what stands there.
    """
    if not any(columns.values()):
        return
    table = row if isinstance(row, Table) else cast(Table, row.__table__)  # type: ignore[attr-defined]
    statement = changing.insert_for(session, table)
    if replacing:
        others = {name: statement.excluded[name] for name in columns if name not in unique}
        statement = statement.on_conflict_do_update(index_elements=unique, set_=others)
    elif unique:
        statement = statement.on_conflict_do_nothing(index_elements=unique)
    # Handed to the driver ready-made: to have each value bound by its type took half of all
    # the time of a million lines.
    connection = session.connection()
    compiled = statement.compile(dialect=connection.dialect, column_keys=list(columns))
    order = compiled.positiontup or list(columns)
    ready = (_ready(connection.dialect, table.c[name].type, columns[name]) for name in order)
    lines = zip(*ready, strict=True)
    if compiled.positiontup is None:  # psycopg's are named
        named = [dict(zip(order, line, strict=True)) for line in lines]
        connection.exec_driver_sql(str(compiled), named)
    else:
        connection.exec_driver_sql(str(compiled), list(lines))


def _ready(dialect: Dialect, kind: TypeEngine[Any], values: Sequence[Any]) -> Iterable[Any]:
    """The values of a column fit for the driver."""
    if isinstance(kind, Utc) and dialect.name == "sqlite":
        return map(_moment, values)
    bind = kind.dialect_impl(dialect).bind_processor(dialect)
    return map(bind, values) if bind else values


@lru_cache(maxsize=1 << 12)
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
