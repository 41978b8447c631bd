"""The machine as it is: database, disk, clock, who calls `digest run`, who can read the secrets."""

import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta

from digest import archive
from digest.errors import DatabaseError, NoDatabaseYet
from digest.preflight.premises import Machine
from digest.publish.opening import House
from digest.publish.running import written_timer
from digest.settings import SECRETS_FILE

SECONDS = 5.0
KEPT = {"yes": True, "no": False}


def looked_over(house: House, now: datetime, trouble: DatabaseError | None = None) -> Machine:
    """What is to be seen of the machine at this moment, aware and in UTC.

    `trouble`: why the database could not be opened.
    """
    file = house.database.file
    seen = Machine(
        now=now,
        free=shutil.disk_usage(file.parent if file else house.settings.folder).free,
        database_size=0,
        kept=_is_kept(),
        open_secrets=tuple(_open_to_others(house)),
        written_timer=written_timer(house.settings.folder.resolve()),
    )
    try:
        if trouble:
            raise trouble
        return _with_database(seen, house)
    except DatabaseError as error:
        lost = replace(seen, database_lost=error.what, remedy=error.remedy)
        is_new = isinstance(error, NoDatabaseYet)
        return replace(lost, is_new=is_new, scheduled=is_new and _scheduled(house))


def _with_database(seen: Machine, house: House) -> Machine:
    with house.database.reading() as session:
        last, held = archive.pulse(session, "run"), archive.pulse(session, "held")
    told = house.database.clock()
    return replace(
        seen,
        database_size=house.database.size(),
        database_trouble=house.database.trouble(),
        unwritable=house.database.unwritable(),
        ahead=told - seen.now if told else timedelta(0),
        scheduled=_scheduled(house),
        last_run=last.at if last else None,
        held=held.at if held else None,
    )


def _scheduled(house: House) -> bool:
    return any(each.schedule for each in house.settings.newsletter.values())


def _open_to_others(house: House) -> Iterator[str]:
    chosen = house.settings.dkim
    for name in (SECRETS_FILE, chosen.key_file, chosen.ed25519_key_file):
        path = house.settings.folder / name
        if name and path.exists() and path.stat().st_mode & 0o077:
            yield name


def _is_kept() -> bool | None:
    """Whether NTP keeps the clock; None on a system without systemd, which cannot be asked so."""
    program = shutil.which("timedatectl")
    if not program:
        return None
    try:
        told = subprocess.run(  # noqa: S603 - the words are ours
            [program, "show", "--property=NTPSynchronized", "--value"],
            capture_output=True,
            text=True,
            timeout=SECONDS,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    return KEPT.get(told.stdout.strip())
