"""What the desk and the book hand each other: jobs, what came back of them, and turns."""

from dataclasses import dataclass

from digest.delivery import Begun
from digest.ledger import Delivery, Result


@dataclass(frozen=True, slots=True)
class Job:
    """A delivery on its way: which, and to whom."""

    delivery: Delivery
    address: str


@dataclass(frozen=True, slots=True)
class Back:
    """A message that came back: what became of it, and for whom it was."""

    result: Result
    address: str


@dataclass(frozen=True, slots=True)
class Turn:
    """What a group brought: messages to send, the new states, how many were passed over for
    good without a message, what the operator wants, whether those who stand by may have a
    connection now, and whether this sender was presumed dead: its work has been given to others.
    `listed`: where the list has grown, how many are on it now.
    `counts`: now and then, where others send it too, how many deliveries stand in each state."""

    begun: tuple[Begun[Job], ...]
    states: dict[int, str]
    passed: int
    control: str
    more: bool = False
    fenced: bool = False
    listed: int | None = None
    counts: dict[str, int] | None = None
