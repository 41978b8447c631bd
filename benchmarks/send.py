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
import asyncio
import json
import os
import platform
import resource
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

HERE = Path(__file__).parent
ROOT = HERE.parent
sys.path.insert(0, str(ROOT))

from digest import delivery, dkim, publish, sample  # noqa: E402 - after the path to the checkout
from digest.edition import Edition  # noqa: E402
from digest.messages import Message  # noqa: E402
from digest.publish import House, open_house  # noqa: E402
from digest.publish.composing import Composer  # noqa: E402
from subscribers.recipient import Recipient  # noqa: E402
from subscribers.suppression import address_hash  # noqa: E402

PATIENCE = 300  # seconds for a row of a peer: one whose sink is gone would wait for ever
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


@dataclass(frozen=True, slots=True)
class Cost:
    """What one row took: seconds, and seconds of processor time on our side."""

    seconds: float
    cpu: float


@dataclass(frozen=True, slots=True)
class Figures:
    """One row in one turn: messages a second, and microseconds a message here and in the sink."""

    rate: float
    client: float
    sink: float


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


class SignedPieces(Pieces):
    """The same, signed with RSA-2048."""

    def __init__(self, size: int) -> None:
        super().__init__(size)
        self.keys = (dkim.load(dkim.generate("rsa"), domain="news.example.org", selector="s1"),)
        self.draft = super().compose

    def sign(self, message: Message, date: datetime) -> Message:
        """As publish.signing does."""
        return replace(message, data=dkim.signed(message.data, self.keys, date))


@contextmanager
def stopwatch(costs: list[Cost]) -> Iterator[None]:
    """Adds what was spent within."""
    begun, before = time.perf_counter(), _spent()
    yield
    costs.append(Cost(time.perf_counter() - begun, _spent() - before))


def _spent() -> float:
    who = (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)
    return sum(use.ru_utime + use.ru_stime for use in map(resource.getrusage, who))


def spent_by(process: int) -> float:
    """Seconds of processor time that another process has used."""
    words = Path(f"/proc/{process}/stat").read_text("ascii").rpartition(")")[2].split()
    return (int(words[11]) + int(words[12])) / os.sysconf("SC_CLK_TCK")


@contextmanager
def sink() -> Iterator[tuple[int, int]]:
    """smtp-sink on a free port, and its process; it takes everything and keeps nothing."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port: int = free.getsockname()[1]
    as_user = ["-u", "nobody"] if os.geteuid() == 0 else []
    process = subprocess.Popen([binary("smtp-sink"), *as_user, "-4", f"127.0.0.1:{port}", "1024"])
    try:
        _until_it_listens(port, process)
        yield port, process.pid
    finally:
        process.terminate()
        process.wait()


@contextmanager
def proxy(port: int) -> Iterator[int]:
    """A relay of bytes that adds 10 ms on each way, in a process of its own."""
    process = subprocess.Popen(
        [sys.executable, HERE / "far.py", str(port)], stdout=subprocess.PIPE, text=True
    )
    try:
        yield int(first_line(process, "the proxy"))
    finally:
        process.terminate()
        process.wait()


def first_line(process: "subprocess.Popen[str]", what: str) -> str:
    """What a child says when it is ready; one that dies instead is heard at once."""
    assert process.stdout is not None
    if line := process.stdout.readline():
        return line
    raise SystemExit(f"{what} ended with {process.wait()} before it was ready")


def _until_it_listens(port: int, process: "subprocess.Popen[bytes]") -> None:
    for _ in range(200):
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except OSError:
            if process.poll() is not None:
                break
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


def smtp_source(load: Load, port: int) -> Cost:
    """Postfix's own generator, in C: one fixed message, no state. The limit."""
    words = [
        binary("smtp-source"), "-d", "-4", "-s", str(load.connections), "-l", str(load.size),
        "-m", str(load.messages), "-f", "b@example.org", "-t", "r@example.org",
        f"127.0.0.1:{port}",
    ]  # fmt: skip
    costs: list[Cost] = []
    with stopwatch(costs):
        subprocess.run(words, check=True, capture_output=True, timeout=PATIENCE)
    return costs[0]


def nodemailer(load: Load, port: int) -> Cost:
    """Pooled, raw; timed inside, without node's start."""
    words = ["node", "peer.mjs", *map(str, (port, load.messages, load.size, load.connections))]
    done = subprocess.run(
        words, check=True, capture_output=True, text=True, cwd=HERE, timeout=PATIENCE
    )
    return Cost(*map(float, done.stdout.split()))


def aiosmtplib_sendmail(load: Load, port: int) -> Cost:
    """The library's own way, over as many connections, on uvloop, no ledger."""
    import aiosmtplib

    data = b"Subject: The Week\r\n\r\n" + LINE * (load.size // len(LINE))
    left = iter(range(load.messages))

    async def worker() -> None:
        client = aiosmtplib.SMTP(hostname="127.0.0.1", port=port, use_tls=False, start_tls=False)
        async with client:
            for n in left:
                await client.sendmail("b@example.org", [f"r{n}@example.org"], data)

    async def all_of_them() -> None:
        await asyncio.gather(*(worker() for _ in range(load.connections)))

    costs: list[Cost] = []
    with asyncio.Runner(loop_factory=delivery.event_loop()) as runner, stopwatch(costs):
        runner.run(all_of_them())
    return costs[0]


def engine(load: Load, port: int) -> Cost:
    """Ours: ledger, suppression, delivery; messages put together of pieces."""
    return _ours(load, port, Pieces(load.size))


def signed(load: Load, port: int) -> Cost:
    """The same, each message signed with RSA-2048."""
    return _ours(load, port, SignedPieces(load.size))


def whole(load: Load, port: int) -> Cost:
    """Ours, with the real rendering filled and built for each reader."""
    return _ours(load, port, None)


def _ours(load: Load, port: int, pieces: Pieces | None) -> Cost:
    with tempfile.TemporaryDirectory(dir=HERE) as name, _house(Path(name), load, port) as house:
        begun: list[tuple[float, float]] = []

        def passing(point: str) -> None:
            # From here on, as for the others: million.py measures what comes before.
            if point == "after a claim" and not begun:
                begun.append((time.perf_counter(), _spent()))

        composing = (lambda *_: pieces) if pieces else Composer
        account = publish.send(
            house, clock=lambda: datetime.now(UTC), composing=composing, passing=passing
        )
        if account.counts != {"sent": load.messages}:
            raise SystemExit(f"not everybody got it: {account.counts}")
        [(then, spent)] = begun
        return Cost(time.perf_counter() - then, _spent() - spent)


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
    """So many confirmed readers, written in bulk as a restored backup would have them."""
    keys, at = house.settings.keys, "2026-01-01 00:00:00.000000"
    connection = house.database.engine.raw_connection()
    people = [
        (n, f"r{n}@readers.example", f"r{n}@readers.example", address_hash(f"r{n}@x.example", keys))
        for n in range(1, count + 1)
    ]
    cursor = connection.cursor()
    cursor.execute("BEGIN IMMEDIATE")
    cursor.executemany(
        "INSERT INTO subscriber (id, address, address_key, address_hash, created_at)"
        f" VALUES (?, ?, ?, ?, '{at}')",
        people,
    )
    cursor.execute(
        "INSERT INTO subscription (subscriber_id, newsletter, state, format, confirmed_at,"
        f" changed_at) SELECT id, 'weekly', 'confirmed', 'html', '{at}', '{at}' FROM subscriber"
    )
    connection.commit()
    connection.close()


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
