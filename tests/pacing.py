"""A house with one relay or two, which tells how many messages each has under way."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from digest import publish
from digest.publish import House, IssueRecord, open_house
from subscribers.preferences import EVERYTHING
from tests.conftest import NOW
from tests.relay import ANYONE, ScriptedRelay
from tests.replies import Wait
from tests.sending import join, prepared

TOMORROW = datetime(2026, 3, 31, tzinfo=UTC)
LEASE = timedelta(seconds=60)
Opened = Callable[..., AbstractContextManager[House]]
on_sqlite = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
on_a_server = pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)


class Busy(ScriptedRelay):
    """Counts the messages that are between MAIL and their dot, at most, and takes its time."""

    busiest = now = 0

    def hear(self, command: str) -> None:
        super().hear(command)
        self.now += command.startswith("MAIL")
        self.busiest = max(self.busiest, self.now)

    def record(self, sender: str, recipients: Sequence[str], data: bytes) -> None:
        super().record(sender, recipients, data)
        self.now -= 1

    def slowly(self) -> None:
        self.will("body", ANYONE, Wait(0.01), times=500)
        self.busiest = self.now = 0


@pytest.fixture
def relay() -> Iterator[Busy]:
    with Busy() as opened:
        yield opened


@pytest.fixture
def second() -> Iterator[ScriptedRelay]:
    with ScriptedRelay() as opened:
        yield opened


@pytest.fixture
def environ(environ: dict[str, str]) -> dict[str, str]:
    return {**environ, "DIGEST_RELAY_CONNECTIONS": "4"}


@pytest.fixture
def opened(folder: Path, environ: dict[str, str]) -> Opened:
    """Opens the house with these tables added to digest.toml, and these variables."""
    before = (folder / "digest.toml").read_text("utf-8")

    @contextmanager
    def opened(toml: str = "", **variables: object) -> Iterator[House]:
        (folder / "digest.toml").write_text(f"{before}\n{toml}", encoding="utf-8")
        told = {f"DIGEST_{name.upper()}": str(value) for name, value in variables.items()}
        with open_house(folder, {**environ, **told}) as house:
            yield house

    return opened


def beside(relay: ScriptedRelay, weight: int = 1) -> str:
    """Another relay, for digest.toml."""
    return (
        f'[relays.second]\nhost = "127.0.0.1"\nport = {relay.port}\nsecurity = "none"\n'
        f"connections = 4\nweight = {weight}\n"
    )


def approved(house: House, readers: int, domain: str = "readers.example") -> IssueRecord:
    join(house, {f"r{n}@{domain}": EVERYTHING for n in range(readers)})
    number = prepared(house, lambda: NOW).issue.number
    return publish.approve(house, "weekly", number, by="the editor", now=NOW)
