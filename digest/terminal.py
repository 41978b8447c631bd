"""The terminal as a surface: tables, progress bars, quiet colour; never what is done.

Tables are data and go to standard output; bars and remarks are talk and go to standard error.
"""

import contextlib
import sys
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Console
from rich.markup import escape
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    ProgressColumn,
    TextColumn,
    TimeRemainingColumn,
)
from rich.table import Table

from digest import publish

if TYPE_CHECKING:
    from digest.articles import Article
    from digest.demo import Demonstration
    from digest.preflight import Finding
    from digest.publish import Account, Collected, IssueRecord, ReaderLine, SourceState, Verdict

# In a pipe a table is as wide as it needs to be: an address in two halves helps nobody.
data = Console(width=None if sys.stdout.isatty() else 10_000, highlight=False, emoji=False)
talk = Console(stderr=True, highlight=False, emoji=False)
_WHOLE = {"name", "published (UTC)", "prepared (UTC)", "reader", "mail", "state"}
_COLOURS = {
    "sent": "green",
    "refused": "red",
    "unknown": "red",
    "expired": "red",
    "deferred": "yellow",
    "error": "red",
    "warning": "yellow",
}


@contextlib.contextmanager
def progress_bar(what: str) -> "Iterator[Callable[[publish.Progress], None]]":
    """A bar for a send: finished of total, rate, time left; how many are deferred, refused."""
    with _bar(TextColumn("{task.fields[rate]}/s"), TextColumn("{task.fields[note]}")) as bar:
        task = bar.add_task(what, total=None, rate="0", note="")
        # The first report may find most of it done, by an earlier run.
        before: list[int] = []

        def show(at: publish.Progress) -> None:
            before[:] = before or [at.finished]
            elapsed = bar.tasks[0].elapsed or 0.0
            rate = (at.finished - before[0]) / elapsed if elapsed else 0.0
            note = [f"{at.counts[s]:,} {s}" for s in ("deferred", "refused") if at.counts.get(s)]
            bar.update(
                task, completed=at.finished, total=at.total, rate=f"{rate:,.0f}",
                note=", ".join(note),
            )  # fmt: skip

        yield show


@contextlib.contextmanager
def source_bar(total: int) -> "Iterator[Callable[[Collected], None]]":
    """A bar that moves on with each source."""
    with _bar() as bar:
        task = bar.add_task("collecting", total=total)
        yield lambda _result: bar.advance(task)


def step(sentence: str) -> None:
    """One line on what is being done."""
    talk.print(f"[dim]·[/dim] {_safe(sentence)}", soft_wrap=True)


def show_collected(results: "Sequence[Collected]") -> None:
    """A line for each source: what was new, or since when it fails."""
    table = _table("source", "new", "changed", "unchanged", "remark")
    for r in results:
        remark = "[red]failed[/red]" if r.error else ""
        if r.failing_since:
            remark = f"[red]failing since {_when(r.failing_since)}[/red]"
        table.add_row(_safe(r.source), str(r.new), str(r.changed), str(r.unchanged), remark)
    data.print(table)


def show_articles(articles: "Sequence[Article]", total: int) -> None:
    """Articles, newest first."""
    table = _table("name", "published (UTC)", "section", "headline", "source")
    for a in articles:
        table.add_row(
            a.fingerprint[:8],
            _when(a.published),
            _safe(a.section),
            _safe(a.headline),
            _safe(a.source),
        )
    data.print(table)
    if total > len(articles):
        talk.print(f"[dim]{len(articles)} of {total}; more with --limit[/dim]")


def show_fields(fields: dict[str, object]) -> None:
    """One thing, a line for each of its fields."""
    table = Table.grid(padding=(0, 2))
    for name, value in fields.items():
        table.add_row(
            f"[dim]{name}[/dim]",
            _safe(_when(value) if isinstance(value, datetime) else str(value)),
        )
    data.print(table)


def show_verdicts(verdicts: "Sequence[Verdict]") -> None:
    """Every candidate: kept where, or dropped why."""
    table = _table("", "published (UTC)", "headline", "source", "score", "reason")
    for v in verdicts:
        mark = "[green]kept[/green]" if v.kept else "[dim]out[/dim]"
        table.add_row(
            mark,
            _when(v.article.published),
            _safe(v.article.headline),
            _safe(v.article.source),
            "" if v.score is None else f"{v.score:.2f}",
            _safe(v.reason),
        )
    data.print(table)


def show_issue(record: "IssueRecord", findings: "Sequence[Finding]") -> None:
    """The outline of an issue in the order of the mail."""
    issue = record.issue
    data.print(
        f"[bold]{_safe(issue.title)}[/bold], issue {issue.number} · {record.state} · "
        f"{_when(issue.at)} UTC"
    )
    for section in issue.sections:
        data.print(f"\n[bold]{_safe(section.name)}[/bold]")
        for story in section.stories:
            data.print(f"  {_safe(story.headline)} [dim]· {_when(story.published)}[/dim]")
            for other in story.others:
                data.print(f"    [dim]also {_safe(other.source)}: {_safe(other.headline)}[/dim]")
    if issue.trending:
        data.print("\n[bold]Trending[/bold]")
    for rank, trend in enumerate(issue.trending, 1):
        data.print(f"  {rank}. {_safe(trend.headline)}")
    if findings:
        data.print()
        show_findings(findings)


def show_issues(records: "Sequence[IssueRecord]") -> None:
    """All issues."""
    table = _table("newsletter", "issue", "state", "stories", "prepared (UTC)", "approved by")
    for r in records:
        table.add_row(
            r.issue.newsletter,
            str(r.issue.number),
            r.state,
            str(len(r.issue.stories)),
            _when(r.prepared_at),
            _safe(r.approved_by),
        )
    data.print(table)


def show_findings(findings: "Sequence[Finding]") -> None:
    """What stands against sending, with the remedy."""
    if not findings:
        data.print("[green]nothing stands against sending[/green]")
        return
    table = _table("", "rule", "what", "remedy")
    for f in findings:
        table.add_row(_coloured(f.severity), f.rule, _safe(f.what), _safe(f.remedy))
    data.print(table)


def show_account(account: "Account") -> None:
    """Every reader of an issue by state; the sum is the list."""
    issue = account.record.issue
    stands = account.record.state
    if account.control == "paused":
        stands += f", paused ({account.why})"
    talk.print(f"[bold]{_safe(issue.title)}[/bold], issue {issue.number} · {_safe(stands)}")
    table = _table("state", "readers")
    for state, count in sorted(account.counts.items(), key=lambda item: -item[1]):
        table.add_row(_coloured(state), f"{count:,}")
    table.add_row("[bold]all[/bold]", f"[bold]{account.total:,}[/bold]")
    data.print(table)
    if account.left:
        data.print(f"{account.left:,} left by this issue's links")
    if account.next_at and account.counts.get("deferred"):
        talk.print(f"the next attempt is due at {_when(account.next_at)} UTC")
    if account.interrupted:
        talk.print("stopped when asked; what had begun was finished")


def show_readers(lines: "Sequence[ReaderLine]") -> None:
    """Everybody on the list: what they got, or why nothing."""
    table = _table("reader", "mail", "sections", "format", "why")
    for line in lines:
        # An edition's key is "html:Global+Opinion".
        form, _, sections = line.edition.partition(":")
        table.add_row(
            _safe(line.address),
            _coloured(line.state),
            _safe(sections.replace("+", ", ")),
            form,
            _safe(line.reason),
        )
    data.print(table)


def show_sources(failing: "Sequence[SourceState]") -> None:
    """The sources that fail, and since when."""
    for state in failing:
        since = _when(state.failing_since)
        talk.print(
            f"[red]source {_safe(state.name)} is failing since {since}:[/red] {_safe(state.error)}",
            soft_wrap=True,
        )


def show_demonstration(shown: "Demonstration", program: str) -> None:
    """The whole job at a glance, and what to try next."""
    issue = shown.account.record.issue
    data.print(
        f"\n{shown.articles} articles collected; "
        f"[bold]{_safe(issue.title)}[/bold], issue {issue.number}: "
        f"{len(issue.stories)} stories and {len(issue.trending)} trending"
    )
    if shown.again:
        data.print("Everybody had this issue already: nobody was sent a second copy.")
    show_readers(shown.readers)
    paths = Table.grid(padding=(0, 2))
    for name, path in (("HTML", shown.html), ("text", shown.text), ("mail", shown.mail)):
        paths.add_row(name, _short(path))
    data.print(paths)
    folder = _short(shown.folder)
    data.print("\nTry next:")
    for command in ("preview", "status --readers", "articles explain"):
        data.print(f"  {program} -C {folder} {command}", highlight=False, soft_wrap=True)


def _short(path: Path) -> str:
    with contextlib.suppress(ValueError):
        return str(path.relative_to(Path.cwd()))
    return str(path)


def _bar(*more: ProgressColumn) -> Progress:
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(bar_width=30),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
        *more,
        console=talk,
        transient=True,
        disable=not talk.is_interactive,
    )


def _table(*columns: str) -> Table:
    table = Table(box=None, pad_edge=False, header_style="dim", padding=(0, 2, 0, 0))
    for column in columns:
        table.add_column(column, overflow="fold", no_wrap=column in _WHOLE)
    return table


def _coloured(word: str) -> str:
    colour = _COLOURS.get(word)
    return f"[{colour}]{word}[/{colour}]" if colour else word


def _safe(words: str) -> str:
    # Sources wrote some of this: no escape sequence of theirs reaches a terminal.
    return escape("".join(c if c.isprintable() else " " for c in words))


def _when(moment: object) -> str:
    return f"{moment:%Y-%m-%d %H:%M}" if isinstance(moment, datetime) else "—"
