"""Blank: the message of an edition, encoded once, with the reader's places still open.

Filling it costs a few microseconds: values are encoded by themselves and put between segments
that are bytes already. Never here: a reader's links (they come as values), the signature.
"""

import hashlib
import html
from collections.abc import Iterator
from dataclasses import dataclass, fields
from datetime import datetime

from digest.errors import MessageError
from digest.messages import quoted
from digest.messages.headers import (
    Letterhead,
    Links,
    checked_address,
    reader_headers,
    refuse_breaks,
    sender_headers,
    subject_header,
)
from digest.rendering import PLACES, SENTINEL, Reader, Rendering

NOBODY = Reader(*("" for _ in fields(Reader)))
NAMES = {getattr(PLACES, field.name): field.name for field in fields(Reader)}
Place = tuple[str, str]  # subtype of the part, name of the reader's value


@dataclass(frozen=True, slots=True)
class Message:
    """One mail for one reader: MAIL FROM, RCPT TO, and the bytes of DATA.

    `data` is CRLF, 7 bit, ends with CRLF, and no line of it begins with a dot: it is what goes
    over the wire before the final dot, as it stands (RFC 5321, section 4.5.2).
    """

    sender: str
    recipient: str
    data: bytes


class Blank:
    """An edition's message for nobody yet; `fill` makes it somebody's. Safe to share by threads."""

    def __init__(
        self, rendering: Rendering, letterhead: Letterhead, *, filled: bool = False
    ) -> None:
        """Encode a rendering: multipart/alternative, or text/plain if html is "".

        Where it is `filled` already, nothing in it stands for a reader's place.
        Raises MessageError: a header value breaks its RFC, or a reader's place is damaged.
        """
        self._fixed = sender_headers(letterhead) + subject_header(rendering.subject)
        split = _whole if filled else _split
        self._pieces, self._places = _body(split(rendering.text), split(rendering.html))
        self._names = {name for _, name in self._places}

    def fill(
        self,
        reader: Reader,
        links: Links,
        *,
        to: str,
        envelope_sender: str,
        message_id: str,
        date: datetime,
    ) -> Message:
        """The message for one reader; equal arguments give equal bytes.

        `to` and `envelope_sender` are bare addresses, `message_id` has its angle brackets,
        `date` is aware. Raises MessageError: one of them breaks RFC 5322, 5321 or 2369, or has
        a line break in it.
        """
        head = reader_headers(to, message_id, date, links)
        encoded = {place: text for name in self._names for place, text in _encoded(reader, name)}
        pieces = self._pieces.copy()
        pieces[1::2] = [encoded[place] for place in self._places]
        data = b"".join((self._fixed, head, *pieces))
        return Message(checked_address(envelope_sender), to, data)


def build(
    rendering_filled: Rendering,
    *,
    to: str,
    from_: str,
    envelope_sender: str,
    message_id: str,
    date: datetime,
    list_id: str,
    title: str,
    links: Links,
) -> Message:
    """One message of a filled rendering, for a single reader: for instance a confirmation.

    Arguments and errors are those of Letterhead and `Blank.fill`.
    """
    return Blank(rendering_filled, Letterhead(from_, list_id, title), filled=True).fill(
        NOBODY,
        links,
        to=to,
        envelope_sender=envelope_sender,
        message_id=message_id,
        date=date,
    )


def _encoded(reader: Reader, name: str) -> Iterator[tuple[Place, bytes]]:
    value = getattr(reader, name)
    refuse_breaks(value)
    plain, escaped = quoted.inline(value), html.escape(value)
    yield ("plain", name), plain
    yield ("html", name), plain if escaped == value else quoted.inline(escaped)


def _split(text: str) -> list[str]:
    """The text between the reader's places, and those, by turns."""
    found = SENTINEL.split(text)
    if any("t.invalid/zq" in literal for literal in found[::2]):
        raise MessageError("A reader's link in the rendering is damaged.")
    return found


def _whole(text: str) -> list[str]:
    return [text]


def _body(text_pieces: list[str], html_pieces: list[str]) -> tuple[list[bytes], list[Place]]:
    """Content-Type and what follows, by turns bytes and places; text first (RFC 2046, 5.1.4)."""
    text, text_places = _part("plain", text_pieces)
    if html_pieces == [""]:
        return text, text_places
    markup, markup_places = _part("html", html_pieces)
    mark = _boundary(text + markup)
    head = (
        b'Content-Type: multipart/alternative;\r\n boundary="%b"\r\n'
        b"Content-Transfer-Encoding: 7bit\r\n\r\n--%b\r\n"
    ) % (mark, mark)
    # The line break before a boundary is the boundary's.
    seam = b"%b\r\n--%b\r\n%b" % (text[-1], mark, markup[0])
    pieces = [head + text[0], *text[1:-1], seam] if len(text) > 1 else [head + seam]
    pieces += markup[1:]
    pieces[-1] += b"\r\n--%b--\r\n" % mark
    return pieces, text_places + markup_places


def _boundary(pieces: list[bytes]) -> bytes:
    # "=_" cannot occur in quoted-printable, so no body can contain the boundary.
    return b"=_%b" % hashlib.sha256(b"".join(pieces)).hexdigest()[:40].encode()


def _part(subtype: str, pieces: list[str]) -> tuple[list[bytes], list[Place]]:
    """Headers and body of a part, by turns bytes and places; it ends in a line break."""
    literals = [piece.replace("\r\n", "\n").replace("\r", "\n") for piece in pieces[::2]]
    literals[-1] = literals[-1].rstrip("\n") + "\n"
    head = f"Content-Type: text/{subtype}; charset=utf-8\r\n"
    head += "Content-Transfer-Encoding: quoted-printable\r\n\r\n"
    try:
        encoded = [quoted.segment(literal) for literal in literals]
        places = [(subtype, NAMES[place]) for place in pieces[1::2]]
    except UnicodeEncodeError:
        raise MessageError("A text holds half a character (a lone surrogate).") from None
    except KeyError as error:
        raise MessageError(f"Nothing is known to fill in for {error}.") from None
    encoded[0] = head.encode() + encoded[0]
    turns = [b""] * (2 * len(encoded) - 1)
    turns[::2] = encoded
    return turns, places
