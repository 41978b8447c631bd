"""Mutated feeds and pages: whatever the bytes, a clean reading or a SourceError, and soon.

    python -m tests.fuzz --cases 5000            so many, from a fixed seed
    python -m tests.fuzz --seed 7 --only 1234    one case again

The corpus is our samples. A case is told by seed and number alone, so that it can be had again;
and a run is so many cases, not so many seconds, so that it finds the same on every machine.
"""

import argparse
import random
import signal
import sys
import time
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC
from pathlib import Path

from digest.articles import Article, Reading, canonical, tidy
from digest.errors import SourceError
from digest.feeds import is_feed, read_feed
from digest.pages import read_page

SAMPLES = Path(__file__).parent / "samples"
SEED = 20250402
LARGEST = 400_000  # bytes of one case
LONGEST = 20.0  # seconds of processor time for one case, on the slowest machine: most take 0.02
SLOWEST = 5  # cases that are named at the end
ZONES = ("UTC", "Asia/Kolkata", "America/New_York", "Asia/Tokyo")
TOKENS = tuple(
    token.encode()
    for token in (
        "<",
        ">",
        "&",
        ";",
        "&#0;",
        "&#x110000;",
        "&#xD800;",
        "&nbsp;",
        "&amp;amp;lt;",
        "]]>",
        "<![CDATA[",
        "<!--",
        "-->",
        "<?xml version='1.0' encoding='utf-16'?>",
        "<?xml encoding='shift_jis'?>",
        "<?",
        "?>",
        "<!DOCTYPE x [<!ENTITY a 'b'>]>",
        "&a;",
        "<item>",
        "</item>",
        "<entry>",
        "<title>",
        "</title>",
        "<link/>",
        "<rss>",
        "</rss>",
        "<feed>",
        "</feed>",
        "<urlset>",
        "<url>",
        "<html>",
        "<body>",
        "<div>",
        "</div>",
        "<p>",
        "<h1>",
        "</h1>",
        "<article>",
        "<figure><img src=x>",
        "<figcaption>",
        "<meta property='og:title' content='x'>",
        "<meta charset=utf-7>",
        "<base href='//['>",
        "<link rel=canonical href='http://[::1'>",
        "<time datetime=9>",
        "<script type='application/ld+json'>",
        "</script>",
        '{"@type":"NewsArticle"}',
        '"@graph":[',
        '{"@id":"#x"}',
        '"author":{"@id":"#x"}',
        '"image":[[[{}]]]',
        '"headline":null',
        '"datePublished":0',
        "[",
        "]",
        "{",
        "}",
        ",",
        "null",
        "1e999",
        "\\ud800",
        "---\n",
        "+++\n",
        "title: &a [*a]\n",
        "# ",
        "TRENDING\n",
        "1\n",
        "Latest News\n",
        "Updated: 99-99-9999 99:99 IST",
        "0000-00-00",
        "2025-02-30T25:61:61+99:99",
        "9" * 40,
        "(With inputs from ",
        "Read more",
        "The post ",
        " appeared first on ",
        "NEW DELHI, April 2 (X) - ",
        "。",
        "؟",
        "।",
        "\u202e",
        "\u200d",
        "\ufeff",
        "\x00",
        "\x1b",
        "é",
        "https://",
        "http://user:p@h/",
        "javascript:alert(1)",
        "//",
        "http://a:99999/",
        "?utm_source=x",
        "\t",
        "\r\n",
        " " * 50,
        "A." * 50,
        "A" * 160,
        "a-" * 80,
        "न" * 60,
        "नि" * 60 + " ",
        "ก" * 60,
        "ที่" * 40 + " 2 ",
        "م" * 60,
        "مَ" * 40 + " ",
    )
)

Change = Callable[[random.Random, bytes, list[bytes]], bytes]


class HeldUpError(BaseException):
    """A case takes longer than any may. No reader may catch it, so it is no Exception."""


def corpus() -> list[bytes]:
    """The documents that are mutated."""
    files = sorted(path for path in SAMPLES.rglob("*") if path.is_file())
    return [path.read_bytes() for path in files if path.name != "labels.json"]


def case(seed: int, number: int, documents: list[bytes]) -> bytes:
    """The document of one case: always the same for the same seed, number and corpus."""
    chance = random.Random(f"{seed}:{number}")  # noqa: S311 - to be had again, not to be secret
    data = chance.choice(documents)
    for _ in range(chance.choice((1, 1, 2, 3, 5, 9, 20))):
        data = chance.choice(CHANGES)(chance, data, documents)[:LARGEST]
    return data


def hold(data: bytes, number: int = 0) -> None:
    """Read a document as all that it could be; AssertionError where the reading isn't clean."""
    zone = ZONES[number % len(ZONES)]
    is_feed(data)
    for read in (read_feed, read_page):
        try:
            reading = read(data, source="fuzz", timezone=zone, url="https://example.org/a/b")
        except SourceError:
            continue
        # A news sitemap alone may be empty: nothing happened for two days.
        assert reading.articles or b"urlset" in data.replace(b"\0", b"")  # it may be UTF-16
        _clean(reading)


def _clean(reading: Reading) -> None:
    for article in reading.articles:
        assert article.headline
        _clean_article(article)
    for entry in reading.listed:
        assert entry.rank > 0
        assert entry.headline == tidy(entry.headline)
        assert entry.url == canonical(entry.url)


def _clean_article(article: Article) -> None:
    texts = (
        article.headline,
        article.dek,
        article.byline,
        article.section,
        article.language,
        article.attribution,
        article.image.alt,
        article.image.credit,
        *article.categories,
        *article.body.split("\n\n"),
    )
    for text in texts:
        assert text == tidy(text), text
        assert "<script" not in text.lower()
    assert len(article.dek) <= 600
    for url in (article.url, article.image.url):
        assert url == canonical(url)
    for when in (article.published, article.updated):
        assert when is None or when.tzinfo is UTC


def _cut(chance: random.Random, data: bytes, _: list[bytes]) -> bytes:
    start, end = sorted((chance.randrange(len(data) + 1), chance.randrange(len(data) + 1)))
    return data[:start] + data[end:] if chance.random() < 0.7 else data[:start]


def _flip(chance: random.Random, data: bytes, _: list[bytes]) -> bytes:
    if not data:
        return data
    made = bytearray(data)
    for _number in range(chance.choice((1, 4, 16))):
        made[chance.randrange(len(made))] = chance.randrange(256)
    return bytes(made)


def _insert(chance: random.Random, data: bytes, _: list[bytes]) -> bytes:
    at = _boundary(chance, data)
    return data[:at] + chance.choice(TOKENS) * chance.choice((1, 1, 1, 2, 30, 3000)) + data[at:]


def _splice(chance: random.Random, data: bytes, documents: list[bytes]) -> bytes:
    other = chance.choice(documents)
    start, end = sorted((_boundary(chance, other), _boundary(chance, other)))
    at = _boundary(chance, data)
    return data[:at] + other[start:end] + data[at:]


def _repeat(chance: random.Random, data: bytes, _: list[bytes]) -> bytes:
    start, end = sorted((_boundary(chance, data), _boundary(chance, data)))
    piece = data[start:end][:5_000]
    return data[:start] + piece * chance.choice((2, 3, 50)) + data[end:]


def _encode(chance: random.Random, data: bytes, _: list[bytes]) -> bytes:
    text = data.decode("utf-8", "replace")
    return text.encode(chance.choice(("utf-16", "cp1252", "shift_jis", "utf-8-sig")), "replace")


def _quote(chance: random.Random, data: bytes, _: list[bytes]) -> bytes:
    """A token in the place of what stands between two quotes."""
    quotes = [at for at, byte in enumerate(data[:100_000]) if byte in b"\"'"]
    if len(quotes) < 2:
        return data
    first = chance.randrange(len(quotes) - 1)
    return data[: quotes[first] + 1] + chance.choice(TOKENS) + data[quotes[first + 1] :]


def _boundary(chance: random.Random, data: bytes) -> int:
    """A place before a tag, a quote, a brace or a line, where a parser changes its mind."""
    at = chance.randrange(len(data) + 1)
    if chance.random() < 0.3:
        return at
    found = [place for mark in (b"<", b'"', b"{", b"\n") if (place := data.find(mark, at)) >= 0]
    return min(found, default=at)


CHANGES: tuple[Change, ...] = (
    _cut,
    _flip,
    _insert,
    _insert,
    _splice,
    _splice,
    _repeat,
    _encode,
    _quote,
)


def main() -> int:
    """Run so many cases, or one. Returns 1 where a case fails."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--cases", type=int, default=5_000)
    parser.add_argument("--seed", type=int, default=SEED)
    parser.add_argument("--only", type=int)
    chosen = parser.parse_args()
    documents = corpus()
    numbers = range(chosen.cases) if chosen.only is None else [chosen.only]
    print(f"seed {chosen.seed}, {len(documents)} documents, {len(numbers)} cases", flush=True)
    slowest: list[tuple[float, int]] = []
    for number in numbers:
        begun = time.process_time()
        try:
            with _limited(LONGEST):
                hold(case(chosen.seed, number, documents), number)
        except (Exception, HeldUpError):  # noqa: BLE001 - whatever it is, it is what was looked for
            traceback.print_exc()
            again = f"--seed {chosen.seed} --only {number}"
            print(f"case {number} fails; again: python -m tests.fuzz {again}")
            return 1
        slowest = sorted([*slowest, (time.process_time() - begun, number)], reverse=True)[:SLOWEST]
    took = ", ".join(f"{seconds:.2f} s (case {at})" for seconds, at in slowest)
    print(f"{len(numbers)} cases held; of processor time the slowest took {took}")
    return 0


@contextmanager
def _limited(seconds: float) -> Iterator[None]:
    """HeldUpError, and with it the place, where more processor time is needed than that."""

    def stop(*_: object) -> None:
        raise HeldUpError(f"a case takes more than {seconds:.0f} s of processor time")

    before = signal.signal(signal.SIGPROF, stop)
    signal.setitimer(signal.ITIMER_PROF, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
        signal.signal(signal.SIGPROF, before)


if __name__ == "__main__":
    sys.exit(main())
