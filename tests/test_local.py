"""`at = "local"`: an issue comes when the reader's own clock shows the hour."""

import asyncio
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path

import httpx
import pytest

from digest import publish
from digest.publish import House, open_house
from digest.web import public_app
from subscribers import roster, tokens
from subscribers.errors import UnknownSubscriber
from subscribers.preferences import EVERYTHING
from subscribers.tokens import Token
from tests.commands import digest_in
from tests.conftest import NOW
from tests.relay import ScriptedRelay

HOUR = timedelta(hours=1)
MADRID = NOW + 3.5 * HOUR  # seven there; NOW is seven in New Delhi
NEW_YORK = NOW + 9.5 * HOUR
ZONES = {
    "ann@readers.example": "",
    "ben@readers.example": "Australia/Sydney",
    "cara@readers.example": "Europe/Madrid",
    "dev@readers.example": "America/New_York",
    "eve@readers.example": "America/New_York",
}
ANN, BEN, CARA, DEV, EVE = ZONES


@pytest.fixture
def house(folder: Path, environ: dict[str, str]) -> Iterator[House]:
    path = folder / "digest.toml"
    text = path.read_text("utf-8").replace('window = "7d"', 'window = "30d"')
    told = 'at = "local", approval = "auto", late_at_most = "2h"'
    path.write_text(text.replace('approval = "required"', told), encoding="utf-8")
    with open_house(folder, environ) as opened:
        with opened.database.writing() as session:
            for address, zone in ZONES.items():
                number = roster.add(
                    session, address, "weekly", EVERYTHING, how="form",
                    now=NOW - timedelta(days=9), keys=opened.settings.keys,
                )  # fmt: skip
                roster.locate(session, number, zone)
        yield opened


def run(house: House, *moments: datetime) -> None:
    for moment in moments:
        publish.run(house, clock=lambda moment=moment: moment)  # type: ignore[misc]


def got(relay: ScriptedRelay) -> list[str]:
    return sorted(one.recipient for one in relay.accepted)


def test_each_reader_gets_it_by_their_own_clock(house: House, relay: ScriptedRelay) -> None:
    run(house, NOW - HOUR, NOW)
    assert got(relay) == [ANN, BEN]
    account = publish.account(house, house.issue("weekly"))
    (waits,) = account.waits
    assert (waits.count, waits.first, waits.last) == (3, MADRID, NEW_YORK)
    assert waits.why == "waits for the hour of the reader's own clock"
    # Nothing to be done, and nothing said of it each minute.
    assert publish.run(house, clock=lambda: NOW + HOUR) == []

    run(house, MADRID - timedelta(minutes=1))
    assert got(relay) == [ANN, BEN]
    with house.database.writing() as session:
        number = roster.find(session, EVE).subscriber
        roster.withdraw(session, number, "weekly", how="page", now=MADRID)
    run(house, MADRID)
    assert got(relay) == [ANN, BEN, CARA]
    run(house, NEW_YORK)
    assert got(relay) == [ANN, BEN, CARA, DEV]
    record = house.issue("weekly")
    assert (record.state, publish.account(house, record).counts) == (
        "sent", {"sent": 4, "skipped": 1},
    )  # fmt: skip
    # The message is of the hour at which it went.
    mail = next(one.data for one in relay.accepted if one.recipient == DEV)
    assert b"\r\nDate: Mon, 30 Mar 2026 11:00:00 +0000\r\n" in mail


def test_too_late_counts_for_each_reader(house: House, relay: ScriptedRelay) -> None:
    run(house, NOW - HOUR, NOW)
    run(house, NEW_YORK + HOUR)  # the machine was off at seven in Madrid, and for five hours after
    assert got(relay) == [ANN, BEN, DEV, EVE]
    account = publish.account(house, house.issue("weekly"))
    assert account.counts == {"sent": 4, "expired": 1}
    why = {line.address: line.reason for line in publish.readers(house, house.issue("weekly"))}
    assert why[CARA] == "too late for the hour of the reader's own clock"


def test_pause_and_cancel_hold_for_those_who_wait(house: House, relay: ScriptedRelay) -> None:
    run(house, NOW - HOUR, NOW)
    record = house.issue("weekly")
    publish.pause(house, record, why="", by="ann", now=NOW)
    run(house, MADRID)
    assert got(relay) == [ANN, BEN]
    publish.resume(house, record, by="ann", now=MADRID)
    run(house, MADRID + HOUR)
    assert got(relay) == [ANN, BEN, CARA]
    publish.cancel(house, house.issue("weekly"), why="", by="ann", now=MADRID)
    run(house, NEW_YORK)
    assert got(relay) == [ANN, BEN, CARA]


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_sent_by_hand_it_goes_to_everybody_at_once(house: House, relay: ScriptedRelay) -> None:
    publish.collect(house, now=NOW)
    publish.prepare(house, "weekly", now=NOW)
    publish.approve(house, "weekly", 1, by="ann", now=NOW)
    publish.send(house, "weekly", 1, clock=lambda: NOW)
    assert got(relay) == sorted(ZONES)


async def _post(house: House, path: str, **form: str) -> tuple[int, str]:
    transport = httpx.ASGITransport(public_app(house, lambda: NOW))
    async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1") as client:
        answer = await client.post(path, data=form)
    return answer.status_code, answer.text


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_a_reader_chooses_a_zone_on_their_page(house: House) -> None:
    with house.database.reading() as session:
        number = roster.find(session, ANN).subscriber
    token = tokens.seal(Token("preferences", "weekly", 0, number), house.settings.keys)

    status, page = asyncio.run(_post(house, f"/p/{token}", act="timezone", timezone="Asia/Tokyo"))

    assert status == 200
    assert '<optgroup label="Asia">' in page
    assert '<option value="Asia/Tokyo" selected>Tokyo</option>' in page
    with house.database.reading() as session:
        assert roster.find(session, ANN).timezone == "Asia/Tokyo"
    status, _ = asyncio.run(_post(house, f"/p/{token}", act="timezone", timezone="Mars/Base"))
    assert status == 422
    with house.database.reading() as session:
        assert roster.find(session, ANN).timezone == "Asia/Tokyo"


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_a_zone_goes_out_and_comes_in_with_the_list(
    house: House, environ: dict[str, str], tmp_path: Path
) -> None:
    def digest(*words: str) -> str:
        done = digest_in(house.settings.folder, "subscribers", *words, env=environ)
        return done.stdout if not done.returncode else f"{done.returncode} {done.stderr}"

    sheet = digest("export")
    assert "Europe/Madrid" in sheet
    assert "is none that is known" in digest("add", "f@readers.example", "--timezone", "Mars/Base")
    digest("add", ANN, "--timezone", "asia/tokyo")
    assert "by the clock of Asia/Tokyo" in digest("show", ANN)
    path = tmp_path / "list.csv"
    path.write_text(
        "address,timezone\nnew@readers.example,Europe/Paris\nodd@readers.example,Mars/Base\n",
        encoding="utf-8",
    )
    told = digest("import", str(path), "--evidence", "a fair")
    assert "The time zone is none that is known; one is written Asia/Kolkata." in told
    with house.database.reading() as session:
        assert roster.find(session, "new@readers.example").timezone == "Europe/Paris"
        with pytest.raises(UnknownSubscriber):
            roster.find(session, "odd@readers.example")


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_the_schedule_says_whose_clock_it_is_and_when_it_is_put(
    house: House, environ: dict[str, str]
) -> None:
    path = house.settings.folder / "digest.toml"
    text = path.read_text("utf-8")
    path.write_text(
        text.replace(
            'timezone = "Asia/Kolkata"\nwindow', 'timezone = "Europe/Berlin"\nwindow'
        ).replace("monday 07:00", "day 02:30"),
        encoding="utf-8",
    )
    shown = digest_in(
        house.settings.folder, "schedule", "--at", "2026-10-24T12:00", "--count", "3", env=environ
    )
    doubled, back, usual = shown.stdout.splitlines()[-3:]
    assert "the clock goes back: the first of the two counts" in doubled
    assert "the clock goes back by 1 h before it" in back
    assert "clock" not in usual
    assert "who has chosen a time zone gets it by their own clock" in shown.stderr
