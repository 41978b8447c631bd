"""Who may sit at the desk: accounts on both engines, logins that end, the verbs of the terminal."""

import json
import os
import subprocess
import sys
from datetime import timedelta
from pathlib import Path

import pytest

from digest import publish
from digest.errors import EditorError
from digest.publish import House
from subscribers.errors import InvalidAddress
from tests.conftest import NOW, SECRET

ANN, PASSWORD = "ann@news.example", "four quiet words here"
OTHER = "other quiet words here"


@pytest.fixture
def staffed(house: House) -> House:
    publish.add_editor(house, "Ann@News.Example", "approver", PASSWORD, now=NOW)
    return house


def test_an_editor_logs_in_and_out(staffed: House) -> None:
    token = publish.log_in(staffed, " ann@NEWS.example", PASSWORD, now=NOW)
    editor = publish.logged_in(staffed, token, now=NOW)
    assert editor
    assert (editor.name, editor.role, editor.added) == (ANN, "approver", NOW)
    publish.log_out(staffed, token)
    assert publish.logged_in(staffed, token, now=NOW) is None


def test_no_password_and_no_token_is_kept_as_it_is(staffed: House) -> None:
    token = publish.log_in(staffed, ANN, PASSWORD, now=NOW)
    with staffed.database.engine.connect() as connection:
        rows = str([*connection.exec_driver_sql("SELECT * FROM editor"),
                    *connection.exec_driver_sql("SELECT * FROM login")])  # fmt: skip
    assert "$argon2id$" in rows
    assert PASSWORD not in rows
    assert token not in rows


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
@pytest.mark.parametrize(
    ("name", "password"),
    [
        (ANN, ""),
        (ANN, PASSWORD + "x"),
        (ANN, PASSWORD.upper()),
        (ANN, "x" * 100_000),
        ("bob@news.example", PASSWORD),
        ("no address", PASSWORD),
        ("", ""),
    ],
)
def test_a_wrong_login_is_none(staffed: House, name: str, password: str) -> None:
    assert publish.log_in(staffed, name, password, now=NOW) == ""


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
@pytest.mark.parametrize("token", ["", "x", "ä" * 43])
def test_nobodys_token(staffed: House, token: str) -> None:
    assert publish.logged_in(staffed, token, now=NOW) is None


def test_a_login_ends_by_itself_and_the_next_sweeps_it_away(staffed: House) -> None:
    token = publish.log_in(staffed, ANN, PASSWORD, now=NOW)
    late = NOW + timedelta(hours=12)
    assert publish.logged_in(staffed, token, now=late - timedelta(seconds=1))
    assert publish.logged_in(staffed, token, now=late) is None
    publish.log_in(staffed, ANN, PASSWORD, now=late)
    with staffed.database.engine.connect() as connection:
        assert connection.exec_driver_sql("SELECT count(*) FROM login").scalar() == 1


def test_another_password_ends_every_login(staffed: House) -> None:
    token = publish.log_in(staffed, ANN, PASSWORD, now=NOW)
    publish.set_password(staffed, ANN, OTHER)
    assert publish.logged_in(staffed, token, now=NOW) is None
    assert publish.log_in(staffed, ANN, PASSWORD, now=NOW) == ""
    assert publish.log_in(staffed, ANN, OTHER, now=NOW)


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_the_same_password_from_another_keyboard(house: House) -> None:
    publish.add_editor(house, ANN, "editor", "une fen\u00eatre ouverte", now=NOW)
    assert publish.log_in(house, ANN, "une fene\u0302tre ouverte", now=NOW)


def test_who_is_removed_is_out_at_once(staffed: House) -> None:
    token = publish.log_in(staffed, ANN, PASSWORD, now=NOW)
    publish.remove_editor(staffed, ANN)
    assert publish.logged_in(staffed, token, now=NOW) is None
    assert publish.editors(staffed) == []
    with pytest.raises(EditorError, match="no account"):
        publish.remove_editor(staffed, ANN)


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_what_makes_no_account(staffed: House) -> None:
    with pytest.raises(EditorError, match="already"):
        publish.add_editor(staffed, ANN, "editor", PASSWORD, now=NOW)
    for password in ("short", "x" * 201):
        with pytest.raises(EditorError, match="12 to 200"):
            publish.add_editor(staffed, "bob@news.example", "editor", password, now=NOW)
    with pytest.raises(InvalidAddress):
        publish.add_editor(staffed, "bob", "editor", PASSWORD, now=NOW)
    with pytest.raises(EditorError, match="no account"):
        publish.set_password(staffed, "bob@news.example", PASSWORD)
    assert [editor.name for editor in publish.editors(staffed)] == [ANN]


@pytest.mark.parametrize(
    ("role", "allowed"),
    [("editor", {"editor"}), ("approver", {"editor", "approver"}),
     ("operator", {"editor", "approver", "operator"})],
)  # fmt: skip
def test_what_a_role_may(role: publish.Role, allowed: set[str]) -> None:
    editor = publish.Editor(ANN, role, NOW)
    roles: tuple[publish.Role, ...] = ("editor", "approver", "operator")
    assert {one for one in roles if publish.may(editor, one)} == allowed


def test_the_verbs_of_the_terminal(folder: Path) -> None:
    def editors(*verb: str, typed: str = "") -> subprocess.CompletedProcess[str]:
        program = [sys.executable, "-c", "from digest.cli import main; main()", "editors", *verb]
        env = {**os.environ, "DIGEST_WEB_SECRET": SECRET}
        return subprocess.run(
            program, cwd=folder, env=env, input=typed, capture_output=True, text=True, timeout=60
        )

    made = editors("add", ANN, "--role", "approver", typed=PASSWORD + "\n")
    assert (made.returncode, "may sit at the desk as approver" in made.stderr) == (0, True)
    boss = editors("add", "bob@news.example", "--role", "boss", typed=PASSWORD + "\n")
    said = " ".join(boss.stderr.replace("│", " ").split())
    assert boss.returncode == 2
    assert "'--role': 'boss' is not one of 'editor', 'approver', 'operator'." in said
    refused = editors("add", "bob@news.example", typed="short\n")
    assert (refused.returncode, "12 to 200" in refused.stderr) == (1, True)
    assert [one["name"] for one in json.loads(editors("list", "--json").stdout)] == [ANN]
    assert editors("password", ANN, typed=OTHER + "\n").returncode == 0
    assert editors("remove", ANN).returncode == 0
    gone = editors("remove", ANN)
    assert (gone.returncode, "no account" in gone.stderr) == (1, True)
