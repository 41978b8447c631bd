"""How the mail is looked at: by whose eyes, at which width, as what. Said by the page's address.

Never here: what is in the mail.
"""

import re
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import urlencode

from starlette.datastructures import QueryParams

from subscribers.preferences import EVERYTHING, Preferences

# The name in the address, and on the button; the keys 1 to 8 lead there.
VIEWS = (
    ("both", "Phone + desktop"),
    ("phone", "Phone"),
    ("desktop", "Desktop"),
    ("dark", "Dark"),
    ("plain", "Images off"),
    ("text", "Text"),
    ("source", "Source"),
    ("headers", "Headers"),
)
FRAMED = {"both", "phone", "desktop", "dark", "plain"}
_DARK, _LIGHT = "(prefers-color-scheme: dark)", "(prefers-color-scheme: light)"
_ALWAYS, _NEVER = "(min-width: 0)", "(max-width: 0)"


@dataclass(frozen=True, slots=True)
class View:
    """One way to look. `reader` is the address of a subscriber; else `sections` and `format`, and
    whether it is the half of the readers with the `second` subject.
    """

    name: str = "both"
    reader: str = ""
    sections: tuple[str, ...] = ()
    format: str = "html"
    second: bool = False

    @property
    def preferences(self) -> Preferences:
        """What a reader chose who is seen so."""
        wanted = frozenset(self.sections) if self.sections else None
        if self.format == "text":
            return Preferences(wanted, "text")
        return Preferences(wanted) if wanted else EVERYTHING

    @property
    def told(self) -> str:
        """Whose eyes these are, in words."""
        if self.reader:
            return self.reader
        who = " and ".join(self.sections) if self.sections else "everything"
        half = ", second subject" if self.second else ""
        return f"a reader of {who}" + (", as text" if self.format == "text" else "") + half

    @property
    def is_framed(self) -> bool:
        """Whether the mail's HTML is shown, in a frame."""
        return self.name in FRAMED and (self.format != "text" or bool(self.reader))

    def query(self, **change: Any) -> str:
        """The view, changed, as the end of an address."""
        other = replace(self, **change)
        said = [("view", other.name)] * (other.name != "both")
        said += [("reader", other.reader)] * bool(other.reader)
        said += [("section", name) for name in other.sections]
        said += [("format", other.format)] * (other.format != "html")
        said += [("subject", "second")] * other.second
        return f"?{urlencode(said)}" if said else "?"


def view_of(query: QueryParams) -> View:
    """The view that an address asks for; what it does not know, it leaves out."""
    name = query.get("view", "both")
    return View(
        name if name in dict(VIEWS) else "both",
        query.get("reader", "").strip()[:300],
        tuple(dict.fromkeys(one[:100] for one in query.getlist("section")[:50])),
        "text" if query.get("format") == "text" else "html",
        query.get("subject") == "second",
    )


def framed(markup: str, *, dark: bool) -> str:
    """The mail's HTML as a device of this scheme shows it, its links leading out of the frame.

    A frame has the scheme of the whole browser, so the question for it is answered beforehand.
    """
    scheme = "dark" if dark else "light"
    markup = re.sub(r"\(prefers-color-scheme:\s*dark\)", _ALWAYS if dark else _NEVER, markup)
    markup = re.sub(r"\(prefers-color-scheme:\s*light\)", _NEVER if dark else _ALWAYS, markup)
    markup = re.sub(
        r'(color-scheme"? ?(?:s"? )?(?:content="|: ?))light dark', rf"\1{scheme}", markup
    )
    return re.sub(r"(<head[^>]*>)", r'\1<base target="_blank">', markup, count=1)
