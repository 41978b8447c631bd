"""Where reports come in: a Maildir, a real IMAP server, the mail server's pipe, the verbs."""

import imaplib
import json
import mailbox
import socket
import threading
import time
from pathlib import Path
from typing import Any, get_args

import pytest
from typer.testing import CliRunner

from digest import mailboxes, publish
from digest.cli import app as program
from digest.cli.bounces import KINDS
from digest.errors import SourceError
from digest.mailboxes import Imap, imap, maildir
from digest.publish import House
from subscribers import roster
from subscribers.bounces import Kind, Report
from tests.returning import LATER, Run, ann, house, run, sample, standing, unread
from tests.waiting import PATIENCE

__all__ = ["ann", "house", "run"]


def test_a_maildir_is_read_and_nothing_is_lost(house: House, ann: int, tmp_path: Path) -> None:
    box = mailbox.Maildir(tmp_path / "box")
    for name in ("postfix", "out-of-office"):
        box.add(sample(name, ann))
    with pytest.raises(SourceError, match="no Maildir"):
        list(maildir(tmp_path))
    done = list(publish.receive_all(house, maildir(tmp_path / "box"), source="maildir", now=LATER))
    assert sorted(r.report.kind for r in done) == ["bounce", "reply"]
    assert unread(tmp_path / "box") == []
    assert len(box) == 2
    assert standing(house, ann) == "suppressed"


def test_a_maildir_s_mail_is_marked_and_not_a_byte_of_it_is_changed(
    house: House, tmp_path: Path
) -> None:
    """Python's own copying of it changes most of these, and raises on the last."""
    mailbox.Maildir(tmp_path / "box")
    strange = {
        "crlf": b"From: a@b.example\r\nSubject: x\r\n\r\nbody\r\nFrom here\r\n",
        "nothing": b"",
        "no-header": b"A\nB: c\n\nFrom x\n",
        "parts": b'Content-Type: multipart/mixed; boundary="x"\n\npre\n--x\n\xff\n--x\n',
        "zero": b"\0\0From: a\n\n",
        "boundary": b'Content-Type: multipart/report; boundary="\xff"\n\n--\xff\n\nx',
    }
    for name, raw in strange.items():
        (tmp_path / "box" / "new" / name).write_bytes(raw)
    (tmp_path / "box" / "cur" / "flagged:2,RT").write_bytes(b"From: c@d.example\n\nflagged\n")
    box = tmp_path / "box"
    done = list(publish.receive_all(house, maildir(box), source="maildir", now=LATER))
    assert len(done) == len(strange) + 1
    assert {file.name for file in (box / "cur").iterdir()} == {
        *(f"{name}:2,S" for name in strange), "flagged:2,RST"
    }  # fmt: skip
    assert {name: (box / "cur" / f"{name}:2,S").read_bytes() for name in strange} == strange
    assert unread(box) == []


def test_a_mail_that_cannot_be_read_or_marked_keeps_no_other_from_being_taken(
    house: House, ann: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    box = tmp_path / "box"
    mailbox.Maildir(box)
    (box / "new" / "1").symlink_to("/proc/self/mem")  # reading its first byte fails, also for root
    (box / "new" / "2").write_bytes(sample("postfix", ann))
    (box / "new" / "3").write_bytes(b"taken away")
    monkeypatch.setattr(mailboxes, "BATCH", 1)
    arrived = maildir(box)
    done = next(arrived)
    (box / "new" / "3").unlink()
    with pytest.raises(SourceError, match="could not be read through"):
        done += [mail for some in arrived for mail in some]
    assert [raw for raw, _ in done] == [sample("postfix", ann)]
    (box / "new" / "1").unlink()
    (box / "new" / ("0" * 255)).write_bytes(b"with a name that no flag can be added to")
    with pytest.raises(SourceError, match="could not be read through"):
        list(publish.receive_all(house, maildir(box), source="maildir", now=LATER))
    assert standing(house, ann) == "suppressed"


def test_one_report_that_cannot_be_kept_takes_none_of_its_batch_with_it(
    house: House, ann: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def note(session: roster.Session, report: Report, **told: Any) -> bool:
        if b"a trap" in told["raw"]:
            raise ValueError("no column takes this")
        return keep(session, report, **told)

    keep = roster.note_report
    monkeypatch.setattr(roster, "note_report", note)
    box = tmp_path / "box"
    mailbox.Maildir(box)
    for name, raw in ("1", sample("postfix", ann)), ("2", b"a trap"), ("3", b"after it"):
        (box / "new" / name).write_bytes(raw)
    with pytest.raises(ValueError, match="no column"):
        list(publish.receive_all(house, maildir(box), source="maildir", now=LATER))
    assert publish.reports(house)[1] == {"bounce: address": 1}
    assert unread(box) == [b"a trap", b"after it"]


def test_killed_between_the_keeping_and_the_marks_nothing_is_lost_or_counted_twice(
    house: House, ann: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(mailboxes, "BATCH", 3)
    box = tmp_path / "box"
    mailbox.Maildir(box)
    for day in range(5):
        (box / "new" / str(day)).write_bytes(b"From: a@b.example\n\n%d" % day)
    going = publish.receive_all(house, maildir(box), source="maildir", now=LATER)
    next(going)
    del going  # the first batch is kept, and one of it is marked
    assert sum(publish.reports(house)[1].values()) == 3
    assert len(unread(box)) == 4
    again = list(publish.receive_all(house, maildir(box), source="maildir", now=LATER))
    assert [one.new for one in again] == [False, False, True, True]
    assert sum(publish.reports(house)[1].values()) == 5
    assert unread(box) == []


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_a_real_imap_server_is_read(
    house: House, ann: int, dovecot: tuple[int, Path], closed_port: int
) -> None:
    port, box = dovecot
    with imaplib.IMAP4("127.0.0.1", port) as server:
        server.login("bounces", "secret")
        _, held = server.select("INBOX")
        if held != [b"0"]:
            server.store("1:*", "+FLAGS", "\\Seen")
        for name in ("exim", "human"):
            raw = sample(name, ann).replace(b"\n", b"\r\n")
            server.append("INBOX", "", imaplib.Time2Internaldate(time.time()), raw)
    place = Imap("127.0.0.1", port, "bounces", "secret", security="none")
    done = list(publish.receive_all(house, imap(place), source="imap", now=LATER))
    assert sorted(r.report.kind for r in done) == ["bounce", "reply"]
    assert standing(house, ann) == "suppressed"
    assert list(imap(place)) == []
    assert len(mailbox.Maildir(box)) >= 2
    assert list(imap(Imap("127.0.0.1", port, "umlaut", "läufer", security="none"))) == []
    for wrong in (Imap("127.0.0.1", port, "bounces", "no", security="none"),
                  Imap("127.0.0.1", port, "bounces", "geheimnisvöll", security="none"),
                  Imap("127.0.0.1", port, "bounces", "secret", "Rückläufer", "none"),
                  Imap("127.0.0.1", port, "bounces", "secret", 'a" "b', "none"),
                  Imap("127.0.0.1", closed_port, "bounces", "secret", security="none"),
                  Imap("127.0.0.1", port, "bounces", "secret", "Nowhere", "none")):  # fmt: skip
        with pytest.raises(SourceError):
            list(imap(wrong))


def test_an_imap_server_that_goes_away_in_the_middle_is_told_in_a_sentence(
    house: House, ann: int
) -> None:
    """Between a mail and the flag that says it is read: it is kept, and comes again."""
    raw = sample("exim", ann)

    def serve(listening: socket.socket) -> None:
        connection, _ = listening.accept()
        with connection, connection.makefile("rwb") as wire:
            wire.write(b"* OK ready\r\n")
            wire.flush()
            for line in wire:
                tag, verb = line.split(b" ", 1)
                if b"STORE" in verb:
                    return
                if b"CAPABILITY" in verb:
                    wire.write(b"* CAPABILITY IMAP4REV1 AUTH=PLAIN\r\n")
                if b"SEARCH" in verb:
                    wire.write(b"* SEARCH 7\r\n")
                if b"FETCH" in verb:
                    wire.write(b"* 1 FETCH (UID 7 BODY[]<0> {%d}\r\n%b)\r\n" % (len(raw), raw))
                wire.write(tag + b" OK done\r\n")
                wire.flush()

    with socket.create_server(("127.0.0.1", 0)) as listening:
        server = threading.Thread(target=serve, args=(listening,))
        server.start()
        place = Imap("127.0.0.1", listening.getsockname()[1], "ann", "word", security="none")
        with pytest.raises(SourceError):
            list(publish.receive_all(house, imap(place), source="imap", now=LATER))
        server.join(PATIENCE)
    assert standing(house, ann) == "suppressed"


def test_the_verbs(house: House, ann: int, run: Run, tmp_path: Path) -> None:
    raw = sample("postfix", ann)
    code, said = run("bounces", "read", "-", stdin=raw)
    assert (code, "suppressed: the address does not exist" in said) == (0, True)
    (tmp_path / "report.eml").write_bytes(raw)
    assert "(known)" in run("bounces", "read", str(tmp_path / "report.eml"))[1]
    listed = json.loads(run("bounces", "list", "--json")[1])
    assert listed["counts"] == {"bounce: address": 1}
    assert "5.1.1" in run("bounces", "list")[1]
    number = str(listed["reports"][0]["id"])
    for what in (number, str(tmp_path / "report.eml")):
        code, said = run("bounces", "explain", what)
        assert (code, f"subscriber {ann}, issue 1" in said, "address" in said) == (0, True, True)
    assert run("bounces", "explain", "4711")[0] == 1
    assert run("bounces", "explain", "missing.eml")[0] == 2
    assert "nothing says where bounces are" in run("bounces", "read")[1]


def test_what_was_taken_in_before_something_failed_is_told_to_machines_too(
    ann: int, run: Run, tmp_path: Path
) -> None:
    (tmp_path / "report.eml").write_bytes(sample("postfix", ann))
    words = ("bounces", "read", str(tmp_path / "report.eml"), str(tmp_path / "missing.eml"))
    code, said = run(*words, "--json")
    told, _ = json.JSONDecoder().raw_decode(said)
    assert (code, [one["did"] for one in told]) == (1, ["suppressed: the address does not exist"])
    assert "missing.eml could not be read" in said
    assert not run(*words[:2], words[3], "--json")[1].startswith("[")


@pytest.mark.parametrize("toml", [None, "this is = no [toml", "[publisher]\n"])
def test_a_report_from_the_pipe_is_given_back_whatever_is_wrong_here(
    tmp_path: Path, toml: str | None
) -> None:
    if toml is not None:
        (tmp_path / "digest.toml").write_text(toml, encoding="utf-8")
    told = ["-C", str(tmp_path), "bounces", "read", "-"]
    result = CliRunner().invoke(program, told, input=b"a report", env={"DIGEST_WEB_SECRET": ""})
    assert result.exit_code == 75
    assert "could not be kept" in result.stderr
    assert "Traceback" not in result.stderr


def test_every_kind_of_report_can_be_listed_and_no_other() -> None:
    assert get_args(Kind) == KINDS


@pytest.mark.parametrize(
    "words", [("explain", "99999999999999999999"), ("explain", "²"), ("explain", "a\0b"),
              ("list", "--kind", "nonsense")]
)  # fmt: skip
def test_what_names_no_report_exits_with_2(run: Run, words: tuple[str, ...]) -> None:
    assert run("bounces", *words)[0] == 2
