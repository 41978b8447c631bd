"""The verbs of `digest editors`: who may sit at the desk of `digest serve`.

A password is asked for, or read from standard input; never an argument, which others could see.
"""

import getpass
import sys
from typing import Annotated, Literal

import typer

from digest.cli.door import Json, fail, now, opened, print_json, say

app = typer.Typer(help="Who may sit at the desk of `digest serve`.", no_args_is_help=True)
Name = Annotated[str, typer.Argument(help="A mail address.")]
Role = Annotated[
    Literal["editor", "approver", "operator"],
    typer.Option(help="editor: edits and sends tests; approver: approves, too; operator: all."),
]


@app.command()
def add(context: typer.Context, name: Name, role: Role = "editor") -> None:
    """Make an account. The password is asked for, or read from standard input.

    Example: digest editors add ann@example.org --role approver
    """
    from digest import publish

    with opened(context) as house:
        made = publish.add_editor(house, name, role, _password(), now=now())
    say(f"{made.name} may sit at the desk as {made.role}: {house.settings.web.base_url}/desk")


@app.command("list")
def listed(context: typer.Context, as_json: Json = False) -> None:
    """All who have an account.

    Example: digest editors list
    """
    from digest import publish
    from digest.terminal.desk import show_editors

    with opened(context) as house:
        found = publish.editors(house)
    print_json(found) if as_json else show_editors(found)


@app.command()
def remove(context: typer.Context, name: Name) -> None:
    """End an account, at once; what was decided by that name stays on record.

    Example: digest editors remove ann@example.org
    """
    from digest import publish

    with opened(context) as house:
        publish.remove_editor(house, name)
    say(f"{name} has no account any more")


@app.command()
def password(context: typer.Context, name: Name) -> None:
    """Give an account another password; who is logged in with it, is logged out.

    Example: digest editors password ann@example.org
    """
    from digest import publish

    with opened(context) as house:
        publish.set_password(house, name, _password())
    say(f"{name} has another password")


def _password() -> str:
    if not sys.stdin.isatty():
        # One line, as `pass` and password managers write it.
        return sys.stdin.readline().rstrip("\r\n")
    first = getpass.getpass("Password: ")
    if first != getpass.getpass("Once more: "):
        fail("the two are not the same", "nothing was changed; run it again", 2)
    return first
