"""One process at a task: a claim that goes with its process, and never waits for another's.

Never here: what the tasks are.
"""

import contextlib
import os
import zlib
from collections.abc import Iterator
from pathlib import Path

from sqlalchemy import Engine, text

from digest.errors import SenderAtWork

_CLAIMS = 0x0D16E57  # where the numbers of our advisory locks on PostgreSQL begin


@contextlib.contextmanager
def sole(engine: Engine) -> Iterator[None]:
    """Held while sending from an SQLite file. Raises SenderAtWork where another process does."""
    with by_file(engine, "sender") as mine:
        if not mine:
            raise _taken()
        yield


@contextlib.contextmanager
def by_file(engine: Engine, task: str) -> Iterator[bool]:
    """Whether nobody else is at this task, by a file beside the database."""
    import fcntl  # not on Windows, where only sending and running need it

    # The file itself: who comes by a link to it is at the same database.
    database = os.path.realpath(str(engine.url.database))
    with Path(f"{database}.{task}").open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            yield False
            return
        yield True


@contextlib.contextmanager
def advisory(engine: Engine, task: str) -> Iterator[bool]:
    """The same on PostgreSQL, whichever machine the other is on."""
    number = {"number": _CLAIMS + zlib.crc32(task.encode())}
    with engine.connect() as connection:
        connection.execution_options(isolation_level="AUTOCOMMIT")
        ask = text("SELECT pg_try_advisory_lock(:number)")
        mine = bool(connection.execute(ask, number).scalar())
        try:
            yield mine
        finally:
            if mine:
                connection.execute(text("SELECT pg_advisory_unlock(:number)"), number)


def _taken() -> SenderAtWork:
    return SenderAtWork(
        "another `digest send` is at work on this database",
        remedy="wait until it ends (`digest status` shows how far it is)",
    )
