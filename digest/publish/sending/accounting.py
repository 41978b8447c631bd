"""Every reader of an issue, by what became of them. Nothing here changes anything."""

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Literal, TextIO

from digest import archive, ledger
from digest.archive import IssueRecord
from digest.edition import SECOND, cut
from digest.ledger import Delivery, Waiting
from digest.publish.frequency import readers_of
from digest.publish.opening import House
from digest.publish.sending.inheriting import Timing
from digest.publish.sending.shift import Stop
from digest.rendering import subject_of
from subscribers import roster
from subscribers.exchange import defused, writer
from subscribers.preferences import EVERYTHING
from subscribers.recipient import Recipient

PAGE = 1000


@dataclass(frozen=True, slots=True)
class SubjectCount:
    """How one of two subjects fared: how many got it, how many of them left by its links."""

    subject: str
    sent: int
    left: int


@dataclass(frozen=True, slots=True)
class Account:
    """Every reader of an issue, by state; the sum of `counts` is the list, always.

    `control` is what the operator wants: go, paused or cancelled; `why` with whose word it is. A
    pause that came when nothing was left to hold back stays written down, see `paused`.
    `next_at`: when something may be begun next, also of what a dead sender left on the wire.
    `waits`: who is not on the wire for another reason than the relay's word, and till when.
    `subjects` are both of an issue that has two, else none.
    While the list is not `whole`, the rest of it is still to be written. `interrupted`: a signal
    stopped the sending; `cut`: before what was on the wire had come to its end.
    """

    record: IssueRecord
    counts: dict[str, int]
    left: int
    interrupted: bool = False
    control: str = "go"
    why: str = ""
    next_at: datetime | None = None
    waits: tuple[Waiting, ...] = ()
    paused_itself: bool = False
    subjects: tuple[SubjectCount, ...] = ()
    whole: bool = True
    cut: bool = False

    @property
    def total(self) -> int:
        """How many deliveries the issue has."""
        return sum(self.counts.values())

    @property
    def paused(self) -> bool:
        """Whether something is held back until a person lets it go on."""
        return self.control == "paused" and self.record.state not in ("sent", "cancelled")

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
    attempts: int = 0
    resends: int = 0
    message_id: str = ""
    relay: str = ""
    reply: str = ""
    changed: datetime | None = None


def account(house: House, record: IssueRecord, *, stopped: Stop = "") -> Account:
    """Where every reader of the issue stands now; `stopped`: how a signal ended the sending."""
    with house.database.reading() as session:
        found = archive.issue_by_id(session, record.id) or record
        sending = ledger.sending(session, record.id)
        why = f"{sending.by}: {sending.why}".strip(": ") if sending else ""
        return Account(
            found,
            ledger.counts(session, record.id),
            ledger.leavings(session, record.id),
            bool(stopped),
            sending.control if sending else "go",
            why,
            _next_at(session, record.id),
            tuple(ledger.waiting(session, record.id)),
            bool(sending and (sending.control, sending.by) == ("paused", ledger.BRAKE)),
            _subjects(session, found),
            sending is None or ledger.is_whole(session, record.id),
            stopped == "cut",
        )


def _next_at(session: roster.Session, issue_id: int) -> datetime | None:
    left = ledger.left_since(session, issue_id)
    moments = ledger.next_due(session, issue_id), left and left + Timing().grace
    return min((moment for moment in moments if moment), default=None)


def _subjects(session: roster.Session, record: IssueRecord) -> tuple[SubjectCount, ...]:
    issue = record.issue
    edition = cut(issue, EVERYTHING)
    if not issue.second_subject or edition is None:
        return ()
    counts = ledger.by_ending(session, record.id, SECOND)
    both = (replace(edition, second=second) for second in (False, True))
    return tuple(SubjectCount(subject_of(e), *counts.get(e.second, (0, 0))) for e in both)


def readers(
    house: House, record: IssueRecord, states: tuple[str, ...] = ()
) -> Iterator[ReaderLine]:
    """Everybody on the newsletter's list: what they got of this issue, or why nothing.

    With `states` only those whose delivery stands so. Who was forgotten since is named by number.
    """
    after = 0
    while True:
        with house.database.reading() as session:
            found = ledger.deliveries(session, record.id, states=states, after=after, limit=PAGE)
            numbers = [delivery.subscriber for delivery in found]
            names = roster.addresses(session, numbers)
        for delivery in found:
            name = names.get(delivery.subscriber, f"forgotten reader {delivery.subscriber}")
            yield _line(name, delivery)
        if len(found) < PAGE:
            break
        after = found[-1].id
    if not states:
        yield from _without_delivery(house, record)


def _without_delivery(house: House, record: IssueRecord) -> Iterator[ReaderLine]:
    after, wanted = 0, readers_of(house, record)
    with house.database.reading() as session:
        late = _why_not_listed(session, record)
    while True:
        with house.database.reading() as session:
            page = roster.everyone(
                session, wanted.newsletter, after=after, limit=PAGE, now=record.issue.at,
                frequencies=wanted.frequencies,
            )  # fmt: skip
            ids = [subscriber for subscriber, _, _ in page]
            found = ledger.deliveries(session, record.id, subscribers=ids, limit=PAGE)
            known = {delivery.subscriber for delivery in found}
        for subscriber, address, standing in page:
            if subscriber not in known:
                why = late if isinstance(standing, Recipient) else standing
                yield ReaderLine(address, "none", why)
        if len(page) < PAGE:
            return
        after = ids[-1]


def _why_not_listed(session: roster.Session, record: IssueRecord) -> str:
    if ledger.sending(session, record.id) is None:
        return "not sent yet"
    if ledger.is_whole(session, record.id):
        return "joined later"
    return "not on the list, which is still being written"


def export(
    house: House,
    record: IssueRecord,
    out: TextIO,
    form: Literal["csv", "json"],
    states: tuple[str, ...] = (),
    on_line: Callable[[], None] = lambda: None,
) -> int:
    """Write who got the issue and who did not, line by line; JSON as one object a line."""
    names = list(ReaderLine.__dataclass_fields__)
    write = writer(out)
    if form == "csv":
        write(names)
    count = 0
    for line in readers(house, record, states):
        values = [getattr(line, name) for name in names]
        plain = [v.isoformat() if isinstance(v, datetime) else v for v in values]
        if form == "csv":
            # A relay's words, and some addresses, could be a formula to a spreadsheet.
            write([defused(v) if isinstance(v, str) else v for v in plain])
        else:
            out.write(json.dumps(dict(zip(names, plain, strict=True)), ensure_ascii=False) + "\n")
        count += 1
        on_line()
    return count


def _line(address: str, known: Delivery) -> ReaderLine:
    return ReaderLine(
        address,
        known.state,
        known.reason,
        known.edition,
        known.attempts,
        known.resends,
        known.message_id,
        known.relay,
        f"{known.code or ''} {known.reply}".strip(),
        known.changed,
    )
