"""Every link of every mail: looking changes nothing, and each works for ever."""

import contextlib
import email
import email.policy
import http.client
import os
import re
from datetime import timedelta
from pathlib import Path

from sqlalchemy import text
from sqlmodel import SQLModel

from digest import publish
from digest.publish import House, open_house
from subscribers import roster, tokens
from subscribers.tokens import Purpose, Token
from tests.browsing import asking
from tests.clocks import Clock
from tests.conftest import NOW, SECRET
from tests.joining import DAILY
from tests.relay import ScriptedRelay
from tests.test_admission import ONE_ENGINE, served

ANN = "ann@readers.example"
KEYS = (SECRET.encode(),)
LATER = NOW + timedelta(hours=2)
PATHS: dict[str, Purpose] = {
    "u": "unsubscribe", "p": "preferences", "v": "view", "f": "feedback"
}  # fmt: skip
OPEN = ("/subscribe", "/subscribe?newsletter=weekly", "/subscribe/snippet", "/archive",
        "/archive/weekly", "/archive/weekly/1", "/archive/weekly/feed.xml", "/health", "/metrics",
        "/u/nonsense", "/hooks/ses")  # fmt: skip
# make torture: ten thousand times each (HEAD, a thousand).
OFTEN = 10_000 if os.environ.get("DIGEST_HYPOTHESIS") == "torture" else 3


def mailed(house: House) -> tuple[int, int]:
    """Ann gets the first issue: her number and the issue's."""
    with house.database.writing() as session:
        number = roster.add(session, ANN, "weekly", how="page", now=NOW, keys=KEYS)
    publish.collect(house, now=NOW)
    record = publish.prepare(house, "weekly", now=NOW).record
    publish.approve(house, "weekly", record.issue.number, by="the editor", now=NOW)
    assert publish.send(house, "weekly", clock=lambda: NOW).counts == {"sent": 1}
    return number, record.id


def link(path: str, number: int, issue: int, keys: tuple[bytes, ...] = KEYS) -> str:
    return f"/{path}/{tokens.seal(Token(PATHS[path], 'weekly', issue, number), keys)}"


def scanner(site: str) -> http.client.HTTPConnection:
    """A client that costs next to nothing: a mail scanner asks for more than we wait for."""
    return http.client.HTTPConnection(site.removeprefix("http://"), timeout=20)


def everything_in(house: House) -> dict[str, list[str]]:
    """Every row of every table."""
    with house.database.engine.connect() as connection:
        return {
            name: sorted(map(repr, connection.execute(table.select()).all()))
            for name, table in SQLModel.metadata.tables.items()
        }


@ONE_ENGINE
def test_d37_looking_at_every_link_changes_nothing(house: House, relay: ScriptedRelay) -> None:
    number, issue = mailed(house)
    with house.database.writing() as session:
        roster.request(session, "new@readers.example", ["weekly"], roster.Asker(), now=NOW,
                       keys=KEYS)  # fmt: skip
        roster.ask_to_move(session, number, "weekly", "b@readers.example", now=NOW, keys=KEYS)
        owed = {str(notice.kind): notice for notice in roster.due_notices(session, NOW)}

    def step(path: str, purpose: Purpose) -> str:
        token = Token(purpose, "weekly", owed[purpose].id, owed[purpose].subscriber)
        return f"/{path}/{tokens.seal(token, KEYS)}"

    confirm, moving = step("c", "confirm"), step("a", "address")
    links = [link(path, number, issue) for path in PATHS] + [confirm, moving, *OPEN]
    before = everything_in(house)
    with served(house, Clock()) as site, contextlib.closing(scanner(site)) as asked:
        for path in links:
            for method, often in (("GET", OFTEN), ("HEAD", max(OFTEN // 10, 3))):
                for n in range(often):
                    where = f"{path}{'&' if '?' in path else '?'}List-Unsubscribe=One-Click&n={n}"
                    asked.request(method, where)
                    answer = asked.getresponse()
                    answer.read()
                    assert answer.status == (
                        404 if "nonsense" in path else 405 if "hooks" in path
                        else 405 if (method, path) == ("HEAD", "/metrics") else 200
                    ), path  # fmt: skip
                    assert answer.headers["set-cookie"] is None
    assert everything_in(house) == before
    assert len(relay.accepted) == 1


def test_d38_a_link_of_long_ago_works_when_all_else_is_gone(
    folder: Path, environ: dict[str, str]
) -> None:
    """The issue's rows, the newsletter's settings and the secret: none of them is needed."""
    with open_house(folder, environ) as house:
        number, issue = mailed(house)
    file = folder / "digest.toml"
    file.write_text(file.read_text("utf-8") + DAILY, encoding="utf-8")
    no_weekly = re.sub(r"(?ms)^\[\[?newsletter\.weekly.*?(?=^\[\[?(?!newsletter\.weekly))", "",
                       file.read_text("utf-8"))  # fmt: skip
    file.write_text(no_weekly, encoding="utf-8")
    rotated = {**environ, "DIGEST_WEB_SECRET": f"a-new-secret-that-is-long-enough,{SECRET}"}
    with open_house(folder, rotated) as house:
        assert set(house.settings.newsletter) == {"daily"}
        assert len(house.settings.keys) == 2
        with house.database.writing() as session:
            for table in ("delivery", "sending", "intervention", "story", "issue"):
                session.connection().execute(text(f"DELETE FROM {table}"))  # noqa: S608 - ours
        hands = Clock()
        hands.at = LATER
        with served(house, hands) as site, asking(base_url=site) as reader:
            for path in ("u", "p", "f"):
                assert reader.get(link(path, number, issue)).status_code == 200, path
            assert reader.get(link("v", number, issue)).status_code == 404
            away = link("u", number, issue)
            answer = reader.post(away, data={"List-Unsubscribe": "One-Click"})
            assert answer.status_code == 200
            with house.database.reading() as session:
                [kept] = roster.profile(session, number).subscriptions
            assert (kept.state, kept.events[-1].how, kept.events[-1].issue) == (
                "withdrawn", "one-click", issue,
            )  # fmt: skip
            with house.database.writing() as session:
                roster.forget(session, ANN, now=LATER, keys=house.settings.keys)
            assert reader.post(away, data={"List-Unsubscribe": "One-Click"}).status_code == 200
            assert reader.get(away).status_code == 200
        path = tokens.return_path("u", issue, number, KEYS)
        raw = f"From: x@y.example\nTo: {path}@news.example.org\nSubject:\n\n".encode()
        assert publish.receive(house, raw, source="imap", now=LATER).report.kind == "leaving"


@ONE_ENGINE
def test_who_leaves_is_counted_by_the_story_next_to_the_link(
    folder: Path, environ: dict[str, str], relay: ScriptedRelay
) -> None:
    (folder / "templates").mkdir()
    (folder / "templates" / "issue.html.jinja").write_text(
        '{% extends "house/issue.html.jinja" %}{% block story %}{{ super() }}'
        '<tr><td><a href="{{ leave(story) }}">No more</a></td></tr>{% endblock %}'
    )
    with open_house(folder, environ) as house:
        mailed(house)
        mail = email.message_from_bytes(relay.accepted[0].data, policy=email.policy.default)
        parts = {kind: mail.get_body((kind,)) for kind in ("html", "plain")}
        html, plain = (part.get_content() if part else "" for part in parts.values())
        record = house.issue("weekly")
        hands = Clock()
        hands.at = LATER
        with served(house, hands) as site, asking(base_url=site) as reader:
            found = re.findall(r'href="https?://[^/]+(/u/[^"?]+)\?story=(\d+)"', html)
            # The lead has no such link; the foot stands next to the last story.
            last = str(len(record.issue.stories))
            beside = [place for _, place in found]
            assert beside == [*map(str, range(2, int(last) + 1)), last]
            assert f"?story={last}\n" in plain.replace("\r\n", "\n")
            path, place = found[1]
            page = reader.get(f"{path}?story={place}")
            assert f'name="story" value="{place}"' in page.text
            reader.post(f"{path}?story={place}", data={"page": "1", "story": place})
            for damaged in ("x", "-1", "99999999999", "²"):
                answer = reader.get(path, params={"story": damaged})
                assert (answer.status_code, 'name="story"' in answer.text) == (200, False)
                told = {"page": "1", "story": damaged}
                assert reader.post(path, data=told).status_code == 200
        assert publish.left_by(house, record)["left_near"] == {place: 1}
