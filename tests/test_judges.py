"""The sample issue's HTML before outside judges: html-validate, axe and the data of caniemail.

They come from npm, pinned in tests/npm/package-lock.json; `make judges` installs them.
"""

import json
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page

from tests.pictures import Camera, View, browsers, markup, missing
from tests.showcase import LANGUAGES

NPM = Path(__file__).parent / "npm"
INSTALLED = NPM / "node_modules"
SERIOUS = {"serious", "critical"}
CLIENTS = ("gmail.*", "outlook.windows", "yahoo.*", "apple-mail.*")
# What one of these lacks, and why the mail has it all the same: nothing depends on it.
BEARABLE = {
    ":hover": "a link is one without it",
    "<body> element": "colours, language and direction stand on a wrapper, too",
    "<style> element": "everything that matters is inlined",
    "@media": "one column that shrinks by itself",
    "Attribute selector": "of client.css, which only improves",
    "Class selector": "of client.css, which only improves",
    "Descendant combinator": "of client.css, which only improves",
    "Type selector": "of client.css, which only improves",
    "aria-label attribute": "the h1 says the same",
    "border-radius": "corners are square there",
    "color-scheme CSS property": "such programs invert by themselves or not at all",
    "color-scheme meta tag": "such programs invert by themselves or not at all",
    "display:none": "the preheader shows, and is a sentence",
    "height property": "height: auto beside a width is what they do anyway",
    "max-height property": "of the preheader: Outlook hides it by mso-hide",
    "overflow": "of the preheader: Outlook hides it by mso-hide",
    "white-space": "a number may wrap",
    "word-break": "a very long word may widen the column",
}


@pytest.fixture(scope="module")
def node() -> str:
    """Node's path, with the judges installed."""
    found = shutil.which("node")
    if not found or not INSTALLED.is_dir():
        pytest.skip("the judges are not installed: make judges (it needs npm)")
    return found


@pytest.fixture(scope="module")
def camera() -> Iterator[Camera]:
    """A browser for axe."""
    if lacking := missing():
        pytest.skip(f"no browser without: apt-get install {' '.join(lacking)}")
    with browsers() as opened:
        yield opened


def ask(node: str, *words: str) -> str:
    """What a judge says."""
    done = subprocess.run([node, *words], cwd=NPM, capture_output=True, text=True, check=False)
    assert done.stdout, done.stderr
    return done.stdout


def lacking(node: str, page: Path) -> set[str]:
    """The features of the page that one of the mail programs lacks."""
    return {found["title"] for found in json.loads(ask(node, "clients.mjs", str(page), *CLIENTS))}


def faults(node: str, page: Path) -> list[str]:
    """What html-validate has to say against the page."""
    program = "node_modules/html-validate/bin/html-validate.mjs"
    settings = ("--config", "html-validate.json", "--formatter", "json")
    reports = json.loads(ask(node, program, *settings, str(page)))
    found = [message for report in reports for message in report["messages"]]
    return [f"{m['ruleId']}, line {m['line']}: {m['message']}" for m in found]


@pytest.mark.parametrize("language", LANGUAGES)
def test_e59_nothing_depends_on_what_a_mail_program_lacks(
    node: str, tmp_path: Path, language: str
) -> None:
    page = tmp_path / "issue.html"
    page.write_text(markup(View(language)), "utf-8")
    assert lacking(node, page) - set(BEARABLE) == set()


def test_e59_is_awake_and_its_list_is_not_stale(node: str, tmp_path: Path) -> None:
    page = tmp_path / "issue.html"
    page.write_text(markup(View()), "utf-8")
    assert set(BEARABLE) - lacking(node, page) == set()
    page.write_text(markup(View()).replace("display:none", "display:grid"), "utf-8")
    assert lacking(node, page) - set(BEARABLE) == {"display:grid"}


@pytest.mark.parametrize("language", LANGUAGES)
def test_i84_html_validate_finds_nothing(node: str, tmp_path: Path, language: str) -> None:
    page = tmp_path / "issue.html"
    page.write_text(markup(View(language)), "utf-8")
    assert faults(node, page) == []


def test_i84_html_validate_is_awake(node: str, tmp_path: Path) -> None:
    page = tmp_path / "issue.html"
    page.write_text(markup(View()).replace("</h2>", "</h4>", 1), "utf-8")
    assert "close-order" in " ".join(faults(node, page))


@pytest.mark.parametrize(
    "view", [*map(View, LANGUAGES), View(dark=True), View(width=320)], ids=lambda view: view.name
)
def test_i84_axe_finds_nothing_serious(node: str, camera: Camera, view: View) -> None:
    with camera.showing(view) as page:
        found = axe(page)
    assert [f for f in found if f["impact"] in SERIOUS] == []


def test_i84_axe_is_awake(node: str, camera: Camera) -> None:
    with camera.showing(View()) as page:
        page.evaluate("document.querySelector('img').removeAttribute('alt')")
        page.evaluate("document.querySelector('.dek').style.color = '#cccccc'")
        rules = {found["id"] for found in axe(page)}
    assert {"image-alt", "color-contrast"} <= rules


def axe(page: Page) -> list[dict[str, object]]:
    """What axe has to say against the page: rule, weight and place."""
    page.add_script_tag(path=INSTALLED / "axe-core" / "axe.min.js")
    found: list[dict[str, object]] = page.evaluate(
        "async () => (await axe.run()).violations.map(v => ({id: v.id, impact: v.impact, "
        "where: v.nodes.map(n => n.html.slice(0, 120))}))"
    )
    return found
