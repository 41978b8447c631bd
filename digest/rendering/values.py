"""Rendering and Reader: what is made of an edition, and what differs between its readers."""

import re
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Reader:
    """What is filled in for one reader: absolute URLs, and since when ("4 January 2026")."""

    unsubscribe_url: str
    preferences_url: str
    view_url: str
    since: str
    feedback_url: str = ""


@dataclass(frozen=True, slots=True)
class Rendering:
    """One edition as it will be mailed. `html` is "" for readers who chose text."""

    subject: str
    preheader: str
    html: str
    text: str


# Opaque to the inliner: braces or percent signs would be changed inside an href.
PLACES = Reader(
    unsubscribe_url="https://t.invalid/zqunsubscribeqz",
    preferences_url="https://t.invalid/zqpreferencesqz",
    view_url="https://t.invalid/zqviewqz",
    since="zqsinceqz",
    feedback_url="https://t.invalid/zqfeedbackqz",
)
SENTINEL = re.compile(
    r"((?:https://t\.invalid/)?zq(?:unsubscribe|preferences|view|since|feedback)qz)"
)
"""A place in an unfilled rendering where something of the reader's goes."""
