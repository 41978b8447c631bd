"""Who is dead, by leases, and what it leaves: deliveries to others, vain claims to the day.

A claim is counted in the budgets of its relay and of its reader's domain at once, so that no two
senders spend the same; one that was never begun has cost them nothing. Never here: how a
sender works.
"""

from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from time import monotonic

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


class Lease:
    """How a sender that is at work shows that it lives."""

    def __init__(self, lasts: timedelta, heartbeat: float) -> None:
        """It is renewed every `heartbeat` seconds at least."""
        self._lasts, self._heartbeat = lasts, heartbeat
        self._asked: tuple[float, datetime | None] = (0.0, None)
        self._renewed = 0.0

    def kept(self, session: Session, sender: int, *, quiet: bool) -> bool:
        """False where others have presumed this sender dead. While all is `quiet`, nobody can
        have, and it is renewed as often as it must be."""
        if quiet and monotonic() - self._renewed < self._heartbeat:
            return True
        self._renewed = monotonic()
        return ledger.renew(session, sender, self._until(session))

    def _until(self, session: Session) -> datetime:
        # The database's clock is asked once for each heartbeat, and our own steps in between.
        asked, then = self._asked
        if then is None or monotonic() - asked > self._heartbeat:
            asked, then = self._asked = monotonic(), ledger.database_time(session)
        return then + timedelta(seconds=monotonic() - asked) + self._lasts


def inherit(
    house: House, session: Session, now: datetime, *, grace: timedelta, dead: Collection[int] = ()
) -> Reaped:
    """Settle what dead senders held, see ledger.reap. `now` is what budgets go by."""
    resend = house.settings.relay.on_ambiguous == "resend"
    moment = ledger.database_time(session)
    reaped = ledger.reap(session, moment, grace=grace, resend=resend, dead=dead)
    give_back(house, session, reaped.claims, now)
    return reaped


def give_back(house: House, session: Session, claims: Sequence[Claim], now: datetime) -> None:
    """To today's budgets what was claimed in vain today."""
    today = now.astimezone(UTC).date()
    claims = [claim for claim in claims if claim.at.astimezone(UTC).date() == today]
    counts = _of_relays(house, claims) + _of_domains(house, session, claims)
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
