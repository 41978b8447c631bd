"""Approved issue -> ledger -> relay, and the accounting of every reader."""

import asyncio
import contextlib
import os
import signal
import socket
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime

from digest import archive, delivery, ledger
from digest.archive import IssueRecord
from digest.delivery import RelayAddress, SmtpRelay
from digest.edition import cut
from digest.errors import IssueError, MessageError, RelayError
from digest.ledger import Delivery, Planned
from digest.messages import Message
from digest.outcomes import Outcome, Sent
from digest.publish.checking import refuse_errors
from digest.publish.composing import Composer
from digest.publish.frequency import is_first_of_week
from digest.publish.opening import Clock, House
from digest.publish.preparing import content_hash
from digest.publish.receiving import note_refusal
from subscribers import roster
from subscribers.address import normalise
from subscribers.preferences import EVERYTHING
from subscribers.recipient import Recipient

CLAIM = 100
PAGE = 1000
NOTHING_TO_READ = "no section chosen has a story"


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a send is: `finished` of `total` deliveries stand in a final state."""

    finished: int
    total: int


@dataclass(frozen=True, slots=True)
class Account:
    """Every reader of an issue, by state; the sum of `counts` is the list, always."""

    record: IssueRecord
    counts: dict[str, int]
    left: int
    interrupted: bool = False

    @property
    def total(self) -> int:
        """How many deliveries the issue has."""
        return sum(self.counts.values())

    @property
    def open(self) -> int:
        """How many are still to be settled."""
        return sum(self.counts.get(state, 0) for state in ledger.OPEN)


@dataclass(frozen=True, slots=True)
class ReaderLine:
    """What became of one reader: the state of the delivery, or why there is none."""

    address: str
    state: str
    reason: str = ""
    edition: str = ""


def send(
    house: House,
    newsletter: str | None = None,
    number: int | None = None,
    *,
    clock: Clock,
    on_progress: Callable[[Progress], None] = lambda _: None,
) -> Account:
    """Send an approved issue to everybody who is to get it and has not.

    Safe to call again at any time: who got it, is left alone. Raises IssueError where the
    issue is not approved or has changed since, PreflightFailed, RelayError (75: try later).
    """
    name, _ = house.newsletter(newsletter)
    record = house.issue(name, number)
    if record.state == "sent":
        return account(house, record)
    _refuse_unapproved(house, record)
    with house.database.sole_sender():
        _freeze(house, record, clock())
        with house.database.writing() as session:
            resend = house.settings.relay.on_ambiguous == "resend"
            ledger.recover(session, clock(), resend=resend)
        desk = _Desk(house, record, clock, on_progress)
        interrupted = asyncio.run(_shift(house, desk))
    return account(house, record, interrupted=interrupted)


def account(house: House, record: IssueRecord, *, interrupted: bool = False) -> Account:
    """Where every reader of the issue stands now."""
    with house.database.reading() as session:
        found = archive.issue_by_id(session, record.id) or record
        counts = ledger.counts(session, record.id)
        return Account(found, counts, ledger.leavings(session, record.id), interrupted)


def readers(house: House, record: IssueRecord) -> Iterator[ReaderLine]:
    """Everybody on the newsletter's list: what they got of this issue, or why nothing."""
    after = 0
    while True:
        with house.database.reading() as session:
            page = roster.everyone(
                session, record.issue.newsletter, after=after, limit=PAGE, now=record.issue.at
            )
            ids = [subscriber for subscriber, _, _ in page]
            known = {
                d.subscriber: d
                for d in ledger.deliveries(session, record.id, subscribers=ids, limit=PAGE)
            }
        for subscriber, address, standing in page:
            yield _line(address, standing, known.get(subscriber))
        if len(page) < PAGE:
            return
        after = ids[-1]


def send_test(house: House, record: IssueRecord, to: str, *, clock: Clock) -> Outcome:
    """Send the issue to one address, marked [Test]; no ledger, no counts, no token of a reader."""
    edition = cut(record.issue, EVERYTHING)
    if edition is None:
        raise IssueError(f"issue {record.issue.number} has no story")
    recipient = Recipient(0, normalise(to), clock(), EVERYTHING)
    composer = Composer(house, record)
    message = composer.compose(
        recipient, edition, "test." + _stamp(clock()), clock(), prefix="[Test] "
    )
    outcome = asyncio.run(_once(_relay(house), message))
    if not isinstance(outcome, Sent):
        raise RelayError(
            f"the test was not taken: {_said(outcome)}",
            remedy="check [relay] in digest.toml, and that the relay runs",
        )
    return outcome


class _Desk:
    """Gives out the deliveries of one issue and commits what became of each."""

    def __init__(
        self,
        house: House,
        record: IssueRecord,
        clock: Clock,
        on_progress: Callable[[Progress], None],
    ) -> None:
        self._house, self._record, self._clock = house, record, clock
        self._composer = Composer(house, record)
        self._weekly = is_first_of_week(house, record)
        self._on_progress = on_progress
        self.owner = f"{socket.gethostname()}:{os.getpid()}:{_stamp(clock())}"

    async def take(self) -> list[Delivery]:
        """See delivery.Desk."""
        return await asyncio.to_thread(self._take)

    async def begin(self, job: Delivery) -> Message | None:
        """See delivery.Desk."""
        return await asyncio.to_thread(self._begin, job)

    async def record(self, job: Delivery, outcome: Outcome) -> None:
        """See delivery.Desk."""
        await asyncio.to_thread(self._settle, job, outcome)

    def finish(self) -> None:
        """Give back what was not begun; close the issue when nothing is open any more."""
        with self._house.database.writing() as session:
            ledger.release(session, self.owner, self._clock())
            if ledger.is_done(session, self._record.id):
                archive.set_state(session, self._record.id, "sent", self._clock())

    def _take(self) -> list[Delivery]:
        with self._house.database.writing() as session:
            claimed = ledger.claim(session, self._record.id, self.owner, self._clock(), CLAIM)
            counts = ledger.counts(session, self._record.id)
        finished = sum(counts.get(state, 0) for state in ledger.FINAL)
        self._on_progress(Progress(finished, sum(counts.values())))
        return claimed

    def _begin(self, job: Delivery) -> Message | None:
        newsletter = self._record.issue.newsletter
        with self._house.database.writing() as session:
            # In one transaction with the intent: who leaves before this moment gets nothing.
            standing = roster.standing(
                session, [job.subscriber], newsletter, now=self._clock(), weekly=self._weekly
            )[job.subscriber]
            if isinstance(standing, str):
                ledger.skip(session, job, self.owner, standing, self._clock())
                return None
            edition = cut(self._record.issue, standing.preferences)
            if edition is None:
                ledger.skip(session, job, self.owner, NOTHING_TO_READ, self._clock())
                return None
            try:
                message = self._composer.compose(standing, edition, job.message_id, job.frozen)
            except MessageError as error:
                ledger.skip(session, job, self.owner, error.what, self._clock())
                return None
            mine = ledger.intend(session, job, self.owner, edition.key, self._clock())
            return message if mine else None

    def _settle(self, job: Delivery, outcome: Outcome) -> None:
        relay = self._house.settings.relay
        with self._house.database.writing() as session:
            ledger.record(
                session,
                job,
                self.owner,
                outcome,
                self._clock(),
                resend=relay.on_ambiguous == "resend",
                expire=relay.expire,
            )
            note_refusal(self._house, session, job, outcome, self._clock())


def _refuse_unapproved(house: House, record: IssueRecord) -> None:
    number = record.issue.number
    if not record.approved_hash:
        raise IssueError(
            f"issue {number} is not approved",
            remedy=f"look at it with `digest preview`, then `digest approve {number}`",
        )
    if record.approved_hash != content_hash(house, record):
        raise IssueError(
            f"issue {number} would not look as it did when it was approved",
            remedy=f"a template or setting changed: preview it, `digest approve {number}` again",
        )
    refuse_errors(house, record)


def _freeze(house: House, record: IssueRecord, now: datetime) -> None:
    # Once: who joins while an issue is being sent gets the next one.
    if record.state != "approved":
        return
    composer = Composer(house, record)
    with house.database.writing() as session:
        archive.set_state(session, record.id, "sending", now)
        after = 0
        weekly = is_first_of_week(house, record)
        while page := roster.recipients(
            session, record.issue.newsletter, after=after, limit=PAGE, now=now, weekly=weekly
        ):
            ledger.freeze(session, record.id, [_plan(record, composer, r) for r in page], now)
            after = page[-1].subscriber
        if not after:
            raise IssueError(
                f"nobody is to get {record.issue.newsletter} yet",
                remedy="`digest subscribers add` or `import` first; the issue stays approved",
            )


def _plan(record: IssueRecord, composer: Composer, recipient: Recipient) -> Planned:
    edition = cut(record.issue, recipient.preferences)
    message_id = composer.message_id(recipient.subscriber)
    if edition is None:
        return Planned(recipient.subscriber, message_id, skip=NOTHING_TO_READ)
    return Planned(recipient.subscriber, message_id, edition.key)


async def _shift(house: House, desk: _Desk) -> bool:
    stop = asyncio.Event()
    with _stop_on_signal(stop):
        try:
            fault = await delivery.run(
                desk, lambda: SmtpRelay(_relay(house)), house.settings.relay.connections, stop
            )
        finally:
            await asyncio.to_thread(desk.finish)
    if fault:
        raise RelayError(
            f"the relay {house.settings.relay.host}:{house.settings.relay.port} cannot be used: "
            f"{_said(fault)}",
            remedy="check [relay] in digest.toml; nothing is lost, run `digest send` again",
        )
    return stop.is_set()


@contextlib.contextmanager
def _stop_on_signal(stop: asyncio.Event) -> Iterator[None]:
    # A send is never cancelled in the middle of a message but drains: a late reply would be
    # paired with the next message.
    loop = asyncio.get_running_loop()
    caught = []
    for number in (signal.SIGINT, signal.SIGTERM):
        with contextlib.suppress(NotImplementedError, RuntimeError, ValueError):
            loop.add_signal_handler(number, stop.set)
            caught.append(number)
    try:
        yield
    finally:
        for number in caught:
            loop.remove_signal_handler(number)


async def _once(address: RelayAddress, message: Message) -> Outcome:
    relay = SmtpRelay(address)
    try:
        return await relay.deliver(message)
    finally:
        await relay.close()


def _relay(house: House) -> RelayAddress:
    relay = house.settings.relay
    return RelayAddress(
        relay.host,
        relay.port,
        relay.security,
        relay.username.get_secret_value(),
        relay.password.get_secret_value(),
    )


def _said(outcome: Outcome) -> str:
    return f"{outcome.reply.code or ''} {outcome.reply.text}".strip()


def _line(address: str, standing: Recipient | str, known: Delivery | None) -> ReaderLine:
    if known is None:
        return ReaderLine(
            address, "none", standing if isinstance(standing, str) else "joined later"
        )
    return ReaderLine(address, known.state, known.reason, known.edition)


def _stamp(now: datetime) -> str:
    return now.strftime("%Y%m%dT%H%M%S.%f")
