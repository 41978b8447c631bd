"""What a dead sender leaves: its deliveries to others, and to the day what it claimed in vain.

A claim is counted in the budgets of its relay and of its reader's domain at once, so that no two
senders spend the same; one that was never begun has cost them nothing. Never here: who is dead.
"""

from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from digest import ledger, pace
from digest.errors import DatabaseError
from digest.ledger import Claim, Reaped
from digest.publish.opening import House
from digest.publish.sending.carriers import carriers, domain_budgets, domain_of, given, key_of
from subscribers import roster
from subscribers.roster import Session


@dataclass(frozen=True, slots=True)
class Timing:
    """Leases of senders: how long one may be silent before others presume it dead, and how much
    longer what it had on the wire is left alone; at least the wait after the dot.
    """

    lease: timedelta = timedelta(seconds=60)
    grace: timedelta = timedelta(seconds=600)


def inherit(
    house: House, session: Session, now: datetime, *, grace: timedelta, dead: Collection[int] = ()
) -> Reaped:
    """Settle what dead senders held, see ledger.reap. `now` is what budgets go by."""
    resend = house.settings.relay.on_ambiguous == "resend"
    moment = ledger.database_time(session)
    reaped = ledger.reap(session, moment, grace=grace, resend=resend, dead=dead)
    today = now.astimezone(UTC).date()
    claims = [claim for claim in reaped.claims if claim.at.astimezone(UTC).date() == today]
    give_back(session, _of_relays(house, claims) + _of_domains(house, session, claims), now)
    return reaped


def give_back(session: Session, counts: Counter[str], now: datetime) -> None:
    """To the budgets of these keys so many, which were claimed in vain."""
    # The relays' rows first, then the domains': see ledger.pacing.
    of_domains = {key for key in counts if key.startswith(key_of(""))}
    for keys in (counts.keys() - of_domains, of_domains):
        spent = ledger.locked_budgets(session, list(keys))
        back = {key: pace.give_back(spent[key], counts[key], now) for key in keys}
        ledger.keep_budgets(session, back)


def named(machine: str, relay: str) -> str:
    """As a sender is known that claims for the relay whose budget has this key."""
    return f"{machine} {relay}"


def fenced() -> DatabaseError:
    """What a sender is told that was presumed dead."""
    return DatabaseError(
        "this sender was silent for so long that it was presumed dead; others have its work",
        remedy="nothing is lost: run `digest send` again, and look why the machine stood still",
    )


def _of_relays(house: House, claims: Sequence[Claim]) -> Counter[str]:
    counted = {one.key for one in carriers(house) if one.budget.counts}
    keys = (claim.name.partition(" ")[2] for claim in claims)
    return Counter(key for key in keys if key in counted)


def _of_domains(house: House, session: Session, claims: Sequence[Claim]) -> Counter[str]:
    budgets = domain_budgets(house)
    if not budgets or not claims:
        return Counter()
    addresses = roster.addresses(session, [claim.subscriber for claim in claims])
    domains = (domain_of(address) for address in addresses.values())
    return Counter(key_of(domain) for domain in domains if given(budgets, domain).counts)
