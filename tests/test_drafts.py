"""Drafts: in their order, each when it is signed, and those that come to nothing told apart."""

from concurrent.futures import Future
from typing import cast

import pytest

from digest.archive import IssueRecord
from digest.errors import DigestError, MessageError
from digest.ledger import Delivery
from digest.messages import Message
from digest.publish.sending.drafts import Draft, Drafts
from digest.publish.sending.making import Batch, Composing, Promise
from subscribers.preferences import EVERYTHING
from subscribers.recipient import Recipient
from tests.conftest import NOW

MESSAGE = Message("news@example.org", "r@readers.example", b"")


def draft(number: int, made: Message | Promise = MESSAGE) -> Draft:
    delivery = Delivery(number, 1, number, "", "", "claimed", "", "", 0, 0, NOW, 0, "", "", NOW,
                        NOW, None)  # fmt: skip
    recipient = Recipient(number, f"r{number}@readers.example", NOW, EVERYTHING)
    return Draft(delivery, recipient, "all", f"<{number}@news.example.org>", made)


@pytest.fixture
def let_go() -> set[int]:
    return set()


@pytest.fixture
def drafts(let_go: set[int]) -> Drafts:
    return Drafts(cast("IssueRecord", None), cast("Composing", None), let_go.update)


def being_signed(count: int) -> tuple[Future[list[Message | DigestError]], list[Promise]]:
    batch = Batch([(MESSAGE, NOW)] * count, Future())
    assert batch.signed
    return batch.signed, [Promise(batch, place) for place in range(count)]


def test_nobody_overtakes_who_still_waits_for_a_signature(drafts: Drafts) -> None:
    signature, [promise] = being_signed(1)
    drafts._made.extend([draft(1), draft(2, promise), draft(3)])

    assert [one.delivery.id for one in drafts.first(5)] == [1]
    assert drafts.unmade is None
    drafts.drop(1)
    assert drafts.unmade is signature
    assert drafts.first(5) == []

    signature.set_result([MESSAGE])
    assert drafts.unmade is None
    assert [one.delivery.id for one in drafts.first(5)] == [2, 3]


def test_no_more_than_there_is_room_for(drafts: Drafts) -> None:
    drafts._made.extend(map(draft, (1, 2, 3)))
    assert [one.delivery.id for one in drafts.first(2)] == [1, 2]
    assert len(drafts) == 3


def test_what_cannot_be_signed_is_told_with_its_reason_and_stops_nobody(
    drafts: Drafts, let_go: set[int]
) -> None:
    signature, [one, two] = being_signed(2)
    drafts._made.extend([draft(1, one), draft(2, two)])
    signature.set_result([MessageError("this message cannot be signed"), MESSAGE])

    assert [one.delivery.id for one in drafts.first(5)] == [2]
    assert [(told.id, why) for told, why in drafts.spoiled] == [
        (1, "this message cannot be signed")
    ]
    assert let_go == {1}
    drafts.written()
    assert drafts.spoiled == []
