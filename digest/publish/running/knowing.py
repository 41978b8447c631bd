"""Settings and archive -> the plan and the facts that the schedule decides by."""

from datetime import datetime, timedelta

from digest import archive
from digest.publish.opening import House
from digest.schedule import Facts, Plan, kept_since, rhythm
from digest.settings import NewsletterSettings

_REMEMBERED = timedelta(days=90)


def plan_of(house: House, settings: NewsletterSettings) -> Plan:
    """What the settings of a newsletter promise."""
    schedule, expire = settings.schedule, house.settings.relay.expire
    if schedule is None:
        nothing = timedelta(0)
        return Plan(None, nothing, nothing, nothing, expire, auto=False)
    return Plan(
        rhythm=rhythm(schedule.every, settings.timezone, schedule.except_),
        draft=schedule.draft,
        remind=schedule.remind,
        late_at_most=schedule.late_at_most,
        expire=expire,
        auto=schedule.approval == "auto",
        editors=schedule.editors,
    )


def rhythm_text(settings: NewsletterSettings) -> str:
    """A newsletter's rhythm as it is kept in the archive; "" without a schedule."""
    schedule = settings.schedule
    if schedule is None:
        return ""
    return " ".join([schedule.every, settings.timezone, *map(str, sorted(schedule.except_))])


def facts_of(house: House, name: str, settings: NewsletterSettings, now: datetime) -> Facts:
    """What the archive knows of a newsletter's due times and issues."""
    with house.database.reading() as session:
        held = archive.pulse(session, "held")
        return Facts(
            kept_since=kept_since(archive.kept(session, name), rhythm_text(settings), now),
            steps=tuple(archive.steps(session, name, now - _REMEMBERED)),
            issues=archive.standings(session, name),
            held=held.at if held else None,
        )
