"""Reading: the bytes of a mail, however broken -> its headers, words and machine-readable blocks.

Bounded: at most `MOST` bytes are looked at, parts nested deeper than `DEEPEST` stay words.
"""

import email
import html
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from email.header import decode_header
from email.message import Message

MOST = 1 << 20
WORDS, RETURN = 1 << 15, 1 << 17  # characters: a report says what it has to say at once
DEEPEST = 20
Block = dict[str, str]  # names of fields in lower case -> values in one line

# Where the words end and the message that came back begins.
RETURNED = re.compile(
    r"^(?:-{2,}.{0,60}(?:copy of|original message|returned message|unsent message|message header"
    r"|forwarded message|undelivered|below this line|headers|mail follows).*"
    r"|.{0,20}(?:your message reads|lines of your original message|old message:).*"
    r"|.{0,20}(?:original message follows|original message headers?"
    r"|copy of the (?:original )?message|headers of the original|message text follows"
    r"|original message header).{0,40}"
    r"|(?:Received|Return-Path|Message-ID|DKIM-Signature|X-Originating-IP):\s.*)$",
    re.IGNORECASE | re.MULTILINE,
)


@dataclass(slots=True)
class Letter:
    """A mail taken apart. `words` is what a person would read, `returned` what came back."""

    headers: Block
    words: str = ""
    returned: str = ""
    blocks: list[Block] = field(default_factory=list)
    feedback: Block | None = None
    receipt: Block | None = None  # RFC 8098: what became of it after delivery
    attached: bool = False

    def header(self, name: str) -> str:
        """A header's value in one line; "" where there is none."""
        return self.headers.get(name, "")


def read(raw: bytes) -> Letter:
    """Take a mail apart; never raises."""
    raw = raw[:MOST]
    try:
        message = parsed(raw)
        letter = Letter(_fields(message))
        _take(message, letter, 0)
    except Exception:  # noqa: BLE001 - the parser of a language's library, fed by strangers
        message = _flat(raw)
        letter = Letter(_fields(message), words=_text(raw))
    letter.words = letter.words[:RETURN]
    if not letter.returned:
        _split(letter)
    letter.words, letter.returned = letter.words[:WORDS], letter.returned[:RETURN]
    if not letter.blocks:
        letter.blocks = [block for block in _blocks(letter.words) if _is_status(block)]
    return letter


def parsed(raw: bytes) -> Message:
    """The mail as Python's parser has it; flat where it is nested so deeply that this takes long,
    for with each level the parser looks at every line once more.
    """
    return email.message_from_bytes(raw) if _is_shallow(raw) else _flat(raw)


def _is_shallow(raw: bytes) -> bool:
    nesting = len(re.findall(rb"(?i)\ncontent-type:\s*(?:multipart|message)/", raw))
    return nesting <= DEEPEST


def _flat(raw: bytes) -> Message:
    head, _, body = raw.replace(b"\r\n", b"\n").partition(b"\n\n")
    message = Message()
    for line in re.sub(r"\n[ \t]+", " ", head.decode("latin-1")).split("\n")[:200]:
        name, colon, value = line.partition(":")
        if colon and re.fullmatch(r"[!-9;-~]{1,60}", name):
            message[name] = value.strip()[:2000]
    if "Content-Type" in message:
        del message["Content-Type"]
    message.set_payload(body.decode("latin-1"))
    return message


def _take(message: Message, letter: Letter, depth: int) -> None:
    kind = message.get_content_type()
    if depth > DEEPEST:
        return
    if kind == "message/disposition-notification":
        letter.receipt = {key: value for b in _status_blocks(message) for key, value in b.items()}
    elif kind in {"message/delivery-status", "message/global-delivery-status"}:
        letter.blocks += _status_blocks(message)
    elif kind == "message/feedback-report":
        blocks = _status_blocks(message)
        letter.feedback = {key: value for block in blocks for key, value in block.items()}
    elif kind in {"message/rfc822", "message/global", "text/rfc822-headers",
                  "message/rfc822-headers", "message/partial"}:  # fmt: skip
        letter.attached = True
        if len(letter.returned) < RETURN:
            letter.returned += "\n" + _whole(message)
    elif message.is_multipart():
        for part in _parts(message):
            _take(part, letter, depth + 1)
    elif (kind.startswith("text/") or depth == 0) and len(letter.words) < RETURN:
        letter.words += "\n" + _words(message, kind)


def _parts(message: Message) -> list[Message]:
    payload = message.get_payload()
    return [p for p in payload if isinstance(p, Message)] if isinstance(payload, list) else []


def _whole(message: Message) -> str:
    inner = _parts(message)
    if inner:
        try:
            return inner[0].as_string()[:MOST]
        except (ValueError, LookupError, TypeError, AttributeError):
            return "\n".join(f"{k}: {v}" for k, v in inner[0].items())
    return _words(message, "text/plain")


def _words(message: Message, kind: str) -> str:
    payload = message.get_payload(decode=True)
    text = _text(payload if isinstance(payload, bytes) else b"", message.get_content_charset())
    return _stripped(text[: 2 * RETURN]) if kind == "text/html" else text


def _text(raw: bytes, charset: str | None = None) -> str:
    for name in (charset or "utf-8", "utf-8"):
        try:
            return raw.decode(name).replace("\r\n", "\n")
        except (LookupError, ValueError):
            continue
    return raw.decode("latin-1").replace("\r\n", "\n")


def _stripped(text: str) -> str:
    text = _seen(text)
    text = re.sub(r"(?i)<(?:br|/p|/div|/tr|/h\d|/li|/td)\b[^>]*>", "\n", text)
    # An address in brackets is no tag.
    return html.unescape(re.sub(r"<(?![^<>\s@]+@)[^>]{0,500}>", " ", text))


def _seen(text: str) -> str:
    """Without what no reader sees. In one pass: a pattern looks for each missing end to the end."""
    kept, place, endless = [], 0, set()
    for start in re.finditer(r"(?i)<(style|script|head)\b", text):
        name = start[1].lower()
        if start.start() < place or name in endless:
            continue
        end = re.compile(rf"(?i)</{name}>").search(text, start.end())
        if end is None:
            endless.add(name)
            continue
        kept.append(text[place : start.start()])
        place = end.end()
    return " ".join([*kept, text[place:]])


def _fields(message: Message) -> Block:
    found: Block = {}
    for name, value in message.items()[:500]:
        key, shown = name.lower(), _decoded(str(value)[:4000])
        found[key] = f"{found[key]}\n{shown}" if key in found else shown
    return found


def _decoded(value: str) -> str:
    flat = re.sub(r"\s*\n\s+", " ", value)
    try:
        parts = decode_header(flat)
    except Exception:  # noqa: BLE001 - broken encoded-words
        return flat
    return "".join(
        _text(part, charset) if isinstance(part, bytes) else part for part, charset in parts
    )


def _status_blocks(message: Message) -> list[Block]:
    inner = _parts(message)
    if inner:
        found = [_fields(part) for part in inner]
        # Some systems leave an empty line too many, or none; what is left over is read as words.
        rest = "\n\n".join(str(part.get_payload()) for part in inner if part.get_payload())
        return [block for block in found + list(_blocks(rest)) if block]
    return list(_blocks(_words(message, "text/plain")))


def _blocks(text: str) -> Iterator[Block]:
    for paragraph in re.split(r"\n[ \t]*\n", text):
        block: Block = {}
        for line in re.sub(r"\n[ \t]+(?=\S)", " ", paragraph).split("\n"):
            name, colon, value = line.strip().partition(":")
            if colon and re.fullmatch(r"[A-Za-z][A-Za-z-]{1,40}", name):
                block.setdefault(name.lower(), value.strip())
        if block:
            yield block


def _is_status(block: Block) -> bool:
    named = "final-recipient" in block or "original-recipient" in block
    return named and ("action" in block or "status" in block)


def _split(letter: Letter) -> None:
    found = RETURNED.search(letter.words)
    # The very first line may be such a header where the body is all that came back.
    if found and letter.words[: found.start()].strip():
        letter.returned = letter.words[found.start() :]
        letter.words = letter.words[: found.start()]
