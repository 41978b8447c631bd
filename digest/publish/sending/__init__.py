"""Approved issue -> ledger -> relay, and the accounting of every reader.

    book         claims and groups committed: what writes
    visits       where the book is visited: here, or in a thread
    drafts       messages made ahead of their turn
    jobs         what book and desk hand each other
    freezing     who gets it: the list, in portions
    making       messages composed and signed ahead
    desk         between the connections and the book
    pacing       budgets: who of those claimed may go now
    carriers     the relays that take issues
    shift        desks and connections at work, and how a signal stops them
    fleet        all relays at one issue; who takes over when one fails
    machine      where a sender runs
    inheriting   leases, and what a dead one leaves
    watching     progress, and a line in the log for each mail event
    measuring    numbers for Prometheus
    accounting   where every reader stands; exports
    steering     pause, resume, cancel, resolve

Never here: a decision about a reply (outcomes), or a sentence for a terminal.
"""

import asyncio
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta

from digest import archive, ledger
from digest.archive import IssueRecord
from digest.delivery import Timeouts
from digest.edition import Edition, cut
from digest.errors import IssueError, RelayError
from digest.outcomes import Outcome, Sent
from digest.publish.checking import refuse_errors
from digest.publish.composing import Composer
from digest.publish.handing import handed_over, relays_in_turn
from digest.publish.mornings import is_local
from digest.publish.opening import Clock, House
from digest.publish.preparing import content_hash
from digest.publish.sending.accounting import Account, ReaderLine, account, export, readers
from digest.publish.sending.carriers import RelayLine, relay_lines
from digest.publish.sending.fleet import Fleet, Terms
from digest.publish.sending.freezing import open_list, write_portion, write_rest
from digest.publish.sending.inheriting import Timing, inherit
from digest.publish.sending.machine import gone
from digest.publish.sending.making import Composing
from digest.publish.sending.measuring import metrics
from digest.publish.sending.steering import Resolved, cancel, pause, resolve, resume
from digest.publish.sending.watching import Progress, Watch
from subscribers import roster
from subscribers.address import normalise
from subscribers.preferences import EVERYTHING
from subscribers.recipient import Recipient

__all__ = [
    "Account",
    "Progress",
    "ReaderLine",
    "RelayLine",
    "Resolved",
    "Timing",
    "account",
    "cancel",
    "export",
    "metrics",
    "pause",
    "readers",
    "relay_lines",
    "resolve",
    "resume",
    "send",
    "send_test",
]

FINISHED = ("sent", "cancelled")


def send(
    house: House,
    newsletter: str | None = None,
    number: int | None = None,
    *,
    clock: Clock,
    on_progress: Callable[[Progress], None] = lambda _: None,
    timing: Timing = Timing(),  # noqa: B008 - frozen
    timeouts: Timeouts = Timeouts(),  # noqa: B008 - frozen
    composing: Callable[[House, IssueRecord], Composing] = Composer,
    passing: Callable[[str], None] = lambda _: None,
    scheduled: bool = False,
) -> Account:
    """Send an approved issue to everybody who is to get it and has not.

    Safe to call again at any time: who got it, is left alone. Raises IssueError where it is not
    approved or has changed since, PreflightFailed, RelayError (75: try later), DatabaseError, also
    where another is at it. `passing` hears where a test may crash it; `scheduled`: see fleet.Terms.
    """
    house = house.held()  # what is approved and what is rendered are the same templates
    record = house.issue(house.newsletter(newsletter)[0], number)
    if record.state in FINISHED:
        return account(house, record)
    _refuse_unapproved(house, record)
    with house.database.sole_sender() as alone:
        _freeze(house, record, clock(), scheduled=scheduled)
        passing("after the list is written")
        _reap(house, clock, timing, alone=alone)
        watch = _watch(house, record, clock, on_progress)
        terms = Terms(clock, composing, timing, timeouts, passing, scheduled)
        try:
            stopped = Fleet(house, record, watch, terms).carry()
        finally:
            watch.tell()
        passing("before the issue is closed")
        _finish(house, record, clock())
    found = account(house, record, stopped=stopped)
    watch.ended(found.counts, found.why if found.paused else "")
    return found


def _watch(
    house: House, record: IssueRecord, clock: Clock, on_progress: Callable[[Progress], None]
) -> Watch:
    with house.database.reading() as session:
        counts = ledger.counts(session, record.id)
    name = f"{record.issue.newsletter}/{record.issue.number}"
    return Watch(name, clock, counts, on_progress, house.settings.relay.log_addresses)


def send_test(house: House, record: IssueRecord, to: str, *, clock: Clock) -> Outcome:
    """Send the issue to one address, marked [Test]; no ledger, no counts, no token of a reader.

    Where it has two subjects, it goes there with each of them.
    """
    edition = cut(record.issue, EVERYTHING)
    if edition is None:
        raise IssueError(f"issue {record.issue.number} has no story")
    recipient = Recipient(0, normalise(to), clock(), EVERYTHING)
    composer = Composer(house, record)
    outcome = _sent_as_test(house, composer, recipient, edition, clock)
    if record.issue.second_subject:
        outcome = _sent_as_test(house, composer, recipient, replace(edition, second=True), clock)
    return outcome


def _sent_as_test(
    house: House, composer: Composer, recipient: Recipient, edition: Edition, clock: Clock
) -> Sent:
    name = f"test.{_stamp(clock())}" + ".2" * edition.second
    message = composer.compose(recipient, edition, name, clock(), prefix="[Test] ")
    outcome = asyncio.run(handed_over(relays_in_turn(house), message))
    if not isinstance(outcome, Sent):
        raise RelayError(
            f"the test was not taken: {_said(outcome)}",
            remedy="check [relay] in digest.toml, and that the relay runs",
        )
    return outcome


def _refuse_unapproved(house: House, record: IssueRecord) -> None:
    number = record.issue.number
    if not record.approved_hash or record.state == "draft":
        changed = "was changed after it was approved" if record.approved_hash else ""
        raise IssueError(
            f"issue {number} {changed or 'is not approved'}",
            remedy=f"look at it with `digest preview`, then `digest approve {number}`",
        )
    if record.approved_hash != content_hash(house, record):
        raise IssueError(
            f"issue {number} would not look as it did when it was approved",
            remedy=f"a template or setting changed: preview it, `digest approve {number}` again",
        )
    refuse_errors(house, record)


def _freeze(house: House, record: IssueRecord, now: datetime, *, scheduled: bool) -> None:
    # Once: who joins while an issue is being sent gets the next one.
    if record.state == "approved":
        open_list(house, record, now)
    else:
        write_portion(house, record)  # so that something is due, if only the list goes so far
    if is_local(house, record.issue.newsletter):
        write_rest(house, record)  # those of the first portion may all have to wait
        if scheduled:
            _oversleep(house, record, now)


def _reap(house: House, clock: Clock, timing: Timing, *, alone: bool) -> None:
    def work(session: roster.Session, _again: bool) -> None:
        known = ledger.senders(session)
        dead = [sender.id for sender in known if alone or gone(sender.name)]
        # Alone, no process is left that could still be on the wire, whenever it retired.
        grace = timedelta() if alone else timing.grace
        inherit(house, session, clock(), grace=grace, dead=dead)

    house.database.persist(work)


def _oversleep(house: House, record: IssueRecord, now: datetime) -> None:
    schedule = house.settings.newsletter[record.issue.newsletter].schedule
    if schedule:
        with house.database.writing() as session:
            ledger.oversleep(session, record.id, now - schedule.late_at_most, now)


def _finish(house: House, record: IssueRecord, now: datetime) -> None:
    """Close the issue when nothing is open any more."""
    with house.database.reading() as session:
        sending = ledger.sending(session, record.id)
    cancelled = sending is not None and sending.control == "cancelled"
    if cancelled:
        write_rest(house, record)
    with house.database.writing() as session:
        if cancelled:
            ledger.call_off(session, record.id, now)
        if ledger.is_done(session, record.id):
            archive.set_state(session, record.id, "cancelled" if cancelled else "sent", now)


def _said(outcome: Outcome) -> str:
    return f"{outcome.reply.code or ''} {outcome.reply.text}".strip()


def _stamp(now: datetime) -> str:
    return now.strftime("%Y%m%dT%H%M%S.%f")
