"""The verbs of the schedule: `run` does what is due, `schedule` foretells it.

Never here: what is due, or what is done about it.
"""

import contextlib
import os
import signal
import sys
import threading
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from time import monotonic
from types import FrameType
from typing import TYPE_CHECKING, Annotated, NoReturn

import typer

from digest.cli.door import (
    At,
    Json,
    Newsletter,
    environ,
    fail,
    moment,
    now,
    opened,
    print_json,
    say,
)
from subscribers.cli.door import Stops

if TYPE_CHECKING:
    from digest.publish import Done, TimerUnits

_EVERY = "Stay, and run each time: 60s, 5m. Ctrl-C or SIGTERM ends it. For containers."


def run(
    context: typer.Context,
    every: Annotated[str, typer.Option("--every", help=_EVERY)] = "",
    release: Annotated[
        bool, typer.Option("--release", help="Let go what is held as due in the past.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Do all that is due now: draft, tell the editors, send what is approved, retry.

    Safe from cron or a timer each minute, and twice at once.

    Example: digest -C /srv/weekly run
    Example: digest run --every 60s
    """
    from digest import publish

    beat = _seconds(every)
    with opened(context) as house:
        done = [] if beat else publish.run(house, clock=now, release=release)
        if beat:
            if release:
                _show(publish.run(house, clock=now, release=True), as_json)
            say(f"running every {every}; Ctrl-C ends it")
            publish.keep_running(
                house, clock=now, every=timedelta(seconds=beat), wait=_Patience(),
                on_done=lambda done: _show(done, as_json),
            )  # fmt: skip
            return
    _show(done, as_json, always=True)
    code = max((act.exit_code for act in done), default=0)
    if code:
        raise typer.Exit(code)


def schedule(
    context: typer.Context,
    newsletter: Newsletter = None,
    count: Annotated[int, typer.Option("--count", min=1, max=1000, help="How many.")] = 10,
    at: At = None,
    as_json: Json = False,
) -> None:
    """The next due times, by the newsletter's clock and in UTC, with draft and reminder.

    Example: digest schedule --count 20
    """
    from digest import publish
    from digest.terminal.schedule import show_schedule

    with opened(context) as house:
        lines = publish.due_lines(house, newsletter, now=moment(at), count=count)
        unkept = publish.unkept(house, moment(at))
    if not lines:
        fail(
            "no newsletter has a schedule",
            'write one into digest.toml: schedule = { every = "monday 07:00" }',
            2,
        )
    print_json(lines) if as_json else show_schedule(lines)
    for finding in unkept:
        say(f"{finding.what} {finding.remedy}")


def install_timer(
    context: typer.Context,
    into: Annotated[
        Path | None, typer.Argument(help="The units' folder; the manager's own without.")
    ] = None,
    system: Annotated[
        bool, typer.Option("--system", help="For the whole system, not for you alone.")
    ] = False,
    cron: Annotated[bool, typer.Option("--cron", help="Print a line for crontab.")] = False,
    only_print: Annotated[
        bool, typer.Option("--print", help="Print the units, write nothing.")
    ] = False,
) -> None:
    """Have `digest run` called each minute: write systemd units, or print the line for cron.

    Example: digest -C /srv/weekly install-timer
    Example: digest -C /srv/weekly install-timer --cron
    """
    from digest import publish
    from digest.settings import load

    load(context.obj, environ())
    program = _program()
    if cron:
        sys.stdout.write(publish.cron_line(program, context.obj) + "\n")
        _warn_of_environment()
        return
    units = publish.timer_units(program, context.obj, _owner(context.obj) if system else "")
    if only_print:
        sys.stdout.write(f"# {units.name}.service\n{units.service}\n")
        sys.stdout.write(f"# {units.name}.timer\n{units.timer}")
        return
    home = publish.units_home(system=system)
    folder = into or home or _no_home()
    for path in publish.write_units(units, folder):
        sys.stdout.write(f"{path}\n")
    _warn_of_environment()
    _say_next(units, folder, home, system=system)


def _no_home() -> NoReturn:
    fail(
        "this account has no home folder where its own units could be written",
        "name a folder, say --system or --cron; or keep `digest run --every 60s` running",
        1,
    )


class _Patience:
    """Waits, but not longer than until Ctrl-C or SIGTERM; a second of them ends at once."""

    def __init__(self, seconds: Callable[[], float] = monotonic) -> None:
        self._stop, self._stops = threading.Event(), Stops(seconds)
        self._listen()

    def __call__(self, seconds: float) -> bool:
        """Whether it was told to stop."""
        self._listen()
        return self._stop.wait(seconds)

    def _listen(self) -> None:
        # Anew each time: a send in between has its own way to stop, and takes ours away.
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, self._heard)

    def _heard(self, number: int, frame: FrameType | None) -> None:
        del number, frame
        self._stop.set()
        if self._stops.heard():
            raise KeyboardInterrupt


def _show(done: "list[Done]", as_json: bool, *, always: bool = False) -> None:
    if as_json and (done or always):
        print_json(done)
    for act in [] if as_json else done:
        before = f"{act.newsletter}: " if act.newsletter else ""
        say(f"{before}{act.what}" + (f" — {act.remedy}" if act.remedy else ""))


def _seconds(every: str) -> int:
    if not every:
        return 0
    number, unit = every[:-1], every[-1]
    if not number.isascii() or not number.isdigit() or unit not in "smh":
        raise typer.BadParameter('written "60s", "5m" or "1h"', param_hint="--every")
    seconds = int(number) * {"s": 1, "m": 60, "h": 3600}[unit]
    if not 1 <= seconds <= 3600:
        raise typer.BadParameter("from 1s to 1h", param_hint="--every")
    return seconds


def _program() -> Path:
    for path in (Path(sys.argv[0]), Path(sys.executable).with_name("digest")):
        if path.name == "digest" and path.is_file():
            return path.absolute()
    return fail(
        "the program `digest` was not found beside its Python",
        "call it by its whole path, such as /opt/digest/.venv/bin/digest",
        1,
    )


def _owner(folder: Path) -> str:
    import pwd

    uid = folder.stat().st_uid
    with contextlib.suppress(KeyError):
        return pwd.getpwuid(uid).pw_name
    return str(uid)  # systemd takes the number as well


def _warn_of_environment() -> None:
    ours = sorted(n for n in os.environ if n.startswith("DIGEST_") and n != "DIGEST_FOLDER")
    if ours:
        say(f"{', '.join(ours)}: a timer does not know your shell; write them into digest.env")


def _say_next(units: "TimerUnits", into: Path, home: Path | None, *, system: bool) -> None:
    manager = "systemctl" if system else "systemctl --user"
    link = "" if into == home else f"{manager} link {into.absolute()}/{units.name}.* && "
    say(f"next: {link}{manager} daemon-reload && {manager} enable --now {units.name}.timer")
    if not system:
        say("and, so that it runs while you are logged out: loginctl enable-linger")
