"""Nobody is told that something is kept which is not: transactions that the engine undid."""

import contextlib
import sqlite3
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor

import pytest
from sqlalchemy import func, select, text
from sqlalchemy.exc import DBAPIError, InvalidRequestError
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column
from sqlmodel import Session

from digest.database import Database
from digest.errors import DatabaseBusy, DatabaseError
from tests.waiting import until

Work = Callable[[Session], str]
DONE = "it is kept"
sqlite_only = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
postgresql_only = pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)


class Base(DeclarativeBase):
    """Tables of these tests alone."""


class Note(Base):
    __tablename__ = "note"
    name: Mapped[str] = mapped_column(primary_key=True)


@pytest.fixture
def notes(database: Database) -> Database:
    """A database with a table in which "old" stands."""
    with database.writing() as session:
        Base.metadata.create_all(session.connection())
        session.add(Note(name="old"))
    return database


@sqlite_only
def test_a_disk_that_is_full_for_one_keeps_nothing_of_the_group_and_tells_each(
    notes: Database,
) -> None:
    told = at_once(notes, noting("ann"), fill, noting("eve"))
    for one in told:
        with pytest.raises(DatabaseError, match="disk is full"):
            one.result()
    assert kept(notes) == {"old"}
    again = at_once(notes, noting("ann"), noting("eve"))
    assert [one.result() for one in again] == [DONE, DONE]
    assert kept(notes) == {"old", "ann", "eve"}


@sqlite_only
@pytest.mark.parametrize("place", [0, 1, 2])
def test_an_error_that_hides_a_full_disk_is_for_who_raised_it_and_not_for_the_others(
    notes: Database, place: int
) -> None:
    def hide(session: Session) -> str:
        try:
            return fill(session)
        except DBAPIError:
            raise LookupError("no such reader") from None

    works: list[Work] = [noting("ann"), noting("eve")]
    works.insert(place, hide)
    for one in at_once(notes, *works):
        with pytest.raises(DatabaseError, match="all of it was undone"):
            one.result()
    assert kept(notes) == {"old"}


@sqlite_only
def test_a_full_disk_that_one_passes_over_is_told_to_the_whole_group(notes: Database) -> None:
    for one in at_once(notes, noting("ann"), pass_over, noting("eve")):
        with pytest.raises(DatabaseError, match="all of it was undone"):
            one.result()
    assert kept(notes) == {"old"}


def test_who_ends_everybodys_transaction_is_not_told_alone(notes: Database) -> None:
    def end(session: Session) -> str:
        session.rollback()
        return DONE

    for one in at_once(notes, noting("ann"), end, noting("eve")):
        with pytest.raises(DatabaseError, match="all of it was undone"):
            one.result()
    assert kept(notes) == {"old"}


def test_a_failed_flush_that_one_passes_over_fails_that_one_alone(notes: Database) -> None:
    first, careless, last = at_once(notes, noting("ann"), flush_twice, noting("eve"))
    with pytest.raises(DatabaseError, match="all of it was undone"):
        careless.result()
    assert (first.result(), last.result()) == (DONE, DONE)
    assert kept(notes) == {"old", "ann", "eve"}


@postgresql_only
def test_a_failed_statement_that_one_passes_over_fails_that_one_alone(notes: Database) -> None:
    first, careless, last = at_once(notes, noting("ann"), repeat, noting("eve"))
    with pytest.raises(DatabaseError, match="all of it was undone"):
        careless.result()
    assert (first.result(), last.result()) == (DONE, DONE)
    assert kept(notes) == {"old", "ann", "eve"}


def test_what_the_database_refuses_one_is_told_as_its_failure(notes: Database) -> None:
    first, refused = at_once(notes, noting("ann"), noting("old"))
    with pytest.raises(DatabaseError, match=r"could not be written.*(?i:unique)"):
        refused.result()
    assert first.result() == DONE
    assert kept(notes) == {"old", "ann"}


@sqlite_only
def test_a_plain_write_on_a_full_disk_is_told_and_keeps_nothing(notes: Database) -> None:
    with pytest.raises(DatabaseError, match="disk is full"):
        write(notes, noting("ann"), fill)
    assert kept(notes) == {"old"}
    write(notes, noting("ann"))
    assert kept(notes) == {"old", "ann"}


@sqlite_only
def test_a_full_disk_is_told_at_once_and_not_tried_again(notes: Database) -> None:
    tries = list[bool]()

    def work(session: Session, again: bool) -> None:
        tries.append(again)
        fill(session)

    with pytest.raises(DatabaseError, match="disk is full") as told:
        notes.persist(work)
    assert not isinstance(told.value, DatabaseBusy)
    assert tries == [False]


@sqlite_only
def test_no_commit_without_the_transaction_that_was_begun(notes: Database) -> None:
    with pytest.raises(DatabaseError, match="all of it was undone"):
        write(notes, noting("ann"), pass_over)
    assert kept(notes) == {"old"}


@sqlite_only
def test_no_commit_where_the_driver_was_used_and_its_error_passed_over(notes: Database) -> None:
    def by_driver(session: Session) -> str:
        driver = session.connection().connection.driver_connection
        assert driver is not None
        limit(session)
        with contextlib.suppress(sqlite3.Error):
            driver.execute("INSERT INTO note VALUES (zeroblob(2000000))")
        return DONE

    with pytest.raises(DatabaseError, match="all of it was undone"):
        write(notes, noting("ann"), by_driver)
    assert kept(notes) == {"old"}


@sqlite_only
def test_nothing_is_written_through_a_connection_that_lost_its_transaction(
    notes: Database,
) -> None:
    def refused(session: Session) -> str:
        with pytest.raises(InvalidRequestError):
            noting("eve")(session)
        return DONE

    with pytest.raises(DatabaseError, match="all of it was undone"):
        write(notes, pass_over, refused)
    assert kept(notes) == {"old"}


def test_a_failed_flush_that_is_passed_over_is_told(notes: Database) -> None:
    with pytest.raises(DatabaseError, match="all of it was undone"):
        write(notes, noting("ann"), flush_twice)
    assert kept(notes) == {"old"}


@postgresql_only
def test_a_failed_statement_that_is_passed_over_is_told(notes: Database) -> None:
    with pytest.raises(DatabaseError, match="all of it was undone"):
        write(notes, noting("ann"), repeat)
    assert kept(notes) == {"old"}


def test_who_undoes_all_on_purpose_is_told_nothing(notes: Database) -> None:
    with notes.writing() as session:
        noting("ann")(session)
        session.rollback()
    assert kept(notes) == {"old"}


def at_once(database: Database, *works: Work) -> list[Future[str]]:
    """Do these together, in this order: nobody leads before all have come."""
    waiting, told = database._sharing._waiting, list[Future[str]]()
    with ThreadPoolExecutor(len(works)) as pool, database._sharing._leading:
        for number, work in enumerate(works, start=1):
            told.append(pool.submit(database.together, work))
            until(lambda: len(waiting) == number)  # noqa: B023 - asked at once
    return told


def write(database: Database, *works: Work) -> None:
    """Do these in one plain writing session."""
    with database.writing() as session:
        for work in works:
            work(session)


def noting(name: str) -> Work:
    def note(session: Session) -> str:
        session.execute(text("INSERT INTO note VALUES (:name)"), {"name": name})
        return DONE

    return note


def limit(session: Session) -> None:
    """Let the file grow no more, as far as this connection goes."""
    pages = session.execute(text("PRAGMA page_count")).scalar_one()
    session.execute(text(f"PRAGMA max_page_count = {pages}"))


def fill(session: Session) -> str:
    limit(session)
    session.execute(text("INSERT INTO note VALUES (zeroblob(2000000))"))
    return DONE


def pass_over(session: Session) -> str:
    with contextlib.suppress(DBAPIError):
        fill(session)
    return DONE


def flush_twice(session: Session) -> str:
    session.add(Note(name="old"))
    with contextlib.suppress(DBAPIError):
        session.flush()
    return DONE


def repeat(session: Session) -> str:
    with contextlib.suppress(DBAPIError):
        session.execute(text("INSERT INTO note VALUES ('old')"))
    return DONE


def kept(database: Database) -> set[str]:
    with database.reading() as session:
        names = set(session.execute(select(Note.name)).scalars())
        assert session.execute(select(func.count()).select_from(Note)).scalar_one() == len(names)
    return names
