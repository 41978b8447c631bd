"""What an operator sees of a send, and decides about it, from this or another terminal."""

import asyncio
import csv
import io
import json
import logging
import re
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from fastapi import FastAPI
from prometheus_client.parser import text_string_to_metric_families
from sqlalchemy import event

from digest import archive, ledger, publish
from digest.database import Database
from digest.edition import Edition
from digest.errors import DatabaseError, IssueError, MessageError
from digest.ledger import Delivery
from digest.messages import Message
from digest.outcomes import Deferred, NotBegun, Reply, Sent
from digest.publish import Account, House, IssueRecord, open_house
from digest.publish.composing import Composer
from digest.publish.frequency import readers_of
from digest.publish.sending import watching
from digest.publish.sending.jobs import Job
from digest.publish.sending.watching import Watch
from digest.terminal import show_account
from digest.web import public_app
from subscribers import roster
from subscribers.preferences import FREQUENCIES, Frequency, Preferences
from subscribers.recipient import Recipient
from subscribers.roster import Session
from tests.conftest import NOW
from tests.issues import example_issue
from tests.relay import ANYONE, DROP, ScriptedRelay
from tests.test_cli import PROGRAM, digest_in, refused
from tests.test_sending import (
    ANN,
    BEN,
    CHANDRA,
    DORA,
    GORAN,
    MAILED,
    approved,
    later,
    mailed,
    prepared,
)

Clock = Callable[[], datetime]


@pytest.fixture
def environ(environ: dict[str, str], relay: ScriptedRelay) -> dict[str, str]:
    return {
        **environ,
        "DIGEST_RELAY_PORT": str(relay.port),
        "DIGEST_RELAY_SECURITY": "none",
        "DIGEST_RELAY_ON_AMBIGUOUS": "hold",
    }


def sent_with_faults(house: House, relay: ScriptedRelay, clock: Clock) -> IssueRecord:
    """Ann's fate is unknown, Ben was refused, the others have it."""
    record = approved(house, clock)
    relay.will("dot", ANN, DROP)
    relay.will("rcpt", BEN, "550 5.7.1 not from this address of yours")
    account = publish.send(house, clock=clock)
    assert account.counts == {"sent": 2, "unknown": 1, "refused": 1, "skipped": 1}
    return record


def states(house: House, record: IssueRecord) -> dict[str, str]:
    return {line.address: line.state for line in publish.readers(house, record)}


def test_pausing_stops_and_resuming_goes_on(
    house: House, relay: ScriptedRelay, clock: Clock
) -> None:
    record = approved(house, clock)
    with pytest.raises(IssueError, match="not being sent"):
        publish.pause(house, record, why="", by="ann", now=NOW)
    with house.database.writing() as session:
        ledger.freeze(session, record.id, roster.audience("weekly"), NOW)

    publish.pause(house, house.issue("weekly"), why="a typo", by="ann", now=NOW)
    with pytest.raises(IssueError, match="is paused"):
        publish.pause(house, house.issue("weekly"), why="", by="ben", now=NOW)
    account = publish.send(house, clock=clock)
    assert (account.control, account.why) == ("paused", "ann: a typo")
    assert relay.connections == 0
    [told] = [d for d in publish.run(house, clock=clock) if "issue 1" in d.what]
    assert (told.exit_code, "paused" in told.what) == (0, True)

    # (`run` has drafted the next issue meanwhile.)
    publish.resume(house, house.issue("weekly", 1), by="ann", now=NOW)
    assert publish.send(house, number=1, clock=clock).counts == {"sent": 4, "skipped": 1}
    with pytest.raises(IssueError, match="is sent"):
        publish.pause(house, house.issue("weekly", 1), why="", by="ann", now=NOW)


def test_a_cancelled_issue_stays_cancelled(
    house: House, relay: ScriptedRelay, clock: Clock
) -> None:
    approved(house, clock)
    relay.will("rcpt", ANN, "450 4.2.1 later")
    publish.send(house, clock=clock)

    assert publish.cancel(house, house.issue("weekly"), why="wrong", by="ann", now=NOW) == 1
    account = publish.send(house, clock=later(60))

    assert account.record.state == "cancelled"
    assert account.counts == {"sent": 3, "skipped": 2}
    assert mailed(relay)[ANN] == 0
    with pytest.raises(IssueError, match="cancelled"):
        publish.resume(house, account.record, by="ann", now=NOW)
    with pytest.raises(IssueError, match="cancelled"):
        publish.resolve(house, account.record, "refused", "resend", by="ann", now=NOW)


def test_the_refused_alone_are_tried_again(
    house: House, relay: ScriptedRelay, clock: Clock
) -> None:
    record = sent_with_faults(house, relay, clock)

    assert publish.resolve(house, record, "refused", "resend", by="ann", now=NOW).moved == 1
    account = publish.send(house, clock=later(1))

    assert account.counts == {"sent": 3, "unknown": 1, "skipped": 1}
    assert set(mailed(relay).values()) == {1}
    with house.database.reading() as session:
        assert ledger.interventions(session, record.id) == 1


def test_who_has_no_mailbox_any_more_is_not_tried_again(
    house: House, relay: ScriptedRelay, clock: Clock
) -> None:
    record = approved(house, clock)
    relay.will("rcpt", BEN, "550 5.1.1 no such user")
    publish.send(house, clock=clock)
    with house.database.reading() as session:
        assert roster.find(session, BEN).suppression == "bounce"

    done = publish.resolve(house, record, "refused", "resend", by="ann", now=NOW)
    assert (done.moved, done.barred) == (0, {"suppressed": 1})
    account = publish.send(house, clock=later(1))

    assert account.counts == {"sent": 3, "refused": 1, "skipped": 1}
    assert mailed(relay)[BEN] == 0

    with house.database.writing() as session:
        roster.lift(session, BEN, why="it works", by="ann", now=NOW, keys=house.settings.keys)
    assert publish.resolve(house, record, "refused", "resend", by="ann", now=NOW).moved == 1
    assert publish.send(house, clock=later(2)).counts == {"sent": 4, "skipped": 1}


def test_paused_and_weekly_readers_are_not_among_the_audience(house: House) -> None:
    with house.database.writing() as session:
        each, weekly, away = (
            roster.add(
                session, f"{name}@readers.example", "weekly",
                Preferences(frequency="weekly" if name == "w" else "each"),
                how="test", now=NOW, keys=house.settings.keys,
            )
            for name in "ewa"
        )  # fmt: skip
        roster.pause(session, away, "weekly", NOW + timedelta(days=7), how="test", now=NOW)
        cases: tuple[tuple[datetime, frozenset[Frequency], list[int]], ...] = (
            (NOW, frozenset({"each"}), [each]),
            (NOW, frozenset({"weekly"}), [weekly]),
            (NOW, FREQUENCIES, [each, weekly]),
            (NOW + timedelta(days=8), FREQUENCIES, [each, weekly, away]),
        )
        for now, of_week, expected in cases:
            query = roster.audience("weekly", now=now, frequencies=of_week)
            found = sorted(session.connection().scalars(query))
            assert found == expected
            same = roster.recipients(session, "weekly", now=now, frequencies=of_week)
            assert [one.subscriber for one in same] == expected


def test_the_first_issue_of_a_week_is_for_weekly_readers_and_few_issues_are_read_for_that(
    house: House,
) -> None:
    monday = NOW.replace(hour=7)
    for number in range(1, 11):  # two in a week
        day = monday + timedelta(weeks=(number - 1) // 2, days=(number - 1) % 2)
        issue = replace(example_issue(), newsletter="weekly", number=number, at=day)
        with house.database.writing() as session:
            record = archive.save_draft(session, issue, "h", day)
            archive.set_state(session, record.id, "sent", day)
    said: list[str] = []
    event.listen(house.database.engine, "before_cursor_execute", lambda *a: said.append(a[2]))
    records = [house.issue("weekly", number) for number in (9, 10)]
    said.clear()
    assert [len(readers_of(house, one).frequencies) for one in records] == [2, 1]
    assert len([line for line in said if "issue.manifest" in line]) == 2
    with house.database.writing() as session:
        archive.set_state(session, records[0].id, "cancelled", NOW)  # and nobody had it
    assert readers_of(house, records[1]).frequencies == FREQUENCIES


@pytest.mark.parametrize(
    ("decision", "state", "copies"), [("sent", "sent", 1), ("refused", "refused", 1),
                                      ("resend", "sent", 2)]
)  # fmt: skip
def test_the_unknown_are_decided_by_a_person(
    house: House, relay: ScriptedRelay, clock: Clock, decision: str, state: str, copies: int
) -> None:
    record = sent_with_faults(house, relay, clock)

    done = publish.resolve(
        house, record, "unknown", decision, by="ann", now=NOW, addresses=[ANN]  # type: ignore[arg-type]
    )  # fmt: skip
    publish.send(house, clock=later(1))

    assert (done.moved, done.barred) == (1, {})
    assert states(house, record)[ANN] == state
    assert mailed(relay)[ANN] == copies
    assert publish.resolve(house, record, "unknown", "sent", by="ann", now=NOW).moved == 0


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
    assert {state: count for state, count in seen[-1].counts.items() if count} == account.counts


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_a_pause_that_came_when_all_had_it_holds_nothing_up(
    house: House, folder: Path, environ: dict[str, str], clock: Clock
) -> None:
    approved(house, clock)

    def passing(point: str) -> None:
        if point == "before the rest is given back":
            publish.pause(house, house.issue("weekly"), why="a typo", by="ann", now=NOW)

    account = publish.send(house, clock=clock, passing=passing)
    assert (account.record.state, account.control, account.paused) == ("sent", "paused", False)
    assert "digest_paused{" in publish.metrics(house, NOW)
    assert not re.search(r"^digest_paused\{.*\} 1$", publish.metrics(house, NOW), re.MULTILINE)
    again = digest_in(folder, "send", env=environ)
    assert again.returncode == 0, again.stderr
    assert "it was paused when nothing was left to hold back (ann: a typo)" in again.stderr


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_what_everybody_has_cannot_be_cancelled(
    house: House, relay: ScriptedRelay, clock: Clock
) -> None:
    approved(house, clock)
    relay.will("rcpt", BEN, "550 5.7.1 not now")
    seen = house.issue("weekly")
    publish.send(house, clock=clock)
    for record in (house.issue("weekly"), seen):
        with pytest.raises(IssueError, match="issue 1 is sent, so it cannot be cancelled"):
            publish.cancel(house, record, why="", by="ann", now=NOW)
    assert house.issue("weekly").state == "sent"

    # What a person has brought back to be sent again, can be.
    publish.resolve(house, record, "refused", "resend", by="ann", now=NOW)
    assert publish.cancel(house, house.issue("weekly"), why="", by="ann", now=NOW) == 1


def get(app: FastAPI, whence: str, headers: dict[str, str] | None = None) -> httpx.Response:
    """/metrics, asked from that address."""

    async def ask() -> httpx.Response:
        transport = httpx.ASGITransport(app=app, client=(whence, 50_000))
        async with httpx.AsyncClient(transport=transport, base_url="http://here") as client:
            return await client.get("/metrics", headers=headers)

    return asyncio.run(ask())


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_metrics_are_for_the_machine_and_not_for_the_world(
    house: House, relay: ScriptedRelay, clock: Clock
) -> None:
    sent_with_faults(house, relay, clock)
    app = public_app(house, clock)

    page = get(app, "127.0.0.1")

    assert page.headers["content-type"].startswith("text/plain; version=0.0.4")
    assert "@" not in page.text
    assert get(app, "127.0.0.1", {"X-Forwarded-For": "192.0.2.7"}).status_code == 404
    assert get(app, "192.0.2.7").status_code == 404


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_prometheus_reads_the_metrics_and_the_guide_names_each(
    house: House, relay: ScriptedRelay, clock: Clock
) -> None:
    record = sent_with_faults(house, relay, clock)
    name = f"127.0.0.1:{relay.port}"
    with house.database.writing() as session:
        ledger.trip(session, name, "421 go away", NOW)
        ben = roster.find(session, BEN).subscriber
        ledger.note_leaving(session, record.id, ben, NOW)
    publish.resolve(house, record, "unknown", "resend", by="ann", now=NOW)
    publish.pause(house, house.issue("weekly"), why="wrong", by="ann", now=NOW)
    page = get(public_app(house, clock), "127.0.0.1").text

    families = list(text_string_to_metric_families(page))

    kinds = {family.name: family.type for family in families}
    counters = {family.name for family in families if family.type == "counter"}
    assert counters == {"digest_leavings"}
    assert set(kinds.values()) == {"gauge", "counter"}
    found = {(s.name, *s.labels.values()): s.value for f in families for s in f.samples}
    of = ("weekly", "1")
    assert found["digest_senders",] == 0
    assert found["digest_signups",] == 0
    assert found["digest_breaker_open", name] == 1
    assert found["digest_deliveries", *of, "deferred"] == 1
    assert sum(v for k, v in found.items() if k[0] == "digest_deliveries") == 5
    assert found["digest_recipients", *of] == 5
    assert found["digest_paused", *of] == 1
    assert found["digest_leavings_total", *of] == 1
    guide = Path("docs/operating.md").read_text("utf-8")
    told = dict(re.findall(r"^\| `(digest_\w+)` \| (\w+) \|", guide, re.MULTILINE))
    assert told == dict(re.findall(r"^# TYPE (\w+) (\w+)$", page, re.MULTILINE))


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_at_the_terminal(
    house: House, folder: Path, environ: dict[str, str], relay: ScriptedRelay, clock: Clock
) -> None:
    sent_with_faults(house, relay, clock)

    told = digest_in(folder, "status", env=environ)
    assert "nobody knows" in told.stderr
    assert ANN in told.stdout
    done = digest_in(folder, "status", "--export", "readers.csv", env=environ)
    assert "wrote 7 readers" in done.stderr
    assert GORAN in (folder / "readers.csv").read_text("utf-8")
    refused(digest_in(folder, "status", "--export", "x.xls", env=environ), 2, "neither .csv")
    nameless = digest_in(folder, "status", "--export", ".csv", env=environ)
    refused(nameless, 2, ".csv is an ending without a name")
    refused(digest_in(folder, "resolve", "1", env=environ), 2, "say one of --sent")
    refused(digest_in(folder, "pause", env=environ), 1, "cannot be paused")
    resolved = digest_in(folder, "resolve", "1", ANN, "--sent", "--by", "ann", env=environ)
    assert (resolved.returncode, "1 resolved as sent" in resolved.stderr) == (0, True)
    refused(digest_in(folder, "resolve", "1", "--sent", env=environ), 1, "none of those")
    stranger = digest_in(folder, "resolve", "1", "mallory@x.example", "--sent", env=environ)
    refused(stranger, 1, "nobody in the roster has the address mallory@x.example")

    again = digest_in(folder, "send", "--retry", "refused", "--log", "mail.log", env=environ)
    assert again.returncode == 0, again.stderr
    assert "1 that were refused are tried again" in again.stderr
    assert "status=sent (250 2.0.0 OK: taken)" in (folder / "mail.log").read_text("utf-8")


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_who_may_not_be_mailed_is_not_said_to_be_tried_again(
    house: House, folder: Path, environ: dict[str, str], relay: ScriptedRelay, clock: Clock
) -> None:
    approved(house, clock)
    relay.will("rcpt", BEN, "550 5.1.1 no such user")
    publish.send(house, clock=clock)

    again = digest_in(folder, "send", "--retry", "refused", env=environ)
    assert again.returncode == 0, again.stderr
    assert "0 that were refused are tried again" in again.stderr
    assert "1 stay refused, for no mail may go to them: 1 suppressed\n" in again.stderr
    assert "`digest subscribers lift" in again.stderr


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


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_a_domain_that_asks_for_less_is_left_alone_for_ten_minutes(
    folder: Path, environ: dict[str, str], relay: ScriptedRelay, clock: Clock
) -> None:
    relay.will("rcpt", ANN, "450 4.7.28 unusual rate of mail")
    other = "zoe@elsewhere.example"
    with open_house(folder, {**environ, "DIGEST_RELAY_CONNECTIONS": "1"}) as house:
        record = approved(house, clock)
        with house.database.writing() as session:
            roster.add(session, other, "weekly", how="test", now=NOW, keys=house.settings.keys)
        publish.send(house, clock=clock)
        # Two were ready already: one connection, one message ahead.
        early = set(mailed(relay))
        assert other in early
        assert len(early & MAILED) <= 2
        waiting = [line.address for line in publish.readers(house, record, ("pending",))]
        assert waiting
        assert publish.account(house, record).next_at == NOW + timedelta(minutes=5)
        publish.send(house, clock=later(9))
        assert not set(waiting) & set(mailed(relay))
        publish.send(house, clock=later(10))

    assert set(mailed(relay)) == MAILED | {other}
    assert set(mailed(relay).values()) == {1}


def test_cancelled_before_anything_went_out_nobody_gets_it(
    house: House, relay: ScriptedRelay, clock: Clock
) -> None:
    record = approved(house, clock)
    with house.database.writing() as session:
        ledger.freeze(session, record.id, roster.audience("weekly"), NOW)
        archive.set_state(session, record.id, "sending", NOW)

    assert publish.cancel(house, record, why="wrong", by="ann", now=NOW) == 5

    account = publish.send(house, clock=clock)
    assert (account.record.state, account.counts) == ("cancelled", {"skipped": 5})
    assert (account.control, account.why) == ("cancelled", "ann: wrong")
    assert {line.reason for line in publish.readers(house, record, ("skipped",))} == {"cancelled"}
    assert relay.connections == 0


def test_what_is_on_the_wire_of_a_cancelled_issue_ends_as_it_ends(
    house: House, relay: ScriptedRelay, clock: Clock
) -> None:
    record = approved(house, clock)
    with house.database.writing() as session:
        ledger.freeze(session, record.id, roster.audience("weekly"), NOW)
        archive.set_state(session, record.id, "sending", NOW)
        sender = ledger.enlist(session, "elsewhere:1:", timedelta(minutes=1), NOW)
        one, two, *_ = ledger.claim(session, record.id, sender, NOW, 3)
        intents = [ledger.Intent(d, "html:", f"<{d.id}@x>") for d in (one, two)]
        ledger.intend(session, intents, sender, "relay:25", NOW)

    # What is claimed and not begun is called off, too; the wire is not.
    assert publish.cancel(house, record, why="", by="ann", now=NOW) == 3
    assert publish.account(house, record).counts == {"inflight": 2, "skipped": 3}
    assert house.issue("weekly").state == "sending"

    policy = ledger.Policy(True, timedelta(days=1))
    with house.database.writing() as session:
        taken = ledger.Result(one, Sent(Reply(250, "2.0.0 OK")))
        later_ = ledger.Result(two, Deferred(Reply(450, "4.2.1 later")))
        ledger.record(session, [taken, later_], sender, NOW, policy)
        ledger.retire(session, sender, NOW)
    account = publish.send(house, clock=later(60))
    assert (account.record.state, account.counts) == ("cancelled", {"sent": 1, "skipped": 4})
    assert relay.connections == 0


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_what_is_in_doubt_of_a_cancelled_issue_stays_so_until_a_person_knows(
    house: House, folder: Path, environ: dict[str, str], relay: ScriptedRelay, clock: Clock
) -> None:
    record = approved(house, clock)
    relay.will("dot", ANN, DROP)
    with open_house(folder, {**environ, "DIGEST_RELAY_ON_AMBIGUOUS": "resend"}) as resending:
        sent = publish.send(resending, clock=clock)  # Ann would get it once more in five minutes
    assert sent.counts == {"sent": 3, "skipped": 1, "deferred": 1}

    assert publish.cancel(house, record, why="wrong", by="ann", now=NOW) == 0

    account = publish.account(house, record)
    assert (account.record.state, account.counts) == (
        "cancelled", {"sent": 3, "skipped": 1, "unknown": 1},
    )  # fmt: skip
    assert [line.address for line in publish.readers(house, record, ("unknown",))] == [ANN]
    with pytest.raises(IssueError, match="cancelled, so it cannot be sent again"):
        publish.resolve(house, record, "unknown", "resend", by="ann", now=NOW)
    assert publish.resolve(house, record, "unknown", "sent", by="ann", now=NOW).moved == 1
    account = publish.account(house, record)
    assert (account.record.state, account.counts) == ("cancelled", {"sent": 4, "skipped": 1})


@pytest.mark.parametrize("verb", ["pause", "resume", "cancel", "approve"])
@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_nothing_brings_a_cancelled_issue_back(
    house: House, relay: ScriptedRelay, clock: Clock, verb: str
) -> None:
    approved(house, clock)
    relay.will("rcpt", ANN, "450 4.2.1 later")
    publish.send(house, clock=clock)
    publish.cancel(house, house.issue("weekly"), why="", by="ann", now=NOW)
    record = house.issue("weekly")
    verbs: dict[str, Callable[[], object]] = {
        "pause": lambda: publish.pause(house, record, why="", by="ann", now=NOW),
        "resume": lambda: publish.resume(house, record, by="ann", now=NOW, anyway=True),
        "cancel": lambda: publish.cancel(house, record, why="", by="ann", now=NOW),
        "approve": lambda: publish.approve(house, "weekly", 1, by="ann", now=NOW),
    }
    with pytest.raises(IssueError, match="cancelled"):
        verbs[verb]()
    publish.run(house, clock=later(1))
    assert house.issue("weekly", 1).state == "cancelled"
    assert mailed(relay)[ANN] == 0


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
@pytest.mark.parametrize(("had_it", "first"), [(4, False), (1, True)])
def test_a_cancelled_issue_is_the_week_s_only_if_half_of_its_readers_had_it(
    house: House, relay: ScriptedRelay, clock: Clock, had_it: int, first: bool
) -> None:
    for address in (BEN, CHANDRA, DORA)[: 4 - had_it]:
        relay.will("rcpt", address, "450 4.2.1 later")
    approved(house, clock)
    assert publish.send(house, clock=clock).counts["sent"] == had_it
    if had_it == 4:
        assert house.issue("weekly").state == "sent"
        with house.database.writing() as session:
            archive.set_state(session, house.issue("weekly").id, "cancelled", NOW)
    else:
        publish.cancel(house, house.issue("weekly"), why="", by="ann", now=NOW)

    prepared(house, later(60))

    wanted = readers_of(house, house.issue("weekly", 2)).frequencies
    assert wanted == (FREQUENCIES if first else {"each"})


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_what_was_decided_about_a_reader_is_shown_to_them(
    house: House, folder: Path, environ: dict[str, str], relay: ScriptedRelay, clock: Clock
) -> None:
    record = sent_with_faults(house, relay, clock)
    publish.resolve(house, record, "unknown", "sent", by="ann", now=NOW, addresses=[ANN])

    told = digest_in(folder, "subscribers", "show", ANN, env=environ)
    assert "a delivery that was unknown became sent, decided by ann" in told.stdout
    shown = json.loads(digest_in(folder, "subscribers", "show", ANN, "--json", env=environ).stdout)
    [decided] = shown["interventions"]
    assert (decided["was"], decided["became"], decided["by"]) == ("unknown", "sent", "ann")
