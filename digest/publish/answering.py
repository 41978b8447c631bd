"""Answering: what the ledger keeps of a person, shown to them or erased.

A room of its own, and a small one: these questions wait for nothing that reads mail.
"""

from digest import ledger
from subscribers.roster import Session


def deliveries_to(session: Session, subscriber: int) -> list[dict[str, object]]:
    """What was mailed to a person: for an access request."""
    return [delivery._asdict() for delivery in ledger.deliveries_to(session, subscriber)]


def interventions_about(session: Session, subscriber: int) -> list[dict[str, object]]:
    """What people decided about a person's deliveries: for an access request."""
    return ledger.interventions_about(session, subscriber)


def forget_deliveries(session: Session, subscriber: int) -> int:
    """Erase from the ledger what names a person."""
    return ledger.forget(session, subscriber)
