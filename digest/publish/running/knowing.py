"""Settings and archive -> the plan and the facts that the schedule decides by."""

from dataclasses import replace
from datetime import datetime, timedelta

from digest import archive, ledger
from digest.publish.opening import House
from digest.publish.sending.carriers import carriers, domain_budgets
from digest.schedule import Facts, Plan, Standing, kept_since, rhythm
from digest.settings import NewsletterSettings
from subscribers.roster import Session

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
        report=schedule.report,
        spread=timedelta(days=1) if schedule.at == "local" else timedelta(0),
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
            issues=_standings(session, name, patient=_budgets(house)),
            held=held.at if held else None,
        )


def _standings(session: Session, name: str, *, patient: bool) -> dict[int, Standing]:
    found = archive.standings(session, name)
    for number in [number for number, one in found.items() if one.state == "sending"]:
        sending = ledger.sending(session, archive.issue(session, name, number).id)
        itself = sending and (sending.control, sending.by) == ("paused", ledger.BRAKE)
        paused = sending.why if sending and itself else ""
        found[number] = replace(found[number], paused=paused, patient=patient)
    return found


def _budgets(house: House) -> bool:
    given = [one.budget for one in carriers(house)] + list(domain_budgets(house).values())
    return any(one.counts for one in given)
