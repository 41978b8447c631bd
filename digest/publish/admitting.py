"""Who may ask to join just now, and what it costs: limits -> roster's tallies."""

from datetime import datetime

from digest.publish.opening import Clock, House
from subscribers import limiting, puzzles, roster
from subscribers.limiting import Admission, hidden, window
from subscribers.puzzles import Solved
from subscribers.roster import Session

MOST = 100_000  # names that are remembered as full: a flood costs the database nothing


def sign_ups(session: Session, house: House, now: datetime) -> int:
    """How many were let in during this hour of the clock (UTC): by the form, and to move."""
    name = hidden("everybody", "", house.settings.keys)
    return roster.tallied(session, "everybody", name, window("everybody", now))


class Gate:
    """Lets in who asks to join. The counts are the roster's, so that all processes share them.

    What it does is the same for every mail address of a domain: no answer, and no time that it
    takes, tells who is subscribed.
    """

    def __init__(self, house: House, clock: Clock) -> None:
        self._house, self._clock = house, clock
        self._full: dict[str, datetime] = {}

    def admit(self, domain: str, ip: str, puzzle: str, answer: str) -> Admission:
        """Whether somebody from there may ask for an address of this domain."""
        now, keys = self._clock(), self._house.settings.keys
        solved = puzzles.solved(puzzle, answer, keys, now) if puzzle else ""
        names = {"network": limiting.network(ip), "domain": domain, "everybody": "", "waited": ""}
        names = {rule: hidden(rule, name, keys) for rule, name in names.items()}
        if not solved and self._full.get(names["network"], now) > now:
            return "no"
        with self._house.database.writing() as session:
            return self._counted(session, names, puzzle, solved, now)

    def _counted(
        self, session: Session, names: dict[str, str], puzzle: str, solved: Solved, now: datetime
    ) -> Admission:
        if solved and not self._is_unused(session, puzzle, now):
            solved = ""
        # Who solved a puzzle was counted when it was given out.
        own = "network" if not solved else "waited" if solved == "waited" else ""
        counts = {own: self._tally(session, own, names[own], now)} if own else {}
        shared = ("domain", "everybody")
        for rule in shared:
            until = window(rule, now)
            counts[rule] = roster.tallied(session, rule, names[rule], until) + 1
        verdict = limiting.admission(counts, solved)
        if verdict == "yes":
            for rule in shared:
                self._tally(session, rule, names[rule], now)
        if own == "network" and limiting.is_over(own, counts[own]):
            self._remember(names[own], window(own, now), now)
        return verdict

    def _tally(self, session: Session, rule: str, name: str, now: datetime) -> int:
        return roster.tally(session, rule, name, window(rule, now), now)

    def _is_unused(self, session: Session, puzzle: str, now: datetime) -> bool:
        keys = self._house.settings.keys
        name, until = hidden("puzzle", puzzle, keys), puzzles.ends(puzzle, keys)
        return roster.tally(session, "puzzle", name, until, now) == 1

    def _remember(self, name: str, until: datetime, now: datetime) -> None:
        if len(self._full) >= MOST:
            self._full = {known: end for known, end in self._full.items() if end > now}
        if len(self._full) < MOST:
            self._full[name] = until
