"""A list goes in: by whatever a line knows a person, and whoever writes at the same moment."""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy.exc import OperationalError
from sqlmodel import Session, select

from digest.database import Database
from subscribers import roster
from subscribers.exchange import Entry
from subscribers.preferences import Preferences
from subscribers.roster import Entering, loading
from subscribers.roster.tables import ConsentEventRow, SubscriberRow, SubscriptionRow
from subscribers.suppression import key_hash, key_name

NOW = datetime(2026, 3, 30, 7, tzinfo=UTC)
KEYS = (b"a newer key", b"the first key of all")
ANN = "ann@x.org"
NAME, HASH = key_name(KEYS), key_hash(ANN, KEYS)
NEVER = Entry(1, "", status="suppressed", suppression="bounce", hashed=f"{NAME}:{HASH}")


def enter(session: Session, *batches: Sequence[Entry], **how: Any) -> list[str]:
    listed = Entering("weekly", how="import", evidence="fair", now=NOW, keys=KEYS, **how)
    lines = [listed.addressed(batch) for batch in batches]
    return [verdict.change for batch in lines for verdict in listed.enter(session, batch)]


@pytest.mark.parametrize("pretend", [True, False])
@pytest.mark.parametrize("divided", [True, False])
def test_a_line_that_is_but_a_hash_and_one_with_the_address_are_one_person(
    database: Database, pretend: bool, divided: bool
) -> None:
    lines = [NEVER], [Entry(2, "Ann@X.org")]
    batches = lines if divided else [[*lines[0], *lines[1]]]
    with database.reading() if pretend else database.writing() as session:
        assert enter(session, *batches, pretend=pretend) == ["new", "skipped"]
    with database.reading() as session:
        assert list(roster.recipients(session, "weekly")) == []


def test_what_a_list_says_has_happened_has_happened_by_now(database: Database) -> None:
    to_come = NOW + timedelta(days=900)
    with database.writing() as session:
        enter(session, [Entry(1, ANN, since=to_come)])
        enter(session, [Entry(2, "bob@x.org", status="withdrawn", left=to_come)])
    with database.reading() as session:
        times = list(session.exec(select(SubscriptionRow.confirmed_at)))
        assert times == [NOW, None]
        assert set(session.exec(select(ConsentEventRow.at))) == {NOW}
    # And a later list, whose times are right, is believed.
    left = Entry(3, ANN, status="withdrawn", left=NOW + timedelta(seconds=1))
    with database.writing() as session:
        assert enter(session, [left]) == ["changed"]


# SQLite has one writer: there nobody writes meanwhile.
several = pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)


@pytest.fixture
def meanwhile(database: Database, monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Has somebody else write once, right after what `name` of `place` has asked or done."""

    def arrange(
        place: Any, name: str, act: Callable[[Session], object], about: object = None
    ) -> None:
        work = getattr(place, name)

        def interrupted(*words: Any, **how: Any) -> Any:
            found = work(*words, **how)
            if about is not None and about not in words:
                return found
            monkeypatch.setattr(place, name, work)
            with database.writing() as session:
                act(session)
            return found

        monkeypatch.setattr(place, name, interrupted)

    return arrange


def joined(session: Session) -> None:
    roster.add(session, ANN, "weekly", how="page", now=NOW, keys=KEYS)


def standing(database: Database) -> list[tuple[str, list[str]]]:
    with database.reading() as session:
        return [(k.state, [e.how for e in k.events]) for k in roster.kept(session, "weekly")]


@several
def test_who_joins_while_a_list_has_them_as_new_keeps_their_own_proof(
    database: Database, meanwhile: Callable[..., None]
) -> None:
    meanwhile(Entering, "_known", joined)
    with database.writing() as session:
        assert enter(session, [Entry(1, ANN), Entry(2, "bob@x.org")]) == ["skipped", "new"]
    assert standing(database) == [("confirmed", ["page"]), ("confirmed", ["import"])]


@several
def test_who_leaves_while_a_list_changes_them_has_left(
    database: Database, meanwhile: Callable[..., None]
) -> None:
    with database.writing() as session:
        joined(session)
        number = roster.find(session, ANN).subscriber
    meanwhile(
        Entering, "_known", lambda s: roster.withdraw(s, number, "weekly", how="page", now=NOW)
    )
    chosen = Entry(1, ANN, Preferences(None, "text"))
    with database.writing() as session:
        assert enter(session, [chosen]) == ["skipped"]
    assert standing(database) == [("withdrawn", ["page", "page"])]


@several
def test_who_is_forgotten_while_a_list_enters_them_is_not_entered(
    database: Database, meanwhile: Callable[..., None]
) -> None:
    def come_and_gone(session: Session) -> None:
        roster.forget(session, ANN, now=NOW, keys=KEYS)

    # They joined by themselves after the question, and were forgotten before they were looked for.
    meanwhile(Entering, "_known", joined)
    meanwhile(loading, "insert", come_and_gone, about=SubscriberRow)
    with database.writing() as session:
        assert enter(session, [Entry(1, ANN), Entry(2, "bob@x.org")]) == ["skipped", "new"]
    assert standing(database) == [("confirmed", ["import"])]


@several
def test_nobody_whom_a_list_knows_is_forgotten_in_the_middle(
    database: Database, meanwhile: Callable[..., None]
) -> None:
    def forget_at_once(session: Session) -> None:
        session.connection().exec_driver_sql("SET lock_timeout = '10ms'")
        with pytest.raises(OperationalError):
            roster.forget(session, ANN, now=NOW, keys=KEYS)
        session.rollback()

    with database.writing() as session:
        roster.add(session, ANN, "daily", how="page", now=NOW, keys=KEYS)
    meanwhile(Entering, "_known", forget_at_once)
    with database.writing() as session:
        assert enter(session, [Entry(1, ANN)]) == ["new"]
    assert standing(database) == [("confirmed", ["import"])]
