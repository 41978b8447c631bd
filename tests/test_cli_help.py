"""What the command line offers, with an example of each verb, and how quickly it says so."""

import json
import subprocess
import sys

import pytest

from tests.commands import PROGRAM, clean

VERBS = [
    "demo",
    "init",
    "collect",
    "sources",
    "articles",
    "prepare",
    "issues",
    "editors",
    "preview",
    "check",
    "doctor",
    "dkim",
    "test",
    "approve",
    "send",
    "status",
    "pause",
    "resume",
    "cancel",
    "resolve",
    "run",
    "schedule",
    "install-timer",
    "serve",
    "subscribers",
    "templates",
    "settings",
    "migrate",
]
LEAVES = [
    *(
        [verb]
        for verb in VERBS
        if verb
        not in {"articles", "dkim", "editors", "issues", "sources", "subscribers", "templates"}
    ),
    *(["articles", verb] for verb in ("list", "show", "explain")),
    *(["issues", verb] for verb in ("list", "show")),
    *(["editors", verb] for verb in ("add", "list", "remove", "password")),
    *(["dkim", verb] for verb in ("generate", "show")),
    *(["sources", verb] for verb in ("list", "find", "import", "export")),
    *(["templates", verb] for verb in ("export", "check")),
    *(
        ["subscribers", v]
        for v in ["add", "import", "export", "list", "show", "suppress", "forget"]
    ),
]
HEAVY = {"babel", "premailer", "fastapi", "sqlalchemy", "httpcore", "cryptography", "dns", "lxml"}


def test_the_verbs_are_there() -> None:
    shown = subprocess.run([*PROGRAM, "--help"], capture_output=True, text=True, check=True).stdout
    assert [verb for verb in VERBS if f" {verb} " not in shown] == []


@pytest.fixture(scope="module")
def helps() -> dict[str, str]:
    """What each verb's --help shows, all asked of one process."""
    asking = f"""
import contextlib, io, json, sys
from digest.cli import main
shown = {{}}
for leaf in {LEAVES}:
    sys.argv = ["digest", *leaf, "--help"]
    with contextlib.redirect_stdout(io.StringIO()) as told:
        try:
            main()
        except SystemExit as ended:
            assert not ended.code, leaf
    shown[" ".join(leaf)] = told.getvalue()
print(json.dumps(shown))
"""
    command = [sys.executable, "-c", asking]
    done = subprocess.run(command, capture_output=True, text=True, check=True, env=clean())
    found: dict[str, str] = json.loads(done.stdout)
    return found


@pytest.mark.parametrize("leaf", LEAVES, ids=" ".join)
def test_every_help_has_an_example(leaf: list[str], helps: dict[str, str]) -> None:
    assert "Example: digest" in helps[" ".join(leaf)]


def test_help_is_quick_because_it_imports_nothing_heavy() -> None:
    said = "import sys, atexit; atexit.register(lambda: print(*sys.modules, file=sys.stderr))"
    program = f"{said}\nfrom digest.cli import main; sys.argv = ['digest', '--help']; main()"
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert "typer" in done.stderr.split()
    assert HEAVY.isdisjoint(done.stderr.split())
