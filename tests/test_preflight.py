"""Preflight: every rule is quiet about the example issue and speaks where it should."""

from dataclasses import replace
from pathlib import Path

import pytest
from jinja2 import Environment

from digest.articles import Article, Image
from digest.edition import Issue
from digest.preflight import RULES, Finding, examine
from digest.rendering import PLACES, Rendering, environment, render
from digest.selection import Section, Story, Trend
from tests.issues import example_edition, example_issue

BASE = "https://mail.times.example"
GOOD = Article("A new story", "https://times.example/new", "What happened.")
SAME_HEADLINE = replace(GOOD, headline="Grain deal holds through its first month!")
SAME_ADDRESS = replace(GOOD, url="https://times.example/global/patrol?utm_source=x")


@pytest.fixture(scope="module")
def templates() -> Environment:
    return environment(Path(__file__).parent.parent / "templates")


@pytest.fixture(scope="module")
def rendering(templates: Environment) -> Rendering:
    return render(example_edition(), templates)


def sections_with(story: Article) -> Issue:
    issue = example_issue()
    return replace(issue, sections=(*issue.sections, Section("More", (Story(story),))))


def rules(findings: list[Finding]) -> set[tuple[str, str]]:
    return {(finding.rule, finding.severity) for finding in findings}


def test_the_example_has_one_warning_and_every_finding_a_remedy(rendering: Rendering) -> None:
    findings = examine(example_issue(), rendering, base_url=BASE)
    assert rules(findings) == {("link-missing", "warning")}
    assert "Two capitals trade envoys" in findings[0].what
    assert findings[0].remedy.endswith(".")


@pytest.mark.parametrize(
    ("story", "rule", "severity"),
    [
        (replace(GOOD, url=""), "link-missing", "warning"),
        (replace(GOOD, url="javascript:alert(1)"), "link-not-http", "error"),
        (replace(GOOD, headline=" "), "title-empty", "error"),
        (replace(GOOD, dek=" "), "dek-missing", "warning"),
        (replace(GOOD, headline="word " * 30), "headline-long", "warning"),
        (replace(GOOD, image=Image("https://a.example/a.jpg")), "image-alt", "warning"),
        (replace(GOOD, image=Image("http://a.example/a.jpg", "A")), "image-not-https", "warning"),
        (SAME_HEADLINE, "duplicate-story", "warning"),
        (SAME_ADDRESS, "duplicate-story", "warning"),
    ],
)
def test_rules_on_stories(rendering: Rendering, story: Article, rule: str, severity: str) -> None:
    good = rules(examine(sections_with(GOOD), rendering, base_url=BASE))
    found = examine(sections_with(story), rendering, base_url=BASE)
    assert (rule, severity) in rules(found)
    assert rule == "link-missing" or (rule, severity) not in good


def test_a_broken_link_in_trending_or_footer_is_found(rendering: Rendering) -> None:
    issue = replace(example_issue(), trending=(Trend("A trend", "ftp://a.example"),))
    assert ("link-not-http", "error") in rules(examine(issue, rendering, base_url=BASE))


@pytest.mark.parametrize(
    ("changes", "rule", "severity"),
    [
        ({"html": "x" * 80_001}, "html-size", "warning"),
        ({"html": "x" * 100_001}, "html-size", "error"),
        ({"subject": " "}, "subject-empty", "error"),
        ({"subject": "x" * 71}, "subject-long", "warning"),
        ({"preheader": ""}, "preheader-empty", "warning"),
        ({"preheader": "x" * 151}, "preheader-long", "warning"),
        ({"subject": "Hello {{ name }}"}, "placeholder-left", "error"),
        ({"html": "<p>Lorem ipsum dolor</p>"}, "placeholder-left", "error"),
        ({"text": "{% if %}"}, "placeholder-left", "error"),
        ({"preheader": "TODO write this"}, "placeholder-left", "warning"),
        ({"text": "nothing"}, "text-story-missing", "error"),
        ({"text": "nothing"}, "unsubscribe-missing", "error"),
        ({"html": "<p>nothing</p>"}, "unsubscribe-missing", "error"),
        ({"html": "<h1>a</h1><h3>b</h3>"}, "heading-order", "error"),
        ({"html": "<h1>a</h1><h1>b</h1>"}, "heading-order", "error"),
    ],
)
def test_rules_on_the_rendering(
    rendering: Rendering, changes: dict[str, str], rule: str, severity: str
) -> None:
    broken = replace(rendering, **changes)
    assert (rule, severity) in rules(examine(example_issue(), broken, base_url=BASE))


def test_an_issue_of_text_alone_needs_no_html(rendering: Rendering) -> None:
    alone = replace(rendering, html="")
    assert rules(examine(example_issue(), alone, base_url=BASE)) == {("link-missing", "warning")}
    assert PLACES.unsubscribe_url in alone.text


def test_rules_on_the_issue(rendering: Rendering) -> None:
    issue = example_issue()
    nowhere = replace(issue, publisher=replace(issue.publisher, postal_address=" "))
    for broken, rule in (
        (replace(issue, sections=()), "no-stories"),
        (replace(issue, sections=(*issue.sections, Section("Empty", ()))), "section-empty"),
        (replace(issue, title=""), "title-empty"),
        (nowhere, "postal-address-missing"),
    ):
        assert (rule, "error") in rules(examine(broken, rendering, base_url=BASE))


def test_without_https_there_is_a_warning(rendering: Rendering) -> None:
    found = rules(examine(example_issue(), rendering, base_url="http://127.0.0.1:8000"))
    assert ("base-url-not-https", "warning") in found


def test_every_rule_is_tried_in_this_file() -> None:
    tried = Path(__file__).read_text(encoding="utf-8")
    assert all(f'"{rule.name}"' in tried for rule in RULES)
