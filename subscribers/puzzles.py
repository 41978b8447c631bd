"""Puzzles: a small sum for the asker's browser, or a minute's wait, where many ask. Pure.

Proof of work in the manner of ALTCHA's second protocol, without its parts: find the number whose
derived key (PBKDF2, RFC 8018, which every browser has in machine code) begins with zeros. Who
runs no script waits instead. A puzzle is a signed token, so nothing is kept of it until it is
used. Never here: when one is asked for (limiting), and that it is used once (roster).
"""

import hashlib
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Literal

from subscribers import tokens
from subscribers.errors import BadToken
from subscribers.tokens import Token

# On average 2**BITS tries of ROUNDS each: under a second of a desk's browser, a few of a phone's.
BITS, ROUNDS = 8, 4000
WAIT = timedelta(seconds=60)  # for who runs no script
OPEN = timedelta(minutes=15)

Solved = Literal["worked", "waited", ""]


def make(number: int, keys: Sequence[bytes], now: datetime) -> str:
    """A puzzle as text for a form. `number` is random, below 2**63, and makes it one of a kind."""
    return tokens.seal(Token("puzzle", "puzzle", int(now.timestamp()), number), keys)


def solved(puzzle: str, answer: str, keys: Sequence[bytes], now: datetime) -> Solved:
    """By what somebody earned their turn: a right answer, or waiting; "" for neither."""
    try:
        shown = ends(puzzle, keys) - OPEN
    except BadToken:
        return ""
    if not shown <= now <= shown + OPEN:
        return ""
    if answer.isascii() and answer.isdigit() and len(answer) < 10 and _fits(puzzle, answer):
        return "worked"
    return "waited" if now - shown >= WAIT else ""


def ends(puzzle: str, keys: Sequence[bytes]) -> datetime:
    """When a puzzle is too old (UTC). Raises BadToken for one that is not ours."""
    second = tokens.read(puzzle, "puzzle", keys).issue
    try:
        return datetime.fromtimestamp(second, UTC) + OPEN
    except (ValueError, OverflowError, OSError):
        raise BadToken from None


def left(puzzle: str, keys: Sequence[bytes], now: datetime) -> int:
    """How many seconds of the wait are left."""
    shown = ends(puzzle, keys) - OPEN
    return max(0, round((shown + WAIT - now).total_seconds()))


def _fits(puzzle: str, answer: str) -> bool:
    made = hashlib.pbkdf2_hmac("sha256", answer.encode(), puzzle.encode(), ROUNDS, 4)
    return int.from_bytes(made) >> (32 - BITS) == 0
