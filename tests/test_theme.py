"""A publisher's theme: what it changes, and that nobody gets a text which cannot be read."""

import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from digest.errors import SettingsError, TemplateError
from digest.rendering import environment, render
from digest.settings import load
from digest.theme import HOUSE_DARK_ACCENT, Theme, contrast, luminance, mixed
from tests.showcase import sample_edition

TEMPLATES = Path(__file__).parents[1] / "templates"
COLOURS = st.from_regex(r"#[0-9a-f]{6}", fullmatch=True)
TOML = """
[publisher]
name = "Example Times"
postal_address = "12 Example Road"
[newsletter.weekly]
title = "The Week"
from = "weekly@news.example.org"
list_id = "weekly.news.example.org"
"""


@pytest.mark.parametrize(
    ("one", "other", "ratio"),
    [
        ("#000000", "#ffffff", 21.0),
        ("#ffffff", "#ffffff", 1.0),
        ("#777777", "#ffffff", 4.48),
        ("#767676", "#ffffff", 4.54),
        ("#ff0000", "#ffffff", 4.0),
    ],
)
def test_contrast_is_that_of_wcag(one: str, other: str, ratio: float) -> None:
    assert contrast(one, other) == pytest.approx(ratio, abs=0.01)


@given(COLOURS, COLOURS)
def test_contrast_knows_no_order_and_has_bounds(one: str, other: str) -> None:
    assert contrast(one, other) == contrast(other, one)
    assert 1 <= contrast(one, other) <= 21
    assert 0 <= luminance(one) <= 1


@given(COLOURS)
def test_the_accent_of_the_night_is_readable_whatever_that_of_the_day(accent: str) -> None:
    try:
        theme = Theme(accent=accent)
    except ValidationError:
        return
    night = theme.night
    assert all(contrast(night["accent"], night[on]) >= 4.5 for on in ("paper", "desk", "wash"))


def test_the_house_has_its_own_night() -> None:
    assert Theme().night["accent"] == HOUSE_DARK_ACCENT
    assert mixed("#000000", "#ffffff", 0.5) == "#808080"


@pytest.mark.parametrize(
    ("lines", "told"),
    [
        (
            'accent = "#ff9900"',
            "theme: accent (#ff9900) on paper (#ffffff) has a contrast of 2.14:1, and text",
        ),
        ('soft = "#767676"', "theme: soft (#767676) on desk (#f3f1ec) has a contrast of 4.02:1"),
        (
            '[theme.dark]\nink = "#333333"',
            "theme: dark.ink (#333333) on dark.paper (#1b1c1f) has a contrast of 1.34:1",
        ),
        ('accent = "red"', 'theme.accent: "red" is no colour; write one such as "#a3281f"'),
        ('accent = "rgb(0 0 0 / 50%)"', "theme.accent: "),
        ('text_font = "x; } body { color: red"', "theme.text_font: fonts are names"),
        ('logo_url = "http://a.example/l.png"', "theme.logo_url: a logo needs"),
        ('logo_url = "https://a.example/l.svg"', "theme.logo_url: mail programs show no SVG"),
        ("radius = 100", "theme.radius: "),
        ('density = "huge"', "theme.density: "),
        ('acent = "#000000"', "theme.acent is no setting"),
    ],
)
def test_a_wrong_theme_is_refused_in_one_sentence(tmp_path: Path, lines: str, told: str) -> None:
    (tmp_path / "digest.toml").write_text(f"{TOML}[theme]\n{lines}\n")
    with pytest.raises(SettingsError) as caught:
        load(tmp_path, {})
    assert caught.value.what.startswith(f"digest.toml: {told}")
    assert "\n" not in caught.value.what
    assert caught.value.remedy
    assert caught.value.exit_code == 2


def test_an_almost_right_name_is_offered(tmp_path: Path) -> None:
    (tmp_path / "digest.toml").write_text(f'{TOML}[theme]\nacent = "#000000"\n')
    with pytest.raises(SettingsError) as caught:
        load(tmp_path, {})
    assert caught.value.remedy == "did you mean accent?"


def test_the_theme_reaches_the_mail(tmp_path: Path) -> None:
    (tmp_path / "digest.toml").write_text(
        TOML
        + '[theme]\naccent = "#06c"\nheadline_font = \'"Charter", Georgia, serif\'\nradius = 9\n'
        + 'density = "airy"\nlogo_url = "https://a.example/logo.png"\nlogo_width = 200\n'
        + '[theme.dark]\npaper = "#101010"\n'
    )
    theme = load(tmp_path, {}).theme
    made = render(sample_edition(), environment(TEMPLATES, theme=theme)).html
    for part in (
        "color:#06c",
        "font-family:Charter, Georgia, serif",
        "border-radius:9px",
        "padding-top:48px",
        "background-color: #101010 !important",
        '<img src="https://a.example/logo.png" alt="The Week" width="200"',
    ):
        assert part in made
    for gone in ("#a3281f", "#1b1c1f", "#ff8a7a", "Times New Roman"):
        assert gone not in made


def test_the_environment_wins_over_the_file(tmp_path: Path) -> None:
    (tmp_path / "digest.toml").write_text(f'{TOML}[theme]\naccent = "#0066cc"\n')
    assert load(tmp_path, {"DIGEST_THEME_ACCENT": "#702963"}).theme.accent == "#702963"


def test_compact_is_lower_than_comfortable_and_that_than_airy() -> None:
    spaces = [Theme(density=density).for_templates()["space"] for density in
              ("compact", "comfortable", "airy")]  # fmt: skip
    assert [space["section"] for space in spaces] == [24, 36, 48]


@pytest.mark.parametrize(
    ("fonts", "told"),
    [
        ("-apple-system, Segoe UI, Helvetica, Arial, sans-serif", "Arial, sans-serif"),
        ("Charter, Georgia, serif", "Georgia, serif"),
        ("Charter, serif", "Georgia, serif"),
        ("Inter", "Arial, sans-serif"),
        ("Menlo, monospace", "Courier New, monospace"),
    ],
)
def test_outlook_gets_a_font_that_it_has(fonts: str, told: str) -> None:
    theme = Theme(headline_font=fonts)
    assert theme.for_templates()["fonts"]["outlook_headline"] == told
    made = render(sample_edition(), environment(TEMPLATES, theme=theme)).html
    (outlook,) = re.findall(r"<style>(\.top.*?)</style><!\[endif\]", made)
    assert ".title, .logo, " in outlook
    assert f"font-family: {told} !important" in outlook


def test_templates_get_values_that_cannot_be_called(tmp_path: Path) -> None:
    (tmp_path / "issue.txt.jinja").write_text("{{ theme.model_dump() }}")
    with pytest.raises(TemplateError):
        render(sample_edition(), environment(tmp_path, TEMPLATES))


def test_author_first_knows_a_name_as_templates_lower_it() -> None:
    assert "Straße".lower() in Theme(author_first=("Straße",)).for_templates()["author_first"]
