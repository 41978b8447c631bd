"""No request makes the desk fail: every route, by a stranger and by an editor who is logged in."""

import os
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import quote

import hypothesis
import pytest
from fastapi.routing import APIRoute
from hypothesis import given
from hypothesis import strategies as st

from digest import publish
from digest.desk import Desk, Watched, router
from digest.publish import House, open_house
from digest.web import public_app
from tests.browsing import asking
from tests.clocks import Clock
from tests.conftest import NOW
from tests.desk_pages import csrf, log_in
from tests.desks import ANN, PASSWORD
from tests.relay import ScriptedRelay
from tests.serving import serving

EXAMPLES = 300 if os.environ.get("DIGEST_HYPOTHESIS") == "torture" else 6
ACTS = ("move", "drop", "bring", "pin", "unpin", "headline", "dek", "image", "takeback", "note",
        "subject", "second", "preheader", "undo", "redo")  # fmt: skip
FIELDS = ("story", "section", "place", "why", "article", "text", "url", "alt", "own", "version",
          "sure", "name", "password", "address", "hash")  # fmt: skip
QUERY = ("q", "view", "reader", "section", "format", "subject", "next", "seen", "story")
# What a browser can send and no person does: NULs, lone halves of characters, huge numbers.
WILD = st.text(max_size=40) | st.sampled_from(
    ["\0", "a\0b", "%00", "9" * 30, "-1", "²", "\u202e", "{{ 7 * 7 }}", "' OR 1=1 --", "x" * 5_000,
     "javascript:alert(1)", "../../etc/passwd", "both", "headers", "source", "weekly", ANN]
)  # fmt: skip


@pytest.fixture
def house(folder: Path, environ: dict[str, str]) -> Iterator[House]:
    with open_house(folder, environ) as opened:
        publish.collect(opened, now=NOW)
        publish.prepare(opened, "weekly", now=NOW)
        publish.add_editor(opened, ANN, "approver", PASSWORD, now=NOW)
        yield opened


def routes(house: House) -> list[tuple[str, str]]:
    """Method and path of every route of the desk, but the news, which never end (test below)."""
    known = router(Desk(Watched(house, lambda same: same), Clock(), alone=True)).routes
    return [
        (method, route.path)
        for route in known
        if isinstance(route, APIRoute) and not route.path.endswith("/news")
        for method in sorted(route.methods or ())
    ]


def named(house: House, path: str) -> st.SearchStrategy[str]:
    """The path with names that are there, and with names that are not."""
    newsletter = st.just("weekly") | WILD
    number = st.sampled_from(["1", "1", "0", "2", "2147483648", "9" * 40, "00001"])
    return st.tuples(newsletter, number, WILD).map(
        lambda said: (
            path.replace("{newsletter}", quote(said[0], safe="", errors="replace"))
            .replace("{number:issue}", said[1])
            .replace("{name}", quote(said[2], safe="", errors="replace"))
        )
    )


def wild(house: House) -> st.SearchStrategy[str]:
    stories = [story.fingerprint for story in house.issue("weekly").issue.stories]
    return WILD | st.sampled_from(stories)


def tried(ask: Callable[..., None], *how: st.SearchStrategy[Any]) -> None:
    """Ask some times, each time otherwise."""

    @hypothesis.settings(max_examples=EXAMPLES, deadline=None, database=None)
    @given(st.tuples(*how))
    def once(said: tuple[Any, ...]) -> None:
        ask(*said)

    once()


@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)  # the stricter of the two
@pytest.mark.parametrize("who", ["stranger", "editor"])
def test_no_request_makes_the_desk_fail(
    house: House, environ: dict[str, str], relay: ScriptedRelay, who: str
) -> None:
    asked, answered = set(), set()
    known = routes(house)
    assert len(known) >= 12
    text = wild(house).map(lambda said: said.encode("utf-8", "replace").decode())
    forms = st.fixed_dictionaries(
        {"do": st.sampled_from(ACTS) | text}, optional=dict.fromkeys(FIELDS, text)
    )
    told = st.dictionaries(st.sampled_from(QUERY), text, max_size=4)
    with serving(public_app(house, Clock())) as site, asking(base_url=site) as desk:
        mine = {}
        if who == "editor":
            desk.base_url = f"{site}/desk"
            log_in(desk, ANN)
            mine = {"csrf": csrf(desk.get("/weekly/1/candidates"))}
            desk.base_url = site

        def ask(
            method: str, path: str, where: str, query: dict[str, str], form: dict[str, str],
            by_script: bool,
        ) -> None:  # fmt: skip
            head = {"HX-Request": "true"} if by_script else {}
            sent: dict[str, Any] = {"data": {**form, **mine}} if method == "POST" else {}
            answer = desk.request(method, where, params=query, headers=head, **sent)
            asked.add((method, path))
            answered.add(answer.status_code)
            assert answer.status_code < 500, (method, where, query, form)
            assert answer.headers["x-content-type-options"] == "nosniff", (where, answer.text)

        for method, path in known:
            if who == "editor" and path.endswith(("/logout", "/login")):
                continue

            tried(partial(ask, method, path), named(house, path), told, forms, st.booleans())
        assert desk.get("/health").status_code == 200
    left = {(method, path) for method, path in known if path.endswith(("/logout", "/login"))}
    assert asked == set(known) - (left if who == "editor" else set())
    # An editor gets pages and redirections; a stranger nothing but the way to the login.
    assert {200, 422 if who == "editor" else 303} <= answered


@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
def test_no_question_for_news_makes_the_desk_fail(house: House) -> None:
    with serving(public_app(house, Clock())) as site, asking(base_url=f"{site}/desk") as desk:
        assert desk.get("/weekly/1/news").status_code == 303
        log_in(desk, ANN)
        for where in ("/weekly/1/news", "/weekly/2147483648/news", "/%00/1/news", "/x/1/news"):
            with desk.stream("GET", where, params={"seen": "a\0b"}) as answer:
                good = {200} if where == "/weekly/1/news" else {404, 422}
                assert answer.status_code in good, where
