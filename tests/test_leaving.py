"""Leaving and coming back: who left stays away until they themselves confirm anew."""

from datetime import timedelta
from typing import Any

from digest.publish import House
from subscribers import roster
from subscribers.exchange import Entry
from tests.browsing import HTTP
from tests.clocks import Clock
from tests.conftest import NOW
from tests.joining import ANN, KEYS, ask, hands, house, joined, letters, profile, site
from tests.relay import ScriptedRelay

__all__ = ["hands", "house", "site"]


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
    hands.at += timedelta(hours=2)
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
    hands.at += timedelta(hours=1)
    with house.database.writing() as session:
        roster.suppress(session, ANN, reason="bounce", how="x", now=hands.at, keys=KEYS)
    assert HTTP.post(site + link).status_code == 200
    assert profile(house).suppressed
    hands.at += timedelta(days=1)
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
        roster.suppress(session, ANN, reason="operator", how="x", now=hands.at, keys=KEYS)
    back = HTTP.post(f"{leave}/back").text
    assert ("Welcome back" in back, "You do not get The Week" in back) == (False, True)
    with house.database.writing() as session:
        roster.forget(session, ANN, now=hands.at, keys=KEYS)
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
    hands.at += timedelta(minutes=5)
    told: dict[str, Any] = {"how": "operator", "now": hands.at, "keys": KEYS}
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


def test_who_left_all_is_brought_back_by_no_list_of_another_newsletter(
    house: House, site: str, hands: Clock, relay: ScriptedRelay
) -> None:
    from subscribers import tokens

    page = site + joined(house, site, hands, relay)
    number = profile(house).subscriber
    leave = f"{site}/u/{tokens.seal(tokens.Token('unsubscribe', 'weekly', 0, number), KEYS)}"
    assert "left all our newsletters" in HTTP.post(page, data={"act": "leave"}).text
    with house.database.writing() as session:
        listed = roster.Entering("daily", how="import", evidence="x", now=hands.at, keys=KEYS)
        for entered in listed.enter(session, listed.addressed([Entry(1, ANN)])):
            assert (entered.change, entered.why) == (
                "skipped", "This address must never be mailed."
            )  # fmt: skip
    # A page of before, still open: its button undoes one leaving, not this one.
    assert "Welcome back" not in HTTP.post(f"{leave}/back").text
    assert profile(house).subscriptions[0].state == "withdrawn"
    hands.at += timedelta(days=1)
    ask(site, hands)
    assert "Thank you" in HTTP.post(site + letters(relay, 2)[1][2]).text
    assert (profile(house).suppressed, profile(house).subscriptions[0].state) == (
        False, "confirmed"
    )  # fmt: skip
