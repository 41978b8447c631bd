"""A flood of sign-ups -> one mail to each editor, whatever newsletter is theirs.

One for each flood: what was told is noted when all know, so that a relay that is away delays it.
Never here: what a flood is, and what stems it (limiting).
"""

from datetime import datetime

from digest import archive
from digest.errors import RelayError
from digest.publish.admitting import sign_ups
from digest.publish.opening import Clock, House
from digest.publish.running.acting import Done
from digest.publish.running.noticing import mail_notice
from digest.schedule import Tell
from subscribers import limiting

FLOOD = "flood"
"""The pulse of it: the end of the last hour that was one."""


def tell_of_floods(house: House, clock: Clock) -> list[Done]:
    """Look at the sign-ups of this hour; tell the editors where more come than they expect."""
    now = clock()
    until = limiting.window("everybody", now)
    with house.database.reading() as session:
        count, last = sign_ups(session, house, now), archive.pulse(session, FLOOD)
    told = house.settings.joining.alarm_at
    flood = limiting.flood(count, told, last.at if last else None, now)
    if not flood or (last and last.at == until):
        return []
    done = _tell(house, count, now) if flood == "begins" else []
    if not any(one.exit_code == 75 for one in done):
        with house.database.writing() as session:
            archive.note_pulse(session, FLOOD, until, count)
    return done


def _tell(house: House, count: int, now: datetime) -> list[Done]:
    at = house.settings.joining.alarm_at
    what = f"{count} sign-ups within an hour, which is told from {at} on"
    done = [Done("sign-ups", what, remedy="if you expected them, raise alarm_at in [joining]")]
    since = limiting.window("everybody", now) - limiting.HOUR
    for whom, newsletter in _editors(house).items():
        tell = Tell(since, "flood", whom, note=str(at), count=count)
        try:
            refusal = mail_notice(house, newsletter, tell, now)
        except RelayError as error:
            done.append(Done("sign-ups", error.what, 75, error.remedy))
            continue
        if refusal:
            done.append(Done("sign-ups", f"{whom} cannot be told: {refusal}", 1,
                             "correct editors in digest.toml"))  # fmt: skip
    return done


def _editors(house: House) -> dict[str, str]:
    """Everybody who gets notices, with the first newsletter of theirs, whose mail it is."""
    found: dict[str, str] = {}
    for name, told in house.settings.newsletter.items():
        for whom in told.schedule.editors if told.schedule else ():
            found.setdefault(whom, name)
    return found
