"""Sharing: writers who wait at the same moment are committed together. Never here: SQL.

A commit waits for the disk, and each in its turn for a sender's commit as well; so a hundred
readers a second who leave would not be done in a second. Whoever comes first takes the turn for
all who have come by then.
"""

import threading
from collections import deque
from collections.abc import Callable
from typing import Any, TypeVar, cast

from sqlalchemy.exc import DBAPIError
from sqlmodel import Session

from digest.database.transactions import is_whole, undone

T = TypeVar("T")
Work = Callable[[Session, bool], None]


class Sharing:
    """`persist` does something in a writing session, with a second try where `may_help` says so."""

    def __init__(
        self, persist: Callable[[Work], None], may_help: Callable[[DBAPIError], bool]
    ) -> None:
        self._persist, self._may_help = persist, may_help
        self._waiting = deque[_Share]()
        self._leading = threading.Lock()

    def together(self, work: Callable[[Session], T]) -> T:
        """Do `work`, and return what it returns once it is committed."""
        mine = _Share(work)
        self._waiting.append(mine)
        with self._leading:
            if not mine.done:
                self._lead()
        return cast(T, mine.outcome())

    def _lead(self) -> None:
        group: list[_Share] = []

        def everybodys(session: Session, _again: bool) -> None:
            # Only now, with the turn in hand, is it known who has come meanwhile.
            group.extend(self._come())
            for share in group:
                share.do(session, self._may_help)

        try:
            self._persist(everybodys)
        except BaseException as error:  # noqa: BLE001 - the commit failed, and so all of them
            group.extend(self._come())
            for share in group:
                share.error = error
        for share in group:
            share.done = True

    def _come(self) -> "list[_Share]":
        return [self._waiting.popleft() for _ in range(len(self._waiting))]


class _Share:
    """One's part of a transaction. `error` is why it came to nothing."""

    def __init__(self, work: Callable[[Session], Any]) -> None:
        self._work = work
        self._result: Any = None
        self.error: BaseException | None = None
        self.done = False

    def do(self, session: Session, may_help: Callable[[DBAPIError], bool]) -> None:
        """Do it, or undo it alone. Raises where more than this was undone."""
        self.error = None
        everybodys = session.connection()
        try:
            self._result = self._done_alone(session)
        except Exception as error:
            broken = not is_whole(everybodys)
            if isinstance(error, DBAPIError) and (broken or may_help(error)):
                raise
            if broken:  # by an error that is for who asked, and says nothing to the others
                raise undone() from error
            self.error = error

    def _done_alone(self, session: Session) -> Any:
        with session.begin_nested() as mine:
            result = self._work(session)
            if not (mine.is_active and is_whole(session.connection())):  # it passed an error over
                raise undone()
            return result

    def outcome(self) -> Any:
        """What the work returned. Raises what it raised."""
        if self.error is not None:
            raise self.error
        return self._result
