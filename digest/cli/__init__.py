"""The command line: one door to `publish`. It parses, calls, shows, and translates errors.

Standard output is data, standard error is talk. Exit codes: 0 done, 1 it failed, 2 wrong use or
settings, 75 try again later. Heavy imports stand inside the commands: `--help` must be quick.
Never here: a decision about articles, issues, mail or readers.
"""

import contextlib
import gc
import json
import os
import signal
import sys
from contextvars import ContextVar
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from typer.core import TyperGroup

from digest.cli import (
    articles,
    bounces,
    checking,
    dkim,
    editors,
    issues,
    schedule,
    sending,
    sources,
    templates,
)
from digest.cli.door import (
    MOST,
    At,
    Json,
    Newsletter,
    Number,
    Seen,
    announce,
    complain,
    environ,
    login_name,
    moment,
    myself,
    now,
    opened,
    opened_in,
    print_json,
    say,
    unswept,
    version,
)
from subscribers.cli import commands as subscriber_commands
from subscribers.errors import InvalidAddress

if TYPE_CHECKING:
    from digest.publish import House, IssueRecord
    from subscribers.roster import Session


class _Stoppable(TyperGroup):
    """Ctrl-C is told and coded here: typer itself would only say that it aborted."""

    def invoke(self, ctx: Any) -> Any:
        """Run the verb; an interrupted one exits with 75."""
        try:
            return super().invoke(ctx)
        except typer.BadParameter as error:
            # What checks the values puts its own name before its sentence.
            error.message = error.message.removeprefix("Value error, ")
            raise
        except KeyboardInterrupt:
            complain(*_STOPPED)
            raise typer.Exit(75) from None
        except typer.Abort:  # Ctrl-C at a question, or an input that ended before the answers
            if sys.stdin.isatty():
                complain(*_STOPPED)
                raise typer.Exit(75) from None
            verb = ctx.invoked_subcommand or ""
            complain("the input ended before every question was answered", _answers(verb))
            raise typer.Exit(2) from None


def _answers(verb: str) -> str:
    if verb == "init":
        return "say it by --publisher, --postal-address, --title and --sender"
    return f"`digest {verb} --help` names the options that answer them"


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
app.add_typer(editors.app, name="editors")
app.add_typer(sources.app, name="sources")
app.add_typer(dkim.app, name="dkim")
app.add_typer(checking.app)
app.add_typer(templates.app, name="templates")
app.add_typer(bounces.app, name="bounces")


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
    from digest.terminal.bars import progress_bar, step
    from digest.terminal.demonstration import show_demonstration

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


app.command()(sources.collect)


@app.command()
def prepare(
    context: typer.Context, newsletter: Newsletter = None, at: At = None, as_json: Json = False
) -> None:
    """Select the stories and write the draft of the next issue.

    Example: digest prepare
    """
    with unswept():
        from digest import publish
        from digest.terminal.articles import unplaced
        from digest.terminal.issues import show_issue

        with opened(context) as house:
            draft = publish.prepare(house, newsletter, now=moment(at), by=login_name())
    print_json(draft.record) if as_json else show_issue(draft.record, draft.findings)
    if draft.unplaced:
        say(unplaced(draft.unplaced))
    say(f"next: digest preview, then digest approve {draft.record.issue.number}")


@app.command()
def preview(
    context: typer.Context,
    number: Number = None,
    newsletter: Newsletter = None,
    section: Annotated[
        list[str] | None, typer.Option(help="As a reader of just these; repeatable.")
    ] = None,
    port: Annotated[int, typer.Option(min=0, max=65535, help="0 takes any free one.")] = 0,
    out: Annotated[
        Path | None, typer.Option(help="Write issue.html and issue.txt there instead.")
    ] = None,
    browser: Annotated[bool, typer.Option(help="Open the browser.")] = True,
) -> None:
    """Open the desk on this machine alone: see an issue as readers will, change it, approve it.

    Example: digest preview
    Example: digest preview 12 --section Opinion --out /tmp/issue
    """
    from digest import publish

    with opened(context) as house:
        record = house.issue(house.newsletter(newsletter)[0], number)
        shown = publish.shown(house, record, section or [])
        if out is None:
            _serve_desk(house, record, section or [], port, browser)
            return
    for path in publish.write_shown(shown, out):
        sys.stdout.write(f"{path}\n")


def _serve_desk(
    house: "House", record: "IssueRecord", sections: list[str], port: int, browser: bool
) -> None:
    from urllib.parse import urlencode

    from digest.web import desk_app, serve_until_stopped

    _ = house.settings.keys
    seen = f"?{urlencode([('section', name) for name in sections])}" if sections else ""
    path = f"desk/{record.issue.newsletter}/{record.issue.number}{seen}"
    with contextlib.suppress(KeyboardInterrupt):
        serve_until_stopped(
            desk_app(house, now, environ(), login_name()),
            "127.0.0.1",
            port,
            announce("the desk", browser, path),
        )


@app.command("test")
def send_test(
    context: typer.Context,
    address: Annotated[str, typer.Argument(help="Who gets it.")],
    number: Annotated[
        int | None, typer.Option(min=1, max=MOST, help="The issue; the newest without.")
    ] = None,
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
    version: Seen = None,
) -> None:
    """Approve an issue as it looks now. A later change asks for approval again.

    Example: digest approve 12 --by "night desk"
    """
    from digest import publish

    with opened(context) as house:
        who = by or login_name()
        record = publish.approve(house, newsletter, number, by=who, now=now(), version=version)
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


app.command()(schedule.run)
app.command()(schedule.schedule)
app.command("install-timer")(schedule.install_timer)


@app.command()
def serve(
    context: typer.Context,
    host: str = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65535)] = 8000,
) -> None:
    """Answer the links in every mail: leave, choose, view. Put a web server with TLS in front.

    There are a page to subscribe at /subscribe, the editors' desk at /desk, for those whom
    `digest editors add` gave an account, and for machines /health and /metrics (Prometheus).

    Example: digest serve --port 8000
    """
    from digest.web import public_app, serve_until_stopped

    with opened(context) as house:
        _ = house.settings.keys
        with contextlib.suppress(KeyboardInterrupt):
            serve_until_stopped(
                public_app(house, now, environ()),
                host,
                port,
                announce("the readers' pages, and the desk at /desk", False),
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
        self.keys, self.user = house.settings.keys, login_name()
        self.newsletters = tuple(house.settings.lists)

    def deliveries(self, session: "Session", subscriber: int) -> list[dict[str, object]]:
        """What was mailed to this person."""
        from digest import publish

        return publish.deliveries_to(session, subscriber)

    def forget_deliveries(self, session: "Session", subscriber: int) -> int:
        """Erase from it what names the person."""
        from digest import publish

        return publish.forget_deliveries(session, subscriber)

    def interventions(self, session: "Session", subscriber: int) -> list[dict[str, object]]:
        """What an operator decided about this person's deliveries."""
        from digest import publish

        return publish.interventions_about(session, subscriber)

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
    # Loading makes 150,000 objects that are there to stay: with Python's own 700, to sweep through
    # them takes a tenth of a short command, and 66 ms each time in the midst of a send.
    gc.set_threshold(50_000, 20, 50)
    # Who stops us by SIGTERM is told what who types Ctrl-C is told, and nothing is left behind.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        app()
    except BrokenPipeError:
        _let_go()
        sys.exit(1)
    except Exception as error:
        what = getattr(error, "what", None)
        if what is None:
            raise
        wrong_address = isinstance(error, InvalidAddress)
        complain(what, getattr(error, "remedy", ""))
        sys.exit(2 if wrong_address else getattr(error, "exit_code", 1))
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
