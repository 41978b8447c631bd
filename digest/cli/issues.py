"""The verbs of `digest issues`: what was prepared and sent, and an editor's word on the next."""

import getpass
from typing import Annotated

import typer

from digest.cli.door import Json, Newsletter, Number, fail, now, opened, print_json, say

app = typer.Typer(help="What was prepared and sent; what an editor decides.", no_args_is_help=True)
Named = Annotated[str, typer.Argument(help="Its address, or the beginning of its fingerprint.")]
By = Annotated[str, typer.Option(help="Who decides; written down.")]
Section = Annotated[str | None, typer.Option(help="Where it stands.")]
Position = Annotated[int | None, typer.Option(min=1, help="From 1 within its section.")]


@app.command("list")
def issues_list(
    context: typer.Context, newsletter: Newsletter = None, as_json: Json = False
) -> None:
    """All issues, newest first.

    Example: digest issues list
    """
    from digest.terminal import show_issues

    with opened(context) as house:
        records = house.issues(newsletter)
    print_json(records) if as_json else show_issues(records)


@app.command("show")
def issues_show(
    context: typer.Context,
    number: Number = None,
    newsletter: Newsletter = None,
    as_json: Json = False,
) -> None:
    """The outline of an issue.

    Example: digest issues show 12
    """
    from digest.terminal import show_issue

    with opened(context) as house:
        record = house.issue(house.newsletter(newsletter)[0], number)
    print_json(record) if as_json else show_issue(record, [])


@app.command()
def pin(
    context: typer.Context,
    article: Named,
    section: Section = None,
    position: Position = None,
    newsletter: Newsletter = None,
    by: By = "",
) -> None:
    """Take an article into the next issue, whatever its age and the limits.

    Example: digest issues pin 3fa9 --section Global --position 1
    """
    where = {"section": section, "position": position}
    _decide(context, newsletter, article, by, pinned=True, excluded=False, **where)


@app.command()
def drop(
    context: typer.Context,
    article: Named,
    why: Annotated[str, typer.Option(help="For `digest articles explain`.")] = "",
    newsletter: Newsletter = None,
    by: By = "",
) -> None:
    """Keep a story out until that is undone.

    Example: digest issues drop 3fa9 --why "not confirmed"
    """
    _decide(context, newsletter, article, by, excluded=True, pinned=False, why=why)


@app.command()
def move(
    context: typer.Context,
    article: Named,
    section: Section = None,
    position: Position = None,
    newsletter: Newsletter = None,
    by: By = "",
) -> None:
    """Put a story into another section, or to a position in its section.

    Example: digest issues move 3fa9 --section Opinion --position 2
    """
    if section is None and position is None:
        fail("nothing to move to", "say --section, --position, or both", 2)
    _decide(context, newsletter, article, by, section=section, position=position)


@app.command()
def edit(
    context: typer.Context,
    article: Named,
    headline: Annotated[str | None, typer.Option(help="In the place of its own.")] = None,
    dek: Annotated[str | None, typer.Option(help="In the place of its own.")] = None,
    newsletter: Newsletter = None,
    by: By = "",
) -> None:
    """Write a headline or dek of your own; the article's is kept, and "" brings it back.

    Example: digest issues edit 3fa9 --headline "Grain deal holds"
    """
    if headline is None and dek is None:
        fail("nothing to write", "say --headline, --dek, or both", 2)
    _decide(context, newsletter, article, by, headline=headline, dek=dek)


@app.command()
def again(
    context: typer.Context, article: Named, newsletter: Newsletter = None, by: By = ""
) -> None:
    """Let a story that an earlier issue carried into the next one, marked as updated.

    Example: digest issues again 3fa9
    """
    _decide(context, newsletter, article, by, again=True, excluded=False)


@app.command()
def undo(context: typer.Context, article: Named, newsletter: Newsletter = None) -> None:
    """Take back everything that was decided about an article, or a copy of its story.

    Example: digest issues undo 3fa9
    """
    from digest import publish

    with opened(context) as house:
        undone = publish.undecide(house, newsletter, article)
    for found in undone:
        say(f"nothing is decided about “{found.headline}” any more; next: digest prepare")


def _decide(
    context: typer.Context, newsletter: str | None, article: str, by: str, **what: object
) -> None:
    from digest import publish

    given = {name: value for name, value in what.items() if value is not None}
    with opened(context) as house:
        who = by or getpass.getuser()
        found, _ = publish.decide(house, newsletter, article, by=who, now=now(), **given)
    say(f"noted for “{found.headline}”; next: digest prepare")
