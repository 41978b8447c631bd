"""Rendering + addresses -> Message: the envelope and the RFC 5322 bytes a relay takes.

The bytes are put together here and not by the email package, because email.policy.SMTP turns a
long List-Unsubscribe into encoded-words, and then no mail client offers to unsubscribe.
Never here: how the mail reads (rendering), its signature (dkim), its way out (delivery).
"""

import binascii
import hashlib
import re
from base64 import b64encode
from collections.abc import Iterator
from dataclasses import dataclass, fields
from datetime import datetime
from email.utils import format_datetime, parseaddr
from functools import lru_cache

from digest.errors import MessageError
from digest.rendering import Rendering

LINE = 76  # RFC 2047, section 2: a line that has an encoded-word in it
LONGEST_LINE = 998  # RFC 5322, section 2.1.1, without CRLF
LOCAL_PART = 64  # RFC 5321, section 4.5.3.1.1
ADDRESS = 254  # RFC 5321, section 4.5.3.1.3: a path of 256 with its angle brackets
LIST_ID = 255  # RFC 2919, section 2
FORBIDDEN = re.compile(r"[\r\n\0]")
ATOM = r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+"
DOT_ATOM = re.compile(rf"{ATOM}(\.{ATOM})*")
LABEL = r"[A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?"
DOMAIN = re.compile(rf"{LABEL}(\.{LABEL})*")
URI = re.compile(r"[a-z][a-z0-9+.-]*:[!-;=?-~]+")  # printable ASCII without < and >


@dataclass(frozen=True, slots=True)
class Links:
    """Where unsubscribing goes: an absolute URL, and a "mailto:" URI or "" for none."""

    unsubscribe_url: str
    unsubscribe_mailto: str


@dataclass(frozen=True, slots=True)
class Message:
    """One mail for one reader: MAIL FROM, RCPT TO, and the bytes of DATA (CRLF, 7 bit)."""

    sender: str
    recipient: str
    data: bytes


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
    boundary: str = "",
) -> Message:
    """The message of a filled rendering: multipart/alternative, or text/plain if html is "".

    `to` and `envelope_sender` are bare addresses, `from_` may have a name ("The Week <a@b.c>"),
    `message_id` has its angle brackets, `list_id` is the identifier without them, `date` is
    aware. Equal arguments give equal bytes; `boundary` is derived from the Message-ID.
    Raises MessageError: a value breaks RFC 5322, 5321, 2919 or 2369, or has a line break in it.
    """
    _refuse_breaks(to, from_, envelope_sender, message_id, list_id, title, boundary)
    _refuse_breaks(rendering_filled.subject, *(getattr(links, f.name) for f in fields(Links)))
    if date.tzinfo is None:
        raise MessageError("The date of a message must have a time zone.")
    headers = [
        f"From: {_sender(from_)}",
        f"To: {_checked_address(to)}",
        f"Subject: {_unstructured(rendering_filled.subject, len('Subject: '))}",
        f"Date: {format_datetime(date)}",
        f"Message-ID: {_checked_message_id(message_id)}",
        "MIME-Version: 1.0",
        f"List-Id: {_list_id(title, list_id)}",
        *_unsubscribe_headers(links),
        "Auto-Submitted: auto-generated",  # RFC 3834, section 5
        "X-Auto-Response-Suppress: OOF, AutoReply",  # never All: it would silence bounces
    ]
    head = "\r\n".join(headers) + "\r\n"
    _refuse_long_lines(head)
    data = head.encode("ascii") + _body(rendering_filled, boundary or _boundary(message_id))
    return Message(_checked_address(envelope_sender), to, data)


def _refuse_breaks(*values: str) -> None:
    """A line break in a value would start a header of somebody else's choice."""
    for value in values:
        if FORBIDDEN.search(value):
            raise MessageError(
                f"A header value contains a line break or NUL: {value[:60]!r}.",
                remedy="Remove it where the value comes from.",
            )


def _refuse_long_lines(head: str) -> None:
    for line in head.split("\r\n"):
        if len(line) > LONGEST_LINE:
            raise MessageError(f"A header line is longer than {LONGEST_LINE}: {line[:40]!r}….")


def _checked_address(address: str) -> str:
    """RFC 5321, section 4.1.2: dot-atom and domain, ASCII; SMTPUTF8 is not supported."""
    local, _, domain = address.rpartition("@")
    if len(local) > LOCAL_PART or len(address) > ADDRESS:
        raise MessageError(f"The address {address[:80]!r} is too long for SMTP.")
    if not DOT_ATOM.fullmatch(local) or not DOMAIN.fullmatch(domain):
        raise MessageError(
            f"{address!r} cannot be used as a mail address.",
            remedy="Only plain ASCII addresses (name@domain) can be mailed.",
        )
    return address


def _checked_message_id(message_id: str) -> str:
    left, _, right = message_id[1:-1].rpartition("@")
    if message_id != f"<{left}@{right}>" or not DOT_ATOM.fullmatch(left):
        raise MessageError(f"{message_id!r} is no Message-ID of the form <left@domain>.")
    if not DOMAIN.fullmatch(right):
        raise MessageError(f"{message_id!r} has no domain on its right side.")
    return message_id


def _sender(from_: str) -> str:
    name, address = parseaddr(from_)
    _checked_address(address)
    return _with_phrase(name, address, len("From: ")) if name else address


def _list_id(title: str, identifier: str) -> str:
    if not DOT_ATOM.fullmatch(identifier) or "." not in identifier:
        raise MessageError(f"{identifier!r} is no List-Id of the form name.domain.")
    if len(identifier) > LIST_ID:
        raise MessageError(f"The List-Id is longer than {LIST_ID} characters.")
    return _with_phrase(title, identifier, len("List-Id: ")) if title else f"<{identifier}>"


def _with_phrase(phrase: str, inner: str, used: int) -> str:
    """`"Phrase" <inner>`, folded before the bracket where it would not fit in the line."""
    if _is_plain(phrase) and len(phrase) <= LINE - used - 4:
        shown = '"{}"'.format(re.sub(r'(["\\])', r"\\\1", phrase))
    else:
        shown = _encoded(phrase, used)
    last = len(shown.rsplit("\r\n", 1)[-1]) + (used if "\r\n" not in shown else 0)
    gap = " " if last + len(inner) + 3 <= LINE else "\r\n "
    return f"{shown}{gap}<{inner}>"


def _is_plain(text: str) -> bool:
    """Whether the text survives unencoded: printable ASCII, single spaces, words that fold."""
    words = text.split(" ")
    return (
        text.isascii()
        and text.isprintable()
        and "=?" not in text
        and all(0 < len(word) <= LINE - 16 for word in words)
    )


def _unstructured(text: str, used: int) -> str:
    if not text:
        raise MessageError("The subject is empty.", remedy="Give the issue a subject.")
    if not _is_plain(text):
        return _encoded(text, used)
    lines, room = [""], LINE - used
    for word in text.split(" "):
        if lines[-1] and len(lines[-1]) + 1 + len(word) > room:
            lines, room = [*lines, word], LINE - 1
        else:
            lines[-1] += f" {word}" if lines[-1] else word
    return "\r\n ".join(lines)


def _encoded(text: str, used: int) -> str:
    """RFC 2047 encoded-words of at most 75 characters, one to a line; no character is split."""
    words, chunk, room = [], b"", (LINE - used - len("=?utf-8?b??=")) // 4 * 3
    for character in text:
        piece = _utf8(character)
        if chunk and len(chunk) + len(piece) > room:
            words.append(chunk)
            chunk, room = b"", 45
        chunk += piece
    return "\r\n ".join(f"=?utf-8?b?{b64encode(w).decode()}?=" for w in [*words, chunk])


def _utf8(text: str) -> bytes:
    try:
        return text.encode("utf-8")
    except UnicodeEncodeError:
        raise MessageError("A text holds half a character (a lone surrogate).") from None


def _unsubscribe_headers(links: Links) -> Iterator[str]:
    """RFC 2369 and RFC 8058: one physical line, and one-click only for an https address."""
    uris = [uri for uri in (links.unsubscribe_url, links.unsubscribe_mailto) if uri]
    for uri in uris:
        if not URI.fullmatch(uri):
            raise MessageError(f"{uri[:80]!r} cannot stand in List-Unsubscribe.")
    if links.unsubscribe_mailto and not links.unsubscribe_mailto.startswith("mailto:"):
        raise MessageError("The address for unsubscribing by mail must start with mailto:.")
    if uris:
        yield "List-Unsubscribe: " + ", ".join(f"<{uri}>" for uri in uris)
    if links.unsubscribe_url.startswith("https://"):
        yield "List-Unsubscribe-Post: List-Unsubscribe=One-Click"


def _boundary(message_id: str) -> str:
    # "=_" cannot occur in quoted-printable, so no body can contain the boundary.
    return f"=_{hashlib.sha256(message_id.encode()).hexdigest()[:40]}"


def _body(rendering: Rendering, boundary: str) -> bytes:
    """Content-Type and what follows; the text part first (RFC 2046, section 5.1.4)."""
    text = _part("plain", rendering.text)
    if not rendering.html:
        return text
    if not re.fullmatch(r"=_[A-Za-z0-9_.-]{1,68}", boundary):
        raise MessageError('A boundary must start with "=_" and have at most 70 characters.')
    mark = boundary.encode()
    return b"\r\n".join(
        [
            b'Content-Type: multipart/alternative;\r\n boundary="%b"\r\n' % mark,
            b"--%b" % mark,
            text,  # the line break before a boundary is the boundary's
            b"--%b" % mark,
            _part("html", rendering.html),
            b"--%b--\r\n" % mark,
        ]
    )


def _part(subtype: str, content: str) -> bytes:
    """Headers and body in quoted-printable: lines of at most 76, 7 bit, CRLF (RFC 2045, 6.7)."""
    lines = content.replace("\r\n", "\n").replace("\r", "\n").rstrip("\n").split("\n")
    body = b"".join(map(_quoted_printable, lines))
    head = f"Content-Type: text/{subtype}; charset=utf-8\r\n"
    return f"{head}Content-Transfer-Encoding: quoted-printable\r\n\r\n".encode() + body


@lru_cache(maxsize=4096)
def _quoted_printable(line: str) -> bytes:
    # All but a few lines are the same for every reader of an edition: encoding is most of the
    # work of a message, and each line stands for itself.
    visible = line.rstrip(" \t")
    encoded = binascii.b2a_qp(_utf8(visible + "\r\n"), istext=True)[:-2]
    # b2a_qp lets a line that ends in white space grow to 78: that end gets lines of its own.
    spaces = line[len(visible) :].encode()
    for start in range(0, len(spaces), 25):
        encoded += b"=\r\n" + b"".join(b"=%02X" % byte for byte in spaces[start : start + 25])
    return encoded + b"\r\n"
