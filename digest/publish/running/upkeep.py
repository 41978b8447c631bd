"""What is done from time to time for all newsletters together."""

from collections.abc import Callable

from digest import archive
from digest.publish.collecting import collect
from digest.publish.opening import Clock, House
from digest.publish.running.acting import Done


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


UPKEEP: tuple[Callable[[House, Clock], list[Done]], ...] = (collect_when_due,)
"""In this order, each run; one that fails stops no other. Each decides itself whether it is due."""
