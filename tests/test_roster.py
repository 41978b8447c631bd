"""The roster: who is mailed, who is not, and what stays when somebody goes."""

import contextlib
import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from sqlalchemy.exc import StatementError
from sqlmodel import Session, SQLModel

from digest.database import Database
from subscribers import roster
from subscribers.consent import state_of
from subscribers.errors import BadToken, InvalidAddress, Suppressed, UnknownSubscriber, Withdrawn
from subscribers.exchange import Entry
from subscribers.preferences import EVERYTHING, Preferences
from subscribers.recipient import Recipient
from subscribers.roster import Asker, Entering, Keeping
from subscribers.suppression import may_mail
from tests.waiting import PATIENCE, until

NOW = datetime(2026, 3, 30, 7, 0, 0, 123456, tzinfo=UTC)
KEYS = (b"a newer key", b"the first key of all")
ASKER, YEAR = Asker(), timedelta(days=365)
ANN, BOB = "Ann@example.org", "bob@readers.example"


def add(session: Session, address: str = ANN, preferences: Preferences | None = None) -> int:
    return roster.add(
        session, address, "weekly", preferences, how="operator", now=NOW, keys=KEYS, evidence="fair"
    )


def leave(session: Session, subscriber: int, reason: str = "") -> bool:
    return roster.withdraw(
        session, subscriber, "weekly", how="one-click", now=NOW, issue=12, reason=reason
    )


def suppress(session: Session, address: str) -> bool:
    return roster.suppress(session, address, reason="bounce", how="report", now=NOW, keys=KEYS)


def test_an_added_reader_may_be_mailed(database: Database) -> None:
    with database.writing() as session:
        ann = add(session)
    with database.reading() as session:
        assert roster.recipients(session, "weekly") == [Recipient(ann, ANN, NOW, EVERYTHING)]
        assert roster.recipients(session, "daily") == []
        assert roster.counts(session, "weekly") == {"requested": 0, "confirmed": 1, "withdrawn": 0}
        [kept] = roster.find(session, "ann@EXAMPLE.org").subscriptions
    assert [(e.kind, e.at, e.how, e.evidence) for e in kept.events] == [
        ("confirmed", NOW, "operator", "fair")
    ]


def test_adding_again_changes_only_what_is_given(database: Database) -> None:
    chosen = Preferences(frozenset({"Opinion"}), "text")
    with database.writing() as session:
        ann = add(session)
        assert add(session, "ANN@example.org") == ann
        assert add(session, preferences=chosen) == ann
        assert add(session) == ann
        [found] = roster.recipients(session, "weekly")
        [kept] = roster.profile(session, ann).subscriptions
    assert found.preferences == chosen
    assert [e.kind for e in kept.events] == ["confirmed", "chosen"]


def test_nobody_is_added_who_must_not_be(database: Database) -> None:
    with database.writing() as session:
        leave(session, add(session))
        suppress(session, BOB)
        for address, error in ((ANN, Withdrawn), (BOB, Suppressed), ("ann", InvalidAddress)):
            with pytest.raises(error):
                add(session, address)
        assert roster.recipients(session, "weekly") == []
        with pytest.raises(UnknownSubscriber):
            roster.find(session, BOB)


def test_d38_leaving_twice_is_one_event(database: Database) -> None:
    with database.writing() as session:
        ann = add(session)
        assert leave(session, ann, "too many") is True
        assert leave(session, ann) is False
        assert leave(session, 4711) is False
        [kept] = roster.profile(session, ann).subscriptions
    assert kept.state == "withdrawn"
    assert [(e.kind, e.how, e.issue, e.evidence) for e in kept.events][1:] == [
        ("withdrawn", "one-click", 12, "too many")
    ]


def test_choosing(database: Database) -> None:
    text_only = Preferences(None, "text")
    with database.writing() as session:
        ann = add(session)
        assert roster.choose(session, ann, "weekly", text_only, how="page", now=NOW)
        assert not roster.choose(session, ann, "weekly", text_only, how="page", now=NOW)
        assert not roster.choose(session, 4711, "weekly", text_only, how="page", now=NOW)
        leave(session, ann)
        assert not roster.choose(session, ann, "weekly", EVERYTHING, how="page", now=NOW)


def test_d40_leaving_is_seen_by_the_next_question(database: Database) -> None:
    with database.writing() as session:
        ann, bob = add(session), add(session, BOB)
    with database.writing() as session:
        leave(session, ann)
    with database.reading() as session:
        told = roster.standing(session, [ann, bob, 4711], "weekly")
        everyone = roster.everyone(session, "weekly")
    assert told[ann] == "withdrawn"
    assert told[4711] == "not subscribed"
    assert told[bob] == Recipient(bob, BOB, NOW, EVERYTHING)
    assert everyone == [(ann, ANN, "withdrawn"), (bob, BOB, told[bob])]


def test_pages_follow_each_other(database: Database) -> None:
    with database.writing() as session:
        numbers = [add(session, f"r{n}@example.org") for n in range(7)]
        seen: list[int] = []
        while page := roster.recipients(session, "weekly", after=max(seen, default=0), limit=3):
            seen += [recipient.subscriber for recipient in page]
        listed = roster.listing(session, after=roster.listing(session, limit=5)[-1].subscription)
    assert seen == numbers
    assert [line.subscriber for line in listed] == numbers[5:]


def test_forgetting_erases_all_but_the_suppression(database: Database) -> None:
    with database.writing() as session:
        ann = add(session)
        assert suppress(session, ANN) is True
        assert suppress(session, "ann@example.org") is False
        assert roster.find(session, ANN).suppressed
        erased = roster.forget(session, ANN, now=NOW, keys=KEYS)
        assert {table: rows for table, rows in erased.items() if rows} == {
            "consent_event": 1, "subscription": 1, "subscriber": 1
        }  # fmt: skip
        assert roster.is_suppressed(session, ANN, KEYS)
        with pytest.raises(UnknownSubscriber):
            roster.forget(session, ANN, now=NOW, keys=KEYS)
        with pytest.raises(UnknownSubscriber):
            roster.profile(session, ann)
        assert leave(session, ann) is False


@pytest.mark.parametrize("left", [True, False])
def test_who_is_forgotten_does_not_come_back_by_an_old_list(database: Database, left: bool) -> None:
    with database.writing() as session:
        ann = add(session)
        assert not left or leave(session, ann)
        roster.forget(session, ANN, now=NOW, keys=KEYS)
        with pytest.raises(Suppressed):
            add(session)


def test_a_number_is_never_given_again(database: Database) -> None:
    with database.writing() as session:
        ann = add(session)
        roster.forget(session, ANN, now=NOW, keys=KEYS)
    with database.writing() as session:
        assert add(session, BOB) > ann


def test_times_are_utc_whatever_zone_they_came_in(database: Database) -> None:
    india = timezone(timedelta(hours=5, minutes=30))
    with database.writing() as session:
        ann = roster.add(
            session, ANN, "weekly", how="operator", now=NOW.astimezone(india), keys=KEYS
        )
    with database.writing() as session:
        kept = roster.profile(session, ann).created_at
        assert (kept, kept.utcoffset()) == (NOW, timedelta(0))
        with pytest.raises(StatementError, match="names no time zone"):
            roster.withdraw(session, ann, "weekly", how="page", now=NOW.replace(tzinfo=None))
        session.rollback()


def test_every_constraint_has_a_name() -> None:
    mine = ("subscriber", "subscription", "consent_event", "suppression")
    for name in mine:
        table = SQLModel.metadata.tables[name]
        assert all(part.name for part in table.constraints), name
        assert all(part.name for part in table.indexes), name


ACTS = st.lists(
    st.tuples(
        st.sampled_from(
            [
                "add",
                "leave",
                "suppress",
                "choose",
                "forget",
                "ask",
                "confirm",
                "back",
                "move",
                "say",
                "list",
                "lift",
                "tidy",
            ]
        ),
        st.integers(0, 1),
    ),
    max_size=25,
)


@given(ACTS)
@example([("add", 0), ("leave", 0), ("ask", 0), ("tidy", 0)])
@example([(act, 0) for act in ("add", "leave", "ask", "confirm", "suppress", "lift", "move")])
@settings(
    deadline=None, max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_d40_the_queries_say_what_may_mail_says(
    database: Database, acts: list[tuple[str, int]]
) -> None:
    with database.writing() as session:
        for day, (act, who) in enumerate(acts):
            _do(session, act, f"r{who}@example.org", NOW + timedelta(days=day))
        profiles = {
            line.subscriber: roster.profile(session, line.subscriber)
            for line in roster.listing(session)
        }
        told = roster.standing(session, [*profiles, 10**6], "weekly")
        found = roster.recipients(session, "weekly")
        everyone = roster.everyone(session, "weekly")
        session.rollback()
    assert told.pop(10**6) == "not subscribed"
    assert everyone == [(n, profiles[n].address, told[n]) for n in sorted(profiles)]
    assert found == [told[n] for n in sorted(told) if isinstance(told[n], Recipient)]
    for number, person in profiles.items():
        [kept] = person.subscriptions
        assert kept.state == state_of(kept.events)
        reason = may_mail(kept.state, person.suppressed)
        assert told[number] == reason or (reason is None and isinstance(told[number], Recipient))


def test_a_button_in_a_mail_acts_once(database: Database) -> None:
    """The roster alone knows whether it has, whichever door it is pressed at."""
    later: dict[str, Any] = {"now": NOW + timedelta(days=2), "keys": KEYS}
    with database.writing() as session:
        roster.request(session, "ann@example.org", ["weekly"], ASKER, now=NOW, keys=KEYS)
        [owed] = roster.due_notices(session, NOW)
        ann = owed.subscriber
        assert roster.confirm(session, owed.id, ann, ASKER, now=NOW, keys=KEYS).used_at is None
        leave(session, ann)
        assert roster.request(session, "ann@example.org", ["weekly"], ASKER, **later)
        assert roster.confirm(session, owed.id, ann, ASKER, **later).used_at == NOW
        assert roster.profile(session, ann).subscriptions[0].state == "requested"
        roster.ask_to_move(session, ann, "weekly", "new@example.org", **later)
        asked = roster.due_notices(session, later["now"])[-1]
        for hours, used in ((0, None), (1, later["now"]), (2, later["now"])):
            pressed = later | {"now": later["now"] + timedelta(hours=hours)}
            assert roster.move(session, asked.id, ann, ASKER, **pressed).used_at == used
        kinds = [event.kind for event in roster.profile(session, ann).subscriptions[0].events]
        assert kinds == ["requested", "confirmed", "withdrawn", "requested", "moved"]


def _do(session: Session, act: str, address: str, now: datetime) -> None:
    told: dict[str, Any] = {"now": now, "keys": KEYS}
    listed = [Entry(1, address), Entry(2, f"new.{address}", status="withdrawn")]
    entering = Entering("weekly", how="import", evidence="fair", **told)
    acts: dict[str, Callable[[], object]] = {
        "add": lambda: add(session, address),
        "suppress": lambda: suppress(session, address),
        "forget": lambda: roster.forget(session, address, **told),
        "ask": lambda: roster.request(session, address, ["weekly"], ASKER, **told),
        "list": lambda: entering.enter(session, entering.addressed(listed)),
        "lift": lambda: roster.lift(session, address, why="wrote", by="x", **told),
        "tidy": lambda: roster.tidy(
            session,
            roster.overdue(session, now + YEAR, Keeping(YEAR, YEAR)),
            now + YEAR,
            Keeping(YEAR, YEAR),
        ),
    }
    with contextlib.suppress(Suppressed, Withdrawn, UnknownSubscriber, BadToken):
        if act in acts:
            acts[act]()
        else:
            _use(session, act, roster.find(session, address).subscriber, now)


def _use(session: Session, act: str, subscriber: int, now: datetime) -> None:
    told: dict[str, Any] = {"now": now, "keys": KEYS}
    page: dict[str, Any] = {"how": "page", "now": now}
    match act:
        case "leave":
            leave(session, subscriber)
        case "choose":
            roster.choose(session, subscriber, "weekly", Preferences(None, "text"), **page)
        case "back":
            kept = timedelta(days=3)
            roster.rejoin(session, subscriber, "weekly", ASKER, within=kept, frequency="", now=now)
        case "say":
            roster.say(session, subscriber, "weekly", "too many", issue=None, now=now)
        case "confirm":
            for owed in _owed(session, subscriber, now, "confirm"):
                roster.confirm(session, owed, subscriber, ASKER, **told)
        case "move":
            new = f"new.{roster.profile(session, subscriber).address}"
            roster.ask_to_move(session, subscriber, "weekly", new, **told)
            for owed in _owed(session, subscriber, now, "address"):
                roster.move(session, owed, subscriber, ASKER, **told)


def _owed(session: Session, subscriber: int, now: datetime, kind: str) -> list[int]:
    due = roster.due_notices(session, now)
    return [owed.id for owed in due if (owed.subscriber, owed.kind) == (subscriber, kind)]


def test_who_leaves_while_they_choose_has_left(database: Database) -> None:
    """Two requests at once, as of two browsers: nothing is chosen after the leaving."""
    with database.writing() as session:
        ann = roster.add(session, ANN, "weekly", how="page", now=NOW, keys=KEYS)
    later, chosen = NOW + timedelta(hours=1), []

    def choose() -> None:
        with database.writing() as session:
            wanted = Preferences(frozenset({"Global"}))
            chosen.append(roster.choose(session, ann, "weekly", wanted, how="page", now=later))

    def is_waiting() -> bool:
        waits = "SELECT count(*) FROM pg_locks WHERE NOT granted"
        with database.engine.connect() as connection:
            return bool(connection.exec_driver_sql(waits).scalar())

    other = threading.Thread(target=choose)
    with database.writing() as session:
        roster.withdraw(session, ann, "weekly", how="one-click", now=NOW)
        other.start()
        if database.engine.dialect.name == "postgresql":  # SQLite has one writer: it waits before
            until(is_waiting)
    other.join(PATIENCE)
    with database.reading() as session:
        [held] = roster.profile(session, ann).subscriptions
    assert chosen == [False]
    assert (held.state, held.changed_at, held.events[-1].kind) == ("withdrawn", NOW, "withdrawn")
