"""What the headers of a message say: each value checked, folded and encoded.

Never here: the body, and which values a newsletter has.
"""

import re
from base64 import b64encode
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from email.utils import format_datetime, getaddresses

from digest.errors import MessageError

LINE = 76  # RFC 2047, section 2: a line that has an encoded-word in it
LONGEST_LINE = 998  # RFC 5322, section 2.1.1, without CRLF
LOCAL_PART = 64  # RFC 5321, section 4.5.3.1.1
ADDRESS = 254  # RFC 5321, section 4.5.3.1.3: a path of 256 with its angle brackets
LIST_ID = 255  # RFC 2919, section 2
MESSAGE_ID = 500  # what Gmail takes
FORBIDDEN = re.compile(r"[\r\n\0]")
ATOM = r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+"
DOT_ATOM = re.compile(rf"{ATOM}(\.{ATOM})*")
LABEL = r"[A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?"
DOMAIN = re.compile(rf"{LABEL}(\.{LABEL})*")
URI = re.compile(r"[a-z][a-z0-9+.-]*:[!-;=?-~]+")  # printable ASCII without < and >
FEEDBACK = re.compile(r"([A-Za-z0-9._-]*:){3}[A-Za-z0-9._-]{5,15}")


@dataclass(frozen=True, slots=True)
class Links:
    """Where unsubscribing goes: an absolute URL, and a "mailto:" URI or "" for none."""

    unsubscribe_url: str
    unsubscribe_mailto: str


@dataclass(frozen=True, slots=True)
class Letterhead:
    """What the headers say of the sender, the same in every message of an issue.

    `from_` may have a name ("The Week <a@b.c>"), `list_id` is the identifier without angle
    brackets, `title` the list's name. `help_uri` goes into List-Help (RFC 2369), `feedback_id`
    is what Gmail counts complaints by ("a:b:c:SenderId"), `precedence` is "bulk", "list" or "".
    An empty value leaves its header out.
    """

    from_: str
    list_id: str = ""
    title: str = ""
    reply_to: str = ""
    help_uri: str = ""
    feedback_id: str = ""
    precedence: str = ""


def sender_headers(letterhead: Letterhead) -> bytes:
    """The headers that every message of the letterhead has. Raises MessageError."""
    values = (getattr(letterhead, name) for name in letterhead.__slots__)
    refuse_breaks(*values)
    return checked_lines(_sender_lines(letterhead))


def reader_headers(to: str, message_id: str, date: datetime, links: Links) -> bytes:
    """The headers that differ from reader to reader. Raises MessageError."""
    refuse_breaks(to, message_id, links.unsubscribe_url, links.unsubscribe_mailto)
    return checked_lines(
        (
            f"To: {checked_address(to)}",
            f"Date: {_date(date)}",
            f"Message-ID: {_checked_message_id(message_id)}",
            *_unsubscribe_headers(links),
        )
    )


def subject_header(subject: str) -> bytes:
    """The subject, encoded where it must be. Raises MessageError where there is none."""
    refuse_breaks(subject)
    return checked_lines([f"Subject: {_unstructured(subject, len('Subject: '))}"])


def _sender_lines(letterhead: Letterhead) -> Iterator[str]:
    yield f"From: {_mailbox('From', letterhead.from_)}"
    if letterhead.reply_to:
        yield f"Reply-To: {_mailbox('Reply-To', letterhead.reply_to)}"
    yield "MIME-Version: 1.0"
    if letterhead.list_id:
        yield f"List-Id: {_list_id(letterhead.title, letterhead.list_id)}"
        yield "List-Post: NO"  # RFC 2369, section 3.4: a list of announcements
    if letterhead.help_uri:
        yield f"List-Help: <{_checked_uri(letterhead.help_uri, 'List-Help')}>"
    if letterhead.feedback_id:
        yield f"Feedback-ID: {_feedback_id(letterhead.feedback_id)}"
    if letterhead.precedence:
        yield f"Precedence: {_precedence(letterhead.precedence)}"
    yield "Auto-Submitted: auto-generated"  # RFC 3834, section 5
    yield "X-Auto-Response-Suppress: OOF, AutoReply"  # never All: it would silence bounces


def refuse_breaks(*values: str) -> None:
    """A line break in a value would start a header of somebody else's choice."""
    for value in values:
        if FORBIDDEN.search(value):
            raise MessageError(
                f"A header value contains a line break or NUL: {value[:60]!r}.",
                remedy="Remove it where the value comes from.",
            )


def checked_lines(lines: Iterator[str] | list[str] | tuple[str, ...]) -> bytes:
    """The header lines in bytes, each with its CRLF. Raises MessageError for one of over 998."""
    head = "".join(f"{line}\r\n" for line in lines)
    if len(head) > LONGEST_LINE:
        for line in head.split("\r\n"):
            if len(line) > LONGEST_LINE:
                raise MessageError(f"A header line is longer than {LONGEST_LINE}: {line[:40]!r}….")
    return head.encode("ascii")


def checked_address(address: str) -> str:
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
    if len(message_id) > MESSAGE_ID:
        raise MessageError(f"A Message-ID is longer than {MESSAGE_ID} characters.")
    return message_id


def _mailbox(header: str, value: str) -> str:
    found = getaddresses([value])
    if len(found) != 1:
        raise MessageError(f"{header} must have exactly one address, not {value[:80]!r}.")
    name, address = found[0]
    checked_address(address)
    return _with_phrase(name, address, len(f"{header}: ")) if name else address


def _date(date: datetime) -> str:
    if date.tzinfo is None:
        raise MessageError("The date of a message must have a time zone.")
    return format_datetime(date)


def _feedback_id(value: str) -> str:
    parts = value.split(":")
    if not FEEDBACK.fullmatch(value) or len({*filter(None, parts)}) < len([*filter(None, parts)]):
        raise MessageError(
            f"{value[:80]!r} is no Feedback-ID.",
            remedy="It has four different fields, the last one of 5 to 15 letters or digits.",
        )
    return value


def _precedence(value: str) -> str:
    if value not in {"bulk", "list", "junk"}:
        raise MessageError(f"{value[:20]!r} is no precedence.", remedy='Write "bulk" or "list".')
    return value


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
        _checked_uri(uri, "List-Unsubscribe")
    if links.unsubscribe_mailto and not links.unsubscribe_mailto.startswith("mailto:"):
        raise MessageError("The address for unsubscribing by mail must start with mailto:.")
    if uris:
        yield "List-Unsubscribe: " + ", ".join(f"<{uri}>" for uri in uris)
    if links.unsubscribe_url.startswith("https://"):
        yield "List-Unsubscribe-Post: List-Unsubscribe=One-Click"


def _checked_uri(uri: str, header: str) -> str:
    if not URI.fullmatch(uri):
        raise MessageError(
            f"{uri[:80]!r} cannot stand in {header}.",
            remedy="Write the address that it is made of in plain ASCII, without spaces.",
        )
    return uri
