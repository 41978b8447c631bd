"""The verbs for whole lists: import and export. They parse, call and print; they decide nothing."""

import gc
import os
import signal
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, nullcontext
from dataclasses import dataclass, field
from errno import EISDIR
from itertools import islice
from operator import attrgetter
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, BinaryIO, cast, get_args

import typer

from subscribers.cli.door import Desk, Newsletter, Stops, lent, newsletter_meant

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from rich.progress import Progress

    from subscribers.exchange import Entry, Kept, Mapping, Sheet, Verdict
    from subscribers.roster import Entering, Session
    from subscribers.suppression import Reason

BATCH = 2_000  # lines in one transaction
# Lines in memory. They are entered in the order of their keys, for neighbours in the index of
# addresses share its pages: to write them anew for each batch took a quarter of a million lines'
# time. Lines of the same key keep their own order, so the same becomes of them.
HELD = 20 * BATCH
_KEY = attrgetter("key")
CAUTION = (
    "listmonk's file says who is enabled, but not who has left one of its lists: "
    "export the confirmed subscribers of one list, or import who left it as well"
)
Column = typer.Option(help="For a sheet of no system that we know: the column of …")


def import_(
    context: typer.Context,
    file: Annotated[Path, typer.Argument(exists=True, dir_okay=False, help="A CSV file or a zip.")],
    evidence: Annotated[str, typer.Option(help="Where their consent comes from.")] = "",
    newsletter: Newsletter = "",
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Report, and change nothing.")] = False,
    suppress: Annotated[
        str, typer.Option(help="Nobody in it is ever to be mailed: bounce, complaint, …")
    ] = "",
    email: Annotated[str, typer.Option(help="In a sheet of your own: the address column.")] = "",
    status: Annotated[str, typer.Option(help="… the column that says who may be mailed.")] = "",
    active: Annotated[
        list[str] | None, typer.Option(help="… and which of its values say so; repeatable.")
    ] = None,
    sections: Annotated[str, typer.Option(help="… the column of sections.")] = "",
    format_: Annotated[str, typer.Option("--format", help="… the column html or text.")] = "",
    language: Annotated[str, typer.Option(help="… the column of the language.")] = "",
    since: Annotated[str, typer.Option(help="… the column of when they consented.")] = "",
) -> None:
    """Import a list: ours, listmonk's, Mailchimp's (also the zip), Substack's, Ghost's, …

    Each line is reported as new, changed, unchanged, skipped or refused, and why; none stops
    another. Nobody who left, bounced or is suppressed here becomes active by it. With --dry-run
    the report is the same, and nothing is changed.
    """
    desk = lent(context)
    slug = newsletter_meant(desk, newsletter) if newsletter or len(desk.newsletters) == 1 else ""
    reason = _reason(suppress)
    mapping = None
    if email:
        from subscribers.exchange import Mapping

        mapping = Mapping(email, status, tuple(active or ()), sections, format_, language, since)
    elif status or active or sections or format_ or language or since:
        raise typer.BadParameter("Columns are named together with --email COLUMN.")
    report = _imported(desk, file, slug, evidence.strip(), dry_run, mapping, reason)
    counted = ", ".join(f"{number} {change}" for change, number in report.totals.items())
    nothing = " Nothing was changed: this was a dry run." if dry_run else ""
    who = f" {report.mailed} of the new will get mail." if report.totals["new"] else ""
    typer.echo(f"{counted or 'The file has no rows'}.{who}{nothing}", err=True)


@dataclass(slots=True)
class _Report:
    """Tells of each line what became of it; `mailed` counts who will get mail by it."""

    totals: Counter[str] = field(default_factory=Counter)
    mailed: int = 0

    def tell(self, name: str, entries: "list[Entry]", verdicts: "dict[int, Verdict]") -> None:
        """Of those that have a verdict, known by their lines' numbers."""
        told = [(entry, verdicts[entry.line]) for entry in entries if entry.line in verdicts]
        self.totals.update(verdict.change for _, verdict in told)
        self.mailed += sum(verdict.mails for _, verdict in told)
        sys.stdout.writelines(_line(name, entry, verdict) for entry, verdict in told)


def _imported(
    desk: Desk, file: Path, slug: str, evidence: str, dry_run: bool,
    mapping: "Mapping | None", reason: "Reason | None",
) -> _Report:  # fmt: skip
    """Enter the file and report each line."""
    from subscribers.exchange import entries, sheets
    from subscribers.roster import Entering

    _look_for_no_circles()
    entering = Entering(
        slug, how="import", evidence=evidence, now=desk.now(), keys=desk.keys, pretend=dry_run
    )
    report = _Report()
    with ExitStack() as stack:
        read = stack.enter_context(_opened(file))  # waits where it is a terminal
        stopping = stack.enter_context(_stopping())
        bar = stack.enter_context(_bar())
        task = bar.add_task(file.name, total=file.stat().st_size)
        # A dry run is one session: it must see what its earlier lines would have done.
        pretending = stack.enter_context(desk.reading()) if dry_run else None
        before = 0
        for sheet in sheets(read, file.name):
            _refuse_unproven(sheet, evidence, reason)
            _refuse_unnamed(desk, sheet, slug, reason)
            rows = entries(sheet, mapping, suppress=reason)
            name = "" if sheet.name == file.name else f"{sheet.name}:"
            while held := list(islice(rows, HELD)):
                verdicts: dict[int, Verdict] = {}
                try:
                    for found in _entered(desk, entering, held, pretending):
                        verdicts |= found
                        stopping()
                        done = len(verdicts) / len(held)
                        bar.update(task, completed=before + done * (read.tell() - before))
                finally:  # also where it ends in the middle: what is kept has been told
                    report.tell(name, held, verdicts)
                before = read.tell()
                del held, verdicts  # before others take their place
                gc.collect()  # libraries make a few circles all the same
    return report


@contextmanager
def _opened(file: Path) -> "Iterator[BinaryIO]":
    """A list to be read, more than once to know its encoding: a pipe's is put down for that."""
    import shutil
    import tempfile

    with file.open("rb") as read:
        if read.seekable():
            yield read
            return
        with tempfile.TemporaryFile() as whole:
            shutil.copyfileobj(read, whole)
            whole.seek(0)
            yield cast(BinaryIO, whole)


def _look_for_no_circles() -> None:
    # Millions of small values come and go, none of them in a circle: looking for circles among
    # them, and among all that was loaded before, costs a fifth of the time.
    gc.disable()
    gc.freeze()


@contextmanager
def _stopping() -> "Iterator[Callable[[], None]]":
    """What ends the work where Ctrl-C or SIGTERM has come since: between two batches, so that
    whatever is kept is reported, too. A second one ends it at once."""
    stops = Stops()

    def hear(number: int, frame: object) -> None:
        del number, frame
        if stops.heard():
            raise KeyboardInterrupt

    def stop() -> None:
        if stops.asked:
            raise KeyboardInterrupt

    before = {number: signal.signal(number, hear) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield stop
        stop()
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _entered(
    desk: Desk, entering: "Entering", held: "list[Entry]", pretending: "Session | None"
) -> "Iterator[dict[int, Verdict]]":
    """The verdicts of each batch, by the numbers of their lines, once they are kept."""
    lines = entering.addressed(held)
    if len(lines) > BATCH:
        lines.sort(key=_KEY)
    for start in range(0, len(lines), BATCH):
        batch = lines[start : start + BATCH]
        with nullcontext(pretending) if pretending is not None else desk.writing() as session:
            verdicts = entering.enter(session, batch)
        yield dict(zip((one.entry.line for one in batch), verdicts, strict=True))


def _line(name: str, entry: "Entry", verdict: "Verdict") -> str:
    why = f"  {verdict.why}" if verdict.why else ""
    return f"{name}{entry.line:>7}  {verdict.change:9}  {entry.address}{why}\n"


def _refuse_unproven(sheet: "Sheet", evidence: str, reason: "Reason | None") -> None:
    from subscribers.exchange import system

    known = system(sheet)
    if known == "listmonk":
        typer.echo(f"Note: {CAUTION}.", err=True)
    proven = known.startswith(("ours", "suppressions")) and "proof" in sheet.header
    if not (evidence or reason or proven or known.startswith("suppressions")):
        raise typer.BadParameter(
            "--evidence must say where their consent comes from; it is kept as the proof."
        )


def _refuse_unnamed(desk: Desk, sheet: "Sheet", slug: str, reason: "Reason | None") -> None:
    """Who is never to be mailed gets no newsletter; all others are of one."""
    from subscribers.exchange import system

    if not (slug or reason or system(sheet).startswith("suppressions")):
        newsletter_meant(desk, "")


def _reason(text: str) -> "Reason | None":
    from subscribers.suppression import Reason

    if text and text not in get_args(Reason):
        raise typer.BadParameter(f"--suppress is one of {', '.join(get_args(Reason))}.")
    return cast("Reason", text) if text else None


def _bar() -> "Progress":
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TimeRemainingColumn

    screen = Console(stderr=True)
    # A bar among lines that scroll by would only garble them: with a report on the same screen,
    # the report is the progress.
    quiet = sys.stdout.isatty() or not screen.is_terminal
    columns = "{task.description}", BarColumn(), "{task.percentage:>3.0f} %", TimeRemainingColumn()
    return Progress(*columns, console=screen, transient=True, disable=quiet)


def export(
    context: typer.Context,
    newsletter: Newsletter = "",
    to: Annotated[
        str, typer.Option(help="ours, listmonk, mailchimp, substack, ghost, beehiiv or keila.")
    ] = "ours",
    out: Annotated[Path | None, typer.Option(help="Write this file (mailchimp: a zip).")] = None,
    mailable: Annotated[bool, typer.Option("--mailable", help="Only who may be mailed.")] = False,
    suppressions: Annotated[
        bool, typer.Option("--suppressions", help="Instead: who must never be mailed.")
    ] = False,
) -> None:
    """Export a newsletter's readers, those who left included, with the proof of their consent.

    `import` reads it again, and nothing differs. Cells that a spreadsheet would take for formulas
    are made harmless.
    """
    from subscribers.exchange import OUTGOING

    if to not in OUTGOING:
        raise typer.BadParameter(f"--to is one of {', '.join(OUTGOING)}.")
    if to == "mailchimp" and out is None:
        raise typer.BadParameter("Mailchimp's is a zip of several files: name it with --out.")
    desk = lent(context)
    slug = "" if suppressions else newsletter_meant(desk, newsletter)
    with ExitStack() as stack:
        file = stack.enter_context(_taking_place(out) if out else _pouring_out())
        session = stack.enter_context(desk.reading())
        if suppressions:
            _write_suppressions(session, file, desk.keys)
            return
        people = _kept(session, slug, mailable)
        _zip(file, people) if to == "mailchimp" else _write(file, people, to)


@contextmanager
def _taking_place(out: Path) -> "Iterator[BinaryIO]":
    """A file that takes the place of `out` once it is whole; until then what stands there stays."""
    from subscribers.errors import SubscriberError

    place = Path(os.path.realpath(out))  # a link that leads to itself, too
    try:
        if place.exists() and not (place.is_file() or place.is_dir()):  # a pipe, a device
            with place.open("wb") as file:
                yield file
            return
        if place.is_dir():
            raise IsADirectoryError(EISDIR, "it is a folder")
        beside = place.with_name(f".{place.name}.{os.getpid()}.part")
        try:
            beside.touch(0o600)
            with beside.open("wb") as file:
                yield file
            beside.replace(place)
        finally:
            beside.unlink(missing_ok=True)
    except OSError as error:
        raise SubscriberError(
            f"{out} could not be written: {error.strerror}", remedy="name another file with --out"
        ) from error


@contextmanager
def _pouring_out() -> "Iterator[BinaryIO]":
    """Standard output, which may be a file on a full disk."""
    from subscribers.errors import SubscriberError

    try:
        yield sys.stdout.buffer
        sys.stdout.buffer.flush()
    except BrokenPipeError:  # who reads it has had enough
        raise
    except OSError as error:
        with Path(os.devnull).open("wb") as nowhere:  # for what still waits to be written
            os.dup2(nowhere.fileno(), 1)
        raise SubscriberError(
            f"the list could not be written: {error.strerror}", remedy="name a file by --out"
        ) from error


def _kept(session: "Session", slug: str, mailable: bool) -> "Iterator[Kept]":
    from subscribers import roster

    after = 0
    while page := roster.kept(session, slug, after=after):
        for kept in page:
            if not mailable or (kept.state == "confirmed" and kept.suppressed is None):
                yield kept
        after = page[-1].subscriber


def _write(file: BinaryIO, people: "Iterator[Kept]", to: str) -> None:
    from subscribers.exchange import OUTGOING

    outgoing = OUTGOING[to]
    write = _writer(file)
    write(outgoing.header)
    for kept in people:
        write(outgoing.cells(kept))


def _zip(file: BinaryIO, people: "Iterator[Kept]") -> None:
    """The files of one zip are written side by side, so they wait in temporary ones."""
    import tempfile
    import zipfile

    from subscribers.exchange import OUTGOING

    outgoing = OUTGOING["mailchimp"]
    with ExitStack() as stack:
        files = {
            name: stack.enter_context(tempfile.TemporaryFile())
            for name in ("subscribed", "unsubscribed", "cleaned")
        }
        writers = {name: _writer(cast(BinaryIO, parted)) for name, parted in files.items()}
        for name, write in writers.items():
            write(outgoing.header_of(name))
        for kept in people:
            writers[outgoing.file(kept)](outgoing.cells(kept))
        with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
            for name, parted in files.items():
                parted.seek(0)
                with archive.open(f"{name}_members_export.csv", "w") as member:
                    while block := parted.read(1 << 20):
                        member.write(block)


def _write_suppressions(session: "Session", file: BinaryIO, keys: "Sequence[bytes]") -> None:
    from subscribers import roster
    from subscribers.exchange import defused

    write = _writer(file)
    from subscribers.suppression import key_name

    write(("address", "address_hash", "reason", "how", "at"))
    after, name = 0, key_name(keys)
    while page := roster.suppressions(session, after=after):
        for after, address, hashed, reason, how, at in page:  # noqa: B007 - the last one counts
            # The way may be another list's word, and so anything.
            cells = (address, f"{name}:{hashed}", reason, how, at.isoformat())
            write(tuple(map(defused, cells)))


def _writer(file: BinaryIO) -> "Callable[[Iterable[object]], object]":
    import codecs

    from subscribers.exchange import writer

    return writer(codecs.getwriter("utf-8")(file))
