"""The verbs of `digest issues` that show: what was prepared and sent, what was done to it."""

from typing import Annotated, Literal

import typer

from digest.cli import editing
from digest.cli.door import Json, Newsletter, Number, now, opened, print_json, say

app = typer.Typer(
    help="What was prepared and sent; what an editor changes, and takes back.",
    no_args_is_help=True,
)
Since = Annotated[
    Literal["approval", "issue"], typer.Option(help="What was approved, or the issue before.")
]


@app.command("list")
def issues_list(
    context: typer.Context, newsletter: Newsletter = None, as_json: Json = False
) -> None:
    """All issues, newest first.

    Example: digest issues list
    """
    from digest.terminal.issues import show_issues

    with opened(context) as house:
        records = house.issues(newsletter)
        if newsletter and not records:
            house.newsletter(newsletter)  # which says whether there is such a one
    print_json(records) if as_json else show_issues(records)


@app.command("show")
def issues_show(
    context: typer.Context,
    number: Number = None,
    newsletter: Newsletter = None,
    as_json: Json = False,
) -> None:
    """The outline of an issue, with the names that the other verbs take.

    Example: digest issues show 12
    """
    from dataclasses import asdict

    from digest import publish
    from digest.terminal.desk import show_desk

    with opened(context) as house:
        record = house.issue(house.newsletter(newsletter)[0], number)
        issue = publish.desk_issue(house, record.issue.newsletter, record.issue.number)
    print_json({**asdict(record), "desk": issue}) if as_json else show_desk(issue)


@app.command()
def history(
    context: typer.Context,
    number: Number = None,
    newsletter: Newsletter = None,
    as_json: Json = False,
) -> None:
    """Every step of an issue: what was done, by whom, when.

    Example: digest issues history 12
    """
    from digest import publish
    from digest.terminal.desk import show_history

    with opened(context) as house:
        lines = publish.history(house, newsletter, number)
    print_json(lines) if as_json else show_history(lines)


@app.command()
def changes(
    context: typer.Context,
    number: Number = None,
    since: Since = "approval",
    newsletter: Newsletter = None,
    as_json: Json = False,
) -> None:
    """What differs from what was approved, or from the issue before.

    Example: digest issues changes 12 --since issue
    """
    from digest import publish
    from digest.terminal.desk import show_changes

    with opened(context) as house:
        found = publish.changes(house, newsletter, since, number)
    if as_json:
        print_json(found)
    elif found is None:
        say("nothing was approved yet" if since == "approval" else "there is no issue before")
    elif not (found.differences or found.repeated):
        say("nothing differs")
    else:
        show_changes(found)


@app.command()
def feedback(
    context: typer.Context,
    number: Number = None,
    newsletter: Newsletter = None,
    as_json: Json = False,
) -> None:
    """What readers said of an issue, in their own words, the newest first; never who.

    Example: digest issues feedback 12
    """
    from digest import publish
    from digest.terminal.desk import show_opinions

    with opened(context) as house:
        record = house.issue(house.newsletter(newsletter)[0], number)
        found = publish.opinions(house, record)
    if as_json:
        print_json(found)
    elif found:
        show_opinions(found)
    else:
        say(f"nobody has said anything of issue {record.issue.number} yet")


@app.command()
def candidates(
    context: typer.Context,
    words: Annotated[
        list[str] | None, typer.Argument(help="Just what has all of these, however old.")
    ] = None,
    newsletter: Newsletter = None,
    as_json: Json = False,
) -> None:
    """What could be pinned, what it weighs, and why it does not stand in the issue.

    Example: digest issues candidates
    Example: digest issues candidates grain
    """
    from digest import publish
    from digest.terminal.desk import show_candidates

    with opened(context) as house:
        found = publish.candidates(house, newsletter, " ".join(words or ()), now=now())
    print_json(found) if as_json else show_candidates(found)


app.add_typer(editing.app)
