"""The command line: one door to `publish`. It parses, calls, shows, and translates errors.

Standard output is data, standard error is talk. Exit codes: 0 done, 1 it failed, 2 wrong use or
settings, 75 try again later. Heavy imports stand inside the commands: `--help` must be quick.
Never here: a decision about articles, issues, mail or readers.
"""

import contextlib
import json
import os
import sys
from contextvars import ContextVar
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from typer.core import TyperGroup

from digest.cli import articles, issues, sending
from digest.cli.door import (
    At,
    Json,
    Newsletter,
    Number,
    announce,
    complain,
    environ,
    fail,
    moment,
    myself,
    now,
    opened,
    opened_in,
    print_json,
    say,
    version,
)
from subscribers.cli import commands as subscriber_commands

if TYPE_CHECKING:
    from digest.publish import House


class _Stoppable(TyperGroup):
    """Ctrl-C is told and coded here: typer itself would only say that it aborted."""

    def invoke(self, ctx: Any) -> Any:
        """Run the verb; an interrupted one exits with 75."""
        try:
            return super().invoke(ctx)
        except KeyboardInterrupt:
            complain(*_STOPPED)
            raise typer.Exit(75) from None


_STOPPED = "stopped", "nothing is lost; run the same command again"
_root: ContextVar[typer.Context] = ContextVar("root")

app = typer.Typer(
    name="digest",
    cls=_Stoppable,
    help="Newsletter digests for news publishers: from feeds and saved pages to mail.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.add_typer(articles.app, name="articles")
app.add_typer(issues.app, name="issues")


@app.callback()
def _folder(
    context: typer.Context,
    folder: Annotated[
        Path, typer.Option("-C", "--folder", help="Where digest.toml is.", envvar="DIGEST_FOLDER")
    ] = Path(),
    version: Annotated[
        bool, typer.Option("--version", is_eager=True, callback=lambda v: version(v))
    ] = False,
) -> None:
    del version
    context.obj = folder.resolve()
    _root.set(context)


@app.command()
def demo(
    folder: Annotated[Path, typer.Argument(help="Made if it is not there.")] = Path("demo"),
) -> None:
    """See the whole job done, from feeds to mailboxes, with nothing configured.

    Example: digest demo
    """
    from digest.demo import demonstrate
    from digest.terminal import progress_bar, show_demonstration, step

    with progress_bar("sending") as on_progress:
        shown = demonstrate(folder.resolve(), environ(), now, step, on_progress)
    show_demonstration(shown, myself())


@app.command()
def init(
    context: typer.Context,
    publisher: Annotated[str, typer.Option(prompt="Publisher's name", help="Who sends.")],
    postal_address: Annotated[
        str, typer.Option(prompt="Postal address (the law wants it)", help="For the footer.")
    ],
    title: Annotated[str, typer.Option(prompt="Newsletter's title", help="For instance The Week.")],
    sender: Annotated[
        str,
        typer.Option(
            prompt="It comes from (mail address)", help="For instance weekly@news.example.org."
        ),
    ],
    feed: Annotated[list[str] | None, typer.Option(help="A feed's URL; repeatable.")] = None,
) -> None:
    """Write digest.toml and digest.env (with a fresh secret) into the folder.

    Example: digest init --publisher "Example Times" --title "The Week" --sender weekly@example.org
    """
    from digest.publish import init_folder

    for path in init_folder(context.obj, publisher, postal_address, title, sender, feed or []):
        say(f"wrote {path}")
    say("next: digest collect, digest prepare, digest preview")


@app.command()
def collect(
    context: typer.Context,
    places: Annotated[
        list[str] | None,
        typer.Argument(help="URLs, files or folders; without any, the sources of digest.toml."),
    ] = None,
    section: Annotated[str, typer.Option(help="Where articles of PLACES go.")] = "",
    as_json: Json = False,
) -> None:
    """Read the sources and keep what is new. One that fails never stops the others.

    Example: digest collect
    Example: digest collect saved/page.html --section Global
    """
    from digest import publish
    from digest.terminal import show_collected, source_bar

    with opened(context) as house:
        total = len(places or house.settings.source)
        with source_bar(total) as on_source:
            results = publish.collect(
                house, places or [], section=section, now=now(), on_source=on_source
            )
    print_json(results) if as_json else show_collected(results)
    failures = [result for result in results if result.error]
    if not results:
        fail("digest.toml names no source", "add a [[source]], or name one: digest collect URL", 2)
    for failed in failures:
        complain(failed.error, failed.remedy)
    if failures:
        raise typer.Exit(
            max(result.exit_code for result in failures) if len(failures) == len(results) else 1
        )


@app.command()
def prepare(
    context: typer.Context, newsletter: Newsletter = None, at: At = None, as_json: Json = False
) -> None:
    """Select the stories and write the draft of the next issue.

    Example: digest prepare
    """
    from digest import publish
    from digest.terminal import show_issue

    with opened(context) as house:
        draft = publish.prepare(house, newsletter, now=moment(at))
        findings = publish.examine(house, draft.record)
    print_json(draft.record) if as_json else show_issue(draft.record, findings)
    say(f"next: digest preview, then digest approve {draft.record.issue.number}")


@app.command()
def preview(
    context: typer.Context,
    number: Number = None,
    newsletter: Newsletter = None,
    section: Annotated[
        list[str] | None, typer.Option(help="As a reader of just these; repeatable.")
    ] = None,
    port: Annotated[int, typer.Option(help="0 takes any free one.")] = 0,
    out: Annotated[
        Path | None, typer.Option(help="Write issue.html and issue.txt there instead.")
    ] = None,
    browser: Annotated[bool, typer.Option(help="Open the browser.")] = True,
) -> None:
    """See an issue in the browser, as HTML and as text. Ctrl-C ends it.

    Example: digest preview
    Example: digest preview 12 --section Opinion --out /tmp/issue
    """
    from digest import publish
    from digest.web import preview_app, serve_until_stopped

    with opened(context) as house:
        record = house.issue(house.newsletter(newsletter)[0], number)
        shown = publish.shown(house, record, section or [])
        page = publish.preview_page(house, record, shown)
    if out:
        for path in publish.write_shown(shown, out):
            sys.stdout.write(f"{path}\n")
        return
    with contextlib.suppress(KeyboardInterrupt):
        serve_until_stopped(
            preview_app(page, shown), "127.0.0.1", port, announce("the preview", browser)
        )


@app.command()
def check(
    context: typer.Context,
    number: Number = None,
    newsletter: Newsletter = None,
    as_json: Json = False,
) -> None:
    """What stands against sending an issue; exit code 1 where there is an error.

    Example: digest check
    """
    from digest import publish
    from digest.terminal import show_findings

    with opened(context) as house:
        findings = publish.examine(house, house.issue(house.newsletter(newsletter)[0], number))
    print_json(findings) if as_json else show_findings(findings)
    if any(finding.severity == "error" for finding in findings):
        raise typer.Exit(1)


@app.command("test")
def send_test(
    context: typer.Context,
    address: Annotated[str, typer.Argument(help="Who gets it.")],
    number: Annotated[int | None, typer.Option(help="The issue; the newest without.")] = None,
    newsletter: Newsletter = None,
) -> None:
    """Send an issue to one address, marked [Test], through the real relay.

    Example: digest test editor@example.org
    """
    from digest import publish

    with opened(context) as house:
        record = house.issue(house.newsletter(newsletter)[0], number)
        outcome = publish.send_test(house, record, address, clock=now)
    say(f"the relay took it: {outcome.reply.text}")


@app.command()
def approve(
    context: typer.Context,
    number: Number = None,
    newsletter: Newsletter = None,
    by: Annotated[str, typer.Option(help="Who approves; written down.")] = "",
) -> None:
    """Approve an issue as it looks now. A later change asks for approval again.

    Example: digest approve 12 --by "night desk"
    """
    import getpass

    from digest import publish

    with opened(context) as house:
        record = publish.approve(house, newsletter, number, by=by or getpass.getuser(), now=now())
    say(f"issue {record.issue.number} is approved; content {record.approved_hash[:12]}")


for verb in (
    sending.send,
    sending.status,
    sending.pause,
    sending.resume,
    sending.cancel,
    sending.resolve,
):
    app.command()(verb)


@app.command()
def run(context: typer.Context, as_json: Json = False) -> None:
    """Do all that is due now: draft, send what is approved, retry. Safe from cron, and twice.

    Example: digest -C /srv/weekly run
    """
    from digest import publish

    with opened(context) as house:
        done = publish.run(house, clock=now)
    if as_json:
        print_json(done)
    for act in [] if as_json else done:
        say(f"{act.newsletter}: {act.what}" + (f" — {act.remedy}" if act.remedy else ""))
    code = max((act.exit_code for act in done), default=0)
    if code:
        raise typer.Exit(code)


@app.command()
def serve(
    context: typer.Context,
    host: str = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65535)] = 8000,
) -> None:
    """Answer the links in every mail: leave, choose, view. Put a web server with TLS in front.

    Example: digest serve --port 8000
    """
    from digest.web import public_app, serve_until_stopped

    with opened(context) as house:
        _ = house.settings.keys
        with contextlib.suppress(KeyboardInterrupt):
            serve_until_stopped(
                public_app(house, now), host, port, announce("the readers' pages", False)
            )


@app.command()
def settings(
    context: typer.Context,
    example: Annotated[
        bool, typer.Option("--example", help="Every setting with its default.")
    ] = False,
    as_json: Json = False,
) -> None:
    """The settings in force, secrets masked.

    Example: digest settings --example
    """
    from digest.settings import example as commented
    from digest.settings import flat, load

    if example:
        sys.stdout.write(commented())
        return
    values = flat(load(context.obj, environ()))
    if as_json:
        print_json(values)
        return
    for name, value in values.items():
        sys.stdout.write(f"{name} = {json.dumps(value, ensure_ascii=False)}\n")


@app.command()
def migrate(context: typer.Context) -> None:
    """Bring the database to this program's age. Make a backup first.

    Example: digest migrate
    """
    from digest import publish

    before, after = publish.migrate(context.obj, environ())
    say(
        "the database was up to date"
        if before == after
        else f"the database went from {before or 'empty'} to {after}"
    )


class _SubscribersDesk:
    """What the subscribers' commands need: sessions, keys, and which newsletters there are."""

    def __init__(self, house: "House") -> None:
        self.reading, self.writing = house.database.reading, house.database.writing
        self.keys = house.settings.keys
        self.newsletters = tuple(house.settings.newsletter)

    def now(self) -> datetime:
        """UTC."""
        return now()


def _subscribers_desk() -> _SubscribersDesk:
    root = _root.get()
    # Opened for the verb, closed with the program's context.
    return _SubscribersDesk(root.with_resource(opened_in(root.obj)))


app.add_typer(subscriber_commands(_subscribers_desk), name="subscribers")


def main() -> None:
    """The entry point: every foreseen error becomes one sentence, its remedy, and an exit code."""
    try:
        app()
    except BrokenPipeError:
        _let_go()
        sys.exit(1)
    except Exception as error:
        what = getattr(error, "what", None)
        if what is None:
            raise
        complain(what, getattr(error, "remedy", ""))
        sys.exit(getattr(error, "exit_code", 1))
    except KeyboardInterrupt:
        complain(*_STOPPED)
        sys.exit(75)
    finally:
        _let_go()


def _let_go() -> None:
    # A reader such as `head` may have closed the pipe; the flush at exit must not complain.
    try:
        sys.stdout.flush()
    except (BrokenPipeError, ValueError):
        with Path(os.devnull).open("w") as nowhere:
            os.dup2(nowhere.fileno(), 1)
