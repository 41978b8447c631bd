"""The verbs of `digest articles`: what was collected, and why it is in or out."""

from dataclasses import asdict
from typing import Annotated

import typer

from digest.cli.door import At, Json, Newsletter, moment, opened, print_json

app = typer.Typer(help="What was collected.", no_args_is_help=True)


@app.command("list")
def articles_list(
    context: typer.Context,
    limit: Annotated[int, typer.Option(min=1, help="How many.")] = 50,
    as_json: Json = False,
) -> None:
    """The newest articles.

    Example: digest articles list --limit 10
    """
    from digest.terminal import show_articles

    with opened(context) as house:
        shown, total = house.articles(limit), house.article_count()
    if as_json:
        print_json([{"fingerprint": a.fingerprint, **asdict(a)} for a in shown])
    else:
        show_articles(shown, total)


@app.command("show")
def articles_show(context: typer.Context, name: str, as_json: Json = False) -> None:
    """One article, by its address or the beginning of its fingerprint.

    Example: digest articles show 3fa9
    """
    from digest.terminal import show_fields

    with opened(context) as house:
        article = house.article(name)
    fields = {"fingerprint": article.fingerprint, **asdict(article)}
    print_json(fields) if as_json else show_fields(fields)


@app.command("explain")
def articles_explain(
    context: typer.Context, newsletter: Newsletter = None, at: At = None, as_json: Json = False
) -> None:
    """For every article: kept in which section, or dropped and why.

    Example: digest articles explain
    """
    from digest import publish
    from digest.terminal import show_verdicts

    with opened(context) as house:
        verdicts = publish.explain(house, newsletter, now=moment(at))
    if as_json:
        print_json(
            [
                {
                    "headline": v.article.headline,
                    "url": v.article.url,
                    "kept": v.kept,
                    "reason": v.reason,
                }
                for v in verdicts
            ]
        )
    else:
        show_verdicts(verdicts)
