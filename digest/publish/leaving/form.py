"""The form to join: what it shows, and whether a person took the time to fill it in."""

import secrets
from datetime import datetime, timedelta

from digest.publish.opening import House
from subscribers import puzzles, tokens
from subscribers.errors import BadToken
from subscribers.tokens import Token
from subscribers.web import Offer, Offered, Riddle

QUICKEST, SLOWEST = timedelta(seconds=2), timedelta(hours=24)  # between a form and its answer


def offer(house: House, language: str, now: datetime) -> Offer:
    """What one can join. The form's time is signed, so that a machine's haste shows."""
    told = house.settings
    second = int(now.timestamp())
    first = next(iter(told.lists.values()))
    return Offer(
        first.title if len(told.lists) == 1 else told.publisher.name,
        told.publisher.name,
        tuple(Offered(slug, known.title) for slug, known in told.lists.items()),
        tokens.seal(Token("form", "form", second, 0), told.keys),
        told.publisher.postal_address,
        language or first.language,
        told.web.base_url,
    )


def riddle(house: House, old: str, now: datetime) -> Riddle:
    """What to do where many ask: the same as before while it can be done."""
    keys = house.settings.keys
    try:
        fresh = now < puzzles.ends(old, keys) and bool(puzzles.left(old, keys, now))
    except BadToken:
        fresh = False
    puzzle = old if fresh else puzzles.make(secrets.randbits(62), keys, now)
    left = puzzles.left(puzzle, keys, now)
    return Riddle(puzzle, left, puzzles.BITS, puzzles.ROUNDS)


def is_timely(house: House, stamp: str, now: datetime) -> bool:
    """Whether a form took a person's time. A site's own form has no stamp, only the limits."""
    if not stamp:
        return True
    try:
        shown = tokens.read(stamp, "form", house.settings.keys)
    except BadToken:
        return False
    return QUICKEST <= now - datetime.fromtimestamp(shown.issue, now.tzinfo) <= SLOWEST
