"""What the pages for people say exists."""

import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

from digest.settings import Settings, example

ROOT = Path(__file__).parents[1]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
README = PAGES[0].read_text("utf-8")
LISTING = """
from digest.cli import app
from typer.main import get_command
for name, verb in get_command(app).commands.items():
    print(name)
    for inner in getattr(verb, "commands", {}):
        print(name, inner)
"""


def fenced(page: Path) -> Iterator[str]:
    """The lines of the page's blocks of code."""
    for block in re.findall(r"(?ms)^```\w*\n(.*?)^```", page.read_text("utf-8")):
        yield from block.splitlines()


def commands(page: Path, program: str) -> list[str]:
    """What the page says to type of `program`, in blocks and in running text."""
    spoken = re.findall(rf"`({program} [^`]+)`", page.read_text("utf-8"))
    typed = [line[line.index(program) :] for line in fenced(page) if f" {program} " in f" {line}"]
    return [*spoken, *typed]


def test_the_readme_has_its_sections() -> None:
    heads = re.findall(r"^## (.+)$", README, re.MULTILINE)
    assert {"Two commands", "The map", "The words"} <= set(heads)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_command_exists(page: Path) -> None:
    known = subprocess.run(
        [sys.executable, "-c", LISTING], capture_output=True, text=True, check=True
    ).stdout.splitlines()
    groups = {name.split()[0] for name in known if " " in name}
    typed = [re.sub(r"-C \S+ ", "", command).split()[1:] for command in commands(page, "digest")]
    assert typed
    verbs = {" ".join(words[: 2 if words[0] in groups else 1]) for words in typed}
    assert verbs - set(known) == set()


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_make_target_exists(page: Path) -> None:
    targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text("utf-8"), re.MULTILINE))
    assert {command.split()[1] for command in commands(page, "make")} <= targets


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_setting_exists(page: Path) -> None:
    text, known = page.read_text("utf-8"), set(re.findall(r"^#?(\w+) = ", example(), re.MULTILINE))
    for table, key in re.findall(r"\bDIGEST_([A-Z]+)_([A-Z_]+)\b", text):
        if (table, key) == ("TABLE", "KEY"):
            continue
        section = Settings.model_fields[table.lower()].annotation
        assert key.lower() in getattr(section, "model_fields", {}), f"DIGEST_{table}_{key}"
    spoken = set(re.findall(r"`([a-z_]+) = [^`]+`", text))
    if page.name != "templates.md":  # test_template_guide.py holds the names there to their word
        spoken |= set(re.findall(r"`([a-z]+_[a-z_]+)`", text))
    # Tests are held to their names elsewhere, and so are metrics (test_metrics.py).
    assert {word for word in spoken if not word.startswith(("test_", "digest_"))} <= known


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_path_exists(page: Path) -> None:
    text = page.read_text("utf-8")
    linked = re.findall(r"\]\(([^)#:]+)\)|src=\"([^\":]+)\"", text)
    named = re.findall(r"`((?:digest|subscribers|templates|tests|docs)/[\w./]*)`", text)
    paths = [page.parent / (a or b) for a, b in linked] + [ROOT / name for name in named]
    assert [path for path in paths if not path.exists()] == []


def test_the_example_is_toml() -> None:
    assert tomllib.loads(example())["publisher"] == {}


def test_the_fault_matrix_has_every_row_and_names_tests_that_exist() -> None:
    page = (ROOT / "docs" / "delivery.md").read_text("utf-8")
    rows = dict(re.findall(r"(?m)^\| (\d+) \|[^|]+\|([^|]+)\|$", page))
    assert list(rows) == [str(number) for number in range(1, 71)]
    tests = "".join(path.read_text("utf-8") for path in (ROOT / "tests").glob("test_*.py"))
    known = set(re.findall(r"(?m)^def (test_\w+)", tests))
    named = {number: set(re.findall(r"`(test_\w+)`", how)) for number, how in rows.items()}
    assert {number: names - known for number, names in named.items() if names - known} == {}
    # A list of a million takes minutes: that one is measured by a benchmark.
    assert {number for number, names in named.items() if not names} == {"56"}
    assert "`benchmarks/million.py`" in rows["56"]


@pytest.mark.parametrize("package", ["digest", "subscribers"])
def test_every_room_stands_on_the_map(package: str) -> None:
    """Its package's own, and those of digest on README's as well."""
    rooms = {path.stem for path in (ROOT / package).iterdir() if not path.name.startswith("_")}
    rooms -= {"py", "locale"}  # py.typed, and what translators write
    told = (ROOT / package / "__init__.py").read_text("utf-8").lower()
    assert {room for room in rooms if not re.search(rf"\b{room}\b", told)} == set()
    if package == "digest":
        assert rooms - set(re.findall(r"`digest/(\w+)", README)) == set()
