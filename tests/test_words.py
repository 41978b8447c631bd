"""The readers' words: every text of every page is in every language, with what is put into it."""

import gettext
import re
from pathlib import Path

import pytest
from babel.messages.pofile import read_po

from digest.publish.confirming import _SUBJECTS
from subscribers import words
from subscribers.web.joining import WORDING

ROOT = Path(__file__).parents[1]
PAGES = sorted((ROOT / "templates/web").glob("*.jinja"))
PAGES.append(ROOT / "templates/confirmation.txt.jinja")
OTHERS = [language for language in words.LANGUAGES if language != "en"]


def texts() -> set[str]:
    pages = "".join(page.read_text("utf-8") for page in PAGES)
    said = set(re.findall(r'_\("([^"]+)"\)', pages))
    return said | set(_SUBJECTS.values()) | {WORDING}


@pytest.mark.parametrize("language", OTHERS)
def test_every_text_is_translated_and_none_is_left_over(language: str) -> None:
    with (words.FOLDER / language / "LC_MESSAGES" / "readers.po").open("rb") as file:
        catalogue = {str(m.id): str(m.string) for m in read_po(file) if m.id}
    assert set(catalogue) == texts()
    for english, other in catalogue.items():
        assert other
        assert sorted(re.findall(r"%\(\w+\)s", english)) == sorted(re.findall(r"%\(\w+\)s", other))


@pytest.mark.parametrize("language", OTHERS)
def test_what_is_compiled_is_what_is_written(language: str) -> None:
    folder = words.FOLDER / language / "LC_MESSAGES"
    with (folder / "readers.mo").open("rb") as compiled, (folder / "readers.po").open("rb") as file:
        known = gettext.GNUTranslations(compiled)
        assert all(known.gettext(str(m.id)) == m.string for m in read_po(file) if m.id)


@pytest.mark.parametrize(
    ("accepted", "otherwise", "expected"),
    [
        ("fr-CH, fr;q=0.9, en;q=0.8", "", "fr"),
        ("xx, ar;q=0.5, hi;q=0.9", "", "hi"),
        ("xx", "es-MX", "es"),
        ("", "", "en"),
        ("*;q=., ;;;" * 200, "de", "en"),
    ],
)
def test_the_reader_s_language_is_preferred(accepted: str, otherwise: str, expected: str) -> None:
    assert words.preferred(accepted, otherwise) == expected


def test_what_is_put_into_a_text_is_escaped() -> None:
    assert words.marked("hi")("Leave %(newsletter)s") % {"newsletter": "<b>"} == "&lt;b&gt; छोड़ें"
    assert (words.direction("ar"), words.direction("hi")) == ("rtl", "ltr")


def test_no_french_line_begins_with_a_mark_alone() -> None:
    with (words.FOLDER / "fr" / "LC_MESSAGES" / "readers.po").open("rb") as file:
        said = [str(message.string) for message in read_po(file) if message.id]
    assert any("\u00a0?" in text for text in said)
    assert [text for text in said if re.search(r" [?!:;»]|« ", text)] == []
