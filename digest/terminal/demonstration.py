"""The whole job at a glance, as `digest demo` shows it."""

import contextlib
from pathlib import Path
from typing import TYPE_CHECKING

from rich.table import Table

from digest.terminal.cells import data, safe
from digest.terminal.sending import show_readers

if TYPE_CHECKING:
    from digest.demo import Demonstration


def show_demonstration(shown: "Demonstration", program: str) -> None:
    """The whole job at a glance, and what to try next."""
    issue = shown.account.record.issue
    data.print(
        f"\n{shown.articles} articles collected; "
        f"[bold]{safe(issue.title)}[/bold], issue {issue.number}: "
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
