"""What calls `digest run` every minute: two systemd units, or a line for cron.

Quoting follows systemd.service(5) and systemd.syntax(7) ("%" begins a specifier, "$" a
variable), and crontab(5) ("%" begins the input).
"""

import contextlib
import re
import shlex
from dataclasses import dataclass
from pathlib import Path

from digest.errors import SettingsError

_SERVICE = """\
[Unit]
Description=Digest: all that is due now, for {plain}
Wants=network-online.target
After=network-online.target time-sync.target

[Service]
Type=oneshot
{user}WorkingDirectory={folder}
ExecStart={program} -C {quoted} run
# 75 means that some mail is deferred and will be tried again: no fault of the service.
SuccessExitStatus=75
# A send takes as long as it takes; stopped, it lets what is on the wire end.
TimeoutStartSec=infinity
TimeoutStopSec=660
KillMode=mixed
"""
_TIMER = """\
[Unit]
Description=Digest, each minute, for {plain}

[Timer]
OnCalendar=*-*-* *:*:00
AccuracySec=1s
Persistent=true

[Install]
WantedBy=timers.target
"""


@dataclass(frozen=True, slots=True)
class TimerUnits:
    """A service and the timer that starts it; `name` is without its ending."""

    name: str
    service: str
    timer: str


def timer_units(program: Path, folder: Path, user: str = "") -> TimerUnits:
    """The units for the publisher in `folder`; with `user`, for the system's own manager.

    Raises SettingsError for a path that no unit can hold.
    """
    _refuse_odd(program, folder)
    plain = str(folder).replace("%", "%%")
    values = {
        "plain": plain,
        "folder": plain,
        "program": _quoted(program),
        "quoted": _quoted(folder),
        "user": f"User={user}\n" if user else "",
    }
    name = unit_name(folder)
    return TimerUnits(name, _SERVICE.format(**values), _TIMER.format(**values))


def unit_name(folder: Path) -> str:
    """What the units for the publisher in `folder` are called, without their ending."""
    return "digest-" + (re.sub(r"[^A-Za-z0-9_.-]+", "-", folder.name).strip("-.") or "run")


def units_home(*, system: bool) -> Path | None:
    """Where the manager looks for units of its own; None for an account that has no home."""
    if system:
        return Path("/etc/systemd/system")
    # A container runs under numbers without names, which have no home.
    with contextlib.suppress(RuntimeError):
        return Path("~/.config/systemd/user").expanduser()
    return None


def written_timer(folder: Path) -> str:
    """What switches on the timer that is written for `folder`: "" where none is, or it is on."""
    name = f"{unit_name(folder)}.timer"
    for system, manager in ((True, "systemctl"), (False, "systemctl --user")):
        home = units_home(system=system)
        if home and (home / name).exists():
            on = (home / "timers.target.wants" / name).is_symlink()
            return "" if on else f"{manager} enable --now {name}"
    return ""


def write_units(units: TimerUnits, into: Path) -> list[Path]:
    """Write both; units of the same name are replaced. Raises SettingsError."""
    paths = [into / f"{units.name}.service", into / f"{units.name}.timer"]
    try:
        into.mkdir(parents=True, exist_ok=True)
        for path, text in zip(paths, (units.service, units.timer), strict=True):
            path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise SettingsError(
            f"{error.filename} could not be written: {error.strerror}",
            remedy="name a folder that you may write to, or use --print",
        ) from error
    return paths


def cron_line(program: Path, folder: Path) -> str:
    """The line for crontab -e. Raises SettingsError for a path with a line break."""
    _refuse_odd(program, folder)
    command = f"{shlex.quote(str(program))} -C {shlex.quote(str(folder))} run"
    return "* * * * *  " + command.replace("%", "\\%")


def _quoted(path: Path) -> str:
    text = str(path).replace("\\", "\\\\").replace('"', '\\"').replace("%", "%%")
    text = text.replace("$", "$$")
    return f'"{text}"' if re.search(r"[\s'\"\\;]", text) else text


def _refuse_odd(*paths: Path) -> None:
    for path in paths:
        if not str(path).isprintable():
            raise SettingsError(
                f"{str(path)!r} cannot stand in a unit or a crontab", remedy="rename that folder"
            )
