"""What editors are told: each once, in words and as a page, whatever stands against it."""

import re
from datetime import datetime, timedelta
from pathlib import Path

from digest import publish
from digest.publish import House
from digest.publish.running.noticing import mail_notice
from digest.schedule import Tell
from subscribers import limiting, roster
from tests.conftest import SECRET
from tests.relay import ScriptedRelay
from tests.replies import DROP
from tests.running import (
    DAY,
    DUE,
    EDITOR,
    HOUR,
    ONE_ENGINE,
    READERS,
    SECOND,
    Opened,
    at,
    notices,
    opened,
    readers_of,
    said_in,
    subjects,
    text_of,
)

__all__ = ["opened"]


def test_how_it_went_is_told_once_when_everybodys_mail_is_settled(
    opened: Opened, relay: ScriptedRelay
) -> None:
    first, second = sorted(READERS)
    relay.will("rcpt", first, "450 4.2.1 later")
    relay.will("rcpt", second, "550 5.1.1 no such user")
    with opened(approval="auto") as house:
        at(house, DUE - 2 * DAY, DUE - DAY, DUE)
        assert len(notices(relay)) == 1  # one of them is still to be tried again
        at(house, DUE + HOUR, DUE + HOUR, DUE + 2 * HOUR, DUE + DAY)
        [_, told] = notices(relay)
        assert told["Subject"] == "The Week: issue 1 has gone out to 1 reader"
        text = said_in(told)
        assert "1 sent 1 refused for good by the relay" in text
        assert "digest status --readers 1 -n weekly" in text
        assert "https://news.example.org/v/" in text
        # The clock put back does not tell it again.
        at(house, DUE + 2 * HOUR, DUE - DAY, DUE + 3 * HOUR)
        assert len(notices(relay)) == 2


@ONE_ENGINE
def test_how_it_went_may_be_switched_off(opened: Opened, relay: ScriptedRelay) -> None:
    with opened(approval="auto", report=False) as house:
        at(house, DUE - 2 * DAY, DUE - DAY, DUE, DUE + HOUR)
        assert readers_of(relay) == sorted(READERS)
        assert len(notices(relay)) == 1


@ONE_ENGINE
def test_a_notice_has_a_page_that_says_the_same_and_loads_nothing(
    opened: Opened, relay: ScriptedRelay, folder: Path
) -> None:
    with opened() as house:
        at(house, DUE - 2 * DAY, DUE - DAY)
    [notice] = notices(relay)
    assert notice.get_content_type() == "multipart/alternative"
    assert [part.get_content_type() for part in notice.iter_parts()] == ["text/plain", "text/html"]
    page = notice.get_body(("html",))
    assert page is not None
    markup = page.get_content()
    [link] = re.findall(r"https://\S+/v/\S+", text_of(notice))
    assert f'href="{link}"' in markup
    assert "digest approve 1 -n weekly" in markup
    assert "prefers-color-scheme: dark" in markup
    assert not re.search(r"<img|<script|url\(", markup)
    # A template of the publisher's own that is wrong keeps no editor waiting.
    (folder / "templates").mkdir()
    (folder / "templates" / "notice.html.jinja").write_text("{{ nothing }}", "utf-8")
    with opened() as house:
        at(house, DUE - 4 * HOUR)
    reminder = notices(relay)[-1]
    assert "not approved yet" in reminder["Subject"]
    assert reminder.get_content_type() == "text/plain"
    assert "digest approve 1 -n weekly" in text_of(reminder)


@ONE_ENGINE
def test_a_line_of_a_notice_that_begins_with_a_dot_arrives_with_it(
    opened: Opened, relay: ScriptedRelay
) -> None:
    with opened() as house:
        told = Tell(DUE, "fault:x", EDITOR, note="what\nfirst\n.second\n.\nFrom the last")
        assert mail_notice(house, "weekly", told, DUE) == ""
    [notice] = notices(relay)
    assert {".second", ".", "From the last"} <= set(text_of(notice).splitlines())


@ONE_ENGINE
def test_an_editor_that_the_relay_refuses_keeps_no_other_waiting(
    opened: Opened, relay: ScriptedRelay
) -> None:
    relay.will("rcpt", EDITOR, "550 5.1.1 no such editor", times=9)
    with opened(editors=[EDITOR, SECOND]) as house:
        done = at(house, DUE - 2 * DAY, DUE - DAY)
        assert [act.exit_code for act in done if EDITOR in act.what] == [1]
        assert len(notices(relay, SECOND)) == 1
        assert not any(act.exit_code for act in at(house, DUE - DAY + HOUR))


@ONE_ENGINE
def test_a_relay_that_is_not_there_delays_the_notice(opened: Opened, relay: ScriptedRelay) -> None:
    with opened() as house:
        relay.will("mail", "weekly@news.example.org", "451 4.3.0 later", times=2)
        at(house, DUE - 2 * DAY)
        assert [act.exit_code for act in at(house, DUE - DAY)] == [0, 75]
        at(house, DUE - DAY + HOUR)
        assert notices(relay) == []
        at(house, DUE - DAY + 2 * HOUR, DUE - DAY + 3 * HOUR)
        assert len(notices(relay)) == 1


@ONE_ENGINE
def test_a_notice_in_doubt_comes_again_with_the_same_message_id(
    opened: Opened, relay: ScriptedRelay
) -> None:
    relay.will("dot", EDITOR, DROP)
    with opened() as house:
        at(house, DUE - 2 * DAY, DUE - DAY, DUE - DAY + HOUR, DUE - DAY + 2 * HOUR)
    first, second = notices(relay)
    assert first["Message-ID"] == second["Message-ID"]


def flooded(house: House, count: int, now: datetime) -> None:
    """So many were let in by then, in this hour."""
    keys = house.settings.keys
    name, until = limiting.hidden("everybody", "", keys), limiting.window("everybody", now)
    with house.database.writing() as session:
        while roster.tallied(session, "everybody", name, until) < count:
            roster.tally(session, "everybody", name, until, now)


def test_a_flood_of_sign_ups_is_told_to_each_editor_once(
    opened: Opened, relay: ScriptedRelay, folder: Path
) -> None:
    begun = DUE - 2 * DAY + timedelta(minutes=10)
    with opened(editors=[EDITOR, SECOND]) as house:
        file = folder / "digest.toml"
        few = file.read_text("utf-8") + "\n[joining]\nalarm_at = 4\n"
        file.write_text(few, encoding="utf-8")
        house = publish.reread(house, dict.fromkeys(["DIGEST_WEB_SECRET"], SECRET) | {
            "DIGEST_RELAY_PORT": str(relay.port)})  # fmt: skip
        flooded(house, 3, begun)
        at(house, begun)
        assert relay.accepted == []

        flooded(house, 4, begun)
        relay.will("rcpt", SECOND, "450 4.2.0 later")
        done = at(house, begun + timedelta(minutes=1))
        assert [one.exit_code for one in done if one.newsletter == "sign-ups"] == [0, 75]
        assert done[0].what == "4 sign-ups within an hour, which is told from 4 on"
        at(house, begun + timedelta(minutes=2))
        assert len({mail["Message-ID"] for mail in notices(relay)}) == 1
        assert len(notices(relay, SECOND)) == 1
        [first, *_] = notices(relay)
        assert first["Subject"] == "The Week: 4 sign-ups within an hour"
        said = "Since Saturday 28 March 2026, 06:30 IST, 4 have asked to get your newsletters"
        assert said in said_in(first)

        before = len(relay.accepted)
        for hour in (1, 2):  # it goes on
            flooded(house, 9, begun + hour * HOUR)
            at(house, begun + hour * HOUR)
        at(house, begun + 3 * HOUR)
        assert len(relay.accepted) == before
        flooded(house, 5, begun + 5 * HOUR)
        at(house, begun + 5 * HOUR, begun + 5 * HOUR)
        assert len(relay.accepted) == before + 2
        assert subjects(relay)[-1] == "The Week: 5 sign-ups within an hour"
