"""The verbs that look before anything is sent: `digest check` and `digest doctor`."""

import contextlib
from typing import TYPE_CHECKING, Annotated

import typer

from digest.cli.door import Json, Newsletter, Number, environ, now, opened, print_json
from digest.errors import DatabaseError, SettingsError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from digest.publish import House, Part

app = typer.Typer()


@app.command()
def check(
    context: typer.Context,
    number: Number = None,
    newsletter: Newsletter = None,
    online: Annotated[bool, typer.Option("--online", help="Look every link up as well.")] = False,
    as_json: Json = False,
) -> None:
    """What stands against sending an issue; exit code 1 where there is an error.

    Example: digest check
    Example: digest check 12 --online --json
    """
    from digest import publish
    from digest.terminal.checking import show_findings

    with opened(context) as house:
        record = house.issue(house.newsletter(newsletter)[0], number)
        fetch = publish.look_up_links if online else None
        findings = publish.examine(house, record, fetch=fetch)
    print_json(findings) if as_json else show_findings(findings)
    if any(finding.severity == "error" for finding in findings):
        raise typer.Exit(1)


@app.command()
def doctor(
    context: typer.Context,
    ip: Annotated[
        str, typer.Option(help="The address that speaks to the world, where you run the relay.")
    ] = "",
    nameserver: Annotated[str, typer.Option(help="Ask this one: ADDRESS or ADDRESS:PORT.")] = "",
    only: Annotated[
        list[str] | None,
        typer.Option(help="Look at this alone: machine, relay, web, dns or settings."),
    ] = None,
    as_json: Json = False,
) -> None:
    """What stands against sending at all; exit code 1 where something is wrong.

    It looks at the settings, the database, disk and clock, whether anything calls `digest run`,
    logs in to the relay, has base_url and the one-click address answer from outside, and asks the
    DNS for SPF, DKIM, DMARC, MX and, with --ip, the reverse name. A database that cannot be opened
    hides none of the rest; settings that cannot be read do, with exit code 2. Nothing is sent or
    changed.

    Example: digest doctor
    Example: digest doctor --ip 203.0.113.7 --nameserver 9.9.9.9
    Example: digest doctor --only relay --only web
    """
    from digest import publish
    from digest.terminal.checking import say_looking, show_findings

    parts = _parts(only)
    with _ailing(context, as_json) as (house, trouble):
        resolver = publish.DnsResolver(nameserver)
        findings = publish.doctor(
            house, resolver, clock=now, ip=ip, parts=parts, trouble=trouble, on_part=say_looking
        )
    print_json(findings) if as_json else show_findings(findings)
    if any(finding.severity == "error" for finding in findings):
        raise typer.Exit(1)


@contextlib.contextmanager
def _ailing(
    context: typer.Context, as_json: bool
) -> "Iterator[tuple[House, DatabaseError | None]]":
    from digest import publish

    with contextlib.ExitStack() as stack:
        try:
            found = stack.enter_context(publish.open_ailing(context.obj, environ()))
        except SettingsError as error:
            if as_json:  # who reads it by machine finds it where all else is; exit code 2 as ever
                print_json(publish.unreadable(error))
            raise
        yield found


def _parts(only: "list[str] | None") -> "tuple[Part, ...]":
    from digest import publish

    wrong = sorted(set(only or ()) - set(publish.PARTS))
    if wrong:
        raise typer.BadParameter(f"{wrong[0]!r} is none of {', '.join(publish.PARTS)}")
    return tuple(part for part in publish.PARTS if not only or part in only)
