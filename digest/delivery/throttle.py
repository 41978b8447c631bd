"""How many connections a relay stands, and when it is to be left alone. Pure.

Postfix's feedback (SCHEDULER_README): each message taken adds 1/N to the N connections allowed,
each fault of the relay takes one away; where a cohort of faults comes and nothing works, the
breaker opens. One fault that lasts (a wrong password) is enough; where it came when a recipient had
been named, a second one in a row must hear it, too. Never here: a connection.
"""

import math

from digest.outcomes import RelayFault

COHORT = 3


class Throttle:
    """`fault` is why the breaker is open, None while it is closed."""

    def __init__(self, most: int, *, trying: bool = False) -> None:
        """`trying` a relay whose breaker is open: one connection, and the first fault counts."""
        self.fault: RelayFault | None = None
        self.in_a_row = 0
        self._named = 0  # those in a row, of the last, that were said of one recipient
        self._most, self._allowed = most, 1.0 if trying else float(most)
        self._cohort = 1 if trying else COHORT

    @property
    def allowed(self) -> int:
        """How many connections may be open."""
        return math.ceil(self._allowed)

    def worked(self) -> None:
        """A message came to an end that was not the relay's fault."""
        self.in_a_row, self._named, self._cohort = 0, 0, COHORT
        if self._allowed < self._most:
            self._allowed = min(self._most, self._allowed + 1 / self._allowed)

    def failed(self, fault: RelayFault, *, working: bool) -> None:
        """A fault of the relay; `working`: another connection is in use, or may yet be."""
        self.in_a_row += 1
        self._allowed = max(1.0, self._allowed - 1)
        self._named = self._named + 1 if fault.of_one else 0
        if fault.of_one:
            opens = self._named > 1
        else:
            opens = fault.lasting or (self.in_a_row >= self._cohort and not working)
        if opens:
            self.fault = fault
