"""The roster's questions: what it knows, as frozen values. Nothing here writes."""

import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import Any, TypeAlias, cast

from sqlalchemy import (
    ColumnElement,
    Row,
    Select,
    Text,
    bindparam,
    case,
    exists,
    func,
    literal,
    null,
    or_,
    select,
)
from sqlalchemy import cast as cast_to
from sqlmodel import Session, col

from subscribers.address import key
from subscribers.columns import Utc
from subscribers.consent import State
from subscribers.errors import UnknownSubscriber
from subscribers.preferences import FREQUENCIES, Format, Frequency, Preferences
from subscribers.recipient import Recipient
from subscribers.roster.tables import (
    SubscriberRow,
    SubscriptionRow,
    SuppressionRow,
)
from subscribers.suppression import address_hash, may_mail

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
    frequencies: frozenset[Frequency] = FREQUENCIES,
) -> list[Recipient]:
    """Who may be mailed this newsletter now, in the order of their numbers, those above `after`.

    Without `now` nobody is paused. `frequencies`: those who chose one of them.
    """
    above = col(SubscriptionRow.subscriber_id) > after
    found = _mailable(newsletter, now, frequencies).where(above)
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
    frequencies: frozenset[Frequency] = FREQUENCIES,
    mornings: Mapping[str, datetime] | None = None,
    after: int = 0,
    last: int | None = None,
    limit: int | None = None,
) -> Lines:
    """The numbers of all `recipients`, as a query for a ledger to freeze in one statement.

    With `last` (see `newest`) those alone who were confirmed at `now` already, whenever it is
    asked; with `after` and `limit` so many of them, in the order of their numbers. With
    `mornings` a second column has the moment for the reader's time zone, NULL for none.
    """
    number = col(SubscriptionRow.subscriber_id)
    found = _mailable(newsletter, now, frequencies).where(number > after)
    if last is not None:
        found = found.where(
            col(SubscriptionRow.id) <= last, col(SubscriptionRow.confirmed_at) <= now
        )
    columns: list[Any] = [number]
    if mornings:
        # Most have chosen none: they are told apart first.
        moments = {zone: literal(moment, Utc()) for zone, moment in mornings.items()}
        columns.append(case({"": null(), **moments}, value=col(SubscriberRow.timezone)))
    return found.with_only_columns(*columns).order_by(number).limit(limit)


def newest(session: Session) -> int:
    """The number of the subscription that was added last: who joins later has a higher one."""
    return session.connection().scalar(select(func.max(col(SubscriptionRow.id)))) or 0


def _mailable(newsletter: str, now: datetime | None, frequencies: frozenset[Frequency]) -> Lines:
    found = lines(col(SubscriptionRow.newsletter) == newsletter).where(
        col(SubscriptionRow.state) == "confirmed", ~suppressed()
    )
    if now is not None:
        until = col(SubscriptionRow.paused_until)
        found = found.where(or_(until.is_(None), until <= now))
    if frequencies != FREQUENCIES:
        found = found.where(col(SubscriptionRow.frequency).in_(sorted(frequencies)))
    return found


def tastes(
    session: Session,
    newsletter: str,
    *,
    now: datetime | None = None,
    frequencies: frozenset[Frequency] = FREQUENCIES,
) -> list[tuple[Preferences, int]]:
    """How many `recipients` have which preferences: a line for each, however many readers."""
    found = _mailable(newsletter, now, frequencies).subquery()
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
    frequencies: frozenset[Frequency] = FREQUENCIES,
) -> dict[int, Recipient | str]:
    """For each of these numbers a Recipient when mail may go now, else may_mail's reason.

    A number that nobody has (any more) is "not subscribed". See `recipients` for the rest.
    """
    wanted = list(subscribers)
    answer: dict[int, Recipient | str] = dict.fromkeys(wanted, "not subscribed")
    for start in range(0, len(wanted), BATCH):
        some = {"newsletter": newsletter, "some": wanted[start : start + BATCH]}
        for line in session.connection().execute(_standing(), some).all():
            # Taken apart at once: to ask a row for each column by name takes twice as long.
            number, address, state, *choices, paused_until, since, gone = line
            reason = _against(state, paused_until, choices[-1], gone, now, frequencies)
            answer[number] = reason or Recipient(number, address, since, _chosen(*choices))
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
    frequencies: frozenset[Frequency] = FREQUENCIES,
) -> list[tuple[int, str, Recipient | str]]:
    """Every subscription of a newsletter: number, address, and a Recipient or the reason."""
    found = lines(col(SubscriptionRow.newsletter) == newsletter).where(
        col(SubscriptionRow.subscriber_id) > after
    )
    page = found.order_by(col(SubscriptionRow.subscriber_id)).limit(limit)
    found_lines = session.connection().execute(page)
    return [(line.subscriber, line.address, _may(line, now, frequencies)) for line in found_lines]


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


def recipient(line: Line) -> Recipient:
    """One line as a recipient. `since` has a value: what is confirmed was confirmed at a time."""
    return Recipient(line.subscriber, line.address, line.confirmed_at, preferences(line))


def _may(line: Line, now: datetime | None, frequencies: frozenset[Frequency]) -> Recipient | str:
    reason = _against(
        line.state, line.paused_until, line.frequency, line.suppressed, now, frequencies
    )
    return reason or recipient(line)


def _against(
    state: State,
    paused_until: datetime | None,
    often: Frequency,
    gone: bool,
    now: datetime | None,
    frequencies: frozenset[Frequency],
) -> str | None:
    """may_mail's reason."""
    paused = now is not None and paused_until is not None and paused_until > now
    unwanted = "" if often in frequencies else often
    return may_mail(state, gone, paused=paused, unwanted=unwanted)
