"""Every reader of an issue, by what became of them. Nothing here changes anything."""

import csv
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from io import TextIOBase
from typing import Literal

from digest import archive, ledger
from digest.archive import IssueRecord
from digest.ledger import Delivery
from digest.publish.opening import House
from subscribers import roster
from subscribers.recipient import Recipient

PAGE = 1000


@dataclass(frozen=True, slots=True)
class Account:
    """Every reader of an issue, by state; the sum of `counts` is the list, always.

    `control` is what the operator wants: go, paused or cancelled; `why` with whose word it is.
    While the list is not `whole`, the rest of it is still to be written.
    """

    record: IssueRecord
    counts: dict[str, int]
    left: int
    interrupted: bool = False
    control: str = "go"
    why: str = ""
    next_at: datetime | None = None
    whole: bool = True

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
    attempts: int = 0
    resends: int = 0
    message_id: str = ""
    relay: str = ""
    reply: str = ""
    changed: datetime | None = None


def account(house: House, record: IssueRecord, *, interrupted: bool = False) -> Account:
    """Where every reader of the issue stands now."""
    with house.database.reading() as session:
        found = archive.issue_by_id(session, record.id) or record
        sending = ledger.sending(session, record.id)
        why = f"{sending.by}: {sending.why}".strip(": ") if sending else ""
        return Account(
            found,
            ledger.counts(session, record.id),
            ledger.leavings(session, record.id),
            interrupted,
            sending.control if sending else "go",
            why,
            ledger.next_due(session, record.id),
            sending is None or ledger.is_whole(session, record.id),
        )


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
    after = 0
    with house.database.reading() as session:
        whole = ledger.is_whole(session, record.id)
    late = "joined later" if whole else "not on the list, which is still being written"
    while True:
        with house.database.reading() as session:
            page = roster.everyone(
                session, record.issue.newsletter, after=after, limit=PAGE, now=record.issue.at
            )
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


def export(
    house: House,
    record: IssueRecord,
    out: TextIOBase,
    form: Literal["csv", "json"],
    states: tuple[str, ...] = (),
    on_line: Callable[[], None] = lambda: None,
) -> int:
    """Write who got the issue and who did not, line by line; JSON as one object a line."""
    names = list(ReaderLine.__dataclass_fields__)
    table = csv.writer(out, lineterminator="\n")
    if form == "csv":
        table.writerow(names)
    count = 0
    for line in readers(house, record, states):
        values = [getattr(line, name) for name in names]
        plain = [v.isoformat() if isinstance(v, datetime) else v for v in values]
        if form == "csv":
            table.writerow(["" if value is None else value for value in plain])
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
