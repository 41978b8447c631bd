"""Numbers for Prometheus, in its text format (version 0.0.4): what is being sent, and by how many.

Never here: an address, or anything else of a reader.
"""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

from digest import archive, ledger
from digest.archive import IssueRecord
from digest.publish.admitting import sign_ups
from digest.publish.opening import House, address_of
from subscribers.roster import Session

LATEST = 5  # issues that are finished; those under way are always there


@dataclass(frozen=True, slots=True)
class Family:
    """One metric: a gauge says how it stands, a counter only grows. A sample is told of whom."""

    name: str
    kind: Literal["gauge", "counter"]
    help: str
    samples: list[str] = field(default_factory=list)

    def add(self, value: int, **labels: str | int) -> None:
        """One sample more."""
        told = ",".join(f'{name}="{_escaped(str(of))}"' for name, of in labels.items())
        self.samples.append(f"{self.name}{{{told}}} {value}" if told else f"{self.name} {value}")

    def lines(self) -> list[str]:
        """As Prometheus reads it."""
        return [f"# HELP {self.name} {self.help}", f"# TYPE {self.name} {self.kind}", *self.samples]


def metrics(house: House, now: datetime) -> str:
    """The page that `digest serve` shows at /metrics."""
    senders = Family(
        "digest_senders", "gauge", "Senders at work; a killed one, until another has found it out."
    )
    breakers = Family(
        "digest_breaker_open", "gauge", "1 while a relay is left alone for its faults."
    )
    joining = Family(
        "digest_signups", "gauge", "Sign-ups let in during this hour of the clock (UTC)."
    )
    relays = dict.fromkeys(address_of(told).name for told in house.settings.carriers)
    with house.database.reading() as session:
        senders.add(len(ledger.senders(session)))
        broken = ledger.breakers(session)
        for name in relays:
            breakers.add(int(name in broken), relay=name)
        joining.add(sign_ups(session, house, now))
        issues = _of_issues(session, _shown(session))
    lines = [line for family in (senders, breakers, joining, *issues) for line in family.lines()]
    return "\n".join(lines) + "\n"


def _shown(session: Session) -> list[IssueRecord]:
    under_way = archive.issues(session, states=("sending",))
    return under_way + archive.issues(session, states=("sent", "cancelled"), limit=LATEST)


def _of_issues(session: Session, records: list[IssueRecord]) -> tuple[Family, ...]:
    deliveries = Family(
        "digest_deliveries", "gauge", "Deliveries of an issue by state; their sum is its list."
    )
    listed = Family("digest_recipients", "gauge", "Readers on the list of an issue.")
    paused = Family(
        "digest_paused", "gauge", "1 while an issue is paused, by a person or by its own brake."
    )
    left = Family("digest_leavings_total", "counter", "Readers whom an issue made leave.")
    for record in records:
        of: dict[str, str | int] = {
            "newsletter": record.issue.newsletter, "issue": record.issue.number,
        }  # fmt: skip
        counts = ledger.counts(session, record.id)
        for state in (*ledger.OPEN, *ledger.FINAL):
            deliveries.add(counts.get(state, 0), **of, state=state)
        sending = ledger.sending(session, record.id)
        listed.add(ledger.recipients(session, record.id) or 0, **of)
        held_back = record.state == "sending" and sending and sending.control == "paused"
        paused.add(int(bool(held_back)), **of)
        left.add(ledger.leavings(session, record.id), **of)
    return deliveries, listed, paused, left


def _escaped(value: str) -> str:
    return value.replace("\\", r"\\").replace('"', r"\"").replace("\n", r"\n")
