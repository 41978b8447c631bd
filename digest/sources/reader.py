"""The reader process: documents come in by a pipe, what they say goes out by another.

It is started by `reading`, knows nothing of files, networks or books, and may be killed at any
moment. What it may use of memory is bounded here; of time, by who started it.
"""

import contextlib
import os
import pickle
import re
import resource
import signal
import sys
from collections.abc import Callable
from typing import BinaryIO

from digest.articles import Reading
from digest.errors import SourceError
from digest.feeds import is_feed, read_feed
from digest.outlines import FeedLink, feed_links
from digest.pages import read_page

MOST_MEMORY = 1_000_000_000
"""Bytes of address space: a hundred times what a large feed takes."""
DEEPEST = 5000
"""Tags within each other. A feed needs ten; 200,000 cost its parser seconds, and are no feed."""
HEAD = 4
"""Bytes of the length before each request and each answer, big-endian."""
TAG = re.compile(
    rb"<!\[CDATA\[.*?(?:\]\]>|\Z)|<!--.*?(?:-->|\Z)|<(/?)[A-Za-z_][^<>]*?(/?)>", re.DOTALL
)
Request = tuple[str, bytes, dict[str, str]]
Answer = Reading | tuple[FeedLink, ...] | SourceError


def answer(request: Request) -> Answer:
    """What a document says: asked as feed, page or auto a Reading, as links its feeds."""
    manner, data, told = request
    try:
        if manner == "links":
            return feed_links(data, told["url"])
        if manner == "auto":
            manner = "feed" if is_feed(data) else "page"
        if manner == "feed" and depth(data) > DEEPEST:
            return _unreadable(told, f"its tags stand more than {DEEPEST:,} deep in each other")
        read: Callable[..., Reading] = read_feed if manner == "feed" else read_page
        return read(data, **told)
    except SourceError as error:
        return SourceError(error.what, remedy=error.remedy)
    except MemoryError:
        return _unreadable(told, "it takes too much memory")
    except Exception as error:  # noqa: BLE001 - one document must not end the others' reader
        return _unreadable(told, f"the reader failed with {type(error).__name__}")


def depth(data: bytes) -> int:
    """How many tags stand within each other at most, roughly; markup in ASCII's company only."""
    deepest = now = 0
    for tag in TAG.finditer(data):
        if tag[1]:
            now -= 1
        elif tag[1] is not None and not tag[2]:
            now += 1
            deepest = max(deepest, now)
    return deepest


def _unreadable(told: dict[str, str], why: str) -> SourceError:
    return SourceError(
        f"what {told.get('source') or told.get('url')} gave could not be read: {why}",
        remedy="open it in a browser; if it looks well there, send it to us",
    )


def serve(requests: BinaryIO, answers: BinaryIO) -> None:
    """Answer until the requests end."""
    while head := requests.read(HEAD):
        request = pickle.loads(requests.read(int.from_bytes(head, "big")))  # noqa: S301 - ours
        told = pickle.dumps(answer(request))
        answers.write(len(told).to_bytes(HEAD, "big") + told)
        answers.flush()


def main() -> None:
    """The process. What a library prints goes nowhere: the pipe carries answers alone."""
    # Ctrl-C is the parent's business: it ends the pipe.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    with contextlib.suppress(ValueError, OSError):
        resource.setrlimit(resource.RLIMIT_AS, (MOST_MEMORY, MOST_MEMORY))
    with os.fdopen(os.dup(1), "wb") as answers:
        os.dup2(2, 1)
        serve(sys.stdin.buffer, answers)
