"""docs/templates.md says what is so."""

import re
import tomllib
from dataclasses import fields
from pathlib import Path

import pytest

from digest.edition import Issue, Publisher
from digest.rendering import environment, fill, render
from digest.rendering.context import FILTERS, context
from digest.rendering.languages import LANGUAGES, Language
from digest.rendering.sandbox import LONGEST, TURNS
from digest.rendering.values import Reader
from digest.selection import Story
from digest.theme import Palette, Theme
from tests.showcase import JOINED, sample_edition, sample_reader

ROOT = Path(__file__).parents[1]
HOUSE = ROOT / "templates"
GUIDE = (ROOT / "docs" / "templates.md").read_text("utf-8")


def part(title: str) -> str:
    """What stands under a heading."""
    return GUIDE.split(f"\n## {title}\n")[1].split("\n## ")[0]


def listed(title: str, column: int = 0) -> set[str]:
    """The names in backquotes in a column of the part's table."""
    rows = [row.strip("| ").split(" | ") for row in part(title).splitlines() if row[:3] == "| `"]
    assert rows
    return {name for row in rows for name in re.findall(r"`(\w+)", row[column])}


def code(kind: str) -> list[str]:
    """The blocks of code of one kind."""
    return re.findall(rf"(?ms)^```{kind}\n(.*?)^```", GUIDE)


def blocks(template: str) -> set[str]:
    """The blocks of a house template."""
    return set(re.findall(r"{% block (\w+)", (HOUSE / template).read_text("utf-8")))


def test_every_key_of_the_theme_is_told_and_no_other() -> None:
    assert listed("The theme") == set(Theme.model_fields) >= set(Palette.model_fields)


def test_the_themes_example_is_a_theme() -> None:
    (example,) = code("toml")
    theme = Theme(**tomllib.loads(example)["theme"])
    assert theme.night["accent"] == "#7db7f0"


def test_every_block_is_told_and_no_other() -> None:
    assert listed("A part of a template") == blocks("issue.html.jinja")
    rows = [row for row in part("A part of a template").splitlines() if row[:3] == "| `"]
    both = {n for row in rows if row.endswith("both |") for n in re.findall(r"`(\w+)", row)}
    assert both == blocks("issue.txt.jinja")


def test_every_name_a_template_sees_is_told_and_no_other() -> None:
    assert listed("What a template sees") == {*context(sample_edition()), "theme"}


def test_every_filter_of_ours_is_told() -> None:
    told = set(re.findall(r"`(\w+)`", part("What a template sees").split("Filters")[1]))
    assert told == set(FILTERS)


@pytest.mark.parametrize("kind", [Issue, Publisher, Reader])
def test_what_the_values_hold(kind: type) -> None:
    row = next(r for r in GUIDE.splitlines() if r.startswith(f"| `{kind.__name__.lower()}`"))
    told = set(re.findall(r"\w+", row.split(" | ")[1]))
    assert told <= {field.name for field in fields(kind)}
    assert len(told) >= 4


def test_what_a_story_has() -> None:
    told = re.search(r"A story has ([^.]*)\.", GUIDE)
    assert told
    names = re.findall(r"\w+", re.sub(r"\(.*?\)", "", told[1]))
    assert len(names) == 12
    assert all(hasattr(Story, name) for name in names)


def test_the_example_of_a_changed_part_works(tmp_path: Path) -> None:
    (example,) = code("jinja")
    (tmp_path / "issue.html.jinja").write_text(example, "utf-8")
    made = render(sample_edition(), environment(tmp_path, HOUSE)).html
    assert "From our newsroom, Monday, 30 March 2026." in made
    assert "Good morning." in made
    assert "Latest" not in made


def test_the_bounds_are_those() -> None:
    assert f"{TURNS:,} turns" in GUIDE
    assert f"{LONGEST:,}\ncharacters" in GUIDE


def test_the_languages_are_those() -> None:
    names = {"en": "English", "ar": "Arabic", "es": "Spanish", "fr": "French", "hi": "Hindi"}
    assert set(names) == set(LANGUAGES)
    assert all(name in part("Languages") for name in names.values())
    for tag, digits in {"ar": "30", "ar-EG": "٣٠", "ar-SA": "٣٠", "fa": "۳۰", "mr": "३०"}.items():
        assert Language(tag).number(30) == digits
        assert digits in part("Languages")
    assert Language("en-US").joined_on(JOINED, "UTC") == "January 4, 2026"


def test_the_refused_are_refused_as_told() -> None:
    from digest.rendering.inlining import TRAPS

    told = part("The whole").split("`email.css` holds")[1].split("\n- ")[0]
    for sign in ("@media", "@font-face", "!important", "*", ":not()", "[attributes]", "url()"):
        assert f"`{sign}`" in told
    assert len(TRAPS) == 9


def test_a_publishers_own_class_of_colour_stands_the_dark() -> None:
    sheet = (HOUSE / "client.css").read_text("utf-8")
    for name in ("ink", "soft", "accent", "desk", "paper", "wash", "rule", "edge"):
        assert f"`{name}`" in part("The whole")
        assert f".{name} {{" in sheet or f".{name}, " in sheet
    assert fill(render(sample_edition(), environment(HOUSE)), sample_reader()).html
