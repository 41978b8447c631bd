"""Articles in a terminal, one or many; and why each is in the issue or not."""

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import TYPE_CHECKING

from rich.table import Table

from digest.terminal.cells import data, plain, safe, table, talk, when

if TYPE_CHECKING:
    from digest.articles import Article
    from digest.publish import Verdict


def show_articles(articles: "Sequence[Article]", total: int) -> None:
    """Articles, newest first."""
    made = table("name", "published (UTC)", "section", "headline", "source")
    for a in articles:
        made.add_row(
            a.fingerprint[:8],
            when(a.published),
            safe(a.section),
            safe(a.headline),
            safe(a.source),
        )
    data.print(made)
    if total > len(articles):
        talk.print(f"[dim]{len(articles)} of {total}; more with --limit[/dim]")


def show_fields(fields: dict[str, object]) -> None:
    """One thing, a line for each of its fields."""
    made = Table.grid(padding=(0, 2))
    for name, value in fields.items():
        made.add_row(
            f"[dim]{name}[/dim]",
            safe(when(value) if isinstance(value, datetime) else str(value)),
        )
    data.print(made)


def show_verdicts(verdicts: "Sequence[Verdict]") -> None:
    """Every candidate: kept where, or dropped why."""
    made = table("", "name", "published (UTC)", "headline", "source", "score", "reason")
    for v in verdicts:
        made.add_row(
            _kept(v),
            v.article.fingerprint[:8],
            when(v.article.published),
            safe(v.article.headline),
            safe(v.article.source),
            f"{v.score.total:.2f}" if v.score else "",
            safe(v.reason),
        )
    data.print(made)


def show_verdict(v: "Verdict") -> None:
    """One candidate: its fate, what its score adds up from, and who tells the same story."""
    fields = Table.grid(padding=(0, 2))
    for name, value in _told(v):
        fields.add_row(f"[dim]{name}[/dim]", value)
    data.print(fields)


def _told(v: "Verdict") -> "Iterator[tuple[str, str]]":
    yield "name", v.article.fingerprint[:8]
    yield "headline", safe(v.article.headline)
    yield "source", safe(v.article.source)
    yield "published", f"{when(v.article.published)} UTC" if v.article.published else "no date"
    yield "fate", f"{_kept(v)}: {safe(v.reason)}"
    yield "section", safe(f"{v.section} ({v.rule})") if v.section else "none takes it"
    if v.score:
        parts = f"freshness {v.score.freshness:.2f} + trend {v.score.trend:.2f} + "
        yield "score", f"{v.score.total:.2f} = {parts}coverage {v.score.coverage:.2f}"
    if v.decision:
        yield "decided", f"by {safe(v.decision.by)}, {when(v.decision.at)} UTC"
    for article in v.decided:
        yield "decided about", safe(f"{article.fingerprint[:8]} {article.headline}")
    for other in v.story:
        yield "same story", safe(f"{other.source}: {other.headline} {other.url}")


def _kept(v: "Verdict") -> str:
    return "[green]kept[/green]" if v.kept else "[dim]out[/dim]"


def unplaced(origins: "Sequence[tuple[str, int]]") -> str:
    """How many stories no section takes, and where most of them came from."""
    total = sum(count for _, count in origins)
    named = "; ".join(f"{count} from {plain(origin)}" for origin, count in origins[:5])
    more = "; …" if len(origins) > 5 else ""
    stories = "story" if total == 1 else "stories"
    return f"no section takes {total} {stories}: {named}{more}; digest articles explain --unplaced"
