"""Preflight: every rule is quiet about the example issue and speaks where it should."""

import re
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from jinja2 import Environment

from digest.articles import Article, Image
from digest.edition import Issue
from digest.messages import Blank, Letterhead, Links
from digest.preflight import RULES, Case, Finding, Sender, dead_links, examine
from digest.preflight.clients import HARMLESS, known, used
from digest.preflight.identity import aligned
from digest.preflight.links import ONLINE
from digest.preflight.premises import PREMISES_RULES
from digest.preflight.promises import PROMISE_RULES
from digest.preflight.records import RECORD_RULES
from digest.rendering import PLACES, Rendering, environment, render
from digest.selection import Section, Story, Trend
from tests.issues import example_edition, example_issue, example_reader

ROOT = Path(__file__).parents[1]
SENDER = Sender(
    base_url="https://mail.times.example",
    from_="The Week <week@news.times.example>",
    envelope_domain="bounce.times.example",
    dkim_domain="times.example",
    dkim_bits=2048,
)
GOOD = Article("A new story", "https://times.example/new", "What happened.")
QUIET = {"link-missing"}  # a story of the example has no link, on purpose


@pytest.fixture(scope="module")
def templates() -> Environment:
    return environment(ROOT / "templates")


@pytest.fixture(scope="module")
def rendering(templates: Environment) -> Rendering:
    return render(example_edition(), templates)


@pytest.fixture(scope="module")
def data(rendering: Rendering) -> bytes:
    return message(rendering)


def message(rendering: Rendering, **changes: str) -> bytes:
    """The bytes of an unfilled rendering for the example's reader."""
    said = Letterhead(
        "The Week <week@news.times.example>",
        list_id="week.times.example",
        title="The Week",
        feedback_id="week.12:week:newsletter:timesexample",
        precedence="bulk",
    )
    return (
        Blank(rendering, replace(said, **changes))
        .fill(
            example_reader(),
            Links("https://mail.times.example/u/tok", "mailto:u+tok@bounce.times.example"),
            to="reader@inbox.example",
            envelope_sender="b+1@bounce.times.example",
            message_id="<1.a@news.times.example>",
            date=datetime(2026, 3, 30, tzinfo=UTC),
        )
        .data
    )


def names(findings: list[Finding]) -> set[str]:
    return {finding.rule for finding in findings}


def with_story(**changes: Any) -> Callable[[Issue], Issue]:
    """The example with one more story."""

    def change(issue: Issue) -> Issue:
        story = Story(replace(GOOD, **changes))
        return replace(issue, sections=(*issue.sections, Section("More", (story,))))

    return change


def with_issue(**changes: Any) -> Callable[[Issue], Issue]:
    return lambda issue: replace(issue, **changes)


def in_html(old: str, new: str) -> Callable[[Rendering], Rendering]:
    """The rendering with something in its HTML put in the place of something that is there."""

    def change(rendering: Rendering) -> Rendering:
        assert old in rendering.html
        return replace(rendering, html=rendering.html.replace(old, new, 1))

    return change


def added(markup: str) -> Callable[[Rendering], Rendering]:
    """The rendering with something at the end of the mail's text."""
    return in_html("</body>", markup + "</body>")


def text_with(words: str) -> Callable[[Rendering], Rendering]:
    return lambda rendering: replace(rendering, text=f"{rendering.text}\n{words}\n")


def shown(**changes: str) -> Callable[[Rendering], Rendering]:
    return lambda rendering: replace(rendering, **changes)


def head(old: bytes, new: bytes) -> Callable[[bytes], bytes]:
    """The message with other bytes in the place of some."""

    def change(data: bytes) -> bytes:
        assert old in data
        return data.replace(old, new, 1)

    return change


AT = example_issue().at
OLD = replace(GOOD, published=AT - timedelta(days=15))
PICTURE = '<img src="https://a.example/a.png" alt="" width="9">'
LINKED_PICTURE = f'<a href="https://a.example">{PICTURE}</a>'
ISSUES: list[tuple[str, Callable[[Issue], Issue]]] = [
    ("no-stories", with_issue(sections=())),
    ("text-story-missing", with_issue(trending=(Trend("Not in the text"),))),
    ("text-story-missing", with_issue(briefs=(Trend("Not in the text"),))),
    ("text-link-missing", with_issue(latest=(Trend("", "https://times.example/no"),))),
    ("note-mark-left", with_issue(note="See [our survey](http://times.example/s).")),
    ("note-mark-left", with_issue(note="See [it](https://times.example/a_(b)).")),
    ("note-mark-left", with_issue(note="See [it](https://[times).")),
    ("link-shortened", with_issue(note="See [our survey](https://bit.ly/x).")),
    (
        "link-to-number",
        with_issue(publisher=replace(example_issue().publisher, feedback_url="http://10.0.0.1/f")),
    ),
    ("section-empty", with_issue(sections=(Section("Empty", ()),))),
    (
        "section-stale",
        with_issue(
            sections=(Section("Old", (Story(replace(GOOD, published=AT - timedelta(15))),)),)
        ),
    ),
    ("title-empty", with_issue(title=" ")),
    ("headline-empty", with_story(headline=" ")),
    ("headline-long", with_story(headline="word " * 30)),
    ("headline-shouting", with_story(headline="ALL OF THIS IN CAPITALS")),
    ("story-stale", with_story(published=AT - timedelta(days=31))),
    ("story-not-yet", with_story(published=AT + timedelta(days=2))),
    ("duplicate-story", with_story(headline="Grain deal holds through its first month!")),
    ("duplicate-story", with_story(url="https://times.example/global/patrol?utm_source=x")),
    ("dek-missing", with_story(dek=" ")),
    ("dek-long", with_issue(sections=(Section("More", (Story(GOOD, edited_dek="word " * 130),)),))),
    ("image-alt", with_story(image=Image("https://a.example/a.jpg"))),
    ("image-not-https", with_story(image=Image("http://a.example/a.jpg", "A"))),
    (
        "postal-address-missing",
        lambda issue: replace(issue, publisher=replace(issue.publisher, postal_address=" ")),
    ),
    ("link-not-http", with_story(url="javascript:alert(1)")),
    ("link-not-http", with_issue(trending=(Trend("A trend", "ftp://a.example"),))),
    ("link-not-https", with_story(url="http://times.example/new")),
    ("link-to-number", with_story(url="https://203.0.113.7/new")),
    ("link-to-number", with_story(url="https://[2001:db8::1]/new")),
    ("link-local", with_story(url="https://wiki/new")),
    ("link-local", with_story(url="https://desk.internal/new")),
    ("link-shortened", with_story(url="https://bit.ly/3xyz")),
    ("link-with-password", with_story(url="https://ann:secret@times.example/new")),
    ("link-long", with_story(url="https://times.example/" + "x" * 2000)),
    ("text-story-missing", with_story()),
    ("text-link-missing", with_story()),
]
RENDERINGS: list[tuple[str, Callable[[Rendering], Rendering]]] = [
    ("subject-empty", shown(subject=" ")),
    ("subject-long", shown(subject="x" * 71)),
    ("subject-short", shown(subject="News")),
    ("subject-shouting", shown(subject="READ ALL OF THIS NOW")),
    ("subject-exclaims", shown(subject="What a week! What a deal!")),
    ("subject-feigned-reply", shown(subject="Re: your order of the week")),
    ("subject-disguised", shown(subject="A fr3e trip for every reader")),
    ("subject-invisible", shown(subject="A week\u200b of talks")),
    ("preheader-empty", shown(preheader="")),
    ("preheader-long", shown(preheader="x" * 151)),
    ("preheader-repeats", shown(subject="A week of talks", preheader="A Week of Talks ")),
    ("doctype-missing", in_html("<!DOCTYPE html>", "")),
    ("language-missing", in_html('<html lang="en" dir="ltr"', "<html")),
    ("html-title-missing", in_html("<title>The Week, issue 12</title>", "")),
    ("charset-missing", in_html('<meta charset="utf-8">', "")),
    ("viewport-missing", in_html('<meta name="viewport"', '<meta name="other"')),
    ("viewport-missing", in_html("initial-scale=1", "user-scalable=no")),
    ("element-forbidden", added("<script>1</script>")),
    ("element-forbidden", added("<form></form>")),
    ("element-forbidden", in_html("</head>", '<link rel="stylesheet" href="x.css"></head>')),
    ("script-in-attribute", added('<p onclick="x()">a</p>')),
    ("heading-order", added("<h1>Another</h1>")),
    ("heading-order", added("<h2>a</h2><h4>b</h4>")),
    ("layout-table-role", added("<table><tr><td>a</td></tr></table>")),
    ("conditional-unbalanced", added("<!--[if mso]><table>")),
    ("style-too-long", in_html("</head>", f"<style>{'a{color:red}' * 1400}</style></head>")),
    ("style-in-body", added("<style>p{color:red}</style>")),
    ("text-tiny", added('<p style="font-size:9px">small print</p>')),
    ("picture-alt-missing", added('<img src="https://a.example/a.png" width="9">')),
    (
        "picture-alt-missing",
        added(LINKED_PICTURE),
    ),
    ("picture-width-missing", added('<img src="https://a.example/a.png" alt="A">')),
    ("picture-not-https", added('<img src="data:image/png;base64,AA" alt="A" width="9">')),
    ("picture-is-svg", added('<img src="https://a.example/a.svg?x" alt="A" width="9">')),
    ("tracking-pixel", added('<img src="https://a.example/p" alt="" width="1" height="1">')),
    ("pictures-only", added('<img src="https://a.example/a.png" alt="A" width="600">' * 20)),
    ("link-without-text", added('<a href="https://a.example/"> </a>')),
    ("link-vague", added('<a href="https://a.example/">Click here</a>')),
    ("link-relative", added('<a href="/news">The news</a>')),
    ("link-says-another", added('<a href="https://a.example/">www.bank.example</a>')),
    ("picture-is-svg", added('<a href="https://[a/">a.example</a><img src="https://[a/b.svg">')),
    ("element-names-odd", added("<font>a word</font>")),
    ("contrast-low", added('<p style="color:#888888">A grey text</p>')),
    ("text-invisible", added('<p style="color:#ffffff">A hidden text</p>')),
    ("text-empty", shown(text="nothing")),
    ("text-story-missing", shown(text="nothing")),
    ("text-differs", shown(text="Something else altogether, and not the news. " * 9)),
    ("text-line-long", text_with("word " * 20)),
    ("text-filler", text_with("a\u034f b")),
    ("text-markup", text_with("a <b>bold</b> word &amp; more")),
    ("placeholder-left", shown(subject="Hello {{ name }}, this is the week")),
    ("placeholder-left", added("<p>Lorem ipsum dolor</p>")),
    ("placeholder-left", text_with("{% if %}")),
    ("todo-left", shown(preheader="TODO write this")),
    ("place-unknown", added('<a href="https://t.invalid/zqunsubscribe">Leave</a>')),
    ("unsubscribe-missing", lambda r: replace(r, text=r.text.replace(PLACES.unsubscribe_url, ""))),
    ("unsubscribe-missing", in_html(PLACES.unsubscribe_url, "https://a.example")),
    ("preferences-missing", in_html(PLACES.preferences_url, "https://a.example")),
    ("postal-address-not-shown", in_html("New Delhi 110001", "somewhere")),
    ("spam-phrase", text_with("Act now: this is a risk-free offer.")),
    ("words-shouting", text_with("READ THIS VERY LOUD PIECE " * 60)),
    ("exclamation-marks", text_with("What a week!!!")),
    ("word-disguised", text_with("Buy v.i.a.g.r.a here")),
    ("word-disguised", text_with("A раypal account")),  # the first two letters are Cyrillic
    ("client-support", added('<p style="display:flex">a word</p>')),
    ("client-support", added('<p style="padding-left:2rem">a word</p>')),
    ("client-support", added("<dialog>a word</dialog>")),
    ("style-drops-all", added('<p style="color:rgb(0 0 0 / 50%)">a word</p>')),
    ("style-drops-all", in_html("</head>", "<style>p{color:oklch(1 0 0)}</style></head>")),
    ("html-heavy", added(f"<p>{'word ' * 14_000}</p>")),
    ("html-clipped", added(f"<p>{'word ' * 20_000}</p>")),
    ("message-large", added(f"<p>{'word ' * 200_000}</p>")),
]
SENDERS: list[tuple[str, dict[str, Any]]] = [
    ("message-impossible", {"problem": "the key is not there", "remedy": "write one"}),
    ("base-url-not-https", {"base_url": "http://mail.times.example"}),
    ("dkim-missing", {"dkim_domain": "", "dkim_bits": 0}),
    ("dkim-not-aligned", {"dkim_domain": "relay.example"}),
    ("dkim-key-short", {"dkim_bits": 1024}),
    ("envelope-not-aligned", {"envelope_domain": "bounces.relay.example"}),
    ("from-free-mail", {"from_": "The Week <week@gmail.com>"}),
    ("from-no-reply", {"from_": "The Week <no-reply@times.example>"}),
    ("from-name-deceives", {"from_": '"boss@bank.example" <week@times.example>'}),
    ("from-name-deceives", {"from_": "Re: your order <week@times.example>"}),
]
BYTES: list[tuple[str, Callable[[bytes], bytes]]] = [
    ("list-unsubscribe-missing", head(b"\r\nList-Unsubscribe:", b"\r\nX-Unsubscribe:")),
    ("list-unsubscribe-folded", head(b", <mailto:u", b",\r\n <mailto:u")),
    ("list-unsubscribe-folded", head(b"List-Unsubscribe: <", b"List-Unsubscribe: =?utf-8?q?=3C")),
    ("one-click-wrong", head(b"List-Unsubscribe=One-Click", b"List-Unsubscribe=One-click")),
    ("header-line-long", head(b"To: ", b"X-Long: " + b"x" * 995 + b"\r\nTo: ")),
    ("body-line-long", lambda data: data + b"x" * 77 + b"\r\n"),
    ("eight-bit", lambda data: data + "ü\r\n".encode()),
    ("list-id-missing", head(b"List-Id:", b"X-List-Id:")),
    ("feedback-id-wrong", head(b"Feedback-ID: week.12:", b"Feedback-ID: ")),
]


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
