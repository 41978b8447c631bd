"""Issues in a terminal: all of them, or the outline of one with what stands against it."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from digest.terminal.cells import data, safe, table, when
from digest.terminal.checking import show_findings

if TYPE_CHECKING:
    from digest.preflight import Finding
    from digest.publish import IssueRecord
    from digest.selection import Story


def show_issue(record: "IssueRecord", findings: "Sequence[Finding]") -> None:
    """The outline of an issue in the order of the mail."""
    issue = record.issue
    data.print(
        f"[bold]{safe(issue.title)}[/bold], issue {issue.number} · {record.state} · "
        f"{when(issue.at)} UTC"
    )
    for section in issue.sections:
        data.print(f"\n[bold]{safe(section.name)}[/bold]")
        for story in section.stories:
            data.print(f"  {safe(story.headline)} [dim]· {when(story.published)}[/dim]")
            _show_others(story)
    if issue.trending:
        data.print("\n[bold]Trending[/bold]")
    for rank, trend in enumerate(issue.trending, 1):
        data.print(f"  {rank}. {safe(trend.headline)}")
        _show_others(trend.story)
    if findings:
        data.print()
        show_findings(findings)


def _show_others(story: "Story | None") -> None:
    for other in story.others if story else ():
        data.print(f"    [dim]also {safe(other.source)}: {safe(other.headline)}[/dim]")


def show_issues(records: "Sequence[IssueRecord]") -> None:
    """All issues."""
    made = table("newsletter", "issue", "state", "stories", "prepared (UTC)", "approved by")
    for r in records:
        made.add_row(
            r.issue.newsletter,
            str(r.issue.number),
            r.state,
            str(len(r.issue.stories)),
            when(r.prepared_at),
            safe(r.approved_by),
        )
    data.print(made)
