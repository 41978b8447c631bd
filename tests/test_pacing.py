"""Budgets, several relays, breakers and the brake: real relays, real senders, both databases."""

import json
import logging
import re
import threading
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from digest import archive, ledger, pace, publish, settings
from digest import database as databases
from digest.database import Database
from digest.errors import IssueError, RelayError, SettingsError
from digest.pace import Budget
from digest.publish import House, IssueRecord, open_house
from subscribers import roster
from subscribers.preferences import EVERYTHING
from tests.conftest import NOW
from tests.relay import ANYONE, LOSE, ScriptedRelay, Wait
from tests.returning import sample
from tests.running import EDITOR, notices, said_in, write_schedule
from tests.test_cli import digest_in
from tests.test_sending import ANN, in_minutes, join, later, mailed, prepared

TOMORROW = datetime(2026, 3, 31, tzinfo=UTC)
LEASE = timedelta(seconds=60)
Opened = Callable[..., AbstractContextManager[House]]
on_sqlite = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
on_a_server = pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)


class Busy(ScriptedRelay):
    """Counts the messages that are between MAIL and their dot, at most, and takes its time."""

    busiest = now = 0

    def hear(self, command: str) -> None:
        super().hear(command)
        self.now += command.startswith("MAIL")
        self.busiest = max(self.busiest, self.now)

    def record(self, sender: str, recipients: Sequence[str], data: bytes) -> None:
        super().record(sender, recipients, data)
        self.now -= 1

    def slowly(self) -> None:
        self.will("body", ANYONE, Wait(0.01), times=500)
        self.busiest = self.now = 0


@pytest.fixture
def relay() -> Iterator[Busy]:
    with Busy() as opened:
        yield opened


@pytest.fixture
def second() -> Iterator[ScriptedRelay]:
    with ScriptedRelay() as opened:
        yield opened


@pytest.fixture
def environ(environ: dict[str, str]) -> dict[str, str]:
    return {**environ, "DIGEST_RELAY_CONNECTIONS": "4"}


@pytest.fixture
def opened(folder: Path, environ: dict[str, str]) -> Opened:
    """Opens the house with these tables added to digest.toml, and these variables."""
    before = (folder / "digest.toml").read_text("utf-8")

    @contextmanager
    def opened(toml: str = "", **variables: object) -> Iterator[House]:
        (folder / "digest.toml").write_text(f"{before}\n{toml}", encoding="utf-8")
        told = {f"DIGEST_{name.upper()}": str(value) for name, value in variables.items()}
        with open_house(folder, {**environ, **told}) as house:
            yield house

    return opened


def beside(relay: ScriptedRelay, weight: int = 1) -> str:
    """Another relay, for digest.toml."""
    return (
        f'[relays.second]\nhost = "127.0.0.1"\nport = {relay.port}\nsecurity = "none"\n'
        f"connections = 4\nweight = {weight}\n"
    )


def approved(house: House, readers: int, domain: str = "readers.example") -> IssueRecord:
    join(house, {f"r{n}@{domain}": EVERYTHING for n in range(readers)})
    number = prepared(house, lambda: NOW).issue.number
    return publish.approve(house, "weekly", number, by="the editor", now=NOW)


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
