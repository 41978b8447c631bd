"""A pytest plugin: which items of the checklist hold, by the tests that are named for them.

A test called `test_a05_…` belongs to item A5. An item holds when every test of it that was to
run has run and passed; one that failed or was skipped leaves it open, and so does having none.
"""

import re
from collections import defaultdict
from collections.abc import Generator
from pathlib import Path

import pytest

# How many items each part of the checklist has: its first and its last number.
PARTS = {
    "A": ("the message's structure", 1, 15),
    "B": ("authentication and envelope", 16, 24),
    "C": ("sending", 25, 33),
    "D": ("unsubscribing", 34, 43),
    "E": ("HTML", 44, 60),
    "F": ("inlining and filling", 61, 68),
    "G": ("bounces and complaints", 69, 77),
    "H": ("tracking and privacy", 78, 80),
    "I": ("the whole", 81, 84),
}
# DELIVERY 3 (security) and 4 (law): what is asked for there, and the tests that show it.
DUTIES: dict[str, tuple[str, ...]] = {
    "3.1 templates cannot be turned on us": ("test_a_template_stays_within_bounds",),
    "3.1 markup from outside stays text": (
        "test_e60_markup_in_a_story_stays_text", "test_what_people_wrote_is_text_on_the_page",
        "test_feedback_and_archive", "test_no_escape_sequence_reaches_the_terminal",
    ),
    "3.1 no request is forged": (
        "test_duty_only_a_signed_link_acts", "test_d36_no_context_is_needed_and_none_is_read",
    ),
    "3.1 nobody acts for another": (
        "test_d39_a_token_of_one_purpose_fails_in_another",
        "test_d38_any_changed_character_is_rejected", "test_d38_every_bad_link_gets_the_same_page",
    ),
    "3.1 nobody learns who is known": (
        "test_no_answer_tells_whether_an_address_is_known",
        "test_nobody_can_wait_for_the_mail_to_go",
        "test_no_time_tells_either_what_is_done_before_the_answer_is_the_same_for_all",
    ),
    "3.1 no open redirect": ("test_duty_no_page_redirects",),
    "3.1 no private network is asked": (
        "test_however_a_private_host_is_written_nobody_is_asked",
        "test_a_stranger_does_not_lead_us_into_a_private_network",
    ),
    "3.1 the inliner fetches nothing": ("test_f63_the_inliner_asks_nobody",),
    "3.1 no header is injected": (
        "test_a04_a_line_break_in_a_value_is_refused",
        "test_a04_exactly_the_expected_headers_arrive",
    ),
    "3.1 no SQL is injected": ("test_no_request_is_answered_with_a_failure",),
    "3.1 no formula in a sheet": ("test_defusing_is_undone_and_leaves_no_formula",),
    "3.1 bombs of entities and zips": (
        "test_an_entity_bomb_stays_small", "test_a_bomb_does_not_go_off",
    ),
    "3.1 bodies have a limit": (
        "test_a_body_has_a_limit", "test_d37_every_answer_is_kept_by_nobody",
        "test_the_webhook_s_address",
    ),
    "3.1 no path leads out": ("test_duty_no_path_leads_out",),
    "3.1 tokens are strong": ("test_d38_no_second_spelling", "test_d39_out_and_in_again"),
    "3.1 a draft is nobody's": ("test_feedback_and_archive",),
    "3.2 no message is smuggled": ("test_no_text_ends_the_message_and_begins_another",),
    "3.3 replies are never mispaired": (
        "test_a_reply_that_comes_too_late_is_paired_with_nobody",
        "test_a_word_that_nobody_asked_for_ends_the_connection",
        "test_what_was_said_before_tls_is_forgotten",
    ),
    "3.4 list bombing": (
        "test_list_bombing_one_a_day_and_three_for_ever",
        "test_limits_outlive_a_restart_and_hold_for_all_servers",
        "test_machines_get_the_same_page_and_no_mail_goes",
        "test_where_everybody_asks_only_who_works_or_waits_gets_in",
        "test_d43_an_old_or_foreign_link_confirms_nobody",
    ),
    "4 consent is proved": ("test_show_tells_all_and_forget_erases_all",),
    "4 no box is ticked beforehand": ("test_duty_no_box_is_ticked_beforehand",),
    "4 leaving needs no login, for ever": (
        "test_d42_a_reader_s_whole_way", "test_d38_a_link_of_long_ago_works_when_all_else_is_gone",
    ),
    "4 leaving is obeyed at once": (
        "test_c31_who_leaves_or_chooses_during_a_send_is_obeyed_at_the_next_claim",
        "test_d34_one_click_acts_at_once",
    ),
    "4 one click, signed": ("test_a06_one_click_is_exact_and_once",
                            "test_b17_the_signature_names_what_it_must_once_more_than_there_is"),
    "4 the postal address is in each mail": ("test_e58_the_footer_says_who_why_and_how_to_leave",),
    "4 nobody is tracked": ("test_h78_readers_load_the_same_things_and_no_pixel",),
    "4 access": ("test_show_tells_all_and_forget_erases_all",
                 "test_no_table_that_names_a_person_is_left_out"),
    "4 erasure, but never mailed again": (
        "test_forgetting_erases_all_but_the_suppression",
        "test_who_is_forgotten_does_not_come_back_by_an_old_list",
    ),
    "4 retention": ("test_what_need_not_be_kept_is_forgotten",),
    "4 backups": ("test_a_database_restored_from_a_copy_sends_nothing_of_the_past",),
}  # fmt: skip
NAME = re.compile(r"^test_([a-i])(\d{1,2})(?:_|$)")
OUTCOMES = pytest.StashKey[defaultdict[int, list[str]]]()
DONE = pytest.StashKey[dict[str, list[str]]]()
DUTIFUL = {test for tests in DUTIES.values() for test in tests}


def item_of(name: str) -> int | None:
    """The number of the item that a test of this name belongs to; None for none."""
    found = NAME.match(name)
    if not found or found[1].upper() not in PARTS:
        return None
    _, first, last = PARTS[found[1].upper()]
    number = int(found[2])
    return number if first <= number <= last else None


def standing(outcomes: dict[int, list[str]], written: set[int]) -> dict[int, str]:
    """For every item: holds, failed, skipped, not run, or open (nobody wrote a test)."""
    return {
        number: _word(outcomes.get(number, []), number in written)
        for _, first, last in PARTS.values()
        for number in range(first, last + 1)
    }


def written_in(folder: Path) -> set[int]:
    """The items that some test in the folder is named for."""
    names = (
        name
        for path in sorted(folder.glob("test_*.py"))
        for name in re.findall(r"(?m)^ *(?:async )?def (test_\w+)", path.read_text("utf-8"))
    )
    return {number for name in names if (number := item_of(name)) is not None}


def pytest_configure(config: pytest.Config) -> None:
    """A place for what comes out."""
    nothing_yet: defaultdict[int, list[str]] = defaultdict(list)
    config.stash[OUTCOMES] = nothing_yet
    config.stash[DONE] = {}


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item,
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Write down what became of a test that belongs to an item."""
    report = yield
    name = item.name.partition("[")[0]
    number = item_of(name)
    decided = report.when == "call" or report.outcome != "passed"
    if name in DUTIFUL and decided:
        item.config.stash[DONE].setdefault(name, []).append(report.outcome)
    if number is not None and decided:
        item.config.stash[OUTCOMES][number].append(report.outcome)
    return report


def pytest_terminal_summary(
    terminalreporter: pytest.TerminalReporter, config: pytest.Config
) -> None:
    """The table, where a test of the checklist was run."""
    outcomes = config.stash[OUTCOMES]
    if not outcomes:
        return
    stands = standing(outcomes, written_in(Path(__file__).parent))
    terminalreporter.section("checklist of the mail")
    for letter, (title, first, last) in PARTS.items():
        words = [stands[number] for number in range(first, last + 1)]
        line = f"{letter}  {title:<28} {words.count('holds'):>2} of {len(words):>2} hold"
        for word in ("failed", "skipped", "not run", "open"):
            numbers = [n for n in range(first, last + 1) if stands[n] == word]
            line += f"; {word}: {_listed(numbers)}" if numbers else ""
        terminalreporter.write_line(line)
    _say_duties(terminalreporter, config.stash[DONE])


def _say_duties(terminalreporter: pytest.TerminalReporter, done: dict[str, list[str]]) -> None:
    """How many duties hold, and which of those that were tried do not."""
    words = {duty: {_word(done.get(t, []), True) for t in tests} for duty, tests in DUTIES.items()}
    held = [duty for duty, found in words.items() if found == {"holds"}]
    terminalreporter.write_line(f"security and law               {len(held)} of {len(words)} hold")
    for duty, found in words.items():
        if bad := found & {"failed", "skipped"}:
            terminalreporter.write_line(f"   {duty}: {', '.join(sorted(bad))}")


def _word(outcomes: list[str], is_written: bool) -> str:
    if not outcomes:
        return "not run" if is_written else "open"
    return next((bad for bad in ("failed", "skipped") if bad in outcomes), "holds")


def _listed(numbers: list[int]) -> str:
    """ "1-3, 7" of 1, 2, 3, 7."""
    runs: list[list[int]] = []
    for number in numbers:
        if runs and number == runs[-1][-1] + 1:
            runs[-1].append(number)
        else:
            runs.append([number])
    return ", ".join(f"{run[0]}-{run[-1]}" if len(run) > 1 else f"{run[0]}" for run in runs)
