"""Progress bars of a send and of the sources, and one line for each step. All of it is talk."""

import contextlib
from collections.abc import Callable, Iterator

from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    ProgressColumn,
    TextColumn,
    TimeRemainingColumn,
)

from digest import publish
from digest.terminal.cells import safe, talk


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
def source_bar(total: int) -> "Iterator[Callable[[str], None]]":
    """A bar that moves on with each source."""
    with _bar() as bar:
        task = bar.add_task("collecting", total=total)
        yield lambda _name: bar.advance(task)


def step(sentence: str) -> None:
    """One line on what is being done."""
    talk.print(f"[dim]·[/dim] {safe(sentence)}", soft_wrap=True)


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
