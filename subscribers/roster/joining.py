"""The roster's verbs for who joins by themselves: asked for, mailed, confirmed, moved.

A row of `notice` is the outbox: whoever mails (digest's publish) takes what is due, marks it
before it is sent, and notes what the relay said. A notice is never sent twice. Limits against
list bombing hold here, too: one mail a day to an address, and three in a month without a click:
the count of them stays, under a hash, when the request itself is forgotten.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Literal, cast

from sqlalchemy import delete, func, insert, select, update
from sqlmodel import Session, col

from subscribers.address import key, normalise
from subscribers.consent import Event, Kind
from subscribers.errors import BadToken, Suppressed
from subscribers.preferences import EVERYTHING, Preferences
from subscribers.roster.asking import Lines, is_suppressed
from subscribers.roster.changing import (
    append,
    change,
    choose,
    insert_new,
    state,
    stored,
    subscriber,
    suppress,
)
from subscribers.roster.counting import tally
from subscribers.roster.profiles import Profile, profile
from subscribers.roster.tables import (
    ConsentEventRow,
    FeedbackRow,
    NoticeRow,
    SubscriberRow,
    SubscriptionRow,
    SuppressionRow,
    TallyRow,
)
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
class Asker:
    """Who asks, as far as that is kept: for the proof of consent. `wording` is what was shown."""

    how: str = "page"
    wording: str = ""
    ip: str = ""
    agent: str = ""
    language: str = ""


@dataclass(frozen=True, slots=True)
class Notice:
    """A mail that is owed. `newsletters` are those it is about; `attempts` counts earlier tries."""

    id: int
    subscriber: int
    newsletters: tuple[str, ...]
    kind: NoticeKind
    address: str
    language: str
    asked_at: datetime
    attempts: int
    used_at: datetime | None = None


def request(
    session: Session, address: str, newsletters: Sequence[str], asker: Asker, *,
    now: datetime, keys: Sequence[bytes],
) -> bool:  # fmt: skip
    """Somebody typed this address and wants these. Whether a mail is owed now.

    Nobody is subscribed by it, and nobody learns whether the address was known. Raises
    InvalidAddress.
    """
    mail = normalise(address)
    if not newsletters or _blocked(session, mail, keys):
        return False
    number = subscriber(session, mail, now, keys, asker.language)
    if not _may_be_mailed(session, mail, now, keys):
        return False
    wanted = [slug for slug in newsletters if _asked(session, number, slug, asker, now)]
    if is_suppressed(session, mail, keys):
        wanted = list(newsletters)  # only a fresh confirmation lifts that
    kind: NoticeKind = "confirm" if wanted else "known"
    _owe(session, number, wanted or list(newsletters), kind, mail, now)
    tally(session, UNANSWERED, address_hash(mail, keys), _month(now), now)
    return True


def confirm(
    session: Session, notice: int, number: int, asker: Asker, *,
    now: datetime, keys: Sequence[bytes],
) -> tuple[str, ...]:  # fmt: skip
    """The second step of a double opt-in: the newsletters that are confirmed now.

    Once more is fine. A confirmation that was asked for since lifts a suppression, but never the
    operator's. Raises BadToken for a notice that is gone, too old or somebody else's.
    """
    asked = open_notice(session, notice, number, CONFIRMING, now)
    known = profile(session, number)
    lifted = _lift(session, known.address, keys, asked.asked_at)
    for slug in asked.newsletters:
        fresh = {"state": "confirmed", "confirmed_at": now, "changed_at": now, "paused_until": None}
        requested = col(SubscriptionRow.state) == "requested"
        changed = change(session, number, slug, fresh, requested)
        if changed or (lifted and state(session, number, slug) == "confirmed"):
            append(session, number, slug, _event("confirmed", asker, now))
    _used(session, asked, now, keys)
    return asked.newsletters


def stop(session: Session, number: int, now: datetime) -> bool:
    """Tell a reader whose mail came back that it stopped, and how to go on. Whether it is owed."""
    known = profile(session, number)
    slugs = [held.newsletter for held in known.subscriptions if held.state == "confirmed"]
    if not slugs or not _may_be_mailed(session, known.address, now, ()):
        return False
    _owe(session, number, slugs, "stopped", known.address, now)
    return True


def ask_to_move(
    session: Session, number: int, newsletter: str, address: str, *, now: datetime,
    keys: Sequence[bytes],
) -> bool:  # fmt: skip
    """A reader wants their mail elsewhere: the new address is asked. Raises InvalidAddress."""
    mail = normalise(address)
    if _blocked(session, mail, keys) or not _may_be_mailed(session, mail, now, keys):
        return False
    _owe(session, number, [newsletter], "address", mail, now)
    tally(session, UNANSWERED, address_hash(mail, keys), _month(now), now)
    return True


def move(
    session: Session, notice: int, number: int, asker: Asker, *, now: datetime,
    keys: Sequence[bytes],
) -> tuple[str, ...]:  # fmt: skip
    """The new address was confirmed: it is the reader's from now on. Raises BadToken, Suppressed.

    An address that is somebody's already can't be taken: Suppressed says no more than that. As
    with `confirm`, whoever confirms lifts an older suppression, but never the operator's. The
    old address is told, unless no mail may go there.
    """
    asked = open_notice(session, notice, number, MOVING, now)
    known = profile(session, number)
    if key(known.address) != key(asked.address):
        taken = select(col(SubscriberRow.id)).where(
            col(SubscriberRow.address_key) == key(asked.address)
        )
        if session.connection().scalar(taken) is not None:
            raise Suppressed
        values = {"address": asked.address, "address_key": key(asked.address),
                  "address_hash": address_hash(asked.address, keys)}  # fmt: skip
        row = SubscriberRow
        session.connection().execute(update(row).where(col(row.id) == number).values(values))
        for held in known.subscriptions:
            append(session, number, held.newsletter, _event("moved", asker, now))
        _tell_the_old(session, known, now, keys)
        # An old list has the old address, and would mail this reader there, come what may.
        suppress(session, known.address, reason="request", how="moved", now=now, keys=keys)
    _lift(session, asked.address, keys, asked.asked_at)
    _used(session, asked, now, keys)
    return asked.newsletters


def _tell_the_old(session: Session, known: Profile, now: datetime, keys: Sequence[bytes]) -> None:
    """Owe the old address a word: whoever got hold of a link may have moved a reader's mail."""
    slugs = [held.newsletter for held in known.subscriptions if held.state == "confirmed"]
    if slugs and not (known.suppressed or is_suppressed(session, known.address, keys)):
        _owe(session, known.subscriber, slugs, "moved", known.address, now)


def rejoin(
    session: Session, number: int, newsletter: str, asker: Asker, *, within: timedelta,
    frequency: str, now: datetime,
) -> bool:  # fmt: skip
    """Undo a leaving of a moment ago, by the same link: asked for and confirmed in one step."""
    row = SubscriptionRow
    fresh = {"state": "confirmed", "confirmed_at": now, "changed_at": now}
    just = col(row.changed_at) >= now - within
    if not change(session, number, newsletter, fresh, col(row.state) == "withdrawn", just):
        return False
    steps: tuple[Kind, ...] = ("requested", "confirmed")
    for kind in steps:
        append(session, number, newsletter, _event(kind, asker, now))
    if frequency == "weekly":
        held = [s for s in profile(session, number).subscriptions if s.newsletter == newsletter]
        old = held[0].preferences
        wanted = Preferences(old.sections, old.format, old.sectors, "weekly")
        choose(session, number, newsletter, wanted, how=asker.how, now=now)
    return True


def pause(
    session: Session, number: int, newsletter: str, until: datetime | None, *, how: str,
    now: datetime,
) -> bool:  # fmt: skip
    """Send nothing until then; None ends a pause. Whether there was something to pause."""
    confirmed = col(SubscriptionRow.state) == "confirmed"
    values = {"paused_until": until, "changed_at": now}
    if not change(session, number, newsletter, values, confirmed):
        return False
    told = f"until {until:%Y-%m-%d}" if until else "no longer"
    append(session, number, newsletter, Event("paused", now, how, None, told))
    return True


def speak(session: Session, number: int, language: str) -> None:
    """The language of this reader's pages and notices; "" for the newsletter's."""
    row = SubscriberRow
    values = {"language": language}
    session.connection().execute(update(row).where(col(row.id) == number).values(values))


def locate(session: Session, number: int, timezone: str) -> None:
    """By whose clock mail is to come to this reader (IANA); "" for the newsletter's."""
    row = SubscriberRow
    values = {"timezone": timezone}
    session.connection().execute(update(row).where(col(row.id) == number).values(values))


def say(
    session: Session, number: int, newsletter: str, words: str, *, issue: int | None, now: datetime
) -> bool:
    """Keep a reason that somebody gave after they left; the last word on each leaving counts.

    False where nobody has left.
    """
    if state(session, number, newsletter) != "withdrawn":
        return False
    row = ConsentEventRow
    mine = (col(row.subscriber_id) == number) & (col(row.newsletter) == newsletter)
    left = select(func.max(col(row.id))).where(mine, col(row.kind) == "withdrawn")
    since = col(row.id) > func.coalesce(left.scalar_subquery(), 0)
    session.connection().execute(delete(row).where(mine, col(row.kind) == "said", since))
    append(session, number, newsletter, Event("said", now, "page", issue, words[:500]))
    return True


def give_feedback(
    session: Session, number: int, issue: int, verdict: str, comment: str, *, now: datetime
) -> None:
    """What a reader thinks of an issue; the last word counts."""
    known = {"subscriber_id": number, "issue": issue}
    values = {"verdict": verdict, "comment": comment[:2000], "at": now}
    if not insert_new(session, FeedbackRow, known, values):
        row = FeedbackRow
        mine = (col(row.subscriber_id) == number) & (col(row.issue) == issue)
        session.connection().execute(update(row).where(mine).values(values))


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
    """A notice that can still be confirmed by this subscriber. Raises BadToken.

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
    return asked


def _asked(session: Session, number: int, slug: str, asker: Asker, now: datetime) -> bool:
    """Put down a request for one newsletter. False for who gets it already."""
    identity = {"subscriber_id": number, "newsletter": slug}
    fresh = {"state": "requested", "changed_at": now}
    if not insert_new(session, SubscriptionRow, identity, {**fresh, **stored(EVERYTHING)}):
        if state(session, number, slug) == "confirmed":
            return False
        change(session, number, slug, fresh, col(SubscriptionRow.state) != "confirmed")
    append(session, number, slug, _event("requested", asker, now))
    return True


def _event(kind: Kind, asker: Asker, now: datetime) -> Event:
    return Event(kind, now, asker.how, wording=asker.wording, ip=asker.ip, agent=asker.agent[:300])


def _owe(
    session: Session, number: int, slugs: Sequence[str], kind: NoticeKind, mail: str, now: datetime
) -> None:
    values = {"subscriber_id": number, "newsletter": ",".join(slugs), "kind": kind,
              "address": mail, "address_key": key(mail), "state": "due", "asked_at": now,
              "due": now}  # fmt: skip
    session.connection().execute(insert(NoticeRow).values(**values, attempts=0, reply=""))


def _may_be_mailed(session: Session, mail: str, now: datetime, keys: Sequence[bytes]) -> bool:
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


def _unanswered(session: Session, hashed: str, now: datetime) -> int:
    row = TallyRow
    mine = (col(row.rule) == UNANSWERED) & (col(row.name) == hashed) & (col(row.until) > now)
    return session.connection().scalar(select(func.sum(col(row.count))).where(mine)) or 0


def _month(now: datetime) -> datetime:
    """Until when a mail of today counts: so long from the end of the day (UTC)."""
    day = now.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    return day + timedelta(days=1) + MONTH


def _blocked(session: Session, mail: str, keys: Sequence[bytes]) -> bool:
    """Whether the operator said never, or the person complained: nobody's request may mail them."""
    hashed = col(SuppressionRow.address_hash) == address_hash(mail, keys)
    for_good = col(SuppressionRow.reason).in_(("operator", "complaint"))
    query = select(col(SuppressionRow.id)).where(hashed, for_good)
    return session.connection().scalar(query) is not None


def _lift(session: Session, address: str, keys: Sequence[bytes], asked_at: datetime) -> bool:
    """Lift what stood when the mail was asked for: a link of before then is no second thought."""
    row = SuppressionRow
    mine = (col(row.address_hash) == address_hash(address, keys)) & (col(row.at) <= asked_at)
    lifted = delete(row).where(mine, col(row.reason) != "operator")
    return session.connection().execute(lifted).rowcount == 1


def _used(session: Session, notice: Notice, now: datetime, keys: Sequence[bytes]) -> None:
    row, count = NoticeRow, TallyRow
    fresh = (col(row.id) == notice.id) & col(row.used_at).is_(None)
    session.connection().execute(update(row).where(fresh).values(used_at=now))
    mine = (col(count.rule) == UNANSWERED) & (col(count.name) == address_hash(notice.address, keys))
    session.connection().execute(delete(count).where(mine))


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
