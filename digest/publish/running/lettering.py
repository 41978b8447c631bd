"""A notice -> the parts of its mail: plain text, and a page in the house's manner beside it.

Never here: what is said (schedule), whom it goes to.
"""

import hashlib
import logging
from email.message import EmailMessage

from digest import rendering
from digest.errors import TemplateError
from digest.messages import quoted
from digest.publish.opening import House
from digest.rendering import sandbox
from digest.schedule import Notice, blocks, foot, headline, words

_LOG = logging.getLogger(__name__)


def fill_in(mail: EmailMessage, house: House, notice: Notice, language: str = "en") -> None:
    """Put the text and the page into `mail`: equal notices give equal bytes.

    A publisher's own template may be wrong: then the text goes alone, for an editor is waiting.
    """
    text = words(notice)[1]
    try:
        markup = page(house, notice, language)
    except TemplateError as error:
        _LOG.warning("a notice goes as text alone: %s", error.what)
        return _write(mail, text, "plain")
    mark = hashlib.sha256(f"{text}{markup}".encode()).hexdigest()[:40]
    # "=_" cannot occur in quoted-printable, so no part can contain the boundary.
    mail["MIME-Version"] = "1.0"
    mail.add_header("Content-Type", "multipart/alternative", boundary=f"=_{mark}")
    mail.set_payload([_part(text, "plain"), _part(markup, "html")])
    return None


def page(house: House, notice: Notice, language: str = "en") -> str:
    """The notice as HTML, its CSS inlined. Raises TemplateError."""
    seen = {
        "language": language,
        "title": notice.title,
        "headline": headline(notice),
        "blocks": blocks(notice),
        "foot": foot(notice),
    }
    return rendering.inlined(sandbox.rendered("notice.html.jinja", house.templates, seen))


def _part(text: str, subtype: str) -> EmailMessage:
    part = EmailMessage()
    _write(part, text, subtype)
    del part["MIME-Version"]
    return part


def _write(mail: EmailMessage, text: str, subtype: str) -> None:
    mail.set_content("", subtype=subtype, cte="quoted-printable")
    # By the email package a line could begin with a dot, and delivery sends what it gets.
    mail.set_payload(quoted.segment(text.rstrip("\n") + "\n").decode("ascii"))
