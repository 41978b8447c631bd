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

from digest import archive, publish
from digest.articles import Listed
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
    desk,
    drafted,
    drag,
    drawn,
    house,
    judge,
    lift,
    look,
    made,
    mailed,
    open_,
    picture,
    port,
    rest,
    run,
    saved,
)
from tests.relay import ScriptedRelay
from tests.serving import serving

__all__ = ["browser", "clock", "desk", "drawn", "house", "look", "made", "open_", "port"]

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


def test_an_open_sheet_and_what_was_typed_outlive_every_answer(
    drawn: House, desk: Page, relay: ScriptedRelay
) -> None:
    outline, beside = Held(desk, "outline"), Held(desk, "beside")
    another(drawn, WriteNote("Meanwhile."))
    outline.wait()
    desk.keyboard.press("t")
    desk.keyboard.press("Control+a")
    desk.keyboard.type("half@")
    outline.release()
    beside.wait()
    desk.keyboard.type("news.")
    beside.release()
    saved(desk, 1)
    desk.keyboard.type("example")
    expect(desk.locator("#test")).to_be_visible()
    expect(desk.locator("#test input[name=to]")).to_have_value("half@news.example")
    desk.keyboard.press("Enter")
    expect(desk.get_by_role("status")).to_contain_text("A test went to half@news.example")
    assert len(mailed(relay, "half@news.example")) == 1


def test_what_keys_did_is_said_to_those_who_do_not_see_it(desk: Page, drawn: House) -> None:
    first, *_ = cards(desk).all_inner_texts()
    heard = desk.locator("#said[aria-live=polite] #heard")
    desk.keyboard.press("j")
    desk.keyboard.press("J")
    expect(heard).to_have_text(f"Moved “{first}” to Global, place 2. Version 1 is saved.")
    saved(desk, 1)
    desk.keyboard.press("p")
    expect(heard).to_contain_text(f"inned “{first}”. Version 2 is saved.")
    saved(desk, 2)
    desk.keyboard.press("x")
    expect(heard).to_have_text(f"Dropped “{first}”. Version 3 is saved.")
    saved(desk, 3)
    desk.keyboard.press("Control+z")
    expect(heard).to_contain_text(f"Took back: dropped “{first}”")
    expect(heard).to_contain_text("Version 4 is saved.")
    expect(desk.locator("#word")).to_be_hidden()  # who sees it need not be told
    saved(desk, 4)
    judge(desk)


def test_who_has_written_is_back_at_the_card(desk: Page, drawn: House) -> None:
    count = len(drawn.issue("weekly").issue.stories)
    desk.keyboard.press("j")
    desk.keyboard.press("e")
    desk.keyboard.type("Another headline")  # in the place of all that stood there
    desk.keyboard.press("Enter")
    card = desk.locator(".story").first
    expect(card.locator("summary").first).to_be_focused()
    saved(desk, 1)
    desk.keyboard.press("d")
    desk.keyboard.type("Another dek.")
    desk.keyboard.press("Control+Enter")
    expect(card.locator("summary").first).to_be_focused()
    saved(desk, 2)
    story = drawn.issue("weekly").issue.stories[0]
    assert (story.headline, story.dek) == ("Another headline", "Another dek.")
    desk.keyboard.press("x")  # which is a key again, no letter of a headline
    saved(desk, 3)
    assert len(drawn.issue("weekly").issue.stories) == count - 1
    for key in ("s", "n"):
        desk.keyboard.press(key)
        desk.keyboard.type("Words")
        desk.keyboard.press("Control+Enter" if key == "n" else "Enter")
        field = "subject" if key == "s" else "note"
        expect(desk.locator(f"#d-{field} summary")).to_be_focused()


def test_an_answer_closes_its_own_sheet_alone(desk: Page, drawn: House) -> None:
    saving = Held(desk, "edit")
    desk.keyboard.press("s")
    desk.keyboard.press("Control+a")
    desk.keyboard.type("Words on their way")
    desk.keyboard.press("Enter")
    saving.wait()
    desk.keyboard.press("Escape")
    desk.keyboard.press("t")
    desk.keyboard.type("ann@")
    saving.release()
    saved(desk, 1)
    expect(desk.locator("#test input[name=to]")).to_have_value("ann@")
    expect(desk.locator("#test input[name=to]")).to_be_focused()
    assert drawn.issue("weekly").issue.subject == "Words on their way"


def test_the_focus_is_never_lost(desk: Page, drawn: House) -> None:
    desk.locator("#d-second summary").focus()
    desk.keyboard.press("t")
    desk.keyboard.type("ann@readers.example")
    desk.keyboard.press("Enter")
    expect(desk.locator("#test")).to_be_hidden()
    expect(desk.locator("#d-second summary")).to_be_focused()
    desk.keyboard.press("a")
    expect(desk.locator("#approve .go")).to_be_focused()
    desk.keyboard.press("Enter")
    expect(desk.locator("#approve")).to_be_hidden()
    expect(desk.locator("#d-second summary")).to_be_focused()
    # What is said is closed at the head of the outline; in one go, for by itself it goes as well.
    assert desk.evaluate("""() => {
        const word = document.getElementById("word"), button = word.querySelector("[data-close]");
        word.className = "";
        button.focus();
        button.click();
        return [word.className, document.activeElement.parentElement.id];
    }""") == ["silent", "d-subject"]
    desk.locator(".story summary").nth(0).focus()
    desk.keyboard.press("J")
    saved(desk, 2)
    # Nothing is left to undo, and then to redo: a button that is none any more gives it away.
    desk.locator("#do-undo").focus()
    desk.keyboard.press("Enter")
    expect(desk.locator("#do-redo")).to_be_focused()
    saved(desk, 3)
    desk.keyboard.press("Enter")
    expect(desk.locator("#do-undo")).to_be_focused()


def test_an_entry_of_a_list_is_dropped_by_a_key(desk: Page, drawn: House) -> None:
    brief = [Listed(n, f"Brief {n} of the day", f"https://b.example/{n}", kind="brief")
             for n in (1, 2)]  # fmt: skip
    with drawn.database.writing() as session:
        archive.keep_listed(session, "front", brief, NOW - timedelta(days=1))
    publish.prepare(drawn, "weekly", now=NOW)
    saved(desk, 1)
    entries = desk.locator("#outline .entry")
    expect(entries).to_have_count(2)
    entries.nth(0).get_by_role("button").focus()
    desk.keyboard.press("x")
    saved(desk, 2)
    expect(entries).to_have_count(1)
    expect(entries.get_by_role("button", name="Drop Brief 2 of the day")).to_be_focused()
    desk.keyboard.press("Enter")
    saved(desk, 3)
    assert drawn.issue("weekly").issue.briefs == ()
    expect(desk.locator(".story summary").nth(0)).to_be_focused()


def test_what_changes_under_an_approval_asks_to_be_looked_at(desk: Page, drawn: House) -> None:
    desk.keyboard.press("a")
    approve = desk.locator("#approve")
    go = approve.get_by_role("button", name="Approve for 2 readers")
    expect(go).to_be_focused()
    another(drawn, WriteNote("Not seen by who approves."))
    expect(approve.get_by_role("alert")).to_have_text("It has changed since you opened this.")
    expect(go).to_be_disabled()
    judge(desk)
    picture(desk, "stale")
    approve.get_by_role("button", name="Look again").click()
    expect(go).to_be_enabled()
    expect(approve.get_by_role("alert")).to_have_count(0)
    go.click()
    expect(desk.locator("#bar .pill")).to_have_text("Approved")
    assert drawn.issue("weekly").state == "approved"


def test_who_is_quicker_than_the_answers_contradicts_nobody(desk: Page, drawn: House) -> None:
    saving = Held(desk, "edit")
    first, second, third = cards(desk).all_inner_texts()[:3]
    desk.locator(".story summary").nth(0).focus()
    for key in "JJKx":
        desk.keyboard.press(key)
    desk.keyboard.press("Control+z")
    saving.wait()
    saving.release()
    saved(desk, 5)
    assert cards(desk).all_inner_texts()[:3] == [second, first, third]
    assert [one.headline for one in drawn.issue("weekly").issue.stories][:3] == [
        second, first, third,
    ]  # fmt: skip
    expect(desk.locator("#asked")).to_be_empty()


def test_what_is_typed_stays_when_an_earlier_answer_comes(desk: Page, drawn: House) -> None:
    saving = Held(desk, "edit")
    desk.locator(".story summary").nth(1).focus()
    desk.keyboard.press("e")
    desk.keyboard.press("Control+a")
    desk.keyboard.type("The headline")
    desk.keyboard.press("Tab")
    desk.keyboard.press("Control+a")
    desk.keyboard.type("The dek, half")
    desk.keyboard.press("ArrowLeft")
    saving.wait()
    saving.release()
    expect(desk.locator('#outline[data-version="1"]')).to_be_visible()
    desk.keyboard.type("X")
    expect(desk.locator(":focus")).to_have_value("The dek, halXf")
    desk.keyboard.press("Escape")
    saved(desk, 2)
    story = drawn.issue("weekly").issue.stories[1]
    assert (story.headline, story.dek) == ("The headline", "The dek, halXf")


def test_what_is_searched_for_stays_when_an_earlier_answer_comes(desk: Page) -> None:
    found = Held(desk, "candidates")
    desk.keyboard.press("c")
    desk.keyboard.type("lad")
    found.wait()
    desk.keyboard.type("ders")
    found.release()
    expect(desk.locator("#found .card")).to_have_count(1)
    expect(desk.locator("#q")).to_have_value("ladders")
    expect(desk.locator("#q")).to_be_focused()
    desk.keyboard.press("Escape")
    expect(desk.locator("#q")).to_be_hidden()


def test_a_story_that_is_held_is_not_taken_out_of_the_hand(desk: Page) -> None:
    saving = Held(desk, "edit")
    first, second, third = cards(desk).all_inner_texts()[:3]
    desk.locator(".story summary").nth(0).focus()
    desk.keyboard.press("J")
    saving.wait()
    lift(desk, desk.locator(".story .grip").nth(2), desk.locator(".story").nth(0))
    saving.release()
    expect(desk.locator('#bar[data-version="1"]')).to_be_visible()
    desk.mouse.up()
    saved(desk, 2)
    assert cards(desk).all_inner_texts()[:3] == [third, second, first]


def test_a_story_that_is_held_at_the_edge_rolls_the_outline(desk: Page, drawn: House) -> None:
    first, last = desk.locator("#outline .story").first, desk.locator("#outline .story").last
    grip = first.locator(".grip").bounding_box()
    assert grip
    name = first.get_attribute("data-story")
    desk.mouse.move(grip["x"] + 8, grip["y"] + 12)
    desk.mouse.down()
    desk.mouse.move(grip["x"] + 20, 890)  # and no further
    expect(last).to_have_attribute("data-story", name or "")
    desk.mouse.up()
    saved(desk, 1)
    assert publish.desk_issue(drawn, "weekly").trending[-1].name == name


def test_without_an_answer_what_was_done_is_kept_and_sent_later(desk: Page, drawn: House) -> None:
    where = re.compile("/weekly/1/edit")
    desk.route(where, lambda route: route.abort())
    desk.keyboard.press("n")
    desk.keyboard.type("Good morning.")
    desk.locator("#d-note summary").focus()
    expect(desk.get_by_role("status")).to_contain_text("The desk does not answer.")
    desk.unroute(where)
    saved(desk, 1)
    assert drawn.issue("weekly").issue.note == "Good morning."


def trending(house: House) -> list[str]:
    return [entry.headline for entry in house.issue("weekly").issue.trending]


def test_trending_is_put_in_order_by_keys_and_by_mouse(desk: Page, drawn: House) -> None:
    listed = desk.locator('.cards[data-section="Trending"] > .story')
    first, second, third, *rest_of_them = trending(drawn)
    assert listed.locator("summary b").all_inner_texts() == [first, second, third, *rest_of_them]
    listed.nth(0).locator("summary").focus()
    desk.keyboard.press("J")
    saved(desk, 1)
    assert trending(drawn)[:3] == [second, first, third]
    expect(listed.nth(1).locator("summary")).to_be_focused()
    desk.keyboard.press("p")
    saved(desk, 2)
    expect(listed.nth(1).locator(".meta")).to_contain_text("pinned")
    drag(desk, listed.nth(2).locator(".grip"), listed.nth(0))
    saved(desk, 3)
    assert trending(drawn)[:3] == [third, second, first]
    mail = desk.frame_locator("#stage iframe").first
    expect(mail.get_by_text(third).first).to_be_visible()
    # The numbers are those of the places, whatever moved.
    numbered = "(one) => getComputedStyle(one, '::before').content"
    for one in listed.locator("summary b").all():
        assert one.evaluate(numbered) == 'counter(rank) " · "'
    judge(desk)
    picture(desk, "trending")
    desk.keyboard.press("Control+z")
    saved(desk, 4)
    assert trending(drawn)[:3] == [second, first, third]
    listed.nth(0).locator("summary").focus()
    desk.keyboard.press("x")
    saved(desk, 5)
    assert trending(drawn)[:2] == [first, third]
    last = desk.locator('.cards[data-section="Opinion"] > .story').last
    headline = last.locator("summary b").inner_text()
    last.locator("summary").focus()
    desk.keyboard.press("]")
    saved(desk, 6)
    assert trending(drawn)[0] == headline


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


def test_what_was_left_out_stands_below_and_comes_in_by_a_key(desk: Page, drawn: House) -> None:
    desk.keyboard.press("l")
    left = desk.locator("#left .out")
    expect(left.first).to_be_visible()
    judge(desk)
    headline = left.first.locator("b").inner_text()
    expect(left.first.locator(".why")).not_to_be_empty()
    desk.locator("#waiting summary").focus()
    desk.keyboard.press("j")
    desk.keyboard.press("Enter")
    saved(desk, 1)
    assert headline in [story.headline for story in drawn.issue("weekly").issue.stories]
    expect(left.filter(has_text=headline)).to_have_count(0)
    expect(left.first).to_be_visible()  # it is still open
