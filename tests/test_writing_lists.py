"""Our own files, out and in again: consent, suppressions and their reasons stay what they were."""

import csv
import io
import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlmodel import select

from digest.database import Database
from subscribers import roster
from subscribers.consent import Event, state_of
from subscribers.exchange import OUTGOING, Entry, Mapping, Sheet, entries, sheets, system
from subscribers.exchange.ours import entry as our_entry
from subscribers.exchange.sheets import Record
from subscribers.preferences import Preferences
from subscribers.roster import Entering
from subscribers.roster.tables import SuppressionRow
from tests.lists import KEYS, NOW, STANDS, entered, peopled, read, run_desk, stands, written

__all__ = ["peopled", "run_desk"]


@pytest.mark.parametrize("reason", ["bounce", "complaint", "request", "operator"])
@pytest.mark.parametrize("to", ["ours", "listmonk", "ghost", "keila", "mailchimp"])
def test_the_reason_never_to_mail_goes_out_and_in_wherever_a_sheet_can_hold_it(
    peopled: Database, to: str, reason: Any
) -> None:
    with peopled.writing() as session:
        roster.suppress(session, "ann@x.org", reason=reason, how="test", now=NOW, keys=KEYS)
        people = [kept for kept in roster.kept(session, "weekly") if kept.address == "ann@x.org"]
    file = OUTGOING[to].file(people[0])
    [found] = read(written(to, people, file), f"{file}_members_export.csv")
    assert (found.address, found.suppression) == ("ann@x.org", reason)


@pytest.mark.parametrize(
    "end", ["\r", "\n", "\r\n", "\u2028", "\x85", "\x0b", "\x1c", "\ufffd", "\ufeff"]
)
def test_what_ends_a_line_somewhere_ends_no_line_of_ours(end: str, peopled: Database) -> None:
    """A name or a relay's words may hold it: nobody is cut off from their line by it."""
    chosen = Preferences(sections=frozenset({f"a{end};b", end}))
    with peopled.writing() as session:
        entering = Entering("weekly", how="import", evidence="fair", now=NOW, keys=KEYS)
        entering.enter(session, entering.addressed([Entry(1, "zed@x.org", chosen)]))
        people = roster.kept(session, "weekly")
        session.rollback()
    found = read(written("ours", people))
    assert [entry.refused for entry in found] == [""] * len(people)
    assert {e.address: e.preferences for e in found}["zed@x.org"] == chosen


def test_the_proof_of_years_comes_in_again(peopled: Database) -> None:
    with peopled.writing() as session:
        number = roster.find(session, "ann@x.org").subscriber
        for weeks in range(1500):
            until = NOW + timedelta(weeks=weeks)
            roster.pause(session, number, "weekly", until, how="page", now=NOW)
        roster.withdraw(session, number, "weekly", how="page", now=NOW)
        [ann, *_] = roster.kept(session, "weekly")
        session.rollback()
    sheet = written("ours", [ann])
    assert len(sheet) > 131_072  # what Python's own reader takes of one cell
    [found] = read(sheet)
    assert (found.refused, found.status, found.events) == ("", "withdrawn", ann.events)


# -- what a list may do to the roster ------------------------------------------------------------

LETTERS = st.characters(exclude_categories=["Cs"], exclude_characters="\0")
WORDS = st.text(LETTERS, max_size=12)
NAMES = st.none() | st.frozensets(st.text(LETTERS, min_size=1, max_size=8), max_size=3)
TIMES = st.integers(0, 10**9).map(lambda s: NOW - timedelta(seconds=s, microseconds=s))
EVENTS = st.builds(
    Event,
    st.sampled_from(["requested", "confirmed", "withdrawn", "chosen"]),
    TIMES,
    WORDS,
    st.none() | st.integers(1, 99),
    WORDS,
    st.none() | st.integers(1, 9),
    WORDS,
    WORDS,
    WORDS,
)
CHOICES = st.builds(
    Preferences,
    NAMES,
    st.sampled_from(["html", "text"]),
    NAMES,
    st.sampled_from(["each", "weekly"]),
)


@given(st.lists(st.tuples(CHOICES, st.lists(EVENTS, min_size=1, max_size=4),
                          st.none() | st.sampled_from(["bounce", "request"]),
                          st.none() | TIMES), min_size=1, max_size=4))  # fmt: skip
@settings(deadline=None, max_examples=40,
          suppress_health_check=[HealthCheck.function_scoped_fixture])  # fmt: skip
def test_out_and_in_again_is_the_identity_on_consent(
    database: Database, people: list[tuple[Preferences, list[Event], Any, Any]]
) -> None:
    first = [
        Entry(n, f"r{n}@x.org", choice, status=state_of(events) or "gone", events=tuple(events),
              suppression=never, paused_until=until, language="hi")
        for n, (choice, events, never, until) in enumerate(people, 1)
        if state_of(events) is not None
    ]  # fmt: skip
    with database.writing() as session:
        entering = Entering("weekly", how="import", evidence="", now=NOW, keys=KEYS)
        entering.enter(session, entering.addressed(first))
        once = roster.kept(session, "weekly")
        assert [list(kept.events) for kept in once] == [list(e.events) for e in first]
        out = written("ours", once)
        session.rollback()
    with database.writing() as session:
        entering.enter(session, entering.addressed(read(out)))
        again = roster.kept(session, "weekly")
        assert written("ours", again) == out
        active = [(k.address, k.state, k.suppressed) for k in again]
        assert active == [(k.address, k.state, k.suppressed) for k in once]
        third = entering.enter(session, entering.addressed(read(out)))
        assert {v.change for v in third} <= {"unchanged", "skipped"}
        session.rollback()


@pytest.mark.parametrize("to", ["listmonk", "substack", "ghost", "beehiiv", "keila", "mailchimp"])
def test_no_sheet_for_another_system_makes_anybody_active(peopled: Database, to: str) -> None:
    with peopled.reading() as session:
        people = roster.kept(session, "weekly")
    files = ["subscribed", "unsubscribed", "cleaned"] if to == "mailchimp" else [""]
    found: dict[str, str] = {}
    for file in files:
        text = written(to, people, file)
        [sheet] = sheets(io.BytesIO(text.encode()), f"{file}_members_export.csv")
        assert system(sheet) == to
        found |= {e.address: e.status for e in entries(sheet)}
    assert set(found) == set(STANDS)
    assert {address for address, status in found.items() if status == "confirmed"} == {"ann@x.org"}


@pytest.mark.parametrize(
    "to", ["ours", "listmonk", "substack", "ghost", "beehiiv", "keila", "mailchimp"]
)
def test_every_sheet_of_ours_comes_in_again_with_the_same_people_active(
    peopled: Database, to: str
) -> None:
    files = ["subscribed", "unsubscribed", "cleaned"] if to == "mailchimp" else [""]

    def out() -> list[Entry]:
        with peopled.reading() as session:
            people = roster.kept(session, "weekly")
        return [e for f in files for e in read(written(to, people, f), f"{f}_members_export.csv")]

    def told(entry: Entry) -> tuple[str, str, Any]:
        return entry.address, entry.status, entry.suppression

    before, once = stands(peopled), out()
    entered(peopled, once)
    assert stands(peopled) == before
    with peopled.writing() as session:
        for address in STANDS:
            roster.forget(session, address, now=NOW, keys=KEYS)
        for row in session.exec(select(SuppressionRow)).all():
            session.delete(row)
    entered(peopled, once)
    after = stands(peopled)
    assert {a for a, (active, _) in after.items() if active} == {"ann@x.org"}
    # What a sheet cannot carry is left out, and nobody is told otherwise.
    missing = {told(e) for e in once} - {told(e) for e in out()}
    assert {status for _, status, _ in missing} <= {"pending", "suppressed"}
    assert {told(e) for e in out()} <= {told(e) for e in once}
    entered(peopled, out())
    assert stands(peopled) == after


@pytest.mark.parametrize("to", ["listmonk", "substack", "ghost", "beehiiv", "mailchimp"])
def test_a_time_that_stands_for_never_goes_out_as_it_came_in(database: Database, to: str) -> None:
    never = datetime(1, 1, 1, tzinfo=UTC)
    entered(database, [Entry(1, "zoe@x.org", since=never)])
    with database.reading() as session:
        people = roster.kept(session, "weekly")
    file = OUTGOING[to].file(people[0])
    [found] = read(written(to, people, file), f"{file}_members_export.csv")
    assert found.since == never


@given(st.lists(st.sampled_from(["ann@x.org", "'=1", "O'Hara", " 'x", "'", "", " ", "2024-01-02"]),
                max_size=4))  # fmt: skip
def test_a_line_is_read_alike_however_its_columns_are_called(cells: list[str]) -> None:
    mapping = Mapping("email", sections="sections", language="language")
    names = ("email", "sections", "language")
    once, twice = (
        list(entries(Sheet("x.csv", header, iter([Record(2, tuple(cells[:3]))])), mapping))
        for header in (names, (*names, "language"))
    )
    assert once == twice


def test_suppressions_go_out_and_in_also_those_known_by_hash_alone(
    peopled: Database, run_desk: Callable[..., str]
) -> None:
    text = run_desk(peopled, "export", "--suppressions")
    rows = list(csv.DictReader(io.StringIO(text)))
    assert [(r["address"], r["reason"]) for r in rows] == [("", "bounce"), ("out@x.org", "bounce")]
    with peopled.writing() as session:
        roster.forget(session, "out@x.org", now=NOW, keys=KEYS)
    found = read(text)
    assert [change for change, _ in entered(peopled, found)] == ["unchanged", "unchanged"]
    stronger = entered(peopled, read(text, suppress="operator"))
    assert [change for change, _ in stronger] == ["changed", "changed"]
    other = Entering("weekly", how="import", evidence="", now=NOW, keys=(b"another key of all",))
    with peopled.writing() as session:
        changes = [(v.change, v.why) for v in other.enter(session, other.addressed(found[:1]))]
    assert changes[0][0] == "refused"
    assert "DIGEST_WEB_SECRET" in changes[0][1]


def test_no_formula_comes_out_of_the_list_of_suppressions(
    database: Database, run_desk: Callable[..., str]
) -> None:
    """The way by which one came was another list's word."""
    sheet = "address,reason,how,at\na@x.org,bounce,=HYPERLINK(),\n+b@x.org,request,'@x,\n"
    entered(database, read(sheet))
    text = run_desk(database, "export", "--suppressions")
    assert "'=HYPERLINK()" in text
    assert not [
        cell for row in csv.reader(text.splitlines()) for cell in row if cell[:1] in "=+-@" and cell
    ]
    other = [(entry.suppression, entry.how) for entry in read(text)]
    assert other == [("bounce", "=HYPERLINK()"), ("request", "@x")]


def test_a_forged_or_broken_proof_is_refused() -> None:
    good = {"kind": "confirmed", "at": "2024-01-01T00:00:00+00:00", "how": "page"}
    for proof in ("{", "[1]", '[{"kind":"confirmed"}]', json.dumps([{**good, "kind": "paid"}]),
                  json.dumps([{**good, "at": "now"}]), json.dumps([{**good, "more": 1}]),
                  json.dumps([{**good, "issue": "x"}])):  # fmt: skip
        assert our_entry(1, {"address": "a@x.org", "proof": proof}).refused, proof
    for column, value in (("state", "active"), ("format", "pdf"), ("frequency", "hourly"),
                          ("suppressed", "boredom"), ("paused_until", "later")):  # fmt: skip
        assert our_entry(1, {"address": "a@x.org", column: value}).refused, column
    disagreeing = {"address": "a@x.org", "state": "confirmed",
                   "proof": json.dumps([{**good, "kind": "withdrawn"}])}  # fmt: skip
    assert "proof says withdrawn" in our_entry(1, disagreeing).refused
