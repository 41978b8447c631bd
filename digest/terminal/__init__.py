"""The terminal as a surface: tables, progress bars, quiet colour; never what is done.

    cells       what every table shares
    desk        an issue as editors see it, its history, what could stand in it

Tables are data and go to standard output; bars and remarks are talk and go to standard error.
"""

import contextlib
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

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
from digest.terminal.cells import coloured as _coloured
from digest.terminal.cells import data, talk
from digest.terminal.cells import plain as _plain
from digest.terminal.cells import safe as _safe
from digest.terminal.cells import table as _table
from digest.terminal.cells import when as _when

if TYPE_CHECKING:
    from digest.articles import Article
    from digest.demo import Demonstration
    from digest.preflight import Finding
    from digest.publish import (
        Account,
        Collected,
        DueLine,
        Editor,
        IssueRecord,
        ReaderLine,
        RelayLine,
        SourceLine,
        SourceState,
        Verdict,
    )
    from digest.publish.templating import Trial
    from digest.selection import Story


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
    talk.print(f"[dim]·[/dim] {_safe(sentence)}", soft_wrap=True)


def show_collected(results: "Sequence[Collected]") -> None:
    """A line for each source: what was new, or since when it fails."""
    table = _table("source", "new", "changed", "unchanged", "remark")
    for r in results:
        looked = r.outcome == "read"
        counts = [str(n) if looked else "" for n in (r.new, r.changed, r.unchanged)]
        table.add_row(_safe(r.source), *counts, _remark(r))
    data.print(table)


def _remark(r: "Collected") -> str:
    told = []
    if r.outcome == "failed":
        told.append(f"[red]{_failing(r.failing_since, r.failures) or 'failed'}[/red]")
    if r.outcome == "unchanged":
        told.append("[dim]nothing has changed[/dim]")
    if r.waiting_until:
        told.append(f"[yellow]waiting until {_when(r.waiting_until)}, as asked[/yellow]")
    if r.moved_to:
        told.append(f"[yellow]moved to {_safe(r.moved_to)}: correct digest.toml[/yellow]")
    if r.left_out:
        told.append(f"[red]left out {len(r.left_out)} of its files[/red]")
    return "; ".join(told)


def _failing(since: datetime | None, times: int) -> str:
    often = f", {times} times" if times > 1 else ""
    return f"failing since {_when(since)}{often}" if since else ""


def show_source_lines(lines: "Sequence[SourceLine]") -> None:
    """Every source: where it is, when it was last read, what is wrong with it."""
    table = _table("source", "kind", "section", "read (UTC)", "place", "remark")
    for line in lines:
        told = [
            f"[red]{_failing(line.failing_since, line.failures)}: {_safe(line.error)}[/red]"
            if line.failing_since else "",
            f"[yellow]waiting until {_when(line.waiting_until)}[/yellow]"
            if line.waiting_until else "",
            f"[yellow]moved to {_safe(line.moved_to)}[/yellow]" if line.moved_to else "",
        ]  # fmt: skip
        table.add_row(
            _safe(line.name),
            line.kind,
            _safe(line.section),
            _when(line.succeeded),
            _safe(line.place),
            "; ".join(filter(None, told)),
        )
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
    table = _table("", "name", "published (UTC)", "headline", "source", "score", "reason")
    for v in verdicts:
        table.add_row(
            _kept(v),
            v.article.fingerprint[:8],
            _when(v.article.published),
            _safe(v.article.headline),
            _safe(v.article.source),
            f"{v.score.total:.2f}" if v.score else "",
            _safe(v.reason),
        )
    data.print(table)


def show_verdict(v: "Verdict") -> None:
    """One candidate: its fate, what its score adds up from, and who tells the same story."""
    fields = Table.grid(padding=(0, 2))
    for name, value in _told(v):
        fields.add_row(f"[dim]{name}[/dim]", value)
    data.print(fields)


def _told(v: "Verdict") -> "Iterator[tuple[str, str]]":
    yield "name", v.article.fingerprint[:8]
    yield "headline", _safe(v.article.headline)
    yield "source", _safe(v.article.source)
    yield "published", f"{_when(v.article.published)} UTC" if v.article.published else "no date"
    yield "fate", f"{_kept(v)}: {_safe(v.reason)}"
    yield "section", _safe(f"{v.section} ({v.rule})") if v.section else "none takes it"
    if v.score:
        parts = f"freshness {v.score.freshness:.2f} + trend {v.score.trend:.2f} + "
        yield "score", f"{v.score.total:.2f} = {parts}coverage {v.score.coverage:.2f}"
    if v.decision:
        yield "decided", f"by {_safe(v.decision.by)}, {_when(v.decision.at)} UTC"
    for article in v.decided:
        yield "decided about", _safe(f"{article.fingerprint[:8]} {article.headline}")
    for other in v.story:
        yield "same story", _safe(f"{other.source}: {other.headline} {other.url}")


def _kept(v: "Verdict") -> str:
    return "[green]kept[/green]" if v.kept else "[dim]out[/dim]"


def unplaced(origins: "Sequence[tuple[str, int]]") -> str:
    """How many stories no section takes, and where most of them came from."""
    total = sum(count for _, count in origins)
    named = "; ".join(f"{count} from {_plain(origin)}" for origin, count in origins[:5])
    more = "; …" if len(origins) > 5 else ""
    stories = "story" if total == 1 else "stories"
    return f"no section takes {total} {stories}: {named}{more}; digest articles explain --unplaced"


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
            _show_others(story)
    if issue.trending:
        data.print("\n[bold]Trending[/bold]")
    for rank, trend in enumerate(issue.trending, 1):
        data.print(f"  {rank}. {_safe(trend.headline)}")
        _show_others(trend.story)
    if findings:
        data.print()
        show_findings(findings)


def _show_others(story: "Story | None") -> None:
    for other in story.others if story else ():
        data.print(f"    [dim]also {_safe(other.source)}: {_safe(other.headline)}[/dim]")


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


def say_looking(part: str) -> None:
    """What the doctor looks at next; a name server or a relay may take its time."""
    if talk.is_terminal:
        talk.print(f"[dim]looking at: {part}[/dim]")


def show_editors(editors: "Sequence[Editor]") -> None:
    """Who may sit at the desk."""
    table = _table("name", "role", "since (UTC)")
    for editor in editors:
        table.add_row(_safe(editor.name), editor.role, _when(editor.added))
    data.print(table)


def show_findings(findings: "Sequence[Finding]") -> None:
    """What stands against sending, with the remedy."""
    if not findings:
        data.print("[green]nothing stands against sending[/green]")
        return
    table = _table("", "rule", "where", "what", "remedy")
    for f in findings:
        table.add_row(_coloured(f.severity), f.rule, _safe(f.where), _safe(f.what), _safe(f.remedy))
    data.print(table)


def show_trial(trial: "Trial") -> None:
    """How each hard sample came out, and which rules of email.css weigh most."""
    table = _table("sample", "language", "HTML bytes", "text bytes", "")
    for tried in trial.tried:
        sizes = (f"{tried.html:,}", f"{tried.text:,}") if not tried.error else ("", "")
        word = "[red]failed[/red]" if tried.error else "[green]good[/green]"
        table.add_row(_safe(tried.sample), _safe(tried.language), *sizes, word)
    data.print(table)
    heaviest = ", ".join(f"{selector[:40]} {size:,}" for selector, size in trial.heaviest[:5])
    if heaviest:
        talk.print(f"[dim]bytes that rules of email.css add: {_safe(heaviest)}[/dim]")


def show_account(account: "Account", now: datetime) -> None:
    """Every reader of an issue by state; the sum is the list. `now` is what dues are seen from."""
    issue = account.record.issue
    stands = account.record.state
    if account.paused:
        stands += f", paused ({account.why})"
    talk.print(f"[bold]{_safe(issue.title)}[/bold], issue {issue.number} · {_safe(stands)}")
    table = _table("state", "readers")
    for state, count in sorted(account.counts.items(), key=lambda item: -item[1]):
        table.add_row(_coloured(state), f"{count:,}")
    table.add_row("[bold]all[/bold]", f"[bold]{account.total:,}[/bold]")
    data.print(table)
    if not account.whole:
        talk.print("these are the first of the list: the rest is written while it is sent")
    if account.left:
        data.print(f"{account.left:,} left by this issue's links")
    for each in account.subjects:
        data.print(f"{each.sent:,} got “{_safe(each.subject)}”, {each.left:,} of them left")
    _show_due(account, now)
    for one in account.waits:
        said = f"{one.count:,} {one.why.replace('waits', 'wait', 1)}"
        talk.print(f"{_safe(said)}: due from {_when(one.first)} to {_when(one.last)} UTC")
    if account.cut:
        talk.print("cut off; of what was on the wire just then nobody knows whether it came")
    elif account.interrupted:
        talk.print("stopped when asked; what had begun was finished")


def _show_due(account: "Account", now: datetime) -> None:
    if account.paused:
        talk.print("nothing more of it goes out while it is paused")
    elif account.control == "paused":
        talk.print(_safe(f"it was paused when nothing was left to hold back ({account.why})"))
    elif account.next_at and account.counts.get("deferred"):
        to_come = account.next_at > now
        when = f"at {_when(account.next_at)} UTC" if to_come else "now"
        talk.print(f"the next attempt is due {when}")


def show_relays(lines: "Sequence[RelayLine]") -> None:
    """The relays that are left alone or have a budget for the day."""
    for one in lines:
        if one.until:
            said = f"relay {one.name}: nothing until {_when(one.until)} UTC: {one.why}"
            talk.print(f"[yellow]{_safe(said)}[/yellow]", soft_wrap=True)
        if one.cap is not None:
            talk.print(_safe(f"relay {one.name}: {one.today:,} of {one.cap:,} today (UTC)"))


def show_readers(lines: "Sequence[ReaderLine]") -> None:
    """Everybody on the list: what they got, or why nothing."""
    table = _table("reader", "mail", "sections", "format", "why")
    for line in lines:
        # An edition's key is "html:Global+Opinion".
        form, _, sections = line.edition.removesuffix("#2").partition(":")
        sections += " (second subject)" if line.edition.endswith("#2") else ""
        table.add_row(
            _safe(line.address),
            _coloured(line.state),
            _safe(sections.replace("+", ", ")),
            form,
            _safe(line.reason),
        )
    data.print(table)


def show_sources(states: "Sequence[SourceState]") -> None:
    """The sources that fail, and since when."""
    for state in states:
        failing = _failing(state.failing_since, state.failures)
        talk.print(
            f"[red]source {_safe(state.name)} is {failing}:[/red] {_safe(state.error)}",
            soft_wrap=True,
        )


def show_schedule(lines: "Sequence[DueLine]") -> None:
    """The due times, the wall clock's first; what is odd about one stands behind it."""
    several = len({line.newsletter for line in lines}) > 1
    names = ["newsletter"] if several else []
    table = _table(*names, "due", "UTC", "draft", "reminder", "remark")
    for line in lines:
        first = [_safe(line.newsletter)] if several else []
        local = f"{line.local:%a %Y-%m-%d %H:%M %Z}"
        if line.left_out:
            table.add_row(*first, f"[dim]{local}[/dim]", "", "", "", "no issue: left out")
            continue
        remind = f"{line.remind:%a %H:%M}" if line.remind else "—"
        table.add_row(
            *first, local, f"{line.due:%a %H:%M}", f"{line.draft:%a %Y-%m-%d %H:%M}", remind,
            due_remark(line),
        )  # fmt: skip
    data.print(table)
    for name in dict.fromkeys(line.newsletter for line in lines if line.at == "local"):
        talk.print(_safe(f"{name}: who has chosen a time zone gets it by their own clock"))


def due_remark(line: "DueLine") -> str:
    """How far the issue for a due time has come, and what the clock does to it; rich's markup."""
    drafted = "goes out by itself" if line.approval == "auto" else "waits for approval"
    unfit = f"issue {line.number} is not fit to send: digest check {line.number}"
    states = {
        "held": "[red]held back: digest run --release[/red]",
        "draft": f"issue {line.number} {drafted}",
        "unfit": f"[red]{unfit} -n {_safe(line.newsletter)}[/red]",
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
