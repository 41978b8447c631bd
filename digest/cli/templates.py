"""The verbs of `digest templates`: copy the mail's templates, and try them."""

import contextlib
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, NoReturn

import typer

from digest.cli.door import Json, complain, environ, print_json, say

app = typer.Typer(help="How the mail looks, and is said.", no_args_is_help=True)
_SECONDS = 60  # of processor time, for all samples together
_MEMORY = 2 << 30  # bytes of address space


@app.command("export")
def templates_export(
    context: typer.Context,
    folder: Annotated[
        Path | None, typer.Argument(help="Else `templates` beside digest.toml, which is used.")
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Overwrite what is there.")] = False,
) -> None:
    """Copy the mail's templates and style sheets, to be changed.

    To change a part only, extend ours instead: docs/templates.md.

    Example: digest templates export
    """
    from digest.publish.templating import export_templates

    for path in export_templates(folder or context.obj / "templates", force=force):
        typer.echo(path)
    say("next: change them, then digest templates check")


@app.command("check")
def templates_check(context: typer.Context, as_json: Json = False) -> None:
    """Render the templates with samples that are hard: no picture, huge headlines, other scripts.

    Example: digest templates check
    """
    from digest.publish.templating import try_templates
    from digest.terminal.checking import show_trial

    with _bounded():
        trial = try_templates(context.obj, environ())
    print_json(trial) if as_json else show_trial(trial)
    wrong = dict.fromkeys((t.error, t.remedy) for t in trial.tried if t.error)
    for what, remedy in wrong:
        complain(what, remedy)
    if wrong:
        raise typer.Exit(1)


@contextlib.contextmanager
def _bounded() -> Iterator[None]:
    """A template that never ends, or takes all memory, ends the command and not the machine."""
    from digest.errors import TemplateError

    def stop(*_: object) -> NoReturn:
        raise TemplateError(
            f"The templates take more than {_SECONDS} seconds.", remedy="Look for a loop in a loop."
        )

    try:
        import resource
    except ImportError:  # not on Windows
        yield
        return
    signal.signal(signal.SIGXCPU, stop)
    for kind, limit in ((resource.RLIMIT_CPU, _SECONDS), (resource.RLIMIT_AS, _MEMORY)):
        _, hard = resource.getrlimit(kind)
        with contextlib.suppress(ValueError):
            resource.setrlimit(kind, (limit, hard))
    yield
