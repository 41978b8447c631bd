"""How an article page is laid out: which line is the headline, the dek, the text, and who signs.

Here lives the shape of a news page as a reader sees it. Never here: tags (markup), the words of
many languages (printed), dates and articles (joining).
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from digest.articles import headline_key, is_credit, is_generated
from digest.pages.lines import Line
from digest.pages.lists import Entry, lists_of
from digest.pages.printed import (
    ATTRIBUTED,
    ATTRIBUTION,
    BEHIND_NAMES,
    CHANGED,
    DATED,
    FURNITURE,
    HEADINGS,
    PARTS,
    SIGNED,
    SIGNED_BEHIND,
    SIGNED_WITHIN,
    STAMP,
    Block,
    same,
)

# How far beneath the headline a page still prints its byline, and how long its lines may be.
STAMP_WITHIN = 15
STAMPS_BEHIND = 4  # lines behind a stamp in which another may stand
ABOVE = 4  # lines above the headline in which a day may stand
SIGNS_BEHIND = 3  # lines behind the stamp in which somebody may sign
TEXT_STAMP_WITHIN = 60  # saved text begins with the menus of its site
STAMP_AT_MOST = 120
BYLINE_AT_MOST = 80
MENU_AT_MOST = 15
HEADLINE_AT_MOST = 250
CREDIT_AT_MOST = 300


@dataclass(slots=True)
class Found:
    """What the lines of a page say, as they say it: dates are still text."""

    headline: str = ""
    dek: str = ""
    byline: str = ""
    published: str = ""
    updated: str = ""
    credit: str = ""
    attribution: str = ""
    body: list[str] = field(default_factory=list)
    dated: list[str] = field(default_factory=list)
    trending: list[Entry] = field(default_factory=list)
    opinion: list[Entry] = field(default_factory=list)
    brief: list[Entry] = field(default_factory=list)
    latest: list[Entry] = field(default_factory=list)


def read_lines(lines: list[Line], headline: str = "") -> Found:
    """What the lines of one page say. `headline` is what the page's metadata calls it, if it does.

    `headline` stays empty where none can be made out.
    """
    main = [line for line in lines if not line.aside]
    found = Found(headline=headline or _headline(main))
    start = _after_headline(main, found.headline)
    stamp = _stamp_at(main, start)
    if stamp is not None:
        _read_stamp(main[stamp].text, found)
        for line in main[stamp + 1 :][:STAMPS_BEHIND]:
            if len(line.text) <= STAMP_AT_MOST:
                _read_dates(line.text, found)
        found.dek = _dek(main[start:stamp], found)
        found.byline = found.byline or _signed(
            [*main[start:stamp], *main[stamp + 1 :][:SIGNS_BEHIND]]
        )
    else:
        _read_near(main[start : start + STAMP_WITHIN], found)
        found.dated = found.dated or _dated(main[max(0, start - 1 - ABOVE) : max(0, start - 1)])
    end = _read_story(main, start if stamp is None else stamp + 1, found)
    beside = [*main[end:], *(line for line in lines if line.aside)]
    for kind, entries in lists_of(beside, found.headline).items():
        setattr(found, kind.value, entries)
    return found


def _headline(lines: list[Line]) -> str:
    """The first line that the page repeats above its blocks, else the first that reads like one.

    Above it stand menus, of single words; beneath it the dek, which is a whole sentence.
    """
    stamp = _stamp_at(lines, 0, TEXT_STAMP_WITHIN)
    candidates = [line.text for line in lines[:stamp] if _may_be_headline(line.text)]
    before = list(_before_blocks(lines))
    for text in candidates[:STAMP_WITHIN]:
        if sum(same(other, text) for other in before) > 1:
            return text
    own = [line.text for line in lines[:stamp]]
    menu = max((n for n, text in enumerate(own) if _is_menu(text)), default=-1)
    behind = [text for text in own[menu + 1 :] if text in candidates]
    fluent = (text for text in (*behind, *candidates) if _is_fluent(text))
    return next(fluent, "") or next(iter(candidates), "")


def _is_menu(text: str) -> bool:
    return len(text) <= MENU_AT_MOST and len(text.split()) < 3


def _is_fluent(text: str) -> bool:
    words = len(text.split())
    return not text.endswith(".") and (
        words > 3 or (not text.isascii() and len(text) > MENU_AT_MOST)
    )


def _may_be_headline(text: str) -> bool:
    return (
        len(headline_key(text)) >= 6
        and len(text) <= HEADLINE_AT_MOST
        and headline_key(text) not in HEADINGS
        and not FURNITURE.search(text)
        and not STAMP.search(text)
    )


def _before_blocks(lines: list[Line]) -> Iterator[str]:
    for line in lines:
        if line.heads:
            return
        yield line.text


def _after_headline(lines: list[Line], headline: str) -> int:
    return next((i + 1 for i, line in enumerate(lines) if same(line.text, headline)), 0)


def _stamp_at(lines: list[Line], start: int, within: int = STAMP_WITHIN) -> int | None:
    near = range(start, min(len(lines), start + within))
    return next((i for i in near if STAMP.search(lines[i].text)), None)


def _read_stamp(text: str, found: Found) -> None:
    """ "Byline | Updated: … | Created: …", in any order and with or without the strokes."""
    byline = STAMP.split(text, maxsplit=1)[0]
    if DATED.search(byline):
        # "2 April 2025, 14:05 Updated: 16:40": what has no word before it is the first.
        found.published, byline = found.published or byline.strip(" |,-–—"), ""
    behind = SIGNED_BEHIND.search(text)
    found.byline = SIGNED.sub("", byline.strip(" |,-–—")).partition("|")[0].strip() or (
        behind[1].strip() if behind else ""
    )
    _read_dates(text, found)


def _read_dates(text: str, found: Found) -> None:
    _, *pairs = STAMP.split(text)
    for label, value in zip(pairs[::2], pairs[1::2], strict=True):
        when = value.partition("|")[0].strip(" ,-–—")
        if label.lower() in CHANGED:
            found.updated = found.updated or when
        else:
            found.published = found.published or when


def _read_near(lines: list[Line], found: Found) -> None:
    """A byline and a date that stand beneath the headline without any mark."""
    found.dated = _dated(lines)
    found.byline = _signed(lines)


def _dated(lines: list[Line]) -> list[str]:
    short = [line.text for line in lines if len(line.text) <= STAMP_AT_MOST and not line.caption]
    return [text for text in short if DATED.search(text)]


def _signed(lines: list[Line]) -> str:
    """Who signs on a line of their own ("By ..."), or behind the day ("... 作者：...")."""
    short = [line.text for line in lines if len(line.text) <= BYLINE_AT_MOST and not line.caption]
    for text in short:
        if SIGNED.match(text):
            return BEHIND_NAMES.sub("", PARTS.split(SIGNED.sub("", text))[0]).strip(" ,-–—")
    within = (SIGNED_WITHIN.search(text) for text in short)
    return next((found[1].strip() for found in within if found), "")


def _dek(lines: Iterable[Line], found: Found) -> str:
    texts = (line.text for line in lines if not same(line.text, found.headline))
    return next((t for t in texts if len(t) > 60 and not is_credit(t)), "")


def _read_story(lines: list[Line], start: int, found: Found) -> int:
    """Takes the text into `found`; the number of the line at which it was over."""
    for number, line in enumerate(lines[start:], start):
        if line.heads:
            # "Opinion" or "Comments" may also stand between headline and text.
            if found.body or line.heads is Block.TRENDING:
                return number
        elif ATTRIBUTION.match(line.text):
            found.attribution = line.text
            return number + 1
        else:
            _read_story_line(line, found)
    return len(lines)


def _read_story_line(line: Line, found: Found) -> None:
    text = line.text
    if (is_credit(text) or (line.caption and is_generated(text))) and len(text) <= CREDIT_AT_MOST:
        found.credit = found.credit or text
    elif line.prose and not FURNITURE.search(text) and text != found.dek:
        if ending := ATTRIBUTED.search(text[-200:]):
            found.attribution = ending[0]
            text = text.removesuffix(ending[0]).strip()
        found.body.extend([text] * (not same(text, found.headline)))
