"""The operator's verbs over the roster: they parse, call and print. They decide nothing.

Data goes to stdout, talk to stderr. Errors leave as SubscriberError and are shown by the outer
door. Kept light: everything but typer is imported when a verb runs.
"""

import sys
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager
from dataclasses import fields, is_dataclass, replace
from datetime import datetime
from itertools import chain, islice
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Protocol, cast, get_args

import typer

if TYPE_CHECKING:
    from subscribers.exchange import Entry
    from subscribers.preferences import Preferences
    from subscribers.roster import Listed, Profile, Session

BATCH = 1000  # rows of an import in one transaction


class Desk(Protocol):
    """What the application lends the verbs. `keys` has the newest first; `now` is aware, UTC."""

    @property
    def keys(self) -> tuple[bytes, ...]:
        """The keys of suppressions."""

    @property
    def newsletters(self) -> tuple[str, ...]:
        """The slugs that settings know."""

    def reading(self) -> "AbstractContextManager[Session]":
        """A session for questions."""

    def writing(self) -> "AbstractContextManager[Session]":
        """A session that is committed on leaving, unless an error leaves too."""

    def now(self) -> datetime:
        """The time."""


Addresses = Annotated[list[str], typer.Argument(help="One or more bare mail addresses.")]
Address = Annotated[str, typer.Argument(help="A bare mail address.")]
Newsletter = Annotated[
    str, typer.Option("--newsletter", "-n", help="Its slug; not needed when there is only one.")
]
Json = Annotated[bool, typer.Option("--json", help="As JSON.")]


def commands(door: Callable[[], Desk]) -> typer.Typer:
    """`digest subscribers …`. The door is opened when a verb runs, not before."""
    app = typer.Typer(no_args_is_help=True, help="Who gets which newsletter.")

    def lend(context: typer.Context) -> None:
        context.obj = door

    app.callback()(lend)
    for name, verb, example in (
        ("add", add, "add ann@example.org --section Global --section Opinion"),
        ("import", import_, 'import readers.csv --evidence "signed up at the spring fair"'),
        ("export", export, "export --newsletter weekly > readers.csv"),
        ("list", list_, "list --newsletter weekly --json"),
        ("show", show, "show ann@example.org"),
        ("suppress", suppress, "suppress ann@example.org --reason request"),
        ("forget", forget, "forget ann@example.org --yes"),
    ):
        app.command(name, epilog=f"Example: digest subscribers {example}")(verb)
    return app


def add(
    context: typer.Context,
    addresses: Addresses,
    newsletter: Newsletter = "",
    section: Annotated[
        list[str] | None, typer.Option("--section", help="Only this section; repeatable.")
    ] = None,
    text: Annotated[bool, typer.Option("--text", help="Plain text, no HTML.")] = False,
) -> None:
    """Add readers whose consent you have. One that is refused, and none is added."""
    from subscribers import roster
    from subscribers.preferences import Preferences

    desk = _desk(context)
    slug = _newsletter(desk, newsletter)
    chosen = None
    if section or text:
        chosen = Preferences(frozenset(section) if section else None, "text" if text else "html")
    with desk.writing() as session:
        for address in addresses:
            done = roster.enrol(
                session, address, slug, chosen, how="operator", now=desk.now(), keys=desk.keys
            )
            typer.echo(f"{done.change:9}  {address}")


def list_(context: typer.Context, newsletter: Newsletter = "", as_json: Json = False) -> None:
    """List subscriptions, of one newsletter or of all."""
    desk = _desk(context)
    slug = _newsletter(desk, newsletter) if newsletter else None
    with desk.reading() as session:
        lines = list(_listed(session, slug))
    if as_json:
        _json(lines)
        return
    _table(
        ("Number", "Address", "Newsletter", "State", "Sections", "Format", "Confirmed"),
        [
            (
                str(line.subscriber),
                line.address,
                line.newsletter,
                "suppressed" if line.suppressed else line.state,
                _sections(line.preferences),
                line.preferences.format,
                f"{line.confirmed_at:%Y-%m-%d}" if line.confirmed_at else "",
            )
            for line in lines
        ],
    )


def show(context: typer.Context, address: Address, as_json: Json = False) -> None:
    """Show all that is kept on a person: the answer to an access request."""
    from subscribers import roster

    with _desk(context).reading() as session:
        person = roster.find(session, address)
    if as_json:
        _json(person)
        return
    suppressed = ", suppressed" if person.suppressed else ""
    since = f"{person.created_at:%Y-%m-%d %H:%M} UTC"
    typer.echo(f"{person.address}, number {person.subscriber}, since {since}{suppressed}")
    _subscriptions(person)


def _subscriptions(person: "Profile") -> None:
    for kept in person.subscriptions:
        sections = _sections(kept.preferences)
        typer.echo(f"\n{kept.newsletter}: {kept.state}; {sections}; {kept.preferences.format}")
        _table(
            ("When (UTC)", "What", "How", "Issue", "Evidence"),
            [
                (
                    f"{event.at:%Y-%m-%d %H:%M:%S}",
                    event.kind,
                    event.how,
                    str(event.issue or ""),
                    event.evidence,
                )
                for event in kept.events
            ],
        )


def suppress(
    context: typer.Context,
    address: Address,
    reason: Annotated[
        str, typer.Option(help="bounce, complaint, request or operator.")
    ] = "operator",
) -> None:
    """Never mail an address again, whatever is imported later."""
    from subscribers import roster
    from subscribers.suppression import Reason

    if reason not in get_args(Reason):
        raise typer.BadParameter(f"--reason is one of {', '.join(get_args(Reason))}.")
    desk = _desk(context)
    why = cast(Reason, reason)
    with desk.writing() as session:
        new = roster.suppress(
            session, address, reason=why, how="operator", now=desk.now(), keys=desk.keys
        )
    typer.echo(f"{address} is {'now' if new else 'already'} suppressed.", err=True)


def forget(
    context: typer.Context,
    address: Address,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
) -> None:
    """Erase a person. Only a suppression stays, as a hash that does not name them."""
    from subscribers import roster

    desk = _desk(context)
    with desk.reading() as session:
        person = roster.find(session, address)
    if not yes:
        typer.confirm(f"Erase {person.address}? This can't be undone.", abort=True, err=True)
    with desk.writing() as session:
        erased = roster.forget(session, address, now=desk.now(), keys=desk.keys)
    _table(("Table", "Rows erased"), [(table, str(rows)) for table, rows in erased.items()])


def import_(
    context: typer.Context,
    file: Annotated[Path, typer.Argument(exists=True, dir_okay=False, help="A CSV file.")],
    evidence: Annotated[str, typer.Option(help="Where their consent comes from.")],
    newsletter: Newsletter = "",
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Report, and change nothing.")] = False,
) -> None:
    """Import readers from a CSV file: address[,sections][,format], sections separated by ";".

    Each line is reported as new, changed, unchanged or refused; a refused one stops no other.
    """
    from rich.console import Console
    from rich.progress import open as watched

    from subscribers.exchange import entries

    desk = _desk(context)
    slug = _newsletter(desk, newsletter)
    if not evidence.strip():
        raise typer.BadParameter("--evidence must say where their consent comes from.")
    screen = Console(stderr=True)
    # A bar among lines that scroll by would only garble them: with a report on the same screen,
    # the report is the progress.
    quiet = sys.stdout.isatty() or not screen.is_terminal
    totals: Counter[str] = Counter()
    with watched(
        file, "rt", encoding="utf-8-sig", errors="replace", newline="",
        description=file.name, console=screen, transient=True, disable=quiet,
    ) as lines:  # fmt: skip
        for entry, change in _entered(desk, entries(lines), slug, evidence, dry_run):
            totals[change] += 1
            why = f"  {entry.refused}" if entry.refused else ""
            typer.echo(f"{entry.line:>7}  {change:9}  {entry.address}{why}")
    counted = ", ".join(f"{number} {change}" for change, number in totals.items())
    nothing = " Nothing was changed: this was a dry run." if dry_run else ""
    typer.echo(f"{counted or 'The file has no rows'}.{nothing}", err=True)


def _entered(
    desk: Desk, rows: "Iterator[Entry]", slug: str, evidence: str, dry_run: bool
) -> "Iterator[tuple[Entry, str]]":
    """Enter the rows, a transaction for each batch; a dry run takes one and rolls it back."""
    for first in rows:
        with desk.writing() as session:
            for entry in chain([first], islice(rows, None if dry_run else BATCH - 1)):
                yield _enter(session, desk, entry, slug, evidence)
            if dry_run:
                session.rollback()


def _enter(
    session: "Session", desk: Desk, entry: "Entry", slug: str, evidence: str
) -> "tuple[Entry, str]":
    from subscribers import roster
    from subscribers.errors import SubscriberError

    if entry.refused:
        return entry, "refused"
    try:
        done = roster.enrol(
            session, entry.address, slug, entry.preferences,
            how="import", now=desk.now(), keys=desk.keys, evidence=evidence,
        )  # fmt: skip
    except SubscriberError as error:
        return replace(entry, refused=error.what), "refused"
    return entry, done.change


def export(context: typer.Context, newsletter: Newsletter = "") -> None:
    """Export who may be mailed, as a CSV file that `import` reads."""
    import csv

    from subscribers import roster
    from subscribers.exchange import HEADER, cells

    desk = _desk(context)
    slug = _newsletter(desk, newsletter)
    sheet = csv.writer(sys.stdout, lineterminator="\n")
    sheet.writerow(HEADER)
    with desk.reading() as session:
        after = 0
        while page := roster.recipients(session, slug, after=after):
            sheet.writerows(cells(person) for person in page)
            after = page[-1].subscriber


def _desk(context: typer.Context) -> Desk:
    desk: Desk = context.obj()
    return desk


def _newsletter(desk: Desk, given: str) -> str:
    """The newsletter that is meant; a usage error when that is unclear."""
    if given in desk.newsletters:
        return given
    if not given and len(desk.newsletters) == 1:
        return desk.newsletters[0]
    raise typer.BadParameter(f"--newsletter is one of {', '.join(desk.newsletters) or '(none)'}.")


def _listed(session: "Session", slug: str | None) -> "Iterator[Listed]":
    from subscribers import roster

    after = 0
    while page := roster.listing(session, slug, after=after):
        yield from page
        after = page[-1].subscription


def _sections(preferences: "Preferences") -> str:
    if preferences.sections is None:
        return "everything"
    return ", ".join(sorted(preferences.sections)) or "nothing"


def _table(columns: tuple[str, ...], rows: "Iterable[tuple[str, ...]]") -> None:
    """An aligned table on stdout; in a pipe as wide as it needs to be."""
    from rich.console import Console
    from rich.table import Table

    table = Table(*columns, box=None, pad_edge=False, header_style="bold")
    for row in rows:
        # Readers wrote some of this: no escape sequence of theirs reaches a terminal.
        table.add_row(*("".join(c if c.isprintable() else "?" for c in cell) for cell in row))
    width = None if sys.stdout.isatty() else 10_000
    Console(width=width, markup=False, emoji=False, highlight=False).print(table)


def _json(value: object) -> None:
    import json

    typer.echo(json.dumps(value, default=_plain, ensure_ascii=False, indent=2))


def _plain(value: object) -> object:
    if is_dataclass(value) and not isinstance(value, type):
        return {field.name: getattr(value, field.name) for field in fields(value)}
    return value.isoformat() if isinstance(value, datetime) else sorted(cast(frozenset[str], value))
