"""The outbox: the mails that are owed to who joins, moves or was stopped.

A row of `notice` is a mail: whoever mails (digest's publish) takes what is due, marks it before it
is sent, and notes what the relay said. A notice is never sent twice, and its button acts once.
Limits against list bombing hold here, too: one mail a day to an address, and three in a month
without a click: the count of them stays, under a hash, when the request itself is forgotten.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Literal, cast

from sqlalchemy import delete, func, insert, select, update
from sqlmodel import Session, col

from subscribers.address import key
from subscribers.errors import BadToken
from subscribers.roster.asking import Lines
from subscribers.roster.counting import tally
from subscribers.roster.tables import NoticeRow, SubscriberRow, TallyRow
from subscribers.suppression import UNANSWERED, address_hash

NoticeKind = Literal["confirm", "known", "address", "moved", "stopped"]
# The kinds that a step answers.
CONFIRMING: tuple[NoticeKind, ...] = ("confirm", "stopped")
MOVING: tuple[NoticeKind, ...] = ("address",)
ONE_IN = timedelta(hours=24)
MOST = 3  # mails in a month to an address of which none led to a click
MONTH = timedelta(days=30)
OPEN = timedelta(days=7)  # how long a notice can be confirmed
STOPPED = timedelta(days=90)  # the same where mail came back: a full mailbox takes its time
STUCK = timedelta(minutes=15)


@dataclass(frozen=True, slots=True)
class Notice:
    """A mail that is owed. `newsletters` are those it is about; `attempts` counts earlier tries.

    `used_at` is when the button that it leads to was pressed first; None before.
    """

    id: int
    subscriber: int
    newsletters: tuple[str, ...]
    kind: NoticeKind
    address: str
    language: str
    asked_at: datetime
    attempts: int
    used_at: datetime | None = None


def due_notices(session: Session, now: datetime, limit: int = 100) -> list[Notice]:
    """What is owed now, oldest first. Those that a killed sender left are given up, not resent."""
    row = NoticeRow
    lost = (col(row.state) == "sending") & (col(row.due) < now - STUCK)
    session.connection().execute(update(row).where(lost).values(state="refused", reply="unknown"))
    query = _notices().where(col(row.state) == "due", col(row.due) <= now).order_by(col(row.id))
    return [_notice(line) for line in session.connection().execute(query.limit(limit)).mappings()]


def take_notice(session: Session, notice: int, now: datetime) -> bool:
    """Mark a notice before it is sent. False where somebody else has it."""
    row = NoticeRow
    mine = (col(row.id) == notice) & (col(row.state) == "due")
    taken = update(row).where(mine).values(state="sending", due=now, attempts=col(row.attempts) + 1)
    return session.connection().execute(taken).rowcount == 1


def note_notice(session: Session, notice: int, sent: str, reply: str, due: datetime) -> None:
    """What became of it: sent, refused, or due again then."""
    row = NoticeRow
    values = {"state": sent, "reply": reply[:500], "due": due}
    session.connection().execute(update(row).where(col(row.id) == notice).values(**values))


def open_notice(
    session: Session, notice: int, number: int, kinds: Collection[NoticeKind], now: datetime, *,
    held: bool = False,
) -> Notice:  # fmt: skip
    """A notice that can still be answered by this subscriber. Raises BadToken where it can't be.

    Nor can one that moved a reader who has moved on since: two such links would send the mail to
    and fro, with a word to the old address each time.
    `held` until the transaction ends: of two clicks at once the second sees what the first did.
    """
    query = _notices().where(col(NoticeRow.id) == notice)
    if held:
        query = query.with_for_update(of=NoticeRow)
    found = session.connection().execute(query).mappings().first()
    if found is None or found["subscriber_id"] != number or found["kind"] not in kinds:
        raise BadToken
    asked = _notice(found)
    if asked.asked_at < now - (STOPPED if asked.kind == "stopped" else OPEN):
        raise BadToken
    if asked.kind in MOVING and asked.used_at is not None and not _is_at(session, asked):
        raise BadToken
    return asked


def _is_at(session: Session, asked: Notice) -> bool:
    # Asked anew: what was read while another click was waited for is of before that click.
    row = SubscriberRow
    query = select(col(row.address_key)).where(col(row.id) == asked.subscriber)
    return session.connection().scalar(query) == key(asked.address)


def owe(
    session: Session, number: int, slugs: Sequence[str], kind: NoticeKind, mail: str, now: datetime
) -> None:
    """Put down a mail to this address about these newsletters."""
    values = {"subscriber_id": number, "newsletter": ",".join(slugs), "kind": kind,
              "address": mail, "address_key": key(mail), "state": "due", "asked_at": now,
              "due": now}  # fmt: skip
    session.connection().execute(insert(NoticeRow).values(**values, attempts=0, reply=""))


def use(session: Session, notice: Notice, now: datetime, keys: Sequence[bytes]) -> None:
    """Put down that its button was pressed: nobody's mails to that address count any more."""
    row, count = NoticeRow, TallyRow
    session.connection().execute(update(row).where(col(row.id) == notice.id).values(used_at=now))
    mine = (col(count.rule) == UNANSWERED) & (col(count.name) == address_hash(notice.address, keys))
    session.connection().execute(delete(count).where(mine))


def may_be_mailed(session: Session, mail: str, now: datetime, keys: Sequence[bytes]) -> bool:
    """List bombing: one a day, and no more than three in a month that nobody clicked."""
    row = NoticeRow
    # "moved" asks for nothing, and must not keep its reader from coming back to that address.
    mine = (col(row.address_key) == key(mail)) & (col(row.asked_at) > now - MONTH)
    mine &= col(row.kind) != "moved"
    query = select(func.max(col(row.asked_at)), func.count(), func.count(col(row.used_at)))
    last, asked, used = session.connection().execute(query.where(mine)).one()
    if used:
        asked = 0
    elif keys:
        asked = max(asked, _unanswered(session, address_hash(mail, keys), now))
    return not ((last and last > now - ONE_IN) or asked >= MOST)


def count_unanswered(session: Session, mail: str, now: datetime, keys: Sequence[bytes]) -> None:
    """Count a mail that somebody asked us to send, until its button is pressed."""
    tally(session, UNANSWERED, address_hash(mail, keys), _month(now), now)


def _unanswered(session: Session, hashed: str, now: datetime) -> int:
    row = TallyRow
    mine = (col(row.rule) == UNANSWERED) & (col(row.name) == hashed) & (col(row.until) > now)
    return session.connection().scalar(select(func.sum(col(row.count))).where(mine)) or 0


def _month(now: datetime) -> datetime:
    """Until when a mail of today counts: so long from the end of the day (UTC)."""
    day = now.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    return day + timedelta(days=1) + MONTH


def _notices() -> Lines:
    row = NoticeRow
    columns: list[Any] = [
        row.id, row.subscriber_id, row.newsletter, row.kind, row.address, row.asked_at,
        row.attempts, row.used_at, SubscriberRow.language,
    ]  # fmt: skip
    person = col(SubscriberRow.id) == col(row.subscriber_id)
    return select(*map(col, columns)).join_from(NoticeRow, SubscriberRow, person)


def _notice(line: Any) -> Notice:
    return Notice(
        line["id"],
        line["subscriber_id"],
        tuple(line["newsletter"].split(",")),
        cast(NoticeKind, line["kind"]),
        line["address"],
        line["language"],
        line["asked_at"],
        line["attempts"],
        line["used_at"],
    )
