"""The verbs of `digest articles`: what was collected, and why it is in or out."""

from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer

from digest.cli.door import MOST, At, Json, Newsletter, moment, opened, print_json

if TYPE_CHECKING:
    from digest.publish import Verdict

app = typer.Typer(help="What was collected.", no_args_is_help=True)


@app.command("list")
def articles_list(
    context: typer.Context,
    limit: Annotated[int, typer.Option(min=1, max=MOST, help="How many.")] = 50,
    as_json: Json = False,
) -> None:
    """The newest articles.

    Example: digest articles list --limit 10
    """
    from digest.terminal.articles import show_articles

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
    from digest.terminal.articles import show_fields

    with opened(context) as house:
        article = house.article(name)
    fields = {"fingerprint": article.fingerprint, **asdict(article)}
    print_json(fields) if as_json else show_fields(fields)


@app.command("explain")
def articles_explain(
    context: typer.Context,
    article: Annotated[
        str, typer.Argument(help="Just this one: its address, or the beginning of its name.")
    ] = "",
    newsletter: Newsletter = None,
    unplaced: Annotated[bool, typer.Option(help="Just what no section takes.")] = False,
    at: At = None,
    as_json: Json = False,
) -> None:
    """For every article: kept in which section, or dropped and why.

    Of one article also what its score adds up from, and who tells the same story.

    Example: digest articles explain
    Example: digest articles explain 3fa9
    """
    from digest import publish
    from digest.terminal.articles import show_verdict, show_verdicts

    with opened(context) as house:
        verdicts = publish.explain(house, newsletter, article, now=moment(at))
    if unplaced:
        verdicts = tuple(v for v in verdicts if not v.section)
    if as_json:
        print_json([_plain(v) for v in verdicts])
    elif article:
        for verdict in verdicts:
            show_verdict(verdict)
    else:
        show_verdicts(verdicts)


def _plain(v: "Verdict") -> dict[str, object]:
    return {
        "name": v.article.fingerprint,
        "headline": v.article.headline,
        "url": v.article.url,
        "source": v.article.source,
        "categories": v.article.categories,
        "published": v.article.published,
        "kept": v.kept,
        "reason": v.reason,
        "score": v.score and {"total": v.score.total, **asdict(v.score)},
        "section": v.section,
        "rule": v.rule,
        "story": [asdict(other) for other in v.story],
        "decision": v.decision and asdict(v.decision),
        "decided": [
            {"name": a.fingerprint, "headline": a.headline, "url": a.url} for a in v.decided
        ],
    }
