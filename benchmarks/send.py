"""The send, measured beside its peers in one run: `make bench`.

Each row sends messages of the same size over the same number of connections to Postfix's
smtp-sink on the loopback. Ours is the whole of `publish.send`: a durable ledger (SQLite,
synchronous=FULL, two states for each message), suppression looked up, each message made for its
reader; from the first claim on (million.py measures the start). Peers keep nothing. All rows run in
turn, several times; a ratio is taken within each turn, and of these the median counts, because a
machine is seldom alone with us. The rows behind the proxy have 20 ms of round trip added.

Absolute figures are this machine's, at this hour. Beside the rates stand the microseconds of
processor time that a message costs on either side, which depend on nobody else: where two cores are
free, the dearer side sets the pace, and smtp-sink's side costs the same for everybody.
"""

import argparse
import json
import os
import platform
import statistics
import sys
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from pathlib import Path

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE.parent))

from ours import engine, signed, whole  # noqa: E402 - after the path to the checkout
from peers import aiosmtplib_sendmail, nodemailer, smtp_source  # noqa: E402
from sinks import Cost, Load, proxy, sink, spent_by  # noqa: E402


@dataclass(frozen=True, slots=True)
class Figures:
    """One row in one turn: messages a second, and microseconds a message here and in the sink."""

    rate: float
    client: float
    sink: float


SOURCE, OURS, FAR = "Postfix smtp-source (C, no state)", "digest, engine", ", 20 ms away"
ROWS: dict[str, Callable[[Load, int], Cost]] = {
    SOURCE: smtp_source,
    "nodemailer, pooled, raw": nodemailer,
    "aiosmtplib sendmail, uvloop": aiosmtplib_sendmail,
    OURS: engine,
    "digest, engine, signed (RSA-2048)": signed,
    "digest send, whole": whole,
    "aiosmtplib sendmail, uvloop" + FAR: aiosmtplib_sendmail,
    OURS + FAR: engine,
}
# Who is compared with whom, and what the ratio must be.
GOALS = (
    (OURS, SOURCE, 1.0),
    ("digest, engine, signed (RSA-2048)", SOURCE, 0.5),
    (OURS, "nodemailer, pooled, raw", 2.2),
    (OURS, "aiosmtplib sendmail, uvloop", 3.0),
    (OURS + FAR, "aiosmtplib sendmail, uvloop" + FAR, 3.0),
)


def measured(load: Load, rows: list[str]) -> dict[str, list[Figures]]:
    """Each row's figures, turn by turn."""
    found: dict[str, list[Figures]] = {row: [] for row in rows}
    with sink() as (port, process), proxy(port) as far:
        for turn in range(load.rounds):
            for row in rows:
                away = row.endswith(FAR)
                some = replace(load, messages=max(load.messages // 4, 1)) if away else load
                before = spent_by(process)
                cost = ROWS[row](some, far if away else port)
                each = 1e6 / some.messages
                figures = Figures(
                    some.messages / cost.seconds,
                    cost.cpu * each,
                    (spent_by(process) - before) * each,
                )
                found[row].append(figures)
                print(
                    f"  {turn + 1}/{load.rounds}  {row:40} {figures.rate:8,.0f}/s "
                    f"{figures.client:5.0f} us here {figures.sink:5.0f} us there "
                    f"load {os.getloadavg()[0]:.1f}",
                    file=sys.stderr,
                )
    return found


def ratio(found: dict[str, list[Figures]], ours: str, peer: str) -> float:
    """The median of the turns' ratios."""
    both = zip(found[ours], found[peer], strict=True)
    return statistics.median(mine.rate / theirs.rate for mine, theirs in both)


def table(found: dict[str, list[Figures]]) -> str:
    """Medians of each row, and the ratios that are asked for."""
    lines = ["| row | messages/s | µs of processor here | in the sink |", "|---|---|---|---|"]
    for row, turns in found.items():
        rate, here, there = (
            statistics.median(getattr(turn, name) for turn in turns)
            for name in ("rate", "client", "sink")
        )
        lines.append(f"| {row} | {rate:,.0f} | {here:.0f} | {there:.0f} |")
    lines += ["", "| ratio | measured | wanted |", "|---|---|---|"]
    for ours, peer, goal in GOALS:
        if ours in found and peer in found:
            lines.append(f"| {ours} : {peer} | {ratio(found, ours, peer):.2f} | {goal:.1f} |")
    return "\n".join(lines) + "\n"


def chart(rates: dict[str, float], digits: int = 0) -> str:
    """Numbers as bars, in SVG."""
    top, height = max(rates.values()), 34
    bars = []
    for n, (row, rate) in enumerate(rates.items()):
        colour = "#b3261e" if row.startswith("digest") else "#8a8f98"
        y, width = n * height + 8, 420 * rate / top
        bars.append(
            f'<text x="302" y="{y + 16}" text-anchor="end">{row}</text>'
            f'<rect x="310" y="{y}" width="{width:.0f}" height="22" fill="{colour}"/>'
            f'<text x="{318 + width:.0f}" y="{y + 16}">{rate:,.{digits}f}</text>'
        )
    size = f'width="820" height="{len(rates) * height + 12}"'
    style = 'font-family="sans-serif" font-size="13" fill="#1c1b1f"'
    return f'<svg xmlns="http://www.w3.org/2000/svg" {size}><g {style}>{"".join(bars)}</g></svg>\n'


def main() -> None:
    """Measure, print, and keep table and chart in benchmarks/results."""
    asked = argparse.ArgumentParser(description=__doc__)
    asked.add_argument("--messages", type=int, default=20_000)
    asked.add_argument("--size", type=int, default=40_000, help="bytes of a message")
    asked.add_argument("--connections", type=int, default=20)
    asked.add_argument("--rounds", type=int, default=3)
    asked.add_argument("--rows", nargs="*", help="the beginnings of their names")
    asked.add_argument("--no-save", action="store_true")
    given = asked.parse_args()
    load = Load(given.messages, given.size, given.connections, given.rounds)
    rows = [r for r in ROWS if not given.rows or any(r.startswith(start) for start in given.rows)]
    found = measured(load, rows)
    head = (
        f"{load.messages:,} messages of {load.size:,} bytes, {load.connections} connections, "
        f"medians of {load.rounds} turns; {os.cpu_count()} cores, "
        f"Python {platform.python_version()}, load {os.getloadavg()[0]:.1f}\n\n"
    )
    print(head + table(found))
    if not given.no_save:
        results = HERE / "results"
        results.mkdir(exist_ok=True)
        (results / "send.md").write_text(f"# The send\n\n{head}{table(found)}", encoding="utf-8")
        plain = {row: [asdict(turn) for turn in turns] for row, turns in found.items()}
        (results / "send.json").write_text(json.dumps(plain, indent=2) + "\n", encoding="utf-8")
        rates = {row: statistics.median(t.rate for t in turns) for row, turns in found.items()}
        (results / "send.svg").write_text(chart(rates), encoding="utf-8")


if __name__ == "__main__":
    main()
