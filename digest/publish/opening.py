"""The House: what every act of publishing needs, opened once at the door.

Every command waits for this room: what only some of them need is loaded where it is used.
"""

import contextlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from digest import database
from digest.database import Database
from digest.errors import DatabaseError, IssueError, NoSuchNewsletter, SettingsError
from digest.settings import NewsletterSettings, RelaySettings, Settings, load

if TYPE_CHECKING:
    from jinja2 import Environment

    from digest.archive import IssueRecord, SourceState
    from digest.articles import Article
    from digest.delivery import RelayAddress

Clock = Callable[[], datetime]


@dataclass(frozen=True)
class House:
    """Settings and database of one publisher. Use it as `with open_house(...) as house`."""

    settings: Settings
    database: Database

    @cached_property
    def templates(self) -> "Environment":
        """The publisher's own templates (folder `templates` beside digest.toml) before ours."""
        from digest import rendering

        own = self.settings.folder / "templates"
        return rendering.environment(own, templates_folder(), theme=self.settings.theme)

    def held(self) -> "House":
        """The same house with each template as it is when it is first read: what is examined,
        hashed and rendered there is the same, whatever is saved meanwhile.
        """
        from digest import rendering

        same = replace(self)
        same.__dict__["templates"] = rendering.held(self.templates)  # where cached_property looks
        return same

    def newsletter(self, name: str | None) -> tuple[str, NewsletterSettings]:
        """The newsletter of that name; without one, the only one. Raises SettingsError."""
        known = self.settings.newsletter
        if name is None and len(known) == 1:
            name = next(iter(known))
        if name is None:
            raise SettingsError(
                "there are several newsletters", remedy=f"say which: --newsletter {'|'.join(known)}"
            )
        if name not in known:
            raise NoSuchNewsletter(
                f"there is no newsletter {name}", remedy=f"digest.toml has: {', '.join(known)}"
            )
        return name, known[name]

    def articles(self, limit: int) -> "list[Article]":
        """The newest articles of the archive."""
        from digest import archive

        with self.database.reading() as session:
            return list(archive.articles(session, limit=limit))

    def article_count(self) -> int:
        """How many articles the archive holds."""
        from digest import archive

        with self.database.reading() as session:
            return archive.count(session)

    def article(self, name: str) -> "Article":
        """One article by its address or the beginning of its fingerprint. Raises IssueError."""
        from digest import archive

        if not name.strip():
            raise IssueError(
                "no article was named",
                remedy="give its address, or a name that `digest articles list` shows",
            )
        with self.database.reading() as session:
            found = archive.called(session, name, 6)
        if not found:
            raise IssueError(
                f"no article is called {name}", remedy="`digest articles list` shows their names"
            )
        if len(found) > 1:
            some = "; ".join(f"{one.fingerprint[:8]} {one.headline}" for one in found[:5])
            more = "; …" if len(found) > 5 else ""
            raise IssueError(
                f"more than one article is called {name}: {some}{more}",
                remedy="write more of the name",
            )
        return found[0]

    def issue(self, newsletter: str, number: int | None = None) -> "IssueRecord":
        """One issue, the newest without a number. Raises IssueError."""
        from digest import archive

        with self.database.reading() as session:
            return archive.issue(session, newsletter, number)

    def issues(
        self, newsletter: str | None = None, limit: int | None = None
    ) -> "list[IssueRecord]":
        """All issues, newest first, or so many of them."""
        from digest import archive

        with self.database.reading() as session:
            return archive.issues(session, newsletter, limit=limit)

    def sources(self) -> "list[SourceState]":
        """How every source of the settings fares, in their order; blank where never visited."""
        from digest import archive

        with self.database.reading() as session:
            known = {state.name: state for state in archive.source_states(session)}
        names = [source.name for source in self.settings.source]
        return [known.get(name, archive.SourceState(name)) for name in names]


@contextlib.contextmanager
def open_house(folder: Path, environ: Mapping[str, str]) -> Iterator[House]:
    """Read the settings in `folder`, open the database, and close it in the end.

    Raises SettingsError and DatabaseError.
    """
    settings = load(folder, environ)
    opened = database.open_database(settings.database.url, folder)
    try:
        yield House(settings, opened)
    finally:
        opened.close()


@contextlib.contextmanager
def open_ailing(
    folder: Path, environ: Mapping[str, str]
) -> Iterator[tuple[House, DatabaseError | None]]:
    """The same for who looks what is wrong: a database that cannot be opened is told beside it,
    and none is set up.

    The house then has one that is never opened. Raises SettingsError.
    """
    settings, trouble = load(folder, environ), None
    try:
        opened = database.open_existing(settings.database.url, folder)
    except DatabaseError as error:
        opened, trouble = database.open_unchecked("sqlite:///none.db", folder), error
    try:
        yield House(settings, opened), trouble
    finally:
        opened.close()


def reread(house: House, environ: Mapping[str, str]) -> House:
    """The same house with the settings as they are on the disk now; its database stays open.

    Raises SettingsError.
    """
    return House(load(house.settings.folder, environ), house.database)


def migrate(folder: Path, environ: Mapping[str, str]) -> tuple[str | None, str]:
    """Bring the database to this program's age; the revisions before and after."""
    settings = load(folder, environ)
    opened = database.open_unchecked(settings.database.url, folder)
    try:
        return database.migrate(opened)
    finally:
        opened.close()


def address_of(told: RelaySettings) -> "RelayAddress":
    """Where messages are handed over, and the login for it."""
    from digest.delivery import RelayAddress

    username, password = told.username.get_secret_value(), told.password.get_secret_value()
    return RelayAddress(told.host, told.port, told.security, username, password)


def templates_folder() -> Path:
    """Where our templates are: inside the package when installed, beside it in a checkout."""
    package = Path(__file__).parents[1]
    inside = package / "templates"
    return inside if inside.is_dir() else package.parent / "templates"
