"""200 feeds of 50 entries: how long `digest collect` takes at first, and when nothing changed.

    python benchmarks/collect.py [--feeds 200] [--entries 50] [--runs 3] [--out benchmarks/results]

The feeds come from a server in another process that answers from memory, on 20 addresses of the
loopback, so that there are 20 hosts. Timed are whole processes, each run with an empty database:
the first collection; a second that every server answers with 304; one where servers know
no 304 and send the same bytes; one where each feed has one new entry. Beside them stands what
one process needs to read the same feeds and do nothing else.
"""

import argparse
import asyncio
import json
import multiprocessing
import os
import platform
import statistics
import sys
import tempfile
import time
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from multiprocessing.connection import Connection
from pathlib import Path

from digest.feeds import read_feed

HOSTS = 20
NOW = datetime.now(UTC)
SETTINGS = """
[publisher]
name = "The Meridian Post"
postal_address = "7 Observatory Lane"
[newsletter.weekly]
title = "The Week"
from = "The Week <weekly@news.example.org>"
list_id = "weekly.news.example.org"
"""
ENTRY = """<item><title>Minister {n} opens the bridge over river {feed}, traffic from {day}</title>
<link>https://s{feed}.example/news/{n}-the-bridge-is-open?utm_source=rss</link>
<guid isPermaLink="false">s{feed}-{n}</guid><pubDate>{date}</pubDate>
<dc:creator>Ann Writer</dc:creator><category>World</category><category>Transport</category>
<description><![CDATA[<p>The bridge, which took {n} years to build, opens to traffic on {day}, the
minister said in a speech to <b>{feed}</b> workers &amp; guests.</p><p>It is the longest of its
kind, and the first since the old one was closed.</p><a href="/more">Read more</a>]]></description>
<media:content url="https://s{feed}.example/i/{n}.jpg" medium="image"/></item>"""
CASES = {"first": 15.0, "304": 3.0, "same bytes": None, "one new each": None}


@dataclass(frozen=True)
class Figures:
    """What one case took: seconds, median and fastest, and seconds of processor."""

    case: str
    median: float
    fastest: float
    cpu: float
    new: int


def feed(number: int, entries: int, first: int = 0) -> bytes:
    """One feed, the same for the same numbers."""
    items = (
        ENTRY.format(
            n=n,
            feed=number,
            day=f"{n % 28 + 1} May",
            date=format_datetime(NOW - timedelta(hours=n)),
        )
        for n in range(first, first + entries)
    )
    return (
        '<?xml version="1.0"?><rss version="2.0" xmlns:dc="http://purl.org/dc/elements/1.1/" '
        f'xmlns:media="http://search.yahoo.com/mrss/"><channel><title>Feed {number}</title>'
        f"<link>https://s{number}.example/</link>{''.join(items)}</channel></rss>"
    ).encode()


async def _serve(pipe: Connection, feeds: int, entries: int) -> None:
    bodies = {age: [feed(n, entries, age) for n in range(feeds)] for age in (0, 1)}

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        # /plain or /tagged, the age, the number: everything that a case wants is in the path.
        head = await reader.readuntil(b"\r\n\r\n")
        _, manner, age, number = head.split(b" ", 2)[1].decode().split("/")
        tag = f'"{age}"'
        if manner == "tagged" and f"If-None-Match: {tag}".encode() in head:
            writer.write(b"HTTP/1.1 304 Not Modified\r\nConnection: close\r\n\r\n")
        else:
            body = bodies[int(age)][int(number)]
            told = f"ETag: {tag}\r\n" if manner == "tagged" else ""
            head = f"HTTP/1.1 200 OK\r\nContent-Length: {len(body)}\r\n{told}\r\n".encode()
            writer.write(head + body)
        await writer.drain()
        writer.close()

    servers = [await asyncio.start_server(answer, f"127.0.0.{n + 1}", 0) for n in range(HOSTS)]
    pipe.send([server.sockets[0].getsockname() for server in servers])
    await asyncio.Event().wait()


def serve(pipe: Connection, feeds: int, entries: int) -> None:
    """The other process."""
    asyncio.run(_serve(pipe, feeds, entries))


def write_settings(folder: Path, hosts: list[tuple[str, int]], feeds: int, manner: str) -> None:
    """A digest.toml whose sources ask for /`manner`/number."""
    tables = []
    for number in range(feeds):
        host, port = hosts[number % HOSTS]
        place = f"http://{host}:{port}/{manner}/{number}"
        tables.append(f'[[source]]\nname = "s{number}"\nfeed = "{place}"\nprivate = true\n')
    (folder / "digest.toml").write_text(SETTINGS + "\n".join(tables), encoding="utf-8")


def collect(folder: Path) -> tuple[float, float, int]:
    """Seconds, seconds of processor (readers included), and new articles of one collection."""
    out = folder / "out.json"
    command = "from digest.cli import main; main()"
    program = [sys.executable, "-c", command, "-C", str(folder), "collect", "--json"]
    began = time.perf_counter()
    child = os.posix_spawn(
        program[0], program, {**os.environ, "DIGEST_WEB_SECRET": "a-secret-of-the-benchmark"},
        file_actions=[
            (os.POSIX_SPAWN_OPEN, 1, str(out), os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        ],
    )  # fmt: skip
    _, status, usage = os.wait4(child, 0)
    seconds = time.perf_counter() - began
    if status:
        raise SystemExit(f"digest collect ended with {os.waitstatus_to_exitcode(status)}")
    new = sum(source["new"] for source in json.loads(out.read_text("utf-8")))
    return seconds, usage.ru_utime + usage.ru_stime, new


def one_run(hosts: list[tuple[str, int]], feeds: int) -> dict[str, tuple[float, float, int]]:
    """Every case once, from an empty database on."""
    with tempfile.TemporaryDirectory(prefix="digest-collect-") as name:
        folder = Path(name)
        write_settings(folder, hosts, feeds, "tagged/0")
        took = {"first": collect(folder), "304": collect(folder)}
        write_settings(folder, hosts, feeds, "tagged/1")
        took["one new each"] = collect(folder)
        write_settings(folder, hosts, feeds, "plain/1")
        collect(folder)
        took["same bytes"] = collect(folder)
        return took


def alone(feeds: int, entries: int) -> float:
    """Seconds that one process needs to read the feeds."""
    bodies = [feed(n, entries) for n in range(feeds)]
    began = time.perf_counter()
    for body in bodies:
        read_feed(body, source="s")
    return time.perf_counter() - began


def table(found: list[Figures], feeds: int, entries: int, reading: float) -> str:
    """In Markdown, with what each figure is of its limit, and of reading alone."""
    python = f"{platform.python_implementation()} {platform.python_version()}"
    lines = [
        (
            f"`digest collect`, {feeds} feeds of {entries} entries on {HOSTS} hosts of the "
            f"loopback; {python}, {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}, SQLite. "
            f"Seconds of whole processes; reading the feeds alone, in one: {reading:.2f} s."
        ),
        "",
        "| case | new articles | median | fastest | its CPU | of reading alone | of the limit |",
        "|---|---:|---:|---:|---:|---:|---:|",
    ]
    for f in found:
        limit = CASES[f.case]
        share = f"{f.median / limit:.0%} of {limit:g} s" if limit else "—"
        lines.append(
            f"| {f.case} | {f.new:,} | {f.median:.2f} | {f.fastest:.2f} | {f.cpu:.2f} "
            f"| {f.median / reading:.2f} | {share} |"
        )
    return "\n".join(lines) + "\n"


def chart(found: list[Figures]) -> str:
    """The same as bars, an SVG, with the limit of each case as a line."""
    left, row = 120, 34
    scale = 600 / max([f.median for f in found] + [limit for limit in CASES.values() if limit])
    height = row * len(found) + 40
    parts = [
        (
            f'<svg xmlns="http://www.w3.org/2000/svg" width="{left + 700}" height="{height}" '
            'font-family="sans-serif" font-size="13">'
        ),
        f'<rect width="{left + 700}" height="{height}" fill="#fff"/>',
        '<text x="8" y="20" font-weight="bold">digest collect, seconds (red: the limit)</text>',
    ]
    for n, f in enumerate(found):
        y, wide = 34 + n * row, max(1, int(f.median * scale))
        parts += [
            f'<text x="8" y="{y + 16}">{f.case}</text>',
            f'<rect x="{left}" y="{y}" width="{wide}" height="22" fill="#1f5fa8"/>',
            f'<text x="{left + wide + 6}" y="{y + 16}">{f.median:.2f}</text>',
        ]
        if limit := CASES[f.case]:
            at = left + int(limit * scale)
            parts.append(
                f'<line x1="{at}" y1="{y - 4}" x2="{at}" y2="{y + 26}" stroke="#c0392b"/>'
                f'<text x="{at + 4}" y="{y + 16}">{limit:g} s</text>'
            )
    return "\n".join([*parts, "</svg>"]) + "\n"


def main() -> None:
    """Measure, print, and save."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--feeds", type=int, default=200)
    parser.add_argument("--entries", type=int, default=50)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--out", type=Path, default=Path(__file__).parent / "results")
    asked = parser.parse_args()
    here, there = multiprocessing.Pipe()
    apart = multiprocessing.get_context("spawn")
    server = apart.Process(target=serve, args=(there, asked.feeds, asked.entries), daemon=True)
    server.start()
    hosts = here.recv()
    runs = [one_run(hosts, asked.feeds) for _ in range(asked.runs)]
    server.terminate()
    found = []
    for case in CASES:
        seconds, cpu, new = zip(*(run[case] for run in runs), strict=True)
        found.append(Figures(case, statistics.median(seconds), min(seconds), min(cpu), new[0]))
    shown = table(found, asked.feeds, asked.entries, alone(asked.feeds, asked.entries))
    asked.out.mkdir(parents=True, exist_ok=True)
    (asked.out / "collect.md").write_text(shown, encoding="utf-8")
    (asked.out / "collect.svg").write_text(chart(found), encoding="utf-8")
    print(shown)


if __name__ == "__main__":
    main()
