"""An editor's week in a real browser, with a clock that stands still and a real mailbox.

Draft, notice, login, reorder by keys and by mouse, a warning that comes and goes, a test, the
approval, a change after it, the send, a change after that; axe looks at every page.
With DIGEST_DESK_PICTURES=FOLDER it takes pictures on its way.
"""

import re
from collections.abc import Callable, Iterator
from datetime import timedelta

import pytest
from playwright.sync_api import Page, expect

from digest import publish
from digest.publish import House, WriteNote
from digest.web import desk_app, public_app
from tests.clocks import Clock
from tests.conftest import NOW, SECRET
from tests.desk_browser import (
    EDITOR,
    PASSWORD,
    READERS,
    Held,
    another,
    browser,
    cards,
    clock,
    drafted,
    drag,
    house,
    judge,
    look,
    mailed,
    picture,
    port,
    rest,
    run,
    saved,
)
from tests.relay import ScriptedRelay
from tests.serving import serving

__all__ = ["browser", "clock", "house", "look", "port"]

LONG = "A subject that goes on and on until nobody can read the end of it in any inbox at all"


def test_a_week(
    house: House, clock: Clock, relay: ScriptedRelay, port: int, look: Callable[..., Page]
) -> None:
    drafted(house, clock)
    [notice] = mailed(relay, EDITOR)
    link = re.search(r"http://\S+/desk/weekly/1", notice)
    assert link, notice
    with serving(public_app(house, clock, {"DIGEST_WEB_SECRET": SECRET}), port):
        page = look()
        page.goto(link[0])
        _log_in(page)
        assert page.url.endswith("/desk/weekly/1")
        _look_around(page)
        _edit(page, house)
        _warn(page)
        _test(page, house, relay)
        _approve(page, house)
        clock.at = NOW
        run(house, clock)
        _after(page, house)
    assert {one.recipient for one in relay.accepted} == READERS | {EDITOR}
    [ann] = mailed(relay, "ann@readers.example")
    assert ann.startswith("Our own subject\n")


def _log_in(page: Page) -> None:
    judge(page)
    picture(page, "login")
    page.get_by_label("Mail address").fill(EDITOR)
    page.get_by_label("Password").fill("not the password at all")
    page.get_by_role("button", name="Log in").click()
    expect(page.get_by_role("alert")).to_contain_text("do not belong together")
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_label("Password").press("Enter")
    expect(page.get_by_role("heading", level=1)).to_contain_text("The Week")


def _look_around(page: Page) -> None:
    judge(page)
    picture(page, "desk")
    rest(page)
    expect(page.get_by_text("in 24 h")).to_be_visible()
    expect(page.get_by_role("button", name="Approve for 2 readers")).to_be_visible()
    page.keyboard.press("?")
    expect(page.locator("#keys")).to_be_visible()
    page.keyboard.press("Escape")
    for key, words in (("6", "Tamria and Kestovia"), ("8", "List-Unsubscribe"), ("7", "<!DOCTYPE")):
        page.keyboard.press(key)
        expect(page.locator("#stage .paper")).to_contain_text(words)
        judge(page)
    page.keyboard.press("1")
    mail = page.frame_locator("#stage iframe").first
    expect(mail.get_by_role("heading", level=1)).to_contain_text("The Week")


def _edit(page: Page, house: House) -> None:
    first, second, third = cards(page).all_inner_texts()[:3]
    page.keyboard.press("j")
    page.keyboard.press("J")
    saved(page, 1)
    expect(cards(page).nth(0)).to_have_text(second)
    expect(page.locator(".story:focus-within summary b")).to_have_text(first)
    drag(page, page.locator(".story .grip").nth(2), page.locator(".story").nth(0))
    saved(page, 2)
    assert cards(page).all_inner_texts()[:3] == [third, second, first]
    page.keyboard.press("Control+z")
    saved(page, 3)
    assert cards(page).all_inner_texts()[:3] == [second, first, third]
    page.locator(".story summary").nth(0).focus()
    page.keyboard.press("e")
    page.keyboard.press("Control+a")
    page.keyboard.type("Grain <b>costs</b> less")
    page.keyboard.press("Enter")
    saved(page, 4)
    expect(cards(page).nth(0)).to_have_text("Grain <b>costs</b> less")
    mail = page.frame_locator("#stage iframe").first
    expect(mail.get_by_text("Grain <b>costs</b> less").first).to_be_visible()
    judge(page)
    picture(page, "edited")
    page.get_by_role("button", name=f"Back to “{second}”").click()
    saved(page, 5)
    page.keyboard.press("Escape")
    page.locator(".story summary").nth(0).focus()
    page.keyboard.press("c")
    page.locator("#q").fill("ladders")
    bring = page.get_by_role("button", name="Bring in The Library That Lends Ladders")
    expect(page.locator("#found .card")).to_have_count(1)
    judge(page)
    picture(page, "candidates")
    bring.click()
    saved(page, 6)
    stories = house.issue("weekly").issue.stories
    assert [story.headline[:11] for story in stories if "Ladders" in story.headline] == [
        "The Library"
    ]


def _warn(page: Page) -> None:
    page.keyboard.press("s")
    page.keyboard.press("Control+a")
    page.keyboard.type(LONG)
    expect(page.locator("#d-subject .count")).to_have_text(f"{len(LONG)} / 70")
    page.keyboard.press("Enter")
    saved(page, 7)
    warning = page.locator(".beside .finding", has_text="subject")
    expect(warning.first).to_be_visible()
    expect(page.locator("#d-subject .flag")).to_have_count(1)
    expect(page.locator("#under")).to_contain_text(LONG)
    warning.get_by_role("link", name="Show it").first.click()
    expect(page.locator("#i-subject")).to_be_focused()
    page.keyboard.press("Control+a")
    page.keyboard.type("Our own subject")
    page.keyboard.press("Enter")
    saved(page, 8)
    expect(warning).to_have_count(0)
    page.keyboard.press("Escape")


def _test(page: Page, house: House, relay: ScriptedRelay) -> None:
    page.keyboard.press("t")
    expect(page.locator("#test input[name=to]")).to_be_focused()
    expect(page.locator("#test input[name=to]")).to_have_value(EDITOR)
    judge(page)
    page.get_by_role("button", name="Send the test").click()
    expect(page.get_by_role("status")).to_contain_text(f"A test went to {EDITOR}")
    expect(page.locator("#test")).to_be_hidden()
    assert mailed(relay, EDITOR)[-1].startswith("[Test] Our own subject\n")
    assert publish.account(house, house.issue("weekly")).total == 0


def _approve(page: Page, house: House) -> None:
    page.keyboard.press("a")
    judge(page)
    picture(page, "approve")
    page.locator("#approve").get_by_role("button", name="Approve for 2 readers").click()
    expect(page.locator("#bar .pill")).to_have_text("Approved")
    expect(page.locator("#approve")).to_be_hidden()
    rest(page)
    approved = house.issue("weekly")
    assert (approved.state, approved.approved_by) == ("approved", EDITOR)
    page.keyboard.press("n")
    page.keyboard.type("Good morning.")
    page.locator("#d-note summary").focus()
    expect(page.locator("#bar .pill")).to_have_text("Draft")
    expect(page.get_by_role("button", name="Approve again for 2 readers")).to_be_visible()
    expect(page.locator(".beside .differs").first).to_contain_text("note")
    page.keyboard.press("Control+z")
    expect(page.locator("#bar .pill")).to_have_text("Approved")
    assert house.issue("weekly").approved_hash == approved.approved_hash
    rest(page)


def _after(page: Page, house: House) -> None:
    """On Monday the login of Sunday has ended."""
    assert house.issue("weekly").state == "sent"
    page.reload()
    page.get_by_label("Mail address").fill(EDITOR)
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_label("Password").press("Enter")
    expect(page.locator("#bar .pill")).to_have_text("Sent")
    expect(page.locator("#bar .when").first).to_contain_text("sent to 2 readers")
    assert page.locator("#outline form").count() == 0
    judge(page)
    picture(page, "sent")
    page.get_by_role("link", name="The Week").click()
    expect(page.locator(".issues .pill")).to_have_text("Sent")
    judge(page)
    picture(page, "issues")


@pytest.mark.parametrize(("width", "scheme"), [(390, "light"), (390, "dark"), (1480, "dark")])
def test_the_desk_without_scripts(
    house: House, clock: Clock, look: Callable[..., Page], width: int, scheme: str
) -> None:
    drafted(house, clock)
    with serving(desk_app(house, clock, {"DIGEST_WEB_SECRET": SECRET})) as site:
        seen = look(width, 844, color_scheme=scheme)
        seen.goto(f"{site}/desk/weekly/1")
        judge(seen)
        assert seen.evaluate("document.documentElement.scrollWidth") <= width
        picture(seen, f"{width}-{scheme}")
        page = look(width, 844, color_scheme=scheme, java_script_enabled=False)
        page.goto(f"{site}/desk/weekly/1")
        second = cards(page).nth(1).inner_text()
        page.locator(".story summary").nth(1).click()
        page.get_by_role("button", name=f"Up: {second}").click()
        expect(cards(page).nth(0)).to_have_text(second)
        page.locator("#d-note summary").click()
        page.locator("#i-note").fill("Good morning.")
        page.locator("#d-note").get_by_role("button", name="Save").click()
        page.get_by_role("button", name="Undo").click()
        page.get_by_role("link", name="Images off").click()
        expect(page.locator("#stage iframe").first).to_be_attached()
        page.get_by_role("button", name="Approve for 2 readers").first.click()
        page.locator("#approve").get_by_role("button", name="Approve for 2 readers").click()
        expect(page.locator("#bar .pill")).to_have_text("Approved")
    assert house.issue("weekly").issue.note == ""
    assert house.issue("weekly").state == "approved"


def test_what_another_does_is_seen_and_nothing_is_lost(
    house: House, clock: Clock, look: Callable[..., Page]
) -> None:
    drafted(house, clock)
    folder = house.settings.folder
    with serving(desk_app(house, clock, {"DIGEST_WEB_SECRET": SECRET})) as site:
        one, other = look(), look()
        for page in (one, other):
            page.goto(f"{site}/desk/weekly/1")
            rest(page)
        one.keyboard.press("s")
        one.keyboard.press("Control+a")
        one.keyboard.type("Half a subj")
        other.keyboard.press("n")
        other.keyboard.type("A note of the other.")
        other.locator("#d-note summary").focus()
        saved(other, 1)
        one.keyboard.type("ect")
        one.keyboard.press("Enter")
        expect(one.get_by_role("status")).to_contain_text("Somebody else has changed issue 1")
        expect(one.locator("#asked blockquote")).to_have_text("Half a subject")
        judge(one)
        another(house, WriteNote("A note that came later."))
        saved(one, 2)  # and the question is still there
        one.get_by_role("button", name="Do it all the same").focus()
        one.keyboard.press("Enter")
        expect(one.locator("#d-subject summary")).to_be_focused()
        saved(one, 3)
        saved(other, 3)
        expect(one.locator("#d-subject summary")).to_be_focused()
        expect(other.locator("#d-subject summary b")).to_have_text("Half a subject")
        toml = folder / "digest.toml"
        toml.write_text(toml.read_text("utf-8") + '\n[theme]\naccent = "#1f4fa2"\n', "utf-8")
        kicker = one.frame_locator("#stage iframe").first.get_by_text("Global", exact=True).first
        expect(kicker).to_have_css("color", "rgb(31, 79, 162)")


@pytest.fixture
def seat(house: House, clock: Clock, port: int, look: Callable[..., Page]) -> Iterator[Page]:
    """The desk of one who has logged in."""
    drafted(house, clock)
    with serving(public_app(house, clock, {"DIGEST_WEB_SECRET": SECRET}), port):
        page = look()
        page.goto(f"http://127.0.0.1:{port}/desk/weekly/1")
        _log_in_again(page)
        rest(page)
        yield page


def _log_in_again(page: Page) -> None:
    page.get_by_label("Mail address").fill(EDITOR)
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_label("Password").press("Enter")
    expect(page.get_by_role("heading", level=1)).to_contain_text("The Week")


def test_a_login_that_ends_takes_nothing_away(seat: Page, house: House, clock: Clock) -> None:
    saving = Held(seat, "edit")
    second = cards(seat).all_inner_texts()[1]
    seat.keyboard.press("j")
    seat.keyboard.press("J")
    seat.keyboard.press("e")
    seat.keyboard.type("Our own headline")
    seat.keyboard.press("Enter")
    seat.keyboard.press("n")
    seat.keyboard.type("A note")
    saving.wait()
    clock.at += timedelta(hours=13)  # a login stays for twelve
    saving.release()
    seat.locator("#d-note summary").focus()
    out = seat.locator("#out")
    expect(out).to_contain_text("Your login has ended. What you did is kept")
    expect(seat.locator("#i-note")).to_have_value("A note")
    assert house.issue("weekly").version == 0
    judge(seat)
    picture(seat, "logged-out")
    with seat.context.expect_page() as opened:
        out.get_by_role("link", name="Log in").click()
    _log_in_again(opened.value)
    assert opened.value.url.endswith("/desk/weekly/1")
    opened.value.close()
    seat.bring_to_front()
    saved(seat, 3)
    expect(out).to_be_hidden()
    issue = house.issue("weekly").issue
    assert [story.headline for story in issue.stories][:2] == [second, "Our own headline"]
    assert issue.note == "A note"
    expect(seat.locator("#asked")).to_be_empty()


def test_who_logged_in_anew_beside_it_goes_on(seat: Page, house: House) -> None:
    beside = seat.context.new_page()
    beside.goto(seat.url.replace("/weekly/1", "/login?next=/weekly/1"))
    _log_in_again(beside)
    beside.close()
    seat.bring_to_front()
    seat.keyboard.press("n")
    seat.keyboard.type("A note under another login")
    seat.keyboard.press("Control+Enter")
    saved(seat, 1)
    assert house.issue("weekly").issue.note == "A note under another login"
    seat.get_by_role("button", name="Log out").click()
    expect(seat.get_by_label("Password")).to_be_visible()
