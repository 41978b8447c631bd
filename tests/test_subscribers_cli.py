"""The operator's verbs: what goes in, what comes out, what is refused."""

import csv
import io
import json
import os
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

import pytest
import typer
from hypothesis import strategies as st
from sqlalchemy import create_engine
from sqlmodel import Session, SQLModel
from typer.testing import CliRunner

from subscribers import roster
from subscribers.cli import commands
from subscribers.errors import SubscriberError, Suppressed, UnknownSubscriber
from tests.lists import NOW, NothingSent

NAMES = st.from_regex(r"[=+@A-Za-z-][A-Za-z &']{0,10}[A-Za-z]", fullmatch=True)


class OneDesk(NothingSent):
    """A desk over SQLite in a folder."""

    keys = (b"the first key of all",)
    newsletters: tuple[str, ...] = ("weekly",)

    def __init__(self, folder: Path) -> None:
        self.engine = create_engine(f"sqlite:///{folder}/roster.db")
        SQLModel.metadata.create_all(self.engine)

    @contextmanager
    def reading(self) -> Iterator[Session]:
        with Session(self.engine) as session:
            yield session

    @contextmanager
    def writing(self) -> Iterator[Session]:
        with Session(self.engine) as session:
            yield session
            session.commit()


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[OneDesk]:
    desk = OneDesk(tmp_path)
    yield desk
    desk.engine.dispose()


Run = Callable[..., tuple[int, str]]


@pytest.fixture
def run(desk: OneDesk) -> Run:
    def run(*words: str, say: str | None = None) -> tuple[int, str]:
        """Exit code and stdout; our own errors come through, as they do to the outer door."""
        result = CliRunner().invoke(commands(lambda: desk), words, input=say)
        if isinstance(result.exception, SubscriberError):
            raise result.exception
        return result.exit_code, result.stdout

    return run


def test_add_list_show(run: Run) -> None:
    words = ("add", "ann@example.org", "bob@readers.example", "--section", "Opinion", "--text")
    assert run(*words) == (0, "new        ann@example.org\nnew        bob@readers.example\n")
    assert "ann@example.org" in run("list")[1]
    listed = json.loads(run("list", "--json", "-n", "weekly")[1])
    assert [line["preferences"] for line in listed] == [
        {"sections": ["Opinion"], "format": "text", "sectors": None, "frequency": "each"}
    ] * 2
    shown = json.loads(run("show", "ann@example.org", "--json")[1])
    assert shown["subscriptions"][0]["events"][0]["at"] == NOW.isoformat()
    assert "confirmed" in run("show", "ann@example.org")[1]


def test_the_operator_unsubscribes_who_asked_for_it(run: Run) -> None:
    run("add", "ann@example.org", "-n", "weekly")
    assert run("withdraw", "ann@example.org", "-n", "hourly")[0] == 2
    one = "withdraw", "ANN@example.org", "--why", "they rang", "-n", "weekly"
    assert run(*one) == (0, "left       weekly\n")
    assert "suppressed" not in run("show", "ann@example.org")[1]
    assert run("withdraw", "ann@example.org") == (0, "")
    assert "suppressed: request" in run("show", "ann@example.org")[1]  # whatever a list says
    [kept] = json.loads(run("show", "ann@example.org", "--json")[1])["subscriptions"]
    last = kept["events"][-1]
    assert (kept["state"], last["how"], last["evidence"]) == (
        "withdrawn",
        "operator",
        "they rang",
    )
    with pytest.raises(UnknownSubscriber):
        run("withdraw", "nobody@example.org")


def test_one_refused_and_none_is_added(run: Run, desk: OneDesk) -> None:
    run("suppress", "bob@example.org", "--reason", "request")
    with pytest.raises(Suppressed):
        run("add", "ann@example.org", "bob@example.org")
    with pytest.raises(UnknownSubscriber):
        run("show", "ann@example.org")


@pytest.mark.parametrize(
    "words",
    [
        ("add", "ann@example.org", "--newsletter", "hourly"),
        ("suppress", "ann@example.org", "--reason", "boredom"),
        ("import", "missing.csv", "--evidence", "fair"),
        ("add",),
    ],
)
def test_what_is_misused_exits_with_2(run: Run, words: tuple[str, ...]) -> None:
    assert run(*words)[0] == 2


def test_with_several_newsletters_one_is_named(run: Run, desk: OneDesk) -> None:
    desk.newsletters = ("weekly", "daily")
    assert run("add", "ann@example.org")[0] == 2
    assert run("add", "ann@example.org", "--newsletter", "daily")[0] == 0


def test_forget_asks_first(run: Run) -> None:
    run("add", "ann@example.org")
    assert run("forget", "ann@example.org", say="n\n")[0] == 1
    code, said = run("forget", "ann@example.org", "--yes")
    assert (code, "subscription" in said) == (0, True)
    code, said = run("forget", "ann@example.org", "--yes")
    assert (code, "subscription" in said) == (0, False)
    with pytest.raises(UnknownSubscriber):
        run("forget", "bob@example.org", "--yes")


def test_the_operator_lifts_what_stands_and_that_is_kept(run: Run, desk: OneDesk) -> None:
    run("add", "ann@example.org")
    for reason in ("bounce", "complaint", "request", "operator"):
        run("suppress", "ann@example.org", "--reason", reason)
        with desk.reading() as session:
            assert roster.recipients(session, "weekly") == []
        said = run("lift", "Ann@Example.org", "--why", f"a letter about \x1b {reason}")[1]
        assert said == f"lifted     {reason} of 2026-03-30, by operator\n"
        with desk.reading() as session:  # a suppression ended nothing of their consent
            assert len(roster.recipients(session, "weekly")) == 1
    assert run("lift", "ann@example.org", "--why", "once more", "--by", "Eve") == (0, "")
    told = "lifted: bounce by operator of 2026-03-30, on 2026-03-30 by the operator: a letter about"
    for verb in ("show", "proof"):
        assert run(verb, "ann@example.org")[1].count("lifted: ") == 4
        assert f"{told} ? bounce\n" in run(verb, "ann@example.org")[1]
    kept = json.loads(run("proof", "ann@example.org", "--json")[1])["lifted"]
    assert [(one["reason"], one["by"]) for one in kept][2:] == [
        ("request", "the operator"), ("operator", "the operator")
    ]  # fmt: skip
    erased = run("forget", "ann@example.org", "--yes")[1]
    assert [line.split() for line in erased.splitlines() if "lifting" in line] == [["lifting", "4"]]
    assert run("lift", "ann@example.org", "--why", "they wrote", "--by", "Eve")[0] == 0
    said = run("show", "ann@example.org")[1]
    assert "lifted: request by forget of 2026-03-30, on 2026-03-30 by Eve: they wrote" in said


def test_the_word_by_which_a_stranger_was_lifted_is_erased_with_them(run: Run) -> None:
    """No reader here, and nothing left of them but what somebody wrote in their name."""
    run("suppress", "nobody@example.org")
    run("lift", "nobody@example.org", "--why", "Nora Body wrote on 5 March")
    assert "Nora Body" in run("show", "nobody@example.org", "--json")[1]
    erased = run("forget", "nobody@example.org", "--yes")[1]
    assert [line.split() for line in erased.splitlines() if "lifting" in line] == [["lifting", "1"]]
    assert "Nora Body" not in run("show", "nobody@example.org", "--json")[1]
    assert "suppressed: request, by forget" in run("show", "nobody@example.org")[1]


@pytest.mark.parametrize("words", [("ann@example.org",), ("ann@example.org", "--why", "  ")])
def test_nothing_is_lifted_without_a_word_why(run: Run, words: tuple[str, ...]) -> None:
    run("suppress", "ann@example.org")
    assert run("lift", *words)[0] == 2
    assert "suppressed: operator" in run("show", "ann@example.org")[1]


def test_lifting_says_that_no_consent_comes_back_by_it(desk: OneDesk) -> None:
    app = commands(lambda: desk)

    def said(*words: str) -> str:
        return CliRunner().invoke(app, words).stderr

    said("add", "ann@example.org", "bob@example.org")
    said("withdraw", "bob@example.org")
    lift = {who: ("lift", f"{who}@example.org", "--why", "wrote") for who in ("ann", "bob", "cat")}
    assert said(*lift["ann"]) == "ann@example.org is not suppressed.\n"
    for who in lift:
        said("suppress", f"{who}@example.org")
    assert said(*lift["ann"]) == "weekly is mailed again: it never was left.\n"
    assert "brings no consent back" in said(*lift["bob"])
    assert "brings no consent back" in said(*lift["cat"])
    with desk.reading() as session:
        assert [r.address for r in roster.recipients(session, "weekly")] == ["ann@example.org"]


SHEET = """address,sections,format
ann@example.org,Global;Opinion,text
bob@example.org,,
ann@example.org,Global;Opinion,text
not an address,,
"eve@example.org,,
sup@example.org,,
gone@example.org,,
=cmd@example.org,,pdf

zoe@example.org
"""


def test_import_reports_each_line_and_stops_at_none(
    run: Run, desk: OneDesk, tmp_path: Path
) -> None:
    run("add", "gone@example.org")
    with desk.writing() as session:
        gone = roster.find(session, "gone@example.org").subscriber
        roster.withdraw(session, gone, "weekly", how="page", now=NOW)
    run("suppress", "sup@example.org")
    file = tmp_path / "readers.csv"
    file.write_bytes(
        b"\xef\xbb\xbf" + SHEET.replace("\n", "\r\n").encode() + b"r\xe9@example.org,,\n"
    )
    expected = ["new", "new", "unchanged", "refused", "refused", "skipped", "skipped", "refused",
                "new", "refused"]  # fmt: skip
    for words in (["--dry-run"], []):
        code, said = run("import", str(file), "--evidence", "fair", *words)
        lines = [line.split() for line in said.splitlines()]
        assert (code, [line[1] for line in lines]) == (0, expected)
        assert [line[0] for line in lines] == ["2", "3", "4", "5", "6", "7", "8", "9", "11", "12"]
        with desk.reading() as session:
            assert len(roster.recipients(session, "weekly")) == (0 if words else 3)
    [kept] = json.loads(run("show", "ann@example.org", "--json")[1])["subscriptions"]
    assert kept["events"][0]["evidence"] == "fair"
    assert kept["events"][0]["how"] == "import"


def test_a_dry_run_says_who_will_get_mail(run: Run, tmp_path: Path) -> None:
    file = tmp_path / "list.csv"
    file.write_text(
        "address,state,suppressed\nann@example.org,confirmed,\nbob@example.org,withdrawn,\n"
        "cat@example.org,confirmed,bounce\n",
        encoding="utf-8",
    )
    for words in (["--dry-run"], []):
        code, said = run("import", str(file), "--evidence", "fair", *words)
        ann, bob, cat = said.splitlines()
        assert (code, ann.split()[1:]) == (0, ["new", "ann@example.org"])
        assert bob.split()[1] == "new"
        assert "no mail goes" in bob
        assert "never to be mailed" in cat


def test_suppressions_go_out_and_in_whole_and_are_of_no_newsletter(
    run: Run, desk: OneDesk, tmp_path: Path
) -> None:
    then = NOW - timedelta(days=9)
    with desk.writing() as session:
        roster.suppress(
            session, "ann@example.org", reason="complaint", how="report", now=then, keys=desk.keys
        )
    sheet = run("export", "--suppressions")[1]
    file = tmp_path / "never.csv"
    file.write_text(sheet, encoding="utf-8")
    (tmp_path / "other").mkdir()
    other = OneDesk(tmp_path / "other")
    other.newsletters = ("weekly", "daily")
    done = CliRunner().invoke(commands(lambda: other), ["import", str(file)])
    assert done.exit_code == 0
    again = CliRunner().invoke(commands(lambda: other), ["export", "--suppressions"])
    assert again.stdout == sheet
    assert len(sheet.splitlines()) == 2
    plain = tmp_path / "plain.csv"
    plain.write_text("address\nbob@example.org\n", encoding="utf-8")
    words = ["import", str(plain), "--evidence", "fair"]
    assert CliRunner().invoke(commands(lambda: other), words).exit_code == 2
    assert (
        CliRunner().invoke(commands(lambda: other), [*words, "--suppress", "bounce"]).exit_code == 0
    )
    other.engine.dispose()


def test_import_wants_a_header_and_evidence(run: Run, tmp_path: Path) -> None:
    file = tmp_path / "readers.csv"
    file.write_text("email\nann@example.org\n", encoding="utf-8")
    with pytest.raises(SubscriberError, match="header"):
        run("import", str(file), "--evidence", "fair")
    assert run("import", str(file), "--evidence", "fair", "--email", "email")[0] == 0
    assert run("import", str(file), "--evidence", " ")[0] == 2
    assert run("import", str(file))[0] == 2
    assert run("import", str(file), "--status", "email")[0] == 2
    assert run("import", str(file), "--suppress", "boredom")[0] == 2


def test_export_comes_in_again(run: Run, tmp_path: Path) -> None:
    run("add", "+ann@example.org", "--section", "=Cmd", "--section", "Opinion")
    run("add", "bob@example.org", "--text")
    file = tmp_path / "out.csv"
    sheet = run("export")[1]
    rows = list(csv.DictReader(sheet.splitlines()))
    assert [(r["address"], r["state"], r["sections"], r["format"]) for r in rows] == [
        ("'+ann@example.org", "confirmed", "'=Cmd;Opinion", "html"),
        ("bob@example.org", "confirmed", "", "text"),
    ]
    file.write_text(sheet, encoding="utf-8")
    said = run("import", str(file))[1]
    assert [line.split()[1] for line in said.splitlines()] == ["unchanged", "unchanged"]


def test_export_takes_the_place_of_a_file_only_once_it_is_whole(
    run: Run, desk: OneDesk, tmp_path: Path
) -> None:
    run("add", "ann@example.org")
    out = tmp_path / "readers.csv"
    out.write_text("what stood there", encoding="utf-8")
    assert run("export", "--newsletter", "nonsense", "--out", str(out))[0] == 2
    assert out.read_text("utf-8") == "what stood there"
    for wrong in (tmp_path / "nofolder" / "x", tmp_path, out / "x"):
        with pytest.raises(SubscriberError, match="could not be written"):
            run("export", "--out", str(wrong))
    assert run("export", "--out", str(out))[0] == 0
    assert "ann@example.org" in out.read_text("utf-8")
    assert {path.name for path in tmp_path.iterdir() if "readers" in path.name} == {"readers.csv"}
    assert run("export", "--out", "/dev/null")[0] == 0
    assert Path("/dev/null").is_char_device()


def test_every_help_has_an_example(desk: OneDesk) -> None:
    app = commands(lambda: desk)
    for command in app.registered_commands:
        shown = CliRunner().invoke(app, [str(command.name), "--help"], env={"COLUMNS": "200"})
        assert f"Example: digest subscribers {command.name}" in shown.stdout


def test_a_list_comes_in_through_a_pipe(run: Run, tmp_path: Path) -> None:
    run("add", "ann@example.org")
    out = run("export")[1].encode()
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("list.csv", out)
    for data in (out, packed.getvalue()):
        reading, writing = os.pipe()
        os.write(writing, data)
        os.close(writing)
        code, said = run("import", f"/dev/fd/{reading}")
        os.close(reading)
        assert (code, said.split()[-2:]) == (0, ["unchanged", "ann@example.org"])


def test_no_escape_sequence_reaches_the_terminal(run: Run, desk: OneDesk) -> None:
    run("add", "ann@example.org")
    with desk.writing() as session:
        ann = roster.find(session, "ann@example.org").subscriber
        roster.withdraw(session, ann, "weekly", how="page", now=NOW, reason="\x1b[2J[bold]bye")
    said = run("show", "ann@example.org")[1]
    assert "\x1b" not in said
    assert "[bold]bye" in said


def test_no_escape_sequence_of_a_list_reaches_the_terminal(run: Run, tmp_path: Path) -> None:
    event = {"kind": "confirmed", "at": NOW.isoformat(), "how": "\x1b[2Jpage"}
    rows = [("address", "sections", "proof", "\x1b[2J"),
            ("ann@example.org", "\x1b[2JGlobal", json.dumps([event]), "")]  # fmt: skip
    with (tmp_path / "list.csv").open("w", newline="") as file:
        csv.writer(file).writerows(rows)
    said = run("import", str(tmp_path / "list.csv"))[1]
    said += run("proof", "ann@example.org")[1] + run("show", "ann@example.org")[1]
    assert "?[2Jpage" in said
    assert "?[2JGlobal" in said
    assert "\x1b" not in said
    with pytest.raises(SubscriberError) as caught:
        run("import", str(tmp_path / "list.csv"), "--suppress", "bounce", "--email", "mail")
    assert "?[2j" in caught.value.remedy


def test_the_door_stays_shut_until_a_verb_runs() -> None:
    def shut() -> OneDesk:
        raise AssertionError("opened")

    app: typer.Typer = commands(shut)
    assert CliRunner().invoke(app, ["--help"]).exit_code == 0
