"""Roster -> the ledger's list of an issue, in portions, each of them a transaction of its own.

Who is on it was settled when it was opened; the first portion is written then, the rest while the
first messages are under way. After a kill the next `send`, or whoever cancels, goes on with it.
"""

from datetime import datetime

from digest import archive, ledger
from digest.archive import IssueRecord
from digest.errors import IssueError
from digest.publish.frequency import Readers, readers_of
from digest.publish.mornings import mornings
from digest.publish.opening import House
from subscribers import roster

PORTION = 1000  # rows: so long nobody else can write to an SQLite file, some ten milliseconds


def open_list(house: House, record: IssueRecord, now: datetime) -> None:
    """Settle who gets the issue, and write the first portion. Raises IssueError for nobody."""
    with house.database.writing() as session:
        # The row of the issue is locked first: of two senders the second finds it done.
        archive.set_state(session, record.id, "sending", now, seen=record.version)
        session.flush()
        if ledger.recipients(session, record.id) is None:
            ledger.open_list(session, record.id, roster.newest(session), now)
            _write(house, record, session)
        if not ledger.recipients(session, record.id):
            raise _nobody(record, readers_of(house, record))


def write_portion(house: House, record: IssueRecord) -> bool:
    """Write one portion more. False where nothing is left to write, for this sender at least."""
    return house.database.persist(lambda session, _again: _write(house, record, session))


def write_rest(house: House, record: IssueRecord) -> None:
    """Write all that is left."""
    while write_portion(house, record):
        pass


def _write(house: House, record: IssueRecord, session: roster.Session) -> bool:
    left = ledger.unwritten(session, record.id)
    if left is None:
        return False
    readers = readers_of(house, record)
    audience = roster.audience(
        readers.newsletter,
        now=left.opened,
        frequencies=readers.frequencies,
        mornings=mornings(house, session, record, left.opened),
        after=left.reached,
        last=left.last,
        limit=PORTION,
    )
    if ledger.freeze(session, record.id, audience, left.opened) == PORTION:
        return True
    ledger.close_list(session, record.id)
    return False


def _nobody(record: IssueRecord, readers: Readers) -> IssueError:
    name = record.issue.newsletter
    if readers.newsletter != name:
        return IssueError(
            f"nobody is to get {name} yet: no reader of {readers.newsletter} has chosen weekly",
            remedy="the issue stays approved; remove the schedule if nobody is going to",
        )
    return IssueError(
        f"nobody is to get {name} yet",
        remedy="`digest subscribers add` or `import` first; the issue stays approved",
    )
