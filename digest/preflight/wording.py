"""Rules on the words: the text part, what was left unfinished, what filters take for spam."""

import re
from collections.abc import Iterator

from digest.preflight.case import Case, Says, rule
from digest.rendering import PLACES, SENTINEL, address, linkable, notes

OVERLAP = 0.9  # SpamAssassin's MPART_ALT_DIFF looks at how far the parts differ
WIDEST = 78  # RFC 5322, section 2.1.1
PHRASES = (
    "100% free", "act now", "additional income", "as seen on", "be your own boss", "buy direct",
    "cash bonus", "click below", "credit card offers", "dear friend", "double your income",
    "earn extra cash", "eliminate debt", "financial freedom", "free gift", "get out of debt",
    "guaranteed income", "lose weight fast", "make money fast", "million dollars",
    "no obligation", "once in a lifetime", "online pharmacy", "risk-free", "this is not spam",
    "while supplies last", "winner!", "work from home", "you have been selected",
)  # fmt: skip


@rule("text-empty", "error")
def text_empty(case: Case) -> Says:
    """A mail of HTML alone is counted against you, and shuts out who reads text."""
    if len(case.rendering.text.split()) < 10:
        yield "text part", "The text part is empty.", "Mend issue.txt.jinja."


@rule("text-story-missing", "error")
def text_story_missing(case: Case) -> Says:
    """Every story and entry of the HTML must be in the text part as well."""
    text = _spaceless(case.rendering.text)
    for headline, _ in _told(case):
        if _spaceless(headline) not in text:
            yield "text part", f"“{headline}” is not in the text part.", "Mend issue.txt.jinja."


@rule("text-link-missing", "error")
def text_link_missing(case: Case) -> Says:
    """Every story's address must stand in the text part, or its readers cannot follow it."""
    text = case.rendering.text
    for headline, url in _told(case):
        # What is no link is another rule's business, and no template shows it.
        if linkable(url) and address(url) not in text:
            yield (
                "text part",
                f"The address of “{headline}” is not in the text part.",
                "Mend issue.txt.jinja.",
            )


@rule("text-differs", "warning")
def text_differs(case: Case) -> Says:
    """Filters compare the parts: a text part that says something else counts as deceit."""
    shown = set(re.findall(r"\w{3,}", case.shown.casefold()))
    text = set(re.findall(r"\w{3,}", case.rendering.text.casefold()))
    if shown and len(shown & text) / len(shown) < OVERLAP:
        share = len(shown & text) / len(shown)
        yield (
            "text part",
            f"The text part has {share:.0%} of the words of the HTML.",
            "Write in issue.txt.jinja what the HTML says.",
        )


@rule("text-line-long", "warning")
def text_line_long(case: Case) -> Says:
    """Terminals and old clients break lines of more than 78 characters in ugly places."""
    lines = [line for line in case.rendering.text.splitlines() if len(line) > WIDEST]
    for line in lines:
        if not re.search(r"(https?://|mailto:)\S{40}", line):
            yield (
                "text part",
                f"“{line[:40]}…” has {len(line)} characters.",
                "Use the filter wrapped in issue.txt.jinja.",
            )


@rule("text-filler", "warning")
def text_filler(case: Case) -> Says:
    """The preheader's invisible filler has no place in the text part."""
    if re.search("[\u034f\u2007\u200b\ufeff]", case.rendering.text):
        yield (
            "text part",
            "The text part contains invisible characters.",
            "Take the filler out of issue.txt.jinja, or clean the text at its source.",
        )


@rule("text-markup", "warning")
def text_markup(case: Case) -> Says:
    """Tags and entities in the text part are read as they stand."""
    if found := re.search(
        r"</?(p|br|div|a|b|i|em|strong|span)\b[^>]*>|&(amp|nbsp|#\d+);", case.rendering.text
    ):
        yield (
            "text part",
            f"The text part contains “{found[0][:30]}”.",
            "Clean the story's text.",
        )


@rule("placeholder-left", "error")
def placeholder_left(case: Case) -> Says:
    """What a template or an editor left open must not reach a reader."""
    wording = case.wording.lower()
    for mark in ("{{", "{%", "lorem ipsum", "*|", "%%first", "[[name"):
        if mark in wording:
            for where, what in _holding(case, mark) or [("mail", "The mail")]:
                yield where, f"{what} contains “{mark}”.", "Replace it with what is meant."


@rule("todo-left", "warning")
def todo_left(case: Case) -> Says:
    """A note to oneself is no news."""
    for mark in sorted(set(re.findall(r"\b(TODO|FIXME|TBD|XXX)\b", case.wording))):
        yield "mail", f"The mail contains “{mark}”.", "Finish that passage, if it is a note."


@rule("place-unknown", "error")
def place_unknown(case: Case) -> Says:
    """A reader's link that is not whole would stay open in every mail."""
    for name, part in (("HTML", case.rendering.html), ("text", case.rendering.text)):
        if "t.invalid" in SENTINEL.sub("", part):
            yield (
                f"{name} part",
                f"A reader's link in the {name} part is damaged.",
                "Use the reader's values only as a whole href or as text between tags.",
            )


@rule("unsubscribe-missing", "error")
def unsubscribe_missing(case: Case) -> Says:
    """Law and every provider ask for a visible way out in each part of the mail."""
    parts = {"text": case.rendering.text, "HTML": case.rendering.html}
    for name, content in parts.items():
        if PLACES.unsubscribe_url not in content and (content or name == "text"):
            yield (
                f"{name} part",
                f"The {name} part has no link for unsubscribing.",
                "Put {{ reader.unsubscribe_url }} into the footer of its template.",
            )


@rule("note-mark-left", "warning")
def note_mark_left(case: Case) -> Says:
    """A link of the editor's note that is not well written is shown as its signs."""
    for block in notes.blocks(case.issue.note):
        for entry in block.entries:
            if "](" in notes.unmarked(entry):
                yield (
                    "note",
                    f"A link in “{entry[:60]}” is shown as it is written.",
                    "Write it [words](https://address), with no space or bracket in the address.",
                )


@rule("preferences-missing", "warning")
def preferences_missing(case: Case) -> Says:
    """Who can choose less will not leave altogether."""
    if case.rendering.html and PLACES.preferences_url not in case.rendering.html:
        yield (
            "footer",
            "The mail has no link for choosing sections.",
            "Put {{ reader.preferences_url }} into the footer.",
        )


@rule("postal-address-not-shown", "error")
def postal_address_not_shown(case: Case) -> Says:
    """The postal address must stand in the mail itself, not in the settings alone."""
    # Letters and digits alone: a template may set the lines of it apart as it likes.
    wanted = "".join(re.findall(r"\w", case.issue.publisher.postal_address))
    parts = {"text": case.rendering.text, "HTML": case.shown if case.rendering.html else ""}
    for name, content in parts.items():
        if wanted and content and wanted not in "".join(re.findall(r"\w", content)):
            yield (
                f"{name} part",
                f"The {name} part does not show the postal address.",
                "Put publisher.postal_address back into its footer.",
            )


@rule("spam-phrase", "warning")
def spam_phrase(case: Case) -> Says:
    """Phrases of advertising mail are counted by filters, whoever uses them."""
    shown = " ".join(case.rendering.text.casefold().split())
    for phrase in PHRASES:
        if re.search(rf"(?<!\w){re.escape(phrase)}", shown):
            yield "mail", f"The mail says “{phrase}”.", "Say it in other words, if you can."


@rule("words-shouting", "warning")
def words_shouting(case: Case) -> Says:
    """Capitals all over are shouting; filters count their share."""
    words = [word for word in _words(case.rendering.text) if len(word) > 3]
    loud = [word for word in words if word.isupper()]
    if len(loud) > 20 and len(loud) > len(words) / 5:
        yield "mail", f"{len(loud)} words are in capitals.", "Write them as sentences."


@rule("exclamation-marks", "warning")
def exclamation_marks(case: Case) -> Says:
    """Exclamation marks in rows, or many of them, are the mark of an offer."""
    text = case.rendering.text
    if re.search(r"!{2,}|\?!|!\?", text) or text.count("!") > 10:
        yield "mail", f"The mail has {text.count('!')} exclamation marks.", "Keep the needed ones."


@rule("word-disguised", "warning")
def word_disguised(case: Case) -> Says:
    """Words with dots or spaces between their letters, or mixed alphabets, hide from filters."""
    for word in _disguised(case.rendering.text):
        yield "mail", f"“{word}” looks like a disguised word.", "Write it as it is spelt."


def _holding(case: Case, mark: str) -> list[tuple[str, str]]:
    """Where in the issue a mark stands, and how that is called; nothing where a template has it."""
    issue = case.issue
    stories = [*issue.stories, *(entry.story for entry in issue.trending if entry.story)]
    found = [
        (f"story “{story.headline[:60]}”", f"The story “{story.headline[:60]}”")
        for story in stories
        if mark in " ".join((story.headline, story.dek, story.byline, story.image.alt)).lower()
    ]
    lines = {"subject": issue.subject, "second subject": issue.second_subject,
             "preheader": issue.preheader, "note": issue.note}  # fmt: skip
    found += [(name, f"The {name}") for name, text in lines.items() if mark in text.lower()]
    return found


def _told(case: Case) -> Iterator[tuple[str, str]]:
    issue = case.issue
    yield from ((story.headline, story.url) for story in issue.stories)
    for entries in (issue.trending, issue.briefs, issue.latest):
        yield from ((entry.headline, entry.url) for entry in entries)


def _disguised(text: str) -> Iterator[str]:
    yield from re.findall(r"(?<!\S)(?:[a-zA-Z][._*-]){4,}[a-zA-Z](?!\S)", text)
    for word in dict.fromkeys(_words(text)):
        if re.search(r"[a-zA-Z]", word) and re.search(r"[\u0370-\u04ff]", word):
            yield word


def _words(text: str) -> list[str]:
    return re.findall(r"[^\W\d_]+", re.sub(r"https?://\S+", "", text))


def _spaceless(text: str) -> str:
    return "".join(text.split())
