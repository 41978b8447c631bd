"""Joining: over a real server, with the real mail of a relay."""

import json
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import select
from typer.testing import CliRunner

from digest import publish
from digest.cli import app as program
from digest.publish import House, open_house
from digest.web import public_app
from subscribers import roster
from subscribers.errors import UnknownSubscriber
from subscribers.roster.tables import TallyRow
from tests.browsing import HTTP
from tests.clocks import Clock
from tests.conftest import NOW
from tests.joining import ANN, KEYS, ask, hands, house, joined, letters, profile, site
from tests.relay import ScriptedRelay
from tests.serving import serving
from tests.waiting import until

__all__ = ["hands", "house", "site"]


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
    hands.at += timedelta(minutes=3)
    for _ in range(2):
        assert "Thank you" in HTTP.post(site + link).text
    [kept] = profile(house).subscriptions
    assert (kept.state, kept.confirmed_at) == ("confirmed", hands.at)
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
    hands.at += timedelta(days=8)
    assert HTTP.get(site + link).status_code == 404
    assert HTTP.post(site + link).status_code == 404
    assert profile(house).subscriptions[0].state == "requested"
    assert publish.tidy(house, hands.at)["requests"] == 1
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
        hands.at = NOW + timedelta(days=day, minutes=day)
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
    assert publish.tidy(house, hands.at + timedelta(days=6))["notices"] == 0
    assert publish.tidy(house, hands.at + timedelta(days=8))["notices"] == 2
    assert profile(house).subscriptions[0].state == "confirmed"


def test_list_bombing_three_in_a_month_also_when_the_requests_are_forgotten(
    house: House, site: str, hands: Clock, relay: ScriptedRelay
) -> None:
    for count in (1, 2, 3):
        ask(site, hands)
        letters(relay, count)
        hands.at += timedelta(days=9)
        assert publish.tidy(house, hands.at)["subscribers"] == 1
    ask(site, hands)
    ask(site, hands, "last@readers.example")
    assert [to for to, _, _ in letters(relay, 4)] == [ANN, ANN, ANN, "last@readers.example"]
    hands.at += timedelta(days=5)  # the first of the three is more than a month ago
    ask(site, hands)
    assert letters(relay, 5)[4][0] == ANN
    with house.database.reading() as session:
        assert ANN not in str(session.connection().execute(select(TallyRow)).all())


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
        roster.withdraw(session, number, "weekly", how="page", now=hands.at)
    hands.at += timedelta(days=1)
    ask(site, hands)
    fresh = site + letters(relay, 2)[1][2]
    assert "You do not get The Week" in HTTP.post(used).text
    assert profile(house).subscriptions[0].state == "requested"
    assert "Thank you" in HTTP.post(fresh).text
    assert profile(house).subscriptions[0].state == "confirmed"


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
