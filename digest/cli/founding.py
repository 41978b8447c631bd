"""The verbs of a newsletter's folder: one to look at (demo), init, settings, migrate.

Never here: what a setting means (`settings`), what stands in a new folder (`publish`).
"""

import json
import sys
from pathlib import Path
from typing import Annotated

import typer

from digest.cli.door import (
    Json,
    environ,
    myself,
    now,
    print_json,
    say,
)
from subscribers.cli.door import refuse_no_text


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

    refuse_no_text(context)
    for path in init_folder(context.obj, publisher, postal_address, title, sender, feed or []):
        say(f"wrote {path}")
    say("next: digest collect, digest prepare, digest preview")


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
