"""What the rules look at, what they find, and the table of them. Never here: a rule."""

import email
import email.policy
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Literal

from lxml import html as lxml_html

from digest.edition import Issue
from digest.rendering import SENTINEL, Rendering

Severity = Literal["error", "warning"]
Says = Iterator[tuple[str, str, str]]


@dataclass(frozen=True, slots=True)
class Finding:
    """What a rule found: `where`, `what` in one sentence for the editor, `remedy` what to do."""

    rule: str
    severity: Severity
    where: str
    what: str
    remedy: str


@dataclass(frozen=True, slots=True)
class Sender:
    """Who sends, as the settings say. `problem` tells why no message could be made at all."""

    base_url: str
    from_: str = ""
    envelope_domain: str = ""
    dkim_domain: str = ""
    dkim_bits: int = 0
    problem: str = ""
    remedy: str = ""


@dataclass(frozen=True)
class Case:
    """What the rules look at; see `examine`."""

    issue: Issue
    rendering: Rendering
    sender: Sender
    data: bytes = b""

    @cached_property
    def tree(self) -> lxml_html.HtmlElement | None:
        """The HTML part, parsed; None where the mail is text alone."""
        markup = self.rendering.html
        return lxml_html.document_fromstring(markup) if markup.strip() else None

    @cached_property
    def elements(self) -> list[lxml_html.HtmlElement]:
        """All elements of the HTML part, in the order of the document."""
        if self.tree is None:
            return []
        return [node for node in self.tree.iter() if isinstance(node.tag, str)]

    def named(self, *names: str) -> list[lxml_html.HtmlElement]:
        """The elements of these names."""
        return [node for node in self.elements if node.tag in names]

    @cached_property
    def anchors(self) -> list[tuple[str, lxml_html.HtmlElement]]:
        """Every link of the HTML part but the reader's own: address and element."""
        found = [(str(node.get("href", "")), node) for node in self.named("a")]
        return [(url, node) for url, node in found if not SENTINEL.search(url)]

    @cached_property
    def shown(self) -> str:
        """What one reads of the HTML part, the preheader's filler without."""
        body = self.named("body")
        shown = body[0].text_content() if body else ""
        return SENTINEL.sub(" ", re.sub("[\u2007\u034f\u00ad\u200b-\u200d\ufeff]", "", shown))

    @cached_property
    def wording(self) -> str:
        """Everything a reader reads, and the markup around it without the style sheets."""
        markup = re.sub(r"(?s)<style.*?</style>", "", self.rendering.html)
        shown = self.rendering
        return "\n".join([shown.subject, shown.preheader, shown.text, markup])

    @cached_property
    def html_size(self) -> int:
        """Bytes of the HTML part as it is received, the reader's links filled in."""
        if not self.data:
            return len(self.rendering.html.encode())
        mail = email.message_from_bytes(self.data, policy=email.policy.compat32)
        parts = [part for part in mail.walk() if part.get_content_type() == "text/html"]
        return sum(len(part.get_payload(decode=True) or b"") for part in parts)

    @cached_property
    def header_lines(self) -> list[str]:
        """The physical lines of the message's header."""
        head = self.data.partition(b"\r\n\r\n")[0].decode("ascii", "replace")
        return head.split("\r\n") if head else []

    def header(self, name: str) -> str | None:
        """A header's value, unfolded; None where the message has none."""
        lines = "\r\n".join(self.header_lines)
        found = re.search(rf"(?im)^{re.escape(name)}:((?:[^\r]|\r\n[ \t])*)", lines)
        return " ".join(found[1].split()) if found else None


def tag(node: lxml_html.HtmlElement) -> str:
    """The element's name."""
    return str(node.tag)


Look = Callable[[Case], Says]


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule: `look` yields (where, what, remedy) for each thing it finds; `why` explains it."""

    name: str
    severity: Severity
    look: Look

    @property
    def why(self) -> str:
        """One sentence for docs/preflight.md."""
        return " ".join((self.look.__doc__ or "").split())


RULES: list[Rule] = []


def rule(name: str, severity: Severity) -> Callable[[Look], Look]:
    """Enter the function in the table under this name, which never changes again."""

    def enter(look: Look) -> Look:
        RULES.append(Rule(name, severity, look))
        return look

    return enter
