"""Preferences: what a subscriber chose to get of a newsletter. Never who that is."""

from dataclasses import dataclass
from typing import Literal, get_args

Format = Literal["html", "text"]
Frequency = Literal["each", "weekly"]
FREQUENCIES: frozenset[Frequency] = frozenset(get_args(Frequency))


@dataclass(frozen=True, slots=True)
class Preferences:
    """Equal preferences share one edition, so this value must stay hashable.

    `sections` and `sectors` are None for everything, also for what is added later; else the
    names that were chosen. `format` is "html" (with its text part) or "text" (text alone).
    `frequency` "weekly" is the weekly edition, or the first issue of each week; "each" every issue.
    """

    sections: frozenset[str] | None = None
    format: Format = "html"
    sectors: frozenset[str] | None = None
    frequency: Frequency = "each"

    def wants(self, section: str) -> bool:
        """Whether a section of this name is to be in the reader's mail."""
        return self.sections is None or section in self.sections

    def follows(self, sectors: tuple[str, ...]) -> bool:
        """Whether a story of these sectors is to be in the mail; one of none always is."""
        return self.sectors is None or not sectors or not self.sectors.isdisjoint(sectors)


EVERYTHING = Preferences()
