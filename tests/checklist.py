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
NAME = re.compile(r"^test_([a-i])(\d{1,2})(?:_|$)")
OUTCOMES = pytest.StashKey[defaultdict[int, list[str]]]()


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


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item,
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Write down what became of a test that belongs to an item."""
    report = yield
    number = item_of(item.name.partition("[")[0])
    decided = report.when == "call" or report.outcome != "passed"
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
