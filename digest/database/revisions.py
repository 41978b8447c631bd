"""Revisions: how old a database's tables are, and how they are brought to this program's age.

Never here: what a migration does (digest/migrations).
"""

from pathlib import Path
from typing import TYPE_CHECKING

from sqlalchemy import Connection, Engine, MetaData, inspect, text
from sqlmodel import SQLModel

from digest.errors import DatabaseError

if TYPE_CHECKING:
    from alembic.config import Config

_MIGRATIONS = Path(__file__).parents[1] / "migrations"


def upgrade(engine: Engine) -> tuple[str | None, str]:
    """Bring the tables to this program's age. Returns the revision before and after.

    Runs in one transaction: a migration that is interrupted has not happened.
    Raises DatabaseError for a database newer than the program.
    """
    # Loaded here alone: a command that finds its tables in order waits for no migrations.
    from alembic import command

    with engine.connect().execution_options(writes=True) as connection:
        before = revision(connection)
        if before and before not in known():
            raise misfit(before)
        connection.rollback()
        with connection.begin():
            command.upgrade(alembic(connection), "head")
    return before, newest()


def tables() -> MetaData:
    """The tables of the three books, as the models have them."""
    # Loaded here alone: who drafts an issue needs neither ledger nor roster.
    from digest import archive, ledger
    from subscribers import roster

    del archive, ledger, roster
    return SQLModel.metadata


def alembic(connection: Connection | None = None) -> "Config":
    """What alembic is told: where the migrations are, and on which connection it works."""
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(_MIGRATIONS))
    config.attributes["connection"] = connection
    return config


def revision(connection: Connection) -> str | None:
    """What alembic wrote down in its own table; None where it wrote nothing."""
    if not inspect(connection).has_table("alembic_version"):
        return None
    found: str | None = connection.execute(text("SELECT version_num FROM alembic_version")).scalar()
    return found


def newest() -> str:
    """The revision of this program's tables."""
    return max(known(), default="")


def known() -> set[str]:
    """The revisions that this program has: each stands before the first stroke of its file."""
    files = (_MIGRATIONS / "versions").glob("[0-9]*.py")
    return {file.stem.partition("_")[0] for file in files}


def misfit(found: str) -> DatabaseError:
    """What to raise where the tables are of another age than the program."""
    if found in known():
        return DatabaseError(
            f"the database is older ({found}) than this program", remedy="run `digest migrate`"
        )
    return DatabaseError(
        f"the database is newer ({found}) than this program",
        remedy="install the newer version of digest that it was made with; nothing was changed",
    )
