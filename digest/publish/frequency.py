"""How often: whose subscriptions an issue is for, by the frequency that each reader chose."""

from dataclasses import dataclass
from zoneinfo import ZoneInfo

from digest import archive, ledger
from digest.archive import IssueRecord
from digest.publish.opening import House
from subscribers.preferences import FREQUENCIES, Frequency

_OUT = ("sending", "sent", "cancelled")


@dataclass(frozen=True, slots=True)
class Readers:
    """The subscriptions that an issue is for: to which newsletter, and of which frequencies."""

    newsletter: str
    frequencies: frozenset[Frequency]


def readers_of(house: House, record: IssueRecord) -> Readers:
    """Whom an issue is for.

    A weekly edition is for those of its newsletter who chose weekly, and that newsletter's own
    issues are for the others. Without such an edition the first issue of each week is for both.
    """
    name, settings = record.issue.newsletter, house.settings
    if settings.list_of(name) != name:
        return Readers(settings.list_of(name), frozenset({"weekly"}))
    if settings.weekly_edition(name) or not _is_first_of_week(house, record):
        return Readers(name, frozenset({"each"}))
    return Readers(name, FREQUENCIES)


def _is_first_of_week(house: House, record: IssueRecord) -> bool:
    """Whether no earlier issue of the newsletter went out in the same week of its own time zone.

    A cancelled one counts where at least half of its readers had it by then: else most of those
    who want one a week would get none.
    """
    zone = ZoneInfo(record.issue.timezone)
    week, earlier = _week(record, zone), _before(house, record)
    while earlier and _week(earlier, zone) >= week:
        if _week(earlier, zone) == week and _is_out(house, earlier):
            return False
        earlier = _before(house, earlier)
    return True


def _week(record: IssueRecord, zone: ZoneInfo) -> tuple[int, int]:
    year, week, _ = record.issue.at.astimezone(zone).isocalendar()
    return year, week


def _before(house: House, record: IssueRecord) -> IssueRecord | None:
    """The issue before it that readers may have; one by one, for each is read whole."""
    name, number = record.issue.newsletter, record.issue.number
    with house.database.reading() as session:
        found = archive.issues(session, name, states=_OUT, before=number, limit=1)
    return found[0] if found else None


def _is_out(house: House, record: IssueRecord) -> bool:
    if record.state != "cancelled":
        return True
    with house.database.reading() as session:
        counts = ledger.counts(session, record.id)
    return 2 * counts.get("sent", 0) >= max(1, sum(counts.values()))
