"""`digest bounces`: read what came back, list it, and say how a report was understood."""

import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from digest.cli.door import MOST, Json, fail, now, opened, print_json, say

if TYPE_CHECKING:
    from digest.publish import Received

KINDS = ("bounce", "delayed", "complaint", "reply", "leaving", "note", "unknown")

app = typer.Typer(no_args_is_help=True, help="Bounces, complaints, and mail that unsubscribes.")


@app.command()
def read(
    context: typer.Context,
    files: Annotated[
        list[Path] | None, typer.Argument(help="Files with one mail each; - is standard input.")
    ] = None,
    maildir: Annotated[Path | None, typer.Option(help="Read this Maildir instead.")] = None,
    as_json: Json = False,
) -> None:
    """Take in reports: the mailbox of digest.toml, a Maildir, files, or the mail server's pipe.

    Nothing is deleted, and the same report twice counts once. With a pipe, any error exits with
    75, so that the mail server keeps the mail and comes again.

    Example: digest bounces read

    Example: digest bounces read - < report.eml
    """
    from digest import publish

    done: list[Received] = []
    try:
        with opened(context) as house:
            for source, arrived in publish.arrivals(house, files or [], maildir, sys.stdin.buffer):
                for received in publish.receive_all(house, arrived, source=source, now=now()):
                    done.append(received)
                    if not as_json:  # at once: a large mailbox takes minutes, and may break off
                        known = "" if received.new else " (known)"
                        sys.stdout.write(f"{_line(received)}{known}\n")
    except Exception as error:
        if as_json and done:  # these are kept, and come no more
            print_json(done)
        # Whatever is wrong here, settings as well: a report that is not kept must not be lost.
        if "-" in map(str, files or []):
            remedy = getattr(error, "remedy", "")
            fail(f"the report could not be kept: {error}", remedy or "it will be tried again", 75)
        raise
    if as_json:
        print_json(done)
        return
    say(f"{len(done)} read, {sum(received.new for received in done)} new")


@app.command("list")
def list_(
    context: typer.Context,
    kind: Annotated[
        list[str] | None,
        typer.Option(help=f"{', '.join(KINDS)}; repeatable."),
    ] = None,
    limit: Annotated[int, typer.Option(min=1, max=MOST, help="The newest so many.")] = 100,
    as_json: Json = False,
) -> None:
    """List what came back, newest first, and count it by kind. What was not understood is kept.

    Example: digest bounces list --kind unknown --json
    """
    from digest import publish

    for asked in kind or ():
        if asked not in KINDS:
            raise typer.BadParameter(f"--kind is one of {', '.join(KINDS)}.")
    with opened(context) as house:
        found, counts = publish.reports(house, kinds=tuple(kind or ()), limit=limit)
    if as_json:
        print_json({"counts": counts, "reports": found})
        return
    for told in found:
        who = str(told.subscriber or "-")
        words = f"{told.status} {told.diagnostic}".strip()[:80]
        sys.stdout.write(
            f"{told.id:>6}  {told.at:%Y-%m-%d %H:%M}  {told.kind:9}  {told.fault or '':7}  "
            f"{who:>7}  {told.did or '-':24}  {_shown(words)}\n"
        )
    say(", ".join(f"{number} {name}" for name, number in sorted(counts.items())) or "nothing yet")


@app.command()
def explain(
    context: typer.Context,
    report: Annotated[str, typer.Argument(help="A number from the list, or a file.")],
    as_json: Json = False,
) -> None:
    """How a report is understood: its kind, whose fault, about whom. Changes nothing.

    Example: digest bounces explain 17

    Example: digest bounces explain report.eml
    """
    from digest import publish

    with opened(context) as house:
        if re.fullmatch(r"[0-9]{1,9}", report):  # what a column holds
            understood = publish.explain_number(house, int(report))
            if understood is None:
                fail(f"there is no report {report}, or its bytes were not kept", "see the list", 1)
        else:
            try:
                raw = Path(report).read_bytes()
            except (OSError, ValueError) as error:
                why = getattr(error, "strerror", None) or "that is no name of a file"
                fail(f"{report} could not be read: {why}", "name a file or a number", 2)
            understood = publish.explain_report(house, raw)
    if as_json:
        print_json(understood)
        return
    sys.stdout.write(f"kind      {understood.kind}\n")
    about = understood.about
    whose = f"subscriber {about.subscriber}, issue {about.issue}" if about else "nobody of ours"
    sys.stdout.write(f"about     {whose}\nsays      {_shown(understood.why)}\n")
    for failure in understood.failures:
        sys.stdout.write(
            f"failed    {_shown(failure.recipient) or '(not named)'}\n"
            f"  fault   {failure.fault}\n  status  {failure.status or '-'}\n"
            f"  words   {_shown(failure.diagnostic)}\n"
        )


def _line(received: "Received") -> str:
    report = received.report
    who = str(report.about.subscriber) if report.about else "-"
    fault = report.failures[0].fault if report.failures else ""
    return f"{report.kind:9}  {fault:7}  {who:>7}  {received.did or '-'}"


def _shown(text: str) -> str:
    # Strangers wrote this: no escape sequence of theirs reaches a terminal.
    return "".join(c if c.isprintable() else "?" for c in text)
