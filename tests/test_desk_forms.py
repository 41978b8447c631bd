"""What plain forms of the desk change, and what is told of what changed meanwhile."""

import re
from dataclasses import replace
from datetime import timedelta
from html import unescape
from pathlib import Path

import httpx

from digest import publish
from digest.publish import House, open_house
from digest.publish.editing.differing import differences
from digest.web import desk_app
from tests.clocks import Clock
from tests.conftest import NOW
from tests.desk_pages import (
    alone,
    client,
    clock,
    csrf,
    edit,
    folder,
    form_of,
    headlines,
    house,
    names,
    told,
)
from tests.relay import ScriptedRelay
from tests.serving import serving

__all__ = ["alone", "clock", "folder", "house", "told"]


def test_the_outline_is_changed_by_plain_forms(alone: httpx.Client, house: House) -> None:
    first, second, *_ = names(house)
    assert edit(alone, do="move", story=second, section="Global", place="1").status_code == 303
    assert names(house)[:2] == [second, first]
    edit(alone, do="headline", story=first, text="Our own words")
    assert headlines(house)[1] == "Our own words"
    page = alone.get("/weekly/1").text
    assert "headline edited" in page
    assert "Back to “Tamria" in page
    edit(alone, do="undo")
    assert headlines(house)[1].startswith("Tamria")
    edit(alone, do="redo")
    edit(alone, do="headline", story=first, text="")
    assert headlines(house)[1].startswith("Tamria")
    edit(alone, do="move", story=second, section="Opinion")
    assert house.issue("weekly").issue.sections[1].stories[-1].fingerprint == second
    edit(alone, do="pin", story=first)
    assert "<em>pinned</em>" in alone.get("/weekly/1").text
    edit(alone, do="unpin", story=first)
    edit(alone, do="drop", story=second)
    assert second not in names(house)
    found = publish.candidates(house, "weekly", now=NOW, number=1)
    edit(alone, do="bring", article=found[0].article, section="Opinion", place="1")
    assert house.issue("weekly").issue.sections[1].stories[0].fingerprint == found[0].article
    edit(alone, do="takeback", story=first)
    edit(alone, do="image", story=first, url="")
    edit(alone, do="image", story=first, own="1")
    issue = house.issue("weekly").issue
    assert (issue.subject, issue.preheader) == ("", "")
    edit(alone, do="subject", text="A subject")
    edit(alone, do="second", text="Another")
    edit(alone, do="preheader", text="Behind it")
    edit(alone, do="note", text="Good **morning**")
    issue = house.issue("weekly").issue
    words = (issue.subject, issue.second_subject, issue.preheader, issue.note)
    assert words == ("A subject", "Another", "Behind it", "Good **morning**")
    assert publish.history(house, "weekly", 1)[-1].by


def test_another_picture_is_not_described_as_the_one_before(
    folder: Path, told: dict[str, str], clock: Clock
) -> None:
    rss = folder / "saved" / "world.rss"
    pictures = iter(range(1, 9))

    def pictured(item: re.Match[str]) -> str:
        if "Ferry" not in item[0]:
            return item[0]
        number = next(pictures)
        return item[0].replace(
            "</item>",
            '<media:content xmlns:media="http://search.yahoo.com/mrss/" medium="image" '
            f'url="https://images.example/{number}.png"><media:description>Ferry {number}'
            "</media:description></media:content></item>",
        )

    rss.write_text(re.sub(r"<item>.*?</item>", pictured, rss.read_text("utf-8"), flags=re.DOTALL))
    (folder / "digest.db").unlink()
    with open_house(folder, told) as house, serving(desk_app(house, clock, told)) as site:
        publish.collect(house, now=NOW)
        publish.prepare(house, "weekly", now=NOW)
        ferry = next(s for s in publish.desk_issue(house, "weekly").stories if len(s.images) == 2)
        other = next(image for image in ferry.images if image.url != ferry.image.url)
        with client(site) as desk:
            page = desk.get("/weekly/1").text
            assert f'value="{other.url}" data-alt="{other.alt}"' in page
            how = {"do": "image", "story": ferry.name}
            edit(desk, **how, url=other.url, alt=ferry.image.alt)
            assert image_of(house, ferry.name) == (other.url, other.alt)
            edit(desk, **how, url=other.url, alt="A boat")
            assert image_of(house, ferry.name) == (other.url, "A boat")
            edit(desk, **how, url=other.url, alt="")
            assert image_of(house, ferry.name) == (other.url, "")
            edit(desk, **how, url="", alt="A boat")
            assert image_of(house, ferry.name) == ("", "")
            edit(desk, **how, own="1")
            assert image_of(house, ferry.name) == (ferry.image.url, ferry.image.alt)


def image_of(house: House, name: str) -> tuple[str, str]:
    stories = publish.desk_issue(house, "weekly").stories
    image = next(story.image for story in stories if story.name == name)
    return image.url, image.alt


def test_what_changed_since_the_issue_before_is_listed(alone: httpx.Client, house: House) -> None:
    before = headlines(house)
    again = names(house)[:2]
    publish.approve(house, "weekly", 1, by="ann", now=NOW)
    for name in again:
        publish.decide(house, "weekly", name, by="ann", now=NOW, again=True)
    later = NOW + timedelta(hours=1)
    assert publish.prepare(house, "weekly", now=later).record.issue.number == 2
    gone = [headline for headline in before if headline not in headlines(house)]
    assert len(gone) > 6
    page = unescape(alone.get("/weekly/2").text)
    for part in ("since-beside", "since-approving"):
        found = re.search(rf'<details class="folded" id="{part}">.*?</details>', page, re.DOTALL)
        assert found, part
        assert "differences</summary>" in found[0]
        for headline in gone:
            assert f"<b>gone</b> {headline}<" in found[0]
    assert "2 of its stories again" in page


def test_what_others_went_around_is_told_by_what_it_stands_behind(house: House) -> None:
    before = house.issue("weekly").issue
    section, *others = before.sections
    a, b, c, *rest = section.stories
    turned = replace(section, stories=(c, b, a, *rest))
    found = differences(before, replace(before, sections=(turned, *others)))
    assert {(one.kind, one.headline, one.before, one.after) for one in found} == {
        ("moved", a.headline, "Global, place 1", "Global, place 3"),
        ("moved", b.headline, f"behind “{a.headline}”", f"behind “{c.headline}”"),
    }


def test_saving_what_stands_there_anyway_is_no_step(alone: httpx.Client, house: House) -> None:
    shown = publish.desk_issue(house, "weekly", 1)
    edit(alone, do="subject", text=shown.subject.text)
    edit(alone, do="headline", story=shown.stories[0].name, text=shown.stories[0].headline)
    assert house.issue("weekly").version == shown.version


def test_who_was_slower_hears_it_and_can_do_it_all_the_same(
    alone: httpx.Client, house: House
) -> None:
    [story, *_] = names(house)
    late = form_of(alone, do="headline", story=story, text="The slower words")
    edit(alone, do="note", text="Somebody was here")
    answer = alone.post("/weekly/1/edit", data=late)
    assert answer.status_code == 409
    assert "wrote the note" in answer.text
    assert "The slower words" in answer.text
    asked = alone.post("/weekly/1/edit", data=late, headers={"HX-Request": "true"})
    assert "Do it all the same" in asked.text
    assert "Somebody was here" in asked.text
    fields = dict(re.findall(r'name="(\w+)" value="([^"]*)"', answer.text))
    assert alone.post("/weekly/1/edit", data=fields).status_code == 303
    assert headlines(house)[0] == "The slower words"


def test_an_approval_is_of_what_was_seen(alone: httpx.Client, house: House) -> None:
    page = alone.get("/weekly/1")
    mark = re.search(r'name="mark" value="([\w.]+)"', page.text)
    assert mark
    form = {"csrf": csrf(page), "mark": mark[1]}
    edit(alone, do="note", text="Later")
    refused = alone.post("/weekly/1/approve", data=form)
    assert (refused.status_code, "changed since you looked" in refused.text) == (422, True)
    assert house.issue("weekly").state == "draft"


def test_a_template_saved_at_the_moment_of_approving_is_not_approved_unseen(
    alone: httpx.Client, house: House, folder: Path
) -> None:
    page = alone.get("/weekly/1")
    mark = re.search(r'name="mark" value="([\w.]+)"', page.text)
    assert mark
    (folder / "templates").mkdir(exist_ok=True)
    (folder / "templates" / "issue.txt.jinja").write_text("Another form\n", encoding="utf-8")
    refused = alone.post("/weekly/1/approve", data={"csrf": csrf(page), "mark": mark[1]})
    assert (refused.status_code, "changed since you looked" in refused.text) == (422, True)
    assert house.issue("weekly").state == "draft"


def test_a_test_reaches_its_address_and_no_ledger(
    alone: httpx.Client, house: House, relay: ScriptedRelay
) -> None:
    form = form_of(alone, to="editor@news.example")
    answer = alone.post("/weekly/1/test", data=form)
    assert "A test went to editor@news.example" in answer.text
    [taken] = relay.accepted
    assert taken.recipient == "editor@news.example"
    assert b"Subject: [Test] " in taken.data
    assert publish.account(house, house.issue("weekly")).total == 0
    assert house.issue("weekly").state == "draft"
    refused = alone.post("/weekly/1/test", data=form_of(alone, to="not an address"))
    assert (refused.status_code, "is not a mail address" in refused.text) == (422, True)
    edit(alone, do="second", text="Another one")
    alone.post("/weekly/1/test", data=form)
    both = [mail.data.split(b"\r\nSubject: ")[1].split(b"\r\n")[0] for mail in relay.accepted[1:]]
    assert both[1:] == [b"[Test] Another one"]
    assert both[0] in taken.data
