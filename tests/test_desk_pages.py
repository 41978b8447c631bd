"""The desk over a real server: its pages, the mail behind bars, what a form may do, the news."""

import re
from datetime import timedelta
from html import unescape
from pathlib import Path
from typing import Any

import httpx
import pytest

from digest import publish
from digest.desk.door import sentence
from digest.desk.times import Days, until
from digest.desk.views import View, framed, view_of
from digest.edition import cut, subject_for
from digest.publish import House
from subscribers import roster
from subscribers.preferences import EVERYTHING, Preferences
from tests.conftest import NOW
from tests.desk_pages import alone, clock, edit, folder, form_of, house, names, served, told

__all__ = ["alone", "clock", "folder", "house", "served", "told"]

HOSTILE = """<script>alert(1)</script>"><img src=x onerror=alert(2)> {{ 7 * 7 }} ' & javascript:x"""
READER = "ada@readers.example"


def test_every_page_has_the_strict_policy(alone: httpx.Client) -> None:
    for path in (
        "",
        "/weekly/1",
        "/weekly/1/candidates",
        "/weekly/1/beside",
        "/login",
        "/weekly/9",
    ):
        answer = alone.get(path)
        policy = answer.headers["content-security-policy"]
        assert "script-src 'self';" in policy, path
        assert "unsafe" not in policy, path
        assert "frame-ancestors 'none'" in policy
        assert answer.headers["cache-control"] == "no-store"
        assert not re.search(r"<script(?! src=\")|\son\w+=|\sstyle=|javascript:", answer.text), path


def test_what_is_said_is_a_sentence_and_what_is_typed_is_set_apart() -> None:
    assert (
        sentence("run `digest <x>`, then look") == "Run <code>digest &lt;x&gt;</code>, then look."
    )
    assert sentence("Is it so?") == "Is it so?"
    assert sentence("`digest issues` has it") == "<code>digest issues</code> has it."
    assert sentence("") == ""


def test_what_is_not_there_is_a_sentence(alone: httpx.Client) -> None:
    for path in ("/weekly/9", "/nope/1", "/weekly/9/frame", "/weekly/1/frame?reader=x@y.example"):
        answer = alone.get(path)
        assert 400 <= answer.status_code < 500, path
        assert "<b>" in answer.text
    assert alone.get("/static/../door.py").status_code == 404
    assert alone.post("/weekly/1/edit", data=form_of(alone, do="sudo")).status_code == 422


@pytest.mark.parametrize("number", ["9", "0", "2147483648", "9" * 20])
def test_an_issue_that_is_not_there_is_not_found(
    alone: httpx.Client, served: str, number: str
) -> None:
    for newsletter in ("weekly", "nope"):
        for page in ("", "/outline", "/beside", "/frame", "/message.eml", "/candidates", "/news"):
            answer = alone.get(f"/{newsletter}/{number}{page}")
            assert (answer.status_code, "there is no issue" in answer.text.lower()) == (404, True)
        where = f"{served}/archive/{newsletter}/{number}"
        assert httpx.get(where, timeout=30).status_code == 404
    form = form_of(alone, do="note", text="hi")
    assert alone.post(f"/weekly/{number}/edit", data=form).status_code == 404


def test_a_number_that_no_computer_reads_is_not_found(alone: httpx.Client, served: str) -> None:
    number = "9" * 5000
    assert alone.get(f"/weekly/{number}").status_code == 404
    for path in ("archive", "desk"):
        assert httpx.get(f"{served}/{path}/weekly/{number}", timeout=30).status_code == 404


def test_hostile_words_are_words(alone: httpx.Client, house: House) -> None:
    [story, *_] = names(house)
    for do in ("headline", "dek", "note", "subject", "second", "preheader"):
        assert edit(alone, do=do, story=story, text=f"{do} {HOSTILE}").status_code == 303
    for path in (
        "/weekly/1",
        "/weekly/1/beside",
        "/weekly/1?view=source",
        "/weekly/1?view=text",
        "",
    ):
        text = alone.get(path).text
        assert "<script>alert" not in text
        assert "<img src=x" not in text
        assert "49" not in re.findall(r"\{\{ 7|\b49\b(?= ')", text)
    assert unescape(alone.get("/weekly/1").text).count("alert(1)") > 12
    frame = alone.get("/weekly/1/frame")
    assert "<script" not in frame.text
    assert "sandbox allow-popups" in frame.headers["content-security-policy"]
    assert "allow-scripts" not in frame.headers["content-security-policy"]
    assert "allow-same-origin" not in frame.headers["content-security-policy"]


def test_the_mail_is_what_is_sent(alone: httpx.Client, house: House) -> None:
    message = alone.get("/weekly/1/message.eml").content
    assert message == publish.proof(house, house.issue("weekly")).data
    assert publish.proof(house, house.issue("weekly")).html in framed_back(alone, "")


def framed_back(alone: httpx.Client, query: str) -> str:
    """The frame's HTML with what the desk put in taken out again."""
    text = alone.get(f"/weekly/1/frame{query}").text.replace('<base target="_blank">', "")
    text = text.replace("(max-width: 0)", "(prefers-color-scheme: dark)")
    return re.sub(r'(color-schemes?(?:" content="|: ))light(?! dark)', r"\1light dark", text)


def test_ways_to_look(alone: httpx.Client) -> None:
    assert (
        "img-src 'none'"
        in alone.get("/weekly/1/frame?view=plain").headers["content-security-policy"]
    )
    dark = alone.get("/weekly/1/frame?view=dark").text
    assert "@media (min-width: 0)" in dark
    assert 'content="dark"' in dark
    assert "prefers-color-scheme" not in dark
    opinion = alone.get("/weekly/1/frame?section=Opinion").text
    assert "Shorter Working" in opinion
    assert "Grain Prices" not in opinion
    text = alone.get("/weekly/1?view=text").text
    assert "<iframe" not in text
    assert "Grain Prices" in text
    assert '<th scope="row">List-Unsubscribe' in alone.get("/weekly/1?view=headers").text
    assert alone.get("/weekly/1?view=%3Cscript%3E&section=Nope").status_code == 200


def test_by_the_eyes_of_a_reader(alone: httpx.Client, house: House) -> None:
    keys = house.settings.keys
    with house.database.writing() as session:
        how: Any = {"how": "x", "now": NOW, "keys": keys}
        only = Preferences(frozenset({"Opinion"}), "text")
        number = roster.add(session, READER, "weekly", only, **how)
    proof = publish.proof_for(house, house.issue("weekly"), READER)
    assert (proof.html, "To: " + READER in proof.data.decode()) == ("", True)
    assert "Grain Prices" not in proof.text
    for link in re.findall(r"/([upv])/weekly\.\d+\.(\w+)\.", proof.data.decode()):
        assert link[1] == "0"
    page = alone.get(f"/weekly/1?reader={READER}").text
    assert "Shorter Working" in page
    stranger = alone.get("/weekly/1?reader=nobody@readers.example").text
    assert "Nobody in the roster has the address nobody@readers.example." in stranger
    with house.database.writing() as session:
        roster.withdraw(session, number, "weekly", how="x", now=NOW)
    assert "is withdrawn" in alone.get(f"/weekly/1?reader={READER}").text


def test_of_two_subjects_each_half_is_looked_at(alone: httpx.Client, house: House) -> None:
    assert "subject</a>" not in alone.get("/weekly/1").text
    edit(alone, do="second", text="Six states share a reserve")
    first, other = alone.get("/weekly/1"), alone.get("/weekly/1?subject=second")
    assert 'href="/desk/weekly/1?subject=second"' in first.text
    assert "a reader of everything, second subject" in other.text
    assert "Subject: Six states share" in alone.get("/weekly/1/message.eml?subject=second").text
    assert "Subject: Six states share" not in alone.get("/weekly/1/message.eml").text
    record, keys = house.issue("weekly"), house.settings.keys
    how: Any = {"how": "x", "now": NOW, "keys": keys}
    for at in range(8):
        with house.database.writing() as session:
            number = roster.add(session, f"r{at}@readers.example", "weekly", EVERYTHING, **how)
        edition = cut(record.issue, EVERYTHING)
        assert edition
        theirs = publish.proof_for(house, record, f"r{at}@readers.example")
        assert theirs.edition == subject_for(edition, number).key


def test_who_is_suppressed_is_shown_no_mail(alone: httpx.Client, house: House) -> None:
    keys = house.settings.keys
    with house.database.writing() as session:
        how: Any = {"how": "x", "now": NOW, "keys": keys}
        roster.add(session, READER, "weekly", EVERYTHING, **how)
        roster.suppress(session, READER, reason="operator", how="x", now=NOW, keys=keys)
    assert "is suppressed" in alone.get(f"/weekly/1?reader={READER}").text


def test_what_is_found_anew_is_marked_at_its_place_and_the_mail_named_anew(
    alone: httpx.Client,
) -> None:
    edit(alone, do="subject", text="x" * 200)
    page = alone.get("/weekly/1/beside", headers={"HX-Request": "true"}).text
    marks = dict(
        re.findall(r'id="g-(\w+)" hx-swap-oob="true">(.*?)(?=<span class="flags"|\n)', page)
    )
    assert "The subject has 200 characters" in marks["subject"]
    assert marks["note"] == "</span>"
    assert set(marks) > {"subject", "second", "preheader", "note"}
    assert f'id="under" hx-swap-oob="true"><span>{"x" * 200}</span>' in page
    # Every card has its mark, that of a story in Trending as well.
    outline = alone.get("/weekly/1/outline", headers={"HX-Request": "true"}).text
    marked = set(re.findall(r'id="g-(\w+)" hx-swap-oob', page))
    assert marked == set(re.findall(r'id="g-(\w+)"', outline))
    assert "The subject has 200 characters" in outline  # an outline that comes later has them, too


def test_who_gets_it_is_counted_by_edition(house: House) -> None:
    with house.database.writing() as session:
        how: Any = {"how": "x", "now": NOW, "keys": house.settings.keys}
        for n in range(5):
            roster.add(session, f"all{n}@readers.example", "weekly", EVERYTHING, **how)
        roster.add(session, READER, "weekly", Preferences(frozenset({"Opinion"})), **how)
        roster.add(session, "no@readers.example", "weekly", Preferences(frozenset({"Gone"})), **how)
    found = publish.reach(house, house.issue("weekly"), now=NOW)
    assert [count for _, count in found.editions] == [5, 1]
    assert (found.readers, found.nothing) == (6, 1)


def test_settings_that_cannot_be_read_are_told_and_harm_nothing(
    alone: httpx.Client, folder: Path
) -> None:
    toml = folder / "digest.toml"
    whole = toml.read_text("utf-8")
    toml.write_text(whole + "\n[theme]\naccent = nonsense\n", encoding="utf-8")
    page = eventually(alone, "/weekly/1", "goes on with the settings from before")
    assert page.status_code == 200
    toml.write_text(whole + '\n[theme]\naccent = "#1f4fa2"\n', encoding="utf-8")
    assert "#1f4fa2" in eventually(alone, "/weekly/1/frame", "#1f4fa2").text


def test_a_template_of_ones_own_shows_as_soon_as_it_is_there_and_no_longer(
    alone: httpx.Client, folder: Path
) -> None:
    assert "#123456" not in alone.get("/weekly/1/frame").text
    (folder / "templates").mkdir()
    own = folder / "templates" / "email.css"
    rule = ".desk { background-color: #123456; }"
    own.write_text((publish.templates_folder() / "email.css").read_text("utf-8") + rule, "utf-8")
    eventually(alone, "/weekly/1/frame", "#123456")
    own.unlink()
    for _ in range(100):
        if "#123456" not in alone.get("/weekly/1/frame").text:
            return
    raise AssertionError


def eventually(alone: httpx.Client, path: str, words: str) -> httpx.Response:
    for _ in range(100):
        answer = alone.get(path)
        if words in answer.text:
            return answer
    raise AssertionError(answer.text)


def test_a_waiting_page_hears_of_templates_and_of_edits(
    alone: httpx.Client, folder: Path, house: House
) -> None:
    own = folder / "templates"
    own.mkdir()
    with alone.stream("GET", "/weekly/1/news") as news:
        assert news.headers["content-type"].startswith("text/event-stream")
        lines = (line for line in news.iter_lines() if line.startswith("data:"))
        first = next(lines)
        (own / "email.css").write_text("td { padding: 0; }", encoding="utf-8")
        second = next(lines)
        edit(alone, do="note", text="News")
        third = next(lines)
    assert len({first, second, third}) == 3
    assert house.issue("weekly").issue.note == "News"


def test_views_and_addresses() -> None:
    from starlette.datastructures import QueryParams

    assert view_of(QueryParams("view=nope")) == View()
    seen = view_of(QueryParams("view=dark&section=A+%26+B&section=C&format=text"))
    assert seen == View("dark", "", ("A & B", "C"), "text")
    assert view_of(QueryParams(seen.query()[1:])) == seen
    assert seen.preferences == Preferences(frozenset({"A & B", "C"}), "text")
    assert View().preferences is EVERYTHING
    assert framed("<head><style>@media (prefers-color-scheme:dark){}</style>", dark=False) == (
        '<head><base target="_blank"><style>@media (max-width: 0){}</style>'
    )


@pytest.mark.parametrize(
    ("left", "said"),
    [
        (timedelta(hours=14, minutes=20), "in 14 h 20 min"),
        (timedelta(seconds=10), "in 0 min"),
        (timedelta(hours=2), "in 2 h"),
        (timedelta(days=5, hours=1), "in 5 days"),
        (-timedelta(minutes=3), "3 min ago"),
    ],
)
def test_how_long_it_is(left: timedelta, said: str) -> None:
    assert until(left) == said


def test_moments_in_the_newsletters_zone() -> None:
    days = Days("Asia/Kolkata")
    assert days.long(NOW) == "Mon 30 March, 07:00 IST"
    assert (days.short(NOW), days.clock(NOW), days.short(None)) == ("Mon 30 Mar", "Mon 07:00", "")
