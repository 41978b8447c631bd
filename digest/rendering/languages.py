"""The language of an edition: its words, its dates and numbers, the direction of its script.

The words of the mail itself ("Unsubscribe") are in digest/locale; how dates and numbers are
written comes from the CLDR, through Babel. Never here: a story's own words.
"""

import gettext as catalogues
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime
from functools import lru_cache
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from jinja2 import pass_context
from jinja2.runtime import Context
from markupsafe import Markup

LANGUAGES = ("en", "ar", "es", "fr", "hi")
"""The languages into which the words of the mail are translated."""
LOCALE = Path(__file__).parents[1] / "locale"
RIGHT_TO_LEFT = frozenset(
    {"ar", "arc", "ckb", "dv", "fa", "he", "ks", "ps", "sd", "ug", "ur", "yi"}
)
# Letters of these scripts join or carry marks above a line: spacing tears them, slanting is no
# emphasis in them.
_UNSPACED = frozenset({"as", "bn", "gu", "hi", "kn", "ml", "mr", "ne", "or", "pa", "sa", "si",
                       "ta", "te", "th", "km", "lo", "my", "zh", "ja", "ko"})  # fmt: skip
_RTL_SCRIPTS = frozenset({"arab", "hebr", "thaa", "syrc", "nkoo", "adlm"})
# Where the CLDR writes numbers of a locale in digits other than 0 to 9: the zero of each.
_ZEROS = {"arab": "٠", "arabext": "۰", "beng": "০", "deva": "०", "gujr": "૦", "guru": "੦",
          "knda": "೦", "khmr": "០", "laoo": "໐", "mlym": "൦", "mymr": "၀", "olck": "᱐",
          "orya": "୦", "tamldec": "௦", "telu": "౦", "thai": "๐", "tibt": "༠"}  # fmt: skip

Translate = Callable[..., str]


@dataclass(frozen=True, slots=True)
class Language:
    """One language, by its BCP 47 tag ("ar", "en-US"). A tag that nobody knows reads English."""

    tag: str

    @property
    def direction(self) -> str:
        """ "rtl" or "ltr", for `dir`."""
        return direction(self.tag)

    @property
    def is_slanted(self) -> bool:
        """Whether italics and spaced capitals are used in its script."""
        return self.direction == "ltr" and primary(self.tag) not in _UNSPACED

    @property
    def comma(self) -> str:
        """What stands between the entries of a list."""
        return "، " if self.direction == "rtl" and primary(self.tag) not in {"he", "yi"} else ", "

    def long_date(self, at: datetime, timezone: str) -> str:
        """For instance "Monday, 30 March 2026", as the calendar stands in the IANA time zone."""
        return _written(at.astimezone(ZoneInfo(timezone)).date(), "full", self.tag)

    def joined_on(self, at: datetime, timezone: str) -> str:
        """For instance "4 January 2026"."""
        return _written(at.astimezone(ZoneInfo(timezone)).date(), "long", self.tag)

    def short_date(self, at: datetime | None, timezone: str) -> str:
        """For instance "Thu 26 Mar"; "" where no time is known."""
        if at is None:
            return ""
        return _written(at.astimezone(ZoneInfo(timezone)).date(), "MMMEd", self.tag)

    def number(self, value: int) -> str:
        """A whole number in the locale's digits, without separators below ten thousand."""
        return _in_digits(str(value), self.tag)

    def gettext(self, message: str, /, **values: object) -> str:
        """The words in this language, the named values put in."""
        return _catalogue(self.tag).gettext(message) % values

    def ngettext(self, one: str, many: str, count: int, /, **values: object) -> str:
        """The words for this count; `%(count)s` is written in the locale's digits."""
        found = _catalogue(self.tag).ngettext(one, many, count)
        return found % {"count": self.number(count), **values}

    def for_templates(self) -> dict[str, Any]:
        """gettext and ngettext that escape values where the template escapes."""

        @pass_context
        def gettext(context: Context, message: str, /, **values: object) -> str:
            kind = Markup if context.eval_ctx.autoescape else str
            return kind(_catalogue(self.tag).gettext(message)) % values

        @pass_context
        def ngettext(context: Context, one: str, many: str, count: int, /, **values: object) -> str:
            kind = Markup if context.eval_ctx.autoescape else str
            found = kind(_catalogue(self.tag).ngettext(one, many, count))
            return found % {"count": self.number(count), **values}

        return {"gettext": gettext, "_": gettext, "ngettext": ngettext, "number": self.number}


def primary(tag: str) -> str:
    """The language subtag: "en" of "en-US"."""
    return tag.lower().replace("_", "-").partition("-")[0]


def direction(tag: str) -> str:
    """ "rtl" or "ltr": what the tag's script says, else its language."""
    language, *more = tag.lower().replace("_", "-").split("-")
    script = next((part for part in more if len(part) == 4 and part.isalpha()), "")
    if script:
        return "rtl" if script in _RTL_SCRIPTS else "ltr"
    return "rtl" if language in RIGHT_TO_LEFT else "ltr"


def joined_on(at: datetime, timezone: str, language: str = "en") -> str:
    """For instance "4 January 2026": the day since when a reader gets the newsletter."""
    return Language(language).joined_on(at, timezone)


@lru_cache(maxsize=32)
def _catalogue(tag: str) -> catalogues.NullTranslations:
    if primary(tag) not in LANGUAGES[1:]:
        return catalogues.NullTranslations()
    return catalogues.translation("digest", LOCALE, [primary(tag)])


@lru_cache(maxsize=8192)
def _written(day: date, form: str, tag: str) -> str:
    from babel import dates  # takes its time to load, so only who renders pays

    locale = _locale(tag)
    if form == "MMMEd":
        return _in_digits(dates.format_skeleton(form, day, locale=locale), tag)
    return _in_digits(dates.format_date(day, form, locale=locale), tag)


@lru_cache(maxsize=64)
def _locale(tag: str) -> Any:
    from babel import Locale, UnknownLocaleError

    # CLDR's bare "en" is American; who wants March 30 writes en-US.
    for candidate in ("en-GB" if tag.lower() == "en" else tag, primary(tag)):
        try:
            return Locale.parse(candidate, sep="-")
        except (UnknownLocaleError, ValueError):
            continue
    return Locale("en", "GB")


def _in_digits(text: str, tag: str) -> str:
    zero = _ZEROS.get(_locale(tag).default_numbering_system)
    if zero is None:
        return text
    return text.translate({ord("0") + digit: chr(ord(zero) + digit) for digit in range(10)})
