"""The units and the cron line that call `digest run`."""

import shlex
import shutil
import signal
import subprocess
from pathlib import Path

import pytest

from digest import publish
from digest.cli.schedule import _Patience
from digest.errors import SettingsError
from subscribers.cli.door import BREATH

PROGRAM = Path("/opt/digest/bin/digest")
ODD = ["/srv/weekly", "/srv/The Week", "/srv/100% news", '/srv/it\'s "quoted"', "/srv/$HOME;x"]


@pytest.mark.parametrize("folder", ODD)
def test_cron_starts_the_program_with_the_folder(folder: str) -> None:
    line = publish.cron_line(PROGRAM, Path(folder))
    assert line.startswith("* * * * *  ")
    # crontab(5): a percent sign that is not escaped begins the input.
    command = line.removeprefix("* * * * *  ").replace("\\%", "%")
    assert shlex.split(command) == [str(PROGRAM), "-C", folder, "run"]
    assert "%" not in line.replace("\\%", "")


@pytest.mark.parametrize("name", [Path(folder).name for folder in ODD])
@pytest.mark.parametrize("user", ["", "root"])
def test_systemd_finds_nothing_wrong_with_the_units(tmp_path: Path, name: str, user: str) -> None:
    verify = shutil.which("systemd-analyze")
    if verify is None:
        pytest.skip("systemd is not installed: apt-get install systemd")
    folder, program = tmp_path / name, shutil.which("true")
    folder.mkdir()
    assert program
    units = publish.timer_units(Path(program), folder, user)
    written = publish.write_units(units, tmp_path / "units")
    done = subprocess.run(
        [verify, "verify", "--man=no", *map(str, written)], capture_output=True, text=True
    )
    assert (done.returncode, done.stderr) == (0, "")


def test_the_units_run_each_minute_and_after_a_reboot() -> None:
    units = publish.timer_units(PROGRAM, Path("/srv/weekly"), "news")
    assert units.name == "digest-weekly"
    assert "ExecStart=/opt/digest/bin/digest -C /srv/weekly run\n" in units.service
    assert "User=news\n" in units.service
    assert "SuccessExitStatus=75\n" in units.service
    assert "Persistent=true\n" in units.timer


def test_a_path_that_no_unit_can_hold(tmp_path: Path) -> None:
    for make in (publish.cron_line, publish.timer_units):
        with pytest.raises(SettingsError, match="cannot stand"):
            make(PROGRAM, Path("/srv/a\nExecStart=evil"))
    (tmp_path / "file").touch()
    units = publish.timer_units(PROGRAM, tmp_path)
    with pytest.raises(SettingsError, match="could not be written"):
        publish.write_units(units, tmp_path / "file" / "units")


def test_two_signals_in_one_breath_are_one() -> None:
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    now = [100.0]
    try:
        patience = _Patience(lambda: now[0])
        for _ in range(3):
            signal.raise_signal(signal.SIGINT)
        assert patience(0)  # told to stop, and nothing was torn
        now[0] += BREATH
        with pytest.raises(KeyboardInterrupt):
            signal.raise_signal(signal.SIGTERM)
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
