"""Sectors: what a page says that its article is about, in its own word "Sectors".

Never here: the sectors of the whole site, which stand in the menu at its foot.
"""

import re
from itertools import takewhile

from digest.articles import headline_key
from digest.pages.lines import Line
from digest.pages.printed import Block

LABELLED = re.compile(r"^sectors?\s*[:：]\s*(\S.{0,300})$", re.IGNORECASE)
APART = re.compile(r"\s*[,،，;|·•/]\s*")
HEADINGS = {"sector", "sectors"}
# What opens the foot of a page: nothing behind it is of this article.
FOOT = {
    headline_key(text)
    for text in ("Connect us on", "Connect with us", "Connect", "Give feedback", "Editions",
                 "Other links", "Other products", "Subscribe to our newsletter")
}  # fmt: skip
AT_MOST = 8  # of one article: more is a menu
NAME_AT_MOST, WORDS_AT_MOST = 40, 5  # characters and words of one sector


def sectors_of(lines: list[Line], headline: str) -> tuple[str, ...]:
    """The article's own sectors: on a line "Sectors: ...", or beneath a heading of that name.

    They stand before the page's lists and its foot.
    """
    own = [line for line in lines if not line.aside]
    key = headline_key(headline)
    start = next((n for n, line in enumerate(own) if headline_key(line.text) == key), 0)
    for number, line in enumerate(own[start:], start + 1):
        if labelled := LABELLED.match(line.text):
            return _sectors(APART.split(labelled[1]))
        if line.heading and headline_key(line.text) in HEADINGS:
            beneath = takewhile(lambda li: not li.heads and _is_name(li.text), own[number:])
            return _sectors([li.text for li in beneath])
        if line.heads not in {None, Block.FURNITURE} or headline_key(line.text) in FOOT:
            break
    return ()


def _sectors(names: list[str]) -> tuple[str, ...]:
    named = tuple(dict.fromkeys(name.strip(" .") for name in names if name.strip(" .")))
    return named if len(named) <= AT_MOST and all(map(_is_name, named)) else ()


def _is_name(text: str) -> bool:
    return len(text) <= NAME_AT_MOST and len(text.split()) <= WORDS_AT_MOST
