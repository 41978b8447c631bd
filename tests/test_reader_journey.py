"""A reader's whole way in a browser, with the mail of a real Postfix in a real IMAP mailbox.

DIGEST_SEEN=folder keeps a picture of every page, to be looked at.
"""

import email
import email.policy
import imaplib
import os
import re
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import timedelta
from email.message import EmailMessage
from pathlib import Path

import pytest
from playwright.sync_api import Page

from digest import publish
from digest.publish import House, IssueRecord, open_house
from digest.web import public_app
from subscribers import roster
from tests.browsers import chromium
from tests.clocks import Clock
from tests.joining import DAILY
from tests.serving import serving
from tests.test_real_bounce import Postfix, policy, postfix
from tests.waiting import PATIENCE, until

__all__ = ["policy", "postfix"]
SEEN = os.environ.get("DIGEST_SEEN")  # now: the folder of a house clears what is set
ONE_ENGINE = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
SECTORS = """
[[sector]]
name = "Energy"
match = { categories = ["Energy"] }

[[sector]]
name = "Health"
match = { categories = ["Health"] }
"""
# A phone in the dark, a desk by day, a phone in Arabic.
WAYS = [
    ("phone", 390, 844, "dark", "en-GB"),
    ("desk", 1280, 900, "light", "en-GB"),
    ("arabic", 390, 844, "light", "ar"),
]


@pytest.fixture
def hands() -> Clock:
    return Clock()


@pytest.fixture
def site(
    folder: Path, environ: dict[str, str], postfix: Postfix, hands: Clock, closed_port: int
) -> Iterator[tuple[House, str]]:
    """The house with its pages at the very address that stands in its mail."""
    told = {"DIGEST_RELAY_PORT": str(postfix.port), "DIGEST_BOUNCES_DOMAIN": "news.example.org",
            "DIGEST_WEB_BASE_URL": f"http://127.0.0.1:{closed_port}"}  # fmt: skip
    file = folder / "digest.toml"
    file.write_text(file.read_text("utf-8") + DAILY + SECTORS, encoding="utf-8")
    with (
        open_house(folder, {**environ, **told}) as house,
        serving(public_app(house, hands), closed_port) as address,
    ):
        yield house, address


@dataclass(slots=True)
class Mailbox:
    """The readers' mailbox, asked by IMAP for what has come to one of them."""

    port: int
    taken: set[str] = field(default_factory=set)

    def next_for(self, address: str) -> EmailMessage:
        """The next mail to this address."""
        found: list[EmailMessage] = []

        def came() -> bool:
            new = (mail for mail in self._all() if mail["Message-ID"] not in self.taken)
            found.extend(mail for mail in new if mail["To"] == address)
            return bool(found)

        until(came)
        self.taken.add(str(found[0]["Message-ID"]))
        return found[0]

    def _all(self) -> list[EmailMessage]:
        with imaplib.IMAP4("127.0.0.1", self.port, timeout=PATIENCE) as server:
            server.login("bounces", "secret")
            if server.select("Readers", readonly=True)[0] != "OK":
                return []
            numbers = server.search(None, "ALL")[1][0].split()
            raws = [server.fetch(number.decode(), "(RFC822)")[1][0] for number in numbers]
        bodies = [raw[1] for raw in raws if isinstance(raw, tuple)]
        found = [email.message_from_bytes(body, policy=email.policy.default) for body in bodies]
        return [mail for mail in found if isinstance(mail, EmailMessage)]


def text_of(mail: EmailMessage, kind: str = "plain") -> str:
    body = mail.get_body((kind,))
    assert body is not None
    return str(body.get_content())


@dataclass(slots=True)
class Walk:
    """One reader at one browser."""

    page: Page
    name: str
    house: House
    count: int = 0

    @property
    def address(self) -> str:
        return f"{self.name}@mailboxes.example"

    def look(self, what: str) -> None:
        """Nothing is wider than the window; and a picture, where somebody wants to look."""
        wide = "document.documentElement.scrollWidth - document.documentElement.clientWidth"
        assert self.page.evaluate(wide) <= 0, what
        self.count += 1
        if SEEN:
            path = f"{SEEN}/{self.name}-{self.count:02}-{what}.png"
            self.page.screenshot(path=path, full_page=True)

    def press(self, selector: str = "main form button") -> None:
        """Press it, and wait for the page that it leads to: a click alone waits for none."""
        with self.page.expect_navigation():
            self.page.locator(selector).first.click()

    def state(self) -> str:
        with self.house.database.reading() as session:
            return roster.find(session, self.address).subscriptions[0].state


@ONE_ENGINE
def test_d42_a_reader_s_whole_way(
    site: tuple[House, str], dovecot: tuple[int, Path], hands: Clock
) -> None:
    """Subscribe, confirm, receive, choose, leave, come back: nothing to log in to on the way."""
    house, address = site
    mails = Mailbox(dovecot[0])
    with chromium() as browser:
        walks = []
        for name, width, height, scheme, locale in WAYS:
            context = browser.new_context(
                viewport={"width": width, "height": height}, color_scheme=scheme,  # type: ignore[arg-type]
                locale=locale, java_script_enabled=True,
            )  # fmt: skip
            walks.append(Walk(context.new_page(), name, house))
        for walk in walks:
            _join(walk, address, mails, hands)
        with ThreadPoolExecutor(1) as office:  # this thread's event loop is the browser's
            record = office.submit(_publish, house, hands, len(walks)).result()
        # The relay has it all; what follows needs no sender.
        for walk in walks:
            _read_and_leave(walk, mails.next_for(walk.address))
            assert walk.page.context.cookies() == []
    assert publish.left_by(house, record)["left_by"] == {"page": len(walks)}


def _publish(house: House, hands: Clock, readers: int) -> IssueRecord:
    publish.collect(house, now=hands.at)
    record = publish.prepare(house, "weekly", now=hands.at).record
    publish.approve(house, "weekly", record.issue.number, by="the editor", now=hands.at)
    assert publish.send(house, "weekly", clock=hands).counts == {"sent": readers}
    return record


def _join(walk: Walk, address: str, mails: Mailbox, hands: Clock) -> None:
    walk.page.goto(f"{address}/subscribe")
    walk.look("subscribe")
    walk.page.locator("input[value=weekly]").check()
    walk.page.locator("input[type=email]").fill(walk.address)
    hands.at += timedelta(seconds=5)
    walk.press()
    walk.look("look-into-your-mail")
    mail = mails.next_for(walk.address)
    link = re.search(r"http://\S+/c/\S+", text_of(mail))
    assert link
    walk.page.goto(link[0])
    walk.look("one-step-is-left")
    assert walk.state() == "requested"
    walk.press()
    walk.look("thank-you")
    assert walk.state() == "confirmed"


def _read_and_leave(walk: Walk, mail: EmailMessage) -> None:
    page = walk.page
    links = dict(re.findall(r"http://[^/]+/([upv])/(\S+)", text_of(mail)))
    base = re.search(r"http://[^/]+", text_of(mail))
    assert base
    page.goto(f"{base[0]}/v/{links['v']}")
    walk.look("in-the-browser")
    page.goto(f"{base[0]}/p/{links['p']}")
    walk.look("choices")
    page.locator("input[name=section]").first.uncheck()
    page.locator("input[name=frequency][value=weekly]").check()
    walk.press('form:has(input[name="page"]) button')
    assert page.get_by_role("status").count() == 1
    walk.look("saved")
    for part in page.locator("details summary").all():
        part.click()
    walk.look("more-choices")
    page.goto(f"{base[0]}/u/{links['u']}")
    walk.look("leave")
    walk.press()
    walk.look("left")
    assert walk.state() == "withdrawn"
    for part in page.locator("details summary").all():
        part.click()
    walk.look("why-and-back")
    page.locator("input[name=reason]").first.check()
    walk.press("form[action$=why] button")
    walk.look("told-why")
    page.goto(f"{base[0]}/u/{links['u']}")
    walk.look("nothing-to-leave")
    page.goto(f"{base[0]}/subscribe/snippet")
    walk.look("snippet")
    page.goto(f"{base[0]}/archive")
    walk.look("archive")
    page.goto(f"{base[0]}/u/nonsense")
    walk.look("no-such-link")
