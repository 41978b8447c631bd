"""Measure the readers' half: lists in and out, one person among many, one-click under a send.

    python benchmarks/readers.py [--readers 1000000] [--more] [--no-save]

Everything runs on SQLite in a temporary folder of this machine: each verb as a process of its own,
its modules compiled as an installation has them, the send to Postfix's smtp-sink. A neighbour's
load shows, so the processor's time stands beside the clock's, and the load is noted. Memory is the
most that the verb's process held, Python and all its libraries included. `--more` imports the same
list once more and exports it, which takes as long again.
"""

import argparse
import asyncio
import json
import os
import platform
import resource
import socket
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

HERE = Path(__file__).parent
sys.path[:0] = [str(HERE.parent), str(HERE)]

from ours import SECRET  # noqa: E402 - after the path
from send import chart  # noqa: E402
from sinks import sink  # noqa: E402

from digest import publish, sample  # noqa: E402
from digest.publish import House, open_house  # noqa: E402
from subscribers import roster, tokens  # noqa: E402

NOW = datetime.now(UTC)
KEYS = (SECRET.encode(),)
HEAD = ("Email Address,First Name,Last Name,MEMBER_RATING,OPTIN_TIME,OPTIN_IP,CONFIRM_TIME,"
        "CONFIRM_IP,LATITUDE,LONGITUDE,GMTOFF,DSTOFF,TIMEZONE,CC,REGION,LAST_CHANGED,LEID,EUID,"
        "NOTES,TAGS")  # fmt: skip
LINE = "{},Ann,Lee,2,2023-03-24 10:23:10,192.0.2.1,2023-03-24 10:25:10,192.0.2.1,,,,,,IN,,,{},x,,\n"
DIGEST = [sys.executable, "-c", "from digest.cli import main; main()"]
CLICKS, RATE = 400, 100  # POSTs, and how many a second
MEMORY = 150  # MB that an import may hold, whatever the length of the list


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the table; `processor` in seconds, where it was measured."""

    what: str
    wanted: str
    measured: str
    processor: str = ""
    number: float = 0.0  # for the chart: how many times as good as wanted


def main() -> None:
    """Run all, print the table, and keep it in benchmarks/results."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--readers", type=int, default=1_000_000)
    parser.add_argument("--more", action="store_true")
    parser.add_argument("--no-save", action="store_true")
    given = parser.parse_args()
    rows, before = [], os.getloadavg()[0]
    with tempfile.TemporaryDirectory(dir=HERE) as folder, sink() as (port, _):
        environ = furnished(Path(folder), port)
        # What an installation does once, and some machines' environment forbids.
        os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
        os.environ["PYTHONPYCACHEPREFIX"] = f"{folder}/compiled"
        for row in measured(Path(folder), environ, given.readers, more=given.more):
            print(f"  {row.what}: {row.measured}", file=sys.stderr, flush=True)
            rows.append(row)
    head = (
        f"{given.readers:,} readers on SQLite; {os.cpu_count()} cores, Python "
        f"{platform.python_version()}, load {before:.1f} to {os.getloadavg()[0]:.1f}\n\n"
    )
    print(head + table(rows))
    if not given.no_save:
        save(head, rows)


def measured(folder: Path, environ: dict[str, str], readers: int, *, more: bool) -> Iterator[Row]:
    """Each line of the table."""
    sheet = folder / "subscribed_members_export.csv"
    write(sheet, readers)
    seconds = 60 * readers / 1e6
    words = ["import", str(sheet), "--evidence", "measured"]
    run = Runner(folder, environ)
    run.whole("list", "--json")  # compiles
    for what, more_words in (
        ("import of a list, dry run", ["--dry-run"]),
        ("import of a list", []),
    ):
        yield from run.timed(what, seconds, [*words, *more_words])
    if more:
        yield from run.timed("the same again", seconds, words)
        yield from run.timed("export of all, with proof", 0, ["export", "--out", f"{folder}/o.csv"])
    with open_house(folder, environ) as house:
        yield from questions(house, readers)
    yield run.whole("show", address(readers // 3))
    yield from clicks(folder, environ, readers)


def furnished(folder: Path, port: int) -> dict[str, str]:
    """A publisher with an issue that is approved; what the environment must say."""
    sample.write(folder, NOW)
    (folder / "digest.toml").write_text(sample.settings(port), "utf-8")
    environ = {"DIGEST_WEB_SECRET": SECRET, "DIGEST_RELAY_SECURITY": "none"}
    with open_house(folder, environ) as house:
        publish.collect(house, now=NOW)
        number = publish.prepare(house, "weekly", now=NOW).record.issue.number
        publish.approve(house, "weekly", number, by="the benchmark", now=NOW)
    return environ


def address(number: int) -> str:
    """In no order, as lists are."""
    return f"reader{number * 2654435761 % 2**32:x}.{number}@mail{number % 5000}.example.org"


def write(sheet: Path, readers: int) -> None:
    """Mailchimp's file of so many."""
    with sheet.open("w") as file:
        file.write(HEAD + "\n")
        file.writelines(LINE.format(address(n), n) for n in range(readers))


@dataclass(frozen=True, slots=True)
class Runner:
    """Verbs of the command line."""

    folder: Path
    environ: dict[str, str]

    def timed(self, what: str, seconds: float, words: list[str]) -> Iterator[Row]:
        """One verb, whose report nobody reads; its time, and the most memory it held."""
        took, worked, held = self._ended(words)
        wanted = f"{seconds:.0f} s" if seconds else ""
        yield Row(what, wanted, f"{took:.1f} s", f"{worked:.1f}", seconds / took)
        flat, ratio = (f"{MEMORY} MB", MEMORY / held) if seconds else ("", 0)
        yield Row(f"{what}: memory at most", flat, f"{held:.0f} MB", number=ratio)

    def whole(self, *words: str) -> Row:
        """A question as a process: nearly all of it is Python loading its libraries."""
        took, worked, _ = zip(*(self._ended(list(words)) for _ in range(5)), strict=True)
        wall = 1000 * statistics.median(took)
        told = f"digest subscribers {words[0]}, as a process"
        busy = f"{statistics.median(worked):.2f}"
        return Row(told, "500 ms", f"{wall:.0f} ms", busy, 500 / wall)

    def _ended(self, words: list[str]) -> tuple[float, float, float]:
        """Run it to its end: seconds by the clock and of the processor, and the most MB it held."""
        clock, before, held = time.perf_counter(), spent(), 0.0
        with started(self.folder, self.environ, "subscribers", *words) as process:
            while process.poll() is None:
                held = peak(process.pid) or held
                time.sleep(0.005)
            took = time.perf_counter() - clock
            if process.returncode:
                raise fallen(process)
        return took, spent() - before, held


def spent() -> float:
    """Seconds of the processor that all processes took which have ended."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def peak(process: int) -> float:
    """Megabytes that it ever held; 0 where it has ended.

    Not what wait4 tells: that counts in what its parent held when it was started.
    """
    try:
        status = Path(f"/proc/{process}/status").read_text("ascii")
    except OSError:
        return 0
    line = next((x for x in status.splitlines() if x.startswith("VmHWM")), "VmHWM: 0 kB")
    return int(line.split()[1]) / 1024


def questions(house: House, readers: int) -> Iterator[Row]:
    """What a door asks of a long roster."""
    who = address(readers // 2)

    def show() -> None:
        with house.database.reading() as session:
            found = roster.find(session, who)
            roster.everything(session, found.subscriber)

    took = median(show, 50)
    yield Row("everything on one person, median", "50 ms", f"{took:.1f} ms", number=50 / took)
    clock, processor, after, seen = time.perf_counter(), time.process_time(), 0, 0
    while True:
        with house.database.reading() as session:
            page = roster.recipients(session, "weekly", after=after, now=NOW)
        if not page:
            break
        after, seen = page[-1].subscriber, seen + len(page)
    rate, worked = seen / (time.perf_counter() - clock), time.process_time() - processor
    told = f"{rate:,.0f}/s ({seen / worked:,.0f}/s of processor)"
    yield Row("recipients of an issue", "50,000/s", told, f"{worked:.1f}", rate / 50_000)


def clicks(folder: Path, environ: dict[str, str], readers: int) -> Iterator[Row]:
    """One-click POSTs at 100 a second, first alone, then while an issue is being sent."""
    database = sqlite3.connect(folder / "digest.db")
    with serving(folder, environ) as port:
        took, _ = asyncio.run(ask(port, [b"GET /subscribe HTTP/1.1\r\nHost: x\r\n"] * 200, 20))
        page = statistics.median(took)
        yield Row("page to subscribe, median", "20 ms", f"{page:.1f} ms", number=20 / page)
        quiet, _ = asyncio.run(ask(port, posts(range(1, CLICKS + 1)), RATE))
        yield Row("one click, p50 and p99", "", f"{at(quiet, 0.5):.1f}, {at(quiet, 0.99):.1f} ms")
        with sending(folder, environ) as process:
            until(process, lambda: sent(database) > 0)
            # The last of the roster: their messages are far from being made.
            before, clock = sent(database), time.perf_counter()
            last = posts(range(readers - CLICKS, readers))
            busy, lost = asyncio.run(ask(port, last, RATE))
            rate = (sent(database) - before) / (time.perf_counter() - clock)
            if process.poll() is not None:  # then this was no measure of a send under way
                raise fallen(process)
    told = f"{at(busy, 0.5):.1f}, {at(busy, 0.99):.1f} ms"
    within = 50 / at(busy, 0.99)
    yield Row("one click under a send, p50 and p99", "p99 50 ms", told, number=within)
    yield Row("messages that the send made meanwhile", "", f"{rate:,.0f}/s")
    left = "SELECT count(*) FROM subscription WHERE state = 'withdrawn'"
    lost += 2 * CLICKS - database.execute(left).fetchone()[0]
    yield Row("one click under a send, lost", "0", str(lost))


def sent(database: sqlite3.Connection) -> int:
    """Messages that are through."""
    found: int = database.execute("SELECT count(*) FROM delivery WHERE state = 'sent'").fetchone()[
        0
    ]
    return found


def posts(readers: range) -> list[bytes]:
    """What mail providers send for these readers (RFC 8058)."""
    body = "List-Unsubscribe=One-Click"
    kind = "application/x-www-form-urlencoded"
    return [
        f"POST /u/{tokens.seal(tokens.Token('unsubscribe', 'weekly', 1, n), KEYS)} HTTP/1.1\r\n"
        f"Host: x\r\nContent-Type: {kind}\r\nContent-Length: {len(body)}\r\n"
        f"Connection: close\r\n\r\n{body}".encode()
        for n in readers
    ]


async def ask(port: int, requests: list[bytes], rate: int) -> tuple[list[float], int]:
    """Milliseconds of each request, sorted, so many a second; and how many were not answered 200.

    By hand: an HTTP client of Python's takes longer than the server.
    """

    async def one(data: bytes, wait: float) -> tuple[float, bool]:
        await asyncio.sleep(wait)
        start = time.perf_counter()
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(data if data.startswith(b"POST") else data + b"Connection: close\r\n\r\n")
        answer = await reader.read()
        writer.close()
        return (time.perf_counter() - start) * 1000, answer.startswith(b"HTTP/1.1 200")

    done = await asyncio.gather(*(one(data, n / rate) for n, data in enumerate(requests)))
    return sorted(took for took, _ in done), sum(not fine for _, fine in done)


@contextmanager
def serving(folder: Path, environ: dict[str, str]) -> Iterator[int]:
    """`digest serve` on a port of the loopback."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port: int = free.getsockname()[1]
    with started(folder, environ, "serve", "--port", str(port)) as process:
        until(process, lambda: answers(port))
        asyncio.run(ask(port, [b"GET /health HTTP/1.1\r\nHost: x\r\n"] * 20, 20))
        yield port


def answers(port: int) -> bool:
    """Whether somebody listens there."""
    try:
        socket.create_connection(("127.0.0.1", port)).close()
    except OSError:
        return False
    return True


def sending(folder: Path, environ: dict[str, str]) -> "Started":
    """`digest send`."""
    return started(folder, environ, "send")


class Started:
    """A process that is ended with its block; `process.stderr` is a file with all it said."""

    def __init__(self, words: list[str], environ: dict[str, str]) -> None:
        self._words, self._environ = words, environ

    def __enter__(self) -> subprocess.Popen[bytes]:
        environ = {**os.environ, **self._environ}
        said = tempfile.TemporaryFile()
        quiet = subprocess.DEVNULL
        self._process = subprocess.Popen(self._words, env=environ, stdout=quiet, stderr=said)
        self._process.stderr = said
        return self._process

    def __exit__(self, *_: object) -> None:
        self._process.kill()
        self._process.wait()
        assert self._process.stderr is not None
        self._process.stderr.close()


def started(folder: Path, environ: dict[str, str], *words: str) -> Started:
    """A verb of `digest` as a process."""
    return Started([*DIGEST, "-C", str(folder), *words], environ)


def until(process: subprocess.Popen[bytes], ready: Callable[[], bool]) -> None:
    """Wait for it. Ends the benchmark, with the process's own words, where the process ended."""
    while not ready():
        if process.poll() is not None:
            raise fallen(process)
        time.sleep(0.05)


def fallen(process: subprocess.Popen[bytes]) -> SystemExit:
    """Why there is nothing to measure."""
    assert process.stderr is not None
    process.stderr.seek(0)
    said = process.stderr.read().decode(errors="replace")[-2000:]
    return SystemExit(f"{process.args!r} ended with {process.returncode}:\n{said}")


def at(took: list[float], share: float) -> float:
    """The time that this share of all kept within."""
    return took[min(len(took) - 1, int(len(took) * share))]


def median(act: Callable[[], None], times: int) -> float:
    """Milliseconds."""
    took = []
    for _ in range(times):
        start = time.perf_counter()
        act()
        took.append((time.perf_counter() - start) * 1000)
    return statistics.median(took)


def table(rows: list[Row]) -> str:
    """The table, with how many times as good as wanted each is."""
    lines = [
        "| what | wanted | measured | as good as wanted | processor, s |",
        "|---|---|---|---|---|",
    ]
    for row in rows:
        ratio = f"{row.number:.2f} ×" if row.number else ""
        lines.append(f"| {row.what} | {row.wanted} | {row.measured} | {ratio} | {row.processor} |")
    return "\n".join(lines) + "\n"


def save(head: str, rows: list[Row]) -> None:
    """Table and chart."""
    results = HERE / "results"
    results.mkdir(exist_ok=True)
    (results / "readers.md").write_text(f"# The readers\n\n{head}{table(rows)}", encoding="utf-8")
    ratios = {f"{row.what} (1 is wanted)": row.number for row in rows if row.number}
    kept = {row.what: [row.wanted, row.measured, row.processor] for row in rows}
    (results / "readers.json").write_text(json.dumps(kept, indent=2) + "\n", encoding="utf-8")
    (results / "readers.svg").write_text(chart(ratios, 2), encoding="utf-8")


if __name__ == "__main__":
    main()
