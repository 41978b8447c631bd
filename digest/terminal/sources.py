"""The sources in a terminal: what was collected, how each fares."""

from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING

from digest.terminal.cells import data, safe, table, talk, when

if TYPE_CHECKING:
    from digest.publish import Collected, SourceLine, SourceState


def show_collected(results: "Sequence[Collected]") -> None:
    """A line for each source: what was new, or since when it fails."""
    made = table("source", "new", "changed", "unchanged", "remark")
    for r in results:
        looked = r.outcome == "read"
        counts = [str(n) if looked else "" for n in (r.new, r.changed, r.unchanged)]
        made.add_row(safe(r.source), *counts, _remark(r))
    data.print(made)


def _remark(r: "Collected") -> str:
    told = []
    if r.outcome == "failed":
        told.append(f"[red]{_failing(r.failing_since, r.failures) or 'failed'}[/red]")
    if r.outcome == "unchanged":
        told.append("[dim]nothing has changed[/dim]")
    if r.waiting_until:
        told.append(f"[yellow]waiting until {when(r.waiting_until)}, as asked[/yellow]")
    if r.moved_to:
        told.append(f"[yellow]moved to {safe(r.moved_to)}: correct digest.toml[/yellow]")
    if r.left_out:
        told.append(f"[red]left out {len(r.left_out)} of its files[/red]")
    return "; ".join(told)


def show_source_lines(lines: "Sequence[SourceLine]") -> None:
    """Every source: where it is, when it was last read, what is wrong with it."""
    made = table("source", "kind", "section", "read (UTC)", "place", "remark")
    for line in lines:
        told = [
            f"[red]{_failing(line.failing_since, line.failures)}: {safe(line.error)}[/red]"
            if line.failing_since else "",
            f"[yellow]waiting until {when(line.waiting_until)}[/yellow]"
            if line.waiting_until else "",
            f"[yellow]moved to {safe(line.moved_to)}[/yellow]" if line.moved_to else "",
        ]  # fmt: skip
        made.add_row(
            safe(line.name),
            line.kind,
            safe(line.section),
            when(line.succeeded),
            safe(line.place),
            "; ".join(filter(None, told)),
        )
    data.print(made)


def show_sources(states: "Sequence[SourceState]") -> None:
    """The sources that fail, and since when."""
    for state in states:
        failing = _failing(state.failing_since, state.failures)
        talk.print(
            f"[red]source {safe(state.name)} is {failing}:[/red] {safe(state.error)}",
            soft_wrap=True,
        )


def _failing(since: datetime | None, times: int) -> str:
    often = f", {times} times" if times > 1 else ""
    return f"failing since {when(since)}{often}" if since else ""
