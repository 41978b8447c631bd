"""Identity: whose mail a report is about. Only what we signed counts; an address can be forged.

The return path (VERP) of the mail that came back, its Message-ID, and the links in it carry
tokens; systems between rewrite them (case, `prvs=`, SRS, quoted-printable), so they are looked
for anywhere, and each candidate's signature is checked.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from subscribers import tokens
from subscribers.errors import BadToken

PATH = re.compile(
    r"(?<![a-z0-9])([bu])[+.]([a-z0-9]{1,13})\.([a-z0-9]{1,13})\.([a-z2-7]{30})(?![a-z2-7])",
    re.IGNORECASE | re.ASCII,
)
LINK = re.compile(
    r"/[up]/([a-z0-9-]{1,32}\.[a-z0-9]{1,13}\.[a-z0-9]{1,13}\.[a-z2-7]{30})(?![a-z2-7])", re.ASCII
)
# Links that end a subscription themselves. Not those that a reader may pass on, to view the issue:
# whoever was shown one could have its reader suppressed by a report that they wrote themselves.
PURPOSES: tuple[tokens.Purpose, ...] = ("unsubscribe", "preferences")
MOST = 50  # candidates: a report has a handful, a flood of them is somebody's attempt


@dataclass(frozen=True, slots=True)
class About:
    """The subscriber's number and the archive's number of the issue.

    Where it is of no issue, that is 0, and `mark` may name the newsletter (`tokens.mark`).
    """

    subscriber: int
    issue: int
    # Not in its words: reports of before that name nobody's mark are told apart by them.
    mark: int = field(default=0, repr=False)


def addressed(text: str, keys: Sequence[bytes]) -> tuple[str, About] | None:
    """The kind ("b" or "u") and identity of a signed return path in these words."""
    for kind, about in _paths(text, keys):
        return kind, about
    return None


def identify(text: str, keys: Sequence[bytes]) -> About | None:
    """Whose mail these words are about, by anything in them that we signed."""
    whole = re.sub(r"=\r?\n|\r?\n[ \t]+(?=[a-z2-7]*@)", "", text)
    whole = whole.replace("=2B", "+").replace("=2b", "+").replace("=3D", "=").replace("%2B", "+")
    for _, about in _paths(whole, keys):
        return about
    for candidate in _first(LINK.finditer(whole)):
        for purpose in PURPOSES:
            try:
                found = tokens.read(candidate[1], purpose, keys)
            except BadToken:
                continue
            return About(found.subscriber, found.issue)
    return None


def _paths(text: str, keys: Sequence[bytes]) -> Iterator[tuple[str, About]]:
    for candidate in _first(PATH.finditer(text)):
        first, whose, of, mac = candidate.groups()
        try:
            found = tokens.read_return_path(f"{first}+{whose}.{of}.{mac}", keys)
        except BadToken:
            continue
        kind, number, subscriber = found
        is_mark = number >= tokens.MARKS
        yield kind, About(subscriber, 0, number) if is_mark else About(subscriber, number)


def _first(found: Iterator[re.Match[str]]) -> Iterator[re.Match[str]]:
    for _, match in zip(range(MOST), found, strict=False):
        yield match
