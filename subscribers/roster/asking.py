"""The roster's questions: what it knows, as frozen values. Nothing here writes."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import Any, TypeAlias, cast

from sqlalchemy import ColumnElement, Connection, Row, Select, bindparam, exists, func, select
from sqlmodel import Session, col

from subscribers.address import key
from subscribers.consent import Event, Kind, State
from subscribers.errors import UnknownSubscriber
from subscribers.preferences import Preferences
from subscribers.recipient import Recipient
from subscribers.roster.tables import (
    ConsentEventRow,
    SubscriberRow,
    SubscriptionRow,
    SuppressionRow,
)
from subscribers.suppression import address_hash, may_mail

BATCH = 1000  # ids in one IN (...): both engines bound the number of parameters

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


@dataclass(frozen=True, slots=True)
class Profile:
    """All that is kept on a person: the answer to an access request."""

    subscriber: int
    address: str
    created_at: datetime
    suppressed: bool
    subscriptions: tuple[Subscription, ...]


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
    session: Session, newsletter: str, *, after: int = 0, limit: int = BATCH
) -> list[Recipient]:
    """Who may be mailed this newsletter now, in the order of their numbers, those above `after`."""
    found = lines(col(SubscriptionRow.newsletter) == newsletter).where(
        col(SubscriptionRow.state) == "confirmed",
        col(SubscriptionRow.subscriber_id) > after,
        ~suppressed(),
    )
    page = found.order_by(col(SubscriptionRow.subscriber_id)).limit(limit)
    return [recipient(line) for line in session.connection().execute(page)]


def audience(newsletter: str) -> Lines:
    """The numbers of all who may be mailed this newsletter, as a query for a ledger to freeze."""
    query = lines(col(SubscriptionRow.newsletter) == newsletter).where(
        col(SubscriptionRow.state) == "confirmed", ~suppressed()
    )
    return query.with_only_columns(col(SubscriptionRow.subscriber_id))


def standing(
    session: Session, subscribers: Collection[int], newsletter: str
) -> dict[int, Recipient | str]:
    """For each of these numbers a Recipient when mail may go now, else may_mail's reason.

    A number that nobody has (any more) is "not subscribed".
    """
    wanted = list(subscribers)
    answer: dict[int, Recipient | str] = dict.fromkeys(wanted, "not subscribed")
    for start in range(0, len(wanted), BATCH):
        some = {"newsletter": newsletter, "some": wanted[start : start + BATCH]}
        for line in session.connection().execute(_standing(), some).all():
            answer[line.subscriber] = _may(line)
    return answer


@cache
def _standing() -> Lines:
    # Put together once: a send asks this for each of its groups.
    of_newsletter = lines(col(SubscriptionRow.newsletter) == bindparam("newsletter"))
    return of_newsletter.where(col(SubscriberRow.id).in_(bindparam("some", expanding=True)))


def addresses(session: Session, subscribers: Collection[int]) -> dict[int, str]:
    """The addresses of these numbers; who was forgotten is missing."""
    wanted, found = list(subscribers), dict[int, str]()
    for start in range(0, len(wanted), BATCH):
        some = col(SubscriberRow.id).in_(wanted[start : start + BATCH])
        query = select(col(SubscriberRow.id), col(SubscriberRow.address)).where(some)
        found |= {row[0] or 0: row[1] for row in session.connection().execute(query)}
    return found


def everyone(
    session: Session, newsletter: str, *, after: int = 0, limit: int = BATCH
) -> list[tuple[int, str, Recipient | str]]:
    """Every subscription of a newsletter: number, address, and a Recipient or the reason."""
    found = lines(col(SubscriptionRow.newsletter) == newsletter).where(
        col(SubscriptionRow.subscriber_id) > after
    )
    page = found.order_by(col(SubscriptionRow.subscriber_id)).limit(limit)
    found_lines = session.connection().execute(page)
    return [(line.subscriber, line.address, _may(line)) for line in found_lines]


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
    columns = (col(SubscriberRow.address), col(SubscriberRow.created_at), suppressed())
    found = connection.execute(select(*columns).where(col(SubscriberRow.id) == subscriber)).first()
    if found is None:
        raise UnknownSubscriber(f"No subscriber has the number {subscriber}.")
    kept = connection.execute(
        lines(col(SubscriberRow.id) == subscriber).order_by(col(SubscriptionRow.id))
    )
    proof = _events(connection, subscriber)
    subscriptions = tuple(
        Subscription(
            line.newsletter,
            line.state,
            preferences(line),
            line.confirmed_at,
            line.changed_at,
            tuple(event for newsletter, event in proof if newsletter == line.newsletter),
        )
        for line in kept
    )
    return Profile(subscriber, found[0], found[1], bool(found[2]), subscriptions)


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
            col(SubscriptionRow.sections),
            col(SubscriptionRow.format),
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


def preferences(line: Line) -> Preferences:
    """The stored choice of one line, as the value that flows."""
    sections = None if line.sections is None else frozenset(line.sections)
    return Preferences(sections, line.format)


def recipient(line: Line) -> Recipient:
    """One line as a recipient. `since` has a value: what is confirmed was confirmed at a time."""
    return Recipient(line.subscriber, line.address, line.confirmed_at, preferences(line))


def _may(line: Line) -> Recipient | str:
    return may_mail(line.state, bool(line.suppressed)) or recipient(line)


def _events(connection: Connection, subscriber: int) -> list[tuple[str, Event]]:
    """Newsletter and event, oldest first."""
    query = (
        select(
            col(ConsentEventRow.newsletter),
            col(ConsentEventRow.kind),
            col(ConsentEventRow.at),
            col(ConsentEventRow.how),
            col(ConsentEventRow.issue),
            col(ConsentEventRow.evidence),
        )
        .where(col(ConsentEventRow.subscriber_id) == subscriber)
        .order_by(col(ConsentEventRow.id))
    )
    return [
        (
            line.newsletter,
            Event(cast(Kind, line.kind), line.at, line.how, line.issue, line.evidence),
        )
        for line in connection.execute(query)
    ]
