"""Words: the readers' pages and notices in the reader's language (gettext). Pure but for its files.

The texts in English are the keys; `locale/` has the catalogues. Never here: the texts of issues.
"""

import gettext
import re
from collections.abc import Callable, Sequence
from datetime import date
from functools import cache
from pathlib import Path

from markupsafe import Markup

FOLDER = Path(__file__).parent / "locale"
DOMAIN = "readers"
# In their own words; a reader looks for theirs.
LANGUAGES = {"en": "English", "hi": "हिन्दी", "es": "Español", "fr": "Français", "ar": "العربية"}
RIGHT_TO_LEFT = {"ar", "fa", "he", "ur"}


def known(language: str) -> str:
    """The nearest language that there are words in; "en" for none."""
    first = re.split(r"[-_]", language.lower())[0]
    return first if first in LANGUAGES else "en"


def preferred(accepted: str, otherwise: str) -> str:
    """The first known language of an Accept-Language header (RFC 9110 section 12.5.4)."""
    found = re.findall(r"([A-Za-z]{2,3})(?:-[A-Za-z0-9]+)*\s*(?:;\s*q=([\d.]+))?", accepted[:500])
    ranked = sorted(found, key=lambda told: -float(told[1] or 1) if told[1] != "." else 0.0)
    return next((tag.lower() for tag, _ in ranked if tag.lower() in LANGUAGES), known(otherwise))


def direction(language: str) -> str:
    """How the language is written: for the attribute `dir`."""
    return "rtl" if known(language) in RIGHT_TO_LEFT else "ltr"


def day(moment: date, language: str) -> str:
    """A day as the language writes it: "30 March 2026"."""
    from babel.dates import format_date  # half of this door's start, for the few pages with one

    written = "en_GB" if known(language) == "en" else known(language)
    return format_date(moment, "long", locale=written)


def apart(name: str) -> Markup:
    """A publisher's own name for the markup of a page, which may be written the other way: what
    ends it ("!") stays with it (Unicode's bidirectional isolates).
    """
    return Markup("<bdi>%s</bdi>") % name


def listed(names: Sequence[str], language: str) -> str:
    """Names as a sentence has them: "The Week and The Day"."""
    from babel.lists import format_list

    return format_list(names, locale=known(language)) if len(names) > 1 else "".join(names)


@cache
def translated(language: str) -> Callable[[str], str]:
    """What turns an English text into one of that language; unchanged where there is none."""
    return gettext.translation(DOMAIN, FOLDER, [known(language)], fallback=True).gettext


@cache
def marked(language: str) -> Callable[[str], Markup]:
    """The same for pages: a catalogue's text is ours, what `%` puts into it is escaped."""
    words = translated(language)
    return lambda text: Markup(words(text))  # noqa: S704 - catalogues are part of the program
