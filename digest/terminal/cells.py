"""What every table shares: columns, colours, moments, and words that do no harm to a terminal.

Tables are data and go to standard output; remarks are talk and go to standard error.
"""

import sys
from datetime import datetime

from rich.console import Console
from rich.markup import escape
from rich.table import Table

# In a pipe a table is as wide as it needs to be: an address in two halves helps nobody.
data = Console(width=None if sys.stdout.isatty() else 10_000, highlight=False, emoji=False)
talk = Console(stderr=True, highlight=False, emoji=False)
_WHOLE = {
    "name",
    "source",
    "read (UTC)",
    "due",
    "UTC",
    "draft",
    "reminder",
    "published (UTC)",
    "prepared (UTC)",
    "reader",
    "mail",
    "state",
}
_COLOURS = {
    "sent": "green",
    "refused": "red",
    "unknown": "red",
    "expired": "red",
    "deferred": "yellow",
    "error": "red",
    "warning": "yellow",
}


def table(*columns: str) -> Table:
    """An empty table with these columns; names and moments are not broken over lines."""
    made = Table(box=None, pad_edge=False, header_style="dim", padding=(0, 2, 0, 0))
    for column in columns:
        made.add_column(column, overflow="fold", no_wrap=column in _WHOLE)
    return made


def coloured(word: str) -> str:
    """A state or severity in its colour."""
    colour = _COLOURS.get(word)
    return f"[{colour}]{word}[/{colour}]" if colour else word


def safe(words: str) -> str:
    """Words from outside as a cell: no markup, no escape sequence."""
    return escape(plain(words))


def plain(words: str) -> str:
    """Words without control characters: sources wrote some of this."""
    return "".join(c if c.isprintable() else " " for c in words)


def when(moment: object) -> str:
    """For instance 2026-03-30 01:30; a dash for no moment."""
    return f"{moment:%Y-%m-%d %H:%M}" if isinstance(moment, datetime) else "—"
