"""What is done from time to time for all newsletters together."""

import io
from collections.abc import Callable
from datetime import timedelta

from digest import archive
from digest.publish.collecting import collect
from digest.publish.confirming import Confirmed, confirm, tidy
from digest.publish.gathering import arrivals, receive_all
from digest.publish.opening import Clock, House
from digest.publish.running.acting import Done
from digest.publish.running.alarming import tell_of_floods

HOURLY = timedelta(hours=1)


def collect_when_due(house: House, clock: Clock) -> list[Done]:
    """Read the sources, as often as the most eager schedule asks for: a feed forgets quickly."""
    schedules = [n.schedule for n in house.settings.newsletter.values() if n.schedule]
    if not schedules or not house.settings.source:
        return []
    now, every = clock(), min(schedule.collect for schedule in schedules)
    with house.database.writing() as session:
        last = archive.pulse(session, "collected")
        if last and last.at <= now < last.at + every:
            return []
        # Before, not after: a source that hangs or crashes us is not asked every minute.
        archive.note_pulse(session, "collected", now)
    read = collect(house, now=now)
    failed = [one.source for one in read if one.error]
    new = sum(one.new for one in read)
    what = f"{new} new articles from {len(read)} sources"
    if failed:
        what += f"; not read: {', '.join(failed)} (`digest status` tells why)"
    return [Done("", what)] if new or failed else []


def answer_sign_ups(house: House, clock: Clock) -> list[Done]:
    """Mail what is owed to who signed up."""
    mailed = confirm(house, clock=clock)
    if mailed == Confirmed():
        return []
    told = f"{mailed.sent} asked to confirm, {mailed.deferred} deferred, {mailed.refused} refused"
    return [Done("sign-ups", told, 75 if mailed.deferred else 0)]


def forget_what_is_over(house: House, clock: Clock) -> list[Done]:
    """Forget what need not be kept, once an hour: to look for it goes over every reader, which
    with a million of them takes seconds.
    """
    now = clock()
    with house.database.reading() as session:
        last = archive.pulse(session, "tidied")
    if last and last.at <= now < last.at + HOURLY:
        return []
    tidy(house, now)
    with house.database.writing() as session:
        archive.note_pulse(session, "tidied", now)
    return []


def read_reports(house: House, clock: Clock) -> list[Done]:
    """Bounces, complaints and mail that unsubscribes, from the mailboxes of the settings."""
    told = house.settings.bounces
    if not (told.maildir or told.imap):
        return []
    count = sum(
        1
        for source, arrived in arrivals(house, (), None, io.BytesIO())
        for _ in receive_all(house, arrived, source=source, now=clock())
    )
    return [Done("bounces", f"{count} reports read")] if count else []


UPKEEP: tuple[Callable[[House, Clock], list[Done]], ...] = (
    read_reports,
    answer_sign_ups,
    forget_what_is_over,
    tell_of_floods,
    collect_when_due,
)
"""In this order, each run; one that fails stops no other. Each decides itself whether it is due."""
