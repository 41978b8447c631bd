"""A send in a terminal: every reader accounted for, and how the relays stand."""

from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING

from digest.terminal.cells import coloured, data, safe, table, talk, when

if TYPE_CHECKING:
    from digest.publish import Account, ReaderLine, RelayLine


def show_account(account: "Account", now: datetime) -> None:
    """Every reader of an issue by state; the sum is the list. `now` is what dues are seen from."""
    issue = account.record.issue
    stands = account.record.state
    if account.paused:
        stands += f", paused ({account.why})"
    elif account.control == "cancelled" != stands:
        stands += f", cancelled ({account.why})"  # something of it is still on the wire
    talk.print(f"[bold]{safe(issue.title)}[/bold], issue {issue.number} · {safe(stands)}")
    made = table("state", "readers")
    for state, count in sorted(account.counts.items(), key=lambda item: -item[1]):
        made.add_row(coloured(state), f"{count:,}")
    made.add_row("[bold]all[/bold]", f"[bold]{account.total:,}[/bold]")
    data.print(made)
    if not account.whole:
        talk.print("these are the first of the list: the rest is written while it is sent")
    if account.left:
        data.print(f"{account.left:,} left by this issue's links")
    for each in account.subjects:
        data.print(f"{each.sent:,} got “{safe(each.subject)}”, {each.left:,} of them left")
    _show_due(account, now)
    for one in account.waits:
        said = f"{one.count:,} {one.why.replace('waits', 'wait', 1)}"
        talk.print(f"{safe(said)}: due from {when(one.first)} to {when(one.last)} UTC")
    if account.cut:
        talk.print("cut off; of what was on the wire just then nobody knows whether it came")
    elif account.interrupted:
        talk.print("stopped when asked; what had begun was finished")


def _show_due(account: "Account", now: datetime) -> None:
    if account.paused:
        talk.print("nothing more of it goes out while it is paused")
    elif account.control == "paused":
        talk.print(safe(f"it was paused when nothing was left to hold back ({account.why})"))
    elif account.next_at and account.counts.get("deferred"):
        to_come = account.next_at > now
        due = f"at {when(account.next_at)} UTC" if to_come else "now"
        talk.print(f"the next attempt is due {due}")


def show_relays(lines: "Sequence[RelayLine]") -> None:
    """The relays that are left alone or have a budget for the day."""
    for one in lines:
        if one.until:
            said = f"relay {one.name}: nothing until {when(one.until)} UTC: {one.why}"
            talk.print(f"[yellow]{safe(said)}[/yellow]", soft_wrap=True)
        if one.cap is not None:
            talk.print(safe(f"relay {one.name}: {one.today:,} of {one.cap:,} today (UTC)"))


def show_readers(lines: "Sequence[ReaderLine]") -> None:
    """Everybody on the list: what they got, or why nothing."""
    made = table("reader", "mail", "sections", "format", "why")
    for line in lines:
        # An edition's key is "html:Global+Opinion".
        form, _, sections = line.edition.removesuffix("#2").partition(":")
        sections += " (second subject)" if line.edition.endswith("#2") else ""
        made.add_row(
            safe(line.address),
            coloured(line.state),
            safe(sections.replace("+", ", ")),
            form,
            safe(line.reason),
        )
    data.print(made)
