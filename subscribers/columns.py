"""Columns: what the tables of the three books share. Never a table, never a query.

Importing this module gives `SQLModel.metadata` its naming convention; every book imports it
before it declares a table.
"""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

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
_STORED = len("2026-03-30 01:30:00.000000")


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

    def result_processor(self, dialect: Dialect, coltype: object) -> Callable[[Any], Any] | None:
        """As `process_result_value` says; in one step where the database gives text, for a send
        reads seven times for each reader, and two steps take six times as long."""
        careful = super().result_processor(dialect, coltype)
        if dialect.name != "sqlite" or careful is None:
            return careful
        read = datetime.fromisoformat

        def aware(value: Any) -> Any:
            if value is None:
                return None
            try:
                if len(value) == _STORED:
                    return read(value + "+00:00")
            except (TypeError, ValueError):
                pass  # not as we write it
            return careful(value)

        return aware
