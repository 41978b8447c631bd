"""Exchange: our own sheet of readers, in and out. Pure.

    address[,sections][,format]      sections separated by ";", all of them when the cell is empty

Out and in again gives the same readers. Other systems' sheets belong here, too. Never here: who
of a sheet may be mailed (roster), and the file itself (cli).
"""

import csv
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from subscribers.errors import SubscriberError
from subscribers.preferences import EVERYTHING, Preferences
from subscribers.recipient import Recipient

HEADER = ("address", "sections", "format")
# A spreadsheet takes a cell that begins so for a formula, and a formula can call out.
FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of a sheet. `preferences` is None where the line says nothing about them.

    `refused` says why the line can't be entered; empty when nothing is known against it.
    """

    line: int
    address: str
    preferences: Preferences | None = None
    refused: str = ""


def entries(lines: Iterable[str]) -> Iterator[Entry]:
    """The entries of a sheet, one for each line that isn't empty.

    Raises SubscriberError when the first line isn't our header. A bad line is an entry with its
    reason. Lines are read one by one: a quote that is never closed spoils its own line only.
    """
    header: list[str] | None = None
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        if header is None:
            header = _header(line)
        else:
            yield _entry(number, line, header)


def cells(recipient: Recipient) -> tuple[str, str, str]:
    """One reader as the cells of a line, each harmless in a spreadsheet."""
    chosen = recipient.preferences
    sections = "" if chosen.sections is None else ";".join(sorted(chosen.sections)) or ";"
    return defused(recipient.address), defused(sections), chosen.format


def defused(cell: str) -> str:
    """The cell as text to a spreadsheet: an apostrophe before what would begin a formula."""
    return f"'{cell}" if cell.lstrip("'").startswith(FORMULA) else cell


def restored(cell: str) -> str:
    """What was defused, as it was."""
    return cell[1:] if cell.startswith("'") and cell.lstrip("'").startswith(FORMULA) else cell


def _header(line: str) -> list[str]:
    names = [name.strip().lower() for name in next(csv.reader([line]))]
    if "address" not in names or len(set(names)) < len(names) or not set(names) <= set(HEADER):
        raise SubscriberError(
            "The first line is not the header of our sheet.",
            remedy="It must be: address[,sections][,format]",
        )
    return names


def _entry(number: int, line: str, header: list[str]) -> Entry:
    if "\ufffd" in line:
        return Entry(number, "", refused="This line is not UTF-8.")
    try:
        row = next(csv.reader([line], strict=True))
    except csv.Error as error:
        return Entry(number, "", refused=f"This line is not CSV: {error}.")
    if len(row) > len(header):
        return Entry(number, row[0], refused="This line has more cells than the header.")
    values = dict(zip(header, (restored(cell.strip()) for cell in row), strict=False))
    return _judged(number, values)


def _judged(number: int, values: dict[str, str]) -> Entry:
    address = "".join(c if c.isprintable() else "?" for c in values.get("address", ""))
    sections, form = values.get("sections", ""), values.get("format", "").lower()
    if form not in {"", "html", "text"}:
        return Entry(number, address, refused="The format is neither html nor text.")
    chosen = EVERYTHING.sections
    if sections:
        chosen = frozenset(name.strip() for name in sections.split(";") if name.strip())
    told = Preferences(chosen, "text" if form == "text" else "html")
    return Entry(number, address, told if sections or form else None)
