"""A newsletter with a schedule, its editors and readers, and the notices that they are mailed."""

import email
import email.policy
import json
import shutil
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from datetime import datetime, timedelta
from email.message import EmailMessage
from pathlib import Path

import pytest
from rich.text import Text

from digest import publish
from digest.publish import Done, House, open_house
from digest.terminal.schedule import due_remark
from subscribers import roster
from subscribers.preferences import EVERYTHING
from tests.clocks import Clock
from tests.conftest import NOW
from tests.relay import ScriptedRelay
from tests.replies import Accepted

EDITOR, SECOND = "editor@example.org", "night@example.org"
READERS = {"ann@readers.example", "ben@readers.example"}
DUE = NOW  # monday 07:00 in New Delhi
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
# Where rows, locks and a crash are the matter, a test runs on both engines.
ONE_ENGINE = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)


Opened = Callable[..., AbstractContextManager[House]]


@pytest.fixture
def opened(folder: Path, environ: dict[str, str]) -> Opened:
    """Opens the house with a schedule, two readers, and the relay."""

    @contextmanager
    def opened(url: str = "", **schedule: object) -> Iterator[House]:
        write_schedule(folder, **schedule)
        ours = {
            **environ,
            **({"DIGEST_DATABASE_URL": url} if url else {}),
            "DIGEST_WEB_BASE_URL": "https://news.example.org",
        }
        with open_house(folder, ours) as house:
            with house.database.writing() as session:
                for reader in sorted(READERS):
                    roster.add(session, reader, "weekly", EVERYTHING, how="form", now=NOW - 9 * DAY,
                               keys=house.settings.keys, evidence="form")  # fmt: skip
            yield house

    return opened


def write_schedule(folder: Path, **schedule: object) -> None:
    """Put these values into the sample's schedule."""
    values: dict[str, object] = {
        "every": "monday 07:00", "stories_at_least": 3, "editors": [EDITOR], **schedule
    }  # fmt: skip
    written = ", ".join(f"{name} = {json.dumps(value)}" for name, value in values.items())
    path = folder / "digest.toml"
    lines = path.read_text("utf-8").splitlines()
    lines = [line.replace('window = "7d"', 'window = "30d"') for line in lines]
    told = [f"schedule = {{ {written} }}" if x.startswith("schedule =") else x for x in lines]
    path.write_text("\n".join(told), encoding="utf-8")


def at(house: House, *moments: datetime, release: bool = False) -> list[Done]:
    """Run at each of these moments; what was done at the last."""
    done: list[Done] = []
    for moment in moments:
        done = publish.run(house, clock=Clock(moment), release=release)
    return done


def readers_of(relay: ScriptedRelay) -> list[str]:
    return sorted(taken.recipient for taken in relay.accepted if taken.recipient in READERS)


def notices(relay: ScriptedRelay, whom: str = EDITOR) -> list[EmailMessage]:
    return [mail_of(taken) for taken in relay.accepted if taken.recipient == whom]


def mail_of(taken: Accepted) -> EmailMessage:
    mail = email.message_from_bytes(taken.data, policy=email.policy.default)
    assert isinstance(mail, EmailMessage)
    assert not mail.defects
    return mail


def said_in(notice: EmailMessage) -> str:
    """Its text, unfolded."""
    return " ".join(text_of(notice).split())


def text_of(notice: EmailMessage) -> str:
    """Its plain text, which stands before the page."""
    plain = notice.get_body(("plain",))
    assert plain is not None
    return str(plain.get_content())


def subjects(relay: ScriptedRelay, whom: str = EDITOR) -> list[str]:
    return [mail["Subject"] for mail in notices(relay, whom)]


def foretold(house: House, now: datetime) -> str:
    """What `digest schedule` remarks on the first due time."""
    [line] = publish.due_lines(house, None, now=now, count=1)
    return Text.from_markup(due_remark(line)).plain


def approve(house: House, now: datetime) -> None:
    publish.approve(house, "weekly", None, by="the editor", now=now)


def copied(database_url: str) -> str:
    """A copy of the database as it is now; nobody may have it open."""
    if database_url.startswith("sqlite"):
        path = Path(database_url.removeprefix("sqlite:///"))
        return f"sqlite:///{shutil.copy(path, path.with_name('copy.db'))}"
    import psycopg

    server, _, name = database_url.rpartition("/")
    address = server.replace("+psycopg", "") + "/postgres"
    with psycopg.connect(address, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}_copy TEMPLATE {name}".encode())
    return f"{database_url}_copy"
