"""Consent: the state is what the events say."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from subscribers.consent import Event, Kind, State, state_of

NOW = datetime(2026, 3, 30, 7, tzinfo=UTC)
KINDS: list[Kind] = ["requested", "confirmed", "withdrawn", "chosen"]


@pytest.mark.parametrize(
    ("kinds", "expected"),
    [
        ([], None),
        (["requested"], "requested"),
        (["requested", "confirmed"], "confirmed"),
        (["confirmed", "requested"], "confirmed"),
        (["confirmed", "chosen"], "confirmed"),
        (["confirmed", "withdrawn", "chosen"], "withdrawn"),
        (["confirmed", "withdrawn", "confirmed"], "withdrawn"),
        (["confirmed", "withdrawn", "requested"], "requested"),
        (["confirmed", "withdrawn", "requested", "confirmed"], "confirmed"),
    ],
)
def test_the_state_after(kinds: list[Kind], expected: State | None) -> None:
    assert state_of(Event(kind, NOW, "page") for kind in kinds) == expected


@given(st.lists(st.sampled_from(KINDS)))
def test_who_left_comes_back_only_by_a_request(kinds: list[Kind]) -> None:
    events = [Event(kind, NOW, "page") for kind in kinds]
    last = max((i for i, kind in enumerate(kinds) if kind == "withdrawn"), default=None)
    if last is not None and "requested" not in kinds[last:]:
        assert state_of(events) == "withdrawn"
