"""The inliner's conformance: what must come through, whatever premailer does by default."""

import re
from concurrent.futures import ThreadPoolExecutor

import pytest

from digest.errors import TemplateError
from digest.rendering import inlined


def page(body: str, style: str = "", block_b: str = "") -> str:
    return (
        f"<!DOCTYPE html>\n<html><head><title>x</title><style>{style}</style>"
        f'<style data-premailer="ignore">{block_b}</style></head><body>{body}</body></html>'
    )


@pytest.mark.parametrize(
    "kept",
    [
        "@media (max-width: 480px) { .a { color: #111 !important } }",
        "@media (prefers-color-scheme: dark) { .a { color: #eee !important } }",
        "[data-ogsc] .a { color: #eee !important }",
        "u + .body .a { color: #eee !important }",
        "a:hover { color: #eee !important }",
        "@font-face { font-family: X; src: url(https://a.example/x.woff2) }",
        "@supports (display: grid) { .a { color: #111 !important } }",
    ],
)
def test_f61_block_b_is_kept_word_for_word(kept: str) -> None:
    assert kept in inlined(page('<p class="a">x</p>', ".a { color: #16181d }", kept))


@pytest.mark.parametrize(
    "body",
    [
        '<!--[if mso]><table width="640"><tr><td><![endif]-->x<!--[if mso]></td><![endif]-->',
        '<img src="https://a.example/a.jpg" alt="" width="576" height="300">',
        "<p>a<br>b</p>",
        "<p>ü 😀 ש</p>",
        '<a href="https://a.example/?a=1&amp;b=%C3%BC">x</a>',
    ],
)
def test_f61_markup_is_kept_word_for_word(body: str) -> None:
    assert body in inlined(page(body))


def test_f61_width_and_height_of_an_image_stay_numbers() -> None:
    image = '<img src="https://a.example/a.jpg" alt="" width="600" height="300">'
    result = inlined(page(image, "img { width: 100%; height: auto }"))
    assert 'width="600"' in result
    assert 'height="300"' in result
    assert "width:100%" in result


def test_f61_a_background_colour_becomes_an_attribute_for_word() -> None:
    result = inlined(page("<table><tr><td>x</td></tr></table>", "td { background-color: #f8f6f1 }"))
    assert 'bgcolor="#f8f6f1"' in result


def test_f61_vendor_properties_are_kept() -> None:
    assert "mso-hide:all" in inlined(page("<p>x</p>", "p { mso-hide: all }"))


@pytest.mark.parametrize("style", ["h5", "td", "h5;", " td ; ", "color: #111"])
def test_f62_a_style_attribute_that_reads_like_a_selector_harms_nobody(style: str) -> None:
    inlined(page(f"<table><tr><td style=\"{style}\">x</td></tr></table><p style='{style}'>y</p>"))
    rules = "h5 { margin-top: 0 } td { color: #16181d }"
    innocent = inlined(page("<h5>x</h5><table><tr><td>y</td></tr></table>", rules))
    assert '<h5 style="margin-top:0">' in innocent


def test_f64_threads_and_repeats_give_the_same_bytes() -> None:
    source = page("<p>x</p>" * 20, "p { color: #16181d; margin-top: 0 }")
    with ThreadPoolExecutor(8) as pool:
        assert len(set(pool.map(inlined, [source] * 40))) == 1


def test_f65_a_brace_that_an_href_brings_is_refused() -> None:
    with pytest.raises(TemplateError, match="left"):
        inlined(page('<a href="{{ name }}">x</a>'))


def test_f65_a_lost_place_is_refused() -> None:
    with pytest.raises(TemplateError, match="lost"):
        inlined(page("", "p { content: zqsinceqz }"))


def test_f67_no_break_spaces_and_preformatted_text_are_kept() -> None:
    result = inlined(page("<p>a&nbsp;b</p><pre>  a\n   b</pre><p><b>a</b><i>b</i></p>"))
    assert "a\u00a0b" in result
    assert "<pre>  a\n   b</pre>" in result
    assert re.search("<b>a</b><i>b</i>", result)
