"""Budgets: real relays, real senders, both databases; what waits is told, and till when."""

import json
import threading
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from digest import database as databases
from digest import ledger, pace, publish, settings
from digest.database import Database
from digest.errors import DatabaseBusy, SettingsError
from digest.pace import Budget, Shares
from digest.publish.sending.carriers import choose
from digest.publish.sending.pacing import Pace
from subscribers import roster
from tests.commands import digest_in
from tests.conftest import NOW
from tests.pacing import (
    LEASE,
    TOMORROW,
    Busy,
    Opened,
    approved,
    environ,
    on_a_server,
    on_sqlite,
    opened,
    relay,
)
from tests.relay import ANYONE, ScriptedRelay
from tests.replies import Wait
from tests.sending import in_minutes, later, mailed

__all__ = ["environ", "opened", "relay"]


def test_a_relay_sends_no_more_than_its_cap_a_day_and_the_rest_on_the_next(
    opened: Opened, relay: ScriptedRelay
) -> None:
    with opened(relay_daily=20) as house:
        record = approved(house, 30)
        account = publish.send(house, clock=later(0))
        [line] = publish.relay_lines(house, NOW)
    assert account.counts == {"sent": 20, "pending": 10}
    assert (line.today, line.cap, line.until) == (20, 20, TOMORROW)
    with opened(relay_daily=20) as again:  # another process would know it as well
        assert publish.send(again, clock=later(600)).counts["sent"] == 20
        assert publish.relay_lines(again, TOMORROW)[0].until is None
        last = publish.send(again, clock=lambda: TOMORROW)
        assert publish.relay_lines(again, TOMORROW)[0].today == 10
    assert last.counts == {"sent": 30}
    assert last.record.id == record.id
    assert set(mailed(relay).values()) == {1}


@on_sqlite
def test_a_rate_is_waited_for_within_one_run(opened: Opened, relay: ScriptedRelay) -> None:
    with opened(relay_rate="20/s") as house:
        approved(house, 8)
        assert publish.send(house, clock=in_minutes(0)).counts == {"sent": 8}
    assert relay.most <= 4


@on_sqlite
def test_a_clock_that_stands_still_is_not_waited_for(opened: Opened, relay: ScriptedRelay) -> None:
    with opened(relay_rate="20/s") as house:
        approved(house, 8)
        counts = publish.send(house, clock=later(0)).counts
        assert (sum(counts.values()), counts["sent"]) == (8, 2)  # what may go at once
        for minutes in range(1, 5):
            counts = publish.send(house, clock=later(minutes)).counts
    assert counts == {"sent": 8}


def test_who_is_over_a_domain_s_budget_waits_and_holds_up_nobody(
    opened: Opened, relay: ScriptedRelay
) -> None:
    domains = '[domains."readers.example"]\nwarm_up = [2, 3]\nwarm_up_from = "2026-03-30"\n'
    with opened(domains) as house:
        approved(house, 8)
        with house.database.writing() as session:
            roster.add(session, "zoe@elsewhere.example", "weekly", how="test", now=NOW,
                       keys=house.settings.keys)  # fmt: skip
        account = publish.send(house, clock=later(0))
        assert mailed(relay)["zoe@elsewhere.example"] == 1
        assert account.counts == {"sent": 3, "pending": 6}
        [waiting] = account.waits
        assert (waiting.count, waiting.first) == (6, TOMORROW)
        assert waiting.why == "waits for the budget of readers.example"
        assert waiting.last == TOMORROW + timedelta(days=1)
        assert account.next_at == TOMORROW
        assert publish.send(house, clock=later(60)).counts["sent"] == 3
        assert publish.send(house, clock=lambda: TOMORROW).counts["sent"] == 6
        two_days = TOMORROW + timedelta(days=1)
        assert publish.send(house, clock=lambda: two_days).counts == {"sent": 9}
    assert set(mailed(relay).values()) == {1}


def test_who_was_deferred_and_waits_for_a_budget_for_days_does_not_expire(
    opened: Opened, relay: ScriptedRelay
) -> None:
    with opened('[domains."readers.example"]\ndaily = 1\n') as house:
        approved(house, 3)
        relay.will("rcpt", ANYONE, "451 4.2.0 later")
        relay.will("rcpt", "r2@readers.example", "451 4.2.0 later")
        for day in range(6):
            account = publish.send(house, clock=later(day * 1440 + 10))
    assert account.counts == {"sent": 3}


def test_several_senders_spend_one_budget(database: Database, database_url: str) -> None:
    budget, name = Budget(pace.rate("400/h"), daily=300), "domain gmail.com"
    granted: list[tuple[datetime, int]] = []

    def spend() -> None:
        with ExitStack() as stack:
            own = databases.open_database(database_url, Path())
            stack.callback(own.close)
            for turn in range(25):
                now = NOW + timedelta(seconds=turn)
                with own.writing() as session:
                    spent = ledger.locked_budgets(session, [name])[name]
                    count = min(7, pace.available(budget, spent, now) or 0)
                    spent = pace.spend(budget, spent, count, now)
                    ledger.keep_budgets(session, {name: spent})
                granted.append((now, count))

    threads = [threading.Thread(target=spend) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert len(granted) == 75
    with database.reading() as session:
        used = ledger.budgets(session, [name])[name].used
    # A burst of forty, and in a minute's flow of 361 an hour two or three more.
    assert 40 <= sum(count for _, count in granted) == used <= 43


@on_a_server
def test_two_senders_at_one_issue_keep_to_the_relay_s_cap(
    opened: Opened, relay: ScriptedRelay
) -> None:
    relay.will("dot", ANYONE, Wait(0.005), times=500)
    with opened(relay_daily=40, relay_concurrency=5) as house:
        approved(house, 60)
        senders = [
            threading.Thread(target=publish.send, args=(house,), kwargs={"clock": later(0)})
            for _ in range(2)
        ]
        for sender in senders:
            sender.start()
        for sender in senders:
            sender.join()
        # What one had claimed in vain is given back to the day in the end.
        account = publish.send(house, clock=later(1))
    assert account.counts == {"sent": 40, "pending": 20}
    assert relay.most <= 5
    assert set(mailed(relay).values()) == {1}


def test_connections_are_held_by_one_sender_at_a_time(database: Database) -> None:
    with database.writing() as session:
        one, two = (ledger.enlist(session, who, LEASE, NOW) for who in "ab")
        assert ledger.hold(session, "relay x", one, 4, 5) == 4
        assert ledger.hold(session, "relay x", two, 4, 5) == 1
        assert ledger.hold(session, "relay x", one, 2, 5) == 2
        assert ledger.hold(session, "relay x", two, 4, 5) == 3
        ledger.retire(session, one, NOW)  # killed: what it held is free
        assert ledger.hold(session, "relay x", two, 9, 5) == 5
        ledger.let_go(session, two)
        assert ledger.hold(session, "relay x", two, 0, 5) == 0


@on_sqlite
def test_a_domain_has_no_more_messages_under_way_than_it_is_given(
    opened: Opened, relay: Busy
) -> None:
    relay.slowly()
    with opened('[domains."*"]\nconcurrency = 1\n') as house:
        approved(house, 12)
        assert publish.send(house, clock=in_minutes(0)).counts == {"sent": 12}
    assert relay.busiest == 1


@pytest.mark.parametrize("reply", ["450 4.7.28 unusual rate", "421 4.7.0 try again later"])
@on_sqlite
def test_a_domain_that_asked_for_less_comes_back_by_one_connection_in_any_process(
    opened: Opened, relay: Busy, reply: str
) -> None:
    relay.will("rcpt", "r0@readers.example", reply)
    with opened(relay_connections=1) as house:
        approved(house, 14)
        publish.send(house, clock=later(0))
        first = len(relay.accepted)
    with opened() as again:
        account = publish.send(again, clock=later(8))
        assert len(relay.accepted) == first < 12
        [waiting] = account.waits
        assert waiting.why == "waits for readers.example, which asked for less"
        relay.slowly()
        account = publish.send(again, clock=later(11))
    assert account.counts == {"sent": 14}
    assert relay.busiest == 1
    assert set(mailed(relay).values()) == {1}


@on_sqlite
def test_at_the_terminal_one_sees_what_waits_and_till_when(
    opened: Opened, folder: Path, environ: dict[str, str]
) -> None:
    environ |= {"DIGEST_RELAY_DAILY": "1000"}
    with opened('[domains."readers.example"]\nrate = "2/h"\n') as house:
        approved(house, 4)
        sent = digest_in(folder, "send", env=environ)
        assert sent.returncode == 75
        assert "3 wait for the budget of readers.example: due from " in sent.stderr
        told = digest_in(folder, "status", "--json", env=environ)
        shown = json.loads(told.stdout)
        assert shown["account"]["waits"][0]["count"] == 3
        assert (shown["relays"][0]["today"], shown["relays"][0]["cap"]) == (1, 1000)
        with house.database.writing() as session:
            ledger.trip(
                session, publish.relay_lines(house, NOW)[0].name, "421 closing", datetime.now(UTC)
            )
        told = digest_in(folder, "status", env=environ)
        assert "nothing until" in told.stderr
        assert "1 of 1,000 today" in told.stderr


@pytest.mark.parametrize(
    ("toml", "said"),
    [
        ('[relays.second]\nhost = "127.0.0.1"\nport = 1\nsecurity = "none"\nexpire = "1h"', "all"),
        ('[relays.second]\nhost = "127.0.0.1"\nport = 2525\nsecurity = "none"', "are the same"),
        ('[relays.second]\npassword = "x"', "DIGEST_RELAYS_SECOND_PASSWORD"),
        ("[relays.second]\nweight = 0", "weight"),
        ('[domains."GMAIL.com"]\ndaily = 5', "in small"),
        ('[domains."gmail.com"]\nrate = "5/d"', "a rate is written"),
        ('[domains."gmail.com"]\nwarm_up = [5]', "go together"),
        ('[domains."gmail.com"]\nwarm_up = [0]\nwarm_up_from = "2026-04-01"', "warm_up"),
        ("[brake]\nrefused = 0", "brake.refused"),
    ],
)
def test_a_mistake_about_the_pace_is_one_sentence(folder: Path, toml: str, said: str) -> None:
    path = folder / "digest.toml"
    path.write_text(f"{path.read_text('utf-8')}\n{toml}\n", encoding="utf-8")
    with pytest.raises(SettingsError) as caught:
        settings.load(folder, {})
    assert said in f"{caught.value.what} {caught.value.remedy}"
    assert caught.value.remedy
    assert "\n" not in caught.value.what


def test_relays_and_their_secrets_are_read(folder: Path) -> None:
    path = folder / "digest.toml"
    named = '[relays.eu-west]\nhost = "mail.example.org"\nweight = 3\n'
    path.write_text(f"{path.read_text('utf-8')}\n{named}", encoding="utf-8")
    read = settings.load(folder, {"DIGEST_RELAYS_EU_WEST_PASSWORD": "hush"})
    assert [(r.host, r.weight) for r in read.carriers] == [
        ("127.0.0.1", 1),
        ("mail.example.org", 3),
    ]
    assert read.relays["eu-west"].password.get_secret_value() == "hush"
    assert "hush" not in str(settings.flat(read))
    # Without a host of its own, [relay] only says what holds for all.
    bare = path.read_text("utf-8").replace('host = "127.0.0.1"\n', "", 1)
    path.write_text(bare, encoding="utf-8")
    assert [r.host for r in settings.load(folder, {}).carriers] == ["mail.example.org"]


@on_sqlite
def test_what_others_kept_from_being_heard_is_asked_again_at_once(
    opened: Opened, monkeypatch: pytest.MonkeyPatch
) -> None:
    def busy(*_words: object) -> dict[str, datetime]:
        raise DatabaseBusy("others are at it", remedy="wait")

    with opened() as house:
        record = approved(house, 1)
        [(carrier, _)] = choose(house, without=set(), clock=later(0), scheduled=False).carriers
        shares = Shares({carrier.name: 1}, 0.0)
        one, two = (
            Pace(house, record, carrier, shares, later(0), scheduled=False, trying=False)
            for _ in range(2)
        )
        with house.database.writing() as session:
            one.slow(session, {"readers.example"})
            with monkeypatch.context() as patched:
                patched.setattr(ledger, "slowed", busy)
                with pytest.raises(DatabaseBusy):
                    two.room(session, 10)
            two.room(session, 10)
        assert two.quiet_until("r0@readers.example") is not None
