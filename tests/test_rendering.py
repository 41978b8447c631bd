"""Rendering: what readers see of an edition, and that one rendering serves all of them."""

import re
from dataclasses import fields, replace
from pathlib import Path

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from jinja2 import Environment
from lxml import html as lxml_html

from digest.articles import Article
from digest.edition import Edition
from digest.errors import TemplateError
from digest.rendering import (
    PLACES,
    SENTINEL,
    Reader,
    Rendering,
    address,
    content_hash,
    environment,
    fill,
    inlined,
    render,
    shortened,
)
from digest.selection import Other, Section, Story, Trend
from subscribers.preferences import Preferences
from tests.issues import example_edition, example_issue, example_reader

FOLDER = Path(__file__).parent.parent / "templates"
HARD = st.text(st.sampled_from("<>&\"'% aשلא😀é{}[]") | st.characters(codec="utf-8"), max_size=40)


@pytest.fixture(scope="module")
def templates() -> Environment:
    return environment(FOLDER)


@pytest.fixture(scope="module")
def rendering(templates: Environment) -> Rendering:
    return render(example_edition(), templates)


def with_first_story(**changes: object) -> Edition:
    edition = example_edition()
    first, *others = edition.sections
    article = replace(first.stories[0].article, **changes)  # type: ignore[arg-type]
    lead = replace(first.stories[0], article=article)
    section = replace(first, stories=(lead, *first.stories[1:]))
    return replace(edition, sections=(section, *others))


def visible(markup: str) -> str:
    return " ".join(str(lxml_html.fromstring(markup).text_content()).split())


def test_f64_the_same_edition_gives_the_same_bytes(templates: Environment) -> None:
    assert len({render(example_edition(), templates) for _ in range(5)}) == 1
    assert render(example_edition(), environment(FOLDER)) == render(example_edition(), templates)


def test_f65_every_place_is_filled(rendering: Rendering) -> None:
    for place in fields(Reader):
        assert getattr(PLACES, place.name) in rendering.html
        assert getattr(PLACES, place.name) in rendering.text
    filled = fill(rendering, example_reader())
    assert not re.search("zq|t.invalid", filled.html + filled.text)
    assert not re.search("{{|{%|%7B|%20}", filled.html)


@settings(max_examples=30, deadline=None)
@given(since=HARD, token=HARD)
def test_f66_inlining_then_filling_equals_filling_then_inlining(since: str, token: str) -> None:
    since = re.sub(r"[\x00-\x1f\x7f-\x9f]", "", since)  # no HTML parser takes these
    assume(not SENTINEL.search(since + token))
    url = address(f"https://times.example/{token}".replace("\x00", ""))
    reader = Reader(f"{url}?a=1&b=2", url, url, since)
    page = (
        "<!DOCTYPE html><html><head><style>p { color: #16181d }</style></head><body>"
        f'<p>{PLACES.since}</p><a href="{PLACES.unsubscribe_url}">x</a></body></html>'
    )
    late = fill(Rendering("s", "p", inlined(page), ""), reader).html
    early = inlined(fill(Rendering("s", "p", page, ""), reader).html)
    shown = [lxml_html.tostring(lxml_html.document_fromstring(x)) for x in (late, early)]
    assert shown[0] == shown[1]


@given(since=HARD, url=HARD)
def test_filling_keeps_every_value_and_every_byte_between(since: str, url: str) -> None:
    assume(not SENTINEL.search(since + url))
    unfilled = Rendering("s", "p", f"<p>{PLACES.since}</p>", f"A {PLACES.view_url} Z")
    filled = fill(unfilled, Reader("u", "p", url, since))
    assert lxml_html.fromstring(filled.html).tag == "p"
    assert filled.text == f"A {url} Z"
    assert not re.search("[<>]", filled.html.removeprefix("<p>").removesuffix("</p>"))


def test_a_damaged_or_smuggled_place_is_refused() -> None:
    with pytest.raises(TemplateError):
        fill(Rendering("s", "p", "https://t.invalid/zqunsub", ""), example_reader())
    with pytest.raises(TemplateError):
        fill(Rendering("s", "p", "", ""), replace(example_reader(), since=PLACES.view_url))
    with pytest.raises(TemplateError):
        fill(Rendering("s", "p", "zqviewqz", ""), example_reader())


def test_a_story_cannot_get_at_a_readers_link(templates: Environment) -> None:
    edition = with_first_story(
        url=f"https://evil.example/?{PLACES.unsubscribe_url}", dek="zqzqsinceqzsinceqz"
    )
    filled = fill(render(edition, templates), example_reader())
    assert "evil.example/?-" in filled.html
    assert filled.html.count("tok123?a=1") == 1


@pytest.mark.parametrize(
    "words",
    ["https://t.invalid/zqx:", "t.invalid", "https://t.invalid/zqunsub", "zqviewqzscribeqz"],
)
def test_a_part_of_a_mark_in_a_story_holds_nobodys_mail_up(
    templates: Environment, words: str
) -> None:
    edition = with_first_story(
        dek=f"See {words} now.", headline=words, url=f"https://a.example/{words}"
    )
    made = render(edition, templates)
    assert "t.invalid" not in SENTINEL.sub("", made.html + made.text + made.subject)
    assert fill(made, example_reader()).html.count("tok123?a=1") == 1


def test_a_trending_story_tells_its_language_and_that_it_is_updated(
    templates: Environment,
) -> None:
    issue = example_issue()
    first = issue.stories[0]
    story = replace(first, article=replace(first.article, language="ar"), updated=True)
    trend = Trend("\u062f\u0648\u0644", story.url, "Global", story, "Global")
    edition = replace(example_edition(), trending=(trend, *issue.trending))
    made = render(edition, templates)
    assert re.search(r'Updated</p><h3 class="trend-headline ink" lang="ar" dir="rtl"', made.html)
    assert f"1. Updated: {trend.headline}" in made.text


def test_the_number_in_the_bar_keeps_clear_of_its_neighbours(rendering: Rendering) -> None:
    cell = re.search(r'<td class="bar bar-middle[^>]*style="([^"]*)"', rendering.html)
    assert cell
    assert "padding-right:8px" in cell[1].replace(" ", "")
    assert "padding-left:8px" in cell[1].replace(" ", "")


def test_a_wide_letter_makes_no_readers_link(templates: Environment) -> None:
    made = render(with_first_story(url="https://\uff54.invalid/zqunsubscribeqz"), templates)
    assert made.html.count(PLACES.unsubscribe_url) == made.text.count(PLACES.unsubscribe_url) == 1
    assert address(PLACES.view_url) == PLACES.view_url


def test_a14_the_text_part_has_every_story_and_every_address(rendering: Rendering) -> None:
    for story in example_issue().stories:
        assert story.headline in rendering.text
        assert story.url in rendering.text
    for line in rendering.text.splitlines():
        assert len(line) <= 72 or "https://" in line
    assert not re.search("[\u2007\u034f\u200b]", rendering.text)


def test_text_alone_has_no_html(templates: Environment, rendering: Rendering) -> None:
    result = render(example_edition(Preferences(format="text")), templates)
    assert result.html == ""
    assert result.text == rendering.text


def test_the_mail_says_what_the_issue_says(rendering: Rendering) -> None:
    shown = visible(rendering.html)
    assert "Monday, 30 March 2026" in shown
    assert "Issue 12" in shown
    assert "World desk · Fri 27 Mar · 3 min" in shown
    assert "(With inputs from agencies.)" in shown
    assert shown.index("Ravi Example") < shown.index("Nations are shaped")
    assert re.search(r"italic[^>]*>[^<]*<a[^>]*>Nations are shaped", rendering.html)


def test_a_headline_without_an_address_is_no_link(rendering: Rendering) -> None:
    assert re.search(r"<h3[^>]*>Two capitals trade envoys", rendering.html)


def test_other_sources_updates_and_plain_lists_are_shown_in_both_parts(
    templates: Environment,
) -> None:
    issue = replace(
        example_issue(),
        briefs=(Trend("Ferry back in service", "https://times.example/ferry"),),
        latest=(Trend("Rain stops play"),),
    )
    first, *others = issue.sections
    told = Other("Wire <Service>", "Patrol agreed", "https://wire.example/patrol")
    stories = (
        replace(first.stories[0], updated=True),
        replace(first.stories[1], others=(told,)),
    )
    edition = replace(
        example_edition(), issue=issue, sections=(Section("Global", stories), *others)
    )
    made = render(edition, templates)
    shown = visible(made.html)
    assert "Updated Harbour states" in shown
    assert "Updated: Harbour states" in made.text
    for text in ("Also in: Wire <Service>", "In brief", "Ferry back in service", "Rain stops play"):
        assert text in shown
        assert text in made.text
    assert 'href="https://wire.example/patrol"' in made.html


def test_a_trending_story_names_who_else_tells_it(templates: Environment) -> None:
    told = Other("Wire <Service>", "Poverty fell", "https://wire.example/poverty")
    story = Story(Article("A fall"), others=(told,))
    trend = Trend("A fall in poverty", "https://times.example/1", "Global", story)
    made = render(replace(example_edition(), trending=(trend,)), templates)
    assert "Also in: Wire <Service>" in visible(made.html)
    assert "   Also in: Wire <Service>\n   https://wire.example/poverty\n" in made.text


def test_trending_alone_makes_a_mail(templates: Environment) -> None:
    result = render(example_edition(Preferences(frozenset({"Trending"}))), templates)
    assert result.subject.startswith("A fall in poverty that the ledgers do not show")
    assert "<h2" in result.html
    assert 'class="lead-headline' not in result.html


def test_a_section_whose_only_story_leads_has_no_head(templates: Environment) -> None:
    edition = replace(example_edition(), sections=(Section("Global", (Story(Article("Alone")),)),))
    result = render(replace(edition, trending=()), templates)
    assert result.subject == "Alone"
    assert ">Global</p>" in result.html
    assert ">Global</h2>" not in result.html


def test_subject_and_preheader_are_the_editors_or_made_of_headlines(templates: Environment) -> None:
    made = render(example_edition(), templates)
    assert made.subject == "Harbour states sketch a joint patrol, and a clause for…; 4 more"
    assert made.preheader.startswith("Grain deal holds through its first month · Two capitals")
    issue = replace(example_issue(), subject="Patrols\r\nBcc: a@b.example", preheader="Read on")
    own = render(replace(example_edition(), issue=issue), templates)
    assert (own.subject, own.preheader) == ("Patrols Bcc: a@b.example", "Read on")


@given(st.text(max_size=200), st.integers(5, 80))
def test_shortened_is_never_longer(text: str, length: int) -> None:
    assert len(shortened(text, length)) <= length


def test_right_to_left_languages_turn_the_page(templates: Environment) -> None:
    issue = replace(example_issue(), language="ur-PK")
    result = render(replace(example_edition(), issue=issue), templates)
    assert '<html lang="ur-PK" dir="rtl"' in result.html
    assert "border-right-width:3px" in result.html


def test_the_hash_covers_everything_and_no_order(rendering: Rendering) -> None:
    other = replace(rendering, text="other")
    assert content_hash([rendering, other]) == content_hash(iter([other, rendering]))
    assert content_hash([rendering]) != content_hash([other])
    assert len(content_hash([])) == 64


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("one\n{{ nothing }}", "issue.txt.jinja, line 2: 'nothing' is undefined."),
        ("one\ntwo\n{% if %}", "issue.txt.jinja, line 3: "),
        ("{{ issue.title.__class__.__mro__ }}", "issue.txt.jinja, line 1: access to attribute"),
        ("{{ 1 / 0 }}", "issue.txt.jinja, line 1: division by zero."),
        ('{% include "gone" %}', "issue.txt.jinja, line 1: "),
    ],
)
def test_a_wrong_template_is_named_with_its_line(tmp_path: Path, source: str, message: str) -> None:
    (tmp_path / "issue.txt.jinja").write_text(source)
    with pytest.raises(TemplateError) as caught:
        render(example_edition(), environment(tmp_path, FOLDER))
    assert caught.value.what.startswith(message)
    assert caught.value.remedy


def test_a_publisher_extends_the_house_template(tmp_path: Path) -> None:
    (tmp_path / "issue.html.jinja").write_text(
        '{% extends "house/issue.html.jinja" %}{% block note %}'
        '<tr><td class="story">{{ linked("Ours", "https://a.example") }}</td></tr>{% endblock %}'
    )
    result = render(example_edition(), environment(tmp_path, FOLDER))
    assert ">Ours</a>" in result.html
    assert "Unsubscribe" in result.html


def test_a14_text_and_html_say_the_same(rendering: Rendering) -> None:
    body = visible(rendering.html.split("</head>")[1].partition("</div>")[2])
    said = set(re.findall(r"\w+", rendering.text))
    words = set(re.findall(r"\w+", body))
    assert len(words & said) / len(words) >= 0.9
