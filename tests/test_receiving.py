"""What comes back changes the right reader, once, by whatever way it came."""

import asyncio
import base64
import email
import hashlib
import hmac
import imaplib
import json
import mailbox
import os
import shutil
import socket
import subprocess
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, get_args

import httpx
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from typer.testing import CliRunner

from digest import mailboxes, publish
from digest.cli import app as program
from digest.cli.bounces import KINDS
from digest.cli.door import say_counts
from digest.errors import SourceError
from digest.mailboxes import Imap, imap, maildir
from digest.publish import House, confirming, open_house, receiving
from digest.web import public_app
from subscribers import roster, tokens
from subscribers.bounces import About, Kind, Report, understand
from subscribers.bounces.events import Call
from subscribers.consent import Event
from subscribers.errors import BadSignature
from subscribers.exchange import Entry
from tests.conftest import NOW, SECRET
from tests.relay import ScriptedRelay
from tests.reports import BOUNCES, OTHERS
from tests.serving import held_port
from tests.waiting import PATIENCE, until

KEYS = (SECRET.encode(),)
LATER = NOW + timedelta(hours=3)
SECRETS = {"POSTMARK": "a word", "MAILGUN": "a key", "SES": "arn:aws:sns:eu:1:digest"}


@pytest.fixture
def house(folder: Path, environ: dict[str, str]) -> Iterator[House]:
    told = {f"DIGEST_BOUNCES_{name}": value for name, value in SECRETS.items()}
    with open_house(folder, {**environ, **told}) as opened:
        yield opened


@pytest.fixture
def ann(house: House) -> int:
    with house.database.writing() as session:
        return roster.add(session, "reader@reads.example", "weekly", how="page", now=NOW, keys=KEYS)


def sample(name: str, subscriber: int, kind: str = "b", issue: int = 1) -> bytes:
    path = tokens.return_path("b", issue, subscriber, KEYS)
    text = next(s for s in [*BOUNCES, *OTHERS] if s.name == name).text
    text = text.replace("{back}", f"{path}@news.example.org")
    return text.replace(
        "{message_id}", f"<weekly.{path.replace('+', '.')}@news.example.org>"
    ).encode()


def unread(box: Path) -> list[bytes]:
    return [raw for some in maildir(box) for raw, _ in some]


def standing(house: House, subscriber: int) -> object:
    with house.database.reading() as session:
        return roster.standing(session, [subscriber], "weekly")[subscriber]


def profile(house: House, subscriber: int) -> roster.Profile:
    with house.database.reading() as session:
        return roster.profile(session, subscriber)


def test_g71_a_dead_address_is_suppressed_once(house: House, ann: int) -> None:
    raw = sample("postfix", ann)
    first = publish.receive(house, raw, source="file", now=LATER)
    again = publish.receive(house, b"Delivered-To: x@y\n" + raw, source="imap", now=LATER)
    assert (first.new, first.did) == (True, "suppressed: the address does not exist")
    assert (again.new, again.did) == (False, "")
    assert standing(house, ann) == "suppressed"
    [kept], counts = publish.reports(house)
    assert (kept.subscriber, kept.issue, kept.fault, kept.status) == (ann, 1, "address", "5.1.1")
    assert counts == {"bounce: address": 1}
    with house.database.reading() as session:
        assert roster.report_raw(session, kept.id) == ("file", raw)


def test_a_late_bounce_of_an_old_address_is_kept_and_stops_nobody(house: House, ann: int) -> None:
    asker = roster.Asker()
    with house.database.writing() as session:
        roster.ask_to_move(session, ann, "weekly", "new@reads.example", now=NOW, keys=KEYS)
        [notice] = roster.due_notices(session, NOW)
        roster.move(session, notice.id, ann, asker, now=NOW, keys=KEYS)
    done = publish.receive(house, sample("postfix", ann), source="file", now=LATER)
    assert (done.new, done.did) == (True, "")
    [kept], _ = publish.reports(house)
    assert (kept.recipient, kept.fault, kept.counted) == ("reader@reads.example", "address", False)
    assert standing(house, ann) != "suppressed"
    fresh = sample("postfix", ann, issue=2).replace(b"reader@reads", b"new@reads")
    assert publish.receive(house, fresh, source="file", now=LATER).did.startswith("suppressed")


def test_g71_policy_and_size_never_count_against_a_reader(house: House, ann: int) -> None:
    for name in ("proofpoint", "exchange-online-sender", "too-large", "gmail-unauthenticated"):
        assert publish.receive(house, sample(name, ann), source="file", now=LATER).did == ""
    assert not isinstance(standing(house, ann), str)


def test_g72_days_add_up(house: House, ann: int) -> None:
    for day in range(5):
        raw = sample("gmail-full", ann).replace(b"<gmail-full@", b"<%d@" % day)
        did = publish.receive(house, raw, source="file", now=LATER + timedelta(days=day)).did
        assert bool(did) == (day == 4)
    assert standing(house, ann) == "suppressed"


def test_g72_who_is_stopped_for_passing_faults_is_told_and_can_go_on(
    house: House, ann: int
) -> None:
    """Suppressed with a notice; the button in it lifts that, and what was before counts no more."""
    full = sample("gmail-full", ann)
    for day in range(5):
        raw = full.replace(b"<gmail-full@", b"<%d@" % day)
        did = publish.receive(house, raw, source="file", now=NOW + timedelta(days=day)).did
    assert did == "suppressed: a score of 5"
    now = NOW + timedelta(days=60)
    with house.database.writing() as session:
        [notice] = roster.due_notices(session, now)
        assert (notice.kind, notice.newsletters) == ("stopped", ("weekly",))
        asker = roster.Asker()
        assert roster.confirm(session, notice.id, ann, asker, now=now, keys=KEYS) == ("weekly",)
    assert not isinstance(standing(house, ann), str)
    assert profile(house, ann).subscriptions[0].events[-1].kind == "confirmed"
    again = full.replace(b"<gmail-full@", b"<again@")
    assert publish.receive(house, again, source="file", now=now + timedelta(days=1)).did == ""


def test_g72_a_dead_address_is_owed_no_notice(house: House, ann: int) -> None:
    publish.receive(house, sample("postfix", ann), source="file", now=LATER)
    with house.database.writing() as session:
        assert roster.due_notices(session, LATER) == []


SAID = {
    "gone": ("550 5.1.1 no such user", True),
    "ours": ("550 5.7.1 your address is blocked", False),
    "spam": ("554 5.7.1 message rejected as spam", False),
    "full": ("550 5.2.2 mailbox full", False),
}


def test_g71_a_refusal_at_the_door_counts_by_whose_fault_it_is(
    folder: Path, environ: dict[str, str]
) -> None:
    """A 5.7.1 is us, and suppresses nobody."""
    with ScriptedRelay() as relay:
        told = {**environ, "DIGEST_RELAY_PORT": str(relay.port)}
        with open_house(folder, told) as house, house.database.writing() as session:
            numbers = {
                name: roster.add(
                    session, f"{name}@x.example", "weekly", how="x", now=NOW, keys=KEYS
                )
                for name in SAID
            }
            for name, (words, _) in SAID.items():
                relay.will("rcpt", f"{name}@x.example", words)
        with open_house(folder, told) as house:
            publish.collect(house, now=NOW)
            record = publish.prepare(house, "weekly", now=NOW).record
            publish.approve(house, "weekly", record.issue.number, by="the editor", now=NOW)
            assert publish.send(house, "weekly", clock=lambda: NOW).counts == {"refused": 4}
            stands = {name: standing(house, number) for name, number in numbers.items()}
            assert {n for n, how in stands.items() if how == "suppressed"} == {"gone"}
            kept = {report.status for report in publish.reports(house)[0]}
            assert kept == {"5.1.1", "5.7.1", "5.2.2"}


def test_g73_a_complaint_withdraws_and_suppresses(house: House, ann: int) -> None:
    assert publish.receive(house, sample("not-spam", ann), source="file", now=LATER).did == ""
    did = publish.receive(house, sample("redacted-fbl", ann), source="file", now=LATER).did
    assert did == "suppressed: complaint"
    found = profile(house, ann)
    assert (found.suppression, found.subscriptions[0].state) == ("complaint", "withdrawn")
    assert found.subscriptions[0].events[-1].how == "complaint"


def test_a_complaint_that_an_operator_lifts_lets_its_reader_ask_again_and_no_list(
    house: House, ann: int
) -> None:
    from subscribers.exchange import Entry

    who, asker = "reader@reads.example", roster.Asker()
    publish.receive(house, sample("redacted-fbl", ann), source="file", now=LATER)
    told: dict[str, Any] = {"now": LATER, "keys": KEYS}
    with house.database.writing() as session:
        assert not roster.request(session, who, ["weekly"], asker, **told)
        lifted = roster.lift(session, who, why="a slip, she writes", by="Eve", **told)
        assert lifted == roster.Lifted("complaint", "report", LATER)
        listed = roster.Entering("weekly", how="import", evidence="x", **told)
        lines = listed.addressed([Entry(1, who)])
        assert listed.enter(session, lines)[0].change == "skipped"
        assert roster.recipients(session, "weekly") == []
        assert roster.request(session, who, ["weekly"], asker, **told)
        [notice] = roster.due_notices(session, LATER)
        roster.confirm(session, notice.id, notice.subscriber, asker, **told)
        assert [r.address for r in roster.recipients(session, "weekly")] == [who]


def test_g72_what_was_before_an_operator_lifted_it_counts_no_more(house: House, ann: int) -> None:
    full = sample("gmail-full", ann)
    for day in range(5):
        raw = full.replace(b"<gmail-full@", b"<%d@" % day)
        did = publish.receive(house, raw, source="file", now=NOW + timedelta(days=day)).did
    assert did == "suppressed: a score of 5"
    now = NOW + timedelta(days=5)
    with house.database.writing() as session:
        roster.lift(session, "reader@reads.example", why="emptied", by="x", now=now, keys=KEYS)
    again = full.replace(b"<gmail-full@", b"<again@")
    assert publish.receive(house, again, source="file", now=now + timedelta(hours=1)).did == ""
    assert not isinstance(standing(house, ann), str)


def test_g72_a_confirmation_of_the_future_in_a_list_s_proof_hides_no_bounce(house: House) -> None:
    """A sheet of ours that was edited, or written by a clock that was wrong."""
    proof = (Event("confirmed", datetime(2099, 1, 1, tzinfo=UTC), "page"),)
    listed = roster.Entering("weekly", how="import", evidence="x", now=NOW, keys=KEYS)
    who = "reader@reads.example"
    with house.database.writing() as session:
        told = listed.addressed([Entry(1, who, since=proof[0].at, events=proof)])
        assert [verdict.change for verdict in listed.enter(session, told)] == ["new"]
        number = roster.find(session, who).subscriber
    did = publish.receive(house, sample("postfix", number), source="file", now=LATER).did
    assert did == "suppressed: the address does not exist"


def test_what_was_suppressed_under_an_older_key_is_lifted_as_well(house: House, ann: int) -> None:
    who, old = "reader@reads.example", (*KEYS, b"the first key of all")
    with house.database.writing() as session:
        roster.suppress(session, who, reason="bounce", how="x", now=NOW, keys=KEYS)
        lifted = roster.lift(session, who, why="x", by="x", now=NOW, keys=old)
        assert lifted == roster.Lifted("bounce", "x", NOW)
    assert not isinstance(standing(house, ann), str)


def test_g75_forged_or_nobody_s_changes_nothing_and_is_kept(house: House, ann: int) -> None:
    forged = sample("postfix", ann).replace(b"b+", b"b+1").replace(b"weekly.b.", b"weekly.b.1")
    for raw in (forged, sample("postfix", ann + 5), b"\xff\xfe nothing at all", b""):
        assert publish.receive(house, raw, source="file", now=LATER).did == ""
    assert not isinstance(standing(house, ann), str)
    found, counts = publish.reports(house)
    assert (len(found), counts["unknown"]) == (4, 2)


def test_g74_answers_are_counted_and_do_nothing(house: House, ann: int) -> None:
    for name in ("out-of-office", "human", "boxbe", "delayed"):
        assert publish.receive(house, sample(name, ann), source="file", now=LATER).did == ""
    assert publish.reports(house)[1] == {"reply": 3, "delayed": 1}


def test_d41_a_mail_unsubscribes(house: House, ann: int) -> None:
    path = tokens.return_path("u", 1, ann, KEYS)
    raw = f"From: x@reads.example\nTo: {path}@news.example.org\nSubject:\n\n".encode()
    assert publish.receive(house, raw, source="imap", now=LATER).did == "left"
    [kept] = profile(house, ann).subscriptions
    assert (kept.state, kept.events[-1].how, kept.events[-1].issue) == ("withdrawn", "mail", 1)


@pytest.mark.parametrize("way", ["link", "mail"])
def test_d41_the_mail_of_a_notice_ends_what_its_link_ends(house: House, ann: int, way: str) -> None:
    with house.database.writing() as session:
        for name in ("daily", "weekend"):
            roster.add(session, "reader@reads.example", name, how="x", now=NOW, keys=KEYS)
        roster.stop(session, ann, NOW)
        [notice] = roster.due_notices(session, NOW)
    header = email.message_from_bytes(confirming.compose(house, notice, NOW).data)
    link, mail = header["List-Unsubscribe"].replace("<", "").replace(">", "").split(", ")
    if way == "link":
        door = publish.FrontDoor(house, lambda: LATER)
        door.leave(link.rpartition("/")[2], "one-click")
        door.close()
    else:
        raw = f"From: x@reads.example\nTo: {mail.removeprefix('mailto:')}\nSubject:\n\n".encode()
        assert publish.receive(house, raw, source="imap", now=LATER).did == "left"
    kept = {held.newsletter: held for held in profile(house, ann).subscriptions}
    assert {name: held.state for name, held in kept.items()} == {
        "weekly": "withdrawn", "daily": "confirmed", "weekend": "confirmed"
    }  # fmt: skip
    assert kept["weekly"].events[-1].issue is None
    assert publish.receive(house, sample("postfix", ann), source="file", now=LATER).new


def test_d40_each_way_to_leave_is_counted_by_its_issue(house: House) -> None:
    """One-click, page, mail and complaint; the operator's word is of no issue."""
    publish.collect(house, now=NOW)
    record = publish.prepare(house, "weekly", now=NOW).record
    door = publish.FrontDoor(house, lambda: LATER)
    with house.database.writing() as session:
        numbers = [
            roster.add(session, f"r{n}@reads.example", "weekly", how="x", now=NOW, keys=KEYS)
            for n in range(6)
        ]
        for n in range(6):
            roster.add(session, f"r{n}@reads.example", "daily", how="x", now=NOW, keys=KEYS)
        roster.withdraw(session, numbers[5], "weekly", how="operator", now=LATER)
    seal = [tokens.seal(tokens.Token("unsubscribe", "weekly", record.id, n), KEYS) for n in numbers]
    door.leave(seal[0], "one-click")
    door.leave(seal[0], "one-click")
    door.leave(seal[1], "page")
    door.leave(seal[2], "page", "too many")
    path = tokens.return_path("u", record.id, numbers[3], KEYS)
    mail = f"From: x@reads.example\nTo: {path}@news.example.org\nSubject:\n\n".encode()
    publish.receive(house, mail, source="imap", now=LATER)
    publish.receive(
        house, sample("redacted-fbl", numbers[4], issue=record.id), source="imap", now=LATER
    )
    door.close()
    left = {"one-click": 1, "page": 2, "mail": 1, "complaint": 1}
    assert publish.left_by(house, record)["left_by"] == left
    with house.database.reading() as session:  # d39: what was left is what the link names
        still = {found.subscriber for found in roster.recipients(session, "daily")}
    assert still == {*numbers} - {numbers[4]}  # a complaint ends all


def test_g77_after_suppression_no_list_brings_them_back(house: House, ann: int) -> None:
    from subscribers.exchange import Entry
    from subscribers.roster import Entering

    publish.receive(house, sample("postfix", ann), source="file", now=LATER)
    with house.database.writing() as session:
        entering = Entering("weekly", how="import", evidence="x", now=LATER, keys=KEYS)
        lines = entering.addressed([Entry(1, "READER@reads.example")])
        assert entering.enter(session, lines)[0].change == "skipped"


def test_a_mail_that_breaks_what_reads_it_is_kept_and_stands_in_no_other_s_way(
    house: House, ann: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def read(data: bytes, keys: object) -> Report:
        if b"a trap" in data:
            raise RecursionError("as no mail that we know of does")
        return understand(data, KEYS)

    monkeypatch.setattr(receiving, "understand", read)
    box = tmp_path / "box"
    mailbox.Maildir(box)
    (box / "new" / "1").write_bytes(b"a trap")
    (box / "new" / "2").write_bytes(sample("postfix", ann))
    done = list(publish.receive_all(house, maildir(box), source="maildir", now=LATER))
    assert [(one.report.kind, one.new) for one in done] == [("unknown", True), ("bounce", True)]
    assert unread(box) == []
    [kept] = publish.reports(house, kinds=("unknown",))[0]
    assert "RecursionError" in kept.diagnostic
    told = publish.explain_number(house, kept.id)
    assert told is not None
    assert told.kind == "unknown"
    assert not publish.receive(house, b"a trap", source="file", now=LATER).new


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


DOVECOT = """
base_dir = {folder}/run
state_dir = {folder}/state
log_path = {folder}/log
protocols = imap
ssl = no
disable_plaintext_auth = no
listen = 127.0.0.1
first_valid_uid = 8
mail_location = maildir:~/Maildir
passdb {{
  driver = passwd-file
  args = {folder}/users
}}
userdb {{
  driver = passwd-file
  args = {folder}/users
}}
service imap-login {{
  chroot =
  inet_listener imap {{
    port = {port}
  }}
}}
service anvil {{
  chroot =
}}
"""


@pytest.fixture(scope="session")
def dovecot() -> Iterator[tuple[int, Path]]:
    """A real IMAP server on the loopback; its port, and the Maildir of `bounces`."""
    binary = shutil.which("dovecot") or "/usr/sbin/dovecot"
    if not Path(binary).exists() or os.geteuid() != 0:
        pytest.skip("Install dovecot-imapd (apt install dovecot-imapd), and run as root.")
    # Not pytest's own folder: the server's users may not enter that.
    held = tempfile.TemporaryDirectory(prefix="digest-imap-")
    folder = Path(held.name)
    folder.chmod(0o755)
    home = str(folder / "home")
    (folder / "users").write_text(
        f"bounces:{{PLAIN}}secret:8:8::{home}\numlaut:{{PLAIN}}läufer:8:8::{home}\n", "utf-8"
    )
    box = folder / "home" / "Maildir"
    box.parent.mkdir()
    mailbox.Maildir(box)
    shutil.chown(folder / "home", 8, 8)
    for path in box.parent.rglob("*"):
        shutil.chown(path, 8, 8)
    with held_port() as port:
        (folder / "dovecot.conf").write_text(DOVECOT.format(folder=folder, port=port))
        server = subprocess.Popen([binary, "-F", "-c", str(folder / "dovecot.conf")])
        try:
            until(lambda: _greets(port) or server.poll() is not None)
            assert server.poll() is None, (folder / "log").read_text("utf-8")
            yield port, box
        finally:
            server.terminate()
            server.wait(PATIENCE)
            held.cleanup()


def _greets(port: int) -> bool:
    try:
        imaplib.IMAP4("127.0.0.1", port, timeout=PATIENCE).logout()
    except OSError:
        return False
    return True


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


Run = Callable[..., tuple[int, str]]


@pytest.fixture
def run(house: House, environ: dict[str, str]) -> Run:
    def run(*words: str, stdin: bytes = b"") -> tuple[int, str]:
        told = ["-C", str(house.settings.folder), *words]
        result = CliRunner().invoke(program, told, input=stdin, env=environ)
        return result.exit_code, result.stdout + (str(getattr(result.exception, "what", "")))

    return run


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


# -- webhooks --------------------------------------------------------------------------------------


def postmark(told: dict[str, Any], word: str = "a word") -> Call:
    given = base64.b64encode(f"hook:{word}".encode()).decode()
    return Call({"authorization": f"Basic {given}"}, json.dumps(told).encode())


def mailgun(
    told: dict[str, Any], key: str = "a key", at: datetime = LATER, once: str = "tok"
) -> Call:
    stamp = str(int(at.timestamp()))
    made = hmac.new(key.encode(), f"{stamp}{once}".encode(), hashlib.sha256).hexdigest()
    signed = {"timestamp": stamp, "token": once, "signature": made}
    return Call({}, json.dumps({"signature": signed, "event-data": told}).encode())


def test_postmark(house: House, ann: int) -> None:
    told = {"RecordType": "Bounce", "Type": "HardBounce", "ID": 42,
            "Email": "READER@reads.example", "Description": "unknown user"}  # fmt: skip
    with pytest.raises(BadSignature):
        publish.hook(house, "postmark", postmark(told, "another"), now=LATER)
    [done] = publish.hook(house, "postmark", postmark(told), now=LATER)
    assert done.did.startswith("suppressed")
    assert [r.new for r in publish.hook(house, "postmark", postmark(told), now=LATER)] == [False]
    with pytest.raises(BadSignature):
        publish.hook(house, "postmark", Call({}, postmark(told).body), now=LATER)
    understood = publish.explain_number(house, publish.reports(house)[0][0].id)
    assert understood is not None
    assert understood.about == About(ann, 0)


def test_mailgun(house: House, ann: int) -> None:
    path = tokens.return_path("b", 1, ann, KEYS)
    told = {"event": "complained", "id": "e1", "recipient": "somebody@else.example",
            "envelope": {"sender": f"{path}@news.example.org"}}  # fmt: skip
    for wrong in (mailgun(told, "another"), mailgun(told, at=LATER - timedelta(hours=1))):
        with pytest.raises(BadSignature):
            publish.hook(house, "mailgun", wrong, now=LATER)
    passing = {
        "event": "failed",
        "severity": "temporary",
        "id": "e0",
        "recipient": "x@y.example",
        "delivery-status": {"enhanced-code": "4.2.2"},
    }
    [late] = publish.hook(house, "mailgun", mailgun(passing), now=LATER)
    assert (late.report.kind, late.did) == ("delayed", "")
    # Once more is fine, as when our answer was lost; its signature for another body is not.
    assert [r.new for r in publish.hook(house, "mailgun", mailgun(passing), now=LATER)] == [False]
    with pytest.raises(BadSignature):
        publish.hook(house, "mailgun", mailgun(told), now=LATER)
    assert standing(house, ann) != "suppressed"
    [done] = publish.hook(house, "mailgun", mailgun(told, once="another"), now=LATER)
    assert done.did == "suppressed: complaint"
    assert standing(house, ann) == "suppressed"


def test_sendgrid(folder: Path, environ: dict[str, str]) -> None:
    private = ec.generate_private_key(ec.SECP256R1())
    public = private.public_key().public_bytes(
        serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    secret = {"DIGEST_BOUNCES_SENDGRID": base64.b64encode(public).decode()}
    told = [{"event": "bounce", "sg_event_id": "a", "email": "reader@reads.example",
             "status": "5.1.1", "reason": "550 unknown user", "type": "bounce"},
            {"event": "bounce", "sg_event_id": "b", "email": "bob@reads.example",
             "reason": "550 spam", "type": "blocked"},
            {"event": "open", "sg_event_id": "c", "email": "bob@reads.example"}]  # fmt: skip
    body, stamp = json.dumps(told).encode(), str(int(LATER.timestamp()))
    signature = private.sign(stamp.encode() + body, ec.ECDSA(hashes.SHA256()))
    mark = "x-twilio-email-event-webhook-"
    signed = {f"{mark}timestamp": stamp, f"{mark}signature": base64.b64encode(signature).decode()}
    with open_house(folder, {**environ, **secret}) as house:
        with house.database.writing() as session:
            for name in ("reader", "bob"):
                roster.add(
                    session, f"{name}@reads.example", "weekly", how="page", now=NOW, keys=KEYS
                )
        done = publish.hook(house, "sendgrid", Call(signed, body), now=LATER)
        assert [bool(r.did) for r in done] == [True, False]
        for forged in (Call(signed, body + b" "), Call({**signed,
            "x-twilio-email-event-webhook-timestamp": "1"}, body), Call({}, body)):  # fmt: skip
            with pytest.raises(BadSignature):
                publish.hook(house, "sendgrid", forged, now=LATER)
        with pytest.raises(BadSignature):  # signed well, but long ago
            publish.hook(house, "sendgrid", Call(signed, body), now=LATER + timedelta(hours=1))
        again = publish.hook(house, "sendgrid", Call(signed, body), now=LATER)
        assert [r.new for r in again] == [False, False]


def amazon() -> tuple[rsa.RSAPrivateKey, bytes]:
    """A key and its certificate."""
    private = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "sns")])
    certificate = (
        x509.CertificateBuilder().subject_name(name).issuer_name(name)
        .public_key(private.public_key()).serial_number(1)
        .not_valid_before(datetime(2026, 1, 1, tzinfo=UTC))
        .not_valid_after(datetime(2027, 1, 1, tzinfo=UTC)).sign(private, hashes.SHA256())
        .public_bytes(serialization.Encoding.PEM)
    )  # fmt: skip
    return private, certificate


CERTIFICATE = "https://sns.eu-west-1.amazonaws.com/SimpleNotificationService-0123456789abcdef.pem"


def from_amazon(private: rsa.RSAPrivateKey, told: dict[str, str]) -> Call:
    """A call of Amazon's, signed."""
    told = {"TopicArn": SECRETS["SES"], "Timestamp": "2026-03-30T04:30:00.000Z",
            "SignatureVersion": "2", "SigningCertURL": CERTIFICATE, **told}  # fmt: skip
    signed = ("Message", "MessageId", "SubscribeURL", "Timestamp", "Token", "TopicArn", "Type")
    text = "".join(f"{name}\n{told[name]}\n" for name in signed if name in told)
    made = private.sign(text.encode(), padding.PKCS1v15(), hashes.SHA256())
    return Call({}, json.dumps({**told, "Signature": base64.b64encode(made).decode()}).encode())


def test_ses_is_connected_by_visiting_what_amazon_signed_and_nothing_else(house: House) -> None:
    private, certificate = amazon()
    visited: list[str] = []

    def visit(url: str) -> bytes:
        visited.append(url)
        return certificate if url == CERTIFICATE else b"<ConfirmSubscriptionResponse/>"

    wanted = "https://sns.eu-west-1.amazonaws.com/?Action=ConfirmSubscription&TopicArn=x&Token=y"
    asks = {"Type": "SubscriptionConfirmation", "MessageId": "m", "Message": "You have chosen",
            "Token": "y", "SubscribeURL": wanted}  # fmt: skip
    assert publish.hook(house, "ses", from_amazon(private, asks), now=LATER, fetch=visit) == []
    assert visited == [CERTIFICATE, wanted]
    forged = json.loads(from_amazon(private, asks).body) | {"Token": "z"}
    others = [
        from_amazon(private, {**asks, "SubscribeURL": url})
        for url in ("https://evil.example/?Action=ConfirmSubscription&x", wanted.replace("s:", ":"),
                    wanted.replace(".com", ".com.evil.example"), "http://127.0.0.1/", "")
    ]  # fmt: skip
    for wrong in (Call({}, json.dumps(forged).encode()), *others):
        with pytest.raises(BadSignature):
            publish.hook(house, "ses", wrong, now=LATER, fetch=visit)
    assert visited == [CERTIFICATE, wanted]  # and the certificate is kept, for an hour
    told = {"Type": "Notification", "MessageId": "n", "Message": "{}"}
    for later in (timedelta(minutes=1), timedelta(hours=1)):
        publish.hook(house, "ses", from_amazon(private, told), now=LATER + later, fetch=visit)
    assert visited == [CERTIFICATE, wanted, CERTIFICATE]


def test_a_wrong_method_gets_our_headers(house: House) -> None:
    wire = httpx.ASGITransport(public_app(house, lambda: LATER))

    async def calls() -> list[httpx.Response]:
        async with httpx.AsyncClient(transport=wire, base_url="http://news.example") as client:
            return [await client.get("/hooks/ses"), await client.put("/subscribe")]

    for answer in asyncio.run(calls()):
        assert (answer.status_code, answer.headers["X-Content-Type-Options"]) == (405, "nosniff")
        assert answer.headers["Cache-Control"] == "no-store"
        assert answer.headers["Content-Type"].startswith("text/plain")
        assert answer.headers["Allow"]


def test_amazon_is_asked_to_come_again_where_it_cannot_be_told(house: House) -> None:
    private, certificate = amazon()

    def visit(url: str) -> bytes:
        if url == CERTIFICATE:
            return certificate
        raise SourceError("no way out")

    wanted = "https://sns.eu-west-1.amazonaws.com/?Action=ConfirmSubscription&Token=y"
    asks = {"Type": "SubscriptionConfirmation", "MessageId": "m", "Message": "You have chosen",
            "Token": "y", "SubscribeURL": wanted}  # fmt: skip
    with pytest.raises(SourceError, match="no way out"):
        publish.hook(house, "ses", from_amazon(private, asks), now=LATER, fetch=visit)


@pytest.mark.parametrize("version", ["1", "2"])
def test_ses(house: House, ann: int, version: str) -> None:
    private, certificate = amazon()
    asked: list[str] = []

    def fetch(url: str) -> bytes:
        asked.append(url)
        return certificate

    message = {"notificationType": "Bounce", "bounce": {
        "bounceType": "Permanent", "bounceSubType": "General", "feedbackId": "f1",
        "bouncedRecipients": [{"emailAddress": "reader@reads.example", "status": "5.1.1",
                               "diagnosticCode": "smtp; 550 5.1.1 user unknown"}]}}  # fmt: skip
    told = {"Type": "Notification", "MessageId": "m1", "TopicArn": SECRETS["SES"],
            "Message": json.dumps(message), "Timestamp": "2026-03-30T04:30:00.000Z",
            "SignatureVersion": version,
            "SigningCertURL": "https://sns.eu-west-1.amazonaws.com/SimpleNotificationService-"
                              "0123456789abcdef.pem"}  # fmt: skip
    signed = "".join(f"{n}\n{told[n]}\n" for n in ("Message", "MessageId", "Timestamp", "TopicArn",
                                                   "Type"))  # fmt: skip
    kind = hashes.SHA256() if version == "2" else hashes.SHA1()  # noqa: S303 - as Amazon does
    told["Signature"] = base64.b64encode(
        private.sign(signed.encode(), padding.PKCS1v15(), kind)
    ).decode()
    good = told["SigningCertURL"]
    others = [{**told, "SigningCertURL": url} for url in (
        "https://sns.eu-west-1.amazonaws.com.evil.example/x.pem", good.replace("https", "http"),
        good.replace("sns.", "s3."), f"https://evil.example/{good}",
        good.replace(".com", ".com@e.x"), good.replace("/Simple", "/../Simple"),
        f"{good}?x=1", f"{good}\n", "",
    )]  # fmt: skip
    for wrong in (*others, {**told, "Message": "{}"}, {**told, "TopicArn": "arn:another"}):
        with pytest.raises(BadSignature):
            publish.hook(house, "ses", Call({}, json.dumps(wrong).encode()), now=LATER, fetch=fetch)
    assert not {other["SigningCertURL"] for other in others} & set(asked)
    call = Call({}, json.dumps(told).encode())
    [done] = publish.hook(house, "ses", call, now=LATER, fetch=fetch)
    assert done.did.startswith("suppressed")
    [again] = publish.hook(house, "ses", call, now=LATER, fetch=fetch)
    assert not again.new


def test_words_that_amazon_signed_and_are_no_event_are_kept(house: House) -> None:
    private, certificate = amazon()
    words = {"Type": "Notification", "MessageId": "m", "Message": "A test from the console"}
    [done] = publish.hook(
        house, "ses", from_amazon(private, words), now=LATER, fetch=lambda _: certificate
    )
    assert (done.report.kind, done.new) == ("unknown", True)


def test_the_webhook_s_address(house: House, ann: int) -> None:
    wire = httpx.ASGITransport(public_app(house, lambda: LATER))
    told = {"RecordType": "SpamComplaint", "ID": 7, "Email": "reader@reads.example"}

    async def calls() -> list[int]:
        async with httpx.AsyncClient(transport=wire, base_url="http://hooks.example") as client:
            answers = [
                await client.post("/hooks/postmark", content=call.body, headers=dict(call.headers))
                for call in (postmark(told, "wrong"), postmark(told))
            ]
            for provider, body in (("carrierpigeon", b"{}"), ("mailgun", b"\xff"), ("ses", b"{}"),
                                   ("ses", b"x" * (3 << 20))):  # fmt: skip
                answers.append(await client.post(f"/hooks/{provider}", content=body))
            return [answer.status_code for answer in answers]

    assert asyncio.run(calls()) == [403, 200, 403, 403, 403, 413]
    assert standing(house, ann) == "suppressed"


DEEP = b"[" * 100_000


def test_what_is_no_event_gets_a_4xx_signed_or_not(house: House, ann: int) -> None:
    basic = postmark({}).headers
    signed = json.loads(mailgun({}).body)["signature"]
    for stamp in ("nan", "inf", "-inf", "1e999", "soon"):
        made = hmac.new(b"a key", f"{stamp}tok".encode(), hashlib.sha256).hexdigest()
        odd = {"signature": {**signed, "timestamp": stamp, "signature": made}, "event-data": {}}
        with pytest.raises(BadSignature):
            publish.hook(house, "mailgun", Call({}, json.dumps(odd).encode()), now=LATER)
    for provider, headers in (("ses", {}), ("mailgun", {}), ("sendgrid", {}), ("postmark", basic)):
        for body in (DEEP, b'{"signature":' + DEEP, b"\xff", b"null", b"5"):
            try:
                told = publish.hook(house, provider, Call(headers, body), now=LATER)
            except BadSignature:
                continue
            assert [one.report.kind for one in told] == ["unknown"]
    assert standing(house, ann) != "suppressed"


@pytest.mark.parametrize("body", [b"no JSON", DEEP, b"\xff\0", b""])
def test_what_is_signed_and_no_json_is_kept_and_asked_for_no_more(
    house: House, body: bytes
) -> None:
    wire = httpx.ASGITransport(public_app(house, lambda: LATER))
    signed = dict(postmark({}).headers)

    async def calls() -> list[tuple[int, str]]:
        async with httpx.AsyncClient(transport=wire, base_url="http://hooks.example") as client:
            told = [await client.post("/hooks/postmark", content=body, headers=headers)
                    for headers in (signed, signed, {})]  # fmt: skip
            return [(one.status_code, one.text) for one in told]

    *taken, forged = asyncio.run(calls())
    assert taken == [(200, "taken\n")] * 2
    assert forged == (403, "This event is not signed by who should have sent it.\n")
    [kept] = publish.reports(house, kinds=("unknown",))[0]
    assert (kept.source, kept.did) == ("postmark", "")
    told = publish.explain_number(house, kept.id)
    assert told
    assert told.kind == "unknown"


def test_the_address_of_a_webhook_never_answers_5xx(house: House, ann: int) -> None:
    wire = httpx.ASGITransport(public_app(house, lambda: LATER))
    emails: list[Any] = [5, None, [], "\0@x.example", "\ud800"]
    odd = [{"RecordType": "Bounce", "Type": "HardBounce", "Email": email} for email in emails]

    async def calls() -> list[int]:
        async with httpx.AsyncClient(transport=wire, base_url="http://hooks.example") as client:
            names = ("ses", "mailgun")
            deep = [await client.post(f"/hooks/{name}", content=DEEP) for name in names]
            told = [postmark(one) for one in odd]
            return [one.status_code for one in deep] + [
                (await client.post(
                    "/hooks/postmark", content=call.body, headers=dict(call.headers)
                )).status_code
                for call in told
            ]  # fmt: skip

    assert asyncio.run(calls()) == [403, 403, 200, 200, 200, 200, 200]
    assert publish.reports(house)[1] == {"unknown": 5}


BLOCKED = "550 5.7.1 Our IP is blocked by the list"
CHANGE = {"RecordType": "SubscriptionChange", "Recipient": "reader@reads.example",
          "SuppressSending": True, "ChangedAt": "2026-03-30T04:30:00Z"}  # fmt: skip


@pytest.mark.parametrize(
    ("told", "kind", "fault", "did"),
    [
        ({"Type": "HardBounce", "Details": BLOCKED}, "bounce", "policy", ""),
        ({"Type": "HardBounce"}, "bounce", "address", "suppressed: the address does not exist"),
        ({"Type": "Unknown", "Details": "550 5.1.1 unknown user"}, "bounce", "address",
         "suppressed: the address does not exist"),
        ({"Type": "AutoResponder"}, "reply", "policy", ""),
        ({"Type": "Unsubscribe"}, "leaving", "policy", "left"),
        ({**CHANGE, "SuppressionReason": "HardBounce"}, "bounce", "address",
         "suppressed: the address does not exist"),
        ({**CHANGE, "SuppressionReason": "SpamComplaint"}, "complaint", "policy",
         "suppressed: complaint"),
        ({**CHANGE, "SuppressionReason": "ManualSuppression", "Origin": "Recipient"}, "leaving",
         "policy", "left"),
        ({**CHANGE, "SuppressionReason": "ManualSuppression", "Origin": "Admin"}, "note", None, ""),
        ({**CHANGE, "SuppressSending": False}, "note", None, ""),
    ],
)  # fmt: skip
def test_postmark_s_words_say_whose_fault_it_is(
    house: House, ann: int, told: dict[str, Any], kind: str, fault: str | None, did: str
) -> None:
    whole = {"RecordType": "Bounce", "ID": 1, "Email": "reader@reads.example", **told}
    [done] = publish.hook(house, "postmark", postmark(whole), now=LATER)
    blamed = [failure.fault for failure in done.report.failures]
    assert (done.report.kind, blamed, done.did) == (kind, [fault] if fault else [], did)


def test_mailgun_s_unsubscribed_leaves(house: House, ann: int, run: Run) -> None:
    told = {"event": "unsubscribed", "id": "u", "recipient": "reader@reads.example"}
    [done] = publish.hook(house, "mailgun", mailgun(told), now=LATER)
    assert (done.report.kind, done.did) == ("leaving", "left")
    number = str(json.loads(run("bounces", "list", "--json")[1])["reports"][0]["id"])
    code, said = run("bounces", "explain", number)
    assert (code, "leaving" in said, "reader@reads.example" in said) == (0, True, True)


def test_one_damaged_event_of_sendgrid_keeps_no_other_from_being_taken(
    folder: Path, environ: dict[str, str]
) -> None:
    private = ec.generate_private_key(ec.SECP256R1())
    public = private.public_key().public_bytes(
        serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    secret = {"DIGEST_BOUNCES_SENDGRID": base64.b64encode(public).decode()}
    names = ("dead", "bored", "cross", "gone", "ours")
    told = [{"event": "bounce", "sg_event_id": "a"}, "no event", None,
            {"event": "bounce", "sg_event_id": "b", "email": "dead@reads.example",
             "status": "5.1.1", "reason": "550 unknown user"},
            {"event": "unsubscribe", "sg_event_id": "c", "email": "bored@reads.example"},
            {"event": "dropped", "sg_event_id": "d", "email": "cross@reads.example",
             "reason": "Spam Reporting Address"},
            {"event": "dropped", "sg_event_id": "e", "email": "gone@reads.example",
             "reason": "Bounced Address"},
            {"event": "dropped", "sg_event_id": "f", "email": "ours@reads.example",
             "reason": "Recipient List over Package Quota"}]  # fmt: skip
    body, stamp = json.dumps(told).encode(), str(int(LATER.timestamp()))
    made = base64.b64encode(private.sign(stamp.encode() + body, ec.ECDSA(hashes.SHA256()))).decode()
    mark = "x-twilio-email-event-webhook-"
    with open_house(folder, {**environ, **secret}) as house:
        with house.database.writing() as session:
            for name in names:
                roster.add(
                    session, f"{name}@reads.example", "weekly", how="page", now=NOW, keys=KEYS
                )
        call = Call({f"{mark}timestamp": stamp, f"{mark}signature": made}, body)
        done = publish.hook(house, "sendgrid", call, now=LATER)
        assert [one.report.kind for one in done[:3]] == ["unknown"] * 3
        gone = "suppressed: the address does not exist"
        assert [one.did for one in done[3:]] == [gone, "left", "suppressed: complaint", gone, ""]
        assert len(publish.reports(house)[0]) == 8


def test_it_is_told_next_to_which_story_readers_left(capsys: pytest.CaptureFixture[str]) -> None:
    say_counts({"left_by": {"page": 1}, "left_near": {"10": 1}})
    assert capsys.readouterr().out == "left by: 1 page\nleft near: 1 next to story 10\n"
