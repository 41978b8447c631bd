"""What every verb shares: options, the house, and how the door speaks.

Standard output is data, standard error is talk. Never here: a verb.
"""

import contextlib
import gc
import getpass
import json
import os
import sys
from collections.abc import Callable, Iterator
from dataclasses import asdict, is_dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NoReturn

import typer

from subscribers.cli.door import refuse_no_text

if TYPE_CHECKING:
    from digest.publish import House

Newsletter = Annotated[
    str | None, typer.Option("--newsletter", "-n", help="Which, if there are several.")
]
MOST = 2**31 - 1  # what the database can count to
Number = Annotated[
    int | None,
    typer.Argument(min=1, max=MOST, help="The issue's number; the newest without one."),
]
Seen = Annotated[
    int | None,
    typer.Option("--version", min=0, max=MOST, help="Refuse if it is no longer at this version."),
]
Json = Annotated[bool, typer.Option("--json", help="For machines.")]
At = Annotated[
    datetime | None,
    typer.Option(
        "--at",
        formats=["%Y-%m-%d", "%Y-%m-%dT%H:%M"],
        help="As if it were this moment (UTC).",
    ),
]


@contextlib.contextmanager
def unswept() -> Iterator[None]:
    """Without the collector of garbage: a command of a second leaves it nothing worth finding.

    While the program loads, it would look again and again at what is there to stay.
    """
    was = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was:
            gc.enable()


@contextlib.contextmanager
def opened(context: typer.Context) -> "Iterator[House]":
    refuse_no_text(context)
    with opened_in(context.obj) as house:
        yield house


@contextlib.contextmanager
def opened_in(folder: Path) -> "Iterator[House]":
    from digest.publish import open_house

    with open_house(folder, environ()) as house:
        yield house


def now() -> datetime:
    return datetime.now(UTC)


def moment(at: datetime | None) -> datetime:
    # Days and weeks are reckoned around it, and the calendar has an end.
    if at and not 1970 <= at.year <= 2999:
        raise typer.BadParameter("a moment from 1970 to 2999", param_hint="--at")
    return at.replace(tzinfo=UTC) if at else now()


def login_name() -> str:
    # What is written down where nobody says --by. A container runs under numbers without names.
    with contextlib.suppress(OSError, KeyError):
        return getpass.getuser()
    return f"uid {os.getuid()}"


def environ() -> dict[str, str]:
    return dict(os.environ)


def myself() -> str:
    # What a newcomer can type: the bare name where the shell finds it, else the path of this run.
    import shutil

    found = shutil.which("digest")
    started = Path(sys.argv[0])
    if found and Path(found).resolve() == started.resolve():
        return "digest"
    with contextlib.suppress(ValueError):
        return str(started.resolve().relative_to(Path.cwd()))
    return str(started)


def announce(what: str, browser: bool, path: str = "") -> Callable[[str], None]:
    def announce(root: str) -> None:
        import webbrowser

        url = root + path
        say(f"{what}: {url} (Ctrl-C ends it)")
        if browser and sys.stderr.isatty():
            webbrowser.open(url)

    return announce


def print_json(value: object) -> None:
    sys.stdout.write(json.dumps(_plain(value), ensure_ascii=False, indent=2, default=str) + "\n")


def _plain(value: Any) -> Any:
    if is_dataclass(value) and not isinstance(value, type):
        return asdict(value)
    if isinstance(value, (list, tuple)):
        return [_plain(item) for item in value]
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    return value


def say_counts(counts: dict[str, dict[str, int]]) -> None:
    for name, found in counts.items():
        if found:
            near = "next to story " if name == "left_near" else ""
            told = ", ".join(f"{count} {near}{what}" for what, count in found.items())
            sys.stdout.write(f"{name.replace('_', ' ')}: {told}\n")


def say(sentence: str) -> None:
    sys.stderr.write(sentence + "\n")


def complain(what: str, remedy: str) -> None:
    sys.stderr.write(f"digest: {what}\n" + (f"  {remedy}\n" if remedy else ""))


def fail(what: str, remedy: str, code: int) -> NoReturn:
    complain(what, remedy)
    raise typer.Exit(code)


def version(wanted: bool) -> None:
    if wanted:
        from importlib.metadata import version

        sys.stdout.write(f"digest {version('digest')}\n")
        raise typer.Exit
