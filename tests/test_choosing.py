"""Choosing, and moving to another address: every choice is kept, and asked first."""

from datetime import timedelta

from digest.publish import House
from subscribers import roster, words
from subscribers.exchange import Entry
from tests.browsing import HTTP
from tests.clocks import Clock
from tests.conftest import NOW
from tests.joining import ANN, KEYS, ask, hands, house, joined, letters, profile, site
from tests.relay import ScriptedRelay

__all__ = ["hands", "house", "site"]


def test_every_choice_is_kept(house: House, site: str, hands: Clock, relay: ScriptedRelay) -> None:
    page = site + joined(house, site, hands, relay)
    HTTP.post(page, data={"section": "Opinion", "format": "text", "frequency": "weekly"})
    rests = HTTP.post(page, data={"act": "pause", "weeks": "4"})
    assert f"Paused until {words.day(hands.at + timedelta(weeks=4), 'en')}." in rests.text
    HTTP.post(page, data={"act": "language", "language": "fr"})
    found = profile(house)
    [kept] = found.subscriptions
    assert (kept.preferences.sections, kept.preferences.format) == (frozenset({"Opinion"}), "text")
    assert (kept.preferences.frequency, found.language) == ("weekly", "fr")
    assert kept.paused_until == hands.at + timedelta(weeks=4)
    with house.database.reading() as session:
        for now, paused in ((hands.at, True), (hands.at + timedelta(weeks=5), False)):
            got = roster.standing(session, [found.subscriber], "weekly", now=now)
            assert (got[found.subscriber] == "paused") is paused
            assert bool(roster.recipients(session, "weekly", now=now)) is not paused
        assert roster.recipients(session, "weekly", frequencies=frozenset({"each"})) == []
    HTTP.post(page, data={"act": "pause"})
    assert profile(house).subscriptions[0].paused_until is None
    with house.database.writing() as session:
        roster.speak(session, found.subscriber, "en")
    HTTP.post(page, data={"act": "join", "newsletter": "daily"})
    hands.at += timedelta(days=2)
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
    hands.at += timedelta(hours=1)
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
    hands.at += timedelta(days=2)
    HTTP.post(page, data={"act": "address", "address": ANN})
    HTTP.post(site + letters(relay, 4)[3][2])
    with house.database.reading() as session:
        assert [r.address for r in roster.recipients(session, "weekly")] == [ANN]


def test_a_link_that_was_used_moves_and_mails_nobody_again(
    house: House, site: str, hands: Clock, relay: ScriptedRelay
) -> None:
    page, new = site + joined(house, site, hands, relay), "new@readers.example"
    HTTP.post(page, data={"act": "address", "address": new})
    there = site + letters(relay, 2)[1][2]
    for _ in range(3):  # a double click is answered as the first one
        assert "will come to" in HTTP.post(there).text
    letters(relay, 3)
    hands.at += timedelta(days=2)
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
