"""Words: the readers' pages and notices in the reader's language (gettext). Pure but for its files.

The texts in English are the keys; `locale/` has the catalogues. Never here: the texts of issues.
"""

import gettext
import re
from collections.abc import Callable
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


@cache
def translated(language: str) -> Callable[[str], str]:
    """What turns an English text into one of that language; unchanged where there is none."""
    return gettext.translation(DOMAIN, FOLDER, [known(language)], fallback=True).gettext


@cache
def marked(language: str) -> Callable[[str], Markup]:
    """The same for pages: a catalogue's text is ours, what `%` puts into it is escaped."""
    words = translated(language)
    return lambda text: Markup(words(text))  # noqa: S704 - catalogues are part of the program
