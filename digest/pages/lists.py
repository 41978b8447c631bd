"""The lists beside an article: Trending, opinion, briefs, Latest; each entry once and in full."""

from collections.abc import Iterable
from dataclasses import dataclass

from digest.pages.lines import Line
from digest.pages.printed import CUT, FURNITURE, RANK, Block, same

LISTED_LINES = 200  # of one block: more is no list that anybody ranked


@dataclass(slots=True)
class Entry:
    """One entry of a list beside the article."""

    headline: str
    url: str = ""
    section: str = ""


def lists_of(lines: Iterable[Line], headline: str) -> dict[Block, list[Entry]]:
    """What stands in each list beneath or beside the text of the article with this headline."""
    groups: dict[Block, list[Line]] = {block: [] for block in Block}
    block = Block.FURNITURE
    for line in lines:
        if heads := line.heads:
            block = heads
        elif line.title and _is_section(line.text):
            block = Block.FURNITURE
        else:
            groups[block].append(line)
    del groups[Block.FURNITURE]
    return {kind: _others(kind, group, headline) for kind, group in groups.items()}


def _others(kind: Block, lines: list[Line], headline: str) -> list[Entry]:
    entries = _entries(lines[:LISTED_LINES])
    # A list of opinions may hold the page's own; a trending list says that the page is.
    keeps_own = kind is Block.TRENDING
    return [e for e in entries if keeps_own or not same(e.headline, headline)]


def _entries(lines: list[Line]) -> list[Entry]:
    """Each entry once and in full, though the page prints it twice and once cut off."""
    made: list[Entry] = []
    fresh = True
    for line in lines:
        if RANK.match(line.text):
            fresh = True
        elif FURNITURE.search(line.text):
            continue
        elif known := next((e for e in made if _one(line.text, e.headline)), None):
            known.headline = max(known.headline, line.text, key=lambda t: len(CUT.sub("", t)))
            known.url = known.url or line.url
        elif made and not fresh and _is_section(line.text):
            made[-1].section = made[-1].section or line.text
        elif line.entry and not (_is_section(line.text) and not fresh):
            made.append(Entry(line.text, line.url))
            fresh = False
    return _without_ranks(made)


def _without_ranks(entries: list[Entry]) -> list[Entry]:
    """Entries whose own text counts them ("1 First", "2 Second") without the numbers."""
    counted = [entry.headline.partition(" ") for entry in entries]
    if len(entries) > 1 and all(counted[n][0].rstrip(".)") == str(n + 1) for n in (0, 1)):
        for number, (entry, (rank, _, rest)) in enumerate(zip(entries, counted, strict=True), 1):
            entry.headline = rest if rest and rank.rstrip(".)") == str(number) else entry.headline
    return entries


def _one(line: str, headline: str) -> bool:
    return same(line, headline) or same(headline, line)


def _is_section(text: str) -> bool:
    return len(text) <= 30 and len(text.split()) <= 3
