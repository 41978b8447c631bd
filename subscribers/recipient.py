"""Recipient: all that `digest` may know of a subscriber. The seam between the two packages."""

from dataclasses import dataclass
from datetime import datetime

from subscribers.preferences import Preferences


@dataclass(frozen=True, slots=True)
class Recipient:
    """Somebody who may be mailed one newsletter now.

    `subscriber` is the roster's number, never used again for another person. `address` is what
    RCPT TO gets. `since` (UTC) is when the subscription was confirmed: the footer says it.
    """

    subscriber: int
    address: str
    since: datetime
    preferences: Preferences
