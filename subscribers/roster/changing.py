"""The roster's verbs: what changes it. They work in the caller's transaction and never commit."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, fields
from datetime import datetime
from functools import cache
from typing import TYPE_CHECKING, Any, Literal, cast

from sqlalchemy import (
    ColumnElement,
    Table,
    Update,
    bindparam,
    insert,
    literal_column,
    select,
    update,
)
from sqlmodel import Session, SQLModel, col

from subscribers.address import key, normalise
from subscribers.consent import Event
from subscribers.errors import Suppressed, UnknownSubscriber, Withdrawn
from subscribers.preferences import EVERYTHING, Preferences
from subscribers.roster.asking import CHOICES, Line, is_suppressed
from subscribers.roster.asking import preferences as chosen
from subscribers.roster.tables import (
    ConsentEventRow,
    SubscriberRow,
    SubscriptionRow,
    SuppressionRow,
    WordingRow,
)
from subscribers.suppression import Reason, address_hash

if TYPE_CHECKING:
    from sqlalchemy.dialects.sqlite import Insert  # PostgreSQL's has the same methods

EVENT = tuple(field.name for field in fields(Event))
_APPENDING = insert(ConsentEventRow)
COME_BACK = "They must subscribe and confirm again themselves."


@dataclass(frozen=True, slots=True)
class Enrolment:
    """What `enrol` did: the subscriber, and whether that changed anything."""

    subscriber: int
    change: Literal["new", "changed", "unchanged"]


def add(
    session: Session,
    address: str,
    newsletter: str,
    preferences: Preferences | None = None,
    *,
    how: str,
    now: datetime,
    keys: Sequence[bytes],
    evidence: str = "",
) -> int:
    """Like `enrol`, for who only wants the subscriber's number."""
    return enrol(
        session, address, newsletter, preferences, how=how, now=now, keys=keys, evidence=evidence
    ).subscriber


def enrol(
    session: Session,
    address: str,
    newsletter: str,
    preferences: Preferences | None = None,
    *,
    how: str,
    now: datetime,
    keys: Sequence[bytes],
    evidence: str = "",
) -> Enrolment:
    """A confirmed subscription on the operator's word; `evidence` says what that word rests on.

    Once more for the same person changes nothing but preferences, and those only when given:
    None means everything for a new subscription and the reader's own choice for an old one.
    Raises InvalidAddress, Suppressed, Withdrawn; nothing is written then.
    """
    mail = normalise(address)
    if is_suppressed(session, mail, keys):
        raise Suppressed(f"{mail} is suppressed: it must not be mailed.")
    found = subscriber(session, mail, now, keys)
    wanted = preferences or EVERYTHING
    fresh = {"state": "confirmed", "confirmed_at": now, "changed_at": now, **stored(wanted)}
    identity = {"subscriber_id": found, "newsletter": newsletter}
    if not insert_new(session, SubscriptionRow, identity, fresh):
        stands = state(session, found, newsletter)
        if stands == "withdrawn" or (
            stands == "requested" and _has_left(session, found, newsletter)
        ):
            raise Withdrawn(f"{mail} has left {newsletter}.", remedy=COME_BACK)
        if stands == "confirmed":
            wants = preferences is not None
            changed = wants and choose(session, found, newsletter, wanted, how=how, now=now)
            return Enrolment(found, "changed" if changed else "unchanged")
        # On condition: somebody may leave between the question and this answer.
        requested = col(SubscriptionRow.state) == "requested"
        if not change(session, found, newsletter, fresh, requested):
            return Enrolment(found, "unchanged")
    append(session, found, newsletter, Event("confirmed", now, how, None, evidence))
    return Enrolment(found, "new")


def withdraw(
    session: Session,
    subscriber: int,
    newsletter: str,
    *,
    how: str,
    now: datetime,
    issue: int | None = None,
    reason: str = "",
    story: int | None = None,
) -> bool:
    """End a subscription. True when that changed something; False when it had ended or is gone."""
    # The condition is in the statement: of two requests at once, one writes the event.
    whose = {"whose": subscriber, "which": newsletter, "now": now}
    ended = session.connection().execute(_ending(), whose).rowcount == 1
    if ended:
        append(session, subscriber, newsletter, Event("withdrawn", now, how, issue, reason, story))
    return ended


@cache
def _ending() -> Update:
    # Put together once, and not in front of a mail provider that waits.
    return (
        update(SubscriptionRow)
        .where(
            col(SubscriptionRow.subscriber_id) == bindparam("whose"),
            col(SubscriptionRow.newsletter) == bindparam("which"),
            col(SubscriptionRow.state) != "withdrawn",
        )
        .values(state="withdrawn", changed_at=bindparam("now"))
    )


def choose(
    session: Session,
    subscriber: int,
    newsletter: str,
    preferences: Preferences,
    *,
    how: str,
    now: datetime,
) -> bool:
    """Keep what a subscriber wants. True when that changed something.

    False when nothing differs, and for a subscription that was withdrawn or is gone.
    """
    current = _subscription(session, subscriber, newsletter)
    if current is None or current.state == "withdrawn" or chosen(current) == preferences:
        return False
    # On condition: somebody may leave between the question and this answer.
    stays = col(SubscriptionRow.state) != "withdrawn"
    kept = {"changed_at": now, **stored(preferences)}
    if not change(session, subscriber, newsletter, kept, stays):
        return False
    append(session, subscriber, newsletter, Event("chosen", now, how, None, _said(preferences)))
    return True


def suppress(
    session: Session,
    address: str,
    *,
    reason: Reason,
    how: str,
    now: datetime,
    keys: Sequence[bytes],
) -> bool:
    """Never mail this address again, known to the roster or not. True when that is new.

    The first reason stays, but the operator's takes its place: nothing lifts that one. Raises
    InvalidAddress.
    """
    row, hashed = SuppressionRow, address_hash(address, keys)
    values = {"reason": reason, "how": how, "at": now}
    if insert_new(session, row, {"address_hash": hashed}, values):
        return True
    weaker = (col(row.address_hash) == hashed) & (col(row.reason) != "operator")
    stronger = update(row).where(weaker).values(**values)
    return reason == "operator" and session.connection().execute(stronger).rowcount == 1


def subscriber(
    session: Session, address: str, now: datetime, keys: Sequence[bytes], language: str = ""
) -> int:
    """The number of the person of this normal address, who is put down when new."""
    known = _number(session, address)
    if known is not None:
        return known
    values = {
        "address": address,
        "address_hash": address_hash(address, keys),
        "language": language,
        "timezone": "",
        "created_at": now,
    }
    insert_new(session, SubscriberRow, {"address_key": key(address)}, values)
    return number(session, address)


def number(session: Session, address: str) -> int:
    """The number of the person of this address. Raises UnknownSubscriber, InvalidAddress."""
    known = _number(session, address)
    if known is None:
        raise UnknownSubscriber(f"Nobody in the roster has the address {address}.")
    return known


def _number(session: Session, address: str) -> int | None:
    query = select(col(SubscriberRow.id)).where(col(SubscriberRow.address_key) == key(address))
    return session.connection().scalar(query)


def _subscription(session: Session, subscriber: int, newsletter: str) -> "Line | None":
    query = select(col(SubscriptionRow.state), *CHOICES).where(
        col(SubscriptionRow.subscriber_id) == subscriber,
        col(SubscriptionRow.newsletter) == newsletter,
    )
    return session.connection().execute(query).first()


def state(session: Session, subscriber: int, newsletter: str) -> str | None:
    current = _subscription(session, subscriber, newsletter)
    return None if current is None else current.state


def _has_left(session: Session, subscriber: int, newsletter: str) -> bool:
    """Whether they ever left: then a request (anybody can type an address) is no way round it."""
    row = ConsentEventRow
    query = select(col(row.id)).where(
        col(row.subscriber_id) == subscriber,
        col(row.newsletter) == newsletter,
        col(row.kind) == "withdrawn",
    )
    return session.connection().scalar(query.limit(1)) is not None


def change(
    session: Session,
    subscriber: int,
    newsletter: str,
    values: dict[str, Any],
    *conditions: ColumnElement[bool],
) -> bool:
    """Change one subscription if the conditions hold. Whether they did."""
    statement = update(SubscriptionRow).where(
        col(SubscriptionRow.subscriber_id) == subscriber,
        col(SubscriptionRow.newsletter) == newsletter,
        *conditions,
    )
    return session.connection().execute(statement.values(**values)).rowcount == 1


def insert_for(session: Session, row: type[SQLModel] | Table) -> "Insert":
    """An INSERT of this session's engine, which can say what to do on a conflict."""
    if session.get_bind().dialect.name == "postgresql":
        # Loaded where it is spoken: SQLite's users need not wait for it.
        from sqlalchemy.dialects import postgresql

        return cast("Insert", postgresql.insert(row))
    from sqlalchemy.dialects import sqlite

    return sqlite.insert(row)


def insert_new(
    session: Session, row: type[SQLModel], identity: dict[str, Any], values: dict[str, Any]
) -> bool:
    """Insert unless a row of this identity stands there, also one that came this very moment."""
    unique = insert_for(session, row).values(identity | values)
    unique = unique.on_conflict_do_nothing(index_elements=list(identity))
    # Asked by RETURNING: psycopg's rowcount says nothing of such an insert.
    return session.connection().scalar(unique.returning(literal_column("1"))) is not None


def append(session: Session, subscriber: int, newsletter: str, event: Event) -> None:
    """Add a line to the proof of consent. Nothing ever changes one."""
    row = event_row(session, subscriber, newsletter, event)
    session.connection().execute(_APPENDING, row)


def event_row(session: Session, subscriber: int, newsletter: str, event: Event) -> dict[str, Any]:
    """The columns of an event; the wording that it names is kept, once."""
    values = {name: getattr(event, name) for name in EVENT}
    values["wording"] = kept_wording(session, event.wording, event.at)
    return {"subscriber_id": subscriber, "newsletter": newsletter, **values}


def kept_wording(session: Session, wording: str, at: datetime) -> str:
    """The hash under which a text that was shown is kept, once; empty for none."""
    if not wording:
        return ""
    name = hashlib.sha256(wording.encode()).hexdigest()
    insert_new(session, WordingRow, {"hash": name}, {"text": wording, "at": at})
    return name


def stored(preferences: Preferences) -> dict[str, Any]:
    """A choice as its columns."""
    return {
        "sections": None if preferences.sections is None else sorted(preferences.sections),
        "sectors": None if preferences.sectors is None else sorted(preferences.sectors),
        "format": preferences.format,
        "frequency": preferences.frequency,
    }


def _said(preferences: Preferences) -> str:
    """What was chosen, as the proof keeps it."""
    sections = "everything" if preferences.sections is None else sorted(preferences.sections)
    said = f"{preferences.format}: {sections}"
    if preferences.sectors is not None:
        said += f"; sectors: {sorted(preferences.sectors)}"
    return said if preferences.frequency == "each" else f"{said}; {preferences.frequency}"
