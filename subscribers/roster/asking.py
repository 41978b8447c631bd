"""The roster's questions: what it knows, as frozen values. Nothing here writes."""

import json
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import Any, TypeAlias, cast

from sqlalchemy import (
    ColumnElement,
    Connection,
    Row,
    ScalarSelect,
    Select,
    Text,
    bindparam,
    exists,
    func,
    or_,
    select,
)
from sqlalchemy import cast as cast_to
from sqlmodel import Session, col

from subscribers.address import key
from subscribers.consent import Event, Kind, State
from subscribers.errors import UnknownSubscriber
from subscribers.exchange import Kept
from subscribers.preferences import Format, Frequency, Preferences
from subscribers.recipient import Recipient
from subscribers.roster.tables import (
    ConsentEventRow,
    SubscriberRow,
    SubscriptionRow,
    SuppressionRow,
    WordingRow,
)
from subscribers.suppression import Reason, address_hash, may_mail

BATCH = 1000  # ids in one IN (...): both engines bound the number of parameters
CHOICES = (
    col(SubscriptionRow.sections),
    col(SubscriptionRow.sectors),
    col(SubscriptionRow.format),
    col(SubscriptionRow.frequency),
)

# Quoted: SQLAlchemy 2.0 takes one tuple here, 2.1 its members.
Line: TypeAlias = Row[*tuple[Any, ...]]
Lines: TypeAlias = Select[*tuple[Any, ...]]


@dataclass(frozen=True, slots=True)
class Subscription:
    """One subscription with its proof, oldest event first."""

    newsletter: str
    state: State
    preferences: Preferences
    confirmed_at: datetime | None
    changed_at: datetime
    events: tuple[Event, ...]
    paused_until: datetime | None = None


@dataclass(frozen=True, slots=True)
class Profile:
    """A person and their subscriptions. `suppressed` tells the reason, if there is one."""

    subscriber: int
    address: str
    created_at: datetime
    suppressed: bool
    subscriptions: tuple[Subscription, ...]
    language: str = ""
    suppression: Reason | None = None


@dataclass(frozen=True, slots=True)
class Listed:
    """One line of a listing. `subscription` is what `after` of the next page wants."""

    subscription: int
    subscriber: int
    address: str
    newsletter: str
    state: State
    preferences: Preferences
    confirmed_at: datetime | None
    suppressed: bool


def recipients(
    session: Session,
    newsletter: str,
    *,
    after: int = 0,
    limit: int = BATCH,
    now: datetime | None = None,
    weekly: bool = True,
) -> list[Recipient]:
    """Who may be mailed this newsletter now, in the order of their numbers, those above `after`.

    Without `now` nobody is paused. `weekly`: whether the issue is for those, too, who want only
    the first of each week.
    """
    above = col(SubscriptionRow.subscriber_id) > after
    found = _mailable(newsletter, now, weekly).where(above)
    page = found.order_by(col(SubscriptionRow.subscriber_id)).limit(limit)
    # Of a million lines only what a Recipient is made of: each time that is read costs as much
    # as the whole of the others.
    needed = page.with_only_columns(
        col(SubscriberRow.id), col(SubscriberRow.address), col(SubscriptionRow.confirmed_at),
        *CHOICES,
    )  # fmt: skip
    found_lines: Any = session.connection().execute(needed)
    return [
        Recipient(number, address, since, _chosen(sections, sectors, form, frequency))
        for number, address, since, sections, sectors, form, frequency in found_lines
    ]


def audience(
    newsletter: str,
    *,
    now: datetime | None = None,
    weekly: bool = True,
    after: int = 0,
    last: int | None = None,
    limit: int | None = None,
) -> Lines:
    """The numbers of all `recipients`, as a query for a ledger to freeze in one statement.

    With `last` (see `newest`) those alone who were confirmed at `now` already, whenever it is
    asked; with `after` and `limit` so many of them, in the order of their numbers.
    """
    number = col(SubscriptionRow.subscriber_id)
    found = _mailable(newsletter, now, weekly).where(number > after)
    if last is not None:
        found = found.where(
            col(SubscriptionRow.id) <= last, col(SubscriptionRow.confirmed_at) <= now
        )
    return found.with_only_columns(number).order_by(number).limit(limit)


def newest(session: Session) -> int:
    """The number of the subscription that was added last: who joins later has a higher one."""
    return session.connection().scalar(select(func.max(col(SubscriptionRow.id)))) or 0


def _mailable(newsletter: str, now: datetime | None, weekly: bool) -> Lines:
    found = lines(col(SubscriptionRow.newsletter) == newsletter).where(
        col(SubscriptionRow.state) == "confirmed", ~suppressed()
    )
    if now is not None:
        until = col(SubscriptionRow.paused_until)
        found = found.where(or_(until.is_(None), until <= now))
    if not weekly:
        found = found.where(col(SubscriptionRow.frequency) == "each")
    return found


def tastes(
    session: Session, newsletter: str, *, now: datetime | None = None, weekly: bool = True
) -> list[tuple[Preferences, int]]:
    """How many `recipients` have which preferences: a line for each, however many readers."""
    found = _mailable(newsletter, now, weekly).subquery()
    # A JSON column has no equality on PostgreSQL; its text has.
    same = [cast_to(found.c[name], Text) for name in ("sections", "sectors")]
    by = (*same, found.c.format, found.c.frequency)
    kept = select(*(column.label(f"c{n}") for n, column in enumerate(by)), func.count())
    lines: Any = session.connection().execute(kept.group_by(*by))
    return [
        (Preferences(_names(one), form, _names(two), often), count)
        for one, two, form, often, count in lines
    ]


def _names(text: str | None) -> frozenset[str] | None:
    return None if text is None else frozenset(json.loads(text))


def standing(
    session: Session,
    subscribers: Collection[int],
    newsletter: str,
    *,
    now: datetime | None = None,
    weekly: bool = True,
) -> dict[int, Recipient | str]:
    """For each of these numbers a Recipient when mail may go now, else may_mail's reason.

    A number that nobody has (any more) is "not subscribed". See `recipients` for the rest.
    """
    wanted = list(subscribers)
    answer: dict[int, Recipient | str] = dict.fromkeys(wanted, "not subscribed")
    for start in range(0, len(wanted), BATCH):
        some = {"newsletter": newsletter, "some": wanted[start : start + BATCH]}
        for line in session.connection().execute(_standing(), some).all():
            answer[line.subscriber] = _may(line, now, weekly)
    return answer


@cache
def _standing() -> Lines:
    # Put together once: a send asks this for each of its groups.
    of_newsletter = lines(col(SubscriptionRow.newsletter) == bindparam("newsletter"))
    needed: Lines = of_newsletter.with_only_columns(
        col(SubscriberRow.id).label("subscriber"),
        col(SubscriberRow.address),
        col(SubscriptionRow.state),
        *CHOICES,
        col(SubscriptionRow.paused_until),
        col(SubscriptionRow.confirmed_at),
        suppressed().label("suppressed"),
    )
    return needed.where(col(SubscriberRow.id).in_(bindparam("some", expanding=True)))


def addresses(session: Session, subscribers: Collection[int]) -> dict[int, str]:
    """The addresses of these numbers; who was forgotten is missing."""
    wanted, found = list(subscribers), dict[int, str]()
    for start in range(0, len(wanted), BATCH):
        some = col(SubscriberRow.id).in_(wanted[start : start + BATCH])
        query = select(col(SubscriberRow.id), col(SubscriberRow.address)).where(some)
        found |= {row[0] or 0: row[1] for row in session.connection().execute(query)}
    return found


def everyone(
    session: Session,
    newsletter: str,
    *,
    after: int = 0,
    limit: int = BATCH,
    now: datetime | None = None,
    weekly: bool = True,
) -> list[tuple[int, str, Recipient | str]]:
    """Every subscription of a newsletter: number, address, and a Recipient or the reason."""
    found = lines(col(SubscriptionRow.newsletter) == newsletter).where(
        col(SubscriptionRow.subscriber_id) > after
    )
    page = found.order_by(col(SubscriptionRow.subscriber_id)).limit(limit)
    found_lines = session.connection().execute(page)
    return [(line.subscriber, line.address, _may(line, now, weekly)) for line in found_lines]


def listing(
    session: Session, newsletter: str | None = None, *, after: int = 0, limit: int = BATCH
) -> list[Listed]:
    """Subscriptions (of one newsletter, or of all) as a table shows them, those above `after`."""
    found = lines(col(SubscriptionRow.id) > after)
    if newsletter is not None:
        found = found.where(col(SubscriptionRow.newsletter) == newsletter)
    page = found.order_by(col(SubscriptionRow.id)).limit(limit)
    return [
        Listed(
            line.subscription,
            line.subscriber,
            line.address,
            line.newsletter,
            line.state,
            preferences(line),
            line.confirmed_at,
            line.suppressed,
        )
        for line in session.connection().execute(page)
    ]


def counts(session: Session, newsletter: str) -> dict[State, int]:
    """How many subscriptions of a newsletter are in each state; suppressed ones count as theirs."""
    answer: dict[State, int] = {"requested": 0, "confirmed": 0, "withdrawn": 0}
    state = col(SubscriptionRow.state)
    grouped = (
        select(state, func.count())
        .where(col(SubscriptionRow.newsletter) == newsletter)
        .group_by(state)
    )
    for name, number in session.connection().execute(grouped):
        answer[cast(State, name)] = number
    return answer


def is_suppressed(session: Session, address: str, keys: Sequence[bytes]) -> bool:
    """Whether this address must not be mailed. Raises InvalidAddress."""
    hashed = col(SuppressionRow.address_hash) == address_hash(address, keys)
    return bool(session.connection().scalar(select(exists().where(hashed))))


def find(session: Session, address: str) -> Profile:
    """All that is kept on the person of this address. Raises InvalidAddress, UnknownSubscriber."""
    return profile(session, person(session, address).id)


def profile(session: Session, subscriber: int) -> Profile:
    """All that is kept on the person of this number. Raises UnknownSubscriber."""
    connection = session.connection()
    columns = (
        col(SubscriberRow.address),
        col(SubscriberRow.created_at),
        col(SubscriberRow.language),
        _reason().label("reason"),
    )
    found = connection.execute(select(*columns).where(col(SubscriberRow.id) == subscriber)).first()
    if found is None:
        raise UnknownSubscriber(f"No subscriber has the number {subscriber}.")
    kept = connection.execute(
        lines(col(SubscriberRow.id) == subscriber).order_by(col(SubscriptionRow.id))
    ).all()
    proof = events(connection, [subscriber])
    subscriptions = tuple(
        Subscription(
            line.newsletter,
            line.state,
            preferences(line),
            line.confirmed_at,
            line.changed_at,
            tuple(proof.get((subscriber, line.newsletter), ())),
            line.paused_until,
        )
        for line in kept
    )
    reason = cast("Reason | None", found.reason)
    return Profile(
        subscriber, found[0], found[1], reason is not None, subscriptions, found.language, reason
    )


def kept(session: Session, newsletter: str, *, after: int = 0, limit: int = BATCH) -> list[Kept]:
    """Every subscription of a newsletter with its proof, those of numbers above `after`."""
    found = lines(col(SubscriptionRow.newsletter) == newsletter).where(
        col(SubscriptionRow.subscriber_id) > after
    )
    page = (
        found.add_columns(
            col(SubscriberRow.language), col(SubscriberRow.created_at), _reason().label("reason")
        )
        .order_by(col(SubscriptionRow.subscriber_id))
        .limit(limit)
    )
    connection = session.connection()
    listed = connection.execute(page).all()
    proof = events(connection, [line.subscriber for line in listed], newsletter)
    return [
        Kept(
            line.subscriber,
            line.address,
            line.newsletter,
            line.state,
            preferences(line),
            line.confirmed_at,
            line.created_at,
            line.language,
            line.paused_until,
            line.reason,
            tuple(proof.get((line.subscriber, newsletter), ())),
        )
        for line in listed
    ]


def suppressions(
    session: Session, *, after: int = 0, limit: int = 50 * BATCH
) -> list[tuple[int, str, str, Reason, str, datetime]]:
    """Number, address (empty where the roster has nobody of it), hash, reason, way and time."""
    row = SuppressionRow
    query = (
        select(
            col(row.id),
            func.coalesce(col(SubscriberRow.address), ""),
            col(row.address_hash),
            col(row.reason),
            col(row.how),
            col(row.at),
        )
        .outerjoin(SubscriberRow, col(SubscriberRow.address_hash) == col(row.address_hash))
        .where(col(row.id) > after)
        .order_by(col(row.id))
        .limit(limit)
    )
    return [
        (cast(int, line[0]), line[1], line[2], cast(Reason, line[3]), line[4], line[5])
        for line in session.connection().execute(query)
    ]


def person(session: Session, address: str) -> Line:
    """id, address and address_hash of the person of this address."""
    columns = (
        col(SubscriberRow.id),
        col(SubscriberRow.address),
        col(SubscriberRow.address_hash),
    )
    query = select(*columns).where(col(SubscriberRow.address_key) == key(address))
    found = session.connection().execute(query).first()
    if found is None:
        raise UnknownSubscriber(f"Nobody in the roster has the address {address}.")
    return found


def lines(condition: ColumnElement[bool]) -> Lines:
    """Subscriptions with their subscriber: the one shape that every question starts from."""
    return (
        select(
            col(SubscriptionRow.id).label("subscription"),
            col(SubscriberRow.id).label("subscriber"),
            col(SubscriberRow.address),
            col(SubscriptionRow.newsletter),
            col(SubscriptionRow.state),
            *CHOICES,
            col(SubscriptionRow.paused_until),
            col(SubscriptionRow.confirmed_at),
            col(SubscriptionRow.changed_at),
            suppressed().label("suppressed"),
        )
        .join(SubscriberRow, col(SubscriberRow.id) == col(SubscriptionRow.subscriber_id))
        .where(condition)
    )


def suppressed() -> ColumnElement[bool]:
    """Whether the subscriber of the surrounding query is suppressed: the anti-join, in SQL."""
    return exists().where(col(SuppressionRow.address_hash) == col(SubscriberRow.address_hash))


def _reason() -> ScalarSelect[Any]:
    """The reason why the subscriber of the surrounding query is suppressed; NULL for none."""
    return (
        select(col(SuppressionRow.reason))
        .where(col(SuppressionRow.address_hash) == col(SubscriberRow.address_hash))
        .scalar_subquery()
    )


def preferences(line: Line) -> Preferences:
    """The stored choice of one line, as the value that flows."""
    return _chosen(line.sections, line.sectors, line.format, line.frequency)


def _chosen(
    sections: list[str] | None, sectors: list[str] | None, form: Format, frequency: Frequency
) -> Preferences:
    if sections is None and sectors is None:
        return _everything(form, frequency)
    return Preferences(
        None if sections is None else frozenset(sections),
        form,
        None if sectors is None else frozenset(sectors),
        frequency,
    )


@cache
def _everything(form: Format, frequency: Frequency) -> Preferences:
    # What nearly all choose: one value for all of them.
    return Preferences(None, form, None, frequency)


@cache
def _of_all(form: Format, frequency: Frequency) -> Preferences:
    # What nearly everybody chose, for every reader of a send.
    return Preferences(None, form, None, frequency)


def recipient(line: Line) -> Recipient:
    """One line as a recipient. `since` has a value: what is confirmed was confirmed at a time."""
    return Recipient(line.subscriber, line.address, line.confirmed_at, preferences(line))


def _may(line: Line, now: datetime | None, weekly: bool) -> Recipient | str:
    paused = now is not None and line.paused_until is not None and line.paused_until > now
    late = line.frequency == "weekly" and not weekly
    reason = may_mail(line.state, bool(line.suppressed), paused=paused, weekly=late)
    return reason or recipient(line)


def events(
    connection: Connection, subscribers: Collection[int], newsletter: str | None = None
) -> dict[tuple[int, str], list[Event]]:
    """The events of these people by number and newsletter, oldest first."""
    row = ConsentEventRow
    columns = (row.kind, row.at, row.how, row.issue, row.evidence, row.story, row.ip, row.agent)
    query: Lines = (
        select(
            col(row.subscriber_id).label("subscriber"),
            col(row.newsletter).label("newsletter"),
            func.coalesce(col(WordingRow.text), "").label("wording"),
            *map(col, columns),
        )
        .outerjoin(WordingRow, col(WordingRow.hash) == col(row.wording))
        .where(col(row.subscriber_id).in_(subscribers))
        .order_by(col(row.id))
    )
    if newsletter is not None:
        query = query.where(col(row.newsletter) == newsletter)
    found: dict[tuple[int, str], list[Event]] = {}
    for line in connection.execute(query):
        event = Event(
            cast(Kind, line.kind), line.at, line.how, line.issue, line.evidence,
            line.story, line.wording, line.ip, line.agent,
        )  # fmt: skip
        found.setdefault((line.subscriber, line.newsletter), []).append(event)
    return found
