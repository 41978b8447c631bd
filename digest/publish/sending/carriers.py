"""The relays that take issues: where each is, what it is given, and whether it is left alone.

Never here: a message.
"""

from dataclasses import dataclass, field
from datetime import UTC, date, datetime

from digest import ledger, pace
from digest.delivery import RelayAddress
from digest.errors import RelayError
from digest.ledger import Breaker
from digest.outcomes import RelayFault
from digest.pace import Budget, Spent
from digest.publish.opening import Clock, House, address_of
from digest.settings import DomainSettings, RelaySettings
from subscribers.roster import Session

AHEAD = 10  # seconds of a slow rate for which connections are opened: more would stand idle
NO_LIMIT = Budget()


@dataclass(frozen=True, slots=True)
class Carrier:
    """A relay and its part of the whole. `key` names its budget in the ledger."""

    address: RelayAddress
    budget: Budget
    weight: int
    connections: int
    messages: int

    @property
    def name(self) -> str:
        """As in logs and the ledger."""
        return self.address.name

    @property
    def key(self) -> str:
        """As budgets are named."""
        return f"relay {self.address.name}"


@dataclass(slots=True)
class Chosen:
    """Who may carry now, whether only to try it again; and who is left alone, and why."""

    carriers: list[tuple[Carrier, bool]] = field(default_factory=list)
    left: list[Breaker] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class RelayLine:
    """How a relay stands: messages today of how many that may be (None: any number), and until
    when nothing goes over it, with the reason."""

    name: str
    today: int
    cap: int | None
    until: datetime | None
    why: str


def carriers(house: House) -> tuple[Carrier, ...]:
    """All of the settings."""
    return tuple(_carrier(told) for told in house.settings.carriers)


def domain_budgets(house: House) -> dict[str, Budget]:
    """What the readers' domains are given; "*" stands for the others."""
    return {domain: budget(told) for domain, told in house.settings.domains.items()}


def given(budgets: dict[str, Budget], domain: str) -> Budget:
    """What this domain of readers is given."""
    return budgets.get(domain) or budgets.get("*") or NO_LIMIT


def domain_of(address: str) -> str:
    """What budgets of domains go by."""
    return address.rpartition("@")[2].lower()


def key_of(domain: str) -> str:
    """As budgets are named."""
    return f"domain {domain}"


def budget(told: RelaySettings | DomainSettings) -> Budget:
    """As a person wrote it -> as it is reckoned with."""
    begins = told.warm_up_from if isinstance(told.warm_up_from, date) else None
    return Budget(pace.rate(told.rate), told.daily, told.concurrency, told.warm_up, begins)


def relay_lines(house: House, now: datetime) -> list[RelayLine]:
    """How every relay stands: left alone or not, its budget, what is spent of it."""
    known = carriers(house)
    with house.database.reading() as session:
        broken = ledger.breakers(session)
        spent = ledger.budgets(session, [one.key for one in known])
    return [_line(one, broken.get(one.name), spent.get(one.key, Spent()), now) for one in known]


def _line(one: Carrier, breaker: Breaker | None, spent: Spent, now: datetime) -> RelayLine:
    today = now.astimezone(UTC).date()
    used, cap = spent.used if spent.day == today else 0, one.budget.cap(today)
    if breaker:
        return RelayLine(one.name, used, cap, max(breaker.until, now), breaker.reply)
    free = pace.free_at(one.budget, spent, now) if one.budget.counts else now
    return RelayLine(one.name, used, cap, free if free > now else None, "its budget is spent")


def choose(house: House, *, without: set[str], clock: Clock, scheduled: bool) -> Chosen:
    """Relays whose breaker is closed, and those that are to be tried again.

    By schedule one is tried when its time has come; for a person at once, and by one sender only.
    """
    chosen = Chosen()

    def work(session: Session, _again: bool) -> Chosen:
        chosen.carriers.clear()
        chosen.left.clear()
        now, broken = clock(), ledger.breakers(session)
        for one in carriers(house):
            breaker = broken.get(one.name)
            if one.name in without:
                continue
            if breaker is None:
                chosen.carriers.append((one, False))
            elif (scheduled and now < breaker.until) or not ledger.probe(session, one.name, now):
                chosen.left.append(breaker)
            else:
                chosen.carriers.append((one, True))
        return chosen

    return house.database.persist(work)


def none_is_left(faults: dict[str, RelayFault], left: list[Breaker]) -> RelayError:
    """The error that says why no relay can be used."""
    for name, fault in faults.items():
        said = f"{fault.reply.code or ''} {fault.reply.text}".strip()
        what = "its username and password" if fault.of_login else "[relay] in digest.toml"
        return RelayError(
            f"the relay {name} cannot be used: {said}",
            remedy=f"check {what}; nothing is lost, run `digest send` again",
        )
    soonest = min(left, key=lambda breaker: breaker.until)
    return RelayError(
        f"the relay {soonest.relay} is left alone until {soonest.until:%H:%M} UTC: {soonest.reply}",
        remedy="nothing is lost; `digest send` tries it at once, `digest run` then",
    )


def _carrier(told: RelaySettings) -> Carrier:
    given = budget(told)
    most = told.connections
    if given.rate:
        second = given.rate.number / given.rate.window.total_seconds()
        most = min(most, max(1, round(second * AHEAD)))
    return Carrier(address_of(told), given, told.weight, most, told.messages_per_connection)
