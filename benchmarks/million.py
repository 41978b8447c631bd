"""A list of a million: how long until the first message, how much memory, how soon after a kill.

The sender runs in a process of its own against smtp-sink, is killed once on the way, and is started
again; what is printed of memory is the peak of that process.
"""

import argparse
import os
import subprocess
import sys
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE.parent))
sys.path.insert(0, str(HERE))

from send import NOW, SECRET, Pieces, sink  # noqa: E402 - after the path

from digest import publish, sample  # noqa: E402
from digest.publish import House, IssueRecord, open_house  # noqa: E402
from subscribers.suppression import address_hash  # noqa: E402


def furnish(folder: Path, port: int, readers: int) -> dict[str, str]:
    """A house with so many readers, written in bulk as a restored backup would have them."""
    sample.write(folder, NOW)
    (folder / "digest.toml").write_text(sample.settings(port), encoding="utf-8")
    environ = {
        "DIGEST_WEB_SECRET": SECRET,
        "DIGEST_RELAY_PORT": str(port),
        "DIGEST_RELAY_SECURITY": "none",
    }
    with open_house(folder, environ) as house:
        publish.collect(house, now=NOW)
        number = publish.prepare(house, "weekly", now=NOW).record.issue.number
        publish.approve(house, "weekly", number, by="the benchmark", now=NOW)
        _fill(house, readers)
    return environ


def _fill(house: House, readers: int) -> None:
    keys, at = house.settings.keys, "2026-01-01 00:00:00.000000"
    connection = house.database.engine.raw_connection()
    people = [
        (n, f"r{n}@readers.example", f"r{n}@readers.example", address_hash(f"r{n}@x.example", keys))
        for n in range(1, readers + 1)
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


def child(folder: str) -> None:
    """Send, and tell when the first message was through and how much memory it took."""
    begun = time.perf_counter()
    first: list[float] = []

    def on_progress(at: publish.Progress) -> None:
        if not first and at.counts.get("sent"):
            first.append(time.perf_counter() - begun)
            print(f"first {first[0]:.2f}", flush=True)

    def composing(_house: House, _record: IssueRecord) -> Pieces:
        return Pieces(40_000)

    environ = {k: v for k, v in os.environ.items() if k.startswith("DIGEST_")}
    with open_house(Path(folder), environ) as house:
        publish.send(
            house, clock=lambda: datetime.now(UTC), on_progress=on_progress, composing=composing
        )


def run(folder: Path, environ: dict[str, str], seconds: float) -> tuple[float, float]:
    """Seconds to the first outcome, and the peak of memory in MB after `seconds` of sending."""
    begun = time.perf_counter()
    words = [sys.executable, __file__, "--child", str(folder)]
    process = subprocess.Popen(
        words, env={**os.environ, **environ}, stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    process.stdout.readline()
    first = time.perf_counter() - begun
    time.sleep(seconds)
    status = Path(f"/proc/{process.pid}/status").read_text("ascii")
    peak = int(next(x for x in status.splitlines() if x.startswith("VmHWM")).split()[1]) / 1024
    process.kill()
    process.wait()
    return first, peak


def main() -> None:
    """Furnish, send, kill, send again."""
    asked = argparse.ArgumentParser(description=__doc__)
    asked.add_argument("--readers", type=int, default=1_000_000)
    asked.add_argument("--seconds", type=float, default=20, help="of sending before each kill")
    asked.add_argument("--child", default="")
    given = asked.parse_args()
    if given.child:
        child(given.child)
        return
    with sink() as port, tempfile.TemporaryDirectory(dir=HERE) as name:
        environ = furnish(Path(name), port, given.readers)
        print(f"{given.readers:,} readers; load {os.getloadavg()[0]:.1f}")
        for what in ("send", "again after a kill"):
            first, peak = run(Path(name), environ, given.seconds)
            print(f"{what}: first message after {first:.1f} s, peak memory {peak:.0f} MB")
        size = (Path(name) / "digest.db").stat().st_size / 1e6
        print(f"database {size:.0f} MB")


if __name__ == "__main__":
    main()
