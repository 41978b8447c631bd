"""What is seen of a send: how far it is, and a line in the log for each mail event.

The line has Postfix's fields in Postfix's order: issue, to, relay, delay (seconds since the
issue was frozen), attempt, dsn, status with the relay's words. How much of an address is written
is the operator's choice.
"""

import logging
from collections.abc import Callable
from dataclasses import dataclass, field
from time import monotonic
from typing import Literal

from digest import ledger
from digest.outcomes import Deferred, NotBegun, Outcome, RelayFault, Sent, Unknown
from digest.publish.opening import Clock
from digest.publish.sending.jobs import Job
from subscribers.roster import Session

LOGGER = logging.getLogger("digest.mail")
Shown = Literal["full", "domain", "none"]
_IN_HAND = ("claimed", "inflight")
_OFTEN = 0.1  # seconds between two reports
_STATUS = {
    Sent: "2.0.0", Deferred: "4.0.0", Unknown: "4.4.2", RelayFault: "4.3.0", NotBegun: "4.0.0",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a send is: `finished` of `total` deliveries stand in a final state."""

    finished: int
    total: int
    counts: dict[str, int] = field(default_factory=dict)


class Watch:
    """Hears what was committed, keeps the tally, and tells it now and then."""

    def __init__(
        self,
        issue: str,
        clock: Clock,
        counts: dict[str, int],
        on_progress: Callable[[Progress], None],
        shown: Shown,
    ) -> None:
        self._issue, self._clock, self._shown = issue, clock, shown
        self._counts = dict(counts)
        self._total = sum(counts.values())
        self._on_progress = on_progress
        self._told = 0.0
        self._logs = LOGGER.isEnabledFor(logging.INFO)
        self.tell()

    @property
    def has_sent(self) -> bool:
        """Whether anybody has the issue."""
        return self._counts.get("sent", 0) > 0

    def through(self, relay: str) -> "RelayLog":
        """What hears of messages over that relay."""
        return RelayLog(self, relay)

    def ended(self, counts: dict[str, int], why: str) -> None:
        """How all senders left it, and why the issue was paused while it was being sent, if so."""
        self.counted(counts)
        if why and self._logs:
            LOGGER.warning("issue=%s, status=paused (%s)", self._issue, why)

    def happened(self, job: Job, outcome: Outcome, state: str, relay: str) -> None:
        """See Log; over which relay."""
        if state:
            self._move(ledger.came_from(job.delivery), state)
        if self._logs:
            LOGGER.info("%s", self._line(job, outcome, state, relay))
        if monotonic() - self._told > _OFTEN:
            self.tell()

    def passed(self, number: int) -> None:
        """See Log."""
        if number:
            self._move("pending", "skipped", number)

    def listed(self, number: int) -> None:
        """See Log."""
        self._counts["pending"] = self._counts.get("pending", 0) + number - self._total
        self._total = number

    def counted(self, counts: dict[str, int]) -> None:
        """See Log. What somebody has in hand is still to come."""
        self._counts = {state: counts.get(state, 0) for state in counts if state not in _IN_HAND}
        in_hand = sum(counts.get(state, 0) for state in _IN_HAND)
        self._counts["pending"] = self._counts.get("pending", 0) + in_hand
        self._total = sum(counts.values())
        self.tell()

    def _move(self, was: str, state: str, number: int = 1) -> None:
        if was != state:
            self._counts[was] = max(0, self._counts.get(was, 0) - number)
            self._counts[state] = self._counts.get(state, 0) + number

    def tell(self) -> None:
        """Say how far it is."""
        self._told = monotonic()
        finished = sum(self._counts.get(state, 0) for state in ledger.FINAL)
        self._on_progress(Progress(finished, self._total, dict(self._counts)))

    def _line(self, job: Job, outcome: Outcome, state: str, relay: str) -> str:
        delivery, reply = job.delivery, outcome.reply
        delay = (self._clock() - delivery.frozen).total_seconds()
        dsn = reply.enhanced or _STATUS.get(type(outcome), "5.0.0")
        said = f"{reply.code or ''} {reply.text}".strip()
        return (
            f"issue={self._issue}, to=<{self._address(job)}>, relay={relay}, "
            f"delay={delay:.2f}, attempt={delivery.attempts + 1}, dsn={dsn}, "
            f"status={state or 'late'} ({said})"
        )

    def _address(self, job: Job) -> str:
        if self._shown == "full":
            return job.address
        domain = job.address.rpartition("@")[2] if self._shown == "domain" else ""
        return f"{job.delivery.subscriber}@{domain}".rstrip("@")


@dataclass(slots=True)
class Recount:
    """What all senders of an issue have done, `every` so many seconds, and where there are others.

    To count ten million takes seconds: it never has more than a twentieth of the time.
    """

    every: float
    due: float = 0.0

    def counts(self, session: Session, issue_id: int) -> dict[str, int] | None:
        """How many deliveries stand in each state; None where that isn't asked now."""
        begun = monotonic()
        if begun < self.due:
            return None
        others = len(ledger.senders(session)) > 1
        found = ledger.counts(session, issue_id) if others else None
        self.due = monotonic() + max(self.every, 20 * (monotonic() - begun))
        return found


@dataclass(frozen=True, slots=True)
class RelayLog:
    """Implements desk.Log for one relay."""

    watch: Watch
    relay: str

    def happened(self, job: Job, outcome: Outcome, state: str) -> None:
        """See Log."""
        self.watch.happened(job, outcome, state, self.relay)

    def passed(self, number: int) -> None:
        """See Log."""
        self.watch.passed(number)

    def listed(self, number: int) -> None:
        """See Log."""
        self.watch.listed(number)

    def counted(self, counts: dict[str, int]) -> None:
        """See Log."""
        self.watch.counted(counts)
