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

from ours import NOW, SECRET, Pieces  # noqa: E402 - after the path
from ours import readers as fill  # noqa: E402
from sinks import first_line, sink  # noqa: E402

from digest import publish, sample  # noqa: E402
from digest.publish import House, IssueRecord, open_house  # noqa: E402


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
        fill(house, readers)
    return environ


def child(folder: str) -> None:
    """Send, and tell when the first message was through and how much memory it took."""
    begun = time.perf_counter()
    first: list[float] = []

    def on_progress(at: publish.Progress) -> None:
        if not first and at.counts.get("sent"):
            first.append(time.perf_counter() - begun)
            print(time.process_time(), flush=True)

    def composing(_house: House, _record: IssueRecord) -> Pieces:
        return Pieces(40_000)

    environ = {k: v for k, v in os.environ.items() if k.startswith("DIGEST_")}
    with open_house(Path(folder), environ) as house:
        publish.send(
            house, clock=lambda: datetime.now(UTC), on_progress=on_progress, composing=composing
        )


def run(folder: Path, environ: dict[str, str], seconds: float) -> tuple[float, float, float]:
    """Seconds to the first outcome, of them seconds of processor time (what they would be on a
    machine of our own), and the peak of memory in MB after `seconds` of sending.
    """
    begun = time.perf_counter()
    words = [sys.executable, __file__, "--child", str(folder)]
    process = subprocess.Popen(
        words, env={**os.environ, **environ}, stdout=subprocess.PIPE, text=True
    )
    spent = float(first_line(process, "the sender"))
    first = time.perf_counter() - begun
    time.sleep(seconds)
    status = Path(f"/proc/{process.pid}/status").read_text("ascii")
    peak = int(next(x for x in status.splitlines() if x.startswith("VmHWM")).split()[1]) / 1024
    process.kill()
    process.wait()
    return first, spent, peak


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
    with sink() as (port, _), tempfile.TemporaryDirectory(dir=HERE) as name:
        environ = furnish(Path(name), port, given.readers)
        print(f"{given.readers:,} readers; load {os.getloadavg()[0]:.1f}")
        for what in ("send", "again after a kill"):
            first, spent, peak = run(Path(name), environ, given.seconds)
            print(
                f"{what}: first message after {first:.1f} s ({spent:.1f} s of processor time), "
                f"peak memory {peak:.0f} MB; load {os.getloadavg()[0]:.1f}",
                flush=True,
            )
        size = (Path(name) / "digest.db").stat().st_size / 1e6
        print(f"database {size:.0f} MB")


if __name__ == "__main__":
    main()
