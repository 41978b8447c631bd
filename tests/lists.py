"""Lists of readers as files: read, entered into a roster that knows some already, and written."""

import io
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlmodel import Session

from digest.database import Database
from subscribers import roster
from subscribers.consent import Event
from subscribers.exchange import HEADER, OUTGOING, Entry, cells, entries, sheets, writer
from subscribers.roster import Entering

NOW = datetime(2026, 3, 30, 7, tzinfo=UTC)
KEYS = (b"a newer key", b"the first key of all")
MERGED = (
    "Email Address,First Name,Last Name,MEMBER_RATING,OPTIN_TIME,OPTIN_IP,CONFIRM_TIME,CONFIRM_IP,"
    "LATITUDE,LONGITUDE,GMTOFF,DSTOFF,TIMEZONE,CC,REGION"
)
LINE = "{},Ann,Lee,2,2020-01-02 03:04:05,192.0.2.7,2020-01-02 03:09:00,192.0.2.8,,,,,,IN,"


def read(text: str | bytes, name: str = "list.csv", **how: Any) -> list[Entry]:
    data = text.encode() if isinstance(text, str) else text
    return [entry for sheet in sheets(io.BytesIO(data), name) for entry in entries(sheet, **how)]


def told(text: str | bytes, name: str = "list.csv", **how: Any) -> list[tuple[str, str, str]]:
    return [(e.address, e.status, e.refused) for e in read(text, name, **how)]


def entered(
    database: Database, rows: list[Entry], evidence: str = "fair", **how: bool
) -> list[tuple[str, str]]:
    entering = Entering("weekly", how="import", evidence=evidence, now=NOW, keys=KEYS, **how)
    opened = database.reading if how.get("pretend") else database.writing
    with opened() as session:
        half = len(rows) // 2
        lines = entering.addressed(rows)
        verdicts = entering.enter(session, lines[:half]) + entering.enter(session, lines[half:])
    return [(verdict.change, verdict.why) for verdict in verdicts]


def dumped(database: Database) -> list[dict[str, Any]]:
    with database.reading() as session:
        return [
            dict(zip(HEADER, cells(kept), strict=True)) for kept in roster.kept(session, "weekly")
        ]


@pytest.fixture
def peopled(database: Database) -> Database:
    """ann gets it, bob left, eve asked, sup is suppressed, out left and is suppressed."""
    with database.writing() as session:
        how: dict[str, Any] = {"how": "page", "now": NOW - timedelta(days=30)}
        for name in ("ann", "bob", "out"):
            roster.add(session, f"{name}@x.org", "weekly", keys=KEYS, **how)
        for name in ("bob", "out"):
            number = roster.find(session, f"{name}@x.org").subscriber
            roster.withdraw(session, number, "weekly", **how)
        for name in ("sup", "out"):
            roster.suppress(session, f"{name}@x.org", reason="bounce", keys=KEYS, **how)
        asked = Entry(1, "eve@x.org", status="requested", events=(Event("requested", NOW, "page"),))
        entering = Entering("weekly", how="test", evidence="", now=NOW, keys=KEYS)
        entering.enter(session, entering.addressed([asked]))
    return database


def written(to: str, people: list[Any], file: str = "") -> str:
    sheet = io.StringIO()
    write = writer(sheet)
    write(OUTGOING[to].header_of(file))
    for kept in people:
        if OUTGOING[to].file(kept) == file:
            write(OUTGOING[to].cells(kept))
    return sheet.getvalue()


STANDS = {"ann@x.org": "confirmed", "bob@x.org": "withdrawn", "eve@x.org": "requested",
          "out@x.org": "suppressed"}  # fmt: skip


def stands(database: Database) -> dict[str, tuple[bool, bool]]:
    """Of each address: whether it gets mail, and whether it never may."""
    with database.reading() as session:
        active = {r.address for r in roster.recipients(session, "weekly")}
        known = {k.address: k.suppressed for k in roster.kept(session, "weekly")}
        never = {a for a in STANDS if roster.is_suppressed(session, a, KEYS)}
    return {a: (a in active, a in never) for a in {*known, *never}}


class NothingSent:
    """What the commands hear of a house from which nothing was sent yet."""

    user = "the operator"

    def now(self) -> datetime:
        return NOW

    def deliveries(self, session: Session, subscriber: int) -> list[dict[str, object]]:
        return []

    def interventions(self, session: Session, subscriber: int) -> list[dict[str, object]]:
        return []

    def forget_deliveries(self, session: Session, subscriber: int) -> int:
        return 0


@pytest.fixture
def run_desk() -> Callable[..., str]:
    from typer.testing import CliRunner

    from subscribers.cli import commands

    class Lent(NothingSent):
        keys, newsletters = KEYS, ("weekly",)

        def __init__(self, database: Database) -> None:
            self.reading, self.writing = database.reading, database.writing

    def run(database: Database, *words: str, exit_code: int = 0) -> str:
        result = CliRunner().invoke(commands(lambda: Lent(database)), words)
        assert result.exit_code == exit_code, result.output
        return result.stdout

    return run
