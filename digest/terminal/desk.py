"""The desk in a terminal: who may sit there, an issue as they see it, what could stand in it."""

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from digest.terminal.cells import data, safe, table, when

if TYPE_CHECKING:
    from digest.publish import (
        Candidate,
        Changes,
        DeskEntry,
        DeskIssue,
        DeskStory,
        Editor,
        HistoryLine,
        Line,
    )
    from subscribers.roster import Opinion


def show_desk(issue: "DeskIssue") -> None:
    """An issue in the order of the mail; every story and entry with the name that verbs take."""
    data.print(
        f"[bold]{safe(issue.title)}[/bold], issue {issue.number} · {issue.state} · "
        f"{when(issue.at)} UTC · version {issue.version}"
    )
    for name, line in _lines(issue):
        data.print(f"[dim]{name}[/dim]  {safe(line.text)} [dim]· {line.length}[/dim]")
    if issue.note:
        data.print(f"[dim]note[/dim]  {safe(issue.note)}")
    for section in issue.sections:
        if section.stories:
            data.print(f"\n[bold]{safe(section.name)}[/bold]")
        for story in section.stories:
            _story(story, f"{story.place:>2}. ")
    lists = (("Trending", issue.trending), ("In brief", issue.briefs), ("Latest", issue.latest))
    for name, entries in lists:
        _entries(name, entries)


def _lines(issue: "DeskIssue") -> "Iterator[tuple[str, Line]]":
    yield "subject", issue.subject
    if issue.second_subject:
        yield "second", issue.second_subject
    yield "preheader", issue.preheader


def _story(story: "DeskStory", rank: str) -> None:
    marks = [when(story.published)]
    marks += ["pinned"] if story.pinned else ["held"] if story.held else []
    marks += [f"{name} edited" for name in story.edited]
    data.print(f"  {rank}{story.name[:8]}  {safe(story.headline)} [dim]· {', '.join(marks)}[/dim]")
    if others := [source for source in story.sources if source != story.source]:
        data.print(f"                also {safe(', '.join(others))}", style="dim")


def _entries(name: str, entries: "Sequence[DeskEntry]") -> None:
    if entries:
        data.print(f"\n[bold]{name}[/bold]")
    for rank, entry in enumerate(entries, 1):
        if entry.story:
            _story(entry.story, f"{rank:>2}. ")
        else:
            mark = " [dim]· pinned[/dim]" if entry.pinned else " [dim]· held[/dim]" * entry.held
            data.print(f"  {rank:>2}. {entry.name[:8]}  {safe(entry.headline)}{mark}")


def show_lines(issue: "DeskIssue") -> None:
    """Subject and preheader: how long they are, and how inboxes cut them."""
    made = table("", "characters", "as an inbox shows it", "where")
    for name, line in _lines(issue):
        made.add_row(name, f"{line.length} of {line.limit}", safe(line.text), "whole")
        for cut in line.cuts:
            if not cut.whole:
                made.add_row("", "", safe(cut.shown), cut.where)
    data.print(made)


def show_history(lines: "Sequence[HistoryLine]") -> None:
    """Every step, the newest first."""
    made = table("version", "at (UTC)", "by", "what")
    for line in reversed(lines):
        undone = " [dim](taken back)[/dim]" if line.undone else ""
        made.add_row(str(line.version), when(line.at), safe(line.by), safe(line.what) + undone)
    data.print(made)


def show_changes(changes: "Changes") -> None:
    """What differs, a line each."""
    made = table("", "name", "headline", "before", "after")
    for each in changes.differences:
        words = (each.headline, each.before, each.after)
        made.add_row(each.kind, each.name[:8], *map(safe, words))
    for name, headline in changes.repeated:
        made.add_row("repeated", name[:8], safe(headline), f"issue {changes.against}", "")
    data.print(made)


def show_candidates(candidates: "Sequence[Candidate]") -> None:
    """What could be brought in, and why it does not stand in the issue."""
    made = table("name", "published (UTC)", "headline", "source", "section", "score", "reason")
    for one in candidates:
        made.add_row(
            one.article[:8],
            when(one.published),
            safe(one.headline),
            safe(", ".join((one.source, *one.others))),
            safe(one.section),
            f"{one.score.total:.2f}" if one.score else "",
            safe(f"in the issue: {one.standing}" if one.standing else one.reason),
        )
    data.print(made)


def show_opinions(opinions: "Sequence[Opinion]") -> None:
    """What readers said of an issue."""
    made = table("UTC", "said", "in their words")
    for one in opinions:
        made.add_row(when(one.at), one.verdict, safe(one.comment))
    data.print(made)


def show_editors(editors: "Sequence[Editor]") -> None:
    """Who may sit at the desk."""
    made = table("name", "role", "since (UTC)")
    for editor in editors:
        made.add_row(safe(editor.name), editor.role, when(editor.added))
    data.print(made)
