"""Edition -> Rendering: the templates filled, the CSS inlined, the reader's places left open.

An edition is rendered once for all of its readers; `fill` then puts in what differs between
them. Never here: what stands in the issue (edition), the message around it (messages).
"""

import hashlib
import html
import json
import logging
import os
import re
import traceback
from collections.abc import Iterable, Iterator
from dataclasses import astuple, dataclass, fields, is_dataclass, replace
from datetime import datetime
from functools import lru_cache, partial
from pathlib import Path
from textwrap import fill as wrap
from typing import Any
from urllib.parse import quote, urlsplit, urlunsplit
from zoneinfo import ZoneInfo

from jinja2 import Environment, FileSystemLoader, PrefixLoader, StrictUndefined
from jinja2 import TemplateError as JinjaError
from jinja2.loaders import ChoiceLoader
from jinja2.sandbox import ImmutableSandboxedEnvironment

from digest.articles import tidy
from digest.edition import Edition
from digest.errors import TemplateError
from digest.selection import Section, Story

DAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
MONTHS = ("January", "February", "March", "April", "May", "June", "July", "August", "September",
          "October", "November", "December")  # fmt: skip
RIGHT_TO_LEFT = frozenset(
    {"ar", "arc", "ckb", "dv", "fa", "he", "ks", "ps", "sd", "ug", "ur", "yi"}
)
WORDS_A_MINUTE = 230
SUBJECT_LENGTH = 70
PREHEADER_LENGTH = 110
WIDTH = 72
# Keeps a client from going on with the masthead where it shows the preheader; takes no space.
FILLER = "\u2007\u034f " * 50
SENTINEL = re.compile(r"((?:https://t\.invalid/)?zq(?:unsubscribe|preferences|view|since)qz)")
SURPRISES = ("{{", "{%", "%7B", "%20}")


@dataclass(frozen=True, slots=True)
class Reader:
    """What is filled in for one reader: absolute URLs, and since when ("4 January 2026")."""

    unsubscribe_url: str
    preferences_url: str
    view_url: str
    since: str


@dataclass(frozen=True, slots=True)
class Rendering:
    """One edition as it will be mailed. `html` is "" for readers who chose text."""

    subject: str
    preheader: str
    html: str
    text: str


# Opaque to the inliner: braces or percent signs would be changed inside an href.
PLACES = Reader(
    unsubscribe_url="https://t.invalid/zqunsubscribeqz",
    preferences_url="https://t.invalid/zqpreferencesqz",
    view_url="https://t.invalid/zqviewqz",
    since="zqsinceqz",
)


def environment(*folders: Path) -> Environment:
    """The Jinja environment of these template folders; the first that has a template wins.

    The last folder is the house's own, so that a publisher's issue.html.jinja can extend
    "house/issue.html.jinja". Sandboxed, strict about unknown names, HTML escaped.
    """
    loader = ChoiceLoader(
        [FileSystemLoader(folders), PrefixLoader({"house": FileSystemLoader(folders[-1:])})]
    )
    templates = ImmutableSandboxedEnvironment(
        loader=loader,
        autoescape=lambda name: name is not None and ".html" in name,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    templates.filters.update(
        address=address, https=_is_https, wrapped=_wrapped, underline=_underline
    )
    return templates


def render(edition: Edition, templates: Environment) -> Rendering:
    """Fill issue.html.jinja and issue.txt.jinja; equal editions give equal bytes.

    Templates see issue, publisher, lead, lead_section, lead_minutes, sections (without the
    lead), all_sections, trending, reader, subject, preheader, filler, date, minutes, dir,
    start, end and day(); filters address, https, wrapped, underline.
    Raises TemplateError: names the template and the line where one of them is wrong.
    """
    edition = _without_sentinels(edition)
    subject, preheader = subject_of(edition), preheader_of(edition)
    context = _context(edition) | {"subject": subject, "preheader": preheader}
    text = _text_tidied(_filled_template("issue.txt.jinja", templates, context))
    if edition.format == "text":
        return Rendering(subject, preheader, "", text)
    markup = inlined(_filled_template("issue.html.jinja", templates, context))
    return Rendering(subject, preheader, markup, text)


def fill(rendering: Rendering, reader: Reader) -> Rendering:
    """The rendering for one reader; values are HTML-escaped where they go into HTML.

    Raises TemplateError where a place would be left open.
    """
    values = {getattr(PLACES, f.name): str(getattr(reader, f.name)) for f in fields(Reader)}
    if any("qz" in value and SENTINEL.search(value) for value in values.values()):
        raise TemplateError(
            "A reader's link contains a mark that stands for a reader's link.",
            remedy="Check the base URL in digest.toml.",
        )
    escaped = {place: html.escape(value) for place, value in values.items()}
    return replace(
        rendering,
        html=_joined(rendering.html, escaped),
        text=_joined(rendering.text, values),
    )


def content_hash(renderings: Iterable[Rendering]) -> str:
    """SHA-256 (64 hexadecimal digits) over unfilled renderings, whatever their order.

    What is approved is what is sent: the hash is kept at approval and compared when sending.
    """
    each = sorted(json.dumps(astuple(rendering)) for rendering in renderings)
    return hashlib.sha256(json.dumps(each).encode()).hexdigest()


def subject_of(edition: Edition) -> str:
    """The editor's subject, else the lead's headline and how many more there are (<= 70)."""
    if edition.issue.subject:
        return tidy(edition.issue.subject)
    headlines = _headlines(edition)
    if not headlines:
        return tidy(f"{edition.issue.title}, issue {edition.issue.number}")
    more = f"; {len(headlines) - 1} more" if len(headlines) > 1 else ""
    return shortened(tidy(headlines[0]), SUBJECT_LENGTH - len(more)) + more


def preheader_of(edition: Edition) -> str:
    """The editor's preheader, else the next two headlines, else the lead's dek (<= 110)."""
    if edition.issue.preheader:
        return tidy(edition.issue.preheader)
    headlines = _headlines(edition)[1:3]
    deks = [story.dek for story in edition.stories[:1]]
    return shortened(tidy(" · ".join(headlines or deks)), PREHEADER_LENGTH)


def shortened(text: str, length: int) -> str:
    """At most `length` characters, cut between words where one ends in time, with an ellipsis."""
    if len(text) <= length:
        return text
    kept = text[:length]
    if " " in kept[length // 2 :]:
        kept = kept[: kept.rindex(" ")]
    return kept[: length - 1].rstrip(" ,;:.–—-") + "…"


def long_date(at: datetime, timezone: str) -> str:
    """For instance "Monday 30 March 2026", as the calendar stands in the IANA time zone."""
    local = at.astimezone(ZoneInfo(timezone))
    return f"{DAYS[local.weekday()]} {local.day} {MONTHS[local.month - 1]} {local.year}"


def joined_on(at: datetime, timezone: str) -> str:
    """For instance "4 January 2026": the day since when a reader gets the newsletter."""
    return long_date(at, timezone).partition(" ")[2]


def short_date(at: datetime | None, timezone: str) -> str:
    """For instance "Thu 26 March"; "" where no time is known."""
    if at is None:
        return ""
    local = at.astimezone(ZoneInfo(timezone))
    return f"{DAYS[local.weekday()][:3]} {local.day} {MONTHS[local.month - 1]}"


def reading_minutes(stories: Iterable[Story]) -> int:
    """Minutes to read the stories at 230 words a minute, at least 1: bodies, else deks."""
    words = sum(len((story.body or story.dek).split()) for story in stories)
    return max(1, round(words / WORDS_A_MINUTE))


def address(url: str) -> str:
    """The URL in ASCII (host IDNA, the rest percent-encoded): the inliner leaves it as it is."""
    safe = "/:?#[]@!$&'()*+,;=%~"
    parts = urlsplit(url)
    try:
        host = parts.netloc.encode("idna").decode("ascii")
    except UnicodeError:
        host = quote(parts.netloc, safe=safe)
    return quote(urlunsplit(parts._replace(netloc=host)), safe=safe)


def inlined(markup: str) -> str:
    """The HTML with block A's CSS in style attributes; no network, `<style>` block B untouched.

    Raises TemplateError where a reader's place or a brace did not come through unharmed.
    """
    os.environ.setdefault("PREMAILER_CACHE_MAXSIZE", "4096")  # is read at import
    from premailer import Premailer  # takes half a second, so only who renders pays

    result: str = Premailer(
        _with_closed_styles(markup),
        base_url=None,
        allow_network=False,
        allow_loading_external_files=False,
        keep_style_tags=False,
        strip_important=False,
        disable_validation=True,
        remove_classes=False,
        align_floating_images=False,
        include_star_selectors=False,
        disable_basic_attributes=["width", "height"],
        cssutils_logging_level=logging.CRITICAL,
    ).transform(pretty_print=False)
    _compare(markup, result)
    return result.replace("\r\n", "\n")


def _with_closed_styles(markup: str) -> str:
    # premailer keeps selectors and style attributes in one cache: style="td" would be taken
    # for the selector td. No selector ends in a semicolon.
    return re.sub(r"""(?i)(\sstyle\s*=\s*(["']))([^"']*?);?\s*\2""", r"\1\3;\2", markup)


def _compare(before: str, after: str) -> None:
    changed = sorted(set(_places(before)) ^ set(_places(after)))
    if changed or len(list(_places(before))) != len(list(_places(after))):
        raise TemplateError(
            "Inlining the CSS of issue.html.jinja lost a reader's link or date.",
            remedy="Use the reader's values only as a whole href or as text between tags.",
        )
    grown = [mark for mark in SURPRISES if after.count(mark) > before.count(mark)]
    if grown:
        raise TemplateError(
            f"Inlining the CSS of issue.html.jinja left “{grown[0]}” in the mail.",
            remedy="Look for braces inside an href of the template and remove them.",
        )


def _places(text: str) -> Iterator[str]:
    return (found.group() for found in SENTINEL.finditer(text))


def _context(edition: Edition) -> dict[str, Any]:
    issue = edition.issue
    rtl = issue.language.lower().split("-")[0] in RIGHT_TO_LEFT
    lead = edition.stories[0] if edition.stories else None
    return {
        "issue": issue,
        "publisher": issue.publisher,
        "lead": lead,
        "lead_section": edition.sections[0].name if lead else "",
        "lead_minutes": f"{reading_minutes([lead])} min" if lead and lead.body else "",
        "sections": _without_lead(edition.sections),
        "all_sections": edition.sections,
        "trending": edition.trending,
        "reader": PLACES,
        "filler": FILLER,
        "date": long_date(issue.at, issue.timezone),
        "minutes": reading_minutes(edition.stories),
        "day": partial(short_date, timezone=issue.timezone),
        "dir": "rtl" if rtl else "ltr",
        "start": "right" if rtl else "left",
        "end": "left" if rtl else "right",
    }


def _without_lead(sections: tuple[Section, ...]) -> tuple[Section, ...]:
    first = tuple(replace(section, stories=section.stories[1:]) for section in sections[:1])
    return tuple(section for section in first + sections[1:] if section.stories)


def _headlines(edition: Edition) -> list[str]:
    stories = [story.headline for story in edition.stories]
    return stories or [trend.headline for trend in edition.trending]


def _filled_template(name: str, templates: Environment, context: dict[str, Any]) -> str:
    try:
        return templates.get_template(name).render(context)
    except (
        JinjaError,
        ArithmeticError,
        AttributeError,
        LookupError,
        TypeError,
        ValueError,
    ) as error:
        where = _where(name, error)
        reason = " ".join(str(error).split()).rstrip(".")
        raise TemplateError(
            f"{where}: {reason}.", remedy="Mend the template at that line."
        ) from error


def _where(name: str, error: Exception) -> str:
    """Jinja shows the template's lines in the traceback; syntax errors carry theirs."""
    line = getattr(error, "lineno", None)
    if line is not None:
        return f"{getattr(error, 'name', None) or name}, line {line}"
    frames = [f for f in traceback.extract_tb(error.__traceback__) if f.filename.endswith(".jinja")]
    return f"{Path(frames[-1].filename).name}, line {frames[-1].lineno}" if frames else name


def _without_sentinels(value: Any) -> Any:
    """A story that contained our marks would get a reader's secret link put into it."""
    if isinstance(value, str):
        return SENTINEL.sub("-", value)
    if isinstance(value, tuple):
        return tuple(_without_sentinels(item) for item in value)
    if is_dataclass(value) and not isinstance(value, type):
        shown = {f.name: getattr(value, f.name) for f in fields(value)}
        return replace(value, **{name: _without_sentinels(item) for name, item in shown.items()})
    return value


@lru_cache(maxsize=64)
def _pieces(text: str) -> tuple[str, ...]:
    pieces = SENTINEL.split(text)
    if any("t.invalid/zq" in piece for piece in pieces[::2]):
        raise TemplateError(
            "A reader's link in the rendering is damaged.",
            remedy="Use the reader's values only as a whole href or as text between tags.",
        )
    return tuple(pieces)


def _joined(text: str, values: dict[str, str]) -> str:
    # Splitting gives text and places by turns; it is done once per edition, not per reader.
    pieces = list(_pieces(text))
    try:
        pieces[1::2] = [values[place] for place in pieces[1::2]]
    except KeyError as error:
        raise TemplateError(
            f"Nothing is known to fill in for {error}.",
            remedy="Use the reader's values only as a whole href or as text between tags.",
        ) from None
    return "".join(pieces)


def _is_https(url: str) -> bool:
    return url.startswith("https://")


def _wrapped(text: str, indent: str = "") -> str:
    return wrap(
        text, WIDTH, subsequent_indent=indent, break_long_words=False, break_on_hyphens=False
    )


def _underline(text: str, mark: str) -> str:
    return mark * min(len(text), WIDTH)


def _text_tidied(text: str) -> str:
    lines = "\n".join(line.rstrip(" ") for line in text.splitlines())
    return re.sub(r"\n{4,}", "\n\n\n", lines).strip("\n") + "\n"
