"""What takes the mail that is measured: Postfix's smtp-sink, near or 20 ms away. And what it costs.

Imported by the benchmarks; run by itself it does nothing.
"""

import os
import resource
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).parent
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


@contextmanager
def stopwatch(costs: list[Cost]) -> Iterator[None]:
    """Adds what was spent within."""
    begun, before = time.perf_counter(), spent()
    yield
    costs.append(Cost(time.perf_counter() - begun, spent() - before))


def spent() -> float:
    """Seconds of processor time of this process and of its children that have ended."""
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
