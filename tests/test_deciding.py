"""What the schedule decides, case by case, and in which words the editors hear of it."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from digest.schedule import (
    Adopt,
    Approve,
    Begin,
    Close,
    Draft,
    Facts,
    Intent,
    Notice,
    Plan,
    Pulse,
    Send,
    Standing,
    Step,
    Tell,
    blocks,
    due,
    headline,
    kept_since,
    outlook,
    restored,
    rhythm,
    slug,
    words,
)

HOUR, DAY, WEEK = timedelta(hours=1), timedelta(days=1), timedelta(days=7)
DUE = datetime(2026, 3, 30, 7, tzinfo=UTC)
SINCE = DUE - 10 * DAY
DRAFTED = Step(DUE, "drafted", DUE - DAY, number=12)
BEGUN = Step(DUE, "begun", DUE, number=12)
EARLIER = Step(DUE - WEEK, "closed", DUE - WEEK, note="sent")


def plan(*, auto: bool = False, editors: tuple[str, ...] = ()) -> Plan:
    return Plan(
        rhythm("monday 07:00", "UTC"), DAY, 4 * HOUR, 12 * HOUR, DAY, auto=auto, editors=editors
    )


def told(key: str, whom: str = "") -> Step:
    return Step(DUE, "told", DUE - DAY, key=key, whom=whom)


def decided(
    now: datetime,
    *steps: Step,
    state: str = "",
    auto: bool = False,
    held: datetime | None = None,
    approved_at: datetime | None = None,
) -> list[Intent]:
    issues = {12: Standing(state, approved_at)} if state else {}
    return due(plan(auto=auto), Facts(SINCE, (EARLIER, *steps), issues, held), now)


def test_before_the_time_of_the_draft_there_is_nothing_to_do() -> None:
    assert decided(DUE - DAY - timedelta(seconds=1)) == []


def test_the_draft_is_made_and_told_once() -> None:
    assert decided(DUE - DAY) == [Draft(DUE)]
    assert decided(DUE - DAY, DRAFTED, state="draft") == [Tell(DUE, "draft", "", 12)]
    assert decided(DUE - DAY, DRAFTED, told("draft"), state="draft") == []


def test_a_draft_that_failed_is_tried_every_quarter_of_an_hour_and_at_the_due_time() -> None:
    tried = Step(DUE, "tried", DUE - 5 * timedelta(minutes=1))
    assert decided(DUE - timedelta(minutes=1), tried) == []
    assert decided(DUE, tried) == [Draft(DUE)]
    early = Step(DUE, "tried", DUE - DAY)
    assert decided(DUE - DAY + timedelta(minutes=14), early) == []
    assert decided(DUE - DAY + timedelta(minutes=15), early) == [Draft(DUE)]
    # The clock was put back since: the attempt of a time to come counts for nothing.
    assert decided(DUE - DAY + HOUR, Step(DUE, "tried", DUE)) == [Draft(DUE)]


def test_each_editor_is_told_by_a_step_of_his_own() -> None:
    facts = Facts(SINCE, (EARLIER, DRAFTED, told("draft", "a@x")), {12: Standing("draft")})
    intents = due(plan(editors=("a@x", "b@x")), facts, DUE - DAY)
    assert intents == [Tell(DUE, "draft", "b@x", 12)]


def test_a_reminder_where_nobody_has_approved() -> None:
    soon = DUE - 4 * HOUR
    assert decided(soon, DRAFTED, told("draft"), state="draft") == [Tell(DUE, "reminder", "", 12)]
    assert decided(soon, DRAFTED, told("draft"), state="approved") == []
    assert decided(soon, DRAFTED, told("draft"), state="draft", auto=True) == []


def test_an_approved_issue_begins_at_its_time_and_not_before() -> None:
    assert decided(DUE - timedelta(seconds=1), DRAFTED, state="approved") == []
    assert decided(DUE, DRAFTED, state="approved") == [Begin(DUE, 12)]
    assert decided(DUE, DRAFTED, BEGUN, state="approved") == [Send(DUE, 12)]
    assert decided(DUE + 12 * HOUR, DRAFTED, BEGUN, state="approved") == [Send(DUE, 12)]
    assert decided(DUE, DRAFTED, BEGUN, state="sent") == [Close(DUE, "sent")]
    assert decided(DUE, DRAFTED, BEGUN, state="sending") == [Close(DUE, "sent"), Send(DUE, 12)]


def test_what_nobody_approved_is_told_or_approved_by_the_schedule() -> None:
    assert decided(DUE, DRAFTED, state="draft") == [Tell(DUE, "unapproved", "", 12)]
    assert decided(DUE, DRAFTED, state="draft", auto=True) == [Approve(DUE, 12)]


def test_too_late_it_is_told_and_then_closed() -> None:
    late = DUE + 12 * HOUR + timedelta(seconds=1)
    assert decided(late, DRAFTED, state="draft") == [Tell(DUE, "skipped", "", 12, "unapproved")]
    assert decided(late, DRAFTED, told("skipped"), state="draft") == [Close(DUE, "skipped")]
    assert decided(late) == [Tell(DUE, "skipped", "", 0, "absent")]
    # A send that has just begun is not called skipped while it writes down its first mail.
    assert decided(late, DRAFTED, BEGUN, state="approved") == []
    # Nor what went out after all, before the machine stopped, or by hand.
    assert decided(late, DRAFTED, state="sent") == [Close(DUE, "sent")]
    after = late + timedelta(minutes=10)
    [skipped] = decided(after, DRAFTED, BEGUN, state="approved")
    assert skipped == Tell(DUE, "skipped", "", 12, "unsent")


def test_many_that_were_missed_are_one_notice_and_no_issue_is_made_up_for() -> None:
    now = DUE + 3 * WEEK + HOUR
    intents = decided(now)
    assert intents == [Tell(DUE + 2 * WEEK, "skipped", "", 0, "absent", 3), Draft(DUE + 3 * WEEK)]


def test_a_notice_that_could_not_be_mailed_is_not_forgotten_over_the_next_issue() -> None:
    now = DUE + WEEK + HOUR
    out = Step(DUE + WEEK, "drafted", DUE + WEEK, number=12)
    closed = Step(DUE + WEEK, "closed", DUE + WEEK, note="sent")
    intents = decided(now, out, closed, state="sent")
    assert intents == [Tell(DUE, "skipped", "", 0, "absent")]
    # Nor is it made up for, however late it might be.
    patient = replace(plan(), late_at_most=9 * DAY)
    facts = Facts(SINCE, (EARLIER, out, closed), {12: Standing("sent")})
    assert due(patient, facts, now) == intents


def test_an_issue_that_waits_approved_is_taken_and_one_that_came_too_late_is_drafted_anew() -> None:
    assert decided(DUE - DAY, state="approved") == [Adopt(DUE, 12)]
    skipped = Step(DUE, "closed", DUE + 13 * HOUR, note="skipped")
    late = {"state": "approved", "approved_at": DUE + 14 * HOUR}
    now = DUE + 15 * HOUR
    assert decided(now, DRAFTED, skipped, **late) == [Tell(DUE, "too-late", "", 12)]  # type: ignore[arg-type]
    steps = (DRAFTED, skipped, told("too-late"))
    assert decided(DUE + 6 * DAY, *steps, **late) == [Draft(DUE + WEEK, stale=12)]  # type: ignore[arg-type]


def test_a_failure_is_told_once_for_each_sentence() -> None:
    no = Step(DUE, "failed", DUE, key=slug("preflight", "no"), note="no")
    facing = (DRAFTED, no)
    intents = decided(DUE, *facing, state="draft", auto=True)
    assert intents == [Approve(DUE, 12), Tell(DUE, no.key, "", 12, "no")]
    assert decided(DUE, *facing, told(no.key), state="draft", auto=True) == [Approve(DUE, 12)]
    assert slug("preflight", "no") != slug("preflight", "neither")
    assert slug("stories", "2 of 3") == slug("stories", "1 of 3")


def test_what_is_held_is_told_and_nothing_else() -> None:
    held = DUE + HOUR
    for state in ("draft", "approved"):
        intents = decided(DUE + HOUR, DRAFTED, state=state, held=held, auto=True)
        assert intents == [Tell(DUE, "held", "", 12)]
    sending = decided(DUE + HOUR, DRAFTED, BEGUN, state="sending", held=held)
    assert sending == [Tell(DUE, "held", "", 12)]
    assert decided(DUE - DAY, held=DUE - 2 * DAY) == [Draft(DUE)]
    # A hold from a time to come was set by a clock that ran ahead.
    assert decided(DUE, DRAFTED, state="approved", held=DUE + DAY) == [Begin(DUE, 12)]


def test_what_was_skipped_by_a_clock_that_ran_ahead_is_not_skipped() -> None:
    wrong = (Step(DUE, "closed", DUE + 2 * DAY, note="skipped"),
             Step(DUE, "told", DUE + 2 * DAY, key="skipped"))  # fmt: skip
    assert decided(DUE, DRAFTED, *wrong, state="approved") == [Begin(DUE, 12)]
    late = DUE + 13 * HOUR
    assert decided(late, DRAFTED, *wrong, state="draft") == [
        Tell(DUE, "skipped", "", 12, "unapproved")
    ]


def test_an_interrupted_send_goes_on_for_a_while_and_then_asks() -> None:
    sent = Step(DUE, "closed", DUE, note="sent")
    steps = (DRAFTED, BEGUN, sent)
    assert decided(DUE + 36 * HOUR, *steps, state="sending") == [Send(DUE, 12)]
    assert decided(DUE + 37 * HOUR, *steps, state="sending") == [Tell(DUE, "interrupted", "", 12)]
    # Begun by hand it has no due time, and goes on.
    began = DUE - 9 * DAY
    assert decided(DUE - 2 * DAY, state="sending", approved_at=began) == [Send(began, 12)]


def test_without_a_rhythm_only_what_began_is_gone_on_with() -> None:
    nothing = timedelta(0)
    silent = Plan(None, nothing, nothing, nothing, DAY, auto=False)
    facts = Facts(SINCE, (), {11: Standing("approved"), 12: Standing("sending", DUE)})
    assert due(silent, facts, DUE + DAY) == [Send(DUE, 12)]
    assert outlook(silent, facts, DUE) is None


def test_what_was_due_before_the_rhythm_was_written_down_is_nobodys_debt() -> None:
    kept = Step(DUE + HOUR, "kept", DUE + HOUR, note="monday 07:00 UTC")
    assert kept_since(None, "monday 07:00 UTC", DUE) == DUE
    assert kept_since(kept, "monday 07:00 UTC", DUE + DAY) == DUE + HOUR
    assert kept_since(kept, "friday 07:00 UTC", DUE + DAY) == DUE + DAY
    # Written by a clock that ran ahead.
    assert kept_since(kept, "monday 07:00 UTC", DUE) == DUE
    assert due(plan(), Facts(DUE + HOUR), DUE + 2 * HOUR) == []


def test_an_old_copy_is_known_by_its_count_or_by_a_long_silence() -> None:
    pulse = Pulse(DUE, 100)
    assert restored(None, 0, DUE) == ""
    assert restored(pulse, 100, DUE + HOUR) == ""
    assert restored(pulse, 101, DUE + HOUR) == "behind"
    assert restored(None, 5, DUE) == "behind"
    assert restored(pulse, 0, DUE + DAY + HOUR) == "silent"
    assert restored(pulse, 100, DUE - WEEK) == ""


@pytest.mark.parametrize(
    ("key", "note"),
    [
        ("draft", ""), ("reminder", ""), ("unapproved", ""), ("held", ""), ("too-late", ""),
        ("interrupted", ""), ("stories", "only 2 of the 3 stories\nwait"),
        *[("skipped", why) for why in ("held", "failed", "absent", "unapproved", "unsent")],
        *[(slug(kind, "no"), "no\ntry") for kind in ("preflight", "issue", "fault", "paused")],
        ("sent:12", ""),
    ],
)  # fmt: skip
@pytest.mark.parametrize("auto", [True, False])
@pytest.mark.parametrize("on_desk", [True, False])
@pytest.mark.parametrize("link", ["https://news.example.org/desk/weekly/12", ""])
def test_every_notice_says_what_happened_and_what_can_be_done(
    key: str, note: str, auto: bool, on_desk: bool, link: str
) -> None:
    # Before there is a draft, some of it may be to tell already.
    number = 12 if on_desk or key in {"draft", "reminder", "unapproved"} else 0
    local = DUE.astimezone(ZoneInfo("Asia/Kolkata"))
    notice = Notice(
        key,
        "weekly",
        "The Week",
        number,
        local,
        local + 12 * HOUR,
        link,
        on_desk=on_desk,
        auto=auto,
        note=note,
        count=2,
        details=("- A story", ""),
    )
    subject, text = words(notice)
    assert subject.startswith("The Week: ")
    assert "\n" not in subject
    assert "Monday 30 March 2026, 12:30 IST" in " ".join(text.split())
    assert text.count(f"  {link}\n") == bool(link) or not link
    assert "  digest " in text
    assert "  \n" not in text
    # The page says the same words in the same order.
    page = [line for block in blocks(notice) for line in block.lines]
    assert " ".join(" ".join(page).split()) in " ".join(text.split())
    assert [line for block in blocks(notice) if block.kind == "link" for line in block.lines] == (
        [link] if link else []
    )
    assert headline(notice).lower() == subject.removeprefix("The Week: ").lower()
    assert text.endswith("editors in digest.toml.\n")
    assert all(
        (len(line) <= 78 and line == line.rstrip()) or line == "-- " for line in text.splitlines()
    )
    # A link that only shows the issue does not promise more.
    assert on_desk or not link or "Look at it and approve it" not in text


def test_how_it_went_is_told_once_while_it_is_news() -> None:
    out = Standing("sent", DUE - HOUR, finished_at=DUE + HOUR)
    closed = Step(DUE, "closed", DUE, note="sent")
    reporting = replace(plan(editors=("a@x",)), report=True)

    def told_at(now: datetime, *steps: Step, issue: Standing = out) -> list[Intent]:
        facts = Facts(SINCE, (EARLIER, DRAFTED, closed, *steps), {12: issue})
        return [intent for intent in due(reporting, facts, now) if isinstance(intent, Tell)]

    news = Tell(DUE, "sent:12", "a@x", 12)
    assert told_at(DUE + HOUR) == [news]
    assert told_at(DUE + 24 * HOUR) == [news]
    # Long ago, or still under way, or told by a clock that ran ahead: nothing.
    assert told_at(DUE + 26 * HOUR) == []
    assert told_at(DUE + HOUR, issue=Standing("sending", DUE - HOUR)) == []
    assert told_at(DUE + HOUR, Step(DUE, "told", DUE + 9 * DAY, "sent:12", "a@x")) == []
    # By hand, without a due time: that of its approval stands for it.
    facts = Facts(SINCE, (EARLIER,), {9: out})
    assert Tell(DUE - HOUR, "sent:9", "a@x", 9) in due(reporting, facts, DUE + HOUR)
    silent = due(replace(reporting, report=False), facts, DUE + HOUR)
    assert not [intent for intent in silent if isinstance(intent, Tell)]


@pytest.mark.parametrize("patient", [True, False])
def test_an_issue_that_may_wait_for_a_budget_goes_on_for_as_long_as_it_takes(
    patient: bool,
) -> None:
    standing = Standing("sending", DUE, patient=patient)
    facts = Facts(SINCE, (EARLIER, DRAFTED), {12: standing})
    sends = [i for i in due(plan(), facts, DUE + 6 * DAY) if isinstance(i, Send)]
    assert [send.number for send in sends] == ([12] if patient else [])


def test_an_issue_that_has_paused_itself_is_told_once_to_each_editor() -> None:
    why = "20 of the first 20 were refused"
    facts = Facts(SINCE, (EARLIER, DRAFTED), {12: Standing("sending", DUE, paused=why)})
    [tell] = [i for i in due(plan(), facts, DUE) if isinstance(i, Tell) and "paused" in i.key]
    assert (tell.number, tell.note, tell.key) == (12, why, slug("paused", why))
    known = Step(tell.due, "told", DUE, tell.key, tell.whom)
    again = due(plan(), replace(facts, steps=(*facts.steps, known)), DUE)
    assert not [i for i in again if isinstance(i, Tell) and "paused" in i.key]
