"""The clerk: what a page asked for is done after the answer, and what is owed then is mailed."""

import logging
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

from digest.publish.confirming import confirm
from digest.publish.opening import Clock, House
from subscribers.roster import Session

_LOG = logging.getLogger(__name__)


class Clerk:
    """Does one thing after the other; and mails by another hand, for a relay may take its time."""

    def __init__(self, house: House, clock: Clock) -> None:
        self._house, self._clock = house, clock
        self._clerk = ThreadPoolExecutor(1, thread_name_prefix="clerk")
        self._post = ThreadPoolExecutor(1, thread_name_prefix="post")

    def close(self) -> None:
        """Put down all that was asked for; what is not mailed yet is owed, and `run` mails it."""
        self._clerk.shutdown()
        self._post.shutdown(cancel_futures=True)

    def later(self, act: Callable[[Session], None] | None = None) -> None:
        """Do this, and mail what is owed then."""

        def work() -> None:
            if act:
                with self._house.database.writing() as session:
                    act(session)
            # By another thread: a relay that says nothing must not keep anything from being kept.
            mailing = self._post.submit(confirm, self._house, clock=self._clock)
            mailing.add_done_callback(_told)

        self._clerk.submit(work).add_done_callback(_told)


def _told(done: Future[Any]) -> None:
    """What went wrong in the clerk's hands is said; the address it was about is not."""
    if not done.cancelled() and (error := done.exception()):
        _LOG.error("what a page asked for was not done: %s", type(error).__name__)
