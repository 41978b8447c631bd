"""The verbs of `digest dkim`: the key that signs the mail, and its record in the DNS."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from digest.cli.door import Json, environ, opened, print_json, say

if TYPE_CHECKING:
    from digest.publish import KeyRecord
    from digest.settings import Settings

app = typer.Typer(help="The key that signs the mail.", no_args_is_help=True)


@app.command()
def generate(
    context: typer.Context,
    domain: Annotated[str, typer.Option(help="Who signs; default: that of from.")] = "",
    selector: Annotated[str, typer.Option(help="The key's name; default: the present one.")] = "",
    file: Annotated[
        Path | None, typer.Option(help="Where to write; default: key_file, else dkim.pem.")
    ] = None,
    ed25519: Annotated[
        bool, typer.Option("--ed25519", help="For a second signature, which few can read.")
    ] = False,
    force: Annotated[bool, typer.Option("--force", help="Replace a key that is there.")] = False,
    as_json: Json = False,
) -> None:
    """Write a fresh key that only you can read, and print its DNS record.

    Example: digest dkim generate
    Example: digest dkim generate --selector digest2 --file digest2.pem
    """
    from digest.publish import generate_key
    from digest.settings import load

    settings = load(context.obj, environ())
    chosen = settings.dkim
    usual_file = chosen.ed25519_key_file if ed25519 else chosen.key_file
    usual_selector = (chosen.ed25519_selector or "digest1ed") if ed25519 else chosen.selector
    path = file or Path(usual_file or ("dkim-ed25519.pem" if ed25519 else "dkim.pem"))
    record = generate_key(
        settings,
        domain=domain or chosen.domain or _from_domain(settings),
        selector=selector or usual_selector,
        kind="ed25519" if ed25519 else "rsa",
        path=path,
        force=force,
    )
    say(f"wrote {settings.folder / path}")
    _print([record], as_json)
    say("publish this record, then set in digest.toml:")
    say(_table(record, path))
    say("and see with `digest doctor` that the DNS has it")


@app.command()
def show(context: typer.Context, as_json: Json = False) -> None:
    """The DNS record of each key in use, as a line of a zone file.

    Example: digest dkim show
    """
    from digest.publish import key_records

    with opened(context) as house:
        records = key_records(house)
    _print(records, as_json)


def _print(records: "list[KeyRecord]", as_json: bool) -> None:
    if as_json:
        print_json(records)
        return
    for record in records:
        sys.stdout.write(record.zone_line + "\n")


def _table(record: "KeyRecord", path: Path) -> str:
    selector, _, domain = record.host.partition("._domainkey.")
    prefix = "ed25519_" if record.kind == "ed25519" else ""
    lines = ["  [dkim]", f'  domain = "{domain}"']
    lines += [f'  {prefix}selector = "{selector}"', f'  {prefix}key_file = "{path}"']
    return "\n".join(lines)


def _from_domain(settings: "Settings") -> str:
    from email.utils import parseaddr

    first = next(iter(settings.newsletter.values()))
    return parseaddr(first.from_)[1].rpartition("@")[2]
