"""The due times in a terminal, with what the wall clock does to them."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from digest.terminal.cells import data, safe, table, talk

if TYPE_CHECKING:
    from digest.publish import DueLine


def show_schedule(lines: "Sequence[DueLine]") -> None:
    """The due times, the wall clock's first; what is odd about one stands behind it."""
    several = len({line.newsletter for line in lines}) > 1
    names = ["newsletter"] if several else []
    made = table(*names, "due", "UTC", "draft", "reminder", "remark")
    for line in lines:
        first = [safe(line.newsletter)] if several else []
        local = f"{line.local:%a %Y-%m-%d %H:%M %Z}"
        if line.left_out:
            made.add_row(*first, f"[dim]{local}[/dim]", "", "", "", "no issue: left out")
            continue
        remind = f"{line.remind:%a %H:%M}" if line.remind else "—"
        made.add_row(
            *first, local, f"{line.due:%a %H:%M}", f"{line.draft:%a %Y-%m-%d %H:%M}", remind,
            due_remark(line),
        )  # fmt: skip
    data.print(made)
    for name in dict.fromkeys(line.newsletter for line in lines if line.at == "local"):
        talk.print(safe(f"{name}: who has chosen a time zone gets it by their own clock"))


def due_remark(line: "DueLine") -> str:
    """How far the issue for a due time has come, and what the clock does to it; rich's markup."""
    drafted = "goes out by itself" if line.approval == "auto" else "waits for approval"
    unfit = f"issue {line.number} is not fit to send: digest check {line.number}"
    states = {
        "held": "[red]held back: digest run --release[/red]",
        "draft": f"issue {line.number} {drafted}",
        "unfit": f"[red]{unfit} -n {safe(line.newsletter)}[/red]",
        "approved": f"issue {line.number} is approved",
        "sending": f"issue {line.number} is going out",
        "sent": f"issue {line.number} is out",
        "cancelled": f"issue {line.number} was cancelled",
    }
    odd = {
        "skipped": "the clock goes forward over this time: due when it would have been",
        "doubled": "the clock goes back: the first of the two counts",
    }
    moved = "" if line.oddity == "skipped" else _shift(line.shift)  # one remark on it is enough
    remarks = [states.get(line.state, ""), odd.get(line.oddity, ""), moved]
    return "; ".join(filter(None, remarks))


def _shift(minutes: int) -> str:
    if not minutes:
        return ""
    hours, rest = divmod(abs(minutes), 60)
    said = f"{hours} h {rest} min" if hours and rest else f"{hours} h" if hours else f"{rest} min"
    return f"the clock goes {'forward' if minutes > 0 else 'back'} by {said} before it"
