"""The reader's pages over a real server: leaving is one act, looking is none."""

import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import jinja2
import pytest
from fastapi import FastAPI

from digest.theme import Theme
from subscribers.errors import BadToken
from subscribers.limiting import Admission
from subscribers.preferences import EVERYTHING, Preferences
from subscribers.tokens import Purpose, Token, read, seal
from subscribers.web import HEADERS, LARGEST, Leaving, Offer, Riddle, Standing, router
from subscribers.web.door import Asked
from tests.browsers import chromium
from tests.browsing import HTTP, asking
from tests.serving import serving

TEMPLATES = Path(__file__).parent.parent / "templates"
KEYS = (b"a key of this test",)
SECTIONS = ("Global", "Opinion", "Economy & <Business>")
ONE_CLICK = {"List-Unsubscribe": "One-Click"}


def token(purpose: Purpose, subscriber: int = 7) -> str:
    return seal(Token(purpose, "weekly", 12, subscriber), KEYS)


class ScriptedDoor:
    """One reader, number 7; everything that was done is written down."""

    def __init__(self) -> None:
        self.now = Standing("The Week", "Example Times", "a…@example.org", "confirmed", SECTIONS)
        self.done: list[tuple[str, object]] = []

    def leave(self, token: str, how: str, reason: str = "", story: int | None = None) -> Leaving:
        self._known(token, "unsubscribe")
        self.done.append(("left", how))
        self.now = replace(self.now, state="withdrawn")
        link = seal(Token("preferences", "weekly", 12, 7), KEYS)
        return Leaving("The Week", "Example Times", "a…@example.org", link)

    def standing(self, token: str, purpose: Purpose) -> Standing:
        self._known(token, purpose)
        return replace(self.now, unsubscribe=seal(Token("unsubscribe", "weekly", 12, 7), KEYS))

    def choose(self, token: str, preferences: Preferences) -> Standing:
        self._known(token, "preferences")
        self.done.append(("chose", preferences))
        self.now = replace(self.now, preferences=preferences)
        return self.now

    def say_why(self, token: str, reason: str) -> Leaving:
        raise NotImplementedError

    def come_back(self, token: str, frequency: str, asked: Asked) -> Standing:
        raise NotImplementedError

    def leave_all(self, token: str) -> Leaving:
        raise NotImplementedError

    def pause(self, token: str, weeks: int) -> Standing:
        raise NotImplementedError

    def speak(self, token: str, language: str) -> Standing:
        raise NotImplementedError

    def locate(self, token: str, timezone: str) -> Standing:
        raise NotImplementedError

    def move(self, token: str, address: str, asker: Asked) -> Standing:
        raise NotImplementedError

    def join_more(self, token: str, newsletters: tuple[str, ...], asked: Asked) -> Standing:
        raise NotImplementedError

    def give_feedback(self, token: str, verdict: str, comment: str) -> Standing:
        raise NotImplementedError

    def offer(self, language: str) -> Offer:
        return Offer("The Week", "Example Times", (), "", "1 Example Road", language or "en")

    def request(self, address: str, newsletters: tuple[str, ...], stamp: str, asked: Asked) -> None:
        raise NotImplementedError

    def admit(self, address: str, asked: Asked, puzzle: str, answer: str) -> Admission:
        raise NotImplementedError

    def riddle(self, old: str) -> Riddle:
        raise NotImplementedError

    def confirm(self, token: str, asked: Asked, purpose: Purpose) -> Standing:
        raise NotImplementedError

    def _known(self, token: str, purpose: Purpose) -> None:
        if read(token, purpose, KEYS).subscriber != 7:
            raise BadToken


@pytest.fixture
def door() -> ScriptedDoor:
    return ScriptedDoor()


@pytest.fixture
def site(door: ScriptedDoor) -> Iterator[str]:
    pages = jinja2.Environment(  # noqa: S701 - the router turns escaping on, and a test shows it
        loader=jinja2.FileSystemLoader(TEMPLATES), undefined=jinja2.Undefined
    )
    pages.globals["theme"] = Theme().for_templates()
    app = FastAPI()
    app.include_router(router(door, pages))
    with serving(app) as address:
        yield address


def test_d34_one_click_acts_at_once(site: str, door: ScriptedDoor) -> None:
    answer = HTTP.post(f"{site}/u/{token('unsubscribe')}", data=ONE_CLICK)
    assert (answer.status_code, answer.text) == (200, "You are unsubscribed from The Week.\n")
    assert answer.headers["content-type"].startswith("text/plain")
    assert "set-cookie" not in answer.headers
    assert "location" not in answer.headers
    assert door.done == [("left", "one-click")]


@pytest.mark.parametrize(
    ("kind", "body"),
    [
        ("multipart/form-data; boundary=ab", ("--ab\r\nContent-Disposition: form-data; "
         'name="List-Unsubscribe"\r\n\r\nOne-Click\r\n--ab--\r\n')),
        ('multipart/form-data; boundary="a b"', ("--a b\r\nContent-Disposition: form-data; "
         'name="List-Unsubscribe"\r\n\r\nOne-Click\r\n--a b--\r\n')),
        ("multipart/form-data", "no boundary"),
        ("multipart/form-data; boundary=ab", "--ab\r\nbroken"),
        ("multipart/form-data; boundary=ab", ("--ab\r\nContent-Disposition: form-data; "
         'name="f"; filename="f"\r\n\r\nfile\r\n--ab--\r\n')),
        ("application/x-www-form-urlencoded", "List-Unsubscribe=One-Click&more=1&%FF=%"),
        ("application/x-www-form-urlencoded", ""),
        ("application/json", "{}"),
        ("", ""),
    ],
)  # fmt: skip
def test_d35_any_body_unsubscribes(site: str, door: ScriptedDoor, kind: str, body: str) -> None:
    headers = {"Content-Type": kind} if kind else {}
    answer = HTTP.post(f"{site}/u/{token('unsubscribe')}", content=body, headers=headers)
    assert (answer.status_code, door.done) == (200, [("left", "one-click")])


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Cookie": "session=someone"},
        {"Origin": "https://mail.example", "Referer": "https://mail.example/"},
        {"Sec-Fetch-Site": "cross-site", "Authorization": "Basic YTpi"},
    ],
)
def test_d36_no_context_is_needed_and_none_is_read(
    site: str, door: ScriptedDoor, headers: dict[str, str]
) -> None:
    answer = HTTP.post(f"{site}/u/{token('unsubscribe')}", data=ONE_CLICK, headers=headers)
    assert (answer.status_code, len(door.done)) == (200, 1)


@pytest.mark.parametrize("method", ["GET", "HEAD"])
@pytest.mark.parametrize("path", ["u", "p"])
def test_d37_looking_changes_nothing(site: str, door: ScriptedDoor, method: str, path: str) -> None:
    purpose: Purpose = "unsubscribe" if path == "u" else "preferences"
    with asking() as client:
        for _ in range(10_000 if os.environ.get("DIGEST_HYPOTHESIS") == "torture" else 50):
            answer = client.request(method, f"{site}/{path}/{token(purpose)}?List-Unsubscribe=x")
            assert answer.status_code == 200
    assert door.done == []
    assert ("<button" in answer.text) == (method == "GET")


def test_d37_every_answer_is_kept_by_nobody(site: str) -> None:
    good = [f"{site}/u/{token('unsubscribe')}", f"{site}/p/{token('preferences')}"]
    answers = [HTTP.request(m, url) for url in (*good, f"{site}/u/x") for m in ("GET", "POST")]
    answers.append(HTTP.post(good[0], content=b"x" * (LARGEST + 1)))
    for answer in answers:
        assert HEADERS.items() <= {k: answer.headers.get(k) for k in HEADERS}.items()
        assert "set-cookie" not in answer.headers


def test_d38_leaving_again_is_fine_also_at_the_same_time(site: str) -> None:
    url = f"{site}/u/{token('unsubscribe')}"
    with ThreadPoolExecutor(8) as several:
        answers = list(several.map(lambda _: HTTP.post(url, data=ONE_CLICK), range(16)))
    assert {answer.status_code for answer in answers} == {200}
    assert len({answer.text for answer in answers}) == 1


def test_d38_every_bad_link_gets_the_same_page(site: str, door: ScriptedDoor) -> None:
    good = token("unsubscribe")
    bad = ["x", good[:-1], good[:-1] + "!", token("unsubscribe", 8), token("view"), "%00", "ä"]
    urls = [f"{site}/{path}/{text}" for path in ("u", "p") for text in bad]
    answers = [HTTP.request(method, url) for method in ("GET", "POST") for url in urls]
    answers.append(HTTP.get(f"{site}/p/{good}"))
    assert {answer.status_code for answer in answers} == {404}
    assert len({answer.text for answer in answers}) == 1
    assert "1 Example Road" in answers[0].text
    assert door.done == []


def test_the_page_leaves_and_says_so(site: str, door: ScriptedDoor) -> None:
    url = f"{site}/u/{token('unsubscribe')}"
    answer = HTTP.post(url, data={"page": "1"})
    assert "You have left The Week" in answer.text
    assert f"../p/{token('preferences')}" in answer.text
    assert door.done == [("left", "page")]
    assert "There is nothing to leave" in HTTP.get(url).text


@pytest.mark.parametrize(
    ("form", "kept"),
    [
        ({"section": ["Opinion"], "format": "text"}, Preferences(frozenset({"Opinion"}), "text")),
        ({"section": list(SECTIONS), "format": "html"}, EVERYTHING),
        ({"section": ["Global", "Hacked"]}, Preferences(frozenset({"Global"}))),
    ],
)
def test_choosing(
    site: str, door: ScriptedDoor, form: dict[str, str | list[str]], kept: Preferences
) -> None:
    answer = HTTP.post(f"{site}/p/{token('preferences')}", data=form)
    assert (answer.status_code, door.done) == (200, [("chose", kept)])
    assert "Saved." in answer.text


def test_choosing_nothing_is_not_saved(site: str, door: ScriptedDoor) -> None:
    answer = HTTP.post(f"{site}/p/{token('preferences')}", data={"format": "text"})
    assert (answer.status_code, door.done) == (422, [])
    assert "Nothing was saved." in answer.text


def test_what_people_wrote_is_text_on_the_page(site: str) -> None:
    page = HTTP.get(f"{site}/p/{token('preferences')}").text
    assert "Economy &amp; &lt;Business&gt;" in page
    assert "<Business>" not in page


@pytest.mark.parametrize("size", [LARGEST, LARGEST + 1])
def test_a_body_has_a_limit(site: str, door: ScriptedDoor, size: int) -> None:
    url = f"{site}/u/{token('unsubscribe')}"
    answer = HTTP.post(url, content=b"x" * size, headers={"Content-Type": "text/plain"})
    assert answer.status_code == (200 if size <= LARGEST else 413)
    assert len(door.done) == (size <= LARGEST)


def test_a_browser_leaves_by_one_button(site: str, door: ScriptedDoor) -> None:
    with chromium() as browser:
        page = browser.new_page(viewport={"width": 320, "height": 640}, color_scheme="dark")
        problems: list[str] = []
        page.on("console", lambda message: problems.append(message.text))
        page.goto(f"{site}/p/{token('preferences')}")
        page.get_by_label("Opinion").uncheck()
        page.get_by_role("button", name="Save", exact=True).press("Enter")
        assert page.get_by_role("status").inner_text().startswith("Saved.")
        assert not page.get_by_label("Opinion").is_checked()
        assert page.evaluate("document.documentElement.scrollWidth") <= 320
        page.goto(f"{site}/u/{token('unsubscribe')}")
        page.get_by_role("button").click()
        assert page.get_by_role("heading", level=1).inner_text() == "You have left The Week"
        page.get_by_role("link", name="Your choices").click()
        assert "You do not get" in page.get_by_role("heading", level=1).inner_text()
    assert [text for text in problems if "favicon" not in text and "404" not in text] == []
    assert [what for what, _ in door.done] == ["chose", "left"]
