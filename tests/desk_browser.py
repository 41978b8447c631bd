"""The desk in a real browser: who opens it, what axe says, how cards are lifted and laid."""

import email
import email.policy
import os
import re
import shutil
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Locator, Page, Route, expect

from digest import publish, sample
from digest.publish import Change, House, open_house
from digest.web import desk_app
from subscribers import roster
from subscribers.preferences import EVERYTHING
from tests.browsers import chromium
from tests.clocks import Clock
from tests.conftest import NOW, SECRET
from tests.relay import ScriptedRelay
from tests.serving import serving

EDITOR, PASSWORD = "editor@news.example", "four quiet words here"
READERS = {"ann@readers.example", "ben@readers.example"}
AXE = Path(__file__).parent / "npm" / "node_modules" / "axe-core" / "axe.min.js"


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    expect.set_options(timeout=45_000)
    with chromium() as opened:
        yield opened


@pytest.fixture
def clock() -> Clock:
    return Clock(NOW - timedelta(hours=24))


@pytest.fixture
def port(closed_port: int) -> int:
    return closed_port


@pytest.fixture
def house(tmp_path: Path, relay: ScriptedRelay, port: int) -> Iterator[House]:
    sample.write(tmp_path, NOW - timedelta(days=1))
    told = sample.settings(relay.port)
    told = told.replace("stories_at_least = 3", f'stories_at_least = 3, editors = ["{EDITOR}"]')
    told = told.replace("http://127.0.0.1:8000", f"http://127.0.0.1:{port}")
    (tmp_path / "digest.toml").write_text(told, encoding="utf-8")
    with open_house(tmp_path, {"DIGEST_WEB_SECRET": SECRET}) as opened:
        publish.add_editor(opened, EDITOR, "approver", PASSWORD, now=NOW)
        how: Any = {"how": "x", "now": NOW - timedelta(days=9), "keys": opened.settings.keys}
        with opened.database.writing() as session:
            for reader in sorted(READERS):
                roster.add(session, reader, "weekly", EVERYTHING, **how)
        yield opened


@pytest.fixture
def look(browser: Browser) -> Iterator[Callable[..., Page]]:
    """Opens pages; in the end nothing may have been complained of in their consoles."""
    complaints: list[str] = []
    contexts = []

    def look(width: int = 1480, height: int = 900, **how: Any) -> Page:
        context = browser.new_context(viewport={"width": width, "height": height}, **how)
        contexts.append(context)
        if AXE.is_file():
            context.add_init_script(path=AXE)
        page = context.new_page()
        page.on("console", lambda said: complaints.append(said.text))
        page.on("pageerror", lambda error: complaints.append(str(error)))
        return page

    yield look
    for context in contexts:
        context.close()
    if "DIGEST_DESK_PICTURES" not in os.environ:  # taking one styles the page
        # A page outlives its server or its login, and may ask once more for news: nobody is
        # there (net::ERR_), or the answer is the login (Aborting); what is left, sends no more.
        expected = ("status of 409", "status of 422", "status of 403", "net::ERR_",
                    "status of 401", "htmx:afterRequest", "htmx:sendError", "htmx:sendAbort",
                    "Aborting the connection")  # fmt: skip
        assert [said for said in complaints if not any(one in said for one in expected)] == []


def drafted(house: House, clock: Clock) -> None:
    """Saturday the schedule is met, on Sunday it drafts and tells the editors."""
    run(house, Clock(clock.at - timedelta(days=1)))
    run(house, clock)


def apart(work: Callable[..., object], *args: Any, **how: Any) -> None:
    """In a thread of its own: the browser's driver has the loop of this one."""
    with ThreadPoolExecutor(1) as thread:
        thread.submit(work, *args, **how).result()


def run(house: House, clock: Clock) -> None:
    """`digest run`."""
    apart(publish.run, house, clock=clock)


def judge(page: Page) -> None:
    """Nothing serious to say for axe. The mail's own frame is judged in tests/test_judges.py."""
    if not AXE.is_file():
        pytest.skip("the judges are not installed: make judges (it needs npm)")
    found = page.evaluate("() => axe.run(document, {iframes: false})")
    serious = [
        (one["id"], [node["html"][:200] for node in one["nodes"]])
        for one in found["violations"]
        if one["impact"] in ("serious", "critical")
    ]
    assert serious == []


def picture(page: Page, name: str) -> None:
    if folder := os.environ.get("DIGEST_DESK_PICTURES"):
        page.wait_for_timeout(1500)
        page.screenshot(path=Path(folder) / f"{name}.png")


def mailed(relay: ScriptedRelay, whom: str) -> list[str]:
    """Subject and text of all that came to a mailbox."""
    mails = [
        email.message_from_bytes(one.data, policy=email.policy.default)
        for one in relay.accepted
        if one.recipient == whom
    ]
    bodies = (mail.get_body(("plain",)) for mail in mails)
    return [
        f"{m['Subject']}\n{b.get_content() if b else ''}"
        for m, b in zip(mails, bodies, strict=True)
    ]


def cards(page: Page) -> Locator:
    return page.locator("#outline .story summary b")


AT_REST = """() => {
    const parts = ["outline", "beside", "approving"].map((id) => document.getElementById(id));
    return new Set(parts.map((one) => one.dataset.mark)).size === 1
        && !document.querySelector("[aria-busy], .htmx-request");
}"""


def rest(page: Page) -> None:
    """Nothing is under way: what is measured now stays where it is."""
    page.wait_for_function(AT_REST, timeout=45_000)


def saved(page: Page, version: int) -> None:
    """The outline has come anew, with the step that was made, and was checked."""
    expect(page.locator(f'#outline[data-version="{version}"]')).to_be_visible()
    rest(page)


def lift(page: Page, grip: Locator, to: Locator) -> None:
    """Drag a story before another, and hold it there."""
    to.scroll_into_view_if_needed()
    whence, where = grip.bounding_box(), to.bounding_box()
    assert whence
    assert where
    page.mouse.move(whence["x"] + 8, whence["y"] + 12)
    page.mouse.down()
    page.mouse.move(whence["x"] + 20, whence["y"] - 30, steps=4)
    page.mouse.move(where["x"] + 40, where["y"] + 4, steps=6)


def drag(page: Page, grip: Locator, to: Locator) -> None:
    rest(page)
    lift(page, grip, to)
    page.mouse.up()


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with an issue and two readers: made once, copied for each test."""
    folder = tmp_path_factory.mktemp("made")
    sample.write(folder, NOW)
    (folder / "digest.toml").write_text(sample.settings(2525), encoding="utf-8")
    with open_house(folder, {"DIGEST_WEB_SECRET": SECRET}) as house:
        apart(publish.collect, house, now=NOW)
        apart(publish.prepare, house, "weekly", now=NOW)
        how: Any = {"how": "x", "now": NOW, "keys": house.settings.keys}
        with house.database.writing() as session:
            for reader in sorted(READERS):
                roster.add(session, reader, "weekly", EVERYTHING, **how)
    return folder


@pytest.fixture
def open_(made: Path, tmp_path: Path, relay: ScriptedRelay) -> Iterator[tuple[House, str]]:
    """A house with an issue, and the desk of one who is alone with it."""
    told = {"DIGEST_WEB_SECRET": SECRET, "DIGEST_RELAY_PORT": str(relay.port)}
    folder = Path(shutil.copytree(made, tmp_path / "house"))
    with open_house(folder, told) as house, serving(desk_app(house, lambda: NOW, told)) as site:
        yield house, f"{site}/desk/weekly/1"


@pytest.fixture
def drawn(open_: tuple[House, str]) -> House:
    return open_[0]


@pytest.fixture
def desk(open_: tuple[House, str], look: Callable[..., Page]) -> Page:
    """Its page, at rest."""
    page = look()
    page.goto(open_[1])
    rest(page)
    return page


def another(house: House, change: Change) -> None:
    """Somebody else does something to the issue."""
    version = house.issue("weekly").version
    publish.edit(house, "weekly", version, "zoe", change, now=NOW)


class Held:
    """Answers of one kind that come when the test lets them, however quick the machine is."""

    def __init__(self, page: Page, part: str) -> None:
        self.page = page
        self.routes: list[Route] = []
        self.is_open = False
        page.route(re.compile(rf"/weekly/1/{part}\b"), self.hold)

    def hold(self, route: Route) -> None:
        if self.is_open:
            route.continue_()
        else:
            self.routes.append(route)

    def wait(self) -> None:
        """Until one was asked for."""
        while not self.routes:
            self.page.wait_for_timeout(20)

    def release(self) -> None:
        """These, and all to come."""
        self.is_open = True
        for route in self.routes:
            route.continue_()
