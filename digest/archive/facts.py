"""What a selection goes by, beside its candidates, gathered in one look at the archive."""

from dataclasses import dataclass
from datetime import datetime

from sqlmodel import Session

from digest.archive.collected import listed
from digest.archive.decided import decisions
from digest.archive.issues import REMEMBERED, carried, next_number
from digest.archive.outlines import meant, stories_of
from digest.articles import Listed
from digest.selection import Carried, Decision


@dataclass(frozen=True, slots=True)
class Facts:
    """Decisions, lists, and what earlier issues carried.

    `named`: the articles that decisions or lists name, with the numbers of their stories.
    """

    decisions: list[Decision]
    listed: list[Listed]
    carried: list[Carried]
    named: dict[str, int]

    @property
    def sent(self) -> set[int]:
        """The numbers of the stories that stand in no new issue: no editor has said a word."""
        return {earlier.story for earlier in self.carried} - {0, *self.named.values()}


def facts(session: Session, newsletter: str, since: datetime) -> Facts:
    """Of the next issue of a newsletter, whose window begins at `since`."""
    decided = decisions(session, newsletter, next_number(session, newsletter))
    lists = listed(session, since)
    named = meant(session, lists)
    pinned = [decision.fingerprint for decision in decided if decision.held]
    # Decisions are kept for good; those about what is long over are not looked at again.
    others = [decision.fingerprint for decision in decided if not decision.held]
    named |= stories_of(session, pinned) | stories_of(session, others, since - REMEMBERED)
    return Facts(decided, lists, list(carried(session, newsletter, since)), named)
