"""Gather the words of the mail for translators, and compile what they translated.

    python scripts/words.py

Writes digest/locale/digest.pot (what is to be translated), brings every digest.po up to it, and
compiles it to the digest.mo that the program reads. Run it after a template's words changed, fill
what is empty in the .po files, and run it again.
"""

import io
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

from babel.messages.catalog import Catalog
from babel.messages.extract import extract
from babel.messages.mofile import write_mo
from babel.messages.plurals import get_plural
from babel.messages.pofile import read_po, write_po

ROOT = Path(__file__).parents[1]
LOCALE = ROOT / "digest" / "locale"
SOURCES = ("templates/issue.html.jinja", "templates/issue.txt.jinja",
           "digest/rendering/subjects.py")  # fmt: skip
BEGUN = datetime(2026, 1, 1, tzinfo=UTC)  # the same bytes whenever it is compiled
# Babel's own rule for Arabic takes 11 to 99 for the last form; this is the CLDR's.
ARABIC = "(n==0 ? 0 : n==1 ? 1 : n==2 ? 2 : n%100>=3 && n%100<=10 ? 3 : n%100>=11 ? 4 : 5)"
HEADER = "# The words of the mail. Titles, sections and stories are the publisher's own.\n#"


def wanted() -> Catalog:
    """Every message of the sources, in the order in which they come."""
    catalogue = Catalog(project="digest", header_comment=HEADER, fuzzy=False)
    for source in SOURCES:
        method = "python" if source.endswith(".py") else "jinja2.ext:babel_extract"
        keywords = {"_": None, "gettext": None, "ngettext": (1, 2)}
        with (ROOT / source).open("rb") as file:
            for _, message, _, _ in extract(method, file, keywords):
                catalogue.add(message, locations=[(source, 1)])
    return catalogue


def languages() -> Iterator[tuple[str, Path]]:
    """Each language that somebody translates, and its file."""
    for path in sorted(LOCALE.glob("*/LC_MESSAGES/digest.po")):
        yield path.parents[1].name, path


def translated(language: str, path: Path) -> Catalog:
    """What the file holds."""
    with path.open("rb") as file:
        return read_po(file, locale=language, domain="digest")


def as_po(catalogue: Catalog) -> str:
    """The text of a .po file: no dates and no line numbers, so that only words make a change."""
    written = io.BytesIO()
    write_po(written, catalogue, omit_header=True, include_lineno=False, width=100)
    return f'{HEADER}\nmsgid ""\nmsgstr ""\n{_headers(catalogue)}\n{written.getvalue().decode()}'


def as_mo(catalogue: Catalog) -> bytes:
    """The bytes of a .mo file."""
    plain = Catalog(locale=catalogue.locale, creation_date=BEGUN, revision_date=BEGUN, fuzzy=False)
    for message in catalogue:
        if message.id:
            plain.add(message.id, message.string)
    compiled = io.BytesIO()
    head = _headers(catalogue).replace('"', "").replace("\\n", "").strip()
    plain.mime_headers = [tuple(line.split(": ", 1)) for line in head.splitlines()]
    write_mo(compiled, plain)
    return compiled.getvalue()


def _headers(catalogue: Catalog) -> str:
    lines = ["Content-Type: text/plain; charset=utf-8"]
    if catalogue.locale is not None:
        plural = get_plural(str(catalogue.locale))
        rule = ARABIC if catalogue.locale.language == "ar" else plural.plural_expr
        lines = [
            f"Language: {catalogue.locale}",
            f"Plural-Forms: nplurals={plural.num_plurals}; plural={rule};",
            *lines,
        ]
    return "".join(f'"{line}\\n"\n' for line in lines)


def main() -> int:
    """Bring everything up to date; say what is not translated yet."""
    template, missing = wanted(), 0
    (LOCALE / "digest.pot").write_text(as_po(template), encoding="utf-8")
    for language, path in languages():
        catalogue = translated(language, path)
        catalogue.update(template, no_fuzzy_matching=True)
        catalogue.obsolete.clear()
        path.write_text(as_po(catalogue), encoding="utf-8")
        path.with_suffix(".mo").write_bytes(as_mo(catalogue))
        for message in catalogue:
            strings = message.string if isinstance(message.string, tuple) else (message.string,)
            if message.id and not all(strings):
                missing += 1
                print(f"{language}: {message.id!r} is not translated", file=sys.stderr)
    return 1 if missing else 0


if __name__ == "__main__":
    sys.exit(main())
