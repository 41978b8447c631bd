"""The verbs of the send: send, status, pause, resume, cancel, resolve.

Never here: a decision about a delivery (`publish`).
"""

import contextlib
import logging
import os
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal, TextIO

import typer

from digest.cli.door import (
    Json,
    Newsletter,
    Number,
    complain,
    fail,
    login_name,
    now,
    opened,
    print_json,
    say,
    say_counts,
)

if TYPE_CHECKING:
    from digest.publish import Account, House, IssueRecord, ReaderLine, RelayLine, Resolved

By = Annotated[str, typer.Option(help="Who decides; written down.")]
Why = Annotated[str, typer.Option(help="Shown by `digest status`.")]
Readers = Annotated[bool, typer.Option("--readers", help="Everybody on the list, one line each.")]
Export = Annotated[
    Path | None,
    typer.Option(help="Write who got it and who did not; .csv, or .json with one a line."),
]
Retry = Literal["refused", "unknown", "expired"]


def send(
    context: typer.Context,
    number: Number = None,
    newsletter: Newsletter = None,
    retry: Annotated[
        Retry | None, typer.Option(help="Send again to those, once more; written down.")
    ] = None,
    by: By = "",
    log: Annotated[
        str, typer.Option(help="A file for a line on each mail event; - is standard error.")
    ] = "",
    as_json: Json = False,
) -> None:
    """Send an approved issue. Safe to run again: who has it, gets no second copy.

    Example: digest send 12
    Example: digest send 12 --retry refused --log mail.log
    """
    from digest import publish
    from digest.terminal.bars import progress_bar
    from digest.terminal.sending import show_account, show_relays

    with opened(context) as house, _logging(log):
        if retry:
            _retry(house, newsletter, number, retry, by)
        with progress_bar("sending") as on_progress:
            account = publish.send(house, newsletter, number, clock=now, on_progress=on_progress)
        relays = publish.relay_lines(house, now())
    print_json(account) if as_json else show_account(account, now())
    show_relays(relays)
    _leave(account, relays)


def status(
    context: typer.Context,
    number: Number = None,
    newsletter: Newsletter = None,
    readers: Readers = False,
    export: Export = None,
    as_json: Json = False,
) -> None:
    """Account for every reader of an issue; and how the sources fare.

    Example: digest status 12 --readers
    Example: digest status 12 --export readers.csv
    """
    from digest import publish
    from digest.terminal.sending import show_account, show_readers, show_relays
    from digest.terminal.sources import show_sources

    with opened(context) as house:
        record = house.issue(house.newsletter(newsletter)[0], number)
        account = publish.account(house, record)
        if export:
            _export(house, record, export)
        lines = list(publish.readers(house, record)) if readers else []
        unknown = list(publish.readers(house, record, ("unknown",)))
        failing = [state for state in house.sources() if state.failing_since]
        said = publish.left_by(house, record)
        relays = publish.relay_lines(house, now())
    if as_json:
        known = {"account": account, "readers": lines, "unknown": unknown, "relays": relays}
        print_json({**known, "failing_sources": failing, **said})
        return
    show_account(account, now())
    show_relays(relays)
    say_counts(said)
    if readers:
        show_readers(lines)
    elif unknown:
        _tell_unknown(unknown)
    show_sources(failing)


def _tell_unknown(lines: "Sequence[ReaderLine]") -> None:
    from digest.terminal.sending import show_readers

    say("Whether these got it, nobody knows: the reply to the final dot never came.")
    show_readers(lines)
    say("decide with `digest resolve`, when their mailbox or the relay's log has told you")


def pause(
    context: typer.Context,
    number: Number = None,
    newsletter: Newsletter = None,
    why: Why = "",
    by: By = "",
) -> None:
    """Stop a sending, from this or any other terminal; what is on the wire ends.

    Example: digest pause 12 --why "the lead story is wrong"
    """
    from digest import publish

    with opened(context) as house:
        record = house.issue(house.newsletter(newsletter)[0], number)
        publish.pause(house, record, why=why, by=by or login_name(), now=now())
    say(f"issue {record.issue.number} is paused; `digest resume` lets it go on")


def resume(
    context: typer.Context,
    number: Number = None,
    newsletter: Newsletter = None,
    by: By = "",
    anyway: Annotated[
        bool, typer.Option("--anyway", help="Also an issue that has paused itself.")
    ] = False,
) -> None:
    """Let a paused sending go on with the next `digest send` or `digest run`.

    Example: digest resume 12
    Example: digest resume 12 --anyway
    """
    from digest import publish

    with opened(context) as house:
        record = house.issue(house.newsletter(newsletter)[0], number)
        who = by or login_name()
        publish.resume(house, record, by=who, now=now(), anyway=anyway)
    say(f"issue {record.issue.number} may go on; next: digest send {record.issue.number}")


def cancel(
    context: typer.Context,
    number: Number = None,
    newsletter: Newsletter = None,
    why: Why = "",
    by: By = "",
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
) -> None:
    """Nobody else gets this issue, ever. Who has it, has it.

    Example: digest cancel 12 --yes --why "sent to the wrong list"
    """
    from digest import publish

    with opened(context) as house:
        record = house.issue(house.newsletter(newsletter)[0], number)
        if not yes and not typer.confirm(
            f"Cancel issue {record.issue.number} for all who do not have it yet?", err=True
        ):
            fail("nothing was cancelled", "add --yes to do it without being asked", 1)
        count = publish.cancel(house, record, why=why, by=by or login_name(), now=now())
    say(f"issue {record.issue.number} is cancelled; {count:,} will not get it")


def resolve(
    context: typer.Context,
    number: Number = None,
    addresses: Annotated[
        list[str] | None, typer.Argument(help="Whose; all that are unknown without any.")
    ] = None,
    sent: Annotated[bool, typer.Option("--sent", help="They have it.")] = False,
    refused: Annotated[bool, typer.Option("--refused", help="They do not, and shall not.")] = False,
    resend: Annotated[bool, typer.Option("--resend", help="Send it once more.")] = False,
    newsletter: Newsletter = None,
    by: By = "",
) -> None:
    """Decide what is to be thought of deliveries whose fate is unknown; it is written down.

    Example: digest resolve 12 ann@example.org --sent
    """
    from digest import publish

    if sent + refused + resend != 1:
        fail("say one of --sent, --refused or --resend", "digest resolve 12 --sent", 2)
    decision: Literal["sent", "refused", "resend"] = (
        "sent" if sent else "refused" if refused else "resend"
    )
    with opened(context) as house:
        record = house.issue(house.newsletter(newsletter)[0], number)
        done = publish.resolve(
            house, record, "unknown", decision, by=by or login_name(), now=now(),
            addresses=addresses or None,
        )  # fmt: skip
    say(f"{done.moved:,} resolved as {decision}")
    _tell_barred("unknown", done)
    if done.moved and resend:
        say(f"next: digest send {record.issue.number}")
    if not (done.moved or done.barred):
        fail("none of those is unknown", "`digest status` lists the unknown", 1)


def _retry(
    house: "House", newsletter: str | None, number: int | None, retry: Retry, by: str
) -> None:
    from digest import publish

    record = house.issue(house.newsletter(newsletter)[0], number)
    who = by or login_name()
    done = publish.resolve(house, record, retry, "resend", by=who, now=now())
    say(f"{done.moved:,} that were {retry} are tried again")
    _tell_barred(retry, done)


def _tell_barred(state: str, done: "Resolved") -> None:
    if done.barred:
        why = ", ".join(f"{count:,} {reason}" for reason, count in done.barred.items())
        say(f"{sum(done.barred.values()):,} stay {state}, for no mail may go to them: {why}")
    if "suppressed" in done.barred:
        say('  `digest subscribers lift ADDRESS --why "…"` lifts a suppression')


def _leave(account: "Account", relays: "Sequence[RelayLine]") -> None:
    number = account.record.issue.number
    if account.paused:
        itself = account.paused_itself
        remedy = f"`digest resume {number}{' --anyway' if itself else ''}` lets it go on"
        fail(f"issue {number} is paused ({account.why})", remedy, 75)
    if account.open or not account.whole:
        untils = [one.until for one in relays]
        moments = [account.next_at, min((u for u in untils if u), default=None)]
        late = max((m for m in moments if m), default=None) if all(untils) else account.next_at
        due = f" from {late:%H:%M} UTC on" if late and late > now() else ""
        say(f"run `digest send` again for those that are left{due}; `digest run` does it by itself")
        raise typer.Exit(75)


def _export(house: "House", record: "IssueRecord", path: Path) -> None:
    from digest import publish

    ending = path.suffix.lower()
    form: Literal["csv", "json"] = "json" if ending == ".json" else "csv"
    if path.name in (".csv", ".json"):
        fail(f"{path} is an ending without a name", f"name the file readers{path.name}", 2)
    if ending not in (".csv", ".json"):
        fail(f"{path} is neither .csv nor .json", "name the file readers.csv", 2)
    try:
        with _replacing(path) as out:
            count = publish.export(house, record, out, form)
    except OSError as error:
        fail(f"{path} could not be written: {error.strerror}", "name another file", 1)
    say(f"wrote {count:,} readers to {path}")


@contextlib.contextmanager
def _replacing(path: Path) -> Iterator[TextIO]:
    """A file that is there whole or not at all. It names readers: a new one is for its owner."""
    path = Path(os.path.realpath(path))  # a link that leads to itself, too
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    fresh = Path(name)
    try:
        with os.fdopen(handle, "w", encoding="utf-8", newline="") as out:
            yield out
        if path.exists():
            fresh.chmod(path.stat().st_mode & 0o7777)
        fresh.replace(path)
    finally:
        fresh.unlink(missing_ok=True)


class _LogFile(logging.FileHandler):
    """One that a full disk stops with a sentence, and the send not at all."""

    _failed = False

    def handleError(self, _record: logging.LogRecord) -> None:  # noqa: N802 - logging's own name
        self._complain(sys.exc_info()[1])

    def close(self) -> None:
        try:
            super().close()
        except OSError as error:
            self._complain(error)

    def _complain(self, error: BaseException | None) -> None:
        if not self._failed:
            what = getattr(error, "strerror", "") or error
            complain(f"{self.baseFilename} cannot be written: {what}", "the send goes on without")
        self._failed = True


@contextlib.contextmanager
def _logging(where: str) -> Iterator[None]:
    if not where:
        yield
        return
    try:
        handler: logging.Handler = (
            logging.StreamHandler(sys.stderr) if where == "-" else _LogFile(where, encoding="utf-8")
        )
    except OSError as error:
        fail(f"{where} cannot be written: {error.strerror}", "name another file with --log", 2)
    handler.setFormatter(logging.Formatter("%(asctime)s digest[%(process)d]: %(message)s"))
    logger = logging.getLogger("digest.mail")
    logger.addHandler(handler)
    logger.setLevel(logging.INFO)
    try:
        yield
    finally:
        logger.removeHandler(handler)
        handler.close()
