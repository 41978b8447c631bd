"""No request makes the pages fail: schemathesis asks each route what nobody would."""

import os
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import hypothesis
import pytest
import schemathesis
from fastapi.routing import APIRoute
from hypothesis import given
from schemathesis.core.result import Ok

from digest.publish import House, open_house
from digest.web import public_app
from subscribers import roster
from subscribers.tokens import Purpose, Token, seal
from tests.browsing import HTTP, asking
from tests.clocks import Clock
from tests.conftest import NOW
from tests.joining import DAILY
from tests.test_admission import ONE_ENGINE, served
from tests.test_every_link import KEYS, PATHS, link, mailed

FIELDS = ("email", "newsletter", "stamp", "website", "puzzle", "answer", "section", "sector",
          "format", "frequency", "act", "weeks", "address", "language", "timezone", "verdict",
          "comment", "reason", "story", "page", "List-Unsubscribe")  # fmt: skip
ACTS = ["pause", "address", "language", "timezone", "join", "leave", "choose"]
EXAMPLES = 300 if os.environ.get("DIGEST_HYPOTHESIS") == "torture" else 3


@pytest.fixture
def house(folder: Path, environ: dict[str, str]) -> Iterator[House]:
    told = {"DIGEST_BOUNCES_POSTMARK": "a word", "DIGEST_BOUNCES_SES": "arn",
            "DIGEST_BOUNCES_MAILGUN": "a key"}  # fmt: skip
    with open_house(folder, {**environ, **told}) as opened:
        yield opened


def routes(known: Iterable[object]) -> Iterator[APIRoute]:
    """The pages' routes, those of the readers' own router among them.

    Not the desk's: they want a login and a token in each form (test_hostile_desk).
    """
    for route in known:
        if isinstance(route, APIRoute):
            if not route.path.startswith("/desk"):
                yield route
        elif inner := getattr(route, "original_router", None):
            yield from routes(inner.routes)


def readers_own(house: House) -> list[APIRoute]:
    """The pages without the desk's, which ask for a login first."""
    every = list(routes(public_app(house, Clock()).routes))
    return [route for route in every if not route.path.startswith("/desk")]


def described(house: House, tokens: list[str]) -> dict[str, Any]:
    """The routes of the pages as OpenAPI has them; real tokens among the texts."""
    text = {"type": "string"}
    values = {
        "token": {"anyOf": [{"enum": tokens}, text]},
        "newsletter": {"anyOf": [{"enum": ["weekly", "hourly"]}, text]},
        "number": {"anyOf": [{"type": "integer"}, text]},
        "provider": {"enum": ["ses", "postmark", "mailgun", "sendgrid", "other"]},
    }
    fields: dict[str, Any] = dict.fromkeys(FIELDS, text)
    fields["act"], fields["email"] = {"anyOf": [{"enum": ACTS}, text]}, {"anyOf": [
        {"enum": ["new@readers.example"]}, text]}  # fmt: skip
    form = {"schema": {"type": "object", "properties": fields}}
    body = {"content": {"application/x-www-form-urlencoded": form,
                        "application/json": {"schema": {}}}}  # fmt: skip
    paths: dict[str, dict[str, Any]] = {}
    for route in readers_own(house):
        named = [{"name": n, "in": "path", "required": True, "schema": values[n]}
                 for n in route.param_convertors]  # fmt: skip
        asked = [{"name": n, "in": "query", "schema": text} for n in ("story", "newsletter")]
        for method in (route.methods or set()) - {"HEAD"}:
            told: dict[str, Any] = {"parameters": named + asked, "responses": {}}
            paths.setdefault(route.path_format, {})[method.lower()] = told
            if method == "POST":
                told["requestBody"] = body
    return {"openapi": "3.0.0", "info": {"title": "pages", "version": "1"}, "paths": paths}


def owed(house: House, number: int) -> list[str]:
    """The tokens of a confirmation and of a change of address that are waiting for their button."""
    with house.database.writing() as session:
        roster.request(session, "new@readers.example", ["weekly"], roster.Asker(), now=NOW,
                       keys=KEYS)  # fmt: skip
        roster.ask_to_move(session, number, "weekly", "b@readers.example", now=NOW, keys=KEYS)
        notices = {str(one.kind): one for one in roster.due_notices(session, NOW)}
    purposes: tuple[Purpose, ...] = ("confirm", "address")
    return [
        seal(Token(purpose, "weekly", notices[purpose].id, notices[purpose].subscriber), KEYS)
        for purpose in purposes
    ]


# The stricter of the two.
@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
def test_no_request_is_answered_with_a_failure(house: House) -> None:
    number, issue = mailed(house)
    tokens = [link(path, number, issue).rpartition("/")[2] for path in PATHS] + owed(house, number)
    raw = described(house, tokens)
    assert len(raw["paths"]) >= 17
    schema = schemathesis.openapi.from_dict(raw)
    asked = set()
    with served(house, Clock()) as site, asking(base_url=site) as again:
        schema.config.update(base_url=site)
        for found in schema.get_all_operations():
            assert isinstance(found, Ok)
            operation = found.ok()
            asked.add((operation.path, operation.method))

            @hypothesis.settings(max_examples=EXAMPLES, deadline=None, database=None)
            @given(case=operation.as_strategy())
            def ask(case: Any) -> None:
                assert case.call().status_code < 500, case.as_curl_command()

            ask()
        assert again.get("/health").status_code == 200
    assert len(asked) == sum(len(methods) for methods in raw["paths"].values())


def test_a_character_that_postgresql_cannot_keep_keeps_nobody_from_leaving(house: House) -> None:
    number, issue = mailed(house)
    told = dict.fromkeys(FIELDS, "a\0b") | {"page": "1", "verdict": "good", "act": "language"}
    with served(house, Clock()) as site, asking(base_url=site) as reader:
        assert reader.post(link("f", number, issue), data=told).status_code == 200
        assert reader.post(link("p", number, issue), data=told).status_code == 200
        assert reader.post("/subscribe", data=told).status_code == 422
        away = link("u", number, issue)
        assert reader.post(away, data=told).status_code == 200
        assert reader.post(f"{away}/why", data=told).status_code == 200
    with house.database.reading() as session:
        [kept] = roster.profile(session, number).subscriptions
    assert (kept.state, kept.events[-2].evidence) == ("withdrawn", "ab")


@ONE_ENGINE
def test_duty_only_a_signed_link_acts(house: House) -> None:
    """No cookie decides anything, so no other site's form can act for a reader (CSRF)."""
    acting = {route.path for route in readers_own(house) if route.methods == {"POST"}}
    unsigned = {path for path in acting if "{token}" not in path}
    assert unsigned == {"/subscribe", "/hooks/{provider}"}
    with served(house, Clock()) as site, asking(base_url=site) as stranger:
        for path in acting - unsigned:
            answer = stranger.post(path.replace("{token}", "forged"), data={"page": "1"})
            assert answer.status_code == 404
            assert "set-cookie" not in answer.headers
        assert stranger.post("/hooks/postmark", json={}).status_code == 403


@ONE_ENGINE
def test_duty_no_page_redirects(house: House) -> None:
    number, issue = mailed(house)
    away = link("u", number, issue)
    with served(house, Clock()) as site:
        stranger = asking(headers={"Host": "evil.example"})
        for path in ("/subscribe/", f"{away}/", "//evil.example", "/archive//", "/c/https://evil"):
            for method in ("GET", "POST"):
                answer = stranger.request(
                    method, f"{site}{path}", params={"next": "//evil.example"}
                )
                assert answer.status_code < 300 or answer.status_code >= 400, path
                assert "evil.example" not in answer.text
        stranger.close()


@ONE_ENGINE
def test_duty_no_path_leads_out(house: House) -> None:
    with served(house, Clock()) as site, asking() as stranger:
        for path in ("/archive/..%2f..%2fdigest.toml", "/archive/weekly/..%2f..%2fdigest.env",
                     "/../digest.env", "/archive/weekly/" + "9" * 40, "/v/..%2f..%2fetc%2fpasswd",
                     "/archive/%00", "/u/%ff%fe"):  # fmt: skip
            answer = stranger.get(site + path)
            assert answer.status_code == 404, path
            assert "This link does not work" in answer.text
            assert answer.headers["x-content-type-options"] == "nosniff"


@ONE_ENGINE
def test_duty_no_box_is_ticked_beforehand(folder: Path, environ: dict[str, str]) -> None:
    """Consent is given by doing something (GDPR, recital 32)."""
    file = folder / "digest.toml"
    file.write_text(file.read_text("utf-8") + DAILY, encoding="utf-8")
    with open_house(folder, environ) as several, served(several, Clock()) as site:
        page = HTTP.get(f"{site}/subscribe").text
        assert page.count('type="checkbox"') == 2
        assert " checked" not in page
