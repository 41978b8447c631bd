"""What is no issue goes by the first relay that takes it: two real servers, the first at fault."""

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest

from digest import ledger, publish
from digest.errors import RelayError
from digest.outcomes import RelayFault, Sent
from digest.publish import House, open_house
from digest.publish.handing import handed_over, relays_in_turn
from digest.publish.running.noticing import mail_notice
from digest.schedule import Tell
from subscribers import roster
from tests.conftest import NOW, SECRET
from tests.delivering import message
from tests.relay import ANYONE, ScriptedRelay, Stage
from tests.replies import LOSE, Reply
from tests.sending import ANN, prepared

EDITOR = "desk@news.example.org"
FAULTS: list[tuple[Stage, Reply]] = [
    ("connect", "421 4.3.2 closing"),
    ("connect", "554 5.7.1 not you"),
    ("connect", LOSE),
    ("mail", "451 4.3.0 no room"),
    ("mail", "421 4.3.2 closing"),
]
on_sqlite = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)


@pytest.fixture
def first() -> Iterator[ScriptedRelay]:
    with ScriptedRelay("PIPELINING", "AUTH PLAIN") as opened:
        yield opened


@pytest.fixture
def second() -> Iterator[ScriptedRelay]:
    with ScriptedRelay() as opened:
        yield opened


@pytest.fixture
def environ(
    environ: dict[str, str], first: ScriptedRelay, second: ScriptedRelay, folder: Path
) -> dict[str, str]:
    file = folder / "digest.toml"
    other = f'\n[relays.second]\nhost = "127.0.0.1"\nport = {second.port}\nsecurity = "none"\n'
    file.write_text(file.read_text("utf-8") + other, encoding="utf-8")
    told = {"PORT": str(first.port), "SECURITY": "none"}
    return {**environ, **{f"DIGEST_RELAY_{name}": value for name, value in told.items()}}


@pytest.fixture
def owed(house: House) -> House:
    """Two people have asked to join, and are owed a mail to confirm it."""
    with house.database.writing() as session:
        for name in ("ann", "ben"):
            roster.request(session, f"{name}@readers.example", ["weekly"], roster.Asker("page"),
                           now=NOW, keys=(SECRET.encode(),))  # fmt: skip
    return house


def names(*relays: ScriptedRelay) -> list[str]:
    return [f"127.0.0.1:{relay.port}" for relay in relays]


@on_sqlite
@pytest.mark.parametrize(("stage", "reply"), FAULTS)
def test_a_notice_goes_by_the_next_relay_where_the_first_is_at_fault(
    house: House, first: ScriptedRelay, second: ScriptedRelay, stage: Stage, reply: Reply
) -> None:
    first.will(stage, ANYONE, reply, times=9)

    assert mail_notice(house, "weekly", Tell(NOW, "fault:x", EDITOR, note="look"), NOW) == ""

    assert (first.connections, first.accepted) == (1, [])
    assert [taken.recipient for taken in second.accepted] == [EDITOR]


@on_sqlite
def test_a_login_that_is_refused_is_the_first_relay_s_fault_alone(
    folder: Path, environ: dict[str, str], first: ScriptedRelay, second: ScriptedRelay
) -> None:
    wrong = {"DIGEST_RELAY_USERNAME": "digest", "DIGEST_RELAY_PASSWORD": "wrong"}
    with open_house(folder, {**environ, **wrong}) as house:
        assert mail_notice(house, "weekly", Tell(NOW, "fault:x", EDITOR, note="look"), NOW) == ""
        record = prepared(house, lambda: NOW)
        assert isinstance(publish.send_test(house, record, ANN, clock=lambda: NOW), Sent)
    assert first.accepted == []
    assert not any(command.startswith("MAIL") for command in first.heard)
    assert [taken.recipient for taken in second.accepted] == [EDITOR, ANN]


def test_confirmations_ask_a_relay_that_is_down_once(
    folder: Path, environ: dict[str, str], owed: House, second: ScriptedRelay, closed_port: int
) -> None:
    down = {**environ, "DIGEST_RELAY_PORT": str(closed_port)}
    with open_house(folder, down) as house:
        assert publish.confirm(house, clock=lambda: NOW).sent == 2
    assert {taken.recipient for taken in second.accepted} == {
        "ann@readers.example", "ben@readers.example",
    }  # fmt: skip


@on_sqlite
def test_who_was_at_fault_is_asked_last_from_then_on(
    house: House, first: ScriptedRelay, second: ScriptedRelay
) -> None:
    first.will("connect", ANYONE, "421 4.3.2 closing")
    relays = relays_in_turn(house)
    assert [relay.name for relay in relays] == names(first, second)

    for _ in range(2):
        assert isinstance(asyncio.run(handed_over(relays, message(ANN))), Sent)

    assert [relay.name for relay in relays] == names(second, first)
    assert (first.connections, len(second.accepted)) == (1, 2)


@on_sqlite
def test_a_relay_that_sends_leave_alone_comes_last(
    house: House, first: ScriptedRelay, second: ScriptedRelay
) -> None:
    with house.database.writing() as session:
        ledger.trip(session, names(first)[0], "421 closing", NOW)

    assert [relay.name for relay in relays_in_turn(house)] == names(second, first)


@on_sqlite
def test_what_a_relay_says_of_the_reader_is_asked_of_no_other(
    house: House, first: ScriptedRelay, second: ScriptedRelay
) -> None:
    first.will("rcpt", EDITOR, "550 5.1.1 no such editor")

    said = mail_notice(house, "weekly", Tell(NOW, "fault:x", EDITOR, note="look"), NOW)

    assert said == "550 5.1.1 no such editor"
    assert second.connections == 0


@on_sqlite
def test_where_all_are_at_fault_it_is_said_and_tried_again(
    owed: House, first: ScriptedRelay, second: ScriptedRelay
) -> None:
    for relay in (first, second):
        relay.will("connect", ANYONE, "421 4.3.2 closing", times=9)

    outcome = asyncio.run(handed_over(relays_in_turn(owed), message(ANN)))
    assert isinstance(outcome, RelayFault)
    with pytest.raises(RelayError, match=r"was not taken: 421 4\.3\.2 closing") as caught:
        mail_notice(owed, "weekly", Tell(NOW, "fault:x", EDITOR, note="look"), NOW)
    assert caught.value.exit_code == 75
    assert publish.confirm(owed, clock=lambda: NOW).deferred == 2
    assert (first.connections, second.connections) == (4, 4)
