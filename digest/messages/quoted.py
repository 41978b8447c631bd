"""Quoted-printable (RFC 2045, section 6.7) in segments that stay valid whatever is put between.

A segment begins at the start of a physical line and ends there too, by a soft line break where
the text goes on: so no seam can make a line longer than 76. No physical line begins with a
dot (it would have to be stuffed for SMTP) or with "From " (mailboxes would stuff it).
Never here: which text, and which header says that it is encoded.
"""

import re
from collections.abc import Iterable, Iterator

LINE = 76  # octets of a physical line without CRLF, the "=" of a soft line break among them
SOFT = b"=\r\n"
PLAIN_LINE = re.compile(rb"(?!\.|From )[ -<>-~]{0,75}[!-<>-~]")
PLAIN = re.compile(rb"[ -<>-~]*")
UNITS = tuple(
    bytes([octet]) if 32 <= octet <= 126 and octet != ord("=") else b"=%02X" % octet
    for octet in range(256)
)


def segment(text: str) -> bytes:
    """The text, whose line breaks are "\\n"; what follows the last one ends in a soft break."""
    *lines, rest = text.encode().split(b"\n")
    return b"".join((*map(_hard, lines), inline_bytes(rest)))


def inline(value: str) -> bytes:
    """A value without line breaks, to stand between two segments."""
    return inline_bytes(value.encode())


def inline_bytes(value: bytes) -> bytes:
    """`inline` of bytes that are UTF-8 already."""
    if not value:
        return b""
    if PLAIN.fullmatch(value):
        pieces = [value[at : at + LINE - 1] for at in range(0, len(value), LINE - 1)]
        if not any(piece.startswith((b".", b"From ")) for piece in pieces):
            return SOFT.join(pieces) + SOFT
    return SOFT.join(_physical(UNITS[octet] for octet in value)) + SOFT


def _hard(line: bytes) -> bytes:
    if not line or PLAIN_LINE.fullmatch(line):
        return line + b"\r\n"
    units = [UNITS[octet] for octet in line]
    if line[-1:] in {b" ", b"\t"}:  # white space before a line break would be taken away
        units[-1] = b"=%02X" % line[-1]
    return SOFT.join(_physical(units)) + b"\r\n"


def _physical(units: Iterable[bytes]) -> Iterator[bytes]:
    """Lines of at most 75 octets, so that the "=" of a soft line break has room."""
    line, length = bytearray(), 0
    for unit in units:
        if length + len(unit) > LINE - 1:
            yield _guarded(line)
            # What is put before a dot or an F makes the line longer by two.
            line, length = bytearray(), 2 if unit in {b".", b"F"} else 0
        elif not line and unit in {b".", b"F"}:
            length = 2
        line += unit
        length += len(unit)
    yield _guarded(line)


def _guarded(line: bytearray) -> bytes:
    if line.startswith((b".", b"From ")):
        return b"=%02X%b" % (line[0], bytes(line[1:]))
    return bytes(line)
