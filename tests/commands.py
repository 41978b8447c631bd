"""The command line as a process: how a test starts it, and what a refusal must look like."""

import os
import signal
import subprocess
import sys
from datetime import UTC, datetime
from email.utils import format_datetime
from pathlib import Path

from tests import forked
from tests.conftest import SECRET
from tests.waiting import PATIENCE

PROGRAM = [sys.executable, "-c", "from digest.cli import main; main()"]
INIT = (
    *("init", "--publisher", "Example Times", "--postal-address", "1 Street", "--title", "Week"),
    *("--sender", "week@news.example.org"),
)
FEED = '<rss version="2.0"><channel><title>T</title>{}</channel></rss>'
ITEM = (
    "<item><title>One whole headline</title><link>https://example.org/1</link>"
    f"<pubDate>{format_datetime(datetime.now(UTC))}</pubDate></item>"
)


def digest_in(
    folder: Path, *words: str, env: dict[str, str] | None = None, program: list[str] = PROGRAM
) -> subprocess.CompletedProcess[str]:
    """Run `digest -C folder …` there."""
    if program is PROGRAM:
        return forked.digest(["-C", str(folder), *words], folder, clean(env))
    return subprocess.run(
        [*program, "-C", str(folder), *words],
        cwd=folder, env=clean(env), capture_output=True, text=True, timeout=PATIENCE, check=False,
    )  # fmt: skip


def clean(more: dict[str, str] | None = None) -> dict[str, str]:
    """The environment without what others put there for digest."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("DIGEST_")}
    return {**kept, "DIGEST_WEB_SECRET": SECRET, "NO_COLOR": "1", "COLUMNS": "80", **(more or {})}


def refused(done: subprocess.CompletedProcess[str], code: int, words: str) -> None:
    """One sentence with its remedy on stderr, the code, and no traceback."""
    assert done.returncode == code, done.stderr
    assert "Traceback" not in done.stderr
    complaint = done.stderr[done.stderr.index("digest: ") :].splitlines()
    assert words in complaint[0]
    assert len(complaint) == 2, done.stderr
    assert complaint[1].startswith("  ")


def start(folder: Path, *words: str) -> subprocess.Popen[str]:
    """The program, running."""
    return subprocess.Popen(
        [*PROGRAM, "-C", str(folder), *words],
        env=clean(), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        # Started from a background job, the tests pass on that SIGINT is ignored.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )  # fmt: skip
