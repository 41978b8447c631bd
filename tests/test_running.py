"""`digest run` through the week: real mail to editors and readers, on real databases."""

import html
import re
from datetime import timedelta
from pathlib import Path

import pytest

from digest import publish
from digest.errors import SettingsError
from digest.publish.checking import examine
from digest.publish.running.noticing import LISTED
from tests.clocks import Clock
from tests.relay import ScriptedRelay
from tests.running import (
    DAY,
    DUE,
    EDITOR,
    HOUR,
    ONE_ENGINE,
    READERS,
    Opened,
    approve,
    at,
    foretold,
    notices,
    opened,
    readers_of,
    said_in,
    subjects,
    text_of,
    write_schedule,
)

__all__ = ["opened"]


def test_a_week_with_an_editor(opened: Opened, relay: ScriptedRelay) -> None:
    with opened() as house:
        # Saturday: nothing is due, and the sources are read.
        [collected] = at(house, DUE - 2 * DAY)
        assert "new articles from 3 sources" in collected.what
        assert relay.accepted == []

        # Sunday at seven there is a draft, and a notice of it, once.
        at(house, DUE - DAY, DUE - DAY, DUE - DAY + HOUR)
        [notice] = notices(relay)
        assert notice["Subject"] == (
            "The Week: issue 1 waits for approval, due Monday 30 March 2026, 07:00 IST"
        )
        assert notice["Auto-Submitted"] == "auto-generated"
        assert notice["List-Unsubscribe"] is None
        text = said_in(notice)
        record = house.issue("weekly")
        seen = publish.view(house, re.findall(r"https://news.example.org/v/(\S+)", text)[0])
        assert seen
        assert record.issue.stories[0].headline in html.unescape(seen.html)
        assert "View in browser" not in seen.html
        assert "digest approve 1 -n weekly" in text
        assert record.issue.stories[0].headline in text

        assert foretold(house, DUE - DAY) == "issue 1 waits for approval"

        # Four hours before, a reminder; at the time nobody has approved it.
        at(house, DUE - 4 * HOUR, DUE - 3 * HOUR)
        assert "not approved yet" in subjects(relay)[-1]
        at(house, DUE - timedelta(seconds=1), DUE, DUE + HOUR)
        assert "was not sent: nobody approved it" in subjects(relay)[-1]
        assert len(notices(relay)) == 3
        assert readers_of(relay) == []

        # Approved late it goes out then, to each reader once.
        approve(house, DUE + 2 * HOUR)
        done = at(house, DUE + 2 * HOUR)
        assert [act.what.partition(" of ")[0] for act in done] == [
            "issue 1: 2 sent", f"{EDITOR} told (sent)"
        ]  # fmt: skip
        at(house, DUE + 2 * HOUR, DUE + 3 * HOUR, DUE + 11 * HOUR, DUE + 13 * HOUR, DUE + 2 * DAY)
        assert readers_of(relay) == sorted(READERS)
        assert len(notices(relay)) == 4


@ONE_ENGINE
def test_approved_in_time_it_goes_out_on_time(opened: Opened, relay: ScriptedRelay) -> None:
    with opened() as house:
        at(house, DUE - 2 * DAY, DUE - DAY)
        approve(house, DUE - 20 * HOUR)
        at(house, DUE - 3 * HOUR, DUE - timedelta(seconds=1))
        assert readers_of(relay) == []
        at(house, DUE)
        assert readers_of(relay) == sorted(READERS)
        assert len(notices(relay)) == 2


@ONE_ENGINE
def test_without_approval_where_that_is_automatic(opened: Opened, relay: ScriptedRelay) -> None:
    with opened(approval="auto", editors=[]) as house:
        done = at(house, DUE - 2 * DAY, DUE - DAY)
        assert "goes out Monday 30 March" in done[-1].what
        assert foretold(house, DUE - DAY) == "issue 1 goes out by itself"
        at(house, DUE, DUE)
        assert {taken.recipient for taken in relay.accepted} == READERS
        assert house.issue("weekly").approved_by == "schedule"


@ONE_ENGINE
def test_nothing_goes_out_that_preflight_refuses(
    opened: Opened, relay: ScriptedRelay, folder: Path
) -> None:
    with opened(approval="auto") as house:
        at(house, DUE - 2 * DAY, DUE - DAY)
    mine = folder / "templates" / "issue.txt.jinja"
    mine.parent.mkdir()
    mine.write_text("{{ issue.title }}\n", encoding="utf-8")
    with opened(approval="auto") as house:
        done = at(house, DUE)
        assert max(act.exit_code for act in done) == 1
        at(house, DUE + HOUR)
        [_, told] = notices(relay)
        assert told["Subject"] == "The Week: issue 1 is not fit to send"
        assert "Remedy:" in text_of(told)
        found = examine(house, house.issue("weekly"))
        assert [one for one in found if one.severity == "error"]
        for one in found[:LISTED]:
            assert " ".join(one.what.split()) in said_in(told)
        assert f"and {len(found) - LISTED} more" in said_in(told)
        assert foretold(house, DUE) == "issue 1 is not fit to send: digest check 1 -n weekly"
        assert readers_of(relay) == []
    mine.unlink()
    with opened(approval="auto") as house:
        at(house, DUE + 2 * HOUR)
    assert readers_of(relay) == sorted(READERS)


@ONE_ENGINE
def test_too_few_stories(opened: Opened, relay: ScriptedRelay) -> None:
    with opened(stories_at_least=90) as house:
        minutes = [DUE - DAY + timedelta(minutes=n) for n in range(5)]
        at(house, DUE - 2 * DAY, *minutes)
        assert subjects(relay) == [
            "The Week: too few stories for the issue due Monday 30 March 2026, 07:00 IST"
        ]
        assert "of the 90 stories" in said_in(notices(relay)[0])
        at(house, *[DUE + timedelta(hours=n) for n in range(13)])
        assert len(notices(relay)) == 1
        at(house, DUE + 12 * HOUR + timedelta(minutes=1), DUE + 13 * HOUR)
        assert subjects(relay)[1:] == [
            "The Week: the issue due Monday 30 March 2026, 07:00 IST was skipped"
        ]
        assert "not mended in time" in said_in(notices(relay)[1])
        assert house.issues("weekly") == []


@ONE_ENGINE
def test_what_was_not_approved_is_skipped_and_its_stories_come_next_week(
    opened: Opened, relay: ScriptedRelay
) -> None:
    with opened() as house:
        at(house, DUE - 2 * DAY, DUE - DAY, DUE, DUE + 12 * HOUR, DUE + 13 * HOUR)
        first = house.issue("weekly")
        assert "was skipped" in subjects(relay)[-1]
        # Approved too late, it does not go out, and the editor hears of it.
        approve(house, DUE + 14 * HOUR)
        at(house, DUE + 14 * HOUR, DUE + 15 * HOUR)
        assert subjects(relay)[-1] == "The Week: issue 1 was approved too late"
        assert "Look at it: https://" in said_in(notices(relay)[-1])
        # It is drafted anew for the next time, under the same number.
        week = timedelta(days=7)
        at(house, *(DUE + n * HOUR for n in range(30, 145, 12)), DUE + week - 20 * HOUR)
        again = house.issue("weekly")
        assert (again.issue.number, again.state) == (1, "draft")
        assert again.prepared_at > first.prepared_at
        assert readers_of(relay) == []


@ONE_ENGINE
def test_a_machine_that_was_off_sends_late_or_not_at_all(
    opened: Opened, relay: ScriptedRelay
) -> None:
    with opened(late_at_most="2h") as house:
        at(house, DUE - 2 * DAY, DUE - DAY)
        approve(house, DUE - 20 * HOUR)
        at(house, DUE - 10 * HOUR, DUE + HOUR)
        assert readers_of(relay) == sorted(READERS)
        week = timedelta(days=7)
        at(house, *(DUE + n * HOUR for n in range(2, 168, 20)))
        at(house, DUE + week + 3 * HOUR, DUE + week + 4 * HOUR)
        assert readers_of(relay) == sorted(READERS)
        assert sum("was skipped" in subject for subject in subjects(relay)) == 1


def test_the_schedule_is_kept_from_its_first_run_on(opened: Opened, relay: ScriptedRelay) -> None:
    with opened(approval="auto") as house:
        at(house, DUE + HOUR, DUE + 2 * HOUR)
        assert relay.accepted == []
    # Moved to an hour that has just passed, it is not made up for either.
    with opened(approval="auto", every="monday 08:30") as house:
        at(house, DUE + 3 * HOUR, DUE + 4 * HOUR)
        assert relay.accepted == []


@ONE_ENGINE
def test_a_day_that_is_left_out(opened: Opened, relay: ScriptedRelay) -> None:
    with opened(**{"approval": "auto", "except": ["2026-03-30"]}) as house:
        at(house, DUE - 2 * DAY, DUE - DAY, DUE - HOUR, DUE, DUE + HOUR, DUE + 13 * HOUR)
        assert relay.accepted == []


def test_what_was_begun_by_hand_is_gone_on_with(
    opened: Opened, relay: ScriptedRelay, folder: Path
) -> None:
    relay.will("rcpt", "ann@readers.example", "451 4.2.1 later")
    with opened() as house:
        publish.collect(house, now=DUE)
        publish.prepare(house, None, now=DUE)
        approve(house, DUE)
        assert publish.send(house, clock=Clock(DUE)).counts == {"sent": 1, "deferred": 1}
    toml = (folder / "digest.toml").read_text("utf-8").splitlines()
    kept = [line for line in toml if not line.startswith("schedule =")]
    (folder / "digest.toml").write_text("\n".join(kept), encoding="utf-8")
    with opened() as house:
        assert house.settings.newsletter["weekly"].schedule is None
        at(house, DUE + HOUR)
        assert readers_of(relay) == sorted(READERS)
        assert at(house, DUE + 2 * HOUR) == []


@ONE_ENGINE
def test_what_is_held_for_too_long_is_skipped_and_the_next_week_is_as_always(
    opened: Opened, relay: ScriptedRelay
) -> None:
    with opened(approval="auto") as house:
        at(house, DUE - 2 * DAY)
        # Silent for more than a day: this may be a machine that was off, or an old copy.
        at(house, DUE + HOUR, DUE + 2 * HOUR)
        assert "held back" in subjects(relay)[-1]
        at(house, DUE + 13 * HOUR)
        assert "was skipped" in subjects(relay)[-1]
        assert "it was held back" in said_in(notices(relay)[-1])
        week = timedelta(days=7)
        at(house, *(DUE + n * HOUR for n in range(20, 168, 20)), DUE + week)
        assert readers_of(relay) == sorted(READERS)


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"every": "mondays 7"}, "a rhythm is written"),
        ({"every": "day 31 07:00"}, "last day"),
        ({"editors": ["nobody"]}, "not a mail address"),
        ({"editors": ["a@example.org\r\nBcc: b@example.org"]}, "not a mail address"),
        ({"except": ["Christmas"]}, "except"),
        ({"remind": "soon"}, "a length of time"),
    ],
)
def test_a_mistake_in_the_schedule_is_one_sentence(
    folder: Path, values: dict[str, object], said: str
) -> None:
    write_schedule(folder, **values)
    with pytest.raises(SettingsError, match=said) as caught:
        publish.open_house(folder, {}).__enter__()
    assert "\n" not in caught.value.what
