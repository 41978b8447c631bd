"""Who gets in to the desk: logins, cookies, other sites, loopback; and how often one may try."""

import re
from datetime import timedelta
from pathlib import Path

import httpx
import pytest

from digest import publish
from digest.publish import House, open_house
from digest.web import public_app
from tests.clocks import Clock
from tests.desk_pages import (
    alone,
    client,
    clock,
    csrf,
    folder,
    form_of,
    house,
    log_in,
    pages_of,
    served,
    told,
)
from tests.desks import ANN, BOB, PASSWORD
from tests.relay import ScriptedRelay
from tests.serving import serving

__all__ = ["alone", "clock", "folder", "house", "served", "told"]


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
