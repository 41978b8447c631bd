"""What stands against sending, in a terminal; and how a trial of the templates came out."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from digest.terminal.cells import coloured, data, safe, table, talk

if TYPE_CHECKING:
    from digest.preflight import Finding
    from digest.publish.templating import Trial


def say_looking(part: str) -> None:
    """What the doctor looks at next; a name server or a relay may take its time."""
    if talk.is_terminal:
        talk.print(f"[dim]looking at: {part}[/dim]")


def show_findings(findings: "Sequence[Finding]") -> None:
    """What stands against sending, with the remedy."""
    if not findings:
        data.print("[green]nothing stands against sending[/green]")
        return
    made = table("", "rule", "where", "what", "remedy")
    for f in findings:
        made.add_row(coloured(f.severity), f.rule, safe(f.where), safe(f.what), safe(f.remedy))
    data.print(made)


def show_trial(trial: "Trial") -> None:
    """How each hard sample came out, and which rules of email.css weigh most."""
    made = table("sample", "language", "HTML bytes", "text bytes", "")
    for tried in trial.tried:
        sizes = (f"{tried.html:,}", f"{tried.text:,}") if not tried.error else ("", "")
        word = "[red]failed[/red]" if tried.error else "[green]good[/green]"
        made.add_row(safe(tried.sample), safe(tried.language), *sizes, word)
    data.print(made)
    heaviest = ", ".join(f"{selector[:40]} {size:,}" for selector, size in trial.heaviest[:5])
    if heaviest:
        talk.print(f"[dim]bytes that rules of email.css add: {safe(heaviest)}[/dim]")
