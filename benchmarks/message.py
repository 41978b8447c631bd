"""Messages a second on one core: ours beside the standard library's email package and dkimpy.

    .venv-test/bin/python benchmarks/message.py

All are measured in the same run, by turns, on one message of about 40 kB for ever new readers;
CPU seconds are counted, so that a busy machine does not matter. Prints a table with ratios, and
saves it with a chart in benchmarks/results/. Then a hundred thousand readers' messages are made
to see whether memory grows.
"""

import html
import os
import platform
import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.message import EmailMessage
from email.policy import SMTP
from pathlib import Path

import dkim as dkimpy

from digest.articles import Article
from digest.dkim import generate, load, signed
from digest.edition import Issue, Publisher, cut
from digest.messages import Blank, Letterhead, Links
from digest.rendering import Reader, Rendering, environment, fill, render
from digest.selection import Section, Story
from subscribers import tokens
from subscribers.preferences import EVERYTHING
from subscribers.tokens import Token

ROOT = Path(__file__).parents[1]
RESULTS = Path(__file__).parent / "results"
ROUNDS, SECONDS = 7, 0.4
READERS = 100_000
AT = datetime(2026, 3, 30, 1, 30, tzinfo=UTC)
BASE, DOMAIN = "https://mail.news.example.org", "news.example.org"
KEYS = (b"a-secret-that-only-benchmarks-know",)
LETTERHEAD = Letterhead(
    f"The Week <weekly@{DOMAIN}>",
    list_id=f"weekly.{DOMAIN}",
    title="The Week",
    help_uri=f"mailto:help@{DOMAIN}",
    feedback_id="weekly.12:weekly:newsletter:newsexample",
    precedence="bulk",
)
DEK = (
    "Four governments agreed on ships, money and a command; what each may refuse is still open. "
    "A draft leaves the last word with parliaments, and the harbours wait."
)


@dataclass(frozen=True)
class Row:
    """One way to make a message, and how many of them a CPU second gave in each round."""

    name: str
    rates: list[float]

    @property
    def median(self) -> float:
        """Messages a second."""
        return statistics.median(self.rates)


def rendering_of(stories: int) -> Rendering:
    """An issue of so many stories, as the house's own templates show it."""
    made = tuple(
        Story(
            Article(
                f"Harbour states sketch a joint patrol, number {number}, and a way to leave it",
                url=f"https://www.example.org/article/global/{3412100 + number}-harbour-states",
                dek=DEK,
                byline="World desk",
                published=AT - timedelta(hours=number),
            )
        )
        for number in range(stories)
    )
    publisher = Publisher("Example Times", "12 Example Road, New Delhi 110001, India")
    sections = (Section("Global", made[: stories // 2]), Section("Opinion", made[stories // 2 :]))
    issue = Issue("weekly", "The Week", 12, AT, "Asia/Kolkata", "en", publisher, sections)
    edition = cut(issue, EVERYTHING)
    assert edition is not None
    return render(edition, environment(ROOT / "templates"))


def reader_of(number: int) -> tuple[Reader, Links]:
    """A reader's links, signed as they are in a real send."""
    url, choose, look = (
        f"{BASE}/{path}/{tokens.seal(Token(purpose, 'weekly', 12, number), KEYS)}"
        for path, purpose in PATHS
    )
    leave = tokens.return_path("u", 12, number, KEYS)
    return Reader(url, choose, look, "4 January 2026"), Links(url, f"mailto:{leave}@{DOMAIN}")


PATHS: tuple[tuple[str, tokens.Purpose], ...] = (
    ("u", "unsubscribe"), ("p", "preferences"), ("v", "view"),
)  # fmt: skip
SOME = [reader_of(number) for number in range(500)]


def ours(blank: Blank, number: int, reader: tuple[Reader, Links] | None = None) -> bytes:
    """The message for one reader, unsigned."""
    values, links = reader or SOME[number % len(SOME)]
    return blank.fill(
        values,
        links,
        to=f"reader{number}@inbox.example",
        envelope_sender=f"b+{number}@bounce.{DOMAIN}",
        message_id=f"<weekly.{number}@{DOMAIN}>",
        date=AT,
    ).data


def theirs(rendering: Rendering, number: int) -> bytes:
    """The same with the standard library: fill, EmailMessage, quoted-printable, as_bytes."""
    values, links = SOME[number % len(SOME)]
    filled = fill(rendering, values)
    mail = EmailMessage(policy=SMTP)
    mail["From"], mail["To"] = LETTERHEAD.from_, f"reader{number}@inbox.example"
    mail["Subject"], mail["Date"] = filled.subject, AT
    mail["Message-ID"] = f"<weekly.{number}@{DOMAIN}>"
    mail["List-Id"] = f'"The Week" <{LETTERHEAD.list_id}>'
    mail["List-Unsubscribe"] = f"<{links.unsubscribe_url}>, <{links.unsubscribe_mailto}>"
    mail["List-Unsubscribe-Post"] = "List-Unsubscribe=One-Click"
    mail.set_content(filled.text, cte="quoted-printable")
    mail.add_alternative(filled.html, subtype="html", cte="quoted-printable")
    return mail.as_bytes()


def measure(ways: dict[str, Callable[[int], object]]) -> list[Row]:
    """Each way by turns for some CPU time, several rounds over."""
    rates: dict[str, list[float]] = {name: [] for name in ways}
    for way in ways.values():
        way(0)
    for _ in range(ROUNDS):
        for name, way in ways.items():
            done, start = 0, time.process_time()
            while (spent := time.process_time() - start) < SECONDS:
                for _ in range(5):
                    way(done)
                    done += 1
            rates[name].append(done / spent)
    return [Row(name, found) for name, found in rates.items()]


def megabytes() -> float:
    """What this process holds in memory now."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 1e6


def memory(make: Callable[[int], object]) -> list[tuple[int, float]]:
    """Megabytes after so many readers, each with links of their own."""
    seen = []
    for number in range(READERS + 1):
        make(number)
        if number in {1_000, 10_000, READERS // 2, READERS}:
            seen.append((number, megabytes()))
    return seen


def table(rows: list[Row], size: int, held: list[tuple[int, float]]) -> str:
    """The results as Markdown."""
    by_name = {row.name: row for row in rows}
    machine = f"Python {platform.python_version()}, {platform.machine()}"
    lines = [
        "# Messages a second on one core",
        "",
        f"A message of {size:,} bytes, {ROUNDS} rounds by turns, CPU time. {machine}.",
        "",
        "| way | messages a second (median) | min to max | against its peer |",
        "|---|---:|---:|---:|",
    ]
    for row in rows:
        peer = by_name["email package" if "unsigned" in row.name else "email package and dkimpy"]
        ratio = "" if row is peer or "email" in row.name else f"{row.median / peer.median:,.0f}×"
        span = f"{min(row.rates):,.0f} to {max(row.rates):,.0f}"
        lines.append(f"| {row.name} | {row.median:,.0f} | {span} | {ratio} |")
    lines += ["", f"Memory over {READERS:,} readers, signed, every link new:", ""]
    lines += ["| readers | MB |", "|---:|---:|"]
    lines += [f"| {number:,} | {held_then:.0f} |" for number, held_then in held]
    return "\n".join(lines) + "\n"


def chart(rows: list[Row]) -> str:
    """The medians as bars on a logarithmic scale, in SVG."""
    import math

    longest = math.log10(max(row.median for row in rows))
    bars = []
    for at, row in enumerate(rows):
        y, width = 20 + at * 34, 420 * math.log10(row.median) / longest
        colour = "#8a8f98" if "email" in row.name else "#a3281f"
        bars += [
            f'<text x="230" y="{y + 15}" text-anchor="end">{html.escape(row.name)}</text>',
            f'<rect x="240" y="{y}" width="{width:.0f}" height="22" fill="{colour}"/>',
            f'<text x="{245 + width:.0f}" y="{y + 15}">{row.median:,.0f}</text>',
        ]
    height = 40 + len(rows) * 34
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="740" height="{height}" '
        f'font-family="sans-serif" font-size="13"><rect width="740" height="{height}" '
        f'fill="#ffffff"/>{"".join(bars)}<text x="240" y="{height - 8}" font-size="11">'
        "messages a second on one core, logarithmic scale</text></svg>\n"
    )


def main() -> None:
    """Measure, print, save."""
    rendering = rendering_of(25)
    blank = Blank(rendering, LETTERHEAD)
    rsa = load(generate("rsa"), domain=DOMAIN, selector="s1")
    ed25519 = load(generate("ed25519"), domain=DOMAIN, selector="s2")
    pem = generate("rsa")
    include = [b"from", b"to", b"subject", b"date", b"list-unsubscribe", b"list-unsubscribe-post"]

    def dkimpy_signed(number: int) -> bytes:
        data = theirs(rendering, number)
        head: bytes = dkimpy.sign(data, b"s1", DOMAIN.encode(), pem, include_headers=include)
        return head + data

    def fresh(number: int) -> bytes:
        return ours(blank, number, reader_of(number))

    def whole(number: int) -> bytes:
        return signed(fresh(number), [rsa], AT)

    rows = measure(
        {
            "ours, unsigned": lambda number: ours(blank, number),
            "ours, unsigned, links made anew": lambda number: ours(
                blank, number, reader_of(number)
            ),
            "email package": lambda number: theirs(rendering, number),
            "ours, RSA-2048": lambda number: signed(ours(blank, number), [rsa], AT),
            "ours, RSA-2048, links made anew": whole,
            "ours, Ed25519": lambda number: signed(ours(blank, number), [ed25519], AT),
            "ours, both": lambda number: signed(ours(blank, number), [rsa, ed25519], AT),
            "email package and dkimpy": dkimpy_signed,
        }
    )
    held = memory(lambda number: signed(fresh(number), [ed25519], AT))
    found = table(rows, len(ours(blank, 1)), held)
    print(found)
    RESULTS.mkdir(exist_ok=True)
    (RESULTS / "message.md").write_text(found, "utf-8")
    (RESULTS / "message.svg").write_text(chart(rows), "utf-8")


if __name__ == "__main__":
    main()
