"""Messages made ahead: composed in the thread that asks, signed by as many as there are cores.

An RSA signature costs more than all the rest of a message, and the library lets other threads
run meanwhile; so it is made while earlier messages are on the wire. Rendering stays in one thread.
A thread is handed some drafts at a time: one by one, to wake it and to wait for it takes a tenth
of the processor time. Never here: which message is next.
"""

import os
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import datetime
from typing import NamedTuple, Protocol, runtime_checkable

from digest.dkim import DkimKey
from digest.edition import Edition
from digest.errors import DigestError
from digest.messages import Message
from subscribers.recipient import Recipient

AHEAD = 3  # windows full of messages, where they are signed
BATCH = 10  # drafts that a thread signs at a time


class Composing(Protocol):
    """Makes one reader's message; see composing.Composer."""

    def message_id(self, subscriber: int) -> str:
        """The Message-ID of the issue's message for this subscriber, always the same."""

    def compose(
        self, recipient: Recipient, edition: Edition, message_id: str, date: datetime
    ) -> Message:
        """The message. Raises DigestError where it cannot be made for this reader."""


@runtime_checkable
class Signing(Composing, Protocol):
    """Makes it in two steps, of which the second may be done in any thread."""

    keys: tuple[DkimKey, ...]

    def draft(
        self, recipient: Recipient, edition: Edition, message_id: str, date: datetime
    ) -> Message:
        """`compose` without the signatures."""

    def sign(self, message: Message, date: datetime) -> Message:
        """The draft with its signatures."""


@dataclass(slots=True)
class Batch:
    """Drafts that are signed by one thread, each with its date. `signed` once it was handed over:
    the messages, in that order, or why one could not be signed."""

    drafts: list[tuple[Message, datetime]] = field(default_factory=list)
    signed: Future[list[Message | DigestError]] | None = None


class Promise(NamedTuple):
    """A message that is being signed."""

    batch: Batch
    place: int

    @property
    def waits(self) -> Future[list[Message | DigestError]] | None:
        """What `kept` would wait for."""
        signed = self.batch.signed
        return signed if signed and not signed.done() else None

    def kept(self) -> Message:
        """Wait for it. Raises DigestError where it could not be signed."""
        if self.batch.signed is None:
            raise RuntimeError("a promise is kept after Maker.hand_over")
        found = self.batch.signed.result()[self.place]
        if isinstance(found, DigestError):
            raise found
        return found


class Maker:
    """`ahead` is how many windows full of messages it is worth to have made."""

    def __init__(self, composer: Composing) -> None:
        self._composer = composer
        signs = isinstance(composer, Signing) and bool(composer.keys)
        self._signing = composer if isinstance(composer, Signing) and signs else None
        self._signers = ThreadPoolExecutor(os.cpu_count(), "signing")
        self._batch = Batch()
        self.ahead = AHEAD if signs else 1

    def made(
        self, recipient: Recipient, edition: Edition, name: str, date: datetime
    ) -> Message | Promise:
        """The message, or the promise of it, to be kept after `hand_over`.

        Raises DigestError where it cannot be made.
        """
        if self._signing is None:
            return self._composer.compose(recipient, edition, name, date)
        draft = self._signing.draft(recipient, edition, name, date)
        batch = self._batch
        batch.drafts.append((draft, date))
        promise = Promise(batch, len(batch.drafts) - 1)
        if len(batch.drafts) == BATCH:
            self.hand_over()
        return promise

    def hand_over(self) -> None:
        """Have all signed that was drafted."""
        if self._signing and self._batch.drafts:
            batch, self._batch = self._batch, Batch()
            batch.signed = self._signers.submit(_all_signed, self._signing, batch.drafts)

    def close(self) -> None:
        """Make nothing more."""
        self._signers.shutdown(cancel_futures=True)


def _all_signed(
    signing: Signing, drafts: list[tuple[Message, datetime]]
) -> list[Message | DigestError]:
    return [_signed(signing, draft, date) for draft, date in drafts]


def _signed(signing: Signing, draft: Message, date: datetime) -> Message | DigestError:
    try:
        return signing.sign(draft, date)
    except DigestError as error:
        return error  # of one reader's message: the others of the batch are as good as before
