"""Compile the catalogues of the readers' pages in subscribers/locale: each .po to its .mo."""

from pathlib import Path

from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po

for source in sorted(Path("subscribers/locale").glob("*/LC_MESSAGES/*.po")):
    with source.open("rb") as text, source.with_suffix(".mo").open("wb") as compiled:
        write_mo(compiled, read_po(text))
    print(source)
