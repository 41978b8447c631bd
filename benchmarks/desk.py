"""The desk: how long an edit and its answer take in an archive of 10,000 articles.

    python benchmarks/desk.py [--articles 10000] [--runs 30] [--out benchmarks/results]

The archive is that of benchmarks/draft.py, all of it in the window. Timed in one process, as a
desk that stays open does it: every act with the DeskIssue that it answers with and the commit
(SQLite, synchronous=FULL). Preflight and the search are asked for apart.

The last two rows are of files: a stylesheet or digest.toml is saved beside an open desk (over
HTTP on loopback), until its page has heard of it, asked for the mail, and has the new one.
"""

import argparse
import itertools
import platform
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

sys.path.insert(0, str(Path(__file__).parents[1]))

import httpx
from draft import NOW, furnish

from digest import publish, sample
from digest.publish import DeskIssue, House, MoveStory, Rewrite, Subjects, WriteNote
from digest.web import desk_app
from tests.serving import serving

GOAL = 300  # milliseconds that an edit and its answer may take
FILES = 500  # milliseconds until a file that was saved is seen


def acts(house: House) -> dict[str, Callable[[int], object]]:
    """What is timed, by name; each gets the number of its run."""

    def now() -> DeskIssue:
        return publish.desk_issue(house, None)

    def edit(make: Callable[[DeskIssue, int], publish.Change]) -> Callable[[int], object]:
        def act(run: int) -> object:
            issue = now()
            return publish.edit(house, None, issue.version, "ann", make(issue, run), now=NOW)

        return act

    def step(way: Callable[..., DeskIssue]) -> Callable[[int], object]:
        return lambda _: way(house, None, now().version, "ann", now=NOW)

    return {
        "look at the issue": lambda _: now(),
        "move a story": edit(lambda i, _: MoveStory(i.stories[-1].name, i.stories[0].section, 1)),
        "rewrite a headline": edit(lambda i, n: Rewrite(i.stories[0].name, f"Headline {n}")),
        "write the note": edit(lambda _, n: WriteNote(f"Good morning, {n}.")),
        "undo": step(publish.undo),
        "redo": step(publish.redo),
        "two subjects": edit(lambda _, n: Subjects(f"First {n}", f"Second {n}")),
        "a word with two subjects": edit(lambda _, n: WriteNote(f"Good evening, {n}.")),
        "candidates": lambda _: publish.candidates(house, None, now=NOW),
        "search": lambda _: publish.candidates(house, None, "desk source-7", now=NOW),
        "preflight": lambda _: publish.findings(house, None),
        "history": lambda _: publish.history(house, None),
    }


def measure(
    act: Callable[[int], object], runs: int, numbers: "itertools.count[int]"
) -> list[float]:
    """Milliseconds of each run, in order of size."""
    took = []
    for _ in range(runs):
        began = time.perf_counter()
        act(next(numbers))
        took.append(1000 * (time.perf_counter() - began))
    return sorted(took)


def reloads(folder: Path, runs: int) -> Iterator[tuple[str, list[float]]]:
    """What is seen of files that are saved: what was saved, and the milliseconds of each run.

    In the house of `digest demo`, whose issue is a usual one.
    """
    sample.write(folder, NOW)
    (folder / "digest.toml").write_text(sample.settings(2525), "utf-8")
    toml = (folder / "digest.toml").read_text("utf-8")
    (folder / "templates").mkdir()
    style = (publish.templates_folder() / "email.css").read_text("utf-8")
    saved: dict[str, Callable[[str], object]] = {
        "a stylesheet is saved": lambda colour: (folder / "templates" / "email.css").write_text(
            f"{style}\n.desk {{ background-color: {colour}; }}\n", "utf-8"
        ),
        "digest.toml is saved": lambda colour: (folder / "digest.toml").write_text(
            f'{toml}\n[theme]\naccent = "{colour}"\n', "utf-8"
        ),
    }
    told = {"DIGEST_WEB_SECRET": "a-secret-of-the-benchmark-alone"}
    with publish.open_house(folder, told) as house:
        publish.collect(house, now=NOW)
        publish.prepare(house, None, now=NOW)
        with (
            serving(desk_app(house, lambda: NOW, told)) as site,
            httpx.Client(timeout=60) as client,
        ):
            for name, save in saved.items():
                took = [_seen(client, f"{site}/desk/weekly/1", save, run) for run in range(runs)]
                yield name, sorted(took)


def _seen(client: httpx.Client, address: str, save: Callable[[str], object], run: int) -> float:
    colour = f"#5a{run + 16:02x}2f"
    with client.stream("GET", f"{address}/news") as news:
        heard = (line for line in news.iter_lines() if line.startswith("data:"))
        next(heard)
        began = time.perf_counter()
        save(colour)
        while colour not in (client.get(f"{address}/frame").text if next(heard) else ""):
            pass  # heard while half of it was written
        return 1000 * (time.perf_counter() - began)


def main() -> None:
    """Print the table and save it."""
    asked = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    asked.add_argument("--articles", type=int, default=10_000)
    asked.add_argument("--runs", type=int, default=30)
    asked.add_argument("--out", type=Path, default=Path("benchmarks/results"))
    options = asked.parse_args()
    numbers = itertools.count()
    lines = [
        f"# The desk, {options.articles:,} articles in the window, {options.runs} runs",
        f"Python {platform.python_version()}, {platform.machine()}; ms; goals {GOAL}, {FILES}",
        "",
        "| act | median | slowest | of the goal |",
        "|---|--:|--:|--:|",
    ]
    with tempfile.TemporaryDirectory() as folder:
        furnish(Path(folder), options.articles, 7)
        with publish.open_house(Path(folder), {}) as house:
            publish.prepare(house, None, now=NOW + timedelta(seconds=1))
            for name, act in acts(house).items():
                took = measure(act, options.runs, numbers)
                middle = statistics.median(took)
                lines.append(f"| {name} | {middle:.0f} | {took[-1]:.0f} | {middle / GOAL:.2f} |")
    with tempfile.TemporaryDirectory() as folder:
        for name, took in reloads(Path(folder), options.runs):
            middle = statistics.median(took)
            lines.append(f"| {name} | {middle:.0f} | {took[-1]:.0f} | {middle / FILES:.2f} |")
    table = "\n".join(lines) + "\n"
    print(table)
    options.out.mkdir(parents=True, exist_ok=True)
    (options.out / "desk.md").write_text(table, encoding="utf-8")


if __name__ == "__main__":
    main()
