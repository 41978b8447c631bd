"""The verbs that look before anything is sent: `digest check` and `digest doctor`."""

from typing import Annotated

import typer

from digest.cli.door import Json, Newsletter, Number, opened, print_json

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
    from digest.terminal import show_findings

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
    as_json: Json = False,
) -> None:
    """What the DNS says of you: SPF, DKIM, DMARC, MX; exit code 1 where something is missing.

    Example: digest doctor
    Example: digest doctor --ip 203.0.113.7 --nameserver 9.9.9.9
    """
    from digest import publish
    from digest.terminal import show_findings

    with opened(context) as house:
        findings = publish.doctor(house, publish.DnsResolver(nameserver), ip=ip)
    print_json(findings) if as_json else show_findings(findings)
    if any(finding.severity == "error" for finding in findings):
        raise typer.Exit(1)
