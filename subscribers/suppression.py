"""Suppression: the reasons never to mail an address, and the decision whether mail may go. Pure.

Never here: the rows (roster), and how a bounce is understood.
"""

import hashlib
import hmac
from collections.abc import Sequence
from typing import Literal

from subscribers.address import key
from subscribers.consent import State

Reason = Literal["bounce", "complaint", "request", "operator"]


def address_hash(address: str, keys: Sequence[bytes]) -> str:
    """What a suppression keeps instead of the address: HMAC-SHA256 of its key, in hex.

    `keys` has the newest first, and the LAST, oldest one is used. That key must never be
    dropped from the list: a suppression outlives the rotation of keys and the forgetting of
    the person, and without the key that made it nobody could find it again. Raises
    InvalidAddress, and ValueError without a key.
    """
    if not keys:
        raise ValueError("suppressions need at least one key")
    return hmac.new(keys[-1], b"suppression\n" + key(address).encode(), hashlib.sha256).hexdigest()


def may_mail(state: State | None, suppressed: bool) -> str | None:
    """None when mail may go to a subscription in this state, else the reason why not.

    The words, the first that holds: "not subscribed", "suppressed", "requested", "withdrawn".
    """
    if state is None:
        return "not subscribed"
    if suppressed:
        return "suppressed"
    return None if state == "confirmed" else state
