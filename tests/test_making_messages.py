"""Many messages: how fast they were made when it was measured, and in how much memory."""

import re
import tracemalloc
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from digest.messages import Blank, Links
from digest.rendering import PLACES, Reader
from tests.test_messages import FULL, RENDERING

ROOT = Path(__file__).parents[1]


def test_i82_the_saved_measurement_is_above_its_floors() -> None:
    """How quick it is, benchmarks/message.py measures; what it saved last is held to the floors."""
    saved = (ROOT / "benchmarks" / "results" / "message.md").read_text("utf-8")
    size = int(re.findall(r"A message of ([\d,]+) bytes", saved)[0].replace(",", ""))
    rates = {
        name: int(rate.replace(",", ""))
        for name, rate in re.findall(r"(?m)^\| ([^|]+) \| ([\d,]+) \|", saved)
    }
    assert size >= 40_000
    assert rates["ours, unsigned"] >= 10_000
    assert rates["ours, RSA-2048"] >= 1_500


def test_i83_memory_is_flat() -> None:
    """Over 100,000 readers benchmarks/message.py measures it; here over 3,000 nothing is kept."""
    saved = (ROOT / "benchmarks" / "results" / "message.md").read_text("utf-8")
    held = [int(each) for each in re.findall(r"(?m)^\| [\d,]+ \| (\d+) \|$", saved)]
    assert len(held) == 4
    assert max(held) - min(held) <= 5

    blank = Blank(replace(RENDERING, text=f"{PLACES.view_url}\n" * 50), FULL)

    def mail(number: int) -> None:
        blank.fill(
            Reader("u", "p", f"https://times.example/{number}", "today"),
            Links(f"https://times.example/u/{number}", ""),
            to=f"r{number}@inbox.example",
            envelope_sender=f"b+{number}@times.example",
            message_id=f"<{number}@times.example>",
            date=datetime(2026, 3, 30, tzinfo=UTC),
        )

    for number in range(500):
        mail(number)
    tracemalloc.start()
    before, _ = tracemalloc.get_traced_memory()
    for number in range(3000):
        mail(number)
    after, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert after - before < 50_000
