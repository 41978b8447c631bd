"""What an operator sees of a send: its log, its figures, its export, what is due when."""

import csv
import io
import json
import logging
import re
from collections import Counter
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import typer
from sqlalchemy import text

from digest import ledger, publish
from digest.cli import sending
from digest.database import Database
from digest.edition import Edition
from digest.errors import DatabaseError, MessageError
from digest.ledger import Delivery
from digest.messages import Message
from digest.outcomes import NotBegun, Reply
from digest.publish import Account, House, open_house
from digest.publish.composing import Composer
from digest.publish.sending import watching
from digest.publish.sending.jobs import Job
from digest.publish.sending.watching import Watch
from digest.terminal.sending import show_account
from subscribers import roster
from subscribers.recipient import Recipient
from subscribers.roster import Session
from tests.commands import PROGRAM, digest_in, refused
from tests.conftest import NOW
from tests.faulty import Clock, environ, sent_with_faults, states
from tests.relay import ANYONE, ScriptedRelay
from tests.sending import ANN, BEN, CHANDRA, MAILED, approved, later, mailed, prepared

__all__ = ["environ"]


def test_who_got_it_and_who_did_not_is_exported(
    house: House, relay: ScriptedRelay, clock: Clock
) -> None:
    record = sent_with_faults(house, relay, clock)
    table, lines = io.StringIO(), io.StringIO()

    assert publish.export(house, record, table, "csv") == 7
    assert publish.export(house, record, lines, "json", ("unknown",)) == 1

    rows = {row["address"]: row for row in csv.DictReader(io.StringIO(table.getvalue()))}
    assert {address: row["state"] for address, row in rows.items()} == states(house, record)
    assert rows[BEN]["reply"] == "550 5.7.1 not from this address of yours"
    assert rows[CHANDRA]["relay"] == f"127.0.0.1:{relay.port}"
    unknown = json.loads(lines.getvalue())
    assert (unknown["address"], unknown["state"]) == (ANN, "unknown")
    assert unknown["message_id"].startswith("<weekly.")


def test_no_formula_is_exported(house: House, clock: Clock) -> None:
    formula = "=1+1@readers.example"
    with house.database.writing() as session:
        roster.add(session, formula, "weekly", how="test", now=NOW, keys=house.settings.keys)
    record, table = approved(house, clock), io.StringIO()

    publish.export(house, record, table, "csv")

    addresses = {row["address"] for row in csv.DictReader(io.StringIO(table.getvalue()))}
    assert f"'{formula}" in addresses
    assert ANN in addresses


@pytest.mark.parametrize(
    ("shown", "to"), [("full", "<ben@readers.example>"), ("domain", "@readers.example>"),
                      ("none", "<")]
)  # fmt: skip
def test_each_mail_event_is_a_line_in_the_log(
    folder: Path,
    environ: dict[str, str],
    relay: ScriptedRelay,
    clock: Clock,
    caplog: pytest.LogCaptureFixture,
    shown: str,
    to: str,
) -> None:
    caplog.set_level(logging.INFO, "digest.mail")
    with open_house(folder, {**environ, "DIGEST_RELAY_LOG_ADDRESSES": shown}) as house:
        sent_with_faults(house, relay, clock)

    lines = sorted(record.getMessage() for record in caplog.records)
    assert len(lines) == 4
    fields = ["issue=", "to=", "relay=", "delay=", "attempt=", "dsn=", "status="]
    for line in lines:
        places = [line.index(field) for field in fields]
        assert places == sorted(places)
    [ben] = [line for line in lines if "not from this address" in line]
    assert to in ben
    assert "attempt=1, dsn=5.7.1, status=refused (550 5.7.1 not from this address of yours)" in ben
    assert ("readers.example" in "".join(lines)) == (shown != "none")
    assert ("ben@" in "".join(lines)) == (shown == "full")


class Damaged(Composer):
    """Makes every message but Ben's."""

    def compose(
        self,
        recipient: Recipient,
        edition: Edition,
        message_id: str,
        date: datetime,
        prefix: str = "",
    ) -> Message:
        if recipient.address == BEN:
            raise MessageError("the preferences of this reader cannot be written")
        return super().compose(recipient, edition, message_id, date, prefix)


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_a_log_on_a_full_disk_is_told_in_one_sentence_and_stops_no_send(
    house: House, folder: Path, environ: dict[str, str], clock: Clock
) -> None:
    approved(house, clock)
    done = digest_in(folder, "send", "--log", "/dev/full", env=environ)
    assert done.returncode == 0, done.stderr
    assert done.stderr.count("/dev/full cannot be written: No space left on device") == 1
    assert "Traceback" not in done.stderr
    assert publish.account(house, house.issue("weekly")).counts == {"sent": 4, "skipped": 1}


def test_what_was_never_begun_is_no_failure_in_the_log(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, logger="digest.mail")
    never = Delivery(1, 1, 7, "", "", "claimed", "", "", 0, 0, NOW, 0, "", "", NOW, NOW, None)
    watch = Watch("weekly/1", lambda: NOW, {"pending": 1}, lambda _: None, "none")

    outcome = NotBegun(Reply(0, "the sender was stopped"))
    watch.happened(Job(never, ANN), outcome, "pending", "relay:25")

    assert caplog.messages[0].endswith("dsn=4.0.0, status=pending (the sender was stopped)")


def test_a_message_that_cannot_be_made_stops_nobody_else(
    house: House, relay: ScriptedRelay, clock: Clock
) -> None:
    record = approved(house, clock)

    account = publish.send(house, clock=clock, composing=Damaged)

    assert account.counts == {"sent": 3, "refused": 1, "skipped": 1}
    [line] = publish.readers(house, record, ("refused",))
    assert (line.address, line.reason) == (BEN, "the preferences of this reader cannot be written")
    assert set(mailed(relay)) == MAILED - {BEN}


def test_of_a_group_whose_commit_nobody_confirmed_the_log_says_what_happened(
    house: House,
    relay: ScriptedRelay,
    clock: Clock,
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Each group is committed, and then tried again as if nobody had said so."""
    approved(house, clock)
    relay.will("rcpt", BEN, "550 5.7.1 not from this address of yours")
    groups = list[str]()
    persist = Database.persist

    def unanswered(self: Database, work: Callable[[Session, bool], Any]) -> Any:
        if groups and groups.pop():
            with self.writing() as session:
                work(session, False)
            return persist(self, lambda session, _again: work(session, True))
        return persist(self, work)

    def passing(point: str) -> None:
        groups.extend([point] if point == "before a group is committed" else [])

    monkeypatch.setattr(Database, "persist", unanswered)
    with caplog.at_level(logging.INFO, logger="digest.mail"):
        account = publish.send(house, clock=clock, passing=passing)

    assert account.counts == {"sent": 3, "refused": 1, "skipped": 1}
    assert set(mailed(relay).values()) == {1}
    said = Counter(re.findall(r"status=(\w+)", caplog.text))
    assert said == {"sent": 3, "refused": 1}


def test_what_a_sender_still_learns_that_was_presumed_dead_is_in_the_log(
    house: House, relay: ScriptedRelay, clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    def presume(point: str) -> None:
        """Somebody finds its lease over as soon as the first message is on its way."""
        if point == "after intents" and not presumed:
            with house.database.writing() as session:
                late = ledger.database_time(session) + timedelta(minutes=2)
                ledger.reap(session, late, grace=timedelta(minutes=10), resend=True)
            presumed.append(point)

    presumed = list[str]()
    record = approved(house, clock)
    caplog.set_level(logging.INFO, "digest.mail")
    with pytest.raises(DatabaseError, match="presumed dead"):
        publish.send(house, clock=clock, passing=presume)

    taken = len(relay.accepted)
    assert taken
    assert publish.account(house, record).counts["sent"] == taken
    assert Counter(re.findall(r"status=(\w+)", caplog.text))["sent"] == taken


def test_who_was_forgotten_is_still_counted(
    house: House, relay: ScriptedRelay, clock: Clock
) -> None:
    record = sent_with_faults(house, relay, clock)
    with house.database.writing() as session:
        roster.forget(session, CHANDRA, now=NOW, keys=house.settings.keys)

    lines = list(publish.readers(house, record))

    assert CHANDRA not in {line.address for line in lines}
    assert sum(line.address.startswith("forgotten reader ") for line in lines) == 1
    assert publish.account(house, record).total == 5


def test_progress_comes_to_its_end(house: House, relay: ScriptedRelay, clock: Clock) -> None:
    seen: list[publish.Progress] = []
    approved(house, clock)
    publish.send(house, clock=clock, on_progress=seen.append)

    assert seen[0].total == seen[-1].total == 5
    assert seen[-1].finished == 5
    assert seen[-1].counts["sent"] == 4


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
@pytest.mark.parametrize("by", ["a person", "a fault of the relay"])
def test_who_is_tried_once_more_is_not_shown_as_deferred_when_they_have_it(
    house: House, relay: ScriptedRelay, clock: Clock, by: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(watching, "_OFTEN", 0)  # it is told of each step
    seen: list[publish.Progress] = []
    if by == "a person":
        record = sent_with_faults(house, relay, clock)
        publish.resolve(house, record, "refused", "resend", by="ann", now=NOW)
    else:
        approved(house, clock)
        relay.will("mail", ANYONE, "451 4.3.0 not now", times=2)

    account = publish.send(house, clock=later(1), on_progress=seen.append)

    assert any(one.counts.get("deferred") for one in seen)
    *_, heard, counted = ({s: n for s, n in one.counts.items() if n} for one in seen)
    assert heard == counted == account.counts


@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
def test_what_other_senders_do_is_in_the_progress(
    house: House, relay: ScriptedRelay, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(watching, "_OFTEN", 0)  # it is told of each step
    seen: list[publish.Progress] = []
    before: list[int] = []

    def another(point: str) -> None:
        if point != "after a claim" or before:
            return
        before.append(len(seen))
        with house.database.writing() as session:
            ledger.enlist(session, "elsewhere:1:", timedelta(minutes=1), NOW)
            theirs = "UPDATE delivery SET state = 'sent', sender = 0 WHERE subscriber = :ann"
            session.connection().execute(text(theirs), {"ann": ann})

    approved(house, clock)
    with house.database.reading() as session:
        ann = roster.find(session, ANN).subscriber
    publish.send(house, clock=clock, on_progress=seen.append, passing=another)

    assert [one.finished for one in seen[: before[0]]] == [0] * before[0]
    assert {one.total for one in seen} == {5}
    *_, heard, counted = (one.counts for one in seen)  # what this sender knew, and the ledger
    assert heard["sent"] == counted["sent"] == 4
    assert sorted(mailed(relay)) == sorted(MAILED - {ANN})


@pytest.mark.parametrize(
    ("control", "later", "told"),
    [
        ("go", 5, "the next attempt is due at 2026-"),
        ("go", 0, "the next attempt is due now"),
        ("go", -5, "the next attempt is due now"),
        ("paused", 5, "nothing more of it goes out while it is paused"),
    ],
)
def test_when_the_next_attempt_is_due_is_true_when_it_is_said(
    house: House,
    clock: Clock,
    capsys: pytest.CaptureFixture[str],
    control: str,
    later: int,
    told: str,
) -> None:
    record = prepared(house, clock)
    due = NOW + timedelta(minutes=later)
    counts = {"sent": 3, "deferred": 1}
    show_account(Account(record, counts, 0, control=control, next_at=due), NOW)
    assert [line for line in capsys.readouterr().err.splitlines()[1:] if line.strip()] == [
        f"{told}{due:%m-%d %H:%M} UTC" if told.endswith("-") else told
    ]


def test_who_is_not_on_the_list_yet_is_still_to_be_sent_it(house: House, clock: Clock) -> None:
    account = Account(prepared(house, clock), {"sent": 3}, 0, whole=False)
    with pytest.raises(typer.Exit) as left:
        sending._leave(account, [])
    assert left.value.exit_code == 75


@pytest.mark.parametrize(
    ("interrupted", "cut", "told"),
    [
        (True, False, "stopped when asked; what had begun was finished"),
        (True, True, "cut off; of what was on the wire just then nobody knows whether it came"),
    ],
)
def test_only_what_was_finished_is_said_to_be(
    house: House,
    clock: Clock,
    capsys: pytest.CaptureFixture[str],
    *,
    interrupted: bool,
    cut: bool,
    told: str,
) -> None:
    record = prepared(house, clock)
    show_account(Account(record, {"sent": 3}, 0, interrupted=interrupted, cut=cut), NOW)
    assert capsys.readouterr().err.splitlines()[1:] == [told]


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_an_export_that_fails_leaves_what_was_there(
    house: House, folder: Path, environ: dict[str, str], clock: Clock
) -> None:
    prepared(house, clock)
    with house.database.writing() as session:
        for number in range(400):
            roster.add(session, f"r{number}@x.example", "weekly", how="form", now=NOW,
                       keys=house.settings.keys)  # fmt: skip
    kept, loop = folder / "readers.json", folder / "loop.csv"
    loop.symlink_to(loop)
    assert digest_in(folder, "status", "--export", "loop.csv", env=environ).returncode == 0
    assert len(loop.read_text("utf-8").splitlines()) == 401
    kept.write_text("of yesterday")
    kept.chmod(0o640)
    export = ["status", "--export", "readers.json"]

    # A file may be no longer than what SQLite shares with others: then the disk "is full".
    limited = ["prlimit", f"--fsize={40_000}", *PROGRAM]
    refused(digest_in(folder, *export, env=environ, program=limited), 1, "could not be written")
    assert kept.read_text() == "of yesterday"
    assert not list(folder.glob(".readers*"))

    assert digest_in(folder, *export, env=environ).returncode == 0
    assert len(kept.read_text("utf-8").splitlines()) == 400
    assert json.loads(kept.read_text("utf-8").splitlines()[0])["reason"] == "not sent yet"
    assert kept.stat().st_mode & 0o777 == 0o640
    assert digest_in(folder, "status", "--export", "new.csv", env=environ).returncode == 0
    assert (folder / "new.csv").stat().st_mode & 0o777 == 0o600
    (folder / "held.csv").mkdir()
    held = digest_in(folder, "status", "--export", "held.csv", env=environ)
    refused(held, 1, "held.csv could not be written: Is a directory")
