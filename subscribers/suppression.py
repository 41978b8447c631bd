"""Suppression: the reasons never to mail an address, and the decision whether mail may go. Pure.

Never here: the rows (roster), and how a bounce is understood.
"""

import hashlib
import hmac
from collections.abc import Sequence
from typing import Literal

from subscribers.address import key
from subscribers.consent import State

UNANSWERED = "unanswered"  # the tally, by address_hash, of mails that nobody clicked
Reason = Literal["bounce", "complaint", "request", "operator"]


def address_hash(address: str, keys: Sequence[bytes]) -> str:
    """What a suppression keeps instead of the address: HMAC-SHA256 of its key, in hex.

    `keys` has the newest first, and the LAST, oldest one is used. That key must never be
    dropped from the list: a suppression outlives the rotation of keys and the forgetting of
    the person, and without the key that made it nobody could find it again. Raises
    InvalidAddress, and ValueError without a key.
    """
    return key_hash(key(address), keys)


def key_hash(address_key: str, keys: Sequence[bytes]) -> str:
    """`address_hash` of what `address.key` made already."""
    if not keys:
        raise ValueError("suppressions need at least one key")
    # In one call into C: twice as fast as an hmac object, and a list has a million lines.
    return hmac.digest(keys[-1], b"suppression\n" + address_key.encode(), "sha256").hex()


def key_name(keys: Sequence[bytes]) -> str:
    """What tells under which key hashes were made, so that a list of them is not taken blindly."""
    return hmac.new(keys[-1], b"the key of suppressions", hashlib.sha256).hexdigest()[:8]


def may_mail(
    state: State | None, suppressed: bool, *, paused: bool = False, unwanted: str = ""
) -> str | None:
    """None when mail may go to a subscription in this state, else the reason why not.

    `unwanted` is the reader's frequency where the issue is not for those of it. The words, the
    first that holds: "not subscribed", "suppressed", "requested", "withdrawn", "paused", and then
    that frequency.
    """
    if state is None:
        return "not subscribed"
    if suppressed:
        return "suppressed"
    if state != "confirmed":
        return state
    return "paused" if paused else unwanted or None
