"""Suppression: the hash that outlives rotation, and the one decision."""

import pytest

from subscribers.consent import State
from subscribers.suppression import address_hash, may_mail

OLD, NEW = b"the first key of all", b"a newer key"


def test_the_hash_outlives_the_rotation_of_keys() -> None:
    assert address_hash("ann@example.org", [OLD]) == address_hash("Ann@Example.org", [NEW, OLD])


def test_the_hash_is_keyed() -> None:
    assert address_hash("ann@example.org", [OLD]) != address_hash("ann@example.org", [NEW])
    with pytest.raises(ValueError, match="at least one key"):
        address_hash("ann@example.org", [])


@pytest.mark.parametrize(
    ("state", "suppressed", "reason"),
    [
        ("confirmed", False, None),
        ("confirmed", True, "suppressed"),
        ("requested", False, "requested"),
        ("withdrawn", False, "withdrawn"),
        ("withdrawn", True, "suppressed"),
        (None, False, "not subscribed"),
        (None, True, "not subscribed"),
    ],
)
def test_d40_who_may_be_mailed(state: State | None, suppressed: bool, reason: str | None) -> None:
    assert may_mail(state, suppressed) == reason
