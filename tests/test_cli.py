"""The command line as a person meets it: a process, its two streams, and its exit code."""

import json
import os
import signal
import socket
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.commands import FEED, INIT, ITEM, PROGRAM, clean, digest_in, refused, start
from tests.conftest import SECRET
from tests.relay import ScriptedRelay
from tests.waiting import PATIENCE

HUGE = "9" * 20

Digest = Callable[..., subprocess.CompletedProcess[str]]


def test_a_question_about_one_reader_loads_no_more_than_it_needs(kitchen: Path) -> None:
    # Each in a process of its own: one that has run other verbs has all books in hand.
    said = "import sys, atexit; atexit.register(lambda: print(*sys.modules, file=sys.stderr))"
    program = [sys.executable, "-c", f"{said}\nfrom digest.cli import main; main()"]
    reader = "subscribers", "show", "ann@readers.example"
    shown = digest_in(kitchen, *reader, program=program)
    assert "ann@readers.example, number 1" in shown.stdout
    assert "subscribers.roster" in shown.stderr.split()
    idle = "digest.archive", "digest.rendering", "digest.delivery", "subscribers.bounces"
    libraries = "jinja2", "aiosmtplib", "email_validator"
    assert {*idle, *libraries}.isdisjoint(shown.stderr.split())
    erased = digest_in(kitchen, "subscribers", "forget", reader[-1], "--yes", program=program)
    assert erased.returncode == 0, erased.stderr
    assert all(name in erased.stdout for name in ("consent_event", "delivery", "subscription"))
    assert "suppressed: request, by forget" in digest_in(kitchen, *reader).stdout


@pytest.mark.parametrize(
    "words",
    [
        "articles list", "articles explain", "issues list", "issues show", "check", "status",
        "status --readers", "settings", "subscribers list", "subscribers show ann@readers.example",
        "collect", "run", "schedule", "sources list",
    ],
)  # fmt: skip
def test_json_parses(kitchen: Path, words: str) -> None:
    done = digest_in(kitchen, *words.split(), "--json")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) or words == "run"


def test_an_unknown_key(kitchen: Path) -> None:
    with (kitchen / "digest.toml").open("a", encoding="utf-8") as toml:
        toml.write('colour = "red"\n')
    refused(digest_in(kitchen, "prepare"), 2, "bounces.colour is no setting")


def test_a_time_zone_that_does_not_exist(kitchen: Path) -> None:
    toml = kitchen / "digest.toml"
    toml.write_text(toml.read_text("utf-8").replace("Asia/Kolkata", "Mars/Olympus"), "utf-8")
    refused(digest_in(kitchen, "prepare"), 2, '"Mars/Olympus" is no time zone')


@pytest.mark.parametrize(
    ("kind", "content", "words"),
    [
        ("feed", "<html><body><h1>Hello</h1></body></html>", "a web page, not a feed"),
        ("feed", FEED.format(ITEM)[:-40], "cut off"),
        ("feed", FEED.format(""), "has no entries"),
        ("feed", "", "empty"),
        ("page", "<html><body><img src='x.png'></body></html>", "head"),
    ],
    ids=["page as feed", "truncated", "no entries", "empty", "no headline"],
)
def test_an_unreadable_source(tmp_path: Path, kind: str, content: str, words: str) -> None:
    assert digest_in(tmp_path, *INIT).returncode == 0
    (tmp_path / "it").write_text(content, encoding="utf-8")
    with (tmp_path / "digest.toml").open("a", encoding="utf-8") as toml:
        toml.write(f'\n[[source]]\nname = "it"\n{kind} = "it"\nsection = "Global"\n')
    done = digest_in(tmp_path, "collect")
    refused(done, 1, words)
    assert "failing since" in done.stdout
    assert "it is failing since" in digest_in_after_an_issue(tmp_path)


def digest_in_after_an_issue(folder: Path) -> str:
    """What `status` says of the sources, once there is an issue to speak of."""
    (folder / "good.xml").write_text(FEED.format(ITEM), encoding="utf-8")
    assert digest_in(folder, "collect", "good.xml", "--section", "Global").returncode == 0
    prepared = digest_in(folder, "prepare")
    assert prepared.returncode == 0, prepared.stderr
    return digest_in(folder, "status").stderr


def test_an_unreachable_source_may_be_tried_later(kitchen: Path, closed_port: int) -> None:
    address = f"http://127.0.0.1:{closed_port}/feed"
    refused(digest_in(kitchen, "collect", address), 75, "could not be reached")
    # It was named once and is none of ours.
    assert "failing" not in digest_in(kitchen, "status").stderr


@pytest.mark.parametrize(
    ("words", "code", "sentence"),
    [
        ("prepare --at 2001-01-01", 1, "none of the"),
        ("articles show bogus", 1, "no article"),
        ("send 99", 1, "no issue 99"),
        ("issues show 99", 1, "there is no issue 99 of weekly"),
        ("editors add nobody", 2, "not a mail address"),
        ("issues pin x --section Nowhere", 1, "no article"),
        ("send", 1, "not approved"),
        ("preview --section Nope --out out", 2, "nothing in Nope"),
        ("test nobody", 2, "not a mail address"),
        ("subscribers add nobody", 2, "not a mail address"),
        ("subscribers add fay@readers.example", 1, "suppressed"),
        ("subscribers show zoe@readers.example", 1, "Nobody"),
        ("serve --port 1 --host 192.0.2.1", 1, "cannot listen"),
    ],
)
def test_what_cannot_be_done(kitchen: Path, words: str, code: int, sentence: str) -> None:
    done = digest_in(kitchen, *words.split())
    assert done.returncode == code
    assert "Traceback" not in done.stderr
    assert done.stderr.startswith("digest: ")
    assert sentence in done.stderr.splitlines()[0]
    assert len(done.stderr.splitlines()) <= 2


@pytest.mark.parametrize(
    "words",
    ["bogus", "send abc", "prepare --at yesterday", "articles list --limit -3",
     "subscribers list --newsletter none", "subscribers import none.csv --evidence fair",
     f"issues show {HUGE}", f"issues history {HUGE}", f"issues note hi --issue {HUGE}",
     f"issues note hi --version {HUGE}", f"approve {HUGE}", f"approve --version {HUGE}",
     f"check {HUGE}", f"status {HUGE}", f"issues move x --position {HUGE}",
     f"test ed@example.org --number {HUGE}", f"articles list --limit {HUGE}",
     "preview --port 99999", "issues show 0", "schedule --at 9999-12-31",
     "schedule --at 0001-01-01", "prepare --at 9999-12-31"],
)  # fmt: skip
def test_wrong_use(kitchen: Path, words: str) -> None:
    done = digest_in(kitchen, *words.split())
    assert done.returncode == 2
    assert "Usage:" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_database_newer_than_the_program_is_left_alone(kitchen: Path) -> None:
    with sqlite3.connect(kitchen / "digest.db") as database:
        database.execute("UPDATE alembic_version SET version_num = 'zzz'")
    database.close()
    for verb in ("issues list", "send", "run", "migrate"):
        refused(digest_in(kitchen, *verb.split()), 1, "newer")


def test_an_unreachable_relay_loses_nothing(kitchen: Path, closed_port: int) -> None:
    assert digest_in(kitchen, "approve").returncode == 0
    env = {"DIGEST_RELAY_PORT": str(closed_port)}
    refused(digest_in(kitchen, "send", env=env), 75, "the relay 127.0.0.1")
    assert digest_in(kitchen, "test", "ed@example.org", env=env).returncode == 75
    with ScriptedRelay() as relay:
        env = {"DIGEST_RELAY_PORT": str(relay.port)}
        for _ in range(2):
            assert digest_in(kitchen, "send", env=env).returncode == 0
        assert digest_in(kitchen, "test", "ed@example.org", env=env).returncode == 0
        got = [mail.recipient for mail in relay.accepted]
    readers = [f"{name}@readers.example" for name in ("ann", "ben", "chandra", "dora")]
    assert sorted(got[:-1]) == readers
    assert got[-1] == "ed@example.org"


def test_ctrl_c_is_a_sentence(kitchen: Path) -> None:
    # A server that takes the connection and never answers.
    with socket.create_server(("127.0.0.1", 0)) as silent:
        address = f"http://127.0.0.1:{silent.getsockname()[1]}/"
        running = start(kitchen, "collect", address)
        silent.settimeout(PATIENCE)
        asking, _ = silent.accept()
        asking.recv(1)
        running.send_signal(signal.SIGINT)
        asking.close()
        _, talk = running.communicate(timeout=PATIENCE)
    assert running.returncode == 75
    assert talk == "digest: stopped\n  nothing is lost; run the same command again\n"


def test_ctrl_c_ends_the_preview_well(kitchen: Path) -> None:
    running = start(kitchen, "preview", "--no-browser")
    assert running.stderr is not None
    assert "the desk: http://127.0.0.1:" in running.stderr.readline()
    running.send_signal(signal.SIGINT)
    _, talk = running.communicate(timeout=PATIENCE)
    assert (running.returncode, talk) == (0, "")


@pytest.mark.parametrize("ending", [signal.SIGTERM, signal.SIGINT])
def test_run_stays_until_it_is_told_to_end(kitchen: Path, ending: signal.Signals) -> None:
    toml = kitchen / "digest.toml"
    toml.write_text(toml.read_text("utf-8").replace("monday 07:00", "day 07:00"), "utf-8")
    running = start(kitchen, "run", "--every", "1s")
    assert running.stderr is not None
    assert "running every" in running.stderr.readline()
    assert "drafted for" in running.stderr.readline()
    running.send_signal(ending)
    _, talk = running.communicate(timeout=PATIENCE)
    assert running.returncode == 0, talk
    assert "Traceback" not in talk


@pytest.mark.parametrize("ending", [signal.SIGTERM, signal.SIGINT])
@pytest.mark.parametrize("when", ["before", "after"])
def test_whenever_a_send_is_told_to_end_it_says_that_nothing_is_lost(
    kitchen: Path, ending: signal.Signals, when: str
) -> None:
    """Also before it has a connection, and after it has given them up."""
    caught = "asyncio.run(caught())" if when == "after" else "None"
    stopped = f"""
import asyncio, os
from digest import publish
from digest.cli import main
from digest.publish.sending.shift import _stop_on_signal

async def caught():
    with _stop_on_signal(lambda: None):
        pass

def send(*_words, **_more):
    {caught}
    os.kill(os.getpid(), {int(ending)})
publish.send = send
main()
"""
    program = [sys.executable, "-c", stopped, "-C", str(kitchen), "send"]
    done = subprocess.run(program, capture_output=True, text=True, check=False, timeout=PATIENCE)
    assert done.returncode == 75
    assert done.stderr.startswith("digest: stopped\n  nothing is lost")


@pytest.mark.parametrize("every", ["soon", "60", "0s", "99h", "s"])
def test_run_wants_a_length_of_time(kitchen: Path, every: str) -> None:
    done = digest_in(kitchen, "run", "--every", every)
    assert done.returncode == 2
    assert "--every" in done.stderr


def test_the_schedule_is_foretold(kitchen: Path) -> None:
    shown = digest_in(kitchen, "schedule", "--count", "2", "--at", "2026-03-28")
    assert "Mon 2026-03-30 07:00 IST  Mon 01:30  Sun 2026-03-29 07:00" in shown.stdout
    assert len(shown.stdout.splitlines()) == 3
    toml = kitchen / "digest.toml"
    lines = [x for x in toml.read_text("utf-8").splitlines() if not x.startswith("schedule")]
    toml.write_text("\n".join(lines), "utf-8")
    refused(digest_in(kitchen, "schedule"), 2, "no newsletter has a schedule")


def test_the_timer_is_written_or_printed(kitchen: Path) -> None:
    done = digest_in(kitchen, "install-timer", "units")
    written = [Path(line) for line in done.stdout.splitlines()]
    assert [path.suffix for path in written] == [".service", ".timer"]
    assert "enable --now digest-kitchen.timer" in done.stderr
    assert "DIGEST_WEB_SECRET" in done.stderr
    service = (kitchen / written[0]).read_text("utf-8")
    program = Path(sys.executable).with_name("digest")
    assert f"ExecStart={program} -C {kitchen} run\n" in service
    printed = digest_in(kitchen, "install-timer", "--print").stdout
    assert service in printed
    cron = digest_in(kitchen, "install-timer", "--cron").stdout
    assert cron == f"* * * * *  {program} -C {kitchen} run\n"


@pytest.mark.parametrize(
    "words", ["articles list", "articles list --json", "settings", "subscribers list", "--help"]
)
def test_a_closed_pipe_is_no_fault(kitchen: Path, words: str) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    done = subprocess.run(
        [*PROGRAM, "-C", str(kitchen), *words.split()],
        env=clean(), stdout=writing, stderr=subprocess.PIPE, text=True, check=False,
    )  # fmt: skip
    os.close(writing)
    assert done.stderr == ""


def test_in_a_pipe_no_line_is_folded_and_nothing_is_coloured(kitchen: Path) -> None:
    long = f"{'a' * 60}@{'readers-' * 7}.example".replace("-.", ".")
    assert digest_in(kitchen, "subscribers", "add", long).returncode == 0
    for env in ({}, {"TERM": "dumb"}, {"COLUMNS": "40"}):
        shown = digest_in(kitchen, "status", "--readers", env=env)
        assert long in shown.stdout
        assert "\x1b" not in shown.stdout + shown.stderr


def test_the_preview_as_files(kitchen: Path) -> None:
    done = digest_in(kitchen, "preview", "--section", "Opinion", "--out", str(kitchen / "out"))
    paths = [Path(line) for line in done.stdout.splitlines()]
    assert [path.name for path in paths] == ["issue.html", "issue.txt"]
    assert "Opinion" in paths[1].read_text("utf-8")


def test_the_settings_hide_the_secret_and_the_example_is_toml(kitchen: Path) -> None:
    import tomllib

    assert SECRET not in digest_in(kitchen, "settings").stdout
    assert tomllib.loads(digest_in(kitchen, "settings", "--example").stdout)
