"""Columns: what the tables of the three books share. Never a table, never a query.

Importing this module gives `SQLModel.metadata` its naming convention; every book imports it
before it declares a table.
"""

from datetime import UTC, datetime

from sqlalchemy import DateTime, Dialect
from sqlalchemy.types import TypeDecorator
from sqlmodel import SQLModel

# Alembic can only drop or alter what has a name, and SQLite gives none of its own.
NAMING = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s_%(referred_table_name)s",
    "pk": "pk_%(table_name)s",
}
SQLModel.metadata.naming_convention = NAMING


class Utc(TypeDecorator[datetime]):
    """A time, aware and in UTC in Python; stored as naive UTC with microseconds on both engines.

    The stored form is the same text or timestamp wherever the server thinks it stands. Binding
    a naive time raises ValueError (SQLAlchemy reports it as StatementError).
    """

    impl = DateTime
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:  # noqa: ARG002
        """Aware time of any zone -> naive UTC."""
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError(f"{value!r} names no time zone")
        return value.astimezone(UTC).replace(tzinfo=None)

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:  # noqa: ARG002
        """Naive UTC -> aware UTC."""
        return None if value is None else value.replace(tzinfo=UTC)
