"""A list is entered: each line is reported, who left stays away, and a failure loses nothing."""

import json
import os
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlmodel import Session

from digest.database import Database
from digest.errors import DatabaseError
from subscribers import roster
from subscribers.cli import lists
from subscribers.consent import Event, state_of
from subscribers.exchange import Entry, Mapping
from subscribers.preferences import Preferences
from subscribers.roster import Entering
from tests.lists import KEYS, NOW, dumped, entered, peopled, read, run_desk, written

__all__ = ["peopled", "run_desk"]


def test_c77_no_list_brings_anybody_back(peopled: Database) -> None:
    rows = [Entry(n, f"{name}@X.org") for n, name in enumerate(("bob", "sup", "out"), 1)]
    before = dumped(peopled)
    assert entered(peopled, rows) == [
        ("skipped", "This person has left; only they can come back."),
        ("skipped", "This address must never be mailed."),
        ("skipped", "This address must never be mailed."),
    ]
    assert dumped(peopled) == before
    with peopled.reading() as session:
        assert [r.address for r in roster.recipients(session, "weekly")] == ["ann@x.org"]


@pytest.mark.parametrize("pretend", [True, False])
def test_each_line_is_reported(peopled: Database, pretend: bool) -> None:
    then = NOW - timedelta(days=60)
    rows = [
        Entry(1, "new@x.org", Preferences(frozenset({"Global"}))),
        Entry(2, "ann@x.org"),
        Entry(3, "ann@x.org", Preferences(None, "text")),
        Entry(4, "ann@x.org", status="withdrawn", left=then),
        Entry(5, "eve@x.org", status="withdrawn"),
        Entry(6, "eve@x.org"),
        Entry(7, "bob@x.org", status="withdrawn"),
        Entry(8, "NEW@x.org", Preferences(frozenset({"Global"}))),
        Entry(9, "new@x.org", status="withdrawn"),
        Entry(10, "new@x.org"),
        Entry(11, "old@x.org", status="suppressed", suppression="bounce"),
        Entry(12, "old@x.org"),
        Entry(13, "pen@x.org", status="pending"),
        Entry(14, "gon@x.org", status="gone"),
        Entry(15, "no address"),
        Entry(16, "", refused="This line is not CSV."),
    ]
    before = dumped(peopled)
    changes = [change for change, _ in entered(peopled, rows, pretend=pretend)]
    assert changes == [
        "new", "unchanged", "changed", "skipped", "skipped", "skipped", "unchanged", "unchanged",
        "changed", "skipped", "new", "skipped", "skipped", "skipped", "refused", "refused",
    ]  # fmt: skip
    assert (dumped(peopled) == before) is pretend
    if not pretend:
        stands = {row["address"]: (row["state"], row["format"]) for row in dumped(peopled)}
        assert stands["ann@x.org"] == ("confirmed", "text")
        assert stands["eve@x.org"][0] == "requested"
        assert stands["new@x.org"][0] == "withdrawn"
        assert "old@x.org" not in stands


def test_without_a_word_on_consent_nobody_is_active(database: Database) -> None:
    rows = [Entry(1, "ann@x.org"), Entry(2, "bob@x.org", status="withdrawn")]
    proven = Entry(3, "eve@x.org", events=(Event("confirmed", NOW, "page"),))
    found = entered(database, [*rows, proven], evidence="")
    assert [change for change, _ in found] == ["refused", "new", "new"]


@given(st.lists(st.tuples(st.sampled_from(["ann", "bob", "eve", "sup", "out", "new"]),
                          st.sampled_from(["confirmed", "withdrawn", "suppressed", "pending"])),
                max_size=12))  # fmt: skip
@settings(deadline=None, max_examples=40,
          suppress_health_check=[HealthCheck.function_scoped_fixture])  # fmt: skip
def test_c77_whatever_a_list_says_who_left_stays_away(
    peopled: Database, rows: list[tuple[str, Any]]
) -> None:
    listed = [
        Entry(n, f"{name}@x.org", status=status,
              suppression="bounce" if status == "suppressed" else None)
        for n, (name, status) in enumerate(rows, 1)
    ]  # fmt: skip
    pretended = entered(peopled, listed, pretend=True)
    with peopled.writing() as session:
        entering = Entering("weekly", how="import", evidence="fair", now=NOW, keys=KEYS)
        real = [(v.change, v.why) for v in entering.enter(session, entering.addressed(listed))]
        active = {r.address for r in roster.recipients(session, "weekly")}
        session.rollback()
    assert real == pretended
    assert active.isdisjoint({"bob@x.org", "sup@x.org", "out@x.org"})


def test_whoever_only_asked_there_has_confirmed_nothing_here(database: Database) -> None:
    """A line of ours without its proof must not make one up."""
    entered(database, read("address,state\na@x.org,requested\nb@x.org,withdrawn\nc@x.org,\n"))
    told = dumped(database)
    assert [json.loads(row["proof"])[0]["kind"] for row in told] == [
        "requested", "withdrawn", "confirmed"
    ]  # fmt: skip
    with database.reading() as session:
        people = roster.kept(session, "weekly")
    assert [kept.state for kept in people] == [state_of(kept.events) for kept in people]
    assert not [entry.refused for entry in read(written("ours", people)) if entry.refused]


def test_a_list_of_suppressions_of_another_system(database: Database) -> None:
    rows = ["a@x.org,550 5.1.1 hard bounce,1", "b@x.org,spam report,2", "c@x.org,x,3"]
    found = read("\n".join(["email,reason,created", *rows]))
    assert [e.suppression for e in found] == ["bounce", "complaint", "operator"]
    assert [change for change, _ in entered(database, found, evidence="")] == ["new"] * 3
    assert entered(database, [Entry(1, "A@x.org")])[0][0] == "skipped"
    plain = read("mail\nd@x.org\n", mapping=Mapping("mail"), suppress="request")
    assert (plain[0].status, plain[0].suppression) == ("suppressed", "request")


MIXED = """address,state,sections,suppressed
zoe@x.org,,Global,
ann@x.org,,Opinion,
Zoe@X.org,,Opinion,
no address,,,
bob@x.org,confirmed,,
adam@x.org,,,
out@x.org,,,
new@BÜCHER.example,,Global,
zoe@x.org,withdrawn,,
mia@x.org,withdrawn,,complaint
new@xn--bcher-kva.example,,Opinion,
adam@x.org,,,operator
kim@x.org,,,
zoe@x.org,,Global,
"""


@pytest.mark.parametrize(("held", "batch"), [(100, 100), (100, 3), (5, 2), (1, 1)])
def test_however_a_list_is_divided_the_same_becomes_of_each_line(
    peopled: Database, run_desk: Callable[..., str], tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch, held: int, batch: int,
) -> None:  # fmt: skip
    words = "import", str(tmp_path / "list.csv"), "--evidence", "fair"
    (tmp_path / "list.csv").write_text(MIXED, "utf-8")
    whole = run_desk(peopled, *words, "--dry-run")
    assert [line.split()[:2] for line in whole.splitlines()] == [
        ["2", "new"], ["3", "changed"], ["4", "changed"], ["5", "refused"], ["6", "skipped"],
        ["7", "new"], ["8", "skipped"], ["9", "new"], ["10", "changed"], ["11", "new"],
        ["12", "changed"], ["13", "changed"], ["14", "new"], ["15", "skipped"],
    ]  # fmt: skip
    monkeypatch.setattr(lists, "HELD", held)
    monkeypatch.setattr(lists, "BATCH", batch)
    before = dumped(peopled)
    assert run_desk(peopled, *words, "--dry-run") == whole
    assert dumped(peopled) == before
    assert run_desk(peopled, *words) == whole
    kept = {row["address"]: row for row in dumped(peopled)}
    stand = {name: (row["state"], row["sections"]) for name, row in kept.items()}
    assert stand["zoe@x.org"] == ("withdrawn", "Opinion")
    assert stand["new@xn--bcher-kva.example"] == ("confirmed", "Opinion")
    assert kept["adam@x.org"]["suppressed"] == "operator"


def test_what_was_kept_before_a_failure_is_reported_and_the_rest_comes_with_the_next_import(
    database: Database, run_desk: Callable[..., str], tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    monkeypatch.setattr(lists, "BATCH", 3)
    names = [f"r{n * 7 % 10}@x.org" for n in range(10)]
    (tmp_path / "list.csv").write_text("\n".join(["address", *names, ""]), "utf-8")
    words = "import", str(tmp_path / "list.csv"), "--evidence", "fair"
    writing, times = database.writing, iter(range(9))

    @contextmanager
    def failing() -> Iterator[Session]:
        with writing() as session:
            yield session
            if next(times) == 2:  # the third commit
                raise DatabaseError("the disk is full")

    monkeypatch.setattr(database, "writing", failing)
    said = run_desk(database, *words, exit_code=1).splitlines()
    kept = [row["address"] for row in dumped(database)]
    assert len(kept) == 6
    assert [line.split()[2] for line in said] == [name for name in names if name in kept]
    again = [line.split()[1] for line in run_desk(database, *words).splitlines()]
    assert again == ["unchanged" if name in kept else "new" for name in names]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_stopped_in_the_middle_the_report_tells_of_all_that_is_kept(
    database: Database, run_desk: Callable[..., str], tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch, number: int,
) -> None:  # fmt: skip
    monkeypatch.setattr(lists, "BATCH", 3)
    names = [f"r{n}@x.org" for n in range(10)]
    (tmp_path / "list.csv").write_text("\n".join(["address", *names, ""]), "utf-8")
    writing, times = database.writing, iter(range(9))

    @contextmanager
    def interrupted() -> Iterator[Session]:
        with writing() as session:
            yield session
            if next(times) == 1:  # the second commit
                os.kill(os.getpid(), number)
                os.kill(os.getpid(), number)  # as timeout(1) hands it on: no second word

    monkeypatch.setattr(database, "writing", interrupted)
    handler = signal.getsignal(number)
    said = run_desk(
        database, "import", str(tmp_path / "list.csv"), "--evidence", "fair", exit_code=130
    ).splitlines()
    assert signal.getsignal(number) == handler
    assert [line.split()[2] for line in said] == names[:6]
    assert [row["address"] for row in dumped(database)] == names[:6]


def test_a_number_that_an_old_mail_names_is_given_to_nobody_of_a_list(database: Database) -> None:
    entered(database, [Entry(1, "old@x.org"), Entry(2, "gone@x.org")])
    with database.writing() as session:
        gone = roster.find(session, "gone@x.org").subscriber
        roster.forget(session, "gone@x.org", now=NOW, keys=KEYS)
        other = Entering("daily", how="import", evidence="fair", now=NOW, keys=KEYS)
        lines = other.addressed([Entry(1, "new@x.org"), Entry(2, "old@x.org")])
        assert [verdict.change for verdict in other.enter(session, lines)] == ["new", "new"]
        assert roster.find(session, "new@x.org").subscriber > gone
        old = roster.find(session, "old@x.org").subscriptions
        assert {one.newsletter for one in old} == {"daily", "weekly"}
