"""The Door: what the application does for the readers' pages, and the values that they show."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from fastapi import Response

from subscribers.consent import State
from subscribers.limiting import Admission
from subscribers.preferences import EVERYTHING, Preferences
from subscribers.tokens import Purpose


@dataclass(frozen=True, slots=True)
class Page:
    """What every page shows: whose it is. `newsletter` is a title, `language` a tag like "en"."""

    newsletter: str
    publisher: str
    postal_address: str = ""
    language: str = "en"


@dataclass(frozen=True, slots=True)
class Leaving:
    """What the page says after leaving. `preferences` is a token; empty when nothing is left."""

    newsletter: str
    publisher: str
    address: str
    preferences: str = ""
    postal_address: str = ""
    language: str = "en"


@dataclass(frozen=True, slots=True)
class Standing:
    """What a page needs of one subscription. `newsletter` is the title, `address` is masked.

    `state` is None when the subscriber is gone. `sections` and `sectors` are those there are to
    choose from, `others` the publisher's newsletters that the reader does not get.
    `local`: issues come by the clock of the reader's `timezone` (IANA; "" for the newsletter's).
    `unsubscribe` is a token for the way out; empty when there is nothing to leave. `choices` is one
    for the preferences. `head` stands above the page where `newsletter` names several.
    """

    newsletter: str
    publisher: str
    address: str
    state: State | None
    sections: tuple[str, ...] = ()
    preferences: Preferences = EVERYTHING
    unsubscribe: str = ""
    postal_address: str = ""
    language: str = "en"
    sectors: tuple[str, ...] = ()
    paused_until: datetime | None = None
    others: tuple["Offered", ...] = ()
    spoken: str = ""
    choices: str = ""
    local: bool = False
    timezone: str = ""
    head: str = ""


@dataclass(frozen=True, slots=True)
class Offered:
    """A newsletter that one can join: its slug and title."""

    slug: str
    title: str


@dataclass(frozen=True, slots=True)
class Offer:
    """What the page to join shows. `stamp` is the signed time of the form."""

    newsletter: str
    publisher: str
    newsletters: tuple[Offered, ...]
    stamp: str
    postal_address: str = ""
    language: str = "en"
    url: str = ""


@dataclass(frozen=True, slots=True)
class Riddle:
    """A puzzle as a page shows it. `left` is in seconds: after them no sum need be done.

    `bits` and `rounds` say how hard the sum is (`subscribers.puzzles`).
    """

    puzzle: str
    left: int
    bits: int
    rounds: int


@dataclass(frozen=True, slots=True)
class Asked:
    """Who asks, as far as a request shows it."""

    ip: str = ""
    agent: str = ""
    language: str = ""
    wording: str = ""


class Door(Protocol):
    """What the application does for these pages. Everything raises BadToken for a foreign link."""

    def leave(self, token: str, how: str, reason: str = "", story: int | None = None) -> Leaving:
        """End the subscription. Once more is fine. `how` is "one-click" or "page"."""

    def say_why(self, token: str, reason: str) -> Leaving:
        """Keep the reason for a leaving that has been."""

    def come_back(self, token: str, frequency: str, asked: Asked) -> Standing:
        """Undo a leaving of a moment ago."""

    def leave_all(self, token: str) -> Leaving:
        """End every subscription of the reader whom a preferences link names."""

    def standing(self, token: str, purpose: Purpose) -> Standing:
        """How things are; changes nothing."""

    def choose(self, token: str, preferences: Preferences) -> Standing:
        """Keep these preferences, and say how things are then."""

    def pause(self, token: str, weeks: int) -> Standing:
        """Send nothing for so many weeks; 0 ends a pause."""

    def speak(self, token: str, language: str) -> Standing:
        """The language of the pages and notices."""

    def locate(self, token: str, timezone: str) -> Standing:
        """By whose clock mail is to come. Raises ValueError for a zone that is none."""

    def move(self, token: str, address: str, asker: Asked) -> Standing:
        """Ask a new address whether it is the reader's.

        Raises InvalidAddress, Unwanted, TooMany.
        """

    def join_more(self, token: str, newsletters: tuple[str, ...], asked: Asked) -> Standing:
        """The reader wants these as well; a mail asks them to confirm."""

    def give_feedback(self, token: str, verdict: str, comment: str) -> Standing:
        """What the reader thinks of the issue that the link names."""

    def offer(self, language: str) -> Offer:
        """What one can join."""

    def request(self, address: str, newsletters: tuple[str, ...], stamp: str, asked: Asked) -> None:
        """Somebody wants to join: a mail will ask them. Comes back at once, whoever it is."""

    def admit(self, address: str, asked: Asked, puzzle: str, answer: str) -> Admission:
        """Whether this asker may ask just now, or must solve a puzzle first. Raises Unwanted."""

    def riddle(self, old: str) -> Riddle:
        """A puzzle to solve; the old one while its wait goes on."""

    def confirm(self, token: str, asked: Asked, purpose: Purpose) -> Standing:
        """The second step. Raises BadToken for a link that is too old."""


Show = Callable[..., Response]
