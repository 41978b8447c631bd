"""For each rule of preflight an issue, a rendering, a sender or bytes about which it speaks."""

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
from digest.preflight import Finding, Sender
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
