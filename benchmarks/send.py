"""The send, measured beside its peers in one run: `make bench`.

Each row sends messages of the same size over the same number of connections to Postfix's
smtp-sink on the loopback. Ours is the whole of `publish.send`: a durable ledger (SQLite,
synchronous=FULL, two states for each message), suppression looked up, each message made for its
reader. Peers keep nothing. Each row runs several times in turn, and its best counts, because a
busy machine only slows.

Absolute figures are this machine's, at this hour; ratios are what the table is for.
"""

import argparse
import asyncio
import json
import os
import platform
import shutil
import socket
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
ROOT = HERE.parent
sys.path.insert(0, str(ROOT))

from digest import delivery, publish, sample  # noqa: E402 - after the path to the checkout
from digest.edition import Edition  # noqa: E402
from digest.messages import Message  # noqa: E402
from digest.publish import House, IssueRecord, open_house  # noqa: E402
from subscribers import roster  # noqa: E402
from subscribers.recipient import Recipient  # noqa: E402

NOW = datetime(2026, 3, 30, 1, 30, tzinfo=UTC)
SECRET = "a-secret-that-only-benchmarks-know"
LINE = b"0123456789abcdefghijklmnopqrstuvwxyz0123456789abcdefghijklmnopqrstuvwxyz012345\r\n"


@dataclass(frozen=True, slots=True)
class Load:
    """How much is sent, how, and how often it is measured."""

    messages: int
    size: int
    connections: int
    rounds: int


class Pieces:
    """Personalised messages of a given size without rendering: what the engine alone can do.

    Four places of the reader's own in a text that is otherwise the same, as in a real edition.
    """

    def __init__(self, size: int) -> None:
        quarter = LINE * (size // 4 // len(LINE))
        self._parts = [b"Subject: The Week\r\n\r\n" + quarter, quarter, quarter, quarter]

    def message_id(self, subscriber: int) -> str:
        """Any stable name."""
        return f"<weekly.{subscriber}.1.0123456789abcdef@news.example.org>"

    def compose(
        self, recipient: Recipient, _edition: Edition, message_id: str, _date: datetime
    ) -> Message:
        """The reader's own lines between the common ones."""
        own = f"https://news.example.org/u/weekly.{recipient.subscriber}.{message_id}\r\n".encode()
        head = f"To: {recipient.address}\r\nMessage-ID: {message_id}\r\n".encode()
        one, two, three, four = self._parts
        data = b"".join((head, one, own, two, own, three, own, four))
        return Message(f"b+{recipient.subscriber}@bounce.example.org", recipient.address, data)


@contextmanager
def sink() -> Iterator[int]:
    """smtp-sink on a free port; it takes everything and keeps nothing."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port: int = free.getsockname()[1]
    as_user = ["-u", "nobody"] if os.geteuid() == 0 else []
    process = subprocess.Popen([binary("smtp-sink"), *as_user, "-4", f"127.0.0.1:{port}", "1024"])
    try:
        _until_it_listens(port)
        yield port
    finally:
        process.terminate()
        process.wait()


def _until_it_listens(port: int) -> None:
    for _ in range(200):
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except OSError:
            time.sleep(0.02)
        else:
            return
    raise SystemExit("smtp-sink did not start")


def binary(name: str) -> str:
    """Postfix's tools stand in sbin, which is not on everybody's path."""
    found = shutil.which(name, path=f"{os.environ['PATH']}:/usr/sbin:/usr/lib/postfix/sbin")
    if found is None:
        raise SystemExit(f"{name} is not installed: apt-get install postfix")
    return found


def smtp_source(load: Load, port: int) -> float:
    """Postfix's own generator, in C: one fixed message, no state. The limit."""
    words = [
        binary("smtp-source"), "-d", "-4", "-s", str(load.connections), "-l", str(load.size),
        "-m", str(load.messages), "-f", "b@example.org", "-t", "r@example.org",
        f"127.0.0.1:{port}",
    ]  # fmt: skip
    begun = time.perf_counter()
    subprocess.run(words, check=True, capture_output=True)
    return time.perf_counter() - begun


def nodemailer(load: Load, port: int) -> float:
    """Pooled, raw; timed inside, without node's start."""
    words = ["node", "peer.mjs", *map(str, (port, load.messages, load.size, load.connections))]
    done = subprocess.run(words, check=True, capture_output=True, text=True, cwd=HERE)
    return float(done.stdout)


def aiosmtplib_sendmail(load: Load, port: int) -> float:
    """The library's own way, over as many connections, on uvloop, no ledger."""
    import aiosmtplib

    data = b"Subject: The Week\r\n\r\n" + LINE * (load.size // len(LINE))
    left = iter(range(load.messages))

    async def worker() -> None:
        client = aiosmtplib.SMTP(hostname="127.0.0.1", port=port, use_tls=False, start_tls=False)
        async with client:
            for n in left:
                await client.sendmail("b@example.org", [f"r{n}@example.org"], data)

    async def all_of_them() -> float:
        begun = time.perf_counter()
        await asyncio.gather(*(worker() for _ in range(load.connections)))
        return time.perf_counter() - begun

    with asyncio.Runner(loop_factory=delivery.event_loop()) as runner:
        return runner.run(all_of_them())


def engine(load: Load, port: int) -> float:
    """Ours: ledger, suppression, delivery; messages put together of pieces."""
    return _ours(load, port, Pieces(load.size))


def whole(load: Load, port: int) -> float:
    """Ours, with the real rendering filled and built for each reader."""
    return _ours(load, port, None)


def _ours(load: Load, port: int, pieces: Pieces | None) -> float:
    with tempfile.TemporaryDirectory(dir=HERE) as name, _house(Path(name), load, port) as house:
        clock = lambda: datetime.now(UTC)  # noqa: E731
        begun = time.perf_counter()
        if pieces:

            def composing(_house: House, _record: IssueRecord) -> Pieces:
                return pieces

            account = publish.send(house, clock=clock, composing=composing)
        else:
            account = publish.send(house, clock=clock)
        took = time.perf_counter() - begun
        if account.counts != {"sent": load.messages}:
            raise SystemExit(f"not everybody got it: {account.counts}")
        return took


@contextmanager
def _house(folder: Path, load: Load, port: int) -> Iterator[House]:
    sample.write(folder, NOW)
    (folder / "digest.toml").write_text(sample.settings(port), encoding="utf-8")
    environ = {
        "DIGEST_WEB_SECRET": SECRET,
        "DIGEST_RELAY_PORT": str(port),
        "DIGEST_RELAY_CONNECTIONS": str(load.connections),
        "DIGEST_RELAY_MESSAGES_PER_CONNECTION": "1000000",
        "DIGEST_RELAY_SECURITY": "none",
    }
    with open_house(folder, environ) as house:
        publish.collect(house, now=NOW)
        number = publish.prepare(house, "weekly", now=NOW).record.issue.number
        readers(house, load.messages)
        publish.approve(house, "weekly", number, by="the benchmark", now=NOW)
        yield house


def readers(house: House, count: int) -> None:
    """So many confirmed readers, as an import would leave them."""
    keys = house.settings.keys
    for start in range(0, count, 1000):
        with house.database.writing() as session:
            for n in range(start, min(start + 1000, count)):
                roster.add(
                    session, f"r{n}@readers.example", "weekly", how="benchmark", now=NOW,
                    keys=keys, evidence="benchmark",
                )  # fmt: skip


ROWS: dict[str, Callable[[Load, int], float]] = {
    "Postfix smtp-source (C, no state)": smtp_source,
    "nodemailer, pooled, raw": nodemailer,
    "aiosmtplib sendmail, uvloop": aiosmtplib_sendmail,
    "digest, engine (durable ledger)": engine,
    "digest send, whole": whole,
}


def measured(load: Load, rows: list[str]) -> dict[str, float]:
    """The best rate of each row, in messages a second."""
    best = dict.fromkeys(rows, 0.0)
    with sink() as port:
        for turn in range(load.rounds):
            for row in rows:
                rate = load.messages / ROWS[row](load, port)
                best[row] = max(best[row], rate)
                print(f"  {turn + 1}/{load.rounds}  {row:36} {rate:8,.0f}/s", file=sys.stderr)
    return best


def table(best: dict[str, float]) -> str:
    """Rates, and what each is of ours."""
    ours = "digest, engine (durable ledger)"
    lines = ["| row | messages/s | the engine is |", "|---|---|---|"]
    for row, rate in best.items():
        ratio = f"{best[ours] / rate:.2f} ×" if ours in best else ""
        lines.append(f"| {row} | {rate:,.0f} | {ratio} |")
    return "\n".join(lines) + "\n"


def chart(best: dict[str, float]) -> str:
    """The same as bars, in SVG."""
    top, height = max(best.values()), 34
    bars = []
    for n, (row, rate) in enumerate(best.items()):
        colour = "#b3261e" if row.startswith("digest") else "#8a8f98"
        y, width = n * height + 8, 420 * rate / top
        bars.append(
            f'<text x="262" y="{y + 16}" text-anchor="end">{row}</text>'
            f'<rect x="270" y="{y}" width="{width:.0f}" height="22" fill="{colour}"/>'
            f'<text x="{278 + width:.0f}" y="{y + 16}">{rate:,.0f}</text>'
        )
    size = f'width="780" height="{len(best) * height + 12}"'
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
    best = measured(load, rows)
    head = (
        f"{load.messages:,} messages of {load.size:,} bytes, {load.connections} connections, "
        f"best of {load.rounds}; {os.cpu_count()} cores, Python {platform.python_version()}, "
        f"load {os.getloadavg()[0]:.1f}\n\n"
    )
    print(head + table(best))
    if not given.no_save:
        results = HERE / "results"
        results.mkdir(exist_ok=True)
        (results / "send.md").write_text(f"# The send\n\n{head}{table(best)}", encoding="utf-8")
        (results / "send.json").write_text(json.dumps(best, indent=2) + "\n", encoding="utf-8")
        (results / "send.svg").write_text(chart(best), encoding="utf-8")


if __name__ == "__main__":
    main()
