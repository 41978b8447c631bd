"""What a person gets wrong at the command line before anything is prepared: one sentence each."""

import subprocess
from pathlib import Path

import pytest

from tests.commands import FEED, INIT, ITEM, PROGRAM, clean, digest_in, refused
from tests.waiting import PATIENCE


@pytest.mark.parametrize(
    ("toml", "words"),
    [
        (None, "there is no digest.toml"),
        ("x = [", "not valid TOML"),
        ("\x00", "not valid TOML"),
        ("[publisher]\n", "publisher.name is missing"),
    ],
    ids=["missing", "broken", "binary", "incomplete"],
)
@pytest.mark.parametrize("verb", ["collect", "subscribers list"])
def test_unusable_settings(tmp_path: Path, toml: str | None, words: str, verb: str) -> None:
    if toml is not None:
        (tmp_path / "digest.toml").write_text(toml, encoding="utf-8")
    refused(digest_in(tmp_path, *verb.split()), 2, words)
    assert not (tmp_path / "digest.db").exists()


def test_a_section_that_no_newsletter_has_is_told(tmp_path: Path) -> None:
    assert digest_in(tmp_path, *INIT).returncode == 0
    (tmp_path / "good.xml").write_text(FEED.format(ITEM), encoding="utf-8")
    done = digest_in(tmp_path, "collect", "good.xml", "--section", "Nowhere")
    assert done.returncode == 0
    assert "no newsletter has a section that takes Nowhere" in done.stderr
    quiet = digest_in(tmp_path, "collect", "good.xml", "--section", "global")
    assert (quiet.returncode, quiet.stderr) == (0, "")


def test_one_source_that_fails_stops_no_other(tmp_path: Path, closed_port: int) -> None:
    assert digest_in(tmp_path, *INIT).returncode == 0
    (tmp_path / "good.xml").write_text(FEED.format(ITEM), encoding="utf-8")
    address = f"http://127.0.0.1:{closed_port}/feed"
    refused(digest_in(tmp_path, "collect", address, "good.xml"), 1, "could not be reached")
    assert "One whole headline" in digest_in(tmp_path, "articles", "list").stdout


def test_init_whose_input_ends_names_what_it_needs(tmp_path: Path) -> None:
    done = subprocess.run(
        [*PROGRAM, "init"], cwd=tmp_path, env=clean(), input="Example Times\n",
        capture_output=True, text=True, timeout=PATIENCE, check=False,
    )  # fmt: skip
    refused(done, 2, "the input ended")
    assert "--publisher, --postal-address, --title and --sender" in done.stderr
    assert not (tmp_path / "digest.toml").exists()


def test_init_overwrites_nothing(tmp_path: Path) -> None:
    assert digest_in(tmp_path, *INIT).returncode == 0
    before = (tmp_path / "digest.toml").read_bytes()
    refused(digest_in(tmp_path, *INIT), 2, "is there already")
    assert (tmp_path / "digest.toml").read_bytes() == before
    assert (tmp_path / "digest.env").stat().st_mode & 0o077 == 0


def test_what_a_terminal_sends_that_is_no_utf8_is_told_and_not_kept(tmp_path: Path) -> None:
    odd = "F\udcfcr alle"  # Latin-1, as Python hands it on
    done = digest_in(tmp_path, *INIT[:2], odd, *INIT[3:])
    assert (done.returncode, "Traceback" in done.stderr) == (2, False)
    assert "--publisher is no UTF-8: set the terminal to UTF-8." in done.stderr
    assert not (tmp_path / "digest.toml").exists()
    assert digest_in(tmp_path, *INIT).returncode == 0
    for words in (
        ("subscribers", "add", "ann@x.org", "--section", "Global", "--section", odd),
        ("subscribers", "withdraw", "ann@x.org", "--why", odd),
        ("pause", "--why", odd),
    ):
        done = digest_in(tmp_path, *words)
        assert (done.returncode, "Traceback" in done.stderr) == (2, False), done.stderr
        assert f"{words[-2]} is no UTF-8" in done.stderr
    assert "ann@x.org" not in digest_in(tmp_path, "subscribers", "export").stdout
    (tmp_path / odd).write_bytes(b"From: a@b.example\n\nhi\n")
    assert digest_in(tmp_path, "bounces", "explain", str(tmp_path / odd)).returncode == 0


@pytest.mark.parametrize("buffered", ["", "1"])
def test_a_list_that_finds_no_room_is_told(tmp_path: Path, buffered: str) -> None:
    assert digest_in(tmp_path, *INIT).returncode == 0
    assert digest_in(tmp_path, "subscribers", "add", "ann@x.org").returncode == 0
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(
            [*PROGRAM, "subscribers", "export"], cwd=tmp_path, stdout=full, stderr=subprocess.PIPE,
            env=clean({"PYTHONUNBUFFERED": buffered}), text=True, timeout=PATIENCE, check=False,
        )  # fmt: skip
    refused(done, 1, "the list could not be written: No space left")
