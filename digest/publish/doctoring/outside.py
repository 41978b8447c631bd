"""The relay as a sender meets it, and base_url as a mailbox provider does."""

import asyncio
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime

from digest import delivery, sources
from digest.outcomes import RelayFault
from digest.preflight.premises import Answer, Web
from digest.publish.opening import Clock, House, address_of
from subscribers import tokens
from subscribers.tokens import Token

NOBODY = 0
"""No subscriber has this number: a link of theirs is good, and ends nothing."""
FORM = {"Content-Type": "application/x-www-form-urlencoded"}
PATIENCE = 8.0
"""Seconds for each word of a relay: an operator is waiting."""
ONE_CLICK = b"List-Unsubscribe=One-Click"  # RFC 8058, section 3.2


def relays(house: House) -> dict[str, str]:
    """By name, what each relay had against a sender who greets, starts TLS and logs in."""
    addresses = [address_of(told) for told in house.settings.carriers]
    return asyncio.run(_against_all(addresses))


async def _against_all(addresses: list[delivery.RelayAddress]) -> dict[str, str]:
    told = await asyncio.gather(*map(_against, addresses))
    return {address.name: each for address, each in zip(addresses, told, strict=True)}


async def _against(address: delivery.RelayAddress) -> str:
    dialogue = await delivery.connect(address, delivery.Timeouts(PATIENCE, PATIENCE, PATIENCE))
    if isinstance(dialogue, RelayFault):
        reply = dialogue.reply
        said = f"{reply.code} {reply.text}".removeprefix("0 ")
        if not reply.code and "Timed out" in said:
            return f"it said nothing for {PATIENCE:.0f} seconds"
        return said.removeprefix("no reply to the greeting: ").rstrip(".")
    await dialogue.close()
    return ""


def web(house: House, clock: Clock) -> Web:
    """What base_url answers. The good link is of nobody, so that no subscription ends by it.

    The clock is read when the answer is there: a slow relay before it makes no clock wrong.
    """
    base = house.settings.web.base_url.rstrip("/")
    newsletter = next(iter(house.settings.newsletter))
    good = tokens.seal(Token("unsubscribe", newsletter, 0, NOBODY), house.settings.keys)
    return asyncio.run(_asked(base, good, clock))


def _forged(good: str) -> str:
    another = "a" if good[-9] != "a" else "b"
    return good[:-9] + another + good[-8:]


async def _asked(base: str, good: str, clock: Clock) -> Web:
    health = await sources.ask(f"{base}/health")
    ahead = _ahead(health, clock())
    if not health.status:  # nor would the rest be answered, and each takes its time
        return Web(base, health, health, health)
    one_click, forged = [
        await sources.ask(f"{base}/u/{token}", ONE_CLICK, FORM) for token in (good, _forged(good))
    ]
    return Web(base, health, one_click, forged, ahead)


def _ahead(answer: Answer, now: datetime) -> timedelta:
    try:
        return parsedate_to_datetime(answer.headers["date"]).astimezone(UTC) - now
    except (KeyError, ValueError):
        return timedelta(0)  # it did not say
