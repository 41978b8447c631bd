"""All that is due now: safe to call every minute, twice at once, and after a crash."""

from dataclasses import dataclass
from datetime import datetime

from digest import archive
from digest.errors import DigestError
from digest.publish.collecting import collect
from digest.publish.opening import Clock, House
from digest.publish.preparing import approve, prepare
from digest.publish.sending import send
from digest.schedule import Rhythm, coming, latest, rhythm
from digest.settings import NewsletterSettings, ScheduleSettings

RETRIED = ("approved", "sending")


@dataclass(frozen=True, slots=True)
class Done:
    """One thing that was done, or failed, or waits. `exit_code` is 0 where all is well."""

    newsletter: str
    what: str
    exit_code: int = 0
    remedy: str = ""


def run(house: House, *, clock: Clock) -> list[Done]:
    """Draft what is due, send what is approved and due, and go on with what was interrupted.

    A due time is acted on once. One newsletter's failure never stops another's.
    """
    done: list[Done] = []
    for name, settings in house.settings.newsletter.items():
        try:
            done += _run_one(house, name, settings, clock)
        except DigestError as error:
            done.append(Done(name, error.what, error.exit_code, error.remedy))
    return done


def due_times(settings: NewsletterSettings, now: datetime, count: int) -> list[datetime]:
    """The next due times of a newsletter, in UTC; none without a schedule."""
    return coming(_rhythm(settings, settings.schedule), now, count) if settings.schedule else []


def _run_one(house: House, name: str, settings: NewsletterSettings, clock: Clock) -> list[Done]:
    done = _draft(house, name, settings, clock())
    waiting = [record for record in house.issues(name) if record.state in RETRIED]
    for record in reversed(waiting):
        if record.state == "approved" and not _is_time(settings, record, clock()):
            continue
        account = send(house, name, record.issue.number, clock=clock)
        if account.control == "paused":
            done.append(Done(name, f"issue {record.issue.number} is paused ({account.why})"))
            continue
        told = ", ".join(f"{count} {state}" for state, count in sorted(account.counts.items()))
        done.append(Done(name, f"issue {record.issue.number}: {told}", 75 if account.open else 0))
    return done


def _draft(house: House, name: str, settings: NewsletterSettings, now: datetime) -> list[Done]:
    schedule = settings.schedule
    if schedule is None:
        return []
    due = _due(settings, schedule, now)
    # From the draft's hour on, until it is too late for the issue.
    if now < due - schedule.draft or now > due + schedule.late_at_most:
        return []
    with house.database.writing() as session:
        if not archive.act_once(session, name, due, now, "drafted"):
            return []
    try:
        collect(house, now=now)
        draft = prepare(house, name, now=now)
    except DigestError:
        # Nothing was drafted: the next run may find what this one did not.
        with house.database.writing() as session:
            archive.take_back(session, name, due)
        raise
    number = draft.record.issue.number
    if schedule.approval == "auto":
        approve(house, name, number, by="schedule", now=now)
        return [Done(name, f"issue {number} prepared and approved for {due:%Y-%m-%d %H:%M} UTC")]
    return [
        Done(
            name,
            f"issue {number} prepared; it waits for approval",
            remedy=f"`digest preview`, then `digest approve {number}`",
        )
    ]


def _is_time(settings: NewsletterSettings, record: archive.IssueRecord, now: datetime) -> bool:
    schedule = settings.schedule
    if schedule is None:
        return False  # without a schedule only `digest send` sends
    last = latest(_rhythm(settings, schedule), now)
    return record.prepared_at <= last <= now <= last + schedule.late_at_most


def _due(settings: NewsletterSettings, schedule: ScheduleSettings, now: datetime) -> datetime:
    # The due time that matters now: the coming one, or one that is just past.
    beat = _rhythm(settings, schedule)
    last = latest(beat, now)
    return last if now <= last + schedule.late_at_most else coming(beat, now, 1)[0]


def _rhythm(settings: NewsletterSettings, schedule: ScheduleSettings | None) -> Rhythm:
    return rhythm(schedule.every if schedule else "day 00:00", settings.timezone)
