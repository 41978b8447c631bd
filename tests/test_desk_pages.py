"""The desk over a real server: who gets in, what a form may do, the mail behind bars, the news."""

import re
import shutil
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from html import unescape
from pathlib import Path
from typing import Any

import httpx
import pytest

from digest import publish, sample
from digest.desk import Desk, Watched, router
from digest.desk.door import sentence
from digest.desk.times import Days, until
from digest.desk.views import View, framed, view_of
from digest.edition import cut, subject_for
from digest.publish import House, open_house
from digest.publish.editing.differing import differences
from digest.web import desk_app, public_app
from subscribers import roster
from subscribers.preferences import EVERYTHING, Preferences
from tests.conftest import NOW, SECRET
from tests.relay import ScriptedRelay
from tests.serving import serving

ANN, BOB, PASSWORD = "ann@news.example", "bob@news.example", "four quiet words here"
HOSTILE = """<script>alert(1)</script>"><img src=x onerror=alert(2)> {{ 7 * 7 }} ' & javascript:x"""
READER = "ada@readers.example"


class Clock:
    """Stands where it is put."""

    def __init__(self) -> None:
        self.at = NOW

    def __call__(self) -> Any:
        return self.at


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with an issue, an approver and an editor: made once, copied for each test."""
    folder = tmp_path_factory.mktemp("made")
    sample.write(folder, NOW)
    (folder / "digest.toml").write_text(sample.settings(2525), encoding="utf-8")
    with open_house(folder, {"DIGEST_WEB_SECRET": SECRET}) as house:
        publish.collect(house, now=NOW)
        publish.prepare(house, "weekly", now=NOW)
        publish.add_editor(house, ANN, "approver", PASSWORD, now=NOW)
        publish.add_editor(house, BOB, "editor", PASSWORD, now=NOW)
    return folder


@pytest.fixture
def folder(made: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(made, tmp_path / "house"))


@pytest.fixture
def told(relay: ScriptedRelay) -> dict[str, str]:
    return {"DIGEST_WEB_SECRET": SECRET, "DIGEST_RELAY_PORT": str(relay.port)}


@pytest.fixture
def house(folder: Path, told: dict[str, str]) -> Iterator[House]:
    """The pages are the same on either engine; the accounts are tested on both (test_editors)."""
    with open_house(folder, told) as opened:
        yield opened


@pytest.fixture
def alone(house: House, clock: Clock, told: dict[str, str]) -> Iterator[httpx.Client]:
    """`digest preview`, and somebody at it."""
    with (
        serving(desk_app(house, clock, told)) as site,
        httpx.Client(base_url=site + "/desk", timeout=30) as client,
    ):
        yield client


@pytest.fixture
def served(house: House, clock: Clock, told: dict[str, str]) -> Iterator[str]:
    """`digest serve`, with an approver and an editor."""
    with serving(public_app(house, clock, told)) as site:
        yield site


def client(site: str) -> httpx.Client:
    return httpx.Client(base_url=site + "/desk", timeout=30)


def csrf(page: httpx.Response) -> str:
    found = re.search(r'name="csrf" value="(\w+)"', page.text)
    assert found, page.text
    return found[1]


def log_in(
    desk: httpx.Client, name: str, password: str = PASSWORD, next_: str = ""
) -> httpx.Response:
    path = f"/login?next={next_}" if next_ else "/login"
    form = {"csrf": csrf(desk.get(path)), "name": name, "password": password}
    return desk.post(path, data=form)


def form_of(desk: httpx.Client, **fields: str) -> dict[str, str]:
    page = desk.get("/weekly/1/candidates")
    version = re.search(r'name="version" value="(\d+)"', page.text)
    assert version
    return {"csrf": csrf(page), "version": version[1], **fields}


def edit(desk: httpx.Client, **fields: str) -> httpx.Response:
    return desk.post("/weekly/1/edit", data=form_of(desk, **fields))


def headlines(house: House) -> list[str]:
    return [story.headline for story in house.issue("weekly").issue.stories]


def names(house: House) -> list[str]:
    return [story.fingerprint for story in house.issue("weekly").issue.stories]


def pages_of(house: House, clock: Clock) -> list[tuple[str, str]]:
    """Method and path of every page, those of the first issue."""
    routes = router(Desk(Watched(house, lambda known: known), clock, alone=True)).routes
    return [
        (method, str(path).replace("{newsletter}", "weekly").replace("{number:issue}", "1"))
        for route in routes
        if "static" not in (path := getattr(route, "path", ""))
        for method in getattr(route, "methods", ())
    ]


def test_nobody_gets_in_without_a_login(
    house: House, clock: Clock, told: dict[str, str], served: str
) -> None:
    pages = [page for page in pages_of(house, clock) if "log" not in page[1]]
    assert len(pages) >= 10
    for method, path in pages:
        answer = httpx.request(method, served + path)
        assert answer.status_code == 303, path
        assert answer.headers["location"].startswith("/desk/login"), path
        asked = httpx.request(method, served + path, headers={"HX-Request": "true"})
        assert (asked.status_code, asked.headers["hx-redirect"][:11]) == (401, "/desk/login")


def test_a_login_opens_the_page_that_was_asked_for(served: str) -> None:
    with client(served) as desk:
        asked = desk.get("/weekly/1")
        assert asked.headers["location"] == "/desk/login?next=/weekly/1"
        answer = log_in(desk, ANN, next_="/weekly/1")
        assert (answer.status_code, answer.headers["location"]) == (303, "/desk/weekly/1")
        cookie = answer.headers["set-cookie"]
        assert {"HttpOnly", "SameSite=lax", "Path=/"} <= set(cookie.split("; "))
        page = desk.get("/weekly/1")
        assert ANN in page.text
        assert desk.post("/logout", data={"csrf": csrf(page)}).status_code == 303
        assert desk.get("/weekly/1").status_code == 303


def test_behind_https_the_cookie_is_bound_to_the_host(
    folder: Path, told: dict[str, str], clock: Clock
) -> None:
    secure = {**told, "DIGEST_WEB_BASE_URL": "https://news.example.org"}
    with open_house(folder, secure) as house, serving(public_app(house, clock)) as site:
        asked = httpx.get(f"{site}/desk/login")
        form = {"csrf": csrf(asked), "name": ANN, "password": PASSWORD}
        kept = {"Cookie": asked.headers["set-cookie"].partition(";")[0]}
        answer = httpx.post(f"{site}/desk/login", data=form, headers=kept)
    # That of the form, too: else a neighbour under the same domain could log a browser in.
    for name, cookie in (("desk-form", asked), ("desk", answer)):
        told_to_keep = cookie.headers["set-cookie"]
        assert told_to_keep.startswith(f"__Host-{name}=")
        assert {"Secure", "HttpOnly", "Path=/"} <= set(told_to_keep.split("; "))
        assert "Domain" not in told_to_keep


def test_a_login_takes_no_token_that_was_there_before(served: str, clock: Clock) -> None:
    with client(served) as desk:
        desk.cookies.set("desk", "chosen-by-somebody-else")
        assert log_in(desk, ANN).status_code == 303
        first = [one.value for one in desk.cookies.jar if one.name == "desk"]
        assert first[-1] != "chosen-by-somebody-else"
    with client(served) as thief:
        thief.cookies.set("desk", "chosen-by-somebody-else")
        assert thief.get("/weekly/1").status_code == 303


def test_wrong_name_and_wrong_password_are_answered_alike(served: str) -> None:
    answers = []
    for name, password in ((ANN, "wrong"), ("zoe@news.example", PASSWORD), ("nobody", "x")):
        with client(served) as desk:
            answer = log_in(desk, name, password)
            text = re.sub(r'name="csrf" value="\w+"', "", answer.text).replace(name, "")
            answers.append((answer.status_code, text))
            assert "desk" not in desk.cookies
    assert len(set(answers)) == 1
    assert answers[0][0] == 403


def test_logins_that_succeed_keep_nobody_waiting(served: str) -> None:
    with client(served) as desk:
        assert [log_in(desk, name).status_code for name in (ANN, BOB) * 6] == [303] * 12


def test_a_form_without_its_cookie_logs_nobody_in(served: str) -> None:
    with client(served) as desk:
        desk.cookies.set("desk-form", "none")
        form = {"csrf": csrf(desk.get("/login")), "name": ANN, "password": PASSWORD}
    with client(served) as bare:
        assert bare.post("/login", data=form).status_code == 403


def test_who_tries_too_often_waits_even_with_the_right_password(served: str, clock: Clock) -> None:
    with client(served) as desk:
        tried = [log_in(desk, ANN, f"guess {n}").status_code for n in range(11)]
        assert tried == [403] * 10 + [429]
        assert log_in(desk, ANN).status_code == 429
        clock.at += timedelta(minutes=10)
        assert log_in(desk, ANN).status_code == 303


def test_who_tries_the_name_of_another_locks_its_owner_out_of_no_browser_that_is_known(
    house: House, clock: Clock, served: str
) -> None:
    with client(served) as own, client(served) as strange:
        assert log_in(own, ANN).status_code == 303
        own.post("/logout", data={"csrf": csrf(own.get("/weekly/1"))})
        tried = [log_in(strange, ANN, f"guess {n}").status_code for n in range(11)]
        assert tried[-1] == 429
        assert log_in(strange, ANN).status_code == 429  # even with the right one
        for n in range(100):  # and so do very many, each from a network of its own
            publish.may_try(house, f"192.0.2.{n}", ANN, now=clock.at)
        assert not publish.may_try(house, "198.51.100.1", ANN, now=clock.at)
        assert log_in(own, ANN.upper()).status_code == 303
        # The mark is one name's, and has no more tries than anybody.
        assert log_in(own, BOB).status_code == 429
        assert [log_in(own, ANN, "guess").status_code for _ in range(11)][-2:] == [403, 429]


def test_a_browser_is_known_by_what_we_signed_alone(house: House, clock: Clock) -> None:
    mark = publish.browser_mark(house, ANN)
    for n in range(101):
        publish.may_try(house, f"net {n}", ANN, now=clock.at)
    tried = {one: publish.may_try(house, "net", ANN, one, now=clock.at) for one in (
        mark, mark[:-1], "." + mark.partition(".")[2], mark.partition(".")[0] + ".", "", "é.é",
        publish.browser_mark(house, BOB),
    )}  # fmt: skip
    assert [one for one, may in tried.items() if may] == [mark]


def test_an_account_sends_no_more_tests_than_the_publisher_allows(
    folder: Path, told: dict[str, str], clock: Clock, relay: ScriptedRelay
) -> None:
    few = {**told, "DIGEST_WEB_TESTS_AN_HOUR": "2"}
    with (
        open_house(folder, few) as house,
        serving(public_app(house, clock, few)) as site,
        client(site) as ann,
        client(site) as bob,
    ):
        log_in(ann, ANN)
        log_in(bob, BOB)
        answers = [
            who.post("/weekly/1/test", data=form_of(who, to=f"{n}@news.example"))
            for who in (ann, bob)
            for n in range(3)
        ]
        assert [one.status_code for one in answers] == [200, 200, 422] * 2
        assert f"{ANN} has sent 2 test mails in this hour." in answers[2].text.replace("Ann", "ann")
        assert len(relay.accepted) == 4
        clock.at += timedelta(hours=1)
        assert ann.post("/weekly/1/test", data=form_of(ann, to="x@news.example")).is_success


def test_whose_login_ended_comes_back_to_the_page(served: str) -> None:
    with client(served) as desk:
        shown = {"HX-Request": "true", "HX-Current-URL": f"{served}/desk/weekly/1?view=dark"}
        asked = desk.get("/weekly/1/outline", headers=shown)
        assert (asked.status_code, asked.headers["hx-redirect"]) == (
            401,
            "/desk/login?next=/weekly/1",
        )
        shown["HX-Current-URL"] = "https://evil.example/x"
        asked = desk.post("/weekly/1/edit", headers=shown)
        assert asked.headers["hx-redirect"] == "/desk/login"


@pytest.mark.parametrize(
    "next_", ["//evil.example", "https://evil.example", "/\\evil.example", "/%0d%0aX: y", "/../v/x"]
)
def test_a_login_leads_to_the_desk_alone(served: str, next_: str) -> None:
    with client(served) as desk:
        assert log_in(desk, ANN, next_=next_).headers["location"] == "/desk"


def test_no_other_site_sends_a_form(
    house: House, clock: Clock, told: dict[str, str], served: str
) -> None:
    with client(served) as desk, client(served) as other:
        log_in(desk, ANN)
        log_in(other, BOB)
        good = csrf(desk.get("/weekly/1"))
        foreign = csrf(other.get("/weekly/1"))
        fields = {"do": "note", "text": "ours", "version": "0", "to": "x@y.example"}
        posts = [path for method, path in pages_of(house, clock) if method == "POST"]
        assert len(posts) >= 5
        for path in posts:
            path = path.removeprefix("/desk")
            for sent in ({}, {"csrf": "x"}, {"csrf": foreign}, {"csrf": "ä"}):
                assert desk.post(path, data={**fields, **sent}).status_code == 403, path
            for site in ("cross-site", "same-site"):
                whence = {"Sec-Fetch-Site": site}
                sent = {**fields, "csrf": good}
                assert desk.post(path, data=sent, headers=whence).status_code == 403, path
        assert house.issue("weekly").issue.note == ""
        assert desk.post("/weekly/1/edit", data={**fields, "csrf": good}).status_code == 303
    assert house.issue("weekly").issue.note == "ours"


def test_an_editor_approves_nothing(house: House, served: str) -> None:
    with client(served) as desk:
        log_in(desk, BOB)
        page = desk.get("/weekly/1")
        why = "Approving needs the role approver; yours is editor."
        assert f'class="barred" title="{why}"' in page.text
        assert f'<p class="wrong">{why}</p>' in page.text
        assert re.search(r'<button class="go" disabled data-refused>Approve for', page.text)
        mark = re.search(r'name="mark" value="([\w.]+)"', page.text)
        assert mark
        form = {"csrf": csrf(page), "mark": mark[1]}
        answer = desk.post("/weekly/1/approve", data=form)
        assert (answer.status_code, "needs the role approver" in answer.text) == (403, True)
    assert house.issue("weekly").state == "draft"


@pytest.mark.parametrize("host", ["evil.example", "127.0.0.1.evil.example", "evil.example:80"])
def test_on_loopback_no_foreign_name_leads_to_the_desk(
    alone: httpx.Client, house: House, clock: Clock, told: dict[str, str], host: str
) -> None:
    pages = [*pages_of(house, clock), ("GET", "/desk/static/desk.js")]
    for method, path in pages:
        answer = alone.request(method, path.removeprefix("/desk"), headers={"Host": host})
        assert answer.status_code == 421, path


@pytest.mark.parametrize(
    "host", ["127.0.0.1:1", "localhost", "localhost:8899", "[::1]:80", "[::1]"]
)
def test_on_loopback_its_own_names_need_no_login(alone: httpx.Client, host: str) -> None:
    assert alone.get("/weekly/1", headers={"Host": host}).status_code == 200


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
