"""A daily and its weekly edition, from the same stories: each reader gets the one they chose."""

import asyncio
import email
import email.policy
import html
import re
from collections import Counter
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path

import httpx
import pytest

from digest import publish
from digest.errors import IssueError, SettingsError
from digest.publish import House, open_house
from digest.settings import load
from digest.web import public_app
from subscribers import roster
from subscribers.preferences import Frequency, Preferences
from tests.commands import digest_in
from tests.conftest import NOW
from tests.relay import ScriptedRelay

ANN, BEN, CARA, DEV = (f"{name}@readers.example" for name in ("ann", "ben", "cara", "dev"))
DAY = timedelta(days=1)
SUNDAY = 6  # days after NOW
DAILY = """
[newsletter.daily]
title = "The Day"
from = "The Day <daily@news.example.org>"
list_id = "daily.news.example.org"
timezone = "Asia/Kolkata"
window = "30d"
trending = { limit = 0 }
schedule = { every = "day 07:00", draft = "1h", approval = "auto" }
[[newsletter.daily.section]]
name = "Global"

[newsletter.sunday]
weekly_of = "daily"
title = "The Seven Days"
from = "The Day <daily@news.example.org>"
list_id = "sunday.news.example.org"
timezone = "Asia/Kolkata"
trending = { limit = 0 }
schedule = { every = "sunday 08:00", draft = "1h", approval = "auto" }
[[newsletter.sunday.section]]
name = "Global"
[[newsletter.sunday.section]]
name = "Opinion"
"""
FEED = """<rss version="2.0"><channel><title>World</title><link>https://www.example.org</link>
<description>d</description>{items}</channel></rss>"""
ITEM = """<item><title>{headline}</title><link>https://www.example.org/story/{day}</link>
<pubDate>{at:%a, %d %b %Y %H:%M:%S} GMT</pubDate>
<description>{headline}, in full.</description></item>
"""
HEADLINES = (
    "Harbour bridge opens to cyclists", "Parliament passes the water bill",
    "Glacier survey finds a new lake", "Teachers end their strike", "Rice harvest breaks a record",
    "Court frees the editor", "Observatory sees a comet", "Railway reaches the coast",
)  # fmt: skip


@pytest.fixture
def house(folder: Path, environ: dict[str, str]) -> Iterator[House]:
    write_newsletters(folder, DAILY)
    with open_house(folder, {**environ, "DIGEST_WEB_BASE_URL": "https://n.example.org"}) as opened:
        yield opened


def write_newsletters(folder: Path, newsletters: str) -> None:
    path = folder / "digest.toml"
    before, _, rest = path.read_text("utf-8").partition("[newsletter.weekly]")
    text = before + "[database]" + rest.partition("[database]")[2]
    source = '\n[[source]]\nname = "world"\nfeed = "saved/world.rss"\nsection = "Global"\n'
    path.write_text(text + newsletters + source, encoding="utf-8")


def publish_story(house: House, day: int) -> None:
    """One more story of each day up to this one."""
    items = "".join(
        ITEM.format(headline=HEADLINES[n], day=n, at=NOW + n * DAY - timedelta(hours=3))
        for n in range(day + 1)
    )
    path = house.settings.folder / "saved" / "world.rss"
    path.write_text(FEED.format(items=items), encoding="utf-8")


def add(house: House, address: str, frequency: Frequency) -> None:
    with house.database.writing() as session:
        roster.add(session, address, "daily", Preferences(frequency=frequency), how="form",
                   now=NOW - 9 * DAY, keys=house.settings.keys)  # fmt: skip


def choose(house: House, address: str, frequency: Frequency, now: datetime) -> None:
    with house.database.writing() as session:
        number = roster.find(session, address).subscriber
        wanted = Preferences(frequency=frequency)
        roster.choose(session, number, "daily", wanted, how="page", now=now)


def run(house: House, at: datetime) -> None:
    for done in publish.run(house, clock=lambda: at):
        assert done.exit_code in (0, 75), done


def live(house: House, day: int) -> None:
    """A day: the story of it, the daily, and on a Sunday the weekly edition."""
    publish_story(house, day)
    run(house, NOW + day * DAY)
    if day == SUNDAY:
        run(house, NOW + day * DAY + timedelta(hours=1))


def mails(relay: ScriptedRelay, address: str) -> list[email.message.EmailMessage]:
    taken = [one.data for one in relay.accepted if one.recipient == address]
    return [email.message_from_bytes(data, policy=email.policy.default) for data in taken]


def lists(relay: ScriptedRelay, address: str) -> Counter[str]:
    names = (str(mail["List-Id"]) for mail in mails(relay, address))
    return Counter("sunday" if "sunday.news" in name else "daily" for name in names)


def body(mail: email.message.EmailMessage) -> str:
    part = mail.get_body(("html",))
    assert part
    return html.unescape(part.get_content())


async def _post(house: House, path: str) -> int:
    transport = httpx.ASGITransport(public_app(house, lambda: NOW + 6 * DAY))
    async with httpx.AsyncClient(transport=transport, base_url="https://n.example.org") as client:
        return (await client.post(path, data={"List-Unsubscribe": "One-Click"})).status_code


def test_over_a_week_each_reader_gets_the_edition_they_chose(
    house: House, relay: ScriptedRelay
) -> None:
    add(house, ANN, "each")
    add(house, BEN, "weekly")
    add(house, CARA, "each")
    add(house, DEV, "weekly")
    run(house, NOW - timedelta(hours=3))
    for day in range(7):
        if day == 2:
            choose(house, CARA, "weekly", NOW + 2 * DAY - timedelta(hours=2))
        if day == 4:
            choose(house, DEV, "each", NOW + 4 * DAY - timedelta(hours=2))
        live(house, day)

    assert lists(relay, ANN) == {"daily": 7}
    assert lists(relay, BEN) == {"sunday": 1}
    assert lists(relay, CARA) == {"daily": 2, "sunday": 1}
    assert lists(relay, DEV) == {"daily": 3}
    # What the dailies carried one by one, the weekly edition tells together.
    daily = [body(mail) for mail in mails(relay, ANN)]
    assert [sum(line in text for line in HEADLINES) for text in daily] == [1] * 7
    weekly = body(mails(relay, BEN)[0])
    assert all(line in weekly for line in HEADLINES[1:7])
    # Each has its own numbers, and says why somebody on the list got nothing.
    assert house.issue("daily").issue.number == 7
    assert house.issue("sunday").issue.number == 1
    why = {line.address: line.reason for line in publish.readers(house, house.issue("sunday", 1))}
    assert why[ANN] == "each"
    why = {line.address: line.reason for line in publish.readers(house, house.issue("daily", 7))}
    assert why[BEN] == "weekly"

    # The way out of the weekly edition ends the one subscription there is.
    (sunday,) = mails(relay, BEN)
    link = re.search(r"<(https://n\.example\.org/u/[^>]+)>", str(sunday["List-Unsubscribe"]))
    assert link
    standing = publish.FrontDoor(house, lambda: NOW).standing(
        link[1].rpartition("/")[2], "unsubscribe"
    )
    assert (standing.newsletter, standing.sections, standing.others) == (
        "The Day", ("Global", "Opinion"), (),
    )  # fmt: skip
    assert asyncio.run(_post(house, link[1])) == 200
    with house.database.reading() as session:
        (held,) = roster.find(session, BEN).subscriptions
    assert (held.newsletter, held.state) == ("daily", "withdrawn")
    assert [one.number for one in publish.published(house, "sunday", 9)] == [1]


def test_who_chooses_otherwise_in_mid_send_is_decided_at_the_next_claim(
    house: House, relay: ScriptedRelay
) -> None:
    add(house, ANN, "each")
    add(house, BEN, "weekly")
    add(house, DEV, "weekly")
    relay.will("rcpt", DEV, "450 4.2.1 later")
    run(house, NOW + 5 * DAY)
    live(house, 6)
    assert (lists(relay, BEN), lists(relay, DEV)) == ({"sunday": 1}, {})

    choose(house, DEV, "each", NOW + 6 * DAY + timedelta(hours=2))
    run(house, NOW + 6 * DAY + timedelta(hours=5))

    why = {line.address: line.reason for line in publish.readers(house, house.issue("sunday", 1))}
    assert (lists(relay, DEV), why[DEV]) == ({}, "each")


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_a_weekly_edition_is_no_list_of_its_own(house: House, environ: dict[str, str]) -> None:
    offer = publish.FrontDoor(house, lambda: NOW).offer("en")
    assert [one.slug for one in offer.newsletters] == ["daily"]

    done = digest_in(house.settings.folder, "subscribers", "add", ANN, env=environ)
    assert done.returncode == 0, done.stderr
    refused = digest_in(
        house.settings.folder, "subscribers", "add", BEN, "--newsletter", "sunday", env=environ
    )
    assert refused.returncode == 2
    assert "daily" in refused.stderr


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
@pytest.mark.parametrize(
    ("of", "told"),
    [
        ("nobody", "newsletter.sunday is weekly_of nobody, which is no newsletter"),
        ("sunday", "newsletter.sunday is weekly_of sunday, which is weekly itself"),
    ],
)
def test_a_weekly_edition_is_one_of_a_newsletter(
    folder: Path, environ: dict[str, str], of: str, told: str
) -> None:
    write_newsletters(folder, DAILY.replace('weekly_of = "daily"', f'weekly_of = "{of}"'))
    with pytest.raises(SettingsError, match=re.escape(told)):
        load(folder, environ)


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_a_newsletter_has_one_weekly_edition(folder: Path, environ: dict[str, str]) -> None:
    _, _, sunday = DAILY.partition("[newsletter.sunday]")
    write_newsletters(folder, DAILY + "[newsletter.other]" + sunday.replace(".sunday.", ".other."))
    with pytest.raises(SettingsError, match="daily has two weekly editions"):
        load(folder, environ)


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_an_edition_that_nobody_has_chosen_says_so(house: House) -> None:
    add(house, ANN, "each")
    publish_story(house, 0)
    publish.collect(house, now=NOW)
    publish.prepare(house, "sunday", now=NOW)
    publish.approve(house, "sunday", 1, by="ed", now=NOW)
    with pytest.raises(IssueError, match="no reader of daily has chosen weekly"):
        publish.send(house, "sunday", 1, clock=lambda: NOW)
    assert house.issue("sunday").state == "approved"
