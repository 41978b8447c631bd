"""Messages made ahead: composed in the thread that asks, signed by as many as there are cores.

An RSA signature costs more than all the rest of a message, and the library lets other threads
run meanwhile; so it is made while earlier messages are on the wire. Rendering stays in one thread.
Never here: which message is next.
"""

import os
from concurrent.futures import Future, ThreadPoolExecutor
from datetime import datetime
from typing import Protocol, runtime_checkable

from digest.dkim import DkimKey
from digest.edition import Edition
from digest.messages import Message
from subscribers.recipient import Recipient

AHEAD = 3  # windows full of messages, where they are signed


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


class Maker:
    """`ahead` is how many windows full of messages it is worth to have made."""

    def __init__(self, composer: Composing) -> None:
        self._composer = composer
        signs = isinstance(composer, Signing) and bool(composer.keys)
        self._signing = composer if isinstance(composer, Signing) and signs else None
        self._signers = ThreadPoolExecutor(os.cpu_count(), "signing")
        self.ahead = AHEAD if signs else 1

    def made(
        self, recipient: Recipient, edition: Edition, name: str, date: datetime
    ) -> Message | Future[Message]:
        """The message, or the promise of it. Raises DigestError where it cannot be made."""
        if self._signing is None:
            return self._composer.compose(recipient, edition, name, date)
        draft = self._signing.draft(recipient, edition, name, date)
        return self._signers.submit(self._signing.sign, draft, date)

    def close(self) -> None:
        """Make nothing more."""
        self._signers.shutdown(cancel_futures=True)
