"""What the operator's verbs share: what the application lends them, and how they show things.

Data goes to stdout, talk to stderr. Never here: a verb.
"""

import os
import sys
from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager
from dataclasses import fields, is_dataclass
from datetime import datetime
from time import monotonic
from typing import TYPE_CHECKING, Annotated, Protocol, cast

import typer

if TYPE_CHECKING:
    from subscribers.roster import Session


BREATH = 1.0  # seconds after the first signal in which no other counts


class Stops:
    """Signals to stop, as they are heard.

    Two in one breath are one: timeout(1), make and terminals hand the same Ctrl-C on twice.
    """

    def __init__(self, seconds: Callable[[], float] = monotonic) -> None:
        self._seconds = seconds
        self._first: float | None = None

    @property
    def asked(self) -> bool:
        """Whether one was heard."""
        return self._first is not None

    def heard(self) -> bool:
        """Note one more. Whether it is a second, of somebody who will not wait."""
        if self._first is None:
            self._first = self._seconds()
            return False
        return self._seconds() - self._first >= BREATH


class Desk(Protocol):
    """What the application lends the verbs. `keys` has the newest first; `now` is aware, UTC."""

    @property
    def keys(self) -> tuple[bytes, ...]:
        """The keys of suppressions."""

    @property
    def user(self) -> str:
        """Who works here, by the login: what is kept where nobody says --by."""

    @property
    def newsletters(self) -> tuple[str, ...]:
        """The slugs that settings know."""

    def reading(self) -> "AbstractContextManager[Session]":
        """A session for questions."""

    def writing(self) -> "AbstractContextManager[Session]":
        """A session that is committed on leaving, unless an error leaves too."""

    def now(self) -> datetime:
        """The time."""

    def deliveries(self, session: "Session", subscriber: int) -> list[dict[str, object]]:
        """What was mailed to this person, as far as it is kept."""

    def interventions(self, session: "Session", subscriber: int) -> list[dict[str, object]]:
        """What people decided about what was mailed to this person."""

    def forget_deliveries(self, session: "Session", subscriber: int) -> int:
        """Erase from what was mailed all that names the person; how many deliveries."""


Addresses = Annotated[list[str], typer.Argument(help="One or more bare mail addresses.")]
Address = Annotated[str, typer.Argument(help="A bare mail address.")]
Newsletter = Annotated[
    str, typer.Option("--newsletter", "-n", help="Its slug; not needed when there is only one.")
]
Json = Annotated[bool, typer.Option("--json", help="As JSON.")]


def lent(context: typer.Context) -> Desk:
    """The desk, opened now."""
    refuse_no_text(context)
    desk: Desk = context.obj()
    return desk


def refuse_no_text(context: typer.Context) -> None:
    """A usage error where a word came in bytes that are no UTF-8, as of a terminal that is set to
    something else: no book keeps it, and a list of readers with it could not be written any more.
    """
    for param in context.command.params:
        given = context.params.get(param.name or "")
        words = given if isinstance(given, (list, tuple)) else [given]
        if any(isinstance(word, str) and _is_no_text(word) for word in words):
            raise typer.BadParameter(f"{param.opts[0]} is no UTF-8: set the terminal to UTF-8.")


def _is_no_text(word: str) -> bool:
    # The name of a file may be any bytes.
    return any("\udc80" <= c <= "\udcff" for c in word) and not os.path.lexists(word)


def newsletter_meant(desk: Desk, given: str) -> str:
    """The newsletter that is meant; a usage error when that is unclear."""
    if given in desk.newsletters:
        return given
    if not given and len(desk.newsletters) == 1:
        return desk.newsletters[0]
    raise typer.BadParameter(f"--newsletter is one of {', '.join(desk.newsletters) or '(none)'}.")


def table(columns: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> None:
    """Aligned columns on stdout."""
    from rich.console import Console
    from rich.table import Table

    shown = Table(*columns, box=None, pad_edge=False, header_style="bold")
    for row in rows:
        # Readers wrote some of this: no escape sequence of theirs reaches a terminal.
        shown.add_row(*map(printable, row))
    width = None if sys.stdout.isatty() else 10_000
    Console(width=width, markup=False, emoji=False, highlight=False).print(shown)


def printable(text: str) -> str:
    """Text of strangers, fit for a terminal."""
    return "".join(c if c.isprintable() else "?" for c in text)


def json(value: object) -> None:
    """JSON on stdout."""
    from json import dumps

    typer.echo(dumps(value, default=_plain, ensure_ascii=False, indent=2))


def _plain(value: object) -> object:
    if is_dataclass(value) and not isinstance(value, type):
        return {field.name: getattr(value, field.name) for field in fields(value)}
    return value.isoformat() if isinstance(value, datetime) else sorted(cast(frozenset[str], value))
