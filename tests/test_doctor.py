"""`digest doctor` at home: a damaged file, a silent clock, a disk, a schedule, bare secrets."""

import json
import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import Connection, event

from digest.database import Database, open_database, open_existing
from digest.errors import NoDatabaseYet
from digest.preflight.premises import Machine, examine_machine
from digest.preflight.promises import Promise, examine_promises
from digest.publish import open_house
from tests.commands import digest_in, refused
from tests.conftest import NOW, SECRET
from tests.doctored import found

WELL = Machine(now=NOW, free=1 << 40, database_size=0)


@pytest.mark.parametrize(
    ("changes", "rule"),
    [
        ({"free": 1 << 20}, "disk-full"),
        ({"free": 2 << 30, "database_size": 3 << 30}, "disk-short"),
        ({"database_trouble": "row 3 missing from index"}, "database-ails"),
        ({"database_lost": "there is none yet", "is_new": True}, "database-missing"),
        ({"unwritable": "attempt to write a readonly database"}, "database-read-only"),
        ({"ahead": timedelta(minutes=3)}, "clock-adrift"),
        ({"kept": False}, "clock-unkept"),
        ({"scheduled": True}, "nothing-runs"),
        ({"scheduled": True, "last_run": NOW - timedelta(minutes=6)}, "nothing-runs"),
        ({"held": NOW}, "run-held"),
        ({"open_secrets": ("digest.env",)}, "secrets-open"),
    ],
)
def test_what_is_wrong_with_the_machine(changes: dict[str, object], rule: str) -> None:
    assert examine_machine(WELL) == []
    assert [f.rule for f in examine_machine(replace(WELL, **changes))] == [rule]  # type: ignore[arg-type]


def test_a_timer_that_is_written_and_not_switched_on_is_told(
    folder: Path, monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory
) -> None:
    home = tmp_path_factory.mktemp("home")
    monkeypatch.setenv("HOME", str(home))
    units = home / ".config" / "systemd" / "user"

    def remedy() -> str:
        looked = digest_in(folder, "doctor", "--only", "machine", "--json")
        [told] = [one for one in json.loads(looked.stdout) if one["rule"] == "nothing-runs"]
        return str(told["remedy"])

    assert "`digest install-timer`" in remedy()
    assert digest_in(folder, "install-timer").returncode == 0
    [timer] = units.glob("*.timer")
    assert remedy().endswith(f"systemctl --user enable --now {timer.name}")
    (units / "timers.target.wants").mkdir()
    (units / "timers.target.wants" / timer.name).symlink_to(timer)
    assert "`journalctl`" in remedy()


def test_a_secret_that_is_missing_hides_nothing_else(folder: Path) -> None:
    with open_house(folder, {}) as house:
        assert "DIGEST_WEB_SECRET" in found(house, "web")["secret-missing"]
        assert "relay-unusable" in found(house, "relay")


def test_a_run_of_a_moment_ago_is_enough() -> None:
    run = replace(WELL, scheduled=True, last_run=NOW - timedelta(minutes=4))
    assert examine_machine(run) == []


def test_a_database_tells_its_clock_size_and_trouble(database: Database, tmp_path: Path) -> None:
    assert database.trouble() == ""
    clock = database.clock()
    if (tmp_path / "digest.db").exists():
        assert (clock, database.size() > 0) == (None, True)
    else:
        assert clock is not None
        assert abs(clock - datetime.now(UTC)) < timedelta(minutes=1)
        assert database.size() == 0


def test_a_damaged_file_is_told(tmp_path: Path) -> None:
    path = tmp_path / "digest.db"
    open_database(f"sqlite:///{path}", tmp_path).close()
    pages = bytearray(path.read_bytes())
    # The second half of it, but for the page that holds the schema.
    pages[len(pages) // 2 :] = b"\xff" * (len(pages) - len(pages) // 2)
    opened = open_database(f"sqlite:///{path}", tmp_path)
    try:
        path.write_bytes(bytes(pages))
        assert opened.trouble() != ""
    finally:
        opened.close()


def test_a_database_that_takes_no_writes_is_told(database_url: str, tmp_path: Path) -> None:
    opened = open_existing(database_url, tmp_path)
    assert opened.unwritable() == ""
    opened.close()
    if database_url.startswith("postgresql"):
        reading = open_existing(
            f"{database_url}?options=-c%20default_transaction_read_only%3Don", tmp_path
        )
        told = "read-only"
    else:
        reading = open_existing(database_url, tmp_path)

        @event.listens_for(reading.engine, "begin")
        def forbid(connection: Connection) -> None:
            connection.exec_driver_sql("PRAGMA query_only = ON")

        told = "readonly"
    assert told in reading.unwritable()
    reading.close()


def test_settings_that_cannot_be_read_are_a_finding_for_machines_too(folder: Path) -> None:
    toml = folder / "digest.toml"
    toml.write_text(toml.read_text("utf-8") + "\nnonsense = [", encoding="utf-8")
    looked = digest_in(folder, "doctor", "--json")
    [told] = json.loads(looked.stdout)
    assert (looked.returncode, told["rule"], told["severity"]) == (2, "settings-unusable", "error")
    assert "TOML" in told["what"]
    assert told["what"].lower().startswith(str(toml).lower())
    assert "TOML" in looked.stderr
    plain = digest_in(folder, "doctor")
    assert (plain.returncode, plain.stdout) == (2, "")


@pytest.mark.parametrize("verb", ["doctor --json", "subscribers list"])
def test_files_of_settings_that_cannot_be_read_are_told_by_every_verb(
    folder: Path, verb: str
) -> None:
    toml, secrets = folder / "digest.toml", folder / "digest.env"
    good = toml.read_text("utf-8")
    for file, content, words in (
        (toml, f"x = 1\n{good}", "digest.toml: x is no setting"),
        (secrets, b"DIGEST_WEB_SECRET=\xff\n", f"{secrets} is not UTF-8"),
        (secrets, Path("/proc/self/mem"), f"{secrets} could not be read"),  # nobody's to read
        (toml, Path("/proc/self/mem"), f"{toml} could not be read"),
    ):
        file.unlink(missing_ok=True)
        if isinstance(content, Path):
            file.symlink_to(content)
        else:
            file.write_bytes(content if isinstance(content, bytes) else content.encode())
        done = digest_in(folder, *verb.split())
        refused(done, 2, words)
        for told in json.loads(done.stdout or "[]"):
            assert told["what"].startswith(words)
            assert len(told["remedy"]) > 9
        file.unlink()
        toml.write_text(good, "utf-8")


def test_looking_sets_no_database_up(folder: Path) -> None:
    looked = digest_in(folder, "doctor", "--only", "machine", "--json")
    [new] = [each for each in json.loads(looked.stdout) if each["rule"].startswith("database")]
    assert (new["rule"], new["severity"]) == ("database-missing", "warning")
    assert str(folder / "digest.db") in new["what"]
    assert not (folder / "digest.db").exists()
    assert digest_in(folder, "collect").returncode == 0
    looked = digest_in(folder, "doctor", "--only", "machine", "--json")
    assert "database" not in looked.stdout


def test_an_empty_database_stays_empty(bare_database_url: str, tmp_path: Path) -> None:
    for _ in range(2):
        with pytest.raises(NoDatabaseYet):
            open_existing(bare_database_url, tmp_path)


def test_a_disk_is_looked_at_where_the_database_lies(
    folder: Path, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    elsewhere, looked_at = tmp_path_factory.mktemp("elsewhere"), []

    class Usage:
        free = 1 << 20

    def disk_usage(path: Path) -> Usage:
        looked_at.append(path)
        return Usage()

    monkeypatch.setattr("shutil.disk_usage", disk_usage)
    url = f"sqlite:///{elsewhere / 'digest.db'}"
    with open_house(folder, {"DIGEST_WEB_SECRET": SECRET, "DIGEST_DATABASE_URL": url}) as house:
        assert "disk-full" in found(house, "machine")
    assert looked_at == [elsewhere]


def test_a_dead_database_hides_nothing_else(folder: Path) -> None:
    (folder / "digest.db").write_bytes(b"this is no database at all, and never was one" * 99)
    looked = digest_in(folder, "doctor", "--only", "machine", "--only", "relay", "--json")
    found = {each["rule"]: each for each in json.loads(looked.stdout)}
    assert looked.returncode == 1
    assert "database" in found["database-unusable"]["what"]
    assert found["database-unusable"]["remedy"]
    assert "relay-unusable" in found
    assert "nothing-runs" not in found  # nobody knows
    alone = digest_in(folder, "doctor", "--only", "relay", "--json")
    assert [each["rule"] for each in json.loads(alone.stdout)] == ["relay-unusable"]


PROMISE = Promise(
    "weekly", between=timedelta(days=7), draft=timedelta(hours=24), remind=timedelta(hours=4),
    late_at_most=timedelta(hours=12), is_asked=True, editors=1,
)  # fmt: skip


@pytest.mark.parametrize(
    ("changes", "rule"),
    [
        ({"late_at_most": timedelta(days=8)}, "late-too-long"),
        ({"editors": 0}, "nobody-told"),
        ({"remind": timedelta(hours=24)}, "remind-too-early"),
        ({"editors": 0, "remind": timedelta(days=2), "is_asked": False}, ""),
        ({"late_at_most": timedelta(days=7), "remind": timedelta(0)}, ""),
    ],
)
def test_what_a_schedule_cannot_keep(changes: dict[str, object], rule: str) -> None:
    assert examine_promises([PROMISE]) == []
    told = examine_promises([replace(PROMISE, **changes)])  # type: ignore[arg-type]
    assert [finding.rule for finding in told] == ([rule] if rule else [])
    assert all(finding.what.endswith(".") and finding.remedy for finding in told)


def test_settings_that_lose_issues_are_told(folder: Path) -> None:
    toml = folder / "digest.toml"
    text = re.sub(
        r"(?m)^schedule = .*$",
        'schedule = { every = "monday, tuesday 07:00", late_at_most = "30h", remind = "2d" }',
        toml.read_text("utf-8"),
    )
    toml.write_text(text, "utf-8")
    looked = digest_in(folder, "doctor", "--only", "settings", "--json")
    assert looked.returncode == 0
    found = {each["rule"]: each["what"] for each in json.loads(looked.stdout)}
    assert set(found) == {"late-too-long", "nobody-told", "remind-too-early", "dkim-unset"}
    assert "30 hours late, and the next one is due after 1 day." in found["late-too-long"]
    assert found["late-too-long"] in digest_in(folder, "schedule").stderr


def test_on_the_command_line_parts_are_chosen(folder: Path) -> None:
    wrong = digest_in(folder, "doctor", "--only", "weather")
    assert (wrong.returncode, "'weather' is none of machine, relay" in wrong.stderr) == (2, True)
    looked = digest_in(folder, "doctor", "--only", "machine", "--json")
    assert looked.returncode in {0, 1}
    rules = {each["rule"] for each in json.loads(looked.stdout)}
    assert "nothing-runs" in rules
    assert "relay-unusable" not in rules


def test_secrets_and_keys_that_others_can_read_are_named(folder: Path) -> None:
    with (folder / "digest.toml").open("a", encoding="utf-8") as toml:
        toml.write('[dkim]\ndomain = "news.example.org"\nkey_file = "dkim.pem"\n')
    for name, rights in (("digest.env", 0o644), ("dkim.pem", 0o640)):
        (folder / name).write_text(f"DIGEST_WEB_SECRET={SECRET}\n")
        (folder / name).chmod(rights)
    with open_house(folder, {}) as house:
        assert found(house, "machine")["secrets-open"] == "dkim.pem can be read by others."
        (folder / "dkim.pem").chmod(0o600)
        assert found(house, "machine")["secrets-open"] == "digest.env can be read by others."
        (folder / "digest.env").chmod(0o600)
        assert "secrets-open" not in found(house, "machine")
