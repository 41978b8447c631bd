"""Sending: whatever the relay, the reader or the machine does, nobody is lost or mailed twice."""

import os
import shutil
import signal
import subprocess
import sys
import threading
from collections import Counter, deque
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path

import pytest

from digest import ledger, publish
from digest.errors import IssueError, RelayError
from digest.publish import FrontDoor, House, open_house
from subscribers import roster, tokens
from subscribers.preferences import EVERYTHING
from subscribers.tokens import Token
from tests.conftest import NOW
from tests.relay import ANYONE, ScriptedRelay
from tests.replies import DROP, Hold, Reply, Wait
from tests.sending import (
    ANN,
    BEN,
    CHANDRA,
    DORA,
    EMIL,
    FAY,
    GORAN,
    MAILED,
    READERS,
    Clock,
    approved,
    in_minutes,
    join,
    later,
    lines,
    mailed,
    prepared,
    words,
)
from tests.waiting import PATIENCE, until

SEND = [sys.executable, "-c", "from digest.cli import main; main()", "-C"]


def test_each_reader_gets_their_sections_and_is_accounted_for(
    house: House, relay: ScriptedRelay, clock: Clock
) -> None:
    record = approved(house, clock)

    account = publish.send(house, clock=clock)

    assert account.counts == {"sent": 4, "skipped": 1}
    assert (account.record.state, account.open, account.interrupted) == ("sent", 0, False)
    assert mailed(relay) == Counter(MAILED)
    headlines = {s.name: [a.headline for a in s.stories] for s in record.issue.sections}
    texts = {taken.recipient: words(taken.data) for taken in relay.accepted}
    for reader, wanted in ((ANN, {"Global", "Opinion"}), (BEN, {"Global"}), (CHANDRA, {"Opinion"})):
        for name, those in headlines.items():
            assert those
            for headline in those:
                assert (headline in texts[reader]) == (name in wanted), (reader, headline)
    told = lines(house, account)
    assert (told[GORAN].state, told[GORAN].reason) == ("skipped", "no section chosen has a story")
    assert (told[EMIL].state, told[EMIL].reason) == ("none", "withdrawn")
    assert (told[FAY].state, told[FAY].reason) == ("none", "suppressed")


def test_sending_twice_mails_nobody_twice(house: House, relay: ScriptedRelay, clock: Clock) -> None:
    approved(house, clock)
    first = publish.send(house, clock=clock)
    join(house, {"late@readers.example": EVERYTHING})

    second = publish.send(house, clock=later(60))

    assert second.counts == first.counts
    assert mailed(relay) == Counter(MAILED)
    assert lines(house, second)["late@readers.example"].reason == "joined later"


def test_what_is_not_approved_is_not_sent(house: House, relay: ScriptedRelay, clock: Clock) -> None:
    join(house, READERS)
    prepared(house, clock)

    with pytest.raises(IssueError, match="not approved") as caught:
        publish.send(house, clock=clock)

    assert "digest approve 1" in caught.value.remedy
    assert relay.connections == 0


def test_what_has_changed_since_it_was_approved_is_not_sent(
    house: House, folder: Path, environ: dict[str, str], relay: ScriptedRelay, clock: Clock
) -> None:
    approved(house, clock)
    (folder / "templates").mkdir()
    own = folder / "templates" / "issue.html.jinja"
    shutil.copy(publish.templates_folder() / own.name, own)
    own.write_text(own.read_text("utf-8").replace("</body>", "<p>Surprise</p></body>"), "utf-8")

    with open_house(folder, environ) as again:
        with pytest.raises(IssueError, match="would not look as it did"):
            publish.send(again, clock=clock)
        assert relay.connections == 0
        publish.approve(again, "weekly", 1, by="the editor", now=clock())
        assert publish.send(again, clock=clock).counts["sent"] == 4
    [to_ann] = [taken for taken in relay.accepted if taken.recipient == ANN]
    assert "Surprise" in words(to_ann.data, "html")


def test_a_template_saved_in_the_middle_of_a_send_is_for_the_next_approval(
    house: House, relay: ScriptedRelay, clock: Clock, folder: Path
) -> None:
    form = folder / "templates" / "issue.txt.jinja"
    form.parent.mkdir(exist_ok=True)
    ours = (publish.templates_folder() / "issue.txt.jinja").read_text("utf-8")
    form.write_text(f"{ours}As approved\n", encoding="utf-8")
    approved(house, clock)

    def save(point: str) -> None:
        if point == "after the list is written":
            form.write_text(f"{ours}Saved since\n", encoding="utf-8")

    assert publish.send(house, clock=clock, passing=save).counts["sent"] == len(MAILED)
    assert {words(one.data)[-11:] for one in relay.accepted} == {"As approved"}


def test_who_is_refused_is_counted(house: House, relay: ScriptedRelay, clock: Clock) -> None:
    approved(house, clock)
    relay.will("rcpt", BEN, "550 5.1.1 no such user")

    account = publish.send(house, clock=clock)

    assert account.counts == {"sent": 3, "refused": 1, "skipped": 1}
    assert account.record.state == "sent"
    assert "no such user" in lines(house, account)[BEN].reason
    assert mailed(relay) == Counter(MAILED - {BEN})


def test_a_relay_that_is_down_loses_nobody(
    house: House,
    folder: Path,
    environ: dict[str, str],
    relay: ScriptedRelay,
    clock: Clock,
    closed_port: int,
) -> None:
    approved(house, clock)
    down = {**environ, "DIGEST_RELAY_PORT": str(closed_port)}

    with open_house(folder, down) as elsewhere:
        with pytest.raises(RelayError, match="cannot be used") as caught:
            publish.send(elsewhere, clock=clock)
        account = publish.account(elsewhere, elsewhere.issue("weekly"))
    assert caught.value.exit_code == 75
    assert caught.value.remedy
    assert (account.counts, account.open) == ({"pending": 5}, 5)

    assert publish.send(house, clock=clock).counts == {"sent": 4, "skipped": 1}
    assert mailed(relay) == Counter(MAILED)


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_a_wrong_password_is_named_and_touches_nobody(
    house: House, folder: Path, environ: dict[str, str], clock: Clock
) -> None:
    approved(house, clock)
    with ScriptedRelay("AUTH PLAIN") as strict:
        login = {"DIGEST_RELAY_USERNAME": "digest", "DIGEST_RELAY_PASSWORD": "wrong"}
        told = environ | login | {"DIGEST_RELAY_PORT": str(strict.port)}
        with open_house(folder, told) as locked_out:
            with pytest.raises(RelayError, match=r"cannot be used: 535 5\.7\.8") as caught:
                publish.send(locked_out, clock=clock)
            account = publish.account(locked_out, locked_out.issue("weekly"))

    assert caught.value.exit_code == 75
    assert "check its username and password; nothing is lost" in caught.value.remedy
    assert account.counts == {"pending": 5}
    assert strict.connections == 1  # many at once, and a relay locks the account


def test_a_lost_reply_is_followed_by_the_same_message_once(
    house: House, relay: ScriptedRelay, clock: Clock
) -> None:
    approved(house, clock)
    relay.will("dot", ANN, DROP)

    first = publish.send(house, clock=clock)
    publish.send(house, clock=later(1))
    assert first.counts == {"sent": 3, "deferred": 1, "skipped": 1}
    assert mailed(relay)[ANN] == 1

    second = publish.send(house, clock=later(10))

    assert second.counts == {"sent": 4, "skipped": 1}
    assert mailed(relay) == Counter({**dict.fromkeys(MAILED, 1), ANN: 2})
    one, two = (taken for taken in relay.accepted if taken.recipient == ANN)
    assert one == two
    assert b"\r\nMessage-ID: <weekly." in one.data


def test_a_lost_reply_is_held_where_it_is_set_so(
    folder: Path, environ: dict[str, str], relay: ScriptedRelay, clock: Clock
) -> None:
    relay.will("dot", ANN, DROP)
    with open_house(folder, {**environ, "DIGEST_RELAY_ON_AMBIGUOUS": "hold"}) as house:
        approved(house, clock)
        account = publish.send(house, clock=clock)

    assert account.counts == {"sent": 3, "unknown": 1, "skipped": 1}
    assert mailed(relay)[ANN] == 1


def test_who_leaves_while_it_is_under_way_is_not_mailed(
    folder: Path, environ: dict[str, str], relay: ScriptedRelay, clock: Clock
) -> None:
    go = threading.Event()
    relay.will("dot", ANN, Hold(go))
    one_at_a_time = {**environ, "DIGEST_RELAY_CONNECTIONS": "1"}
    with open_house(folder, one_at_a_time) as house, ThreadPoolExecutor(1) as pool:
        record = approved(house, clock)
        with house.database.reading() as session:
            dora = roster.find(session, DORA).subscriber
        under_way = pool.submit(publish.send, house, clock=clock)
        until(lambda: mailed(relay)[ANN] == 1)
        link = tokens.seal(Token("unsubscribe", "weekly", record.id, dora), house.settings.keys)
        FrontDoor(house, clock).leave(link, "one-click")
        go.set()
        account = under_way.result(timeout=PATIENCE)
        told = lines(house, account)[DORA]

    assert account.counts == {"sent": 3, "skipped": 2}
    assert account.left == 1
    assert mailed(relay) == Counter(MAILED - {DORA})
    assert (told.state, told.reason) == ("skipped", "withdrawn")


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
@pytest.mark.parametrize("said", ["450 4.1.8 not from there", "550 5.7.1 not from there"])
def test_whose_envelope_sender_alone_is_refused_is_deferred_and_expires(
    house: House, relay: ScriptedRelay, clock: Clock, said: str
) -> None:
    record = approved(house, clock)
    with house.database.reading() as session:
        ann = roster.find(session, ANN).subscriber
    path = tokens.return_path("b", record.id, ann, house.settings.keys)
    relay.will("mail", f"{path}@{house.settings.bounces.domain}", said, times=100)

    account = publish.send(house, clock=clock)
    assert account.counts == {"sent": 3, "deferred": 1, "skipped": 1}
    assert account.next_at == NOW + timedelta(minutes=5)
    hours = [0.1, 16]
    for hour in hours:
        account = publish.send(house, clock=later(60 * hour))  # the relay's breaker is closed
        assert account.counts["deferred"] == 1
    account = publish.send(house, clock=later(60 * 24))

    assert (account.record.state, account.counts) == (
        "sent", {"sent": 3, "expired": 1, "skipped": 1},
    )  # fmt: skip
    told = lines(house, account)[ANN]
    assert (told.state, told.reply, told.attempts) == ("expired", said, len(hours) + 2)
    assert told.reason == said.partition(" ")[2]
    assert publish.relay_lines(house, later(0)())[0].until is None


CROWD = {f"r{number}@readers.example": EVERYTHING for number in range(60)}


@pytest.fixture
def crowded(house: House, relay: ScriptedRelay, clock: Clock) -> House:
    """An approved issue for sixty readers."""
    join(house, CROWD)
    prepared(house, clock)
    publish.approve(house, "weekly", 1, by="the editor", now=clock())
    return house


def stopped(
    folder: Path, environ: dict[str, str], relay: ScriptedRelay, number: signal.Signals
) -> int:
    """`digest send` in a process of its own, stopped when it has sent some more; its exit code.
    The relay lets it get no further before that, and then takes its time.
    """
    before, go = len(relay.accepted), threading.Event()
    script: list[Reply] = [*["250 2.0.0 OK"] * 8, *[Hold(go)] * 4, *[Wait(0.05)] * len(CROWD)]
    relay.replies["dot", ANYONE] = deque(script)
    env = {**os.environ, **environ, "DIGEST_RELAY_CONNECTIONS": "4"}
    process = subprocess.Popen(
        [*SEND, str(folder), "send"],
        env=env,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    with process:
        try:
            until(lambda: len(relay.accepted) >= before + 8 or process.poll() is not None)
            process.send_signal(number)
            go.set()
            return process.wait(timeout=PATIENCE)
        finally:
            go.set()
            process.kill()


def resends(house: House) -> dict[str, int]:
    with house.database.reading() as session:
        record = house.issue("weekly")
        addresses = {n: address for n, address, _ in roster.everyone(session, "weekly")}
        return {addresses[d.subscriber]: d.resends for d in ledger.deliveries(session, record.id)}


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_a_killed_sender_loses_nobody_and_doubles_only_what_was_in_doubt(
    crowded: House, folder: Path, environ: dict[str, str], relay: ScriptedRelay
) -> None:
    for _ in range(2):
        assert stopped(folder, environ, relay, signal.SIGKILL) == -signal.SIGKILL
        assert 0 < len(relay.accepted) < len(CROWD)

    account = publish.send(crowded, clock=in_minutes(0))

    assert account.counts == {"sent": len(CROWD)}
    times, again = mailed(relay), resends(crowded)
    assert set(times) == set(CROWD)
    assert {reader for reader, n in times.items() if n > 1} <= {r for r, n in again.items() if n}
    assert max(times.values()) <= 2
    assert 1 <= sum(again.values()) <= 16  # two for each of four connections, two kills


def test_what_was_marked_and_never_handed_out_is_not_in_doubt(
    house: House, relay: ScriptedRelay, clock: Clock
) -> None:
    def fail(point: str) -> None:
        if point == "after intents":
            raise ZeroDivisionError

    record = approved(house, clock)
    with pytest.raises(ZeroDivisionError):
        publish.send(house, clock=clock, passing=fail)
    assert set(publish.account(house, record).counts) <= {"pending", "skipped"}

    assert publish.send(house, clock=clock).counts == {"sent": 4, "skipped": 1}
    assert set(mailed(relay).values()) == {1}
    assert set(resends(house).values()) == {0}


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_what_a_sender_that_ended_left_on_the_wire_is_waited_for_by_nobody_on_one_machine(
    crowded: House, relay: ScriptedRelay
) -> None:
    def end(point: str) -> None:
        if point == "after the list is written":
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        publish.send(crowded, clock=in_minutes(0), passing=end)
    with crowded.database.writing() as session:
        now = ledger.database_time(session)
        me = ledger.enlist(session, "host:1:place relay", timedelta(minutes=1), now)
        issue = crowded.issue("weekly").id
        [left] = ledger.claim(session, issue, me, in_minutes(0)(), 1)
        intents = [ledger.Intent(left, "key", "<m@example.org>")]
        assert ledger.intend(session, intents, me, "relay:25", now) == {left.id}
        assert ledger.retire(session, me, now)

    assert publish.send(crowded, clock=in_minutes(1)).counts == {"sent": len(CROWD)}
    assert sum(resends(crowded).values()) == 1


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_an_interrupted_sender_finishes_what_it_has_begun(
    crowded: House, folder: Path, environ: dict[str, str], relay: ScriptedRelay
) -> None:
    assert stopped(folder, environ, relay, signal.SIGINT) == 75

    taken = len(relay.accepted)
    account = publish.account(crowded, crowded.issue("weekly"))
    assert 0 < taken < len(CROWD)
    assert account.counts == {"sent": taken, "pending": len(CROWD) - taken}
    assert publish.send(crowded, clock=in_minutes(10)).counts == {"sent": len(CROWD)}
    assert mailed(relay) == Counter(CROWD.keys())
