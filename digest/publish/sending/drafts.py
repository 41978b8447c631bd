"""Drafts: what claimed readers are to get, made ahead of their turn.

Whom nothing chosen would reach, and whose message cannot be made, stands here until the book has
written it down. Never here: a transaction, or who may be mailed.
"""

from collections import deque
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import NamedTuple

from digest.archive import IssueRecord
from digest.edition import Edition, cut, subject_for
from digest.errors import DigestError
from digest.ledger import Delivery
from digest.messages import Message
from digest.publish.sending.making import Composing, Maker, Promise
from subscribers.preferences import Preferences
from subscribers.recipient import Recipient

NOTHING_TO_READ = "no section chosen has a story"
Reasons = list[tuple[Delivery, str]]


@dataclass(slots=True)
class _Cut:
    """What all with equal preferences get: looked up once for each reader, for to hash preferences
    takes longer than anything else that is looked up here."""

    edition: Edition | None
    keys: dict[bool, str] = field(default_factory=dict)

    def key(self, edition: Edition) -> str:
        """Put together of many words, and the same for nearly all."""
        if edition.second not in self.keys:
            self.keys[edition.second] = edition.key
        return self.keys[edition.second]


class Draft(NamedTuple):
    """One reader's message, or the promise of it, and under which edition and Message-ID."""

    delivery: Delivery
    recipient: Recipient
    edition: str
    message_id: str
    made: Message | Promise

    @property
    def message(self) -> Message:
        """Waits for the signature. Raises DigestError where there is none."""
        return self.made.kept() if isinstance(self.made, Promise) else self.made

    @property
    def waits(self) -> Future[list[Message | DigestError]] | None:
        """What `message` would wait for."""
        return self.made.waits if isinstance(self.made, Promise) else None


class Drafts:
    """The oldest first. `let_go` hears whose turn comes to nothing."""

    def __init__(
        self, record: IssueRecord, composing: Composing, let_go: Callable[[set[int]], None]
    ) -> None:
        self.unread: Reasons = []
        self.spoiled: Reasons = []
        self._record, self._composer, self._let_go = record, composing, let_go
        self._maker = Maker(composing)
        self._made: deque[Draft] = deque()
        self._cuts: dict[Preferences, _Cut] = {}
        self.ahead = self._maker.ahead
        self.hand_over = self._maker.hand_over
        self.close = self._maker.close

    def __len__(self) -> int:
        """How many are made, or promised."""
        return len(self._made)

    @property
    def in_vain(self) -> list[Delivery]:
        """Those for whom there is nothing."""
        return [delivery for delivery, _ in (*self.unread, *self.spoiled)]

    @property
    def all(self) -> tuple[Draft, ...]:
        """Those that are made, or promised."""
        return tuple(self._made)

    @property
    def unmade(self) -> Future[list[Message | DigestError]] | None:
        """What the oldest still waits for: its signature."""
        return self._made[0].waits if self._made else None

    def add(self, delivery: Delivery, recipient: Recipient) -> None:
        """Make what this reader is to get."""
        known = self._cuts.get(recipient.preferences)
        if known is None:
            known = _Cut(cut(self._record.issue, recipient.preferences))
            self._cuts[recipient.preferences] = known
        edition = known.edition
        if edition is None:
            self.unread.append((delivery, NOTHING_TO_READ))
            self._let_go({delivery.id})
            return
        edition = subject_for(edition, recipient.subscriber)
        name = delivery.message_id or self._composer.message_id(recipient.subscriber)
        try:
            message = self._maker.made(recipient, edition, name, delivery.frozen)
        except DigestError as error:
            self._spoil(delivery, error)
            return
        self._made.append(Draft(delivery, recipient, known.key(edition), name, message))

    def first(self, most: int) -> list[Draft]:
        """The oldest, up to the first that still waits for its signature."""
        ready: list[Draft] = []
        while len(ready) < min(most, len(self._made)):
            draft = self._made[len(ready)]
            if draft.waits:
                break
            try:
                _ = draft.message
            except DigestError as error:
                del self._made[len(ready)]
                self._spoil(draft.delivery, error)
            else:
                ready.append(draft)
        return ready

    def drop(self, count: int) -> None:
        """The oldest have had their turn."""
        for _ in range(count):
            self._made.popleft()

    def written(self) -> None:
        """The book has written down why there is nothing for some."""
        self.unread, self.spoiled = [], []

    def _spoil(self, delivery: Delivery, error: DigestError) -> None:
        # One reader's message that cannot be made stops nobody else's.
        self.spoiled.append((delivery, error.what))
        self._let_go({delivery.id})
