"""What comes back changes the right reader, once, by whatever way it came."""

import email
import mailbox
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from digest import publish
from digest.cli.door import say_counts
from digest.mailboxes import maildir
from digest.publish import House, confirming, open_house, receiving
from subscribers import roster, tokens
from subscribers.bounces import Report, understand
from subscribers.consent import Event
from subscribers.exchange import Entry
from tests.conftest import NOW
from tests.relay import ScriptedRelay
from tests.returning import KEYS, LATER, ann, house, profile, sample, standing, unread

__all__ = ["ann", "house"]


def test_g71_a_dead_address_is_suppressed_once(house: House, ann: int) -> None:
    raw = sample("postfix", ann)
    first = publish.receive(house, raw, source="file", now=LATER)
    again = publish.receive(house, b"Delivered-To: x@y\n" + raw, source="imap", now=LATER)
    assert (first.new, first.did) == (True, "suppressed: the address does not exist")
    assert (again.new, again.did) == (False, "")
    assert standing(house, ann) == "suppressed"
    [kept], counts = publish.reports(house)
    assert (kept.subscriber, kept.issue, kept.fault, kept.status) == (ann, 1, "address", "5.1.1")
    assert counts == {"bounce: address": 1}
    with house.database.reading() as session:
        assert roster.report_raw(session, kept.id) == ("file", raw)


def test_a_late_bounce_of_an_old_address_is_kept_and_stops_nobody(house: House, ann: int) -> None:
    asker = roster.Asker()
    with house.database.writing() as session:
        roster.ask_to_move(session, ann, "weekly", "new@reads.example", now=NOW, keys=KEYS)
        [notice] = roster.due_notices(session, NOW)
        roster.move(session, notice.id, ann, asker, now=NOW, keys=KEYS)
    done = publish.receive(house, sample("postfix", ann), source="file", now=LATER)
    assert (done.new, done.did) == (True, "")
    [kept], _ = publish.reports(house)
    assert (kept.recipient, kept.fault, kept.counted) == ("reader@reads.example", "address", False)
    assert standing(house, ann) != "suppressed"
    fresh = sample("postfix", ann, issue=2).replace(b"reader@reads", b"new@reads")
    assert publish.receive(house, fresh, source="file", now=LATER).did.startswith("suppressed")


def test_g71_policy_and_size_never_count_against_a_reader(house: House, ann: int) -> None:
    for name in ("proofpoint", "exchange-online-sender", "too-large", "gmail-unauthenticated"):
        assert publish.receive(house, sample(name, ann), source="file", now=LATER).did == ""
    assert not isinstance(standing(house, ann), str)


def test_g72_days_add_up(house: House, ann: int) -> None:
    for day in range(5):
        raw = sample("gmail-full", ann).replace(b"<gmail-full@", b"<%d@" % day)
        did = publish.receive(house, raw, source="file", now=LATER + timedelta(days=day)).did
        assert bool(did) == (day == 4)
    assert standing(house, ann) == "suppressed"


def test_g72_who_is_stopped_for_passing_faults_is_told_and_can_go_on(
    house: House, ann: int
) -> None:
    """Suppressed with a notice; the button in it lifts that, and what was before counts no more."""
    full = sample("gmail-full", ann)
    for day in range(5):
        raw = full.replace(b"<gmail-full@", b"<%d@" % day)
        did = publish.receive(house, raw, source="file", now=NOW + timedelta(days=day)).did
    assert did == "suppressed: a score of 5"
    now = NOW + timedelta(days=60)
    with house.database.writing() as session:
        [notice] = roster.due_notices(session, now)
        assert (notice.kind, notice.newsletters) == ("stopped", ("weekly",))
        asker = roster.Asker()
        done = roster.confirm(session, notice.id, ann, asker, now=now, keys=KEYS)
        assert done.newsletters == ("weekly",)
    assert not isinstance(standing(house, ann), str)
    assert profile(house, ann).subscriptions[0].events[-1].kind == "confirmed"
    again = full.replace(b"<gmail-full@", b"<again@")
    assert publish.receive(house, again, source="file", now=now + timedelta(days=1)).did == ""


def test_g72_a_dead_address_is_owed_no_notice(house: House, ann: int) -> None:
    publish.receive(house, sample("postfix", ann), source="file", now=LATER)
    with house.database.writing() as session:
        assert roster.due_notices(session, LATER) == []


SAID = {
    "gone": ("550 5.1.1 no such user", True),
    "ours": ("550 5.7.1 your address is blocked", False),
    "spam": ("554 5.7.1 message rejected as spam", False),
    "full": ("550 5.2.2 mailbox full", False),
}


def test_g71_a_refusal_at_the_door_counts_by_whose_fault_it_is(
    folder: Path, environ: dict[str, str]
) -> None:
    """A 5.7.1 is us, and suppresses nobody."""
    with ScriptedRelay() as relay:
        told = {**environ, "DIGEST_RELAY_PORT": str(relay.port)}
        with open_house(folder, told) as house, house.database.writing() as session:
            numbers = {
                name: roster.add(
                    session, f"{name}@x.example", "weekly", how="x", now=NOW, keys=KEYS
                )
                for name in SAID
            }
            for name, (words, _) in SAID.items():
                relay.will("rcpt", f"{name}@x.example", words)
        with open_house(folder, told) as house:
            publish.collect(house, now=NOW)
            record = publish.prepare(house, "weekly", now=NOW).record
            publish.approve(house, "weekly", record.issue.number, by="the editor", now=NOW)
            assert publish.send(house, "weekly", clock=lambda: NOW).counts == {"refused": 4}
            stands = {name: standing(house, number) for name, number in numbers.items()}
            assert {n for n, how in stands.items() if how == "suppressed"} == {"gone"}
            kept = {report.status for report in publish.reports(house)[0]}
            assert kept == {"5.1.1", "5.7.1", "5.2.2"}


def test_g73_a_complaint_withdraws_and_suppresses(house: House, ann: int) -> None:
    assert publish.receive(house, sample("not-spam", ann), source="file", now=LATER).did == ""
    did = publish.receive(house, sample("redacted-fbl", ann), source="file", now=LATER).did
    assert did == "suppressed: complaint"
    found = profile(house, ann)
    assert (found.suppression, found.subscriptions[0].state) == ("complaint", "withdrawn")
    assert found.subscriptions[0].events[-1].how == "complaint"


def test_a_complaint_that_an_operator_lifts_lets_its_reader_ask_again_and_no_list(
    house: House, ann: int
) -> None:
    from subscribers.exchange import Entry

    who, asker = "reader@reads.example", roster.Asker()
    publish.receive(house, sample("redacted-fbl", ann), source="file", now=LATER)
    told: dict[str, Any] = {"now": LATER, "keys": KEYS}
    with house.database.writing() as session:
        assert not roster.request(session, who, ["weekly"], asker, **told)
        lifted = roster.lift(session, who, why="a slip, she writes", by="Eve", **told)
        assert lifted == roster.Lifted("complaint", "report", LATER)
        listed = roster.Entering("weekly", how="import", evidence="x", **told)
        lines = listed.addressed([Entry(1, who)])
        assert listed.enter(session, lines)[0].change == "skipped"
        assert roster.recipients(session, "weekly") == []
        assert roster.request(session, who, ["weekly"], asker, **told)
        [notice] = roster.due_notices(session, LATER)
        roster.confirm(session, notice.id, notice.subscriber, asker, **told)
        assert [r.address for r in roster.recipients(session, "weekly")] == [who]


def test_g72_what_was_before_an_operator_lifted_it_counts_no_more(house: House, ann: int) -> None:
    full = sample("gmail-full", ann)
    for day in range(5):
        raw = full.replace(b"<gmail-full@", b"<%d@" % day)
        did = publish.receive(house, raw, source="file", now=NOW + timedelta(days=day)).did
    assert did == "suppressed: a score of 5"
    now = NOW + timedelta(days=5)
    with house.database.writing() as session:
        roster.lift(session, "reader@reads.example", why="emptied", by="x", now=now, keys=KEYS)
    again = full.replace(b"<gmail-full@", b"<again@")
    assert publish.receive(house, again, source="file", now=now + timedelta(hours=1)).did == ""
    assert not isinstance(standing(house, ann), str)


def test_g72_a_confirmation_of_the_future_in_a_list_s_proof_hides_no_bounce(house: House) -> None:
    """A sheet of ours that was edited, or written by a clock that was wrong."""
    proof = (Event("confirmed", datetime(2099, 1, 1, tzinfo=UTC), "page"),)
    listed = roster.Entering("weekly", how="import", evidence="x", now=NOW, keys=KEYS)
    who = "reader@reads.example"
    with house.database.writing() as session:
        told = listed.addressed([Entry(1, who, since=proof[0].at, events=proof)])
        assert [verdict.change for verdict in listed.enter(session, told)] == ["new"]
        number = roster.find(session, who).subscriber
    did = publish.receive(house, sample("postfix", number), source="file", now=LATER).did
    assert did == "suppressed: the address does not exist"


def test_what_was_suppressed_under_an_older_key_is_lifted_as_well(house: House, ann: int) -> None:
    who, old = "reader@reads.example", (*KEYS, b"the first key of all")
    with house.database.writing() as session:
        roster.suppress(session, who, reason="bounce", how="x", now=NOW, keys=KEYS)
        lifted = roster.lift(session, who, why="x", by="x", now=NOW, keys=old)
        assert lifted == roster.Lifted("bounce", "x", NOW)
    assert not isinstance(standing(house, ann), str)


def test_g75_forged_or_nobody_s_changes_nothing_and_is_kept(house: House, ann: int) -> None:
    forged = sample("postfix", ann).replace(b"b+", b"b+1").replace(b"weekly.b.", b"weekly.b.1")
    for raw in (forged, sample("postfix", ann + 5), b"\xff\xfe nothing at all", b""):
        assert publish.receive(house, raw, source="file", now=LATER).did == ""
    assert not isinstance(standing(house, ann), str)
    found, counts = publish.reports(house)
    assert (len(found), counts["unknown"]) == (4, 2)


def test_g74_answers_are_counted_and_do_nothing(house: House, ann: int) -> None:
    for name in ("out-of-office", "human", "boxbe", "delayed"):
        assert publish.receive(house, sample(name, ann), source="file", now=LATER).did == ""
    assert publish.reports(house)[1] == {"reply": 3, "delayed": 1}


def test_d41_a_mail_unsubscribes(house: House, ann: int) -> None:
    path = tokens.return_path("u", 1, ann, KEYS)
    raw = f"From: x@reads.example\nTo: {path}@news.example.org\nSubject:\n\n".encode()
    assert publish.receive(house, raw, source="imap", now=LATER).did == "left"
    [kept] = profile(house, ann).subscriptions
    assert (kept.state, kept.events[-1].how, kept.events[-1].issue) == ("withdrawn", "mail", 1)


@pytest.mark.parametrize("way", ["link", "mail"])
def test_d41_the_mail_of_a_notice_ends_what_its_link_ends(house: House, ann: int, way: str) -> None:
    with house.database.writing() as session:
        for name in ("daily", "weekend"):
            roster.add(session, "reader@reads.example", name, how="x", now=NOW, keys=KEYS)
        roster.stop(session, ann, NOW)
        [notice] = roster.due_notices(session, NOW)
    header = email.message_from_bytes(confirming.compose(house, notice, NOW).data)
    link, mail = header["List-Unsubscribe"].replace("<", "").replace(">", "").split(", ")
    if way == "link":
        door = publish.FrontDoor(house, lambda: LATER)
        door.leave(link.rpartition("/")[2], "one-click")
        door.close()
    else:
        raw = f"From: x@reads.example\nTo: {mail.removeprefix('mailto:')}\nSubject:\n\n".encode()
        assert publish.receive(house, raw, source="imap", now=LATER).did == "left"
    kept = {held.newsletter: held for held in profile(house, ann).subscriptions}
    assert {name: held.state for name, held in kept.items()} == {
        "weekly": "withdrawn", "daily": "confirmed", "weekend": "confirmed"
    }  # fmt: skip
    assert kept["weekly"].events[-1].issue is None
    assert publish.receive(house, sample("postfix", ann), source="file", now=LATER).new


def test_d40_each_way_to_leave_is_counted_by_its_issue(house: House) -> None:
    """One-click, page, mail and complaint; the operator's word is of no issue."""
    publish.collect(house, now=NOW)
    record = publish.prepare(house, "weekly", now=NOW).record
    door = publish.FrontDoor(house, lambda: LATER)
    with house.database.writing() as session:
        numbers = [
            roster.add(session, f"r{n}@reads.example", "weekly", how="x", now=NOW, keys=KEYS)
            for n in range(6)
        ]
        for n in range(6):
            roster.add(session, f"r{n}@reads.example", "daily", how="x", now=NOW, keys=KEYS)
        roster.withdraw(session, numbers[5], "weekly", how="operator", now=LATER)
    seal = [tokens.seal(tokens.Token("unsubscribe", "weekly", record.id, n), KEYS) for n in numbers]
    door.leave(seal[0], "one-click")
    door.leave(seal[0], "one-click")
    door.leave(seal[1], "page")
    door.leave(seal[2], "page", "too many")
    path = tokens.return_path("u", record.id, numbers[3], KEYS)
    mail = f"From: x@reads.example\nTo: {path}@news.example.org\nSubject:\n\n".encode()
    publish.receive(house, mail, source="imap", now=LATER)
    publish.receive(
        house, sample("redacted-fbl", numbers[4], issue=record.id), source="imap", now=LATER
    )
    door.close()
    left = {"one-click": 1, "page": 2, "mail": 1, "complaint": 1}
    assert publish.left_by(house, record)["left_by"] == left
    with house.database.reading() as session:  # d39: what was left is what the link names
        still = {found.subscriber for found in roster.recipients(session, "daily")}
    assert still == {*numbers} - {numbers[4]}  # a complaint ends all


def test_g77_after_suppression_no_list_brings_them_back(house: House, ann: int) -> None:
    from subscribers.exchange import Entry
    from subscribers.roster import Entering

    publish.receive(house, sample("postfix", ann), source="file", now=LATER)
    with house.database.writing() as session:
        entering = Entering("weekly", how="import", evidence="x", now=LATER, keys=KEYS)
        lines = entering.addressed([Entry(1, "READER@reads.example")])
        assert entering.enter(session, lines)[0].change == "skipped"


def test_a_mail_that_breaks_what_reads_it_is_kept_and_stands_in_no_other_s_way(
    house: House, ann: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def read(data: bytes, keys: object) -> Report:
        if b"a trap" in data:
            raise RecursionError("as no mail that we know of does")
        return understand(data, KEYS)

    monkeypatch.setattr(receiving, "understand", read)
    box = tmp_path / "box"
    mailbox.Maildir(box)
    (box / "new" / "1").write_bytes(b"a trap")
    (box / "new" / "2").write_bytes(sample("postfix", ann))
    done = list(publish.receive_all(house, maildir(box), source="maildir", now=LATER))
    assert [(one.report.kind, one.new) for one in done] == [("unknown", True), ("bounce", True)]
    assert unread(box) == []
    [kept] = publish.reports(house, kinds=("unknown",))[0]
    assert "RecursionError" in kept.diagnostic
    told = publish.explain_number(house, kept.id)
    assert told is not None
    assert told.kind == "unknown"
    assert not publish.receive(house, b"a trap", source="file", now=LATER).new


def test_it_is_told_next_to_which_story_readers_left(capsys: pytest.CaptureFixture[str]) -> None:
    say_counts({"left_by": {"page": 1}, "left_near": {"10": 1}})
    assert capsys.readouterr().out == "left by: 1 page\nleft near: 1 next to story 10\n"
