"""What a template sees: the edition in its language, and a few filters.

A template gets values and nothing that reaches further. Never here: words, look, readers.
"""

from collections.abc import Iterable
from dataclasses import replace
from functools import partial
from textwrap import fill as wrap
from typing import Any
from urllib.parse import quote, urlsplit, urlunsplit

from markupsafe import Markup

from digest.edition import Edition, Publisher
from digest.rendering import notes
from digest.rendering.languages import Language, direction, primary
from digest.rendering.subjects import issue_name, preheader_of, subject_of
from digest.rendering.values import PLACES
from digest.selection import Section, Story

WORDS_A_MINUTE = 230
WIDTH = 72
# Keeps a client from going on with the masthead where it shows the preheader; takes no space.
FILLER = "\u2007\u034f " * 50


def context(edition: Edition, *, in_browser: bool = False) -> dict[str, Any]:
    """The names a template may use, as docs/templates.md lists them.

    `in_browser`: for a page that anybody may look at, and no reader's mail.
    """
    issue, language = edition.issue, Language(edition.spoken)
    return {
        **_things(edition),
        "in_browser": in_browser,
        "feedback": feedback(issue.publisher, in_browser=in_browser),
        **language.for_templates(),
        "subject": subject_of(edition),
        "preheader": preheader_of(edition),
        "filler": FILLER,
        "name": issue_name(edition),
        "date": language.long_date(issue.at, issue.timezone),
        "minutes": reading_minutes(edition.stories),
        "day": partial(language.short_date, timezone=issue.timezone),
        "language": language.tag,
        "foreign": partial(_foreign, language.tag),
        "slanted": language.is_slanted,
        "comma": language.comma,
        "dir": language.direction,
        "start": "right" if language.direction == "rtl" else "left",
        "end": "left" if language.direction == "rtl" else "right",
    }


def _things(edition: Edition) -> dict[str, Any]:
    issue, lead = edition.issue, edition.stories[0] if edition.stories else None
    return {
        "issue": issue,
        "publisher": issue.publisher,
        "note": notes.blocks(issue.note),
        "lead": lead,
        "lead_section": edition.sections[0].name if lead else "",
        "lead_minutes": reading_minutes([lead]) if lead and lead.body else 0,
        "sections": _without_lead(edition.sections),
        "all_sections": edition.sections,
        "trending": edition.trending,
        "reader": PLACES,
        "leave": partial(_leave, edition),
    }


def reading_minutes(stories: Iterable[Story]) -> int:
    """Minutes to read the stories at 230 words a minute, at least 1: bodies, else deks."""
    words = sum(len((story.body or story.dek).split()) for story in stories)
    return max(1, round(words / WORDS_A_MINUTE))


def feedback(publisher: Publisher, *, in_browser: bool = False) -> str:
    """Where "Tell the editors" leads: the publisher's own page, else the reader's of ours, which
    nobody has in a browser ("").
    """
    return publisher.feedback_url or ("" if in_browser else PLACES.feedback_url)


def address(url: str) -> str:
    """The URL in ASCII (host IDNA, the rest percent-encoded): the inliner leaves it as it is."""
    safe = "/:?#[]@!$&'()*+,;=%~"
    parts = urlsplit(url)
    try:
        host = parts.netloc.encode("idna").decode("ascii")
    except UnicodeError:
        host = quote(parts.netloc, safe=safe)
    made = quote(urlunsplit(parts._replace(netloc=host)), safe=safe)
    # IDNA makes plain letters of wide ones, and so might make a reader's link of a story's.
    return made if "t.invalid" in url else made.replace("t.invalid", "t-invalid")


def is_https(url: str) -> bool:
    """Whether a picture at this address would be shown."""
    return url.startswith("https://") and _is_whole(url)


def linkable(url: str) -> bool:
    """Whether a link may lead there: to a page or a mail, never to a script or a file."""
    return url.startswith(("https://", "http://", "mailto:")) and _is_whole(url)


def _is_whole(url: str) -> bool:
    # One story's broken address must not hold up the mail: it is shown without a link.
    try:
        return bool(address(url))
    except ValueError:  # of urlsplit: half a bracket, a host of other signs; or half a character
        return False


def wrapped(text: str, indent: str = "", width: int = WIDTH) -> str:
    """Lines of at most `width` characters; addresses are not broken."""
    return wrap(
        text, width, subsequent_indent=indent, break_long_words=False, break_on_hyphens=False
    )


def underline(text: str, mark: str) -> str:
    """As many marks as the text has characters, at most a line."""
    return mark * min(len(text), WIDTH)


FILTERS = {
    "address": address,
    "https": is_https,
    "linkable": linkable,
    "wrapped": wrapped,
    "underline": underline,
    "marked_up": notes.marked_up,
    "in_plain": notes.in_plain,
}


def _foreign(own: str, other: str) -> str:
    """` lang="…" dir="…"` for a story in another language than the edition's, else ""."""
    if not other or primary(other) == primary(own):
        return ""
    return Markup(' lang="{}" dir="{}"').format(other, direction(other))


def _without_lead(sections: tuple[Section, ...]) -> tuple[Section, ...]:
    first = tuple(replace(section, stories=section.stories[1:]) for section in sections[:1])
    return tuple(section for section in first + sections[1:] if section.stories)


def _leave(edition: Edition, story: Story | None = None) -> str:
    """The reader's way out with the place in the issue of the story next to it, or of the last."""
    near = story or (edition.stories[-1] if edition.stories else None)
    told = [one.article.fingerprint for one in edition.issue.stories]
    if near is None or near.article.fingerprint not in told:
        return PLACES.unsubscribe_url
    return f"{PLACES.unsubscribe_url}?story={told.index(near.article.fingerprint) + 1}"
