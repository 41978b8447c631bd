"""Joining, choosing, leaving, coming back: over a real server, with the real mail of a relay."""

import email
import email.policy
import json
import re
import shutil
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import httpx
import pytest
from playwright.sync_api import Page, sync_playwright
from sqlalchemy import event, select, text
from typer.testing import CliRunner

from digest import publish
from digest.cli import app as program
from digest.feeds import read_feed
from digest.publish import House, open_house
from digest.web import public_app
from subscribers import roster, words
from subscribers.errors import UnknownSubscriber
from subscribers.exchange import Entry
from subscribers.roster.tables import TallyRow
from tests.browsing import HTTP
from tests.conftest import NOW, SECRET
from tests.relay import ScriptedRelay
from tests.serving import serving
from tests.waiting import until

ANN = "ann@readers.example"
KEYS = (SECRET.encode(),)
DAILY = """
[newsletter.daily]
title = "The Day"
from = "The Day <daily@news.example.org>"
list_id = "daily.news.example.org"
"""

ONE_ENGINE = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)


class Clock:
    """A clock that is set by hand."""

    def __init__(self) -> None:
        self.now = NOW

    def __call__(self) -> datetime:
        return self.now


@pytest.fixture
def hands() -> Clock:
    return Clock()


@pytest.fixture
def house(folder: Path, environ: dict[str, str], relay: ScriptedRelay) -> Iterator[House]:
    file = folder / "digest.toml"
    file.write_text(file.read_text("utf-8") + DAILY, encoding="utf-8")
    with open_house(folder, {**environ, "DIGEST_RELAY_PORT": str(relay.port)}) as opened:
        yield opened


@pytest.fixture
def site(house: House, hands: Clock) -> Iterator[str]:
    with serving(public_app(house, hands)) as address:
        yield address


def ask(
    site: str, hands: Clock, address: str = ANN, wait: float = 5, **form: Any
) -> httpx.Response:
    stamp = re.search(r'name="stamp" value="([^"]+)"', HTTP.get(f"{site}/subscribe").text)
    assert stamp
    hands.now += timedelta(seconds=wait)
    told = {"email": address, "newsletter": "weekly", "stamp": stamp[1], **form}
    return HTTP.post(f"{site}/subscribe", data=told)


def letters(relay: ScriptedRelay, count: int) -> list[tuple[str, str, str]]:
    """To whom, the subject and the path of the link, once so many mails have come."""
    until(lambda: len(relay.accepted) >= count)
    found = []
    for taken in relay.accepted:
        mail = email.message_from_bytes(taken.data, policy=email.policy.default)
        link = re.search(r"https?://[^/\s]+(/\S+)", mail.get_content())
        assert link
        found.append((taken.recipient, str(mail["Subject"]), link[1]))
    return found


def profile(house: House, address: str = ANN) -> roster.Profile:
    with house.database.reading() as session:
        return roster.find(session, address)


def test_double_opt_in(house: House, site: str, hands: Clock, relay: ScriptedRelay) -> None:
    answer = ask(site, hands)
    assert (answer.status_code, "Look into your mail" in answer.text) == (200, True)
    [(to, subject, link)] = letters(relay, 1)
    assert (to, subject) == (ANN, "Please confirm: The Week")
    assert profile(house).subscriptions[0].state == "requested"
    for _ in range(20):  # c43: scanners follow links
        assert "Yes, I confirm" in HTTP.get(site + link).text
        assert HTTP.head(site + link).status_code == 200
    assert profile(house).subscriptions[0].state == "requested"
    hands.now += timedelta(minutes=3)
    for _ in range(2):
        assert "Thank you" in HTTP.post(site + link).text
    [kept] = profile(house).subscriptions
    assert (kept.state, kept.confirmed_at) == ("confirmed", hands.now)
    assert [event.kind for event in kept.events] == ["requested", "confirmed"]
    assert kept.events[0].wording.startswith("Yes, mail me these newsletters.")
    assert kept.events[1].wording == "Mail The Week to …? Yes, I confirm"
    assert (kept.events[1].ip, bool(kept.events[1].agent)) == ("127.0.0.1", True)


def test_d43_an_old_or_foreign_link_confirms_nobody(
    house: House, site: str, hands: Clock, relay: ScriptedRelay
) -> None:
    ask(site, hands)
    [(_, _, link)] = letters(relay, 1)
    for wrong in (link[:-1], link.replace("/c/", "/a/"), link.replace("/c/", "/p/")):
        assert HTTP.post(site + wrong).status_code == 404
    hands.now += timedelta(days=8)
    assert HTTP.get(site + link).status_code == 404
    assert HTTP.post(site + link).status_code == 404
    assert profile(house).subscriptions[0].state == "requested"
    assert publish.tidy(house, hands.now)["requests"] == 1
    with pytest.raises(UnknownSubscriber):
        profile(house)


def test_no_answer_tells_whether_an_address_is_known(
    house: House, site: str, hands: Clock, relay: ScriptedRelay
) -> None:
    with house.database.writing() as session:
        roster.add(session, ANN, "weekly", how="page", now=NOW, keys=KEYS)
        bob = "bob@readers.example"
        roster.suppress(session, bob, reason="operator", how="x", now=NOW, keys=KEYS)
    pages = [ask(site, hands, f"{name}@readers.example").text for name in ("ann", "bob", "cat")]
    assert len({page.replace(f"{n}…", "x…") for page, n in zip(pages, "abc", strict=True)}) == 1
    mails = letters(relay, 2)
    assert {(to.split("@")[0], subject) for to, subject, _ in mails} == {
        ("ann", "You already get The Week"),
        ("cat", "Please confirm: The Week"),
    }
    assert profile(house).subscriptions[0].state == "confirmed"


def test_list_bombing_one_a_day_and_three_for_ever(
    house: House, site: str, hands: Clock, relay: ScriptedRelay
) -> None:
    for _ in range(4):
        ask(site, hands)
    ask(site, hands, "other@readers.example")
    assert [to for to, _, _ in letters(relay, 2)] == [ANN, "other@readers.example"]
    for day in range(1, 6):
        hands.now = NOW + timedelta(days=day, minutes=day)
        ask(site, hands)
    ask(site, hands, "last@readers.example")
    told = [to for to, _, _ in letters(relay, 5)]
    assert told == [ANN, "other@readers.example", ANN, ANN, "last@readers.example"]


@pytest.mark.parametrize(
    ("form", "wait"),
    [
        ({"website": "https://spam.example"}, 5),
        ({"stamp": "form.abc.0.aaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"}, 5),
        ({}, 0),
        ({}, 90_000),
    ],
)
def test_machines_get_the_same_page_and_no_mail_goes(
    house: House, site: str, hands: Clock, relay: ScriptedRelay, form: dict[str, str], wait: float
) -> None:
    assert "Look into your mail" in ask(site, hands, wait=wait, **form).text
    ask(site, hands, "real@readers.example")
    assert [to for to, _, _ in letters(relay, 1)] == ["real@readers.example"]


def test_a_site_s_own_form_needs_no_stamp_and_limits_hold(
    house: House, site: str, hands: Clock, relay: ScriptedRelay
) -> None:
    codes = []
    for n in range(7):
        told = {"email": f"r{n}@readers.example", "newsletter": ["weekly", "daily", "hacked"]}
        codes.append(HTTP.post(f"{site}/subscribe", data=told).status_code)
    assert codes == [200] * 5 + [429] * 2
    assert len(letters(relay, 5)) == 5
    held = profile(house, "r0@readers.example").subscriptions
    assert {s.newsletter for s in held} == {"weekly", "daily"}
    # What their own page showed is theirs to keep: we attest only what we showed.
    assert {event.wording for s in held for event in s.events} == {""}
    assert "subscribe&#34;" in HTTP.get(f"{site}/subscribe/snippet").text


@pytest.mark.parametrize("address", ["", "ann", "ann@x.org, bob@x.org", "a" * 300 + "@x.org"])
def test_what_is_no_address_is_said_so(site: str, hands: Clock, address: str) -> None:
    answer = ask(site, hands, address)
    assert (answer.status_code, "not a mail address" in answer.text) == (422, True)
    assert not address or f'value="{address[:300]}"' in answer.text  # to be mended, not typed again


def test_what_was_typed_is_text_and_no_markup(
    house: House, site: str, hands: Clock, relay: ScriptedRelay
) -> None:
    typed = '"><script>alert(1)</script>'
    page = site + joined(house, site, hands, relay)
    moved = HTTP.post(page, data={"act": "address", "address": typed})
    for answer in (ask(site, hands, typed), moved):
        assert answer.status_code == 422
        assert "<script>" not in answer.text
        assert "&#34;&gt;&lt;script&gt;" in answer.text


def joined(house: House, site: str, hands: Clock, relay: ScriptedRelay, who: str = ANN) -> str:
    """Ann, confirmed; the path of her preferences page."""
    from subscribers import tokens

    ask(site, hands, who)
    HTTP.post(site + letters(relay, 1)[0][2])
    number = profile(house, who).subscriber
    return f"/p/{tokens.seal(tokens.Token('preferences', 'weekly', 0, number), KEYS)}"


def test_every_choice_is_kept(house: House, site: str, hands: Clock, relay: ScriptedRelay) -> None:
    page = site + joined(house, site, hands, relay)
    HTTP.post(page, data={"section": "Opinion", "format": "text", "frequency": "weekly"})
    rests = HTTP.post(page, data={"act": "pause", "weeks": "4"})
    assert f"Paused until {words.day(hands.now + timedelta(weeks=4), 'en')}." in rests.text
    HTTP.post(page, data={"act": "language", "language": "fr"})
    found = profile(house)
    [kept] = found.subscriptions
    assert (kept.preferences.sections, kept.preferences.format) == (frozenset({"Opinion"}), "text")
    assert (kept.preferences.frequency, found.language) == ("weekly", "fr")
    assert kept.paused_until == hands.now + timedelta(weeks=4)
    with house.database.reading() as session:
        for now, paused in ((hands.now, True), (hands.now + timedelta(weeks=5), False)):
            got = roster.standing(session, [found.subscriber], "weekly", now=now)
            assert (got[found.subscriber] == "paused") is paused
            assert bool(roster.recipients(session, "weekly", now=now)) is not paused
        assert roster.recipients(session, "weekly", frequencies=frozenset({"each"})) == []
    HTTP.post(page, data={"act": "pause"})
    assert profile(house).subscriptions[0].paused_until is None
    with house.database.writing() as session:
        roster.speak(session, found.subscriber, "en")
    HTTP.post(page, data={"act": "join", "newsletter": "daily"})
    hands.now += timedelta(days=2)
    again = HTTP.post(page, data={"act": "join", "newsletter": "daily"})
    assert "Look into your mail" in again.text
    assert {s.newsletter: s.state for s in profile(house).subscriptions} == {
        "weekly": "confirmed", "daily": "requested"
    }  # fmt: skip
    [asked] = [e for s in profile(house).subscriptions for e in s.events
               if s.newsletter == "daily"][:1]  # fmt: skip
    assert asked.wording == "Our other newsletters: The Day. Get these as well"
    assert "You have left all" in HTTP.post(page, data={"act": "leave"}).text
    assert {s.state for s in profile(house).subscriptions} == {"withdrawn"}


def test_a_new_address_is_asked_first(
    house: House, site: str, hands: Clock, relay: ScriptedRelay
) -> None:
    page = site + joined(house, site, hands, relay)
    number = profile(house).subscriber
    with house.database.writing() as session:
        roster.add(session, "taken@readers.example", "weekly", how="page", now=NOW, keys=KEYS)
    assert HTTP.post(page, data={"act": "address", "address": "no"}).status_code == 422
    for address in ("new@readers.example", "taken@readers.example"):
        answer = HTTP.post(page, data={"act": "address", "address": address})
        assert "Look into your mail" in answer.text
    (_, _, _), (to, subject, link), (_, _, taken) = letters(relay, 3)
    assert (to, subject) == ("new@readers.example", "Please confirm your new address for The Week")
    assert profile(house).subscriber == number
    assert HTTP.post(site + taken).status_code == 404
    assert "Thank you" in HTTP.post(site + link).text
    moved = profile(house, "new@readers.example")
    assert (moved.subscriber, moved.subscriptions[0].events[-1].kind) == (number, "moved")


def test_list_bombing_a_change_of_address_has_the_limits_of_joining(
    house: House, site: str, hands: Clock, relay: ScriptedRelay
) -> None:
    page = site + joined(house, site, hands, relay)
    strangers = [f"s{n}@strangers.example" for n in range(15)]
    answers = [HTTP.post(page, data={"act": "address", "address": who}) for who in strangers]
    assert [answer.status_code for answer in answers] == [200] * 4 + [429] * 11
    assert "Nothing was saved" in answers[-1].text
    assert "Please try again in an hour" in answers[-1].text
    assert [to for to, _, _ in letters(relay, 5)] == [ANN, *strangers[:4]]
    hands.now += timedelta(hours=1)
    told = {"act": "address", "address": "late@readers.example"}
    assert HTTP.post(page, data=told).status_code == 200
    assert letters(relay, 6)[5][0] == "late@readers.example"


def test_a_page_about_several_newsletters_names_them_in_a_sentence(
    site: str, hands: Clock, relay: ScriptedRelay
) -> None:
    ask(site, hands, newsletter=["weekly", "daily"])
    page = HTTP.get(site + letters(relay, 1)[0][2], headers={"Accept-Language": "en"}).text
    # Isolated: a name may be written the other way than the page.
    assert "Mail <bdi>The Week and The Day</bdi> to" in page
    assert '<header class="mast"><b dir="auto">The Meridian Post</b></header>' in page


def test_leaving_why_and_back(house: House, site: str, hands: Clock, relay: ScriptedRelay) -> None:
    from subscribers import tokens

    joined(house, site, hands, relay)
    number = profile(house).subscriber
    link = f"{site}/u/{tokens.seal(tokens.Token('unsubscribe', 'weekly', 3, number), KEYS)}"
    assert 'name="story" value="2"' in HTTP.get(f"{link}?story=2").text
    assert "Would fewer" in HTTP.post(link, data={"page": "1", "story": "2"}).text
    HTTP.post(f"{link}/why", data={"reason": "too many"})
    [kept] = profile(house).subscriptions
    assert [(e.kind, e.how, e.issue, e.story) for e in kept.events[-2:]] == [
        ("withdrawn", "page", 3, 2),
        ("said", "page", 3, None),
    ]
    for _ in range(5):
        HTTP.post(f"{link}/why", data={"reason": "other", "comment": "the last word"})
    [kept] = profile(house).subscriptions
    said = [event.evidence for event in kept.events if event.kind == "said"]
    assert said == ["other: the last word"]
    assert "once a week" in HTTP.post(f"{link}/back", data={"frequency": "weekly"}).text
    HTTP.post(f"{link}/why", data={"reason": "never asked"})  # who is subscribed has not left
    assert [e.evidence for e in profile(house).subscriptions[0].events if e.kind == "said"] == said
    [kept] = profile(house).subscriptions
    assert (kept.state, kept.preferences.frequency) == ("confirmed", "weekly")
    shown = "You have left The Week. Come back, but once a week at most"
    proof = [(e.kind, e.how, e.wording, e.ip) for e in kept.events if e.wording == shown]
    assert proof == [(kind, "page", shown, "127.0.0.1") for kind in ("requested", "confirmed")]
    # Leaving again without a word: the reason of before stays with the leaving of before.
    assert "the last word" not in HTTP.post(link, data={"page": "1"}).text
    [kept] = profile(house).subscriptions
    assert (kept.events[-1].kind, kept.events[-1].evidence) == ("withdrawn", "")
    HTTP.post(f"{link}/why", data={"reason": "too many"})
    told = [(e.kind, e.evidence) for e in profile(house).subscriptions[0].events]
    assert [evidence for kind, evidence in told if kind == "said"] == [*said, "too many"]
    assert told.index(("said", said[0])) < told.index(("requested", ""), 2) < len(told) - 2
    hands.now += timedelta(hours=2)
    assert "too old" in HTTP.post(f"{link}/back").text
    assert profile(house).subscriptions[0].state == "withdrawn"


def test_c77_only_a_fresh_confirmation_lifts_a_suppression(
    house: House, site: str, hands: Clock, relay: ScriptedRelay
) -> None:
    with house.database.writing() as session:
        roster.suppress(session, ANN, reason="bounce", how="report", now=NOW, keys=KEYS)
    ask(site, hands)
    link = letters(relay, 1)[0][2]
    assert profile(house).suppressed
    HTTP.post(site + link)
    assert not profile(house).suppressed


def test_c77_a_link_of_before_a_suppression_lifts_nothing(
    house: House, site: str, hands: Clock, relay: ScriptedRelay
) -> None:
    ask(site, hands)
    link = letters(relay, 1)[0][2]
    HTTP.post(site + link)
    hands.now += timedelta(hours=1)
    with house.database.writing() as session:
        roster.suppress(session, ANN, reason="bounce", how="x", now=hands.now, keys=KEYS)
    assert HTTP.post(site + link).status_code == 200
    assert profile(house).suppressed
    hands.now += timedelta(days=1)
    ask(site, hands)
    HTTP.post(site + letters(relay, 2)[1][2])
    assert not profile(house).suppressed


def test_no_page_says_that_mail_comes_where_none_will(
    house: House, site: str, hands: Clock, relay: ScriptedRelay
) -> None:
    from subscribers import tokens

    page = site + joined(house, site, hands, relay)
    confirm = site + letters(relay, 1)[0][2]
    number = profile(house).subscriber
    leave = f"{site}/u/{tokens.seal(tokens.Token('unsubscribe', 'weekly', 0, number), KEYS)}"
    assert "The next issue comes" in HTTP.post(page, data={"format": "html", "page": "1",
        "section": ["Global", "Opinion"]}).text  # fmt: skip
    paused = HTTP.post(page, data={"act": "pause", "weeks": "4"}).text
    assert ("Saved." in paused, "The next issue comes" in paused) == (True, False)
    wrong = HTTP.post(page, data={"act": "pause", "weeks": "abc"})
    assert (wrong.status_code, "Nothing was saved." in wrong.text) == (422, True)
    assert profile(house).subscriptions[0].paused_until
    HTTP.post(leave, data={"page": "1"})
    for told in ({"act": "pause", "weeks": "4"}, {"page": "1", "section": "Global"}):
        said = HTTP.post(page, data=told).text  # a page that stayed open
        assert ("Saved." in said, "You do not get <bdi>The Week</bdi>" in said) == (False, True)
    assert "will come to" not in HTTP.post(confirm).text
    assert "You do not get The Week" in HTTP.post(confirm).text
    with house.database.writing() as session:
        roster.suppress(session, ANN, reason="operator", how="x", now=hands.now, keys=KEYS)
    back = HTTP.post(f"{leave}/back").text
    assert ("Welcome back" in back, "You do not get The Week" in back) == (False, True)
    with house.database.writing() as session:
        roster.forget(session, ANN, now=hands.now, keys=KEYS)
    for told in ({"act": "address", "address": "new@readers.example"}, {"act": "language"},
                 {"act": "join", "newsletter": "daily"}, {"section": "Global"}):  # fmt: skip
        said = HTTP.post(page, data=told).text
        assert "You do not get <bdi>The Week</bdi>" in said
        assert not [word for word in ("Saved.", "Look into your mail") if word in said]


def test_who_complained_is_mailed_nothing_whoever_asks(
    house: House, site: str, hands: Clock, relay: ScriptedRelay
) -> None:
    with house.database.writing() as session:
        roster.suppress(session, ANN, reason="complaint", how="report", now=NOW, keys=KEYS)
    page = site + joined(house, site, hands, relay, "bob@readers.example")
    assert "Look into your mail" in ask(site, hands).text
    assert HTTP.post(page, data={"act": "address", "address": ANN}).status_code == 200
    ask(site, hands, "last@readers.example")
    assert [to for to, _, _ in letters(relay, 2)] == ["bob@readers.example", "last@readers.example"]


def test_a_stranger_whose_address_was_typed_can_see_that_and_have_it_erased(
    house: House, site: str, hands: Clock, relay: ScriptedRelay, environ: dict[str, str]
) -> None:
    page = site + joined(house, site, hands, relay)
    who = "stranger@readers.example"
    HTTP.post(page, data={"act": "address", "address": who})
    letters(relay, 2)

    def run(*words: str) -> tuple[int, str]:
        told = ["-C", str(house.settings.folder), "subscribers", *words]
        result = CliRunner().invoke(program, told, env=environ)
        return result.exit_code, result.stdout

    assert "a mail that somebody asked for: address" in run("show", who)[1]
    shown = json.loads(run("show", who, "--json")[1])["address_rows"]
    assert {name: len(rows) for name, rows in shown.items()} == {"notice": 1, "tally": 1}
    assert run("forget", who, "--yes")[0] == 0
    assert "suppressed: request, by forget" in run("show", who)[1]
    with house.database.reading() as session:
        assert roster.traces(session, who, KEYS).keys() == {"suppression"}
    assert run("forget", who, "--yes") == (0, "")  # nothing is left to erase
    ask(site, hands, "late@readers.example")
    letters(relay, 3)
    assert run("forget", "late@readers.example", "--yes")[0] == 0
    with house.database.reading() as session:
        assert roster.traces(session, "late@readers.example", KEYS).keys() == {"suppression"}


def test_old_notices_are_forgotten_with_the_addresses_in_them(
    house: House, site: str, hands: Clock, relay: ScriptedRelay
) -> None:
    page = site + joined(house, site, hands, relay)
    HTTP.post(page, data={"act": "address", "address": "stranger@readers.example"})
    letters(relay, 2)
    until(lambda: publish.confirm(house, clock=hands).sent == 0)
    assert publish.tidy(house, hands.now + timedelta(days=6))["notices"] == 0
    assert publish.tidy(house, hands.now + timedelta(days=8))["notices"] == 2
    assert profile(house).subscriptions[0].state == "confirmed"


def test_the_operator_s_never_takes_the_place_of_every_other_reason(
    house: House, site: str, hands: Clock, relay: ScriptedRelay
) -> None:
    bob = "bob@readers.example"
    with house.database.writing() as session:
        for who in (ANN, bob):
            roster.suppress(session, who, reason="bounce", how="report", now=NOW, keys=KEYS)
    ask(site, hands)
    ask(site, hands, bob)
    links = [link for _, _, link in letters(relay, 2)]
    hands.now += timedelta(minutes=5)
    told: dict[str, Any] = {"how": "operator", "now": hands.now, "keys": KEYS}
    never = Entry(1, bob, status="suppressed", suppression="operator")
    with house.database.writing() as session:
        assert roster.suppress(session, ANN, reason="operator", **told)
        assert not roster.suppress(session, ANN, reason="operator", **told)
        assert not roster.suppress(session, ANN, reason="complaint", **told)
        for pretend, change in ((True, "changed"), (False, "changed"), (False, "unchanged")):
            listed = roster.Entering(
                "weekly", how="import", evidence="", now=NOW, keys=KEYS, pretend=pretend
            )
            assert [v.change for v in listed.enter(session, listed.addressed([never]))] == [change]
    for link in links:
        HTTP.post(site + link)
    assert {profile(house, who).suppression for who in (ANN, bob)} == {"operator"}


def test_who_confirms_a_new_address_gets_mail_there_though_it_bounced_once(
    house: House, site: str, hands: Clock, relay: ScriptedRelay
) -> None:
    page = site + joined(house, site, hands, relay)
    new = "new@readers.example"
    with house.database.writing() as session:
        roster.suppress(session, new, reason="bounce", how="report", now=NOW, keys=KEYS)
    HTTP.post(page, data={"act": "address", "address": new})
    HTTP.post(site + letters(relay, 2)[1][2])
    assert letters(relay, 3)[2] == (ANN, "Your address for The Week was changed", "/subscribe")
    with house.database.reading() as session:
        assert [r.address for r in roster.recipients(session, "weekly")] == [new]
    with house.database.writing() as session:  # c77: an old list has the old address
        old = roster.Entering("weekly", how="import", evidence="x", now=NOW, keys=KEYS)
        assert [v.change for v in old.enter(session, old.addressed([Entry(1, ANN)]))] == ["skipped"]
        assert [r.address for r in roster.recipients(session, "weekly")] == [new]
    hands.now += timedelta(days=2)
    HTTP.post(page, data={"act": "address", "address": ANN})
    HTTP.post(site + letters(relay, 4)[3][2])
    with house.database.reading() as session:
        assert [r.address for r in roster.recipients(session, "weekly")] == [ANN]


def test_list_bombing_three_in_a_month_also_when_the_requests_are_forgotten(
    house: House, site: str, hands: Clock, relay: ScriptedRelay
) -> None:
    for count in (1, 2, 3):
        ask(site, hands)
        letters(relay, count)
        hands.now += timedelta(days=9)
        assert publish.tidy(house, hands.now)["subscribers"] == 1
    ask(site, hands)
    ask(site, hands, "last@readers.example")
    assert [to for to, _, _ in letters(relay, 4)] == [ANN, ANN, ANN, "last@readers.example"]
    hands.now += timedelta(days=5)  # the first of the three is more than a month ago
    ask(site, hands)
    assert letters(relay, 5)[4][0] == ANN
    with house.database.reading() as session:
        assert ANN not in str(session.connection().execute(select(TallyRow)).all())


def test_feedback_and_archive(
    house: House, site: str, hands: Clock, relay: ScriptedRelay, environ: dict[str, str]
) -> None:
    from subscribers import tokens

    joined(house, site, hands, relay)
    publish.collect(house, now=hands.now)
    record = publish.prepare(house, "weekly", now=hands.now).record
    assert "none yet" in HTTP.get(f"{site}/archive/weekly").text
    assert HTTP.get(f"{site}/archive/weekly/{record.issue.number}").status_code == 404
    publish.approve(house, "weekly", record.issue.number, by="x", now=hands.now)
    publish.send(house, "weekly", clock=hands)
    listed = HTTP.get(f"{site}/archive").text
    assert f"/archive/weekly/{record.issue.number}" in listed
    assert "30 March 2026 · <bdi>The Week</bdi> · Issue 1" in listed
    answer = HTTP.get(f"{site}/archive/weekly/{record.issue.number}")
    assert "sandbox" in answer.headers["content-security-policy"]
    assert "/u/" not in answer.text
    for own in ("View in browser", "because you signed up", "Choose sections", "Unsubscribe"):
        assert own not in answer.text  # nobody's page; and it is what they look at
    feed = HTTP.get(f"{site}/archive/weekly/feed.xml").content
    assert ElementTree.fromstring(feed).tag == "{http://www.w3.org/2005/Atom}feed"  # noqa: S314 - our own
    [entry] = read_feed(feed, source="archive").articles
    assert entry.url.endswith(f"/archive/weekly/{record.issue.number}")
    for missing in ("/archive/hourly", "/archive/hourly/feed.xml", "/archive/weekly/99"):
        assert HTTP.get(site + missing).status_code == 404
    number = profile(house).subscriber
    link = f"{site}/f/{tokens.seal(tokens.Token('feedback', 'weekly', record.id, number), KEYS)}"
    assert "How was this issue?" in HTTP.get(link).text
    assert HTTP.post(link, data={"verdict": "hacked"}).status_code == 422

    def said(*words: str) -> str:
        told = ["-C", str(house.settings.folder), "issues", "feedback", "-n", "weekly", *words]
        result = CliRunner().invoke(program, told, env=environ)
        assert result.exit_code == 0
        return result.stdout + result.stderr

    assert said() == "nobody has said anything of issue 1 yet\n"
    for verdict in ("poor", "good"):
        HTTP.post(link, data={"verdict": verdict, "comment": "more maps"})
    with house.database.reading() as session:
        assert roster.feedback(session, record.id) == {"good": 1}
    assert [(o.verdict, o.comment) for o in publish.opinions(house, record)] == [
        ("good", "more maps")
    ]

    HTTP.post(link, data={"verdict": "poor", "comment": "[red]\x1b[31m less"})
    assert "poor" in said()
    assert "[red] [31m less" in said()
    assert "ann@" not in said("--json")
    [told] = json.loads(said("--json"))
    assert (told["verdict"], told["comment"]) == ("poor", "[red]\x1b[31m less")


@pytest.mark.parametrize("language", ["hi", "es", "fr", "ar"])
def test_pages_speak_the_reader_s_language(site: str, language: str) -> None:
    page = HTTP.get(f"{site}/subscribe", headers={"Accept-Language": f"xx, {language};q=0.9"}).text
    assert f'lang="{language}" dir="{"rtl" if language == "ar" else "ltr"}"' in page
    assert "Your mail address" not in page
    for path in ("u/nothing", "p/nothing", "f/nothing", "c/nothing", "nothing"):
        lost = HTTP.get(f"{site}/{path}", headers={"Accept-Language": language})
        assert (lost.status_code, f'lang="{language}"' in lost.text) == (404, True), path
        assert "This link does not work" not in lost.text


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_a_browser_joins_chooses_leaves_and_comes_back(
    house: House, site: str, hands: Clock, relay: ScriptedRelay, tmp_path: Path
) -> None:
    chromium = shutil.which("chromium")
    if chromium is None:
        pytest.skip("Install chromium (apt install chromium) to see the pages in a browser.")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        for width, scheme, address in ((360, "dark", "phone"), (1200, "light", "desk")):
            context = browser.new_context(
                viewport={"width": width, "height": 760}, color_scheme=scheme,  # type: ignore[arg-type]
                java_script_enabled=False,
            )  # fmt: skip
            _walk(context.new_page(), house, site, hands, relay, f"{address}@readers.example")
            context.close()
        browser.close()


def _walk(
    page: Page, house: House, site: str, hands: Clock, relay: ScriptedRelay, address: str
) -> None:
    from subscribers import tokens

    before = len(relay.accepted)
    page.goto(f"{site}/subscribe")
    page.get_by_label("The Week").check()
    page.get_by_label("Your mail address").fill(address)
    hands.now += timedelta(seconds=5)
    page.get_by_role("button", name="Subscribe").click()
    assert page.get_by_role("heading", level=1).inner_text() == "Look into your mail"
    link = letters(relay, before + 1)[-1][2]
    page.goto(site + link)
    page.get_by_role("button", name="Yes, I confirm").click()
    assert page.get_by_role("heading", level=1).inner_text() == "Thank you"
    number = profile(house, address).subscriber
    seal = tokens.seal(tokens.Token("preferences", "weekly", 0, number), KEYS)
    page.goto(f"{site}/p/{seal}")
    page.get_by_label("Once a week at most").check()
    page.get_by_role("button", name="Save", exact=True).click()
    assert "Saved." in page.get_by_role("status").inner_text()
    page.get_by_role("link", name="Leave The Week").click()
    page.get_by_role("button", name="Unsubscribe").click()
    assert profile(house, address).subscriptions[0].state == "withdrawn"
    page.get_by_text("Tell us why").click()
    page.get_by_label("There were too many mails").check()
    page.get_by_role("button", name="Tell").click()
    choices = page.get_by_role("link", name="Your choices").evaluate("link => link.href")
    assert "You do not get <bdi>The Week</bdi>" in HTTP.get(choices).text
    page.get_by_text("Would fewer have been better?").click()
    page.get_by_role("button", name="It was a mistake").click()
    assert page.get_by_role("heading", level=1).inner_text() == "Welcome back"
    page.get_by_role("link", name="What would you like to read?").click()
    assert page.get_by_label("Every issue").count() == 1
    assert profile(house, address).subscriptions[0].state == "confirmed"


def test_every_link_of_somebody_forgotten_still_answers(
    house: House, site: str, hands: Clock, relay: ScriptedRelay
) -> None:
    from subscribers import tokens

    page = site + joined(house, site, hands, relay)
    confirmed = site + letters(relay, 1)[0][2]
    number = profile(house).subscriber
    with house.database.writing() as session:
        roster.forget(session, ANN, now=NOW, keys=KEYS)
    for act in ({}, {"act": "pause", "weeks": "2"}, {"act": "language", "language": "hi"},
                {"act": "address", "address": "new@x.org"}, {"act": "leave"},
                {"act": "join", "newsletter": "daily"}):  # fmt: skip
        assert HTTP.post(page, data=act).status_code in {200, 422}, act
    purposes: tuple[tuple[str, tokens.Purpose], ...] = (("u", "unsubscribe"), ("f", "feedback"))
    for path, purpose in purposes:
        link = f"{site}/{path}/{tokens.seal(tokens.Token(purpose, 'gone', 9, number), KEYS)}"
        assert HTTP.get(link).status_code == 200
        for more in ("", "/why", "/back") if path == "u" else ("",):
            told = {"verdict": "good", "reason": "other"}
            assert HTTP.post(link + more, data=told).status_code == 200, more
    assert HTTP.post(confirmed).status_code == 404


def test_a_link_that_was_used_moves_and_mails_nobody_again(
    house: House, site: str, hands: Clock, relay: ScriptedRelay
) -> None:
    page, new = site + joined(house, site, hands, relay), "new@readers.example"
    HTTP.post(page, data={"act": "address", "address": new})
    there = site + letters(relay, 2)[1][2]
    for _ in range(3):  # a double click is answered as the first one
        assert "will come to" in HTTP.post(there).text
    letters(relay, 3)
    hands.now += timedelta(days=2)
    HTTP.post(page, data={"act": "address", "address": ANN})
    back = site + letters(relay, 4)[3][2]
    assert "Thank you" in HTTP.post(back).text
    letters(relay, 5)
    for link, status in ((there, 404), (back, 200), (there, 404)):
        assert (HTTP.get(link).status_code, HTTP.post(link).status_code) == (status, status)
    assert len(profile(house).subscriptions[0].events) == 4  # asked, confirmed, there and back
    ask(site, hands, "last@readers.example")
    told = [(to, subject) for to, subject, _ in letters(relay, 6)]
    assert told[2] == (ANN, "Your address for The Week was changed")
    assert told[4] == (new, "Your address for The Week was changed")
    assert told[5] == ("last@readers.example", "Please confirm: The Week")


def test_many_clicks_at_once_are_one(
    house: House, site: str, hands: Clock, relay: ScriptedRelay
) -> None:
    page = site + joined(house, site, hands, relay)
    HTTP.post(page, data={"act": "address", "address": "new@readers.example"})
    link = site + letters(relay, 2)[1][2]
    with ThreadPoolExecutor(10) as clicks:
        answers = list(clicks.map(HTTP.post, [link] * 10))
    assert {answer.status_code for answer in answers} == {200}
    kept = profile(house, "new@readers.example").subscriptions[0].events
    assert [event.kind for event in kept] == ["requested", "confirmed", "moved"]
    ask(site, hands, "last@readers.example")
    assert [to for to, _, _ in letters(relay, 4)][2:] == [ANN, "last@readers.example"]


def test_a_confirmation_that_was_used_answers_no_later_request(
    house: House, site: str, hands: Clock, relay: ScriptedRelay
) -> None:
    joined(house, site, hands, relay)
    used = site + letters(relay, 1)[0][2]
    number = profile(house).subscriber
    with house.database.writing() as session:
        roster.withdraw(session, number, "weekly", how="page", now=hands.now)
    hands.now += timedelta(days=1)
    ask(site, hands)
    fresh = site + letters(relay, 2)[1][2]
    assert "You do not get The Week" in HTTP.post(used).text
    assert profile(house).subscriptions[0].state == "requested"
    assert "Thank you" in HTTP.post(fresh).text
    assert profile(house).subscriptions[0].state == "confirmed"


def test_who_left_all_is_brought_back_by_no_list_of_another_newsletter(
    house: House, site: str, hands: Clock, relay: ScriptedRelay
) -> None:
    from subscribers import tokens

    page = site + joined(house, site, hands, relay)
    number = profile(house).subscriber
    leave = f"{site}/u/{tokens.seal(tokens.Token('unsubscribe', 'weekly', 0, number), KEYS)}"
    assert "left all our newsletters" in HTTP.post(page, data={"act": "leave"}).text
    with house.database.writing() as session:
        listed = roster.Entering("daily", how="import", evidence="x", now=hands.now, keys=KEYS)
        for entered in listed.enter(session, listed.addressed([Entry(1, ANN)])):
            assert (entered.change, entered.why) == (
                "skipped", "This address must never be mailed."
            )  # fmt: skip
    # A page of before, still open: its button undoes one leaving, not this one.
    assert "Welcome back" not in HTTP.post(f"{leave}/back").text
    assert profile(house).subscriptions[0].state == "withdrawn"
    hands.now += timedelta(days=1)
    ask(site, hands)
    assert "Thank you" in HTTP.post(site + letters(relay, 2)[1][2]).text
    assert (profile(house).suppressed, profile(house).subscriptions[0].state) == (
        False, "confirmed"
    )  # fmt: skip


def test_offices_and_mailboxes_for_an_hour_are_asked_for_another_address(
    house: House, site: str, hands: Clock, relay: ScriptedRelay
) -> None:
    """Section 3.4: said openly, for it depends on what was typed alone."""
    page = site + joined(house, site, hands, relay)
    for who in ("postmaster@readers.example", "NoReply+news@readers.example", "x@yopmail.com",
                "x@mail.Mailinator.com"):  # fmt: skip
        answer = ask(site, hands, who)
        assert (answer.status_code, "that you will keep" in answer.text) == (422, True)
        assert f'value="{who}"' in answer.text
        moved = HTTP.post(page, data={"act": "address", "address": who})
        assert (moved.status_code, "that you will keep" in moved.text) == (422, True)
        assert "That is not a mail address" not in moved.text
    ask(site, hands, "postmaster.ann@readers.example")
    ask(site, hands, "x@notmailinator.com")
    told = [to for to, _, _ in letters(relay, 3)]
    assert told == [ANN, "postmaster.ann@readers.example", "x@notmailinator.com"]


def test_a_publisher_says_which_addresses_are_refused(
    folder: Path, environ: dict[str, str], relay: ScriptedRelay, hands: Clock
) -> None:
    file = folder / "digest.toml"
    own = '[joining]\nrefused_names = ["Info"]\nrefused_domains = []\n'
    file.write_text(file.read_text("utf-8") + own, encoding="utf-8")
    told = {**environ, "DIGEST_RELAY_PORT": str(relay.port)}
    with open_house(folder, told) as own_house, serving(public_app(own_house, hands)) as site:
        assert ask(site, hands, "info@readers.example").status_code == 422
        for who in ("postmaster@readers.example", "x@yopmail.com"):
            assert ask(site, hands, who).status_code == 200
        assert [to for to, _, _ in letters(relay, 2)] == [
            "postmaster@readers.example", "x@yopmail.com"
        ]  # fmt: skip


def test_the_pages_wear_the_publisher_s_theme(
    folder: Path, environ: dict[str, str], hands: Clock
) -> None:
    file = folder / "digest.toml"
    theme = (
        '[theme]\naccent = "#06c"\nheadline_font = "Charter, Georgia, serif"\nradius = 9\n'
        '[theme.dark]\npaper = "#101010"\n'
    )
    file.write_text(file.read_text("utf-8") + theme, encoding="utf-8")
    with open_house(folder, environ) as themed, serving(public_app(themed, hands)) as site:
        for path in ("/subscribe", "/archive", "/u/nothing"):
            page = HTTP.get(site + path).text
            for part in ("--accent:#0066cc;", "--head:Charter, Georgia, serif;", "--round:9px",
                         "--paper:#ffffff;", "--paper:#101010;"):  # fmt: skip
                assert part in page, (path, part)
            assert "#a3281f" not in page
            assert "#ff8a7a" not in page


@ONE_ENGINE
def test_the_only_newsletter_s_feed_is_on_the_page_of_all_past_issues(
    folder: Path, environ: dict[str, str], hands: Clock
) -> None:
    with open_house(folder, environ) as alone, serving(public_app(alone, hands)) as site:
        page = HTTP.get(f"{site}/archive").text
        link = re.search(r'<link rel="alternate" type="application/atom.xml" href="([^"]+)"', page)
        assert link
        assert link[1].endswith("/archive/weekly/feed.xml")
        assert f'<a href="{link[1]}">Feed</a>' in page


@ONE_ENGINE
def test_after_years_of_issues_a_page_reads_no_more_of_them_than_it_shows(
    folder: Path, environ: dict[str, str], hands: Clock
) -> None:
    from subscribers import tokens

    with open_house(folder, environ) as old, serving(public_app(old, hands)) as site:
        with old.database.writing() as session:
            number = roster.add(session, ANN, "weekly", how="page", now=NOW, keys=KEYS)
        publish.collect(old, now=NOW)
        issue = publish.prepare(old, "weekly", now=NOW).record.id
        _many(old, 119)
        first = HTTP.get(f"{site}/archive/weekly").text
        older = re.search(r'href="[^"]+(/archive/weekly[?]before=[0-9]+)" rel="next"', first)
        assert older
        second = HTTP.get(site + older[1]).text
        third = HTTP.get(f"{site}/archive/weekly?before=20").text
        shown = [re.findall(r"/archive/weekly/([0-9]+)", page) for page in (first, second, third)]
        assert [list(map(int, numbers)) for numbers in shown] == [
            [*range(120, 70, -1)], [*range(70, 20, -1)], [*range(19, 1, -1)]
        ]  # fmt: skip
        assert 'rel="next"' not in third
        assert "/archive/weekly/120" in HTTP.get(f"{site}/archive?before=-1").text
        seals: tuple[tuple[str, tokens.Purpose], ...] = (
            ("p", "preferences"), ("u", "unsubscribe"), ("f", "feedback")
        )  # fmt: skip
        links = [f"/{path}/{tokens.seal(tokens.Token(purpose, 'weekly', issue, number), KEYS)}"
                 for path, purpose in seals]  # fmt: skip
        said: list[str] = []
        event.listen(old.database.engine, "before_cursor_execute",
                     lambda *told: said.append(told[2]))  # fmt: skip
        for path in (*links, "/health", "/archive", "/archive/weekly", "/archive/weekly/feed.xml"):
            assert HTTP.get(site + path).status_code == 200
        whole = [statement for statement in said if "issue.manifest" in statement]
        assert len(whole) >= 7
        assert [statement for statement in whole if " LIMIT " not in statement] == []


def _many(house: House, count: int) -> None:
    """So many more issues like the first, all of which went out."""
    columns = "newsletter, content_hash, approved_hash, approved_by, prepared_at, version"
    copied = (
        f"INSERT INTO issue (number, state, manifest, {columns}) "  # noqa: S608 - our own columns
        "SELECT :number, 'sent', replace(manifest, :first, :this), "
        f"{columns} FROM issue WHERE number = 1"
    )
    told = [
        {"number": number, "first": '"number":1,', "this": f'"number":{number},'}
        for number in range(2, count + 2)
    ]
    with house.database.engine.begin() as connection:
        connection.execute(text(copied), told)
