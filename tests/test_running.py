"""`digest run` through the week: real mail to editors and readers, real databases, real crashes."""

import email
import email.policy
import html
import json
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from datetime import datetime, timedelta
from email.message import EmailMessage
from pathlib import Path

import pytest
from rich.text import Text

from digest import archive, publish
from digest.errors import SettingsError
from digest.publish import Done, House, open_house
from digest.publish.checking import examine
from digest.publish.running.noticing import LISTED, mail_notice
from digest.schedule import Step, Tell
from digest.terminal.schedule import due_remark
from subscribers import limiting, roster
from subscribers.preferences import EVERYTHING
from subscribers.roster import Session
from tests.conftest import NOW, SECRET
from tests.relay import DROP, Accepted, ScriptedRelay, Wait
from tests.waiting import PATIENCE, until

EDITOR, SECOND = "editor@example.org", "night@example.org"
READERS = {"ann@readers.example", "ben@readers.example"}
DUE = NOW  # monday 07:00 in New Delhi
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
# Where rows, locks and a crash are the matter, a test runs on both engines.
ONE_ENGINE = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
RACE = """
import sys, time
from datetime import datetime
from pathlib import Path
from digest.publish import open_house, run
at = datetime.fromisoformat(sys.argv[2])
with open_house(Path(sys.argv[1]), dict(__import__("os").environ)) as house:
    print("ready", flush=True)
    sys.stdin.readline()
    for done in run(house, clock=lambda: at):
        print(done.what, flush=True)
"""


class Clock:
    """Stands where it is put."""

    def __init__(self, at: datetime) -> None:
        self.at = at

    def __call__(self) -> datetime:
        return self.at


Opened = Callable[..., AbstractContextManager[House]]


@pytest.fixture
def opened(folder: Path, environ: dict[str, str], relay: ScriptedRelay) -> Opened:
    """Opens the house with a schedule, two readers, and the relay."""

    @contextmanager
    def opened(url: str = "", **schedule: object) -> Iterator[House]:
        write_schedule(folder, **schedule)
        ours = {
            **environ,
            **({"DIGEST_DATABASE_URL": url} if url else {}),
            "DIGEST_RELAY_PORT": str(relay.port),
            "DIGEST_WEB_BASE_URL": "https://news.example.org",
        }
        with open_house(folder, ours) as house:
            with house.database.writing() as session:
                for reader in sorted(READERS):
                    roster.add(session, reader, "weekly", EVERYTHING, how="form", now=NOW - 9 * DAY,
                               keys=house.settings.keys, evidence="form")  # fmt: skip
            yield house

    return opened


def write_schedule(folder: Path, **schedule: object) -> None:
    """Put these values into the sample's schedule."""
    values: dict[str, object] = {
        "every": "monday 07:00", "stories_at_least": 3, "editors": [EDITOR], **schedule
    }  # fmt: skip
    written = ", ".join(f"{name} = {json.dumps(value)}" for name, value in values.items())
    path = folder / "digest.toml"
    lines = path.read_text("utf-8").splitlines()
    lines = [line.replace('window = "7d"', 'window = "30d"') for line in lines]
    told = [f"schedule = {{ {written} }}" if x.startswith("schedule =") else x for x in lines]
    path.write_text("\n".join(told), encoding="utf-8")


def at(house: House, *moments: datetime, release: bool = False) -> list[Done]:
    """Run at each of these moments; what was done at the last."""
    done: list[Done] = []
    for moment in moments:
        done = publish.run(house, clock=Clock(moment), release=release)
    return done


def readers_of(relay: ScriptedRelay) -> list[str]:
    return sorted(taken.recipient for taken in relay.accepted if taken.recipient in READERS)


def notices(relay: ScriptedRelay, whom: str = EDITOR) -> list[EmailMessage]:
    return [mail_of(taken) for taken in relay.accepted if taken.recipient == whom]


def mail_of(taken: Accepted) -> EmailMessage:
    mail = email.message_from_bytes(taken.data, policy=email.policy.default)
    assert isinstance(mail, EmailMessage)
    assert not mail.defects
    return mail


def said_in(notice: EmailMessage) -> str:
    """Its text, unfolded."""
    return " ".join(text_of(notice).split())


def text_of(notice: EmailMessage) -> str:
    """Its plain text, which stands before the page."""
    plain = notice.get_body(("plain",))
    assert plain is not None
    return str(plain.get_content())


def subjects(relay: ScriptedRelay, whom: str = EDITOR) -> list[str]:
    return [mail["Subject"] for mail in notices(relay, whom)]


def foretold(house: House, now: datetime) -> str:
    """What `digest schedule` remarks on the first due time."""
    [line] = publish.due_lines(house, None, now=now, count=1)
    return Text.from_markup(due_remark(line)).plain


def approve(house: House, now: datetime) -> None:
    publish.approve(house, "weekly", None, by="the editor", now=now)


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


def test_killed_between_that_it_went_out_and_its_row(
    opened: Opened, relay: ScriptedRelay, monkeypatch: pytest.MonkeyPatch
) -> None:
    note = archive.note_step

    def killed(session: Session, newsletter: str, step: Step) -> None:
        if step.key.startswith("sent:"):
            raise RuntimeError("killed")
        note(session, newsletter, step)

    with opened(approval="auto") as house:
        at(house, DUE - 2 * DAY, DUE - DAY)
        with monkeypatch.context() as patched:
            patched.setattr(archive, "note_step", killed)
            at(house, DUE)
        at(house, DUE + HOUR, DUE + 2 * HOUR)
    _, first, second = notices(relay)
    assert "has gone out to 2 readers" in first["Subject"]
    assert first["Message-ID"] == second["Message-ID"]
    assert first.as_bytes().partition(b"Date")[0] == second.as_bytes().partition(b"Date")[0]


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


@ONE_ENGINE
def test_one_newsletters_fault_stops_no_other(
    opened: Opened, relay: ScriptedRelay, folder: Path
) -> None:
    toml = (folder / "digest.toml").read_text("utf-8")
    daily = toml[toml.index("[newsletter.weekly]") : toml.index("[[source]]")]
    daily = daily.replace("weekly", "alpha").replace("The Week", "Alpha")
    before, after = toml.split("[newsletter.weekly]", 1)
    text = f"{before}{daily}\n[newsletter.weekly]{after}"
    (folder / "digest.toml").write_text(text, encoding="utf-8")
    with opened(approval="auto") as house:
        assert list(house.settings.newsletter) == ["alpha", "weekly"]
        at(house, DUE - 2 * DAY, DUE - DAY)
        assert {record.issue.newsletter for record in house.issues()} == {"alpha", "weekly"}
        # What the database holds of the first is broken in a way that nobody foresaw.
        with house.database.writing() as session:
            rows = session.connection().exec_driver_sql(
                "UPDATE issue SET manifest = 'no json' WHERE newsletter = 'alpha'"
            )
            assert rows.rowcount == 1
        done = at(house, DUE)
        assert [act.exit_code for act in done if act.newsletter == "alpha"] == [1]
        assert readers_of(relay) == sorted(READERS)


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


def test_a_database_restored_from_a_copy_sends_nothing_of_the_past(
    opened: Opened, relay: ScriptedRelay, database_url: str
) -> None:
    with opened() as house:
        at(house, DUE - 2 * DAY, DUE - DAY)
        approve(house, DUE - 20 * HOUR)
        at(house, DUE - 4 * HOUR)
    copy = copied(database_url)
    with opened() as house:
        at(house, DUE)
        assert readers_of(relay) == sorted(READERS)
    # At one o'clock the copy of the night is put back. Nobody gets a second issue.
    with opened(url=copy) as house:
        at(house, DUE + 6 * HOUR, DUE + 7 * HOUR)
        assert readers_of(relay) == sorted(READERS)
        assert subjects(relay)[-1] == (
            "The Week: held back, because the database may be an old copy"
        )
        assert "digest run --release" in text_of(notices(relay)[-1])
        [line, *_] = publish.due_lines(house, None, now=DUE + 7 * HOUR, count=3)
        assert (line.due, line.state) == (DUE, "held")
        # Whoever knows better says so.
        done = at(house, DUE + 8 * HOUR, release=True)
        assert done[0].what == "released: what is not too late goes out"
        assert len(readers_of(relay)) == 4
        [said] = at(house, DUE + 9 * HOUR, release=True)
        assert said.what == "nothing was held"


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


def test_killed_between_a_notice_and_its_row(
    opened: Opened, relay: ScriptedRelay, folder: Path, environ: dict[str, str]
) -> None:
    relay.will("dot", EDITOR, Wait(PATIENCE))
    with opened() as house:
        at(house, DUE - 2 * DAY)
    process = racer(folder, relay, environ, DUE - DAY)
    begin(process)
    until(lambda: notices(relay) or process.poll() is not None)
    assert process.poll() is None
    process.kill()
    process.communicate()
    with opened() as house:
        at(house, DUE - DAY + HOUR, DUE - DAY + 2 * HOUR)
    first, second = notices(relay)
    assert first["Message-ID"] == second["Message-ID"]


def test_runs_at_the_same_second_act_once(
    opened: Opened, relay: ScriptedRelay, folder: Path, environ: dict[str, str]
) -> None:
    with opened(approval="auto") as house:
        at(house, DUE - 2 * DAY)
    for moment in (DUE - DAY, DUE):
        processes = [racer(folder, relay, environ, moment) for _ in range(2)]
        for process in processes:
            begin(process)
        for process in processes:
            _, complaints = process.communicate(timeout=PATIENCE)
            assert (process.returncode, complaints) == (0, "")
    assert len(notices(relay)) == 2
    assert readers_of(relay) == sorted(READERS)
    with opened() as house, house.database.reading() as session:
        steps = archive.steps(session, "weekly", DUE - DAY)
    taken = [step.name for step in steps if step.due == DUE]
    assert sorted(taken) == ["begun", "closed", "drafted", "told", "told"]


@ONE_ENGINE
def test_staying_it_runs_at_each_full_minute_until_told_to_stop(opened: Opened) -> None:
    clock = Clock(DUE - 2 * DAY + timedelta(seconds=17))
    waited: list[float] = []
    seen: list[list[Done]] = []

    def wait(seconds: float) -> bool:
        waited.append(seconds)
        clock.at += timedelta(seconds=seconds)
        return len(waited) == 3

    with opened() as house:
        publish.keep_running(
            house, clock=clock, every=timedelta(minutes=1), wait=wait, on_done=seen.append
        )
    assert waited == [43, 60, 60]
    assert [bool(done) for done in seen] == [True, False, False]


def test_staying_it_outlives_a_database_that_is_away(opened: Opened) -> None:
    seen: list[list[Done]] = []

    with opened() as house:

        def renamed(before: str, after: str) -> None:
            with house.database.writing() as session:
                connection = session.connection()
                connection.exec_driver_sql(f"ALTER TABLE {before} RENAME TO {after}")

        def wait(_: float) -> bool:
            if len(seen) == 1:
                renamed("gone", "pulse")
            return len(seen) == 2

        renamed("pulse", "gone")
        publish.keep_running(
            house, clock=Clock(DUE - 2 * DAY), every=timedelta(minutes=1), wait=wait,
            on_done=seen.append,
        )  # fmt: skip
    [[failed], [collected]] = seen
    assert failed.exit_code
    assert failed.remedy
    assert "new articles from 3 sources" in collected.what


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


def racer(
    folder: Path, relay: ScriptedRelay, environ: dict[str, str], moment: datetime
) -> "subprocess.Popen[str]":
    """A process of its own that is about to run, with its clock at `moment`."""
    env = {
        **environ,
        "DIGEST_RELAY_PORT": str(relay.port),
        "DIGEST_WEB_BASE_URL": "https://news.example.org",
        "PYTHONPATH": str(Path(__file__).parents[1]),
    }
    return subprocess.Popen(
        [sys.executable, "-c", RACE, str(folder), moment.isoformat()],
        env=env, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip


def begin(process: "subprocess.Popen[str]") -> None:
    """Let it go, once it is ready."""
    assert process.stdout
    assert process.stdin
    assert process.stdout.readline() == "ready\n"
    process.stdin.write("go\n")
    process.stdin.flush()


def copied(database_url: str) -> str:
    """A copy of the database as it is now; nobody may have it open."""
    if database_url.startswith("sqlite"):
        path = Path(database_url.removeprefix("sqlite:///"))
        return f"sqlite:///{shutil.copy(path, path.with_name('copy.db'))}"
    import psycopg

    server, _, name = database_url.rpartition("/")
    address = server.replace("+psycopg", "") + "/postgres"
    with psycopg.connect(address, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}_copy TEMPLATE {name}".encode())
    return f"{database_url}_copy"
