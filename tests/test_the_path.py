"""The whole path, told as one story: feeds in, mail out, a reader leaves, and there is silence."""

import email
import email.policy
import re
from collections.abc import Iterator
from datetime import datetime, timedelta
from email.message import EmailMessage
from email.utils import format_datetime
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import pytest

from digest import ledger, publish
from digest.publish import House, open_house
from digest.web import public_app
from subscribers import roster, tokens
from subscribers.preferences import EVERYTHING
from subscribers.roster import Profile
from tests.conftest import NOW
from tests.relay import ScriptedRelay
from tests.replies import Accepted
from tests.serving import serving

ANN, BEN = "ann@readers.example", "ben@readers.example"
ADDRESS = "https://news.example.org"
NEXT_WEEK = NOW + timedelta(days=7)
ITEM = """<item><title>Story {n} of the second week</title><pubDate>{date}</pubDate>
<link>https://www.example.org/article/second-week/{n}</link></item>"""


@pytest.fixture
def house(folder: Path, environ: dict[str, str]) -> Iterator[House]:
    with open_house(folder, {**environ, "DIGEST_WEB_BASE_URL": ADDRESS}) as opened:
        yield opened


@pytest.fixture
def site(house: House) -> Iterator[str]:
    """`digest serve` on a port of the loopback, where the world would see `ADDRESS`."""
    with serving(public_app(house, lambda: NOW + timedelta(hours=2))) as address:
        yield address


def published(house: House, now: datetime) -> publish.Account:
    """Prepare, check, approve and send what was collected."""
    record = publish.prepare(house, "weekly", now=now).record
    assert not [f for f in publish.examine(house, record) if f.severity == "error"]
    publish.approve(house, "weekly", record.issue.number, by="the editor", now=now)
    return publish.send(house, clock=lambda: now)


def mail_of(taken: Accepted) -> EmailMessage:
    mail = email.message_from_bytes(taken.data, policy=email.policy.default)
    assert isinstance(mail, EmailMessage)
    assert not mail.defects
    return mail


def text_of(mail: EmailMessage) -> str:
    body = mail.get_body(("plain",))
    assert body is not None
    return str(body.get_content())


def ann_in(house: House) -> Profile:
    with house.database.reading() as session:
        return roster.find(session, ANN)


def test_the_path(house: House, relay: ScriptedRelay, site: str, folder: Path) -> None:
    keys = house.settings.keys

    # Two readers join; two feeds and a page are collected; the first issue goes out.
    with house.database.writing() as session:
        ann, _ = (
            roster.add(
                session, who, "weekly", EVERYTHING, how="form", now=NOW, keys=keys, evidence="form"
            )
            for who in (ANN, BEN)
        )
    assert not [seen.error for seen in publish.collect(house, now=NOW) if seen.error]
    first = published(house, NOW)
    assert first.counts == {"sent": 2}
    assert sorted(taken.recipient for taken in relay.accepted) == [ANN, BEN]

    # Ann's mail says whose it is, how to leave in one click, and where it bounces to.
    taken = {one.recipient: one for one in relay.accepted}
    mail = mail_of(taken[ANN])
    assert mail["To"] == ANN
    assert mail["List-Id"].endswith(" <weekly.news.example.org>")
    assert mail["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    assert mail["Message-ID"] != mail_of(taken[BEN])["Message-ID"]
    links = re.findall(r"<([^>]+)>", mail["List-Unsubscribe"])
    assert [urlsplit(link).scheme for link in links] == ["https", "mailto"]
    local, _, domain = taken[ANN].sender.partition("@")
    assert domain == "bounce.news.example.org"
    assert tokens.read_return_path(local, keys) == ("b", first.record.id, ann)
    assert links[0] in text_of(mail)

    # Looking at the link changes nothing, whoever looks; it is the click that counts.
    assert links[0].startswith(f"{ADDRESS}/u/")
    link = site + urlsplit(links[0]).path
    for _ in range(2):
        page = httpx.get(link)
        assert page.status_code == 200
        assert "The Week" in page.text
    assert httpx.head(link).status_code == 200
    assert [s.state for s in ann_in(house).subscriptions] == ["confirmed"]
    for _ in range(2):
        answer = httpx.post(link, data={"List-Unsubscribe": "One-Click"})
        assert answer.status_code == 200
        assert not {"location", "set-cookie"} & set(answer.headers)

    # Both books know which issue it was, once.
    [subscription] = ann_in(house).subscriptions
    assert subscription.state == "withdrawn"
    withdrawals = [e for e in subscription.events if e.kind == "withdrawn"]
    assert [(e.how, e.issue) for e in withdrawals] == [("one-click", first.record.id)]
    with house.database.reading() as session:
        [kept] = ledger.deliveries(session, first.record.id, subscribers=[ann])
    assert (kept.state, kept.left) == ("sent", NOW + timedelta(hours=2))
    assert kept.message_id == mail["Message-ID"]
    assert publish.account(house, first.record).left == 1

    # A week later there is news. Ben gets it; for Ann there is silence.
    news = folder / "news.rss"
    date = format_datetime(NEXT_WEEK - timedelta(hours=5))
    items = "".join(ITEM.format(n=n, date=date) for n in range(4))
    news.write_text(f"<rss version='2.0'><channel><title>P</title>{items}</channel></rss>", "utf-8")
    [fresh] = publish.collect(house, [str(news)], section="Global", now=NEXT_WEEK)
    assert (fresh.new, fresh.error) == (4, "")
    second = published(house, NEXT_WEEK)
    assert second.record.issue.number == 2
    assert second.counts == {"sent": 1}
    [to_ben] = relay.accepted[2:]
    assert to_ben.recipient == BEN
    assert publish.send(house, clock=lambda: NEXT_WEEK).counts == {"sent": 1}
    assert len(relay.accepted) == 3

    # And no story is told twice.
    texts = [text_of(mail_of(taken[BEN])), text_of(mail_of(to_ben))]
    stories = [{story.url for story in sent.record.issue.stories} for sent in (first, second)]
    assert all(stories)
    for mine, text, other in ((0, texts[0], texts[1]), (1, texts[1], texts[0])):
        for url in stories[mine]:
            assert url in text
            assert url not in other
