"""Preferences rule the issue: they decide editions, and in a send under way the next claim."""

import email
import email.policy
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path

import pytest

from digest import publish
from digest.edition import cut
from digest.publish import FrontDoor, House, IssueRecord, open_house
from subscribers import roster, tokens
from subscribers.preferences import EVERYTHING, Preferences
from subscribers.tokens import Purpose, Token
from tests.clocks import Clock
from tests.conftest import NOW, SECRET
from tests.relay import ScriptedRelay
from tests.replies import Hold
from tests.waiting import until

KEYS = (SECRET.encode(),)
SECTORS = """
[[sector]]
name = "First"
match = { urls = ["*lake*", "*water*"] }

[[sector]]
name = "Second"
match = { sources = ["opinion"] }
"""
OPINION, FIRST, SECOND = (frozenset({name}) for name in ("Opinion", "First", "Second"))
CHOICES = {
    "everything": EVERYTHING,
    "opinion": Preferences(OPINION),
    "text": Preferences(None, "text"),
    "first": Preferences(sectors=FIRST),
    "second": Preferences(sectors=SECOND),
    "weekly": Preferences(frequency="weekly"),
    "paused": EVERYTHING,
    "nothing": Preferences(frozenset({"Science"})),
}


@pytest.fixture
def house(folder: Path, environ: dict[str, str]) -> Iterator[House]:
    file = folder / "digest.toml"
    file.write_text(file.read_text("utf-8") + SECTORS, encoding="utf-8")
    with open_house(folder, {**environ, "DIGEST_RELAY_CONNECTIONS": "1"}) as opened:
        yield opened


def approved(house: House) -> IssueRecord:
    publish.collect(house, now=NOW)
    record = publish.prepare(house, "weekly", now=NOW).record
    publish.approve(house, "weekly", record.issue.number, by="the editor", now=NOW)
    return record


def joined(house: House) -> dict[str, int]:
    with house.database.writing() as session:
        numbers = {
            name: roster.add(session, f"{name}@readers.example", "weekly", chosen,
                             how="x", now=NOW, keys=KEYS)
            for name, chosen in CHOICES.items()
        }  # fmt: skip
        until = NOW + timedelta(weeks=4)
        roster.pause(session, numbers["paused"], "weekly", until, how="page", now=NOW)
    return numbers


def mails(relay: ScriptedRelay) -> dict[str, tuple[list[str], str]]:
    """By reader: the kinds of the parts, and the text."""
    found = {}
    for taken in relay.accepted:
        mail = email.message_from_bytes(taken.data, policy=email.policy.default)
        parts = [part.get_content_type() for part in mail.walk() if not part.is_multipart()]
        body = mail.get_body(("plain",))
        assert body is not None
        found[taken.recipient.split("@")[0]] = (parts, body.get_content())
    return found


def test_each_reader_gets_what_they_chose(house: House, relay: ScriptedRelay) -> None:
    joined(house)
    record = approved(house)
    issue = record.issue
    assert publish.send(house, "weekly", clock=lambda: NOW).counts == {"sent": 6, "skipped": 1}
    got = mails(relay)
    assert set(got) == set(CHOICES) - {"paused", "nothing"}
    assert got["text"][0] == ["text/plain"]
    assert got["everything"][0] == ["text/plain", "text/html"]
    sectors = {"first": "First", "second": "Second"}
    for name, chosen in CHOICES.items():
        if name not in got:
            continue
        for story in issue.stories:
            section = next(s.name for s in issue.sections if story in s.stories)
            wanted = chosen.wants(section) and chosen.follows(story.sectors)
            assert (story.url in got[name][1]) is wanted, (name, story.headline)
        if name in sectors:
            left_out = [s for s in issue.stories if s.url not in got[name][1]]
            assert left_out
            assert all(sectors[name] not in s.sectors for s in left_out)


def test_the_cut_by_topics_keeps_what_has_none(house: House) -> None:
    issue = approved(house).issue
    topics = {topic for story in issue.stories for topic in story.sectors}
    assert topics == {"First", "Second"}
    only = cut(issue, Preferences(sectors=FIRST))
    assert only is not None
    assert not only.complete
    assert only.key != cut(issue, EVERYTHING).key  # type: ignore[union-attr]
    kept = {story.url for story in only.stories}
    assert kept == {s.url for s in issue.stories if "Second" not in s.sectors
                    or "First" in s.sectors}  # fmt: skip


def test_c31_who_leaves_or_chooses_during_a_send_is_obeyed_at_the_next_claim(
    house: House, relay: ScriptedRelay
) -> None:
    with house.database.writing() as session:
        numbers = [
            roster.add(session, f"r{n:03}@readers.example", "weekly", how="x", now=NOW, keys=KEYS)
            for n in range(40)
        ]
    record = approved(house)
    go_on = threading.Event()
    relay.will("rcpt", "r000@readers.example", Hold(go_on))
    hands = Clock()
    door = FrontDoor(house, hands)

    def link(purpose: Purpose, number: int) -> str:
        return tokens.seal(Token(purpose, "weekly", record.id, number), KEYS)

    with ThreadPoolExecutor(1) as office:
        sending = office.submit(publish.send, house, "weekly", clock=hands)
        try:
            until(lambda: any("r000" in heard for heard in relay.heard))
            door.leave(link("unsubscribe", numbers[-1]), "one-click", story=2)
            door.choose(link("preferences", numbers[-2]), Preferences(OPINION, "text"))
            door.pause(link("preferences", numbers[-3]), 4)
            with house.database.writing() as session:
                roster.suppress(session, "r036@readers.example", reason="complaint", how="x",
                                now=NOW, keys=KEYS)  # fmt: skip
        finally:
            go_on.set()
        account = sending.result(60)
    door.close()
    assert account.counts == {"sent": 37, "skipped": 3}
    got = mails(relay)
    assert not {"r039", "r037", "r036"} & set(got)
    assert got["r038"][0] == ["text/plain"]
    reasons = {line.address: line.reason for line in publish.readers(house, account.record)}
    assert [reasons[f"r0{n}@readers.example"] for n in (39, 37, 36)] == [
        "withdrawn", "paused", "suppressed",
    ]  # fmt: skip
    assert publish.left_by(house, record)["left_near"] == {"2": 1}
