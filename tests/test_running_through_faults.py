"""`digest run` killed, twice at once, with an old or absent database: it acts once, and goes on."""

import subprocess
import sys
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from digest import archive, publish
from digest.publish import Done
from digest.schedule import Step
from subscribers.roster import Session
from tests.clocks import Clock
from tests.relay import ScriptedRelay
from tests.replies import Wait
from tests.running import (
    DAY,
    DUE,
    EDITOR,
    HOUR,
    ONE_ENGINE,
    READERS,
    Opened,
    approve,
    at,
    copied,
    notices,
    opened,
    readers_of,
    subjects,
    text_of,
)
from tests.waiting import PATIENCE, until

__all__ = ["opened"]

RACE = """
import sys, time
from datetime import datetime
from pathlib import Path
from digest.publish import open_house, run
at = datetime.fromisoformat(sys.argv[2])
with open_house(Path(sys.argv[1]), dict(__import__("os").environ)) as house:
    print("ready", flush=True)
    sys.stdin.readline()
    for done in run(house, clock=lambda: at):
        print(done.what, flush=True)
"""


def test_killed_between_that_it_went_out_and_its_row(
    opened: Opened, relay: ScriptedRelay, monkeypatch: pytest.MonkeyPatch
) -> None:
    note = archive.note_step

    def killed(session: Session, newsletter: str, step: Step) -> None:
        if step.key.startswith("sent:"):
            raise RuntimeError("killed")
        note(session, newsletter, step)

    with opened(approval="auto") as house:
        at(house, DUE - 2 * DAY, DUE - DAY)
        with monkeypatch.context() as patched:
            patched.setattr(archive, "note_step", killed)
            at(house, DUE)
        at(house, DUE + HOUR, DUE + 2 * HOUR)
    _, first, second = notices(relay)
    assert "has gone out to 2 readers" in first["Subject"]
    assert first["Message-ID"] == second["Message-ID"]
    assert first.as_bytes().partition(b"Date")[0] == second.as_bytes().partition(b"Date")[0]


@ONE_ENGINE
def test_one_newsletters_fault_stops_no_other(
    opened: Opened, relay: ScriptedRelay, folder: Path
) -> None:
    toml = (folder / "digest.toml").read_text("utf-8")
    daily = toml[toml.index("[newsletter.weekly]") : toml.index("[[source]]")]
    daily = daily.replace("weekly", "alpha").replace("The Week", "Alpha")
    before, after = toml.split("[newsletter.weekly]", 1)
    text = f"{before}{daily}\n[newsletter.weekly]{after}"
    (folder / "digest.toml").write_text(text, encoding="utf-8")
    with opened(approval="auto") as house:
        assert list(house.settings.newsletter) == ["alpha", "weekly"]
        at(house, DUE - 2 * DAY, DUE - DAY)
        assert {record.issue.newsletter for record in house.issues()} == {"alpha", "weekly"}
        # What the database holds of the first is broken in a way that nobody foresaw.
        with house.database.writing() as session:
            rows = session.connection().exec_driver_sql(
                "UPDATE issue SET manifest = 'no json' WHERE newsletter = 'alpha'"
            )
            assert rows.rowcount == 1
        done = at(house, DUE)
        assert [act.exit_code for act in done if act.newsletter == "alpha"] == [1]
        assert readers_of(relay) == sorted(READERS)


def test_a_database_restored_from_a_copy_sends_nothing_of_the_past(
    opened: Opened, relay: ScriptedRelay, database_url: str
) -> None:
    with opened() as house:
        at(house, DUE - 2 * DAY, DUE - DAY)
        approve(house, DUE - 20 * HOUR)
        at(house, DUE - 4 * HOUR)
    copy = copied(database_url)
    with opened() as house:
        at(house, DUE)
        assert readers_of(relay) == sorted(READERS)
    # At one o'clock the copy of the night is put back. Nobody gets a second issue.
    with opened(url=copy) as house:
        at(house, DUE + 6 * HOUR, DUE + 7 * HOUR)
        assert readers_of(relay) == sorted(READERS)
        assert subjects(relay)[-1] == (
            "The Week: held back, because the database may be an old copy"
        )
        assert "digest run --release" in text_of(notices(relay)[-1])
        [line, *_] = publish.due_lines(house, None, now=DUE + 7 * HOUR, count=3)
        assert (line.due, line.state) == (DUE, "held")
        # Whoever knows better says so.
        done = at(house, DUE + 8 * HOUR, release=True)
        assert done[0].what == "released: what is not too late goes out"
        assert len(readers_of(relay)) == 4
        [said] = at(house, DUE + 9 * HOUR, release=True)
        assert said.what == "nothing was held"


def test_killed_between_a_notice_and_its_row(
    opened: Opened, relay: ScriptedRelay, folder: Path, environ: dict[str, str]
) -> None:
    relay.will("dot", EDITOR, Wait(PATIENCE))
    with opened() as house:
        at(house, DUE - 2 * DAY)
    process = racer(folder, environ, DUE - DAY)
    begin(process)
    until(lambda: notices(relay) or process.poll() is not None)
    assert process.poll() is None
    process.kill()
    process.communicate()
    with opened() as house:
        at(house, DUE - DAY + HOUR, DUE - DAY + 2 * HOUR)
    first, second = notices(relay)
    assert first["Message-ID"] == second["Message-ID"]


def test_runs_at_the_same_second_act_once(
    opened: Opened, relay: ScriptedRelay, folder: Path, environ: dict[str, str]
) -> None:
    with opened(approval="auto") as house:
        at(house, DUE - 2 * DAY)
    for moment in (DUE - DAY, DUE):
        processes = [racer(folder, environ, moment) for _ in range(2)]
        for process in processes:
            begin(process)
        for process in processes:
            _, complaints = process.communicate(timeout=PATIENCE)
            assert (process.returncode, complaints) == (0, "")
    with opened(approval="auto") as house:
        # One that came late had the plan in hand when the other wanted to tell: it is told now.
        at(house, DUE)
    assert len(notices(relay)) == 2
    assert readers_of(relay) == sorted(READERS)
    with opened() as house, house.database.reading() as session:
        steps = archive.steps(session, "weekly", DUE - DAY)
    taken = [step.name for step in steps if step.due == DUE]
    assert sorted(taken) == ["begun", "closed", "drafted", "told", "told"]


@ONE_ENGINE
def test_staying_it_runs_at_each_full_minute_until_told_to_stop(opened: Opened) -> None:
    clock = Clock(DUE - 2 * DAY + timedelta(seconds=17))
    waited: list[float] = []
    seen: list[list[Done]] = []

    def wait(seconds: float) -> bool:
        waited.append(seconds)
        clock.at += timedelta(seconds=seconds)
        return len(waited) == 3

    with opened() as house:
        publish.keep_running(
            house, clock=clock, every=timedelta(minutes=1), wait=wait, on_done=seen.append
        )
    assert waited == [43, 60, 60]
    assert [bool(done) for done in seen] == [True, False, False]


def test_staying_it_outlives_a_database_that_is_away(opened: Opened) -> None:
    seen: list[list[Done]] = []

    with opened() as house:

        def renamed(before: str, after: str) -> None:
            with house.database.writing() as session:
                connection = session.connection()
                connection.exec_driver_sql(f"ALTER TABLE {before} RENAME TO {after}")

        def wait(_: float) -> bool:
            if len(seen) == 1:
                renamed("gone", "pulse")
            return len(seen) == 2

        renamed("pulse", "gone")
        publish.keep_running(
            house, clock=Clock(DUE - 2 * DAY), every=timedelta(minutes=1), wait=wait,
            on_done=seen.append,
        )  # fmt: skip
    [[failed], [collected]] = seen
    assert failed.exit_code
    assert failed.remedy
    assert "new articles from 3 sources" in collected.what


def racer(folder: Path, environ: dict[str, str], moment: datetime) -> "subprocess.Popen[str]":
    """A process of its own that is about to run, with its clock at `moment`."""
    env = {
        **environ,
        "DIGEST_WEB_BASE_URL": "https://news.example.org",
        "PYTHONPATH": str(Path(__file__).parents[1]),
    }
    return subprocess.Popen(
        [sys.executable, "-c", RACE, str(folder), moment.isoformat()],
        env=env, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip


def begin(process: "subprocess.Popen[str]") -> None:
    """Let it go, once it is ready."""
    assert process.stdout
    assert process.stdin
    assert process.stdout.readline() == "ready\n"
    process.stdin.write("go\n")
    process.stdin.flush()
