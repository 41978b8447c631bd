"""How long an edition takes: 25 stories to HTML with its CSS inlined, and to text.

    python benchmarks/render.py

Prints a table, and saves it with a chart in benchmarks/results. The goal is under 200 ms, warm.
"""

import json
import platform
import statistics
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from digest.rendering import environment, fill, filled, inlined, render
from tests.showcase import large_edition, sample_reader

RESULTS = Path(__file__).parent / "results"
GOAL = 200  # milliseconds
ROUNDS = 31
Row = tuple[str, float, float]


def measured(work: Callable[[], object], rounds: int = ROUNDS) -> tuple[float, float]:
    """The median and the least time in milliseconds of so many rounds, after one to warm up."""
    work()
    times = []
    for _ in range(rounds):
        begun = time.perf_counter()
        work()
        times.append((time.perf_counter() - begun) * 1000)
    return statistics.median(times), min(times)


def rows() -> tuple[list[Row], int, int]:
    """Each step with its median and least time; the bytes of HTML and text."""
    templates = environment(Path(__file__).parents[1] / "templates")
    edition, reader = large_edition(25), sample_reader()
    begun = time.perf_counter()
    made = render(edition, templates)
    first = (time.perf_counter() - begun) * 1000
    markup = filled(edition, templates)
    text_only = replace(edition, format="text")
    table = [
        ("first of a process", first, first),
        ("HTML and text", *measured(lambda: render(edition, templates))),
        ("of it: templates of the HTML", *measured(lambda: filled(edition, templates))),
        ("of it: CSS inlined", *measured(lambda: inlined(markup))),
        ("text alone", *measured(lambda: render(text_only, templates))),
        ("filled for one reader", *measured(lambda: fill(made, reader), 1001)),
    ]
    return table, len(made.html.encode()), len(made.text.encode())


def chart(table: list[Row]) -> str:
    """Bars of the medians, with the goal as a line."""
    longest = max(GOAL, *(median for _, median, _ in table)) * 1.1
    bars = []
    for at, (name, median, _) in enumerate(table):
        top, width = 14 + at * 30, 420 * median / longest
        bars.append(
            f'<text x="0" y="{top + 14}">{name}</text>'
            f'<rect x="210" y="{top}" width="{width:.1f}" height="20" fill="#a3281f"/>'
            f'<text x="{216 + width:.1f}" y="{top + 14}">{median:.3g} ms</text>'
        )
    goal, height = 210 + 420 * GOAL / longest, 24 + 30 * len(table)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="720" height="{height}" '
        f'font-family="sans-serif" font-size="13">{"".join(bars)}'
        f'<path d="M{goal:.1f} 4V{height - 14}" stroke="#16181d" stroke-dasharray="4"/>'
        f'<text x="{goal - 8:.1f}" y="{height - 2}" text-anchor="end">goal {GOAL} ms</text></svg>\n'
    )


def main() -> int:
    """Measure, print, save; 1 where the goal is missed."""
    table, html, text = rows()
    whole = table[1][1]
    lines = [f"{'':<30}{'median ms':>11}{'least ms':>10}{'share':>8}"]
    lines += [f"{n:<30}{m:>11.3f}{least:>10.3f}{m / whole:>7.0%}" for n, m, least in table]
    lines.append(f"25 stories: {html:,} bytes of HTML, {text:,} of text")
    lines.append(f"Python {platform.python_version()}, {platform.machine()}, {ROUNDS} rounds")
    report = "\n".join(lines) + "\n"
    sys.stdout.write(report)
    RESULTS.mkdir(exist_ok=True)
    (RESULTS / "render.txt").write_text(report, encoding="utf-8")
    (RESULTS / "render.svg").write_text(chart(table), encoding="utf-8")
    figures = {name: {"median_ms": median, "least_ms": least} for name, median, least in table}
    (RESULTS / "render.json").write_text(
        json.dumps({"html_bytes": html, "text_bytes": text, "steps": figures}, indent=1) + "\n"
    )
    return 0 if whole < GOAL else 1


if __name__ == "__main__":
    sys.exit(main())
