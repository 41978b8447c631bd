"""Several relays, breakers and the brake: real relays, real senders, both databases."""

import logging
import re
from collections import Counter
from datetime import timedelta
from pathlib import Path

import pytest

from digest import archive, ledger, publish
from digest.database import Database
from digest.errors import IssueError, RelayError
from digest.publish import open_house
from subscribers import roster
from subscribers.preferences import EVERYTHING
from tests.commands import digest_in
from tests.conftest import NOW
from tests.pacing import (
    TOMORROW,
    Opened,
    approved,
    beside,
    environ,
    on_sqlite,
    opened,
    relay,
    second,
)
from tests.relay import ANYONE, ScriptedRelay
from tests.replies import LOSE
from tests.returning import sample
from tests.running import EDITOR, notices, said_in, write_schedule
from tests.sending import ANN, join, later, mailed, prepared

__all__ = ["environ", "opened", "relay", "second"]


@pytest.mark.parametrize("said", ["550 5.1.8 sender rejected", "530 5.7.0 log in first"])
def test_one_reader_s_server_that_says_our_address_is_wrong_stops_nobody_else(
    opened: Opened, relay: ScriptedRelay, said: str
) -> None:
    relay.will("rcpt", "r0@readers.example", said, times=50)
    with opened(relay_connections=1) as house:
        approved(house, 6)
        account = publish.send(house, clock=later(0), scheduled=True)
        assert account.counts == {"sent": 5, "deferred": 1}
        assert account.next_at == NOW + timedelta(minutes=5)
        assert publish.relay_lines(house, NOW)[0].until is None
        two_days = publish.send(house, clock=later(2 * 1440), scheduled=True)
    assert two_days.counts == {"sent": 5, "expired": 1}
    assert two_days.record.state == "sent"


@on_sqlite
def test_a_relay_that_says_so_to_two_in_a_row_is_left_alone_and_each_time_tried_by_another(
    opened: Opened, relay: ScriptedRelay
) -> None:
    relay.will("rcpt", ANYONE, "530 5.7.0 log in first", times=4)
    with opened(relay_connections=1) as house:
        approved(house, 6)
        for minutes, deferred in ((0, 2), (5, 4)):
            with pytest.raises(RelayError, match="log in first"):
                publish.send(house, clock=later(minutes))
            counts = publish.account(house, house.issue("weekly")).counts
            assert counts == {"pending": 6 - deferred, "deferred": deferred}
        publish.send(house, clock=later(9))
        assert publish.send(house, clock=later(30)).counts == {"sent": 6}
    assert set(mailed(relay).values()) == {1}


@on_sqlite
def test_relays_share_by_weight_and_the_ledger_knows_who_took_it(
    opened: Opened, relay: ScriptedRelay, second: ScriptedRelay
) -> None:
    with opened(beside(second, weight=3)) as house:
        record = approved(house, 160)
        assert publish.send(house, clock=later(0)).counts == {"sent": 160}
        took = Counter(line.relay for line in publish.readers(house, record))
    assert took[f"127.0.0.1:{relay.port}"] == len(relay.accepted)
    assert took[f"127.0.0.1:{second.port}"] == len(second.accepted)
    assert abs(len(second.accepted) - 120) <= 20
    assert set((mailed(relay) + mailed(second)).values()) == {1}


@on_sqlite
def test_the_others_take_what_a_relay_that_fails_cannot(
    opened: Opened, relay: ScriptedRelay, second: ScriptedRelay
) -> None:
    second.will("mail", ANYONE, "451 4.3.0 no room", times=500)
    second.will("connect", ANYONE, "421 4.3.2 closing", times=100)
    with opened(beside(second)) as house:
        approved(house, 30)
        account = publish.send(house, clock=later(0))
        lines = {line.name: line for line in publish.relay_lines(house, NOW)}
        left_alone = second.connections
        assert account.counts == {"sent": 30}
        assert len(relay.accepted) == 30
        broken = lines[f"127.0.0.1:{second.port}"]
        assert (broken.until, broken.why) == (NOW + timedelta(minutes=5), "421 4.3.2 closing")
        assert lines[f"127.0.0.1:{relay.port}"].until is None
        # Also for the next issue, in any process, until its time has come.
        prepared(house, later(1))
        publish.approve(house, "weekly", 2, by="the editor", now=NOW)
        again = publish.send(house, clock=later(1), scheduled=True)
        assert again.counts == {"sent": 30}
    assert second.connections == left_alone


@on_sqlite
def test_a_breaker_lasts_and_is_tried_by_one_connection(
    opened: Opened, relay: ScriptedRelay
) -> None:
    relay.will("connect", ANYONE, LOSE, times=3)
    with opened(relay_connections=1) as house:
        record = approved(house, 12)
        with pytest.raises(RelayError, match="cannot be used"):
            publish.send(house, clock=later(0), scheduled=True)
        assert publish.account(house, record).counts == {"pending": 12}
    with opened() as again:
        with pytest.raises(RelayError, match="left alone until 01:35 UTC") as caught:
            publish.send(again, clock=later(4), scheduled=True)
        assert (caught.value.exit_code, relay.connections) == (75, 3)
        # Its time has come: one connection tries, and one fault is enough.
        relay.will("connect", ANYONE, "421 4.3.2 closing")
        with pytest.raises(RelayError, match="cannot be used"):
            publish.send(again, clock=later(5), scheduled=True)
        assert relay.connections == 4
        [line] = publish.relay_lines(again, NOW)
        assert line.until == NOW + timedelta(minutes=15)  # twice as long
        # A person need not wait; the first message closes it.
        assert publish.send(again, clock=later(6)).counts == {"sent": 12}
        assert publish.relay_lines(again, NOW)[0].until is None


def test_only_one_sender_tries_a_relay_again(database: Database) -> None:
    with database.writing() as session:
        ledger.trip(session, "x:25", "421 closing", NOW)
        assert ledger.probe(session, "x:25", NOW)
        assert not ledger.probe(session, "x:25", NOW + timedelta(minutes=1))
        assert ledger.probe(session, "x:25", NOW + timedelta(minutes=3))  # the first one died
        assert ledger.trip(session, "x:25", "421 closing", NOW).faults == 2
        assert ledger.breakers(session)["x:25"].probing is None
        ledger.mend(session, "x:25")
        assert ledger.breakers(session) == {}
        assert not ledger.probe(session, "x:25", NOW)


@on_sqlite
def test_a_paused_issue_and_one_out_of_budget_block_no_other_in_one_run(
    opened: Opened, relay: ScriptedRelay
) -> None:
    with opened('[domains."slow.example"]\ndaily = 1\n') as house:
        join(house, dict.fromkeys(["a@slow.example", "b@slow.example", ANN], EVERYTHING))
        for number in (1, 2):
            prepared(house, later(0))
            publish.approve(house, "weekly", number, by="the editor", now=NOW)
            with house.database.writing() as session:
                record = house.issue("weekly", number)
                ledger.freeze(session, record.id, roster.audience("weekly"), NOW)
                archive.set_state(session, record.id, "sending", NOW)
        first, second = (house.issue("weekly", number) for number in (1, 2))

        publish.pause(house, first, why="a typo", by="ann", now=NOW)
        publish.run(house, clock=later(1))
        assert publish.account(house, first).counts == {"pending": 3}
        assert publish.account(house, second).counts == {"pending": 1, "sent": 2}

        # The day's budget is spent, and both issues wait for it: neither holds up the other.
        publish.resume(house, first, by="ann", now=NOW)
        publish.run(house, clock=later(2))
        assert publish.account(house, first).counts == {"pending": 2, "sent": 1}
        publish.run(house, clock=lambda: TOMORROW)
        publish.run(house, clock=lambda: TOMORROW + timedelta(days=1))
        assert publish.account(house, first).open + publish.account(house, second).open == 1
    assert mailed(relay)[ANN] == 2


@on_sqlite
def test_an_issue_of_which_too_much_is_refused_pauses_itself_and_says_so(
    opened: Opened, relay: ScriptedRelay, folder: Path, environ: dict[str, str],
    caplog: pytest.LogCaptureFixture,
) -> None:  # fmt: skip
    caplog.set_level(logging.INFO, "digest.mail")
    for n in range(100):
        relay.will("rcpt", f"r{n}@readers.example", "550 5.7.1 not this")
    write_schedule(folder)
    environ["DIGEST_RELAY_CONNECTIONS"] = "1"
    with open_house(folder, environ) as house:
        record = approved(house, 60)
        account = publish.send(house, clock=later(0))
        assert (account.control, account.paused_itself) == ("paused", True)
        # Two outcomes may come in the group that passes the limit.
        why = re.match(r"the brake: (2[0-2] of the first 2[0-2] were refused) \(100 %", account.why)
        assert why
        assert account.counts["refused"] <= 22  # what was ready went out
        assert f"issue=weekly/1, status=paused ({account.why})" in caplog.text

        # By `digest run` the editors hear of it, once; nothing more goes out.
        before = Counter(mailed(relay))
        for minutes in (1, 2):
            publish.run(house, clock=later(minutes))
        [notice] = [m for m in notices(relay) if "paused itself" in m["Subject"]]
        assert "digest resume --anyway 1 -n weekly" in said_in(notice)
        assert why[1] in said_in(notice)
        assert not {a: n for a, n in mailed(relay).items() if before[a] != n and a != EDITOR}

        sent = digest_in(folder, "send", "1", env=environ)
        assert (sent.returncode, "digest resume 1 --anyway" in sent.stderr) == (75, True)
        assert why[1] in " ".join(sent.stderr.split())
        with pytest.raises(IssueError, match="paused itself") as caught:
            publish.resume(house, record, by="ann", now=NOW)
        assert "--anyway" in caught.value.remedy
        assert digest_in(folder, "resume", "1", "--anyway", env=environ).returncode == 0
        account = publish.send(house, number=1, clock=later(3))
    assert (account.control, account.record.id) == ("go", record.id)
    assert account.counts == {"refused": 60}


@on_sqlite
def test_an_issue_of_which_too_many_complain_pauses_itself(
    opened: Opened, relay: ScriptedRelay
) -> None:
    relay.will("rcpt", "r9@readers.example", "450 4.2.1 later", times=9)
    with opened() as house:
        record = approved(house, 10)
        publish.send(house, clock=later(0))
        with house.database.reading() as session:
            numbers = [d.subscriber for d in ledger.deliveries(session, record.id)]
        for place, number in enumerate(numbers[:3]):
            assert publish.account(house, record).control == "go"
            raw = sample("redacted-fbl", number)
            raw = raw.replace(b"<redacted-fbl@", b"<%d@" % place)
            publish.receive(house, raw, source="file", now=later(1)())
        account = publish.send(house, clock=later(10))
    assert account.control == "paused"
    assert account.why == "the brake: 3 of 9 who were sent it complained (33.3 %, over 0.5 %)"
    assert account.counts == {"sent": 9, "deferred": 1}


def test_a_finished_issue_is_not_paused_by_complaints(opened: Opened, relay: ScriptedRelay) -> None:
    with opened() as house:
        record = approved(house, 5)
        publish.send(house, clock=later(0))
        with house.database.reading() as session:
            numbers = [d.subscriber for d in ledger.deliveries(session, record.id)]
        for number in numbers[:4]:
            publish.receive(house, sample("redacted-fbl", number), source="file", now=NOW)
        account = publish.account(house, record)
    assert (account.control, account.record.state) == ("go", "sent")
