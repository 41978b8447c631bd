"""Processes that start at once: forked from one that has imported everything (a fork server).

`digest(...)` is the command line in a process of its own, with its two streams and its exit code,
without the second that a new interpreter takes to import what it needs. Never here: a test of
what is imported when (test_cli.py starts interpreters for that).
"""

import multiprocessing
import os
import subprocess
import sys
import tempfile
from pathlib import Path

from tests.waiting import PATIENCE

PROCESSES = multiprocessing.get_context("forkserver")
PROCESSES.set_forkserver_preload(["tests.surviving", "tests.warmed"])


def digest(words: list[str], cwd: Path, env: dict[str, str]) -> subprocess.CompletedProcess[str]:
    """Run `digest` with these words there, in this environment and no other."""
    with tempfile.TemporaryDirectory(prefix="digest-said-") as held:
        out, talk = Path(held) / "out", Path(held) / "err"
        told = (words, str(cwd), env, str(out), str(talk))
        process = PROCESSES.Process(target=_main, args=told)
        process.start()
        process.join(PATIENCE)
        code = process.exitcode
        if code is None:
            process.kill()
            process.join()
            raise subprocess.TimeoutExpired(words, PATIENCE)
        process.close()
        said = [file.read_text("utf-8") for file in (out, talk)]
    return subprocess.CompletedProcess(words, code, *said)


def _main(words: list[str], cwd: str, env: dict[str, str], out: str, talk: str) -> None:
    os.chdir(cwd)
    os.environ.clear()
    os.environ.update(env)
    fresh = os.O_WRONLY | os.O_CREAT
    for number, (path, how) in enumerate([(os.devnull, os.O_RDONLY), (out, fresh), (talk, fresh)]):
        os.dup2(os.open(path, how, 0o600), number)
    sys.stdin = os.fdopen(0, encoding="utf-8", closefd=False)
    sys.stdout = os.fdopen(1, "w", encoding="utf-8", closefd=False)
    sys.stderr = os.fdopen(2, "w", encoding="utf-8", closefd=False)
    sys.argv = ["-c", *words]
    from digest.cli import main

    main()
