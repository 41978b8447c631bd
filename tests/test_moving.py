"""A reader moves to another address: the old one is told, and no mail elsewhere acts for them."""

import email
import email.policy
import re
from dataclasses import replace
from datetime import timedelta
from typing import Any, get_args

import pytest

from digest import publish
from digest.messages import Message
from digest.publish import House
from digest.publish.confirming import compose
from subscribers import roster, words
from subscribers.roster import Asker
from tests.conftest import NOW, SECRET
from tests.relay import ScriptedRelay

KEYS = (SECRET.encode(),)
OLD, NEW = "old@readers.example", "new@elsewhere.example"
WHEN: dict[str, Any] = {"now": NOW, "keys": KEYS}


@pytest.fixture
def reader(house: House) -> int:
    with house.database.writing() as session:
        return roster.add(session, OLD, "weekly", how="page", **WHEN)


def asked(house: House, reader: int, new: str = NEW) -> roster.Notice:
    """The reader wants their mail at the new address; nobody has confirmed that."""
    with house.database.writing() as session:
        assert roster.ask_to_move(session, reader, "weekly", new, **WHEN)
        return roster.due_notices(session, NOW)[-1]


def moved(house: House, reader: int, new: str = NEW) -> list[roster.Notice]:
    """It was confirmed there; what is owed then, but for the question itself."""
    notice = asked(house, reader, new)
    with house.database.writing() as session:
        roster.take_notice(session, notice.id, NOW)
        roster.move(session, notice.id, reader, Asker(), **WHEN)
        return roster.due_notices(session, NOW)


def active(house: House) -> list[str]:
    with house.database.reading() as session:
        return [found.address for found in roster.recipients(session, "weekly", now=NOW)]


def test_the_old_address_is_told_once(house: House, reader: int, relay: ScriptedRelay) -> None:
    with house.database.writing() as session:
        roster.speak(session, reader, "fr")
    assert [(owed.kind, owed.address) for owed in moved(house, reader)] == [("moved", OLD)]
    assert publish.confirm(house, clock=lambda: NOW).sent == 1
    assert publish.confirm(house, clock=lambda: NOW).sent == 0
    [taken] = relay.accepted
    mail = email.message_from_bytes(taken.data, policy=email.policy.default)
    assert (taken.recipient, mail["To"]) == (OLD, OLD)
    assert mail["Subject"] == "Votre adresse pour The Week a été changée"


def test_the_word_to_the_old_address_names_no_other_and_no_link_of_it_acts(
    house: House, reader: int
) -> None:
    """In each language: who had the address changed may be the reader, or a stranger."""
    [owed] = moved(house, reader)
    english = ""
    for language in ("en", *words.LANGUAGES):
        message = compose(house, replace(owed, language=language), NOW)
        mail = email.message_from_bytes(message.data, policy=email.policy.default)
        body = mail.get_content()
        say, title = words.translated(language), {"newsletter": "The Week"}
        assert mail["Subject"] == say("Your address for %(newsletter)s was changed") % title
        assert say("If it was not you, please write to us:") in body
        assert house.settings.publisher.email in body
        assert re.findall(r"\w+://\S+", body) == [f"{house.settings.web.base_url}/subscribe"]
        assert "elsewhere" not in f"{message.data!r}{body}"
        assert not [name for name in mail if name.startswith("List-Unsubscribe")]
        english = english or body
        assert (body == english) is (language == "en")


def test_an_old_address_that_may_not_be_mailed_is_told_nothing(house: House) -> None:
    """Nor is who has left everything: no mail at all goes to them."""
    for n, reason in enumerate((*get_args(roster.Reason), "left")):
        old, new = f"old{n}@readers.example", f"new{n}@elsewhere.example"
        with house.database.writing() as session:
            number = roster.add(session, old, "weekly", how="page", **WHEN)
            if reason == "left":
                roster.withdraw(session, number, "weekly", how="page", now=NOW)
            else:
                roster.suppress(session, old, reason=reason, how="test", **WHEN)
        assert moved(house, number, new) == []
    assert active(house) == [f"new{n}@elsewhere.example" for n in range(4)]


def test_a_change_that_is_none_is_told_to_nobody(house: House, reader: int) -> None:
    with house.database.writing() as session:
        roster.ask_to_move(session, reader, "weekly", OLD.upper(), **WHEN)
        [notice] = roster.due_notices(session, NOW)
        roster.take_notice(session, notice.id, NOW)
        roster.move(session, notice.id, reader, Asker(), **WHEN)
        assert roster.due_notices(session, NOW) == []


def test_whose_mail_was_moved_away_can_have_it_back_the_same_day(house: House, reader: int) -> None:
    assert moved(house, reader)
    with house.database.writing() as session:
        assert roster.request(session, OLD, ["weekly"], Asker(), **WHEN)
        notice = roster.due_notices(session, NOW)[-1]
        assert (notice.kind, notice.address) == ("confirm", OLD)
        roster.confirm(session, notice.id, notice.subscriber, Asker(), **WHEN)
    assert sorted(active(house)) == sorted([OLD, NEW])


BLOCKS = {
    "bounce": """message/delivery-status

Reporting-MTA: dns; mx.elsewhere.example

Final-Recipient: rfc822; {named}
Action: failed
Status: 5.1.1
Diagnostic-Code: smtp; 550 5.1.1 unknown""",
    "complaint": """message/feedback-report

Feedback-Type: abuse
User-Agent: Loop/1.0
Version: 1""",
}


def report(kind: str, sent: Message, named: str) -> bytes:
    """A bounce or complaint about this mail, which gives all of it back."""
    return f"""From: mailer-daemon@elsewhere.example
To: {sent.sender}
Subject: a report
Message-ID: <{kind}.{named}>
MIME-Version: 1.0
Content-Type: multipart/report; boundary="=_r"

--=_r
Content-Type: {BLOCKS[kind].format(named=named)}

--=_r
Content-Type: message/rfc822

{sent.data.decode()}
--=_r--
""".encode()


@pytest.mark.parametrize("which", ["address", "moved"])
def test_what_comes_back_from_elsewhere_ends_nothing_at_the_reader_s_address(
    house: House, reader: int, which: str
) -> None:
    """A mistyped new address, a stranger there, an old address that is dead."""
    notice = asked(house, reader) if which == "address" else moved(house, reader)[0]
    message = compose(house, notice, NOW)
    for kind in BLOCKS:
        for named in (notice.address, "hidden"):
            raw = report(kind, message, named)
            received = publish.receive(house, raw, source="file", now=NOW + timedelta(hours=1))
            assert (received.report.kind, received.new, received.did) == (kind, True, "")
    assert active(house) == [OLD if which == "address" else NEW]
    assert {kept.subscriber for kept in publish.reports(house)[0]} == {None}


def test_a_confirmation_is_plain_and_can_be_declined_for_ever(house: House) -> None:
    """What a bomb carries: no word that was typed, no picture, and a way out."""
    asker = Asker("page", "typed wording", "192.0.2.7", "Typed Browser/1", "en")
    with house.database.writing() as session:
        roster.request(session, OLD, ["weekly"], asker, **WHEN)
        [owed] = roster.due_notices(session, NOW)
    message = compose(house, owed, NOW)
    mail = email.message_from_bytes(message.data, policy=email.policy.default)
    assert (mail.get_content_type(), mail.is_multipart()) == ("text/plain", False)
    assert "do nothing: no further mail will come" in mail.get_content()
    assert not re.search("typed|192|browser", mail.get_content(), re.IGNORECASE)
    [token] = re.findall(r"/u/([^>]+)>", mail["List-Unsubscribe"])
    door = publish.FrontDoor(house, lambda: NOW)
    door.leave(token, "one-click")
    door.close()
    with house.database.reading() as session:
        [held] = roster.find(session, OLD).subscriptions
    assert (held.state, held.events[-1].how) == ("withdrawn", "one-click")
