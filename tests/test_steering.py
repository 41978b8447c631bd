"""What an operator decides about a send, from this or another terminal."""

import json
import re
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import event

from digest import archive, ledger, publish
from digest.errors import IssueError
from digest.publish import House, open_house
from digest.publish.frequency import readers_of
from subscribers import roster
from subscribers.preferences import FREQUENCIES, Frequency, Preferences
from tests.commands import digest_in, refused
from tests.conftest import NOW
from tests.faulty import Clock, environ, sent_with_faults, states
from tests.issues import example_issue
from tests.relay import ScriptedRelay
from tests.sending import ANN, BEN, GORAN, MAILED, approved, later, mailed

__all__ = ["environ"]


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
