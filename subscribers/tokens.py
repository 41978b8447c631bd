"""Tokens: signed links and return paths that lead back to a subscriber. Pure.

A link works from any mail ever sent, so nothing is stored and nothing expires: the token says
who and what, and an HMAC-SHA256 of 128 bits says that we wrote it. Never here: what a link does.

    link           newsletter.issue.subscriber.signature       issue, subscriber: base 36
    return path    b+subscriber.issue.signature                signature: key identifier, then MAC

A mail that is of no issue names its newsletter in the place of the issue, by `mark`.
"""

import hashlib
import hmac
import re
from base64 import b32encode
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

from subscribers.errors import BadToken

Purpose = Literal[
    "unsubscribe", "preferences", "view", "confirm", "address", "feedback", "form", "puzzle"
]
Kind = Literal["b", "u"]

SLUG = re.compile(r"[a-z0-9-]{1,32}")
# 13 digits of base 36 hold 64 bits. 4 letters name the key, 26 are the 128 bits of the MAC.
LINK = re.compile(r"([a-z0-9-]{1,32})\.([a-z0-9]{1,13})\.([a-z0-9]{1,13})\.[a-z2-7]{30}")
RETURN = re.compile(r"([bu])\+([a-z0-9]{1,13})\.([a-z0-9]{1,13})\.[a-z2-7]{30}")
MARKS = 1 << 40  # above the number of any issue
DIGITS = "0123456789abcdefghijklmnopqrstuvwxyz"


@dataclass(frozen=True, slots=True)
class Token:
    """What a link stands for. `issue` is 0 where no issue is meant.

    A confirmation ("confirm", "address") has the number of its notice there; a form ("form") and
    a puzzle ("puzzle") the second of the clock at which it was shown; a puzzle's subscriber is a
    random number.
    """

    purpose: Purpose
    newsletter: str
    issue: int
    subscriber: int


def seal(token: Token, keys: Sequence[bytes]) -> str:
    """The token as text for a URL, signed with the first key.

    Raises ValueError for a newsletter that is no slug, a negative number, or no key.
    """
    if not SLUG.fullmatch(token.newsletter):
        raise ValueError(f"{token.newsletter!r} is no slug of a newsletter")
    return _link(token, _first(keys))


def read(text: str, purpose: Purpose, keys: Sequence[bytes]) -> Token:
    """The token that this text is, if any of the keys signed it for this purpose.

    Raises BadToken, with the same words whatever is wrong: the answer must be no oracle.
    """
    match = LINK.fullmatch(text)
    if match is None:
        raise BadToken
    newsletter, issue, subscriber = match.groups()
    token = Token(purpose, newsletter, int(issue, 36), int(subscriber, 36))
    # Comparing whole texts refuses a second spelling of the same token (leading zeros) as well.
    if not _any_equal(text, (_link(token, key) for key in keys)):
        raise BadToken
    return token


def return_path(kind: Kind, issue: int, subscriber: int, keys: Sequence[bytes]) -> str:
    """The local part of an envelope sender (VERP): "b" for bounces, "u" for unsubscribing by mail.

    At most 64 characters (RFC 5321 section 4.5.3.1.1). Raises ValueError like `seal`.
    """
    return _return(kind, issue, subscriber, _first(keys))


def mark(newsletter: str) -> int:
    """The number that stands for a newsletter in a return path, whose 64 letters are too few for
    its slug; never below `MARKS`.
    """
    return MARKS + int.from_bytes(hashlib.sha256(newsletter.encode()).digest()[:5], "big")


def read_return_path(local: str, keys: Sequence[bytes]) -> tuple[Kind, int, int]:
    """Kind, issue and subscriber of a return path, whatever happened to its case on the way.

    Raises BadToken.
    """
    # Only ASCII is lowered: U+212A, the Kelvin sign, would become an honest "k".
    text = local.lower() if local.isascii() else ""
    match = RETURN.fullmatch(text)
    if match is None:
        raise BadToken
    kind: Kind = "b" if match[1] == "b" else "u"
    subscriber, issue = int(match[2], 36), int(match[3], 36)
    if not _any_equal(text, (_return(kind, issue, subscriber, key) for key in keys)):
        raise BadToken
    return kind, issue, subscriber


def _link(token: Token, key: bytes) -> str:
    body = f"{token.newsletter}.{_base36(token.issue)}.{_base36(token.subscriber)}"
    return f"{body}.{_signature(f'link {token.purpose}', body, key)}"


def _return(kind: Kind, issue: int, subscriber: int, key: bytes) -> str:
    body = f"{_base36(subscriber)}.{_base36(issue)}"
    return f"{kind}+{body}.{_signature(f'return path {kind}', body, key)}"


def _signature(domain: str, body: str, key: bytes) -> str:
    """Key identifier and MAC. `domain` keeps a signature for one use from working in another."""
    return _identifier(key) + _mac(domain, body, key)


@lru_cache(maxsize=8)
def _identifier(key: bytes) -> str:
    return _mac("key identifier", "", key)[:4]


def _mac(domain: str, body: str, key: bytes) -> str:
    digest = hmac.new(key, f"{domain}\n{body}".encode(), hashlib.sha256).digest()[:16]
    return b32encode(digest).decode().rstrip("=").lower()


def _any_equal(text: str, candidates: Iterator[str]) -> bool:
    # A sum, not any(): every key is tried, so that time does not tell which one fits.
    return sum(hmac.compare_digest(text, candidate) for candidate in candidates) > 0


def _first(keys: Sequence[bytes]) -> bytes:
    if not keys:
        raise ValueError("signing needs at least one key")
    return keys[0]


def _base36(number: int) -> str:
    if not 0 <= number < 2**63:
        raise ValueError(f"{number} is not a number of a row")
    digits = ""
    while number >= 36:
        number, digit = divmod(number, 36)
        digits = DIGITS[digit] + digits
    return DIGITS[number] + digits
