"""The roster's way in for a whole list: a batch of entries, decided in `exchange`, at once.

A million lines in a minute: two questions and three inserts for a batch (`loading`), and single
statements only for the few lines that change somebody who is known.
"""

import re
from collections.abc import Iterable, Sequence
from datetime import datetime
from functools import lru_cache
from operator import attrgetter
from typing import Any, NamedTuple, cast, get_args

from sqlalchemy import JSON, Boolean, Column, MetaData, String, Table, select
from sqlalchemy.schema import CreateTable
from sqlmodel import Session, col

from subscribers.address import normalise
from subscribers.columns import Utc
from subscribers.consent import State
from subscribers.errors import InvalidAddress, UnknownSubscriber
from subscribers.exchange.deciding import NOBODY, Known, Verdict, after, decide
from subscribers.exchange.values import Entry
from subscribers.preferences import EVERYTHING, Preferences
from subscribers.roster import changing, loading
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
_UNTOLD = (None, "", "", "")  # an Event's story, wording, ip and agent
# Only where several write at once: on PostgreSQL.
MISSED = Verdict("skipped", "Somebody changed this person at the same moment: import this again.")
HASH = "#"  # before a hash that stands for an address; no address begins so with 65 characters


class Addressed(NamedTuple):
    """A line with its address made fit: `mail`, its `key`, and the `hash` that suppresses it.

    All three are empty where the line is refused, and `mail` and `key` are HASH and the hash where
    that is all that it has.
    """

    entry: Entry
    mail: str = ""
    key: str = ""
    hash: str = ""


Work = list[tuple[Addressed, Verdict]]  # lines that change something


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

    def addressed(self, entries: Iterable[Entry]) -> list[Addressed]:
        """The lines of these entries, in their order: what can be done without the database."""
        return [self._addressed(entry) for entry in entries]

    def enter(self, session: Session, lines: Sequence[Addressed]) -> list[Verdict]:
        """What became of each line, in their order. Works in the caller's transaction."""
        if session.get_bind().dialect.name == "sqlite":
            # With SQLite's own 2 MB, pages of the indexes are read again and again.
            session.connection().exec_driver_sql("PRAGMA cache_size = -8192")
        known, numbers = self._known(session, {one.key: one.hash for one in lines if one.key})
        verdicts, work, attested = [], Work(), bool(self._evidence)
        for one in lines:
            stands = known.get(one.hash, NOBODY)
            verdict = decide(one.entry, stands, attested=attested)
            verdicts.append(verdict)
            if verdict.act or verdict.suppress:
                known[one.hash] = after(one.entry, stands, verdict, self._now)
                work.append((one, verdict))
        if self._pretend:
            self._remember(session, {one.hash: known[one.hash] for one, _ in work})
            return verdicts
        missed = self._carry_out(session, work, numbers)
        if not missed:
            return verdicts
        return [
            MISSED if one.entry.line in missed else verdict
            for one, verdict in zip(lines, verdicts, strict=True)
        ]

    def _addressed(self, entry: Entry) -> Addressed:
        if entry.refused:
            return Addressed(entry)
        entry = self._past(entry)
        if entry.hashed:
            name, _, hashed = entry.hashed.partition(":")
            if name != key_name(self._keys) or not re.fullmatch(r"[0-9a-f]{64}", hashed):
                why = "This hash was made under another key (DIGEST_WEB_SECRET)."
                return Addressed(entry._replace(refused=why))
            return Addressed(entry, HASH + hashed, HASH + hashed, hashed)
        try:
            mail = normalise(entry.address)
        except InvalidAddress as error:
            return Addressed(entry._replace(refused=error.what))
        key = mail.lower()
        return Addressed(entry, mail, key, key_hash(key, self._keys))

    def _past(self, entry: Entry) -> Entry:
        """The entry with no time that is still to come: what a list says has happened."""
        since, left = entry.since, entry.left
        if (since is None or since <= self._now) and (left is None or left <= self._now):
            return entry
        return entry._replace(
            since=since and min(since, self._now), left=left and min(left, self._now)
        )

    def _known(
        self, session: Session, hashes: dict[str, str]
    ) -> tuple[dict[str, Known], dict[str, int]]:
        """What is known of the people of these keys, by their hashes, for a line may have nothing
        else of a person; and of those in the roster, by key, that person's number.

        Where others write at the same time, nobody found here is forgotten before the end.
        """
        connection, row = session.connection(), SubscriptionRow
        of_newsletter = (col(row.subscriber_id) == col(SubscriberRow.id)) & (
            col(row.newsletter) == self._newsletter
        )
        number = cast(Any, col(SubscriberRow.id)).label("number")
        query = (
            select(
                col(SubscriberRow.address_key),
                number,
                col(row.state),
                col(row.confirmed_at),
                *CHOICES,
            )
            .outerjoin_from(SubscriberRow, row, of_newsletter)
            .where(loading.among(session, col(SubscriberRow.address_key), list(hashes)))
        )
        if not self._pretend:
            query = query.with_for_update(read=True, key_share=True, of=SubscriberRow)
        never = _never(session, list(hashes.values()))
        known = {hashed: Known(suppressed=True, forbidden=never[hashed]) for hashed in never}
        numbers = {}
        for line in connection.execute(query):
            numbers[line.address_key] = cast(int, line.number)
            hash_ = hashes[line.address_key]
            stays = (hash_ in never, never.get(hash_, False))
            chosen = preferences(line) if line.state else None
            known[hash_] = Known(line.state, chosen, line.confirmed_at, *stays)
        if self._pretend:
            known |= self._remembered(session, list(hashes.values()))
        return known, numbers

    def _carry_out(self, session: Session, work: Work, known: dict[str, int]) -> set[int]:
        """Do what was decided. The numbers of the lines that somebody came before."""
        for operators in (False, True):  # the operator's word takes the place of a weaker one
            silenced = [
                (one, verdict.suppress)
                for one, verdict in work
                if verdict.suppress and (verdict.suppress == "operator") == operators
            ]
            loading.insert(session, SuppressionRow, ["address_hash"], {
                "address_hash": [one.hash for one, _ in silenced],
                "reason": [reason for _, reason in silenced],
                "how": [one.entry.how or self._how for one, _ in silenced],
                "at": [min(one.entry.at or self._now, self._now) for one, _ in silenced],
            }, replacing=operators)  # fmt: skip
        entering = [one for one, verdict in work if verdict.act == "enter"]
        entered = self._enter(session, entering, known)
        changed = {
            one.entry.line
            for one, verdict in work
            if verdict.act not in {"", "enter"} and self._change(session, one, verdict)
        }
        return {one.entry.line for one, verdict in work if verdict.act} - entered - changed

    def _enter(
        self, session: Session, entering: list[Addressed], known: dict[str, int]
    ) -> set[int]:
        """Put these people down with their proof. The numbers of the lines of whom that is true."""
        numbers = self._subscribers(session, entering, known)
        there = [one for one in entering if one.key in numbers]
        ours = self._subscribe(session, there, [numbers[one.key] for one in there])
        entered = [one for one in there if numbers[one.key] in ours]
        self._prove(session, entered, [numbers[one.key] for one in entered])
        return {one.entry.line for one in entered}

    def _subscribers(
        self, session: Session, entering: list[Addressed], known: dict[str, int]
    ) -> dict[str, int]:
        """The numbers of people, by key; these are put down where they are new."""
        new = [one for one in entering if one.key not in known]
        keys = [one.key for one in new]
        columns: dict[str, Sequence[Any]] = {
            "address": [one.mail for one in new],
            "address_key": keys,
            "address_hash": [one.hash for one in new],
            "language": [one.entry.language for one in new],
            "timezone": [one.entry.timezone for one in new],
            "created_at": [one.entry.since or self._now for one in new],
        }
        return known | loading.people(session, keys, columns)

    def _subscribe(
        self, session: Session, entering: list[Addressed], numbers: list[int]
    ) -> set[int]:
        """Subscribe these people. The numbers of those whom nobody else had just subscribed."""
        many, entries = len(entering), [one.entry for one in entering]
        states = [e.status if e.status in STATES else "withdrawn" for e in entries]
        since = [
            e.since or (self._now if state == "confirmed" else None)
            for e, state in zip(entries, states, strict=True)
        ]
        return loading.subscribe(session, {
            "subscriber_id": numbers,
            "newsletter": [self._newsletter] * many,
            "state": states,
            "confirmed_at": since,
            "changed_at": [self._now] * many,
            "paused_until": [e.paused_until for e in entries],
            **_stored([e.preferences or EVERYTHING for e in entries]),
        })  # fmt: skip

    def _prove(self, session: Session, entered: list[Addressed], numbers: list[int]) -> None:
        proof = [
            (number, *event)
            for one, number in zip(entered, numbers, strict=True)
            for event in self._events(one.entry)
        ]
        if not proof:
            return
        names = ("subscriber_id", *changing.EVENT)
        columns: dict[str, Sequence[Any]] = dict(zip(names, zip(*proof, strict=True), strict=True))
        columns["newsletter"] = [self._newsletter] * len(proof)
        if any(columns["wording"]):
            columns["wording"] = [
                changing.kept_wording(session, wording, at)
                for wording, at in zip(columns["wording"], columns["at"], strict=True)
            ]
        loading.insert(session, ConsentEventRow, [], columns)

    def _events(self, entry: Entry) -> Iterable[tuple[Any, ...]]:
        """The proof of a new line, as _FIELDS of events: its own, or one with what the list has
        to show. That one is never made an Event: it is nearly every line's."""
        if entry.events:
            return map(_FIELDS, entry.events)
        kind, at = "confirmed", entry.since
        if entry.status == "withdrawn":
            kind, at = "withdrawn", entry.left
        elif entry.status == "requested":
            kind = "requested"
        return [(kind, at or self._now, self._how, None, self._said(entry), *_UNTOLD)]

    def _said(self, entry: Entry) -> str:
        if self._evidence and entry.evidence:
            return f"{self._evidence}; {entry.evidence}"
        return self._evidence or entry.evidence

    def _change(self, session: Session, one: Addressed, verdict: Verdict) -> bool:
        """Whether that changed anything: somebody may have been quicker."""
        try:
            found = changing.number(session, one.mail)
        except UnknownSubscriber:
            return False
        when: dict[str, Any] = {"how": self._how, "now": self._now}
        if verdict.act == "withdraw":
            said = self._said(one.entry)
            return changing.withdraw(session, found, self._newsletter, **when, reason=said)
        chosen = cast(Preferences, one.entry.preferences)
        return changing.choose(session, found, self._newsletter, chosen, **when)

    def _remember(self, session: Session, known: dict[str, Known]) -> None:
        loading.insert(session, PRETENDED, ["address_hash"], {
            "address_hash": list(known),
            "state": [k.state for k in known.values()],
            "confirmed_at": [k.confirmed_at for k in known.values()],
            "never": [k.suppressed for k in known.values()],
            "forbidden": [k.forbidden for k in known.values()],
            **_stored([k.preferences or EVERYTHING for k in known.values()]),
        }, replacing=True)  # fmt: skip

    def _remembered(self, session: Session, hashes: list[str]) -> dict[str, Known]:
        connection = session.connection()
        connection.execute(CreateTable(PRETENDED, if_not_exists=True))
        ask = select(PRETENDED).where(loading.among(session, PRETENDED.c.address_hash, hashes))
        return {
            line.address_hash: Known(
                line.state, preferences(line), line.confirmed_at, line.never, line.forbidden
            )
            for line in connection.execute(ask)
        }


# What a dry run would have done. Seen by its session alone, and gone with its transaction: SQLite
# keeps it in a file of its own and takes no lock on the roster for it.
PRETENDED = Table(
    "pretended",
    MetaData(),
    Column("address_hash", String, primary_key=True),
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


def _never(session: Session, hashes: list[str]) -> dict[str, bool]:
    """Which of these addresses are suppressed; True where the operator said so, for good."""
    row = SuppressionRow
    hashed = col(row.address_hash)
    query = select(hashed, col(row.reason)).where(loading.among(session, hashed, hashes))
    return {line[0]: line[1] == "operator" for line in session.connection().execute(query)}


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
