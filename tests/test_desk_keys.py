"""The desk under an editor's hands, in a real browser: keys, mouse and focus, and what is typed
while answers are still on their way. With DIGEST_DESK_PICTURES=FOLDER it takes pictures.
"""

import re
from datetime import timedelta

from playwright.sync_api import Page, expect

from digest import archive, publish
from digest.articles import Listed
from digest.publish import House, WriteNote
from tests.conftest import NOW
from tests.desk_browser import (
    Held,
    another,
    browser,
    cards,
    clock,
    desk,
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
    saved,
)
from tests.relay import ScriptedRelay

__all__ = ["browser", "clock", "desk", "drawn", "house", "look", "made", "open_", "port"]


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
