"""Sheets: bytes of a list -> records. Pure: what is read is handed in as a binary stream.

    sheets   a CSV file or a zip of them, each with its name, encoding and separator found out
    Sheet    its header, and its records one by one
    writer   what writes a sheet that can be read again

Lines are read one by one in flat memory. A quote that is never closed spoils its own line only,
and a byte of another encoding its own line only.
"""

import codecs
import contextlib
import csv
import io
import zipfile
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import IO, BinaryIO, NamedTuple, Protocol, cast

from subscribers.errors import SubscriberError

# A spreadsheet takes a cell that begins so for a formula, and a formula can call out.
FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")
SEPARATORS = ",;\t|"
LONGEST = 1 << 20  # characters of a line
TALLEST = 50  # lines of one record: notes may have line breaks in their quotes
MEMBERS = 50  # files of a zip
EMPTIEST = 100_000  # lines on end without a word
# What an unpacked list may be, in bytes, and how many times its packed size beyond that.
ROOM, PACKED = 100 << 20, 200
WIDEST = 1_000  # columns; the widest honest sheet has some dozens
# What bytes of another encoding are read as: half a pair, which no text has. U+FFFD would not do:
# honest text has it where something was lost before, in a name or in the reason for a leaving.
ALIEN = "\udfff"
codecs.register_error(__name__, lambda error: (ALIEN, cast(UnicodeDecodeError, error).end))
csv.field_size_limit(LONGEST // 2)  # of all who read CSV: the proof of years is one cell


class Record(NamedTuple):
    """The cells of one record, and the number of the line where it begins.

    `spoilt` says why it could not be read; the cells are then empty. `more` tells that it has
    cells beyond the header's.
    """

    line: int
    cells: tuple[str, ...]
    spoilt: str = ""
    more: bool = False


@dataclass(frozen=True, slots=True)
class Sheet:
    """One CSV file. `name` is the file's, without folders; `records` can be read once."""

    name: str
    header: tuple[str, ...]
    records: Iterator[Record]


def sheets(file: BinaryIO, name: str) -> Iterator[Sheet]:
    """The sheet of a CSV file, or those of a zip, in the order of their names.

    Raises SubscriberError for what is neither, and for a sheet without a first line.
    """
    if not zipfile.is_zipfile(file):
        file.seek(0)
        yield sheet(file, PurePosixPath(name).name)
        return
    with zipfile.ZipFile(file) as archive:
        members = sorted(i.filename for i in archive.infolist() if _is_sheet(i.filename))
        _refuse_bomb(archive)
        if not members or len(members) > MEMBERS:
            raise SubscriberError(
                f"The zip holds {len(members)} CSV files.", remedy="Import the files one by one."
            )
        for member in members:
            try:
                # Twice: the encoding is found by reading all of it, which a zip can't rewind.
                with archive.open(member) as first:
                    encoding = _encoding(first)
                with archive.open(member) as again:
                    yield _sheet(again, encoding, PurePosixPath(member).name)
            except (zipfile.BadZipFile, RuntimeError, NotImplementedError, OSError) as error:
                raise SubscriberError(
                    f"{member} can't be read from the zip: {error}.", remedy="Unpack it first."
                ) from error


def _refuse_bomb(archive: zipfile.ZipFile) -> None:
    for told in filter(lambda one: _is_sheet(one.filename), archive.infolist()):
        if told.file_size > max(ROOM, told.compress_size * PACKED):
            raise SubscriberError(
                f"{told.filename} in the zip is {told.file_size:,} bytes long, "
                f"{told.file_size // max(told.compress_size, 1):,} times what it takes packed: "
                "no list is like that.",
                remedy="Unpack it, look at it, and import the CSV file itself.",
            )


def sheet(file: BinaryIO, name: str) -> Sheet:
    """The sheet of one CSV file that can be rewound. Raises SubscriberError."""
    encoding = _encoding(file)
    file.seek(0)
    return _sheet(file, encoding, name)


class Writable(Protocol):
    """What text can be written to."""

    def write(self, text: str, /) -> object: ...


def writer(file: Writable) -> Callable[[Iterable[object]], object]:
    """What writes a record to the file, as CSV in lines that end with a line feed.

    A cell with a carriage return is quoted like one with a line feed: Python 3.11 leaves it bare,
    and who reads it back finds the end of a line there.
    """
    plain = csv.writer(file, lineterminator="\n").writerow
    quoted = csv.writer(file, lineterminator="\n", quoting=csv.QUOTE_ALL).writerow

    def write(cells: Iterable[object]) -> object:
        record = tuple(cells)
        returns = any(isinstance(cell, str) and "\r" in cell for cell in record)
        return (quoted if returns else plain)(record)

    return write


def defused(cell: str) -> str:
    """The cell as text to a spreadsheet: an apostrophe before what would begin a formula."""
    return f"'{cell}" if cell.lstrip("'").startswith(FORMULA) else cell


def restored(cell: str) -> str:
    """What was defused, as it was."""
    return cell[1:] if cell.startswith("'") and cell.lstrip("'").startswith(FORMULA) else cell


def _is_sheet(name: str) -> bool:
    path = PurePosixPath(name)
    hidden = path.name.startswith(".") or "__MACOSX" in path.parts
    return path.suffix.lower() in {".csv", ".txt", ".tsv"} and not hidden


def _encoding(file: IO[bytes]) -> str:
    """By the mark at its start, else UTF-8 if more of the bytes beyond ASCII are than are not."""
    start = file.read(4)
    if start.startswith(codecs.BOM_UTF8):
        return "utf-8-sig"
    if start.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return "utf-16"
    if len(start) >= 4 and 0 in start[:4]:
        return "utf-16-le" if start[1] == 0 else "utf-16-be"
    good = bad = 0
    block = start
    while block:
        # A line is whole in itself; cut lines at a break and no character is split.
        block += file.readline(LONGEST)
        if not block.isascii():
            text = block.decode("utf-8", __name__)
            wrong = text.count(ALIEN)
            bad += wrong
            good += sum(not c.isascii() for c in text) - wrong
        block = file.read(1 << 16)
    return "cp1252" if bad > good else "utf-8"


def _sheet(file: IO[bytes], encoding: str, name: str) -> Sheet:
    # cp1252 leaves five bytes undefined; they spoil a character and no file.
    text = io.TextIOWrapper(file, encoding=encoding, errors=__name__, newline="")
    lines = _numbered(text)
    first = next(lines, None)
    if first and first[1].strip().lower().startswith("sep="):  # Excel's own first line
        first = next(lines, None)
    if first is None or "\0" in first[1]:
        raise SubscriberError(f"{name} has no first line with the names of its columns.")
    named = first[1].replace(ALIEN, "\ufffd")
    try:
        found = {mark: next(csv.reader([named], delimiter=mark), []) for mark in SEPARATORS}
    except csv.Error as error:
        raise SubscriberError(f"The first line of {name} is not CSV: {error}.") from error
    separator = max(SEPARATORS, key=lambda mark: len(found[mark]))
    names = tuple(restored(cell.strip()) for cell in found[separator])
    if len(names) > WIDEST:
        raise SubscriberError(
            f"{name} has {len(names)} columns; {WIDEST} are read at most.",
            remedy="Keep the columns that say who may be mailed, and leave the others out.",
        )
    return Sheet(name, names, _records(lines, separator, len(names)))


def _numbered(text: io.TextIOWrapper) -> Iterator[tuple[int, str]]:
    """Lines that are not empty, with their numbers; one that has no end is cut."""
    number = told = 0
    try:
        while line := text.readline(LONGEST):
            number += 1
            if number - told > EMPTIEST:
                raise SubscriberError(
                    f"There are {EMPTIEST:,} empty lines after line {told:,}.",
                    remedy="Take them out, and import it again: what was taken stays as it is.",
                )
            rest = line
            while rest and not rest.endswith(("\n", "\r")):
                rest = text.readline(LONGEST)
            if line.strip():
                told = number
                yield number, line
    finally:
        # The file is its owner's to close, and not this wrapper's when it is forgotten.
        with contextlib.suppress(ValueError):
            text.detach()


class _Lines:
    """Lines that can be given back: what was taken for the rest of a record may not be it."""

    def __init__(self, source: Iterator[tuple[int, str]]) -> None:
        self._source, self._waiting = source, deque[tuple[int, str]]()

    def take(self) -> tuple[int, str] | None:
        return self._waiting.popleft() if self._waiting else next(self._source, None)

    def give_back(self, lines: list[tuple[int, str]]) -> None:
        self._waiting.extendleft(reversed(lines))


def _records(source: Iterator[tuple[int, str]], separator: str, width: int) -> Iterator[Record]:
    lines = _Lines(source)
    while found := lines.take():
        number, line = found
        if spoilt := _spoilt(line):
            yield Record(number, (), spoilt)
        elif '"' in line:
            yield _quoted(found, lines, separator, width)
        else:
            yield _fitted(number, line.rstrip("\r\n").split(separator), width)


def _spoilt(line: str) -> str:
    if ALIEN in line:
        return "This line is not in the encoding of the file."
    return "This line holds a NUL character, which no text has." if "\0" in line else ""


def _quoted(first: tuple[int, str], lines: _Lines, separator: str, width: int) -> Record:
    """A record with quotes in it: its line alone, else with those that follow, else spoilt."""
    taken = [first]
    while len(taken) <= TALLEST:
        try:
            cells = next(csv.reader((line for _, line in taken), delimiter=separator, strict=True))
            if len(taken) == 1 or len(cells) >= width:
                spoilt = next(filter(None, (_spoilt(line) for _, line in taken)), "")
                return Record(first[0], (), spoilt) if spoilt else _fitted(first[0], cells, width)
            break
        except csv.Error as error:
            if "unexpected end" not in str(error):
                break
        following = lines.take()
        if following is None:
            break
        taken.append(following)
    lines.give_back(taken[1:])
    return _loose(first, separator, width)


def _loose(first: tuple[int, str], separator: str, width: int) -> Record:
    # A quote inside a cell that was not written as two: forgiven where the cells still add up.
    number, line = first
    try:
        cells = next(csv.reader([line], delimiter=separator))
    except csv.Error as error:
        return Record(number, (), f"This line is not CSV: {error}.")
    if len(cells) == width and not cells[-1].endswith(("\n", "\r")):
        return _fitted(number, cells, width)
    return Record(number, (), "This line is not CSV: a quote is never closed.")


def _fitted(number: int, cells: list[str], width: int) -> Record:
    if len(cells) <= width:
        return Record(number, tuple(cells))
    more = any(cell.strip() for cell in cells[width:])
    return Record(number, tuple(cells[:width]), more=more)
