"""The visible lines of an article page, the same for markup and for saved text.

Never here: how markup becomes lines (markup), what the lines say (layout).
"""

from dataclasses import dataclass
from itertools import islice

from digest.articles import headline_key, plain
from digest.pages.printed import HEADINGS, Block

LINES = 8_000  # of one page
LINE_AT_MOST = 10_000  # characters


@dataclass(frozen=True, slots=True)
class Line:
    """One visible line. `url` is where it leads; saved text knows nothing of the other marks.

    `aside`: outside the main column. `prose`: may be part of the text. `caption`: stands at a
    picture. `entry`: may be an entry of a list. `heading`: may head a block (a link of a menu
    can't). `title`: certainly heads one.
    """

    text: str
    url: str = ""
    aside: bool = False
    prose: bool = True
    caption: bool = False
    entry: bool = True
    heading: bool = True
    title: bool = False

    @property
    def heads(self) -> Block | None:
        """The block that this line is the heading of."""
        return HEADINGS.get(headline_key(self.text)) if self.heading else None


def text_lines(text: str) -> list[Line]:
    """The lines of a page that was saved as text; empty ones are left out."""
    lines = (plain(line[:LINE_AT_MOST]) for line in islice(text.splitlines(), LINES))
    return [Line(line) for line in lines if line]
