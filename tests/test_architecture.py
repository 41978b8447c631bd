"""The house keeps its law: import contract, docstrings, sizes, pure rooms off the network."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
MODULES = sorted(
    path
    for package in ("digest", "subscribers")
    for path in (ROOT / package).rglob("*.py")
    if "versions" not in path.parts
)
MOST_LINES = 400  # of a file in tests
# Which room may import what from outside; a folder stands for all in it.
ROOMS = {
    "argon2": {"digest/publish/seating.py"},
    "babel": {"digest/rendering/languages.py", "subscribers/words.py"},
    "aiosmtpd": {"digest/demo.py"},
    "aiosmtplib": {"digest/delivery/connecting.py"},
    "alembic": {"digest/database", "digest/migrations"},
    "cryptography": {"digest/dkim.py", "subscribers/bounces"},
    "dns": {"digest/publish/doctoring"},
    "dotenv": {"digest/settings"},
    "email_validator": {"subscribers/address.py"},
    "fastapi": {"digest/web.py", "digest/desk", "subscribers/web"},
    "certifi": {"digest/sources"},
    "httpcore": {"digest/sources"},
    "httpx": set(),
    "idna": {"digest/sources"},
    "lxml": {"digest/feeds", "digest/outlines.py", "digest/pages", "digest/preflight",
             "digest/rendering"},
    "markdown_it": {"digest/pages"},
    "flufl": {"subscribers/bounces"},
    "nh3": {"digest/articles"},
    "premailer": {"digest/rendering/inlining.py"},
    "sqlmodel": {"digest/archive", "digest/ledger", "digest/database",
                 "subscribers/roster", "subscribers/columns.py"},
    "yaml": {"digest/pages"},
    "uvicorn": {"digest/web.py"},
    "uvloop": {"digest/delivery/__init__.py"},
}  # fmt: skip


def test_the_import_contract_holds() -> None:
    program = "from importlinter.cli import lint_imports; raise SystemExit(lint_imports())"
    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(ROOT)))
def test_a_module_says_what_it_is_and_stays_small(path: Path) -> None:
    source = path.read_text(encoding="utf-8")
    tree = ast.parse(source)
    assert ast.get_docstring(tree)
    name, lines = str(path.relative_to(ROOT)), len(source.splitlines())
    functions = (n for n in ast.walk(tree) if isinstance(n, ast.FunctionDef | ast.AsyncFunctionDef))
    long = {f"{name} {f.name}": (f.end_lineno or 0) - f.lineno + 1 for f in functions}
    over = {who: size for who, size in long.items() if size > 40}
    over |= {name: lines} if lines > 400 else {}
    assert over == {}


def test_a_file_of_tests_shows_one_behaviour_and_stays_small() -> None:
    sizes = {
        path.name: len(path.read_text(encoding="utf-8").splitlines())
        for path in (ROOT / "tests").glob("*.py")
    }
    assert len(sizes) > 150
    assert {name: lines for name, lines in sizes.items() if lines > MOST_LINES} == {}


def test_no_file_holds_both_sides_of_a_conflict() -> None:
    """In words, nothing else would find them."""
    kept = ("digest", "subscribers", "templates", "docs", "tests", "benchmarks", "scripts")
    texts = {".py", ".md", ".jinja", ".css", ".js", ".toml"}
    files = [*ROOT.glob("*.md"), *(one for name in kept for one in (ROOT / name).rglob("*"))]
    read = [one for one in files if one.suffix in texts and "node_modules" not in one.parts]
    assert len(read) > 400
    sides = tuple(mark * 7 + " " for mark in "<>")
    held = [
        one for one in read if any(s.startswith(sides) for s in one.read_text("utf-8").split("\n"))
    ]
    assert held == []


def test_each_library_is_imported_by_its_room_alone() -> None:
    strangers = {
        (library, str(path.relative_to(ROOT)))
        for path in MODULES
        for library in _imported(path) & set(ROOMS)
        if not any(str(path.relative_to(ROOT)).startswith(room) for room in ROOMS[library])
    }
    assert strangers == set()


def test_pure_rooms_never_touch_the_network() -> None:
    program = """
import socket
def refuse(*args, **kwargs): raise AssertionError("a pure room opened a socket")
socket.socket.connect = socket.getaddrinfo = socket.create_connection = refuse
from pathlib import Path
from tests.issues import example_edition, example_issue, example_reader
from digest import preflight, rendering
made = rendering.render(example_edition(), rendering.environment(Path("templates")))
sender = preflight.Sender("https://news.example.org")
assert preflight.examine(example_issue(), made, sender) is not None
assert "zq" not in rendering.fill(made, example_reader()).html
"""
    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def _imported(path: Path) -> set[str]:
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found.add(node.module.split(".")[0])
    return found
