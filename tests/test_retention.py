"""Access, erasure, retention: no table is left out, and nothing is kept longer than it may be."""

import json
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import inspect, text
from sqlmodel import SQLModel
from typer.testing import CliRunner

from digest import publish
from digest.cli import app
from digest.database import Database
from digest.ledger import freeze
from digest.publish import House
from digest.publish.running.upkeep import forget_what_is_over
from subscribers import roster, tokens
from subscribers.consent import state_of
from subscribers.errors import UnknownSubscriber
from subscribers.exchange import HEADER, cells
from subscribers.exchange.ours import entry as our_entry
from subscribers.roster import Asker
from tests.conftest import NOW, SECRET

# Tables that name no person: a suppression, its lifting and a tally know hashes, a wording what
# was shown.
OF_NOBODY = {
    "article", "breaker", "budget", "decision", "due", "edit", "editor", "holding", "issue",
    "lifting", "listed", "login", "outline", "pulse", "sender", "sending", "slowed", "source",
    "story", "suppression", "tally", "wording",
}  # fmt: skip
ANN, KEYS = "ann@readers.example", (SECRET.encode(),)
WHO = Asker("page", "Yes, mail me.", "192.0.2.7", "Browser/1", "fr")


def a_life(database: Database) -> int:
    """Ann asked, confirmed, moved, said something of issue 3, bounced; she is in every table."""
    with database.writing() as session:
        roster.request(session, ANN, ["weekly"], WHO, now=NOW, keys=KEYS)
        [notice] = roster.due_notices(session, NOW)
        roster.confirm(session, notice.id, notice.subscriber, WHO, now=NOW, keys=KEYS)
        roster.give_feedback(session, notice.subscriber, 3, "good", "more maps", now=NOW)
        return notice.subscriber


def bounce(house: House, number: int) -> None:
    path = tokens.return_path("b", 3, number, KEYS)
    raw = (
        f"From: mailer-daemon@x\nTo: {path}@y\nSubject: failure notice\n\n<{ANN}>: 452 mailbox full"
    )
    publish.receive(house, raw.encode(), source="file", now=NOW)


def test_no_table_that_names_a_person_is_left_out(database: Database) -> None:
    tables = inspect(database.engine).get_table_names()
    pointing = {
        name
        for name in tables
        for key in inspect(database.engine).get_foreign_keys(name)
        if key["referred_table"] == "subscriber"
    }
    number = a_life(database)
    with database.reading() as session:
        found = roster.everything(session, number)
    assert set(found) == {"subscriber", *pointing}
    # A new table must be put down here, or in `pointing` by a foreign key: is a person in it?
    assert set(SQLModel.metadata.tables) == {
        "subscriber", *pointing, "delivery", "intervention", *OF_NOBODY
    }  # fmt: skip
    assert set(tables) >= set(SQLModel.metadata.tables)
    columns = {
        name: {c["name"] for c in inspect(database.engine).get_columns(name)} for name in tables
    }
    # Whatever else names a person must be known here, and erased by hand.
    assert {n for n, c in columns.items() if c & {"subscriber", "subscriber_id", "address"}} == {
        "delivery", "intervention", *pointing, "subscriber"
    }  # fmt: skip


def test_show_tells_all_and_forget_erases_all(house: House, environ: dict[str, str]) -> None:
    number = a_life(house.database)
    bounce(house, number)
    publish.collect(house, now=NOW)
    record = publish.prepare(house, "weekly", now=NOW).record
    with house.database.writing() as session:
        freeze(session, record.id, roster.audience("weekly"), NOW)
        session.connection().execute(text("UPDATE delivery SET reply = :r"), {"r": f"550 {ANN}"})

    def run(*words: str) -> str:
        told = ["-C", str(house.settings.folder), "subscribers", *words]
        result = CliRunner().invoke(app, told, env=environ)
        assert result.exit_code == 0, result.output
        return result.stdout

    shown: dict[str, Any] = json.loads(run("show", ANN, "--json"))
    assert all(shown["rows"].values())
    assert (len(shown["deliveries"]), shown["language"]) == (1, "fr")
    proof = run("proof", ANN)
    for word in (
        "requested by page",
        "confirmed by page",
        "192.0.2.7",
        "Browser/1",
        "Yes, mail me.",
    ):
        assert word in proof
    assert json.loads(run("proof", ANN, "--json"))["subscriptions"][0]["events"][1]["ip"]
    erased = run("forget", ANN, "--yes")
    assert all(table in erased for table in ("notice", "report", "feedback", "delivery"))
    with house.database.engine.connect() as connection:
        for name, table in SQLModel.metadata.tables.items():
            rows = connection.execute(table.select()).all()
            assert ANN not in str(rows), name


def stray(house: House, address: str, name: str) -> None:
    """What carries no token of ours and so is nobody's: an answer, and a report in words."""
    for raw in (
        f"From: Ann <{address}>\nMessage-ID: <a{name}>\nSubject: no more, please\n\nAnn",
        (
            f"From: mailer-daemon@x.example\nMessage-ID: <b{name}>\nSubject: failure notice\n\n"
            f"<{address.upper()}>: 550 5.1.1 user unknown"
        ),
    ):
        publish.receive(house, raw.encode(), source="file", now=NOW)


Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def run(house: House, environ: dict[str, str]) -> Run:
    def run(*words: str) -> tuple[int, str, str]:
        told = ["-C", str(house.settings.folder), "subscribers", *words]
        result = CliRunner().invoke(app, told, env=environ)
        what = str(getattr(result.exception, "what", ""))
        return result.exit_code, result.stdout, result.stderr + what

    return run


@pytest.mark.parametrize("reader", [True, False])
def test_reports_that_only_name_an_address_are_shown_and_erased_and_no_other_s(
    house: House, run: Run, reader: bool
) -> None:
    if reader:
        a_life(house.database)
    others = ("jo" + ANN, "x." + ANN, ANN + ".org", ANN.replace(".", "x", 1))
    for number, address in enumerate((ANN, *others)):
        stray(house, address, str(number))
    code, shown, _ = run("show", ANN, "--json")
    assert (code, len(json.loads(shown)["address_rows"]["report"])) == (0, 2)
    assert "came back" in run("show", ANN)[1] or "2 reports that only name" in run("show", ANN)[1]
    assert run("forget", ANN, "--yes")[0] == 0
    kept = [f"{one.recipient} {one.diagnostic}".lower() for one in publish.reports(house)[0]]
    assert len(kept) == 2 * len(others)
    assert not any(word.strip("<>:") == ANN for words in kept for word in words.split())


def test_what_is_forgotten_of_an_address_that_is_nobody_s(house: House, run: Run) -> None:
    assert run("forget", ANN, "--yes")[0] == 1
    run("suppress", ANN)
    code, _, said = run("forget", ANN, "--yes")
    assert (code, "only its suppression is kept" in said) == (0, True)
    run("lift", ANN, "--why", "she wrote")
    assert "she wrote" in run("show", ANN)[1]
    assert run("forget", ANN, "--yes")[0] == 0
    code, shown, _ = run("show", ANN)
    assert (code, "she wrote" in shown, "suppressed: request" in shown) == (0, False, True)


def test_what_need_not_be_kept_is_forgotten(house: House) -> None:
    number = a_life(house.database)
    bounce(house, number)
    with house.database.writing() as session:
        roster.request(session, "bob@x.org", ["weekly"], WHO, now=NOW, keys=KEYS)
    assert not any(publish.tidy(house, NOW + timedelta(days=7)).values())
    done = publish.tidy(house, NOW + timedelta(days=7, seconds=1))
    assert (done["requests"], done["subscribers"], done["IP addresses"]) == (1, 1, 0)
    with house.database.reading() as session:
        with pytest.raises(UnknownSubscriber):
            roster.find(session, "bob@x.org")
        assert publish.reports(house)[0][0].diagnostic
    moment = timedelta(seconds=1)
    assert publish.tidy(house, NOW + timedelta(days=90))["reports"] == 0
    assert publish.tidy(house, NOW + timedelta(days=90) + moment)["reports"] == 1
    assert publish.tidy(house, NOW + timedelta(days=365))["IP addresses"] == 0
    done = publish.tidy(house, NOW + timedelta(days=365) + moment)
    assert done["IP addresses"] == 2
    with house.database.reading() as session:
        [kept] = roster.profile(session, number).subscriptions
    assert [(e.ip, e.agent, e.wording) for e in kept.events] == [("", "", "Yes, mail me.")] * 2
    assert not any(publish.tidy(house, NOW + timedelta(days=400)).values())


def test_what_is_over_is_looked_for_once_an_hour(house: House) -> None:
    """It looks at every row, and nobody else writes to SQLite meanwhile."""

    def waiting(address: str) -> bool:
        with house.database.writing() as session:
            return roster.number_of(session, address) is not None

    def ask(address: str) -> None:
        with house.database.writing() as session:
            roster.request(session, address, ["weekly"], WHO, now=NOW, keys=KEYS)

    then = NOW + timedelta(days=8)
    ask("bob@x.org")
    forget_what_is_over(house, lambda: then)
    assert not waiting("bob@x.org")
    ask("carol@x.org")
    forget_what_is_over(house, lambda: then + timedelta(minutes=59))
    assert waiting("carol@x.org")
    forget_what_is_over(house, lambda: then + timedelta(minutes=60))
    assert not waiting("carol@x.org")
    ask("dan@x.org")
    forget_what_is_over(house, lambda: then - timedelta(minutes=1))  # the clock was put back
    assert not waiting("dan@x.org")


def test_who_left_and_never_confirmed_coming_back_has_still_left(house: House) -> None:
    number = a_life(house.database)
    with house.database.writing() as session:
        roster.withdraw(session, number, "weekly", how="page", now=NOW)
        later = NOW + timedelta(days=2)
        roster.request(session, ANN, ["weekly"], WHO, now=later, keys=KEYS)
        assert roster.profile(session, number).subscriptions[0].state == "requested"
    publish.tidy(house, NOW + timedelta(days=30))
    with house.database.reading() as session:
        [kept] = roster.profile(session, number).subscriptions
        sheet = roster.kept(session, "weekly")
    assert (kept.state, state_of(kept.events)) == ("withdrawn", "withdrawn")
    assert (kept.events[-1].how, kept.changed_at) == ("unanswered", later)
    # And so an export has them as who left: a line that contradicts itself would be refused.
    line = dict(zip(HEADER, cells(sheet[0]), strict=True))
    assert our_entry(1, line).status == "withdrawn"


def test_an_unanswered_request_for_one_newsletter_leaves_no_other(house: House) -> None:
    """Who has left one and never confirmed another has not left that."""
    number = a_life(house.database)
    with house.database.writing() as session:
        roster.withdraw(session, number, "weekly", how="page", now=NOW)
        roster.request(session, ANN, ["daily"], WHO, now=NOW + timedelta(days=2), keys=KEYS)
    done = publish.tidy(house, NOW + timedelta(days=30))
    assert (done["requests given back"], done["requests"]) == (0, 1)
    with house.database.reading() as session:
        held = roster.profile(session, number).subscriptions
    assert [(one.newsletter, one.state) for one in held] == [("weekly", "withdrawn")]
