"""Measure the readers' half: lists in and out, one person among many, one-click under a send.

    python benchmarks/readers.py [--readers 1000000] [--table FILE]

Everything runs on SQLite in a temporary folder of this machine. A neighbour's load shows: the
processor time stands beside the clock's.
"""

import argparse
import asyncio
import csv
import multiprocessing
import resource
import statistics
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import httpx
import uvicorn
from typer.testing import CliRunner

from digest import sample
from digest.cli import app
from digest.publish import House, open_house
from digest.web import public_app
from subscribers import roster, tokens

SECRET = "a-secret-for-measuring-only"
KEYS = (SECRET.encode(),)
ENVIRON = {"DIGEST_WEB_SECRET": SECRET}
HEAD = ("Email Address,First Name,Last Name,MEMBER_RATING,OPTIN_TIME,OPTIN_IP,CONFIRM_TIME,"
        "CONFIRM_IP,LATITUDE,LONGITUDE,GMTOFF,DSTOFF,TIMEZONE,CC,REGION,LAST_CHANGED,LEID,EUID,"
        "NOTES,TAGS")  # fmt: skip
LINE = "reader{}.{}@mail{}.example.org,Ann,Lee,2,2023-03-24 10:23:10,192.0.2.1,2023-03-24 10:25:10,192.0.2.1,,,,,,IN,,,{},x,,\n"  # noqa: E501
Row = tuple[str, str, str, str]


def main() -> None:
    """Run all and print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--readers", type=int, default=1_000_000)
    parser.add_argument("--table", type=Path)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        rows = list(measured(Path(folder), given.readers))
    lines = [("what", "wanted", "measured", "processor"), *rows]
    widths = [max(len(row[n]) for row in lines) for n in range(4)]
    for row in lines:
        print("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)))
    if given.table:
        with given.table.open("w", newline="") as file:
            csv.writer(file).writerows(lines)


def measured(folder: Path, readers: int) -> Iterator[Row]:
    """Each line of the table."""
    sample.write(folder, datetime.now(UTC))
    (folder / "digest.toml").write_text(sample.settings(2525), "utf-8")
    sheet = folder / "subscribed_members_export.csv"
    write(sheet, readers)
    wanted = f"{60 * readers / 1e6:.0f} s"
    words = ["import", str(sheet), "--evidence", "measured"]
    yield timed("import of a Mailchimp file, dry run", wanted, folder, [*words, "--dry-run"])
    yield timed("import of a Mailchimp file", wanted, folder, words)
    yield timed("the same again", wanted, folder, words)
    yield ("memory at most", "flat", f"{peak()} MB", "")
    yield timed("export of all, with proof", wanted, folder, ["export", "--out", f"{folder}/o.csv"])
    with open_house(folder, ENVIRON) as house:
        yield from questions(house, readers)
        yield from clicks(house)


def write(sheet: Path, readers: int) -> None:
    """A list in no order, as lists are."""
    with sheet.open("w") as file:
        file.write(HEAD + "\n")
        for n in range(readers):
            file.write(LINE.format(f"{n * 2654435761 % 2**32:x}", n, n % 5000, n))


def timed(what: str, wanted: str, folder: Path, words: list[str]) -> Row:
    """One verb of the command line."""
    clock, processor = time.perf_counter(), time.process_time()
    told = ["-C", str(folder), "subscribers", *words]
    result = CliRunner().invoke(app, told, env=ENVIRON)
    if result.exit_code:
        raise SystemExit(result.output[-2000:])
    took, worked = time.perf_counter() - clock, time.process_time() - processor
    return what, wanted, f"{took:.1f} s", f"{worked:.1f} s"


def questions(house: House, readers: int) -> Iterator[Row]:
    """What a door asks of a long roster."""
    address = LINE.format(f"{(readers // 2) * 2654435761 % 2**32:x}", readers // 2,
                          readers // 2 % 5000, 0).split(",")[0]  # fmt: skip

    def show() -> None:
        with house.database.reading() as session:
            found = roster.find(session, address)
            roster.everything(session, found.subscriber)

    yield ("everything on one person, median", "50 ms", f"{median(show, 50):.1f} ms", "")
    clock, after, seen = time.perf_counter(), 0, 0
    while True:
        with house.database.reading() as session:
            page = roster.recipients(session, "weekly", after=after, now=datetime.now(UTC))
        if not page:
            break
        after, seen = page[-1].subscriber, seen + len(page)
    rate = seen / (time.perf_counter() - clock)
    yield ("recipients of an issue", "50000/s", f"{rate:.0f}/s", "")


def clicks(house: House) -> Iterator[Row]:
    """One-click POSTs at 100 a second while another process writes as a send does."""
    sending = multiprocessing.get_context("spawn").Process(
        target=send, args=(house.settings.folder,), daemon=True
    )
    with serving(house) as site:
        page = [fetch(f"{site}/subscribe") for _ in range(200)]
        quiet, _ = asyncio.run(post(site, range(1, 301)))
        sending.start()
        time.sleep(3)
        took, lost = asyncio.run(post(site, range(501, 801)))
        sending.terminate()
        sending.join()
    yield ("page to subscribe, median", "20 ms", f"{statistics.median(page):.1f} ms", "")
    yield ("one click, p99", "", f"{quiet[int(len(quiet) * 0.99)]:.1f} ms", "")
    yield ("one click under a send, median", "", f"{statistics.median(took):.1f} ms", "")
    yield ("one click under a send, p99", "50 ms", f"{took[int(len(took) * 0.99)]:.1f} ms", "")
    yield ("one click under a send, lost", "0", str(lost), "")
    with house.database.reading() as session:
        gone = roster.counts(session, "weekly")["withdrawn"]
    yield ("withdrawn in the roster", "600", str(gone), "")


def send(folder: Path) -> None:
    """Two short writing transactions for each message, and 2 ms on the wire between them."""
    with open_house(folder, ENVIRON) as house:
        while True:
            for language in ("en", "hi"):
                with house.database.writing() as session:
                    roster.speak(session, 1, language)
                time.sleep(0.002)


async def post(site: str, readers: range) -> tuple[list[float], int]:
    """The times of so many POSTs, a hundred a second, sorted; and how many failed."""
    urls = [
        f"{site}/u/{tokens.seal(tokens.Token('unsubscribe', 'weekly', 1, n), KEYS)}"
        for n in readers
    ]
    async with httpx.AsyncClient(timeout=30) as client:

        async def one(url: str, wait: float) -> tuple[float, int]:
            await asyncio.sleep(wait)
            start = time.perf_counter()
            answer = await client.post(url, data={"List-Unsubscribe": "One-Click"})
            return (time.perf_counter() - start) * 1000, answer.status_code

        done = await asyncio.gather(*(one(url, n / 100) for n, url in enumerate(urls)))
    return sorted(took for took, _ in done), sum(code != 200 for _, code in done)


@contextmanager
def serving(house: House) -> Iterator[str]:
    """The pages on a port of the loopback."""
    web = public_app(house, lambda: datetime.now(UTC))
    server = uvicorn.Server(uvicorn.Config(web, port=0, log_level="warning", ws="none"))
    thread = threading.Thread(target=server.run)
    thread.start()
    while not server.started:
        time.sleep(0.01)
    yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    server.should_exit = True
    thread.join()


def fetch(url: str) -> float:
    """Milliseconds of one GET."""
    start = time.perf_counter()
    httpx.get(url)
    return (time.perf_counter() - start) * 1000


def median(act: Callable[[], None], times: int) -> float:
    """Milliseconds."""
    took = []
    for _ in range(times):
        start = time.perf_counter()
        act()
        took.append((time.perf_counter() - start) * 1000)
    return statistics.median(took)


def peak() -> int:
    """Megabytes that this process ever held."""
    held = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return held // (1024 * 1024 if sys.platform == "darwin" else 1024)


if __name__ == "__main__":
    main()
