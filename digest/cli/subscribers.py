"""The subscribers' own commands, mounted: they get the roster, and what was mailed to a person."""

from contextvars import ContextVar
from datetime import datetime
from typing import TYPE_CHECKING

import typer

from digest.cli.door import login_name, now, opened_in
from subscribers.cli import commands

if TYPE_CHECKING:
    from digest.publish import House
    from subscribers.roster import Session

root: ContextVar[typer.Context] = ContextVar("root")
"""Of the whole program: what is opened for a verb is closed with it."""


class _Desk:
    """What the subscribers' commands need: sessions, keys, and which newsletters there are."""

    def __init__(self, house: "House") -> None:
        self.reading, self.writing = house.database.reading, house.database.writing
        self.keys, self.user = house.settings.keys, login_name()
        self.newsletters = tuple(house.settings.lists)

    def deliveries(self, session: "Session", subscriber: int) -> list[dict[str, object]]:
        """What was mailed to this person."""
        from digest import publish

        return publish.deliveries_to(session, subscriber)

    def forget_deliveries(self, session: "Session", subscriber: int) -> int:
        """Erase from it what names the person."""
        from digest import publish

        return publish.forget_deliveries(session, subscriber)

    def interventions(self, session: "Session", subscriber: int) -> list[dict[str, object]]:
        """What an operator decided about this person's deliveries."""
        from digest import publish

        return publish.interventions_about(session, subscriber)

    def now(self) -> datetime:
        """UTC."""
        return now()


def _desk() -> _Desk:
    opened = root.get()
    return _Desk(opened.with_resource(opened_in(opened.obj)))


app = commands(_desk)
