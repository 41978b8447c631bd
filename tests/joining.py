"""The readers' pages over a real server with a relay beside them, and a reader who joins there."""

import email
import email.policy
import re
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest

from digest.publish import House, open_house
from digest.web import public_app
from subscribers import roster
from tests.browsing import HTTP
from tests.clocks import Clock
from tests.conftest import SECRET
from tests.relay import ScriptedRelay
from tests.serving import serving
from tests.waiting import until

ANN = "ann@readers.example"
KEYS = (SECRET.encode(),)
DAILY = """
[newsletter.daily]
title = "The Day"
from = "The Day <daily@news.example.org>"
list_id = "daily.news.example.org"
"""


@pytest.fixture
def hands() -> Clock:
    return Clock()


@pytest.fixture
def house(folder: Path, environ: dict[str, str]) -> Iterator[House]:
    file = folder / "digest.toml"
    file.write_text(file.read_text("utf-8") + DAILY, encoding="utf-8")
    with open_house(folder, environ) as opened:
        yield opened


@pytest.fixture
def site(house: House, hands: Clock) -> Iterator[str]:
    with serving(public_app(house, hands)) as address:
        yield address


def ask(
    site: str, hands: Clock, address: str = ANN, wait: float = 5, **form: Any
) -> httpx.Response:
    stamp = re.search(r'name="stamp" value="([^"]+)"', HTTP.get(f"{site}/subscribe").text)
    assert stamp
    hands.at += timedelta(seconds=wait)
    told = {"email": address, "newsletter": "weekly", "stamp": stamp[1], **form}
    return HTTP.post(f"{site}/subscribe", data=told)


def letters(relay: ScriptedRelay, count: int) -> list[tuple[str, str, str]]:
    """To whom, the subject and the path of the link, once so many mails have come."""
    until(lambda: len(relay.accepted) >= count)
    found = []
    for taken in relay.accepted:
        mail = email.message_from_bytes(taken.data, policy=email.policy.default)
        link = re.search(r"https?://[^/\s]+(/\S+)", mail.get_content())
        assert link
        found.append((taken.recipient, str(mail["Subject"]), link[1]))
    return found


def profile(house: House, address: str = ANN) -> roster.Profile:
    with house.database.reading() as session:
        return roster.find(session, address)


def joined(house: House, site: str, hands: Clock, relay: ScriptedRelay, who: str = ANN) -> str:
    """Ann, confirmed; the path of her preferences page."""
    from subscribers import tokens

    ask(site, hands, who)
    HTTP.post(site + letters(relay, 1)[0][2])
    number = profile(house, who).subscriber
    return f"/p/{tokens.seal(tokens.Token('preferences', 'weekly', 0, number), KEYS)}"
