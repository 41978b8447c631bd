"""A draft from 100,000 articles: how long `digest prepare` takes, and how much memory.

    python benchmarks/draft.py [--articles 100000] [--runs 5] [--archives FOLDER]
        [--out benchmarks/results]

Two archives of invented articles from 40 sources, two in five of them told by several: one of a
year, of which a week lies in the window, and the hard case, all of them in the window. Timed as
whole processes: the draft, and beside it a command that opens the same database and does nothing
else, so that what the program needs to start can be told from what the draft needs. What
collection spent on finding the stories is shown too: a draft finds them done. To furnish the
archives takes minutes; with --archives they are kept in a folder, and found there the next time.
"""

import argparse
import os
import platform
import random
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from multiprocessing import get_context
from pathlib import Path

from digest import archive, publish
from digest.articles import Article, Image
from digest.publish.comparing import compare

NOW = datetime(2026, 3, 30, tzinfo=UTC)
SOURCES = 40
SETTINGS = """
[publisher]
name = "The Meridian Post"
postal_address = "7 Observatory Lane"
[newsletter.weekly]
title = "The Week"
from = "The Week <weekly@news.example.org>"
list_id = "weekly.news.example.org"
window = "7d"
[[newsletter.weekly.section]]
name = "Global"
limit = 6
match = { categories = ["World"], urls = ["*/international/*"] }
[[newsletter.weekly.section]]
name = "Opinion"
limit = 4
[[newsletter.weekly.section]]
name = "Science"
match = { categories = ["Science", "Health"] }
[[newsletter.weekly.section]]
name = "Chess"
"""
DRAFT = ("prepare", "--at", "2026-03-30")
NOTHING = ("issues", "list")
SECONDS, MEGABYTES = 1.0, 300


@dataclass(frozen=True)
class Figures:
    """What one archive took; seconds and megabytes."""

    case: str
    articles: int
    inside: int
    compared: float
    start: float
    whole: float
    fastest: float
    cpu: float
    draft: float
    memory: float


def invented(count: int, days: int, seed: int = 7) -> Iterator[Article]:
    """So many articles of so many days; the same for the same seed."""
    draw = random.Random(seed)  # noqa: S311 - nothing secret
    words = sorted({_word(draw) for _ in range(30_000)})
    weights = [1 / (n + 8) ** 0.9 for n in range(len(words))]
    summed = [sum(weights[:1])]
    for weight in weights[1:]:
        summed.append(summed[-1] + weight)
    made = 0
    while made < count:
        headline, dek, body = (draw.choices(words, cum_weights=summed, k=k) for k in (8, 28, 200))
        at = NOW - timedelta(seconds=draw.random() * days * 86_400)
        copies = draw.choices([1, 2, 3, 5, 8], [60, 20, 10, 7, 3])[0]
        for copy, source in enumerate(draw.sample(range(SOURCES), copies)):
            if made == count:
                return
            if copy:
                draw.shuffle(headline)
                for _ in range(6):
                    dek[draw.randrange(len(dek))] = draw.choices(words, cum_weights=summed)[0]
            made += 1
            place = draw.choice(("international", "sport", "money", "opinion"))
            yield Article(
                headline=" ".join(headline).capitalize(),
                url=f"https://s{source}.example/{place}/{made}",
                dek=" ".join(dek).capitalize() + ".",
                byline="Desk",
                published=min(NOW, at + copy * timedelta(minutes=37)),
                section=draw.choice(("Global", "Opinion", "Sport", "")),
                categories=tuple(draw.sample(("World", "Business", "Politics", "Health"), 2)),
                image=Image(f"https://s{source}.example/{made}.jpg", "A picture"),
                body=" ".join(body),
                source=f"source-{source}",
            )


def _word(draw: random.Random) -> str:
    syllables = (draw.choice("bcdfghjklmnprstvz") + draw.choice("aeiou") for _ in range(9))
    return "".join(next(syllables) for _ in range(draw.randint(2, 4))) + draw.choice("nrstl")


def furnish(folder: Path, count: int, days: int) -> tuple[float, int]:
    """Collect; how many seconds went into finding the stories, how many lie in the window."""
    (folder / "digest.toml").write_text(SETTINGS, encoding="utf-8")
    some: list[Article] = []
    with publish.open_house(folder, {}) as house:
        for article in invented(count, days):
            some.append(article)
            if len(some) == 5000:
                _keep(house, some)
        _keep(house, some)
        began = time.perf_counter()
        compare(house)
        compared = time.perf_counter() - began
        with house.database.reading() as session:
            return compared, len(archive.outlines(session, NOW - timedelta(days=7), NOW))


def furnished(folder: Path, count: int, days: int) -> tuple[float, int]:
    """The same of an archive that was kept; what it took to find the stories is not known."""
    del days
    with publish.open_house(folder, {}) as house, house.database.reading() as session:
        if archive.count(session) != count:
            raise SystemExit(f"{folder} has another number of articles: take it away")
        return float("nan"), len(archive.outlines(session, NOW - timedelta(days=7), NOW))


def _keep(house: publish.House, some: list[Article]) -> None:
    with house.database.writing() as session:
        archive.keep(session, some, NOW)
    some.clear()


def run(folder: Path, words: tuple[str, ...]) -> tuple[float, float, float]:
    """Seconds, seconds of the processor, and megabytes of one process."""
    program = [sys.executable, "-c", "from digest.cli import main; main()", "-C", str(folder)]
    began = time.perf_counter()
    child = os.posix_spawn(
        program[0],
        [*program, *words],
        {**os.environ, "DIGEST_WEB_SECRET": "a-secret-of-the-benchmark"},
        file_actions=[(os.POSIX_SPAWN_OPEN, fd, os.devnull, os.O_WRONLY, 0) for fd in (1, 2)],
    )
    _, status, usage = os.wait4(child, 0)
    if status:
        raise SystemExit(f"digest {' '.join(words)} ended with {os.waitstatus_to_exitcode(status)}")
    elapsed = time.perf_counter() - began
    return elapsed, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024


def draft_alone(folder: Path, runs: int) -> float:
    """Seconds of the draft in a process that has begun, the fastest."""
    with publish.open_house(folder, {}) as house:
        times = []
        for _ in range(runs + 1):
            began = time.perf_counter()
            publish.prepare(house, None, now=NOW)
            times.append(time.perf_counter() - began)
    return min(times[1:])


def measure(case: str, count: int, days: int, runs: int, kept: Path | None) -> Figures:
    """One archive, furnished anew or found in `kept`."""
    with tempfile.TemporaryDirectory(prefix="digest-draft-") as name:
        folder = kept / case.replace(" ", "-") if kept else Path(name)
        folder.mkdir(parents=True, exist_ok=True)
        # Apart from this process: a child's peak is never less than its parent's when it began.
        with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as apart:
            made = furnish if not (folder / "digest.db").exists() else furnished
            compared, inside = apart.submit(made, folder, count, days).result()
            alone = apart.submit(draft_alone, folder, runs).result()
        run(folder, DRAFT)
        drafts = [run(folder, DRAFT) for _ in range(runs)]
        starts = [run(folder, NOTHING)[0] for _ in range(runs)]
        return Figures(
            case,
            count,
            inside,
            compared,
            statistics.median(starts),
            statistics.median(seconds for seconds, _, _ in drafts),
            min(seconds for seconds, _, _ in drafts),
            min(cpu for _, cpu, _ in drafts),
            alone,
            max(memory for _, _, memory in drafts),
        )


def table(found: list[Figures]) -> str:
    """In Markdown, with what each figure is of its limit."""
    python = f"{platform.python_implementation()} {platform.python_version()}"
    machine = f"{python}, {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}, SQLite"
    limits = f"Seconds and megabytes; wanted: {SECONDS:g} s, {MEGABYTES} MB."
    names = ("archive", "articles", "in the window", "whole process", "fastest", "its CPU",
             "start alone", "draft alone", "of 1 s", "peak MB", "of 300 MB",
             "finding stories, once")  # fmt: skip
    lines = [f"`digest prepare`, {machine}. {limits}", "", f"| {' | '.join(names)} |"]
    lines += ["|---" + "|---:" * (len(names) - 1) + "|"]
    for f in found:
        seconds = (f.whole, f.fastest, f.cpu, f.start, f.draft)
        cells = [f.case, f"{f.articles:,}", f"{f.inside:,}", *(f"{s:.2f}" for s in seconds)]
        cells += [f"{f.draft / SECONDS:.0%}", f"{f.memory:.0f}"]
        cells += [f"{f.memory / MEGABYTES:.0%}", f"{f.compared:.1f}".replace("nan", "—")]
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


def chart(found: list[Figures]) -> str:
    """The same as bars, an SVG: start and draft of each archive, and the limit as a line."""
    scale, left, row = 260, 190, 34
    height = row * len(found) + 56
    width = left + int(scale * max(2.0, *(f.whole for f in found))) + 60
    parts = [
        (
            f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" '
            'font-family="sans-serif" font-size="13">'
        ),
        f'<rect width="{width}" height="{height}" fill="#fff"/>',
        (
            '<text x="8" y="20" font-weight="bold">digest prepare, seconds (grey: the program\'s '
            "start; blue: the draft)</text>"
        ),
    ]
    for n, f in enumerate(found):
        y, start = 36 + n * row, int(f.start * scale)
        rest = max(1, int((f.whole - f.start) * scale))
        parts += [
            f'<text x="8" y="{y + 16}">{f.case}</text>',
            f'<rect x="{left}" y="{y}" width="{start}" height="22" fill="#b8bcc2"/>',
            f'<rect x="{left + start}" y="{y}" width="{rest}" height="22" fill="#1f5fa8"/>',
            f'<text x="{left + start + rest + 6}" y="{y + 16}">{f.whole:.2f}</text>',
        ]
    limit = left + int(SECONDS * scale)
    parts.append(
        f'<line x1="{limit}" y1="30" x2="{limit}" y2="{height - 16}" stroke="#c0392b" '
        f'stroke-dasharray="4 3"/><text x="{limit + 4}" y="{height - 6}">1 s</text></svg>'
    )
    return "\n".join(parts) + "\n"


def main() -> None:
    """Measure, print, and save."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--articles", type=int, default=100_000)
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--out", type=Path, default=Path(__file__).parent / "results")
    parser.add_argument("--archives", type=Path)
    asked = parser.parse_args()
    found = [
        measure("a year", asked.articles, 364, asked.runs, asked.archives),
        measure("all in one week", asked.articles, 7, asked.runs, asked.archives),
    ]
    asked.out.mkdir(parents=True, exist_ok=True)
    (asked.out / "draft.md").write_text(table(found), encoding="utf-8")
    (asked.out / "draft.svg").write_text(chart(found), encoding="utf-8")
    print(table(found))


if __name__ == "__main__":
    main()
