"""The roster's questions about people: all that is kept on them, with the proof of their consent.

Nothing here writes. Never here: who may be mailed (asking).
"""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Any, cast

from sqlalchemy import Connection, ScalarSelect, func, select
from sqlmodel import Session, col

from subscribers.consent import Event, Kind, State
from subscribers.errors import UnknownSubscriber
from subscribers.exchange import Kept
from subscribers.preferences import Preferences
from subscribers.roster.asking import BATCH, Lines, lines, person, preferences
from subscribers.roster.tables import (
    ConsentEventRow,
    SubscriberRow,
    SubscriptionRow,
    SuppressionRow,
    WordingRow,
)
from subscribers.suppression import Reason


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
    timezone: str = ""

    def subscription_to(self, newsletter: str) -> Subscription | None:
        """Theirs to this newsletter, in whatever state; None where there never was one."""
        return next((one for one in self.subscriptions if one.newsletter == newsletter), None)


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
        col(SubscriberRow.timezone),
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
        subscriber,
        found[0],
        found[1],
        reason is not None,
        subscriptions,
        found.language,
        reason,
        found.timezone,
    )


def kept(session: Session, newsletter: str, *, after: int = 0, limit: int = BATCH) -> list[Kept]:
    """Every subscription of a newsletter with its proof, those of numbers above `after`."""
    found = lines(col(SubscriptionRow.newsletter) == newsletter).where(
        col(SubscriptionRow.subscriber_id) > after
    )
    page = (
        found.add_columns(
            col(SubscriberRow.language),
            col(SubscriberRow.created_at),
            _reason().label("reason"),
            col(SubscriberRow.timezone),
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
            line.timezone,
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


def _reason() -> ScalarSelect[Any]:
    """The reason why the subscriber of the surrounding query is suppressed; NULL for none."""
    return (
        select(col(SuppressionRow.reason))
        .where(col(SuppressionRow.address_hash) == col(SubscriberRow.address_hash))
        .scalar_subquery()
    )


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
