"""Preflight: every rule is quiet about the example issue and speaks where it should."""

import re
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from jinja2 import Environment

from digest.edition import Issue
from digest.messages import Blank, Letterhead, Links
from digest.preflight import RULES, Case, Finding, dead_links, examine
from digest.preflight.clients import HARMLESS, known, used
from digest.preflight.identity import aligned
from digest.preflight.links import ONLINE
from digest.preflight.premises import PREMISES_RULES
from digest.preflight.promises import PROMISE_RULES
from digest.preflight.records import RECORD_RULES
from digest.rendering import Rendering, render
from tests.findable import (
    AT,
    BYTES,
    ISSUES,
    QUIET,
    RENDERINGS,
    ROOT,
    SENDER,
    SENDERS,
    added,
    data,
    in_html,
    message,
    names,
    rendering,
    templates,
    text_with,
    with_issue,
    with_story,
)
from tests.issues import example_edition, example_issue, example_reader

__all__ = ["data", "rendering", "templates"]


def test_the_example_has_one_warning_and_every_finding_a_remedy(
    rendering: Rendering, data: bytes
) -> None:
    findings = examine(example_issue(), rendering, SENDER, data)
    assert names(findings) == QUIET
    assert "Two capitals trade envoys" in findings[0].what
    assert findings[0].remedy.endswith(".")


@pytest.mark.parametrize(("rule", "change"), ISSUES)
def test_rules_on_the_issue(
    rendering: Rendering, data: bytes, rule: str, change: Callable[[Issue], Issue]
) -> None:
    found = examine(change(example_issue()), rendering, SENDER, data)
    assert rule in names(found)
    assert_sentences(found)


def test_the_postal_address_may_be_set_in_lines(rendering: Rendering, data: bytes) -> None:
    lines = in_html("12 Example Road, New Delhi", "12 Example Road<br>New\u00a0Delhi")(rendering)
    assert names(examine(example_issue(), lines, SENDER, data)) == QUIET


def test_a_story_without_a_link_is_named(rendering: Rendering, data: bytes) -> None:
    found = examine(with_story(url="")(example_issue()), rendering, SENDER, data)
    assert {finding.where for finding in found if finding.rule == "link-missing"} == {
        "story “Two capitals trade envoys after nine years”",
        "story “A new story”",
    }


@pytest.mark.parametrize(
    "words", ["می\u200cروم خانه امروز", "क्\u200dष की कहानी आज", "خبر\u200f عاجل اليوم"]
)
def test_joiners_and_marks_of_direction_belong_to_the_spelling(
    rendering: Rendering, words: str
) -> None:
    changed = text_with(words)(replace(rendering, subject=words))
    assert names(examine(example_issue(), changed, SENDER)) <= QUIET


def test_a_note_and_a_long_mail_address_are_no_fault(rendering: Rendering) -> None:
    noted = with_issue(note="**Good** morning, [write](mailto:letters@times.example) to us.")
    long = text_with("mailto:letters@times.example?subject=" + "%D8%A7" * 20)(rendering)
    assert names(examine(noted(example_issue()), long, SENDER)) <= QUIET


def test_a_part_of_a_mark_in_a_story_is_no_damaged_link(templates: Environment) -> None:
    issue = with_story(
        headline="Of zqviewqz and t.invalid",
        url="https://times.example/t.invalid",
        dek="https://t.invalid/zqx:",
    )(example_issue())
    made = render(replace(example_edition(), issue=issue, sections=issue.sections), templates)
    assert names(examine(issue, made, SENDER, message(made))) == QUIET


@pytest.mark.parametrize(("rule", "change"), RENDERINGS)
def test_rules_on_the_rendering(
    rendering: Rendering, rule: str, change: Callable[[Rendering], Rendering]
) -> None:
    broken = change(rendering)
    sent = replace(broken, subject=broken.subject.strip() or "x")
    data = b"" if rule == "place-unknown" else message(sent)
    found = examine(example_issue(), broken, SENDER, data)
    assert rule in names(found)
    assert_sentences(found)


@pytest.mark.parametrize(("rule", "changes"), SENDERS)
def test_rules_on_the_sender(
    rendering: Rendering, data: bytes, rule: str, changes: dict[str, Any]
) -> None:
    found = examine(example_issue(), rendering, replace(SENDER, **changes), data)
    assert rule in names(found)
    assert names(found) - QUIET <= {rule, "dkim-not-aligned", "envelope-not-aligned"}
    assert_sentences(found)


@pytest.mark.parametrize(("rule", "change"), BYTES)
def test_rules_on_the_bytes(
    rendering: Rendering, data: bytes, rule: str, change: Callable[[bytes], bytes]
) -> None:
    found = examine(example_issue(), rendering, SENDER, change(data))
    assert names(found) - QUIET == {rule}
    assert_sentences(found)


def assert_sentences(findings: list[Finding]) -> None:
    for finding in findings:
        assert finding.where
        assert "\n" not in finding.what
        assert finding.what[-1:] in {".", "…", "?"}, finding
        assert finding.remedy.endswith("."), finding


@pytest.mark.parametrize(
    ("domain", "of", "whether"),
    [
        ("times.example", "news.times.example", True),
        ("bounce.times.example", "news.times.example", True),
        ("Times.Example.", "times.example", True),
        ("times.example", "times.example.net", False),
        ("bounce.post.co.uk", "news.post.co.uk", True),
        ("bounce.post.co.uk", "news.times.co.uk", False),
        ("co.uk", "times.co.uk", False),
        ("bounce.devel.io", "times.io", False),
    ],
)
def test_b19_domains_align_when_one_owner_registered_both(
    domain: str, of: str, whether: bool
) -> None:
    assert aligned(domain, of) is whether


def test_b19_a_stranger_as_signer_or_envelope_forbids_sending(
    rendering: Rendering, data: bytes
) -> None:
    strange = replace(SENDER, dkim_domain="relay.example", envelope_domain="relay.example")
    found = examine(example_issue(), rendering, strange, data)
    errors = {finding.rule for finding in found if finding.severity == "error"}
    assert errors == {"dkim-not-aligned", "envelope-not-aligned"}


def test_every_rule_has_a_case_that_makes_it_speak() -> None:
    tried = {rule for rule, _ in [*ISSUES, *RENDERINGS, *SENDERS, *BYTES]} | QUIET
    assert tried == {rule.name for rule in RULES}
    assert len(RULES) >= 40
    assert len(tried) == len(RULES)


def test_an_issue_of_text_alone_needs_no_html(rendering: Rendering) -> None:
    alone = replace(rendering, html="")
    assert names(examine(example_issue(), alone, SENDER, message(alone))) == QUIET


def test_size_is_that_of_the_longest_links_not_of_the_places(rendering: Rendering) -> None:
    padded = added(f"<p>{'word ' * 20}</p>")(rendering)
    filler = 100_001 - len(padded.html.encode()) - 400
    close = added(f"<p>{'w' * filler}</p>")(padded)
    longest = replace(example_reader(), view_url="https://mail.times.example/v/" + "x" * 900)
    data = Blank(close, Letterhead("a@times.example")).fill(
        longest,
        Links("", ""),
        to="a@b.example",
        envelope_sender="b@times.example",
        message_id="<1@times.example>",
        date=AT,
    ).data  # fmt: skip
    assert len(close.html.encode()) < 100_000
    assert "html-clipped" in names(examine(example_issue(), close, SENDER, data))


def test_dead_links_are_found_by_the_function_that_looks_them_up() -> None:
    asked: list[str] = []

    def fetch(urls: Any) -> dict[str, int]:
        asked.extend(urls)
        return {
            url: {"patrol": 404, "grain?page=1&part=2": 0, "census": 503}.get(
                url.rpartition("/")[2], 200
            )
            for url in urls
        }

    issue = example_issue()
    found = dead_links(replace(issue, trending=issue.trending * 2), fetch)
    said = {f.what.removeprefix("https://times.example/"): (f.rule, f.severity) for f in found}
    assert said == {
        "global/patrol is gone (HTTP 404).": ("link-dead", "error"),
        "global/grain?page=1&part=2 does not answer.": ("link-doubtful", "warning"),
        "opinion/census answers with HTTP 503.": ("link-doubtful", "warning"),
    }
    assert len(asked) == len(set(asked))
    assert {name for name, _, _ in ONLINE} == {f.rule for f in found}


def test_the_extract_of_caniemail_has_dates_and_a_licence() -> None:
    assert len(known()) > 150
    for name, support in known().items():
        assert re.fullmatch(r"20\d\d-\d\d-\d\d", support.tested), name
        assert support.without
    assert "MIT" in (ROOT / "digest" / "preflight" / "caniemail.LICENSE").read_text("utf-8")


def test_e59_the_mail_uses_nothing_that_a_client_lacks_unless_it_is_allowed(
    rendering: Rendering,
) -> None:
    case = Case(example_issue(), rendering, SENDER)
    unknown = {name for name in used(case) if name in known()}
    assert unknown <= HARMLESS
    # What is allowed is something that a client lacks: the list does not grow stale.
    assert set(known()) >= HARMLESS
    assert {"border-radius", "display:flex"} & set(known()) - HARMLESS == {"display:flex"}


def test_the_page_for_operators_lists_every_rule() -> None:
    page = (ROOT / "docs" / "preflight.md").read_text("utf-8")
    listed = re.findall(r"(?m)^\| `([a-z-]+)` \| (error|warning) \| (.+) \|$", page)
    rules = [(rule.name, rule.severity, rule.why) for rule in RULES]
    doctors = PREMISES_RULES | PROMISE_RULES | RECORD_RULES
    records = [(name, severity, why) for name, (severity, why) in doctors.items()]
    assert listed == [*rules, *ONLINE, *records]
    assert all(why.endswith(".") for _, _, why in listed)
