"""The inliner's conformance: what must come through, whatever premailer does by default."""

import http.server
import os
import re
import subprocess
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from lxml import html as lxml_html

from digest.errors import TemplateError
from digest.rendering import content_hash, environment, filled, growth, inlined, render
from digest.rendering.inlining import TRAPS
from tests.showcase import LANGUAGES, sample_edition

ROOT = Path(__file__).parent.parent


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
    # premailer reads the style of an element only where a rule has something to add to it.
    body = f"<table><tr><td style=\"{style}\">x</td></tr></table><p style='{style}'>y</p>"
    inlined(page(body, "td { margin-top: 0 } p { margin-top: 0 }"))
    rules = "h5 { margin-top: 0 } td { color: #16181d }"
    innocent = inlined(page("<h5>x</h5><table><tr><td>y</td></tr></table>", rules))
    assert '<h5 style="margin-top:0">' in innocent


def test_f64_threads_and_repeats_give_the_same_bytes() -> None:
    source = page("<p>x</p>" * 20, "p { color: #16181d; margin-top: 0 }")
    with ThreadPoolExecutor(8) as pool:
        assert len(set(pool.map(inlined, [source] * 100))) == 1


def test_f64_inlining_again_changes_nothing() -> None:
    once = render(sample_edition(), environment(ROOT / "templates")).html
    # premailer takes its own mark off the sheet that stays.
    again = once.replace("<style>\n/* Block B", '<style data-premailer="ignore">\n/* Block B')
    assert again != once
    assert inlined(again) == once


@pytest.mark.parametrize("seed", ["0", "4242"])
def test_f64_every_process_makes_the_same_bytes(seed: str) -> None:
    program = """
from pathlib import Path
from digest.rendering import content_hash, environment, render
from tests.showcase import LANGUAGES, sample_edition
templates = environment(Path("templates"))
print(content_hash(render(sample_edition(language), templates) for language in LANGUAGES))
"""
    env = {**os.environ, "PYTHONHASHSEED": seed, "TZ": "Pacific/Auckland", "LC_ALL": "C"}
    told = subprocess.run(
        [sys.executable, "-c", program],
        cwd=ROOT, env=env, capture_output=True, text=True, check=True,
    )  # fmt: skip
    templates = environment(ROOT / "templates")
    here = content_hash(render(sample_edition(language), templates) for language in LANGUAGES)
    assert told.stdout.strip() == here


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


SHEETS = {
    "@import": "@import url(http://127.0.0.1:9/a.css);",
    "font": "@font-face { font-family: X }",
    "media": "@media (max-width: 480px) { p { color: #111111 } }",
    "supports": "@supports (display: grid) { p { color: #111111 } }",
    "important": "p { color: #111111 !important }",
    "url": "p { background-image: url(https://a.example/a.png) }",
    "not": "p:not(.a, .b) { color: #111111 }",
    "star": "* { margin-top: 0 }",
    "star in a list": "p, * { margin-top: 0 }",
    "attribute": "p[title] { color: #111111 }",
    "space syntax": "p { color: rgb(0 0 0 / 50%) }",
    "oklch": "p { color: oklch(40% 0.2 30) }",
    "variable": "p { color: var(--ink) }",
}


@pytest.mark.parametrize("sheet", SHEETS.values(), ids=SHEETS)
def test_f61_what_premailer_gets_wrong_is_refused_with_its_line(sheet: str) -> None:
    with pytest.raises(TemplateError, match=r"^email\.css, line 2: “.*” .*\.$") as caught:
        inlined(page("<p>x</p>", f"\n/* a\n   comment */ {sheet}"))
    assert caught.value.remedy.endswith(".")


def test_f61_every_trap_has_a_case() -> None:
    for pattern, _, _ in TRAPS:
        assert any(re.search(f"(?i){pattern}", sheet) for sheet in SHEETS.values()), pattern


@pytest.mark.parametrize("sheet", SHEETS.values(), ids=SHEETS)
def test_f61_the_same_in_block_b_is_kept(sheet: str) -> None:
    assert sheet in inlined(page("<p>x</p>", "p { margin-top: 0 }", sheet))


@pytest.mark.parametrize(
    ("sheet", "expected"),
    [
        ("p { color: #111111 } .a { color: #222222 }", "color:#222"),
        (".a { color: #222222 } p { color: #111111 }", "color:#222"),
        (".a { color: #222222 } .b { color: #333333 }", "color:#333"),
        ("td p { color: #222222 } p { color: #111111 }", "color:#222"),
        ("h1, p { color: #222222 }", "color:#222"),
    ],
)
def test_f61_the_cascade_of_plain_selectors(sheet: str, expected: str) -> None:
    result = inlined(page('<table><tr><td><p class="a b">x</p></td></tr></table>', sheet))
    assert re.search(r'<p [^>]*style="([^"]*)"', result)[1] == expected  # type: ignore[index]


@pytest.mark.parametrize("place", ["{{x}}", "*|X|*", "[[x]]", "${x}", "%%x%%", "@@X@@", "zqviewqz"])
def test_f61_other_peoples_places_in_an_address_are_kept(place: str) -> None:
    link = f'<a href="https://a.example/{place}">x</a>'
    assert link in inlined(page(link))


def test_f61_a_loop_between_rows_stays_between_rows() -> None:
    # Where a template is inlined before it is filled, as other tools do it.
    rows = "<table><tr><td>a</td></tr><!-- each --><tr><td>b</td></tr></table>"
    assert rows in inlined(page(rows))


def test_f61_entities_become_characters() -> None:
    assert "<p>©\u00a0😀</p>" in inlined(page("<p>&copy;&nbsp;&#128512;</p>"))


@pytest.fixture
def canary() -> Iterator[tuple[str, list[str]]]:
    """A server on the loopback, and what it was asked for."""
    asked: list[str] = []

    class Canary(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.path)
            self.send_response(200)
            self.end_headers()
            self.wfile.write(b"p { color: #c0ffee }")

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Canary)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}", asked
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.mark.parametrize(
    "attack",
    [
        '<link rel="stylesheet" href="{0}/a.css">',
        "<LINK href='{0}/a.css' type='text/css' rel='Stylesheet'>",
        "<style>@import url({0}/b.css);</style>",
        "<style>@import '{0}/c.css'; p {{ margin-top: 0 }}</style>",
        '<style data-premailer="ignore">@import url({0}/d.css);</style>',
        '<style media="screen">@import url({0}/e.css);</style>',
        "<!-- <style>@import url({0}/f.css);</style> -->",
    ],
)
def test_f63_the_inliner_asks_nobody(canary: tuple[str, list[str]], attack: str) -> None:
    server, asked = canary
    markup = page("<p>x</p>").replace("</head>", attack.format(server) + "</head>")
    try:
        result = inlined(markup)
    except TemplateError:
        result = ""
    assert asked == []
    assert "c0ffee" not in result


def test_f63_no_socket_is_opened_by_a_rendering() -> None:
    program = """
import socket, sys
from pathlib import Path
from digest.rendering import environment, render
from tests.showcase import sample_edition
def refuse(event, args):
    if event.startswith("socket."):
        raise AssertionError(event)
sys.addaudithook(refuse)
assert render(sample_edition(), environment(Path("templates"))).html
try:
    socket.create_connection(("127.0.0.1", 9))
except AssertionError:
    print("watched")
"""
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert (done.stdout.strip(), done.returncode) == ("watched", 0), done.stderr


def test_f67_nothing_is_added_between_words() -> None:
    body = '<p>a<b>b</b>c <i>d</i></p><p>e <a href="https://a.example/">f</a>, g</p>'
    assert body in inlined(page(body))


def test_f68_growth_is_told_for_each_rule() -> None:
    made = growth(page('<p class="a">x</p><p>y</p>', "p { margin-top: 0 } .a, .b { color: #111 }"))
    assert made == [("p", 2 * len("margin-top:0")), (".a, .b", len("color:#111"))]


def test_f68_growth_of_the_sample_is_what_inlining_adds() -> None:
    markup = filled(sample_edition(), environment(ROOT / "templates"))
    told = sum(size for _, size in growth(markup))
    sheet = next(iter(re.findall(r"(?s)<style>(.*?)</style>", markup.partition("<![endif]")[2])))
    added = len(inlined(markup).encode()) - (len(markup.encode()) - len(sheet.encode()))
    # Besides the declarations: style="…", and bgcolor for Outlook.
    assert 0.7 < told / added < 1.3


def test_words_that_read_like_a_style_are_left_alone() -> None:
    body = "<p>He wrote style=&quot;a; b;&quot; and &lt;p style=&quot;c; d&quot;&gt;.</p>"
    shown = lxml_html.fromstring(inlined(page(body))).text_content()
    assert 'He wrote style="a; b;" and <p style="c; d">.' in shown
