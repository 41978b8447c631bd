"""The table of the checklist tells the truth."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.checklist import PARTS, item_of, standing, written_in

ROOT = Path(__file__).parents[1]


@pytest.mark.parametrize(
    ("name", "item"),
    [
        ("test_a05_list_unsubscribe_is_one_physical_line", 5),
        ("test_e44_language", 44),
        ("test_i82", 82),
        ("test_e44x_language", None),
        ("test_e99_language", None),
        ("test_a44_of_another_part", None),
        ("test_address", None),
    ],
)
def test_a_test_belongs_to_the_item_it_is_named_for(name: str, item: int | None) -> None:
    assert item_of(name) == item


def test_only_what_passed_holds() -> None:
    outcomes = {44: ["passed"], 45: ["passed", "failed"], 46: ["skipped"], 47: ["failed"]}
    stands = standing(outcomes, {44, 45, 46, 47, 48})
    assert [stands[n] for n in range(44, 50)] == [
        "holds", "failed", "skipped", "failed", "not run", "open",
    ]  # fmt: skip
    assert len(stands) == sum(last - first + 1 for _, first, last in PARTS.values()) == 84


def test_the_table_of_a_real_run(tmp_path: Path) -> None:
    (tmp_path / "conftest.py").write_text('pytest_plugins = ["tests.checklist"]\n')
    (tmp_path / "test_it.py").write_text(
        "import pytest\n"
        "def test_e44_good(): pass\n"
        "@pytest.mark.parametrize('x', [1, 2])\n"
        "def test_e45_half(x): assert x == 1\n"
        "def test_e46_skipped(): pytest.skip('no browser')\n"
        "@pytest.fixture\n"
        "def broken(): raise ValueError\n"
        "def test_e47_error(broken): pass\n"
    )
    options = ["-q", "-p", "no:randomly", "-p", "no:cacheprovider", "--rootdir", str(tmp_path)]
    done = subprocess.run(
        [sys.executable, "-m", "pytest", *options, str(tmp_path)],
        cwd=ROOT, capture_output=True, text=True, check=False,
    )  # fmt: skip
    line = next(line for line in done.stdout.splitlines() if line.startswith("E  HTML"))
    assert " 1 of 17 hold; failed: 45, 47; skipped: 46; not run: 48" in line


def test_what_the_message_must_be_is_whole() -> None:
    parts = [PARTS[letter][1:] for letter in "ABEF"]
    asked = {number for first, last in parts for number in range(first, last + 1)}
    assert (asked | {78, 80, 81, 82}) - written_in(ROOT / "tests") == set()
