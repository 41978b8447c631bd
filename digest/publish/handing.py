"""One message that is no issue -> the first relay that takes it: notices, confirmations, tests.

A relay that is at fault (not reachable, 4xx or 5xx to greeting, login or MAIL) says nothing of
the reader, so the next one is asked. One that a send has left alone comes last, for its time-out
would be waited for again. Never here: an issue, or when to try again.
"""

from digest import delivery, ledger
from digest.delivery import RelayAddress
from digest.messages import Message
from digest.outcomes import Outcome, RelayFault
from digest.publish.opening import House, address_of


def relays_in_turn(house: House) -> list[RelayAddress]:
    """All of the settings in their order, but those whose breaker is open after the others."""
    with house.database.reading() as session:
        broken = ledger.breakers(session)
    known = [address_of(told) for told in house.settings.carriers]
    return sorted(known, key=lambda relay: relay.name in broken)


async def handed_over(relays: list[RelayAddress], message: Message) -> Outcome:
    """What became of the message at the first of `relays` that is not at fault.

    Those that were are behind the others afterwards. Where all are, it is the last one's fault.
    """
    for relay in tuple(relays):
        outcome = await delivery.deliver(relay, message)
        if not isinstance(outcome, RelayFault):
            break
        relays.append(relays.pop(0))
    return outcome
