"""Preferences: what a subscriber chose to get of a newsletter. Never who that is."""

from dataclasses import dataclass
from typing import Literal

Format = Literal["html", "text"]


@dataclass(frozen=True, slots=True)
class Preferences:
    """Equal preferences share one edition, so this value must stay hashable.

    `sections` is None for everything, also for sections that are added later; else the names
    that were chosen. `format` is "html" (with its text part) or "text" (text alone).
    """

    sections: frozenset[str] | None = None
    format: Format = "html"

    def wants(self, section: str) -> bool:
        """Whether a section of this name is to be in the reader's mail."""
        return self.sections is None or section in self.sections


EVERYTHING = Preferences()
