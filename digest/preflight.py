"""Issue + Rendering -> findings: what stands against sending, why, and what to do.

One small function is one rule; `RULES` is the table of them, in the order of the report.
Never here: whether something is sent in spite of a warning (publish decides).
"""

import re
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Literal

from digest.articles import headline_key
from digest.edition import Issue
from digest.rendering import PLACES, Rendering

Severity = Literal["error", "warning"]
Says = Iterator[tuple[str, str]]

CLIPPED = 100_000  # bytes; Gmail cuts at about 102 kB and hides the footer with it
HEAVY = 80_000
SUBJECT = 70
PREHEADER = 150
HEADLINE = 120


@dataclass(frozen=True, slots=True)
class Finding:
    """What a rule found: `what` is one sentence for the editor, `remedy` says what to do."""

    rule: str
    severity: Severity
    what: str
    remedy: str


@dataclass(frozen=True, slots=True)
class Case:
    """What the rules look at: `rendering` is unfilled and of the complete issue."""

    issue: Issue
    rendering: Rendering
    base_url: str


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule: `look` yields (what, remedy) for each thing it finds."""

    name: str
    severity: Severity
    look: Callable[[Case], Says]


RULES: list[Rule] = []


def examine(issue: Issue, rendering: Rendering, *, base_url: str) -> list[Finding]:
    """All findings, in the order of the rules; any "error" forbids sending.

    `rendering` is the unfilled one of the edition that has everything. `base_url` is where
    readers reach our pages.
    """
    case = Case(issue, rendering, base_url)
    return [
        Finding(rule.name, rule.severity, what, remedy)
        for rule in RULES
        for what, remedy in rule.look(case)
    ]


def _rule(name: str, severity: Severity) -> Callable[[Callable[[Case], Says]], object]:
    def register(look: Callable[[Case], Says]) -> Callable[[Case], Says]:
        RULES.append(Rule(name, severity, look))
        return look

    return register


@_rule("no-stories", "error")
def _no_stories(case: Case) -> Says:
    if not case.issue.stories:
        yield "The issue has no story.", "Collect the sources again, or pin a story."


@_rule("section-empty", "error")
def _section_empty(case: Case) -> Says:
    for section in case.issue.sections:
        if not section.stories:
            yield f"The section “{section.name}” has no story.", "Add a story or drop the section."


@_rule("title-empty", "error")
def _title_empty(case: Case) -> Says:
    if not case.issue.title.strip():
        yield "The newsletter has no title.", "Give it a title in digest.toml."
    if any(not story.headline.strip() for story in case.issue.stories):
        yield "A story has no headline.", "Write one, or drop the story."


@_rule("subject-empty", "error")
def _subject_empty(case: Case) -> Says:
    if not case.rendering.subject.strip():
        yield "The subject is empty.", "Write a subject."


@_rule("subject-long", "warning")
def _subject_long(case: Case) -> Says:
    length = len(case.rendering.subject)
    if length > SUBJECT:
        yield (
            f"The subject has {length} characters.",
            f"Phones show less than {SUBJECT}: shorten it.",
        )


@_rule("preheader-empty", "warning")
def _preheader_empty(case: Case) -> Says:
    if not case.rendering.preheader.strip():
        yield "There is no preheader.", "Write one: inboxes show it behind the subject."


@_rule("preheader-long", "warning")
def _preheader_long(case: Case) -> Says:
    length = len(case.rendering.preheader)
    if length > PREHEADER:
        yield f"The preheader has {length} characters.", f"Shorten it to {PREHEADER} or less."


@_rule("link-missing", "warning")
def _link_missing(case: Case) -> Says:
    for story in case.issue.stories:
        if not story.url:
            yield (
                f"“{story.headline}” has no link.",
                "Add the story's address, or let it stand alone.",
            )


@_rule("link-not-http", "error")
def _link_not_http(case: Case) -> Says:
    for headline, url in _links(case.issue):
        if url and not re.match(r"https?://[^/\s]", url):
            yield f"“{headline}” links to {url!r}.", "Use an address with http:// or https://."


@_rule("duplicate-story", "warning")
def _duplicate_story(case: Case) -> Says:
    counts = Counter(story.fingerprint for story in case.issue.stories)
    keys = Counter(headline_key(story.headline) for story in case.issue.stories)
    named = dict.fromkeys(
        story.headline
        for story in case.issue.stories
        if counts[story.fingerprint] > 1 or keys[headline_key(story.headline)] > 1
    )
    for headline in named:
        yield f"“{headline}” is in the issue more than once.", "Keep one of them."


@_rule("dek-missing", "warning")
def _dek_missing(case: Case) -> Says:
    for story in case.issue.stories:
        if not story.dek.strip():
            yield f"“{story.headline}” has no summary.", "Write a sentence or two beneath it."


@_rule("headline-long", "warning")
def _headline_long(case: Case) -> Says:
    for story in case.issue.stories:
        if len(story.headline) > HEADLINE:
            yield f"“{story.headline[:60]}…” is a long headline.", f"Shorten it to {HEADLINE}."


@_rule("image-alt", "warning")
def _image_alt(case: Case) -> Says:
    for story in case.issue.stories:
        if story.image.url and not story.image.alt.strip():
            yield f"The picture of “{story.headline}” is not described.", "Write its alt text."


@_rule("image-not-https", "warning")
def _image_not_https(case: Case) -> Says:
    for story in case.issue.stories:
        if story.image.url and not story.image.url.startswith("https://"):
            yield (
                f"The picture of “{story.headline}” is not on https and is left out.",
                "Give it an https address.",
            )


@_rule("placeholder-left", "error")
def _placeholder_left(case: Case) -> Says:
    for mark in ("{{", "{%", "lorem ipsum"):
        if mark in _all_text(case).lower():
            yield f"The mail contains “{mark}”.", "Replace the placeholder with what is meant."


@_rule("placeholder-left", "warning")
def _todo_left(case: Case) -> Says:
    if re.search(r"\bTODO\b", _all_text(case)):
        yield "The mail contains “TODO”.", "Finish that passage, if it is a note to yourself."


@_rule("html-size", "error")
def _html_clipped(case: Case) -> Says:
    size = len(case.rendering.html.encode())
    if size > CLIPPED:
        yield (
            f"The mail has {size:,} bytes of HTML: Gmail will cut it and hide the footer.",
            f"Drop stories or shorten them until it has less than {CLIPPED:,}.",
        )


@_rule("html-size", "warning")
def _html_heavy(case: Case) -> Says:
    size = len(case.rendering.html.encode())
    if HEAVY < size <= CLIPPED:
        yield f"The mail has {size:,} bytes of HTML.", f"Gmail cuts at {CLIPPED:,}: drop a story."


@_rule("heading-order", "error")
def _heading_order(case: Case) -> Says:
    levels = [int(level) for level in re.findall(r"<h([1-6])\b", case.rendering.html)]
    if levels and levels.count(1) != 1:
        yield "The mail must have exactly one h1.", "Mend the headings in issue.html.jinja."
    if any(after > before + 1 for before, after in zip([0, *levels], levels, strict=False)):
        yield "The headings skip a level.", "Mend the headings in issue.html.jinja."


@_rule("text-story-missing", "error")
def _text_story_missing(case: Case) -> Says:
    text = _spaceless(case.rendering.text)
    for headline in [story.headline for story in case.issue.stories]:
        if _spaceless(headline) not in text:
            yield f"“{headline}” is not in the text part.", "Mend issue.txt.jinja."


@_rule("unsubscribe-missing", "error")
def _unsubscribe_missing(case: Case) -> Says:
    parts = {"text": case.rendering.text, "HTML": case.rendering.html}
    for name, content in parts.items():
        if PLACES.unsubscribe_url not in content and (content or name == "text"):
            yield (
                f"The {name} part has no link for unsubscribing.",
                "Put {{ reader.unsubscribe_url }} into the footer of its template.",
            )


@_rule("postal-address-missing", "error")
def _postal_address_missing(case: Case) -> Says:
    if not case.issue.publisher.postal_address.strip():
        yield (
            "The footer has no postal address.",
            "Set postal_address in digest.toml: law asks for it.",
        )


@_rule("base-url-not-https", "warning")
def _base_url_not_https(case: Case) -> Says:
    if not case.base_url.startswith("https://"):
        yield (
            f"{case.base_url!r} is not https, so no one-click header is written.",
            "Set base_url in digest.toml to the https address of these pages.",
        )


def _links(issue: Issue) -> Iterator[tuple[str, str]]:
    yield from ((story.headline, story.url) for story in issue.stories)
    for story in issue.stories:
        yield from ((other.source, other.url) for other in story.others)
    for entries in (issue.trending, issue.briefs, issue.latest):
        yield from ((entry.headline, entry.url) for entry in entries)
    yield from issue.publisher.links
    yield "Terms", issue.publisher.terms_url


def _all_text(case: Case) -> str:
    # The style sheets are ours and have braces of their own.
    markup = re.sub(r"(?s)<style.*?</style>", "", case.rendering.html)
    return "\n".join(
        [case.rendering.subject, case.rendering.preheader, case.rendering.text, markup]
    )


def _spaceless(text: str) -> str:
    return "".join(text.split())
