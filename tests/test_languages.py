"""The words of the mail in every language, and its dates, numbers and direction."""

import re
from datetime import UTC, datetime
from pathlib import Path

import pytest
from babel.messages.catalog import Catalog
from babel.messages.mofile import read_mo

from digest.articles import Article
from digest.rendering import environment, joined_on, render
from digest.rendering.context import reading_minutes
from digest.rendering.languages import LANGUAGES, Language, direction
from digest.selection import Story
from scripts import words
from tests.showcase import LANGUAGES as SHOWN
from tests.showcase import sample_edition

ROOT = Path(__file__).parents[1]
LATE = datetime(2026, 3, 29, 20, 0, tzinfo=UTC)
PLACES = re.compile(r"%\(\w+\)s")
TRANSLATED = dict(words.languages())


def messages(catalogue: Catalog) -> dict[str | tuple[str, ...], tuple[str, ...]]:
    """Each message and its translations."""
    return {
        tuple(m.id) if isinstance(m.id, (list, tuple)) else m.id: (
            tuple(m.string) if isinstance(m.string, (list, tuple)) else (m.string or "",)
        )
        for m in catalogue
        if m.id
    }


def test_the_languages_that_are_promised_are_there() -> None:
    assert {"en", *TRANSLATED} == set(LANGUAGES) == set(SHOWN)


@pytest.mark.parametrize("language", TRANSLATED)
def test_every_word_of_the_templates_is_translated(language: str) -> None:
    wanted = messages(words.wanted())
    found = messages(words.translated(language, TRANSLATED[language]))
    assert set(found) == set(wanted)
    assert len(found) >= 17
    assert [message for message, strings in found.items() if not all(strings)] == []


@pytest.mark.parametrize("language", TRANSLATED)
def test_no_translation_is_doubtful_or_has_other_places(language: str) -> None:
    catalogue = words.translated(language, TRANSLATED[language])
    assert [message.id for message in catalogue if message.fuzzy] == []
    for message, strings in messages(catalogue).items():
        wanted = set(PLACES.findall(message if isinstance(message, str) else message[0]))
        for at, string in enumerate(strings):
            # "One minute" and "two minutes" may be words of their own.
            spoken = {"%(count)s"} if language == "ar" and at in {1, 2} else set()
            assert wanted - spoken <= set(PLACES.findall(string)) <= wanted, string
            assert "%" not in PLACES.sub("", string)


@pytest.mark.parametrize("language", TRANSLATED)
def test_what_the_program_reads_is_what_was_translated(language: str) -> None:
    path = TRANSLATED[language]
    catalogue = words.translated(language, path)
    assert path.with_suffix(".mo").read_bytes() == words.as_mo(catalogue)
    with path.with_suffix(".mo").open("rb") as file:
        assert messages(read_mo(file)) == messages(catalogue)
    assert path.read_text("utf-8") == words.as_po(catalogue)


def test_the_list_for_translators_is_up_to_date() -> None:
    assert (words.LOCALE / "digest.pot").read_text("utf-8") == words.as_po(words.wanted())


@pytest.mark.parametrize("language", TRANSLATED)
def test_no_english_word_is_left_in_the_mail(language: str) -> None:
    made = render(sample_edition(language), environment(ROOT / "templates"))
    english = {m for m in messages(words.wanted()) if isinstance(m, str) and "%" not in m}
    assert {word for word in english if word in made.text} == set()


@pytest.mark.parametrize(
    ("count", "said"),
    [
        (1, "دقيقة واحدة للقراءة"),
        (2, "دقيقتان للقراءة"),
        (3, "3 دقائق للقراءة"),
        (10, "10 دقائق للقراءة"),
        (11, "11 دقيقة للقراءة"),
        (100, "100 دقيقة للقراءة"),
        (103, "103 دقائق للقراءة"),
    ],
)
def test_arabic_has_six_numbers(count: int, said: str) -> None:
    read = "%(count)s min read"
    assert Language("ar").ngettext(read, read, count) == said


@pytest.mark.parametrize(("count", "said"), [(1, "x\u202f; 1 autre"), (2, "x\u202f; 2 autres")])
def test_french_has_two(count: int, said: str) -> None:
    more = "%(headline)s; %(count)s more"
    assert Language("fr").ngettext(more, more, count, headline="x") == said


@pytest.mark.parametrize(
    ("tag", "long", "short", "joined"),
    [
        ("en", "Monday, 30 March 2026", "Mon 30 Mar", "30 March 2026"),
        ("en-US", "Monday, March 30, 2026", "Mon, Mar 30", "March 30, 2026"),
        ("hi", "सोमवार, 30 मार्च 2026", "सोम, 30 मार्च", "30 मार्च 2026"),
        ("es", "lunes, 30 de marzo de 2026", "lun, 30 mar", "30 de marzo de 2026"),
        ("fr", "lundi 30 mars 2026", "lun. 30 mars", "30 mars 2026"),
        ("ar", "الاثنين، 30 مارس 2026", "الاثنين، 30 مارس", "30 مارس 2026"),
        ("ar-EG", "الاثنين، ٣٠ مارس ٢٠٢٦", "الاثنين، ٣٠ مارس", "٣٠ مارس ٢٠٢٦"),
        ("mr", "सोमवार, ३० मार्च, २०२६", "सोम, ३० मार्च", "३० मार्च, २०२६"),
        ("fa", "دوشنبه ۳۰ مارس ۲۰۲۶", "دوشنبه ۳۰ مارس", "۳۰ مارس ۲۰۲۶"),
    ],
)
def test_dates_are_written_as_the_language_does(
    tag: str, long: str, short: str, joined: str
) -> None:
    language = Language(tag)
    assert language.long_date(LATE, "Asia/Kolkata") == long
    assert language.short_date(LATE, "Asia/Kolkata") == short
    assert joined_on(LATE, "Asia/Kolkata", tag) == joined


def test_dates_follow_the_calendar_of_the_time_zone() -> None:
    assert Language("en").long_date(LATE, "UTC") == "Sunday, 29 March 2026"
    assert Language("en").short_date(None, "UTC") == ""


@pytest.mark.parametrize("tag", ["xx", "tlh", "en-GB-oxendict", "zz-Zzzz", "q"])
def test_a_language_that_nobody_knows_reads_english(tag: str) -> None:
    assert Language(tag).long_date(LATE, "UTC").startswith("Sunday, 29 March")
    assert Language(tag).gettext("Unsubscribe") == "Unsubscribe"


@pytest.mark.parametrize(
    ("tag", "turned"),
    [
        ("ar", "rtl"), ("ur-PK", "rtl"), ("he", "rtl"), ("fa", "rtl"), ("az-Arab", "rtl"),
        ("en", "ltr"), ("hi", "ltr"), ("ku", "ltr"), ("ar-Latn", "ltr"), ("pa", "ltr"),
    ],
)  # fmt: skip
def test_direction_is_the_scripts(tag: str, turned: str) -> None:
    assert direction(tag) == turned


def test_a_region_keeps_its_languages_words() -> None:
    assert Language("es-MX").gettext("Unsubscribe") == "Darse de baja"


def test_reading_time_is_at_least_a_minute() -> None:
    assert reading_minutes([]) == 1
    assert reading_minutes([Story(Article("x", body="word " * 690))]) == 3
