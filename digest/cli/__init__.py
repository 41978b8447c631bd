"""The command line: one door to `publish`. It parses, calls, shows, and translates errors.

Standard output is data, standard error is talk. Exit codes: 0 done, 1 it failed, 2 wrong use or
settings, 75 try again later. Heavy imports stand inside the commands: `--help` must be quick.
Here: the order of the verbs, and how the program ends. `door` has what they share.
Never here: a decision about articles, issues, mail or readers.
"""

import gc
import os
import signal
import sys
from pathlib import Path
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from digest.cli import (
    articles,
    bounces,
    checking,
    dkim,
    editors,
    founding,
    issues,
    preparing,
    schedule,
    sending,
    serving,
    sources,
    subscribers,
    templates,
)
from digest.cli.door import complain, version
from subscribers.errors import InvalidAddress


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
    subscribers.root.set(context)


# In the order of `digest --help`.
app.command()(founding.demo)
app.command()(founding.init)
app.command()(sources.collect)
app.command()(preparing.prepare)
app.command()(serving.preview)
app.command("test")(preparing.send_test)
app.command()(preparing.approve)
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
app.command()(serving.serve)
app.command()(founding.settings)
app.command()(founding.migrate)
app.add_typer(subscribers.app, name="subscribers")


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
