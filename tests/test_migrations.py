"""The database: migrations equal the models on both engines, and every misfit is refused."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from pydantic import TypeAdapter
from sqlalchemy import event, inspect, text

from digest import archive, database
from digest.database import Database, open_database
from digest.edition import Issue
from digest.errors import DatabaseError, SenderAtWork
from subscribers import roster
from subscribers.roster import Asker
from tests.issues import example_issue

NOW = datetime(2026, 3, 30, tzinfo=UTC)


def test_migrations_equal_the_models(database: Database) -> None:
    with database.engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, TABLES) == []


def test_the_names_of_the_migrations_files_tell_what_alembic_reads_in_them() -> None:
    chain = ScriptDirectory.from_config(alembic())
    assert database.revisions.newest() == chain.get_current_head()
    assert database.revisions.known() == {script.revision for script in chain.walk_revisions()}


def test_down_and_up_again(database: Database) -> None:
    with database.engine.connect().execution_options(writes=True) as connection:
        with connection.begin():
            command.downgrade(alembic(connection), "base")
        assert set(inspect(connection).get_table_names()) <= {"alembic_version"}
        connection.rollback()
        with connection.begin():
            command.upgrade(alembic(connection), "head")
        assert {"article", "delivery", "subscriber"} <= set(inspect(connection).get_table_names())


def test_a_newer_database_is_refused_and_left_alone(
    database: Database, database_url: str, tmp_path: Path
) -> None:
    stamp(database, "9999")
    with pytest.raises(DatabaseError, match="newer"):
        open_database(database_url, tmp_path)
    with pytest.raises(DatabaseError, match="newer"):
        migrate(database)
    with database.engine.connect() as connection:
        assert connection.scalar(text("SELECT version_num FROM alembic_version")) == "9999"


def test_a_path_that_cannot_be_opened(tmp_path: Path) -> None:
    with pytest.raises(DatabaseError, match="could not be opened") as caught:
        open_database("sqlite:///no/such/folder/digest.db", tmp_path)
    assert "url" in caught.value.remedy


def test_a_file_that_is_no_database(tmp_path: Path) -> None:
    (tmp_path / "digest.db").write_bytes(b"this is no database at all" * 100)
    with pytest.raises(DatabaseError, match="not usable"):
        open_database("sqlite:///digest.db", tmp_path)


def test_an_address_that_is_none(tmp_path: Path) -> None:
    with pytest.raises(DatabaseError, match="url is not usable"):
        open_database("nonsense", tmp_path)


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_only_one_sender_at_a_time(database: Database) -> None:
    with database.sole_sender() as alone:
        assert alone
        second = database.sole_sender()
        with pytest.raises(SenderAtWork, match="another") as refused:
            second.__enter__()
    assert refused.value.exit_code == 75
    with database.sole_sender():
        pass


@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
def test_several_senders_share_a_server(database: Database) -> None:
    with database.sole_sender() as one, database.sole_sender() as other:
        assert not one
        assert not other


def test_a_writing_session_that_fails_leaves_nothing(database: Database) -> None:
    def visit_and_fail() -> None:
        with database.writing() as session:
            archive.note_visit(session, "world", NOW, etag="", last_modified="")
            session.flush()
            raise KeyError

    with pytest.raises(KeyError):
        visit_and_fail()
    with database.reading() as session:
        assert archive.source_states(session) == []


def test_sqlite_is_tamed(tmp_path: Path) -> None:
    opened = open_database("sqlite:///digest.db", tmp_path)
    with opened.engine.connect() as connection:
        pragmas = ("journal_mode", "synchronous", "foreign_keys", "busy_timeout")
        found = [connection.exec_driver_sql(f"PRAGMA {name}").scalar() for name in pragmas]
    opened.close()
    assert found == ["wal", 2, 1, 10_000]


def stamp(database: Database, revision: str) -> None:
    with database.engine.connect().execution_options(writes=True) as connection, connection.begin():
        connection.execute(text("UPDATE alembic_version SET version_num = :r"), {"r": revision})


TABLES = database.revisions.tables()
alembic = database.revisions.alembic
migrate = database.migrate


def test_issues_of_the_first_tables_are_carried_over(database: Database) -> None:
    manifest = TypeAdapter(Issue).dump_python(example_issue(), mode="json")
    for section in manifest["sections"]:
        section["stories"] = [story["article"] for story in section["stories"]]
    stored = {"m": json.dumps(manifest), "now": "2026-03-30 01:30:00"}
    with database.engine.connect().execution_options(writes=True) as connection:
        with connection.begin():
            command.downgrade(alembic(connection), "0001")
        with connection.begin():
            connection.execute(
                text(
                    "INSERT INTO issue (newsletter, number, state, manifest, content_hash,"
                    " approved_hash, approved_by, prepared_at)"
                    " VALUES ('the-week', 12, 'sent', :m, 'h', 'h', 'editor', :now)"
                ),
                stored,
            )
            connection.execute(
                text(
                    "INSERT INTO story (issue_id, position, fingerprint, headline_key)"
                    " SELECT id, 1, 'f', 'k' FROM issue"
                )
            )
        with connection.begin():
            command.upgrade(alembic(connection), "head")
    with database.reading() as session:
        assert archive.issue(session, "the-week").issue == example_issue()
        carried = {
            earlier.article.headline for earlier in archive.carried(session, "the-week", NOW)
        }
        # Of its stories the one that the old table knew; its lists come from the issue itself.
        told = {story.headline for story in example_issue().stories}
        assert carried & told == {example_issue().stories[1].headline}


def test_due_times_that_were_acted_on_are_carried_over(database: Database) -> None:
    with database.engine.connect().execution_options(writes=True) as connection:
        with connection.begin():
            command.downgrade(alembic(connection), "0002")
        with connection.begin():
            for day in ("2026-03-23", "2026-03-30"):
                row = {"due": f"{day} 01:30:00", "acted": f"{day} 01:31:00"}
                connection.execute(
                    text("INSERT INTO due VALUES ('the-week', :due, :acted, 'drafted')"), row
                )
            connection.execute(
                text(
                    "INSERT INTO issue (newsletter, number, state, manifest, content_hash,"
                    " approved_hash, approved_by, prepared_at)"
                    " VALUES ('the-week', 12, 'draft', '{}', 'h', '', '', '2026-03-30 01:31:00')"
                )
            )
        with connection.begin():
            command.upgrade(alembic(connection), "head")
    with database.reading() as session:
        steps = archive.steps(session, "the-week", NOW - timedelta(days=30))
    assert [(s.due.day, s.name, s.number, s.note) for s in steps] == [
        (23, "closed", 0, "sent"),
        (30, "drafted", 12, ""),
    ]


def test_an_issue_that_can_still_be_changed_begins_its_steps(database: Database) -> None:
    with database.writing() as session:
        draft = archive.save_draft(session, example_issue(), "h", NOW)
    with database.engine.connect().execution_options(writes=True) as connection:
        with connection.begin():
            command.downgrade(alembic(connection), "0005")
        with connection.begin():
            command.upgrade(alembic(connection), "head")
    with database.reading() as session:
        (first,) = archive.edits(session, draft.id)
        assert (first.version, first.kind, first.at) == (0, "drafted", NOW)
        assert archive.issue_at(session, draft.id, 0) == draft.issue
        assert archive.issue_by_id(session, draft.id) == draft


def test_what_is_asked_often_of_the_roster_is_found_by_an_index(database: Database) -> None:
    asked: list[tuple[str, Any]] = []

    @event.listens_for(database.engine, "before_cursor_execute")
    def hear(_c: object, _cursor: object, words: str, values: object, *_rest: object) -> None:
        if words.startswith("SELECT"):
            asked.append((words, values))

    with database.writing() as session:
        roster.left_by(session, 1)
        roster.left_near(session, 1)
        roster.request(session, "Ann@example.org", ["weekly"], Asker(), now=NOW, keys=(b"k",))
        roster.traces(session, "Ann@example.org", (b"k",))
    plans = {words: _plan(database, words, values) for words, values in asked}
    for table, index in (
        ("consent_event", "ix_consent_event_issue"), ("notice", "ix_notice_address_key"),
    ):  # fmt: skip
        found = [plan for words, plan in plans.items() if f"FROM {table} " in words + " "]
        assert len(found) == 2, plans
        assert all(index in plan for plan in found), found


def test_a_notice_of_before_is_still_found_by_its_address(database: Database) -> None:
    with database.writing() as session:
        roster.request(session, "Ann@example.org", ["weekly"], Asker(), now=NOW, keys=(b"k",))
    with database.engine.connect().execution_options(writes=True) as connection:
        with connection.begin():
            command.downgrade(alembic(connection), "0012")
        with connection.begin():
            command.upgrade(alembic(connection), "head")
    with database.reading() as session:
        assert set(roster.traces(session, "aNN@EXAMPLE.org", (b"k",))) == {"notice", "tally"}


def _plan(database: Database, words: str, values: Any) -> str:
    """How the engine would answer; of a server's empty tables, if it had to use an index."""
    with database.engine.connect() as connection:
        if connection.dialect.name == "postgresql":
            connection.execute(text("SET LOCAL enable_seqscan = off"))
        explain = "EXPLAIN" if connection.dialect.name == "postgresql" else "EXPLAIN QUERY PLAN"
        lines = connection.exec_driver_sql(f"{explain} {words}", values)
        return "\n".join(str(line) for line in lines)
