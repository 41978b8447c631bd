"""Rules on subject and preheader: the two lines that decide whether a mail is opened."""

import re
import unicodedata

from digest.preflight.case import Case, Says, rule
from digest.preflight.contents import shouts

LONG, SHORT = 70, 10
PREHEADER = 150
# Persian and Hindi are spelt with joiners, and right-to-left lines need their marks.
SPELLING = "\u200c\u200d\u200e\u200f\u061c"
LEET = re.compile(r"(?i)\b(v[i1!]agra|fr[3€]e|c[a@]s[i1]n[o0]|l[o0]an\$|\w*[a-z]\$[a-z]\w*)\b")


@rule("subject-empty", "error")
def subject_empty(case: Case) -> Says:
    """A mail without a subject looks broken, and filters take it for spam."""
    if not case.rendering.subject.strip():
        yield "subject", "The subject is empty.", "Write a subject."


@rule("subject-long", "warning")
def subject_long(case: Case) -> Says:
    """Phones show less than 70 characters of a subject."""
    length = len(case.rendering.subject)
    if length > LONG:
        yield "subject", f"The subject has {length} characters.", f"Shorten it to {LONG} or less."


@rule("subject-short", "warning")
def subject_short(case: Case) -> Says:
    """A subject of less than 10 characters tells nothing."""
    if 0 < len(case.rendering.subject.strip()) < SHORT:
        yield "subject", f"“{case.rendering.subject}” is a short subject.", "Say what is in it."


@rule("subject-shouting", "warning")
def subject_shouting(case: Case) -> Says:
    """Filters count a subject all in capitals against you."""
    if shouts(case.rendering.subject):
        yield "subject", "The subject is written in capitals.", "Write it as a sentence."


@rule("subject-exclaims", "warning")
def subject_exclaims(case: Case) -> Says:
    """Two exclamation marks or money signs make a subject look like an offer."""
    if len(re.findall(r"!|\?!|\$\$|€€", case.rendering.subject)) > 1:
        yield (
            "subject",
            "The subject has more than one exclamation mark.",
            "Leave them out: filters count them.",
        )


@rule("subject-feigned-reply", "error")
def subject_feigned_reply(case: Case) -> Says:
    """Gmail and Yahoo forbid a "Re:" or "Fwd:" that answers nothing."""
    if re.match(r"(?i)\s*(re|aw|fw|fwd|sv)\s*:", case.rendering.subject):
        yield (
            "subject",
            f"“{case.rendering.subject}” pretends to answer or forward a mail.",
            "Begin with what is in the issue.",
        )


@rule("subject-disguised", "warning")
def subject_disguised(case: Case) -> Says:
    """Letters replaced by digits and signs are how advertising hides from filters."""
    for word in LEET.findall(case.rendering.subject):
        yield (
            "subject",
            f"“{word if isinstance(word, str) else word[0]}” looks like a disguised word.",
            "Write the word as it is spelt.",
        )


@rule("subject-invisible", "warning")
def subject_invisible(case: Case) -> Says:
    """Control and zero-width characters in a subject are shown as boxes, or hide something."""
    shown = case.rendering.subject
    odd = {
        c
        for c in shown
        if unicodedata.category(c) in {"Cc", "Cf", "Co", "Cn"} and c not in SPELLING
    }
    if odd:
        names = ", ".join(sorted(f"U+{ord(character):04X}" for character in odd))
        yield "subject", f"The subject contains {names}.", "Type it anew, without them."


@rule("preheader-empty", "warning")
def preheader_empty(case: Case) -> Says:
    """Inboxes show the preheader behind the subject; without one they show the masthead."""
    if not case.rendering.preheader.strip():
        yield (
            "preheader",
            "There is no preheader.",
            "Write one: inboxes show it behind the subject.",
        )


@rule("preheader-long", "warning")
def preheader_long(case: Case) -> Says:
    """More than 150 characters of hidden text look like something to hide."""
    length = len(case.rendering.preheader)
    if length > PREHEADER:
        yield (
            "preheader",
            f"The preheader has {length} characters.",
            f"Shorten it to {PREHEADER} or less.",
        )


@rule("preheader-repeats", "warning")
def preheader_repeats(case: Case) -> Says:
    """A preheader that says the subject again wastes the second line of the inbox."""
    subject, preheader = case.rendering.subject, case.rendering.preheader
    if subject.strip() and subject.strip().casefold() == preheader.strip().casefold():
        yield "preheader", "The preheader repeats the subject.", "Say something more."
