"""A sender in a process of its own, to be killed; and the law that must hold whatever happened.

The process sends the newest issue; at the nth passing of a named point it is gone, as if the
power had failed. With "frozen " before the point it stands still there. Processes are forked from
one that has imported everything (tests.forked), so that hundreds can be killed.
"""

import contextlib
import ctypes
import os
import resource
import signal
import struct
import sys
import traceback
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from digest import ledger, publish
from digest.archive import IssueRecord
from digest.edition import Edition
from digest.messages import Message
from digest.publish import House, Timing, open_house
from digest.publish.composing import Composer
from subscribers import roster
from subscribers.recipient import Recipient
from tests.forked import PROCESSES
from tests.relay import ScriptedRelay

CONNECTIONS = 4
CRASHED = 137
POINTS = [
    "after the list is written",
    "after a claim",
    "while a message is made",
    "before a group is committed",
    "inside a group",
    "after a group",
    "after intents",
    "after outcomes",
    "before the rest is given back",
    "before the issue is closed",
]
# A sender may pass these no second time, or only at its end.
ONCE = {
    "after the list is written",
    "after a claim",
    "after a group",
    "before the rest is given back",
    "before the issue is closed",
}
# Short enough to wait for; what matters is that the grace is longer than the wait after the dot.
QUICK = Timing(timedelta(seconds=1), timedelta(seconds=1))


class Sender:
    """The program below, at work on a house: `subprocess.Popen`, as far as it is needed here."""

    def __init__(
        self, folder: Path, environ: dict[str, str], point: str, nth: int, powers: bool
    ) -> None:
        environ = {"DIGEST_RELAY_CONNECTIONS": str(CONNECTIONS), **environ}
        self._said = folder / "said"
        told = (str(folder), environ, point, nth, powers, str(self._said))
        self._process = PROCESSES.Process(target=main, args=told, daemon=True)
        self._process.start()
        self.pid = self._process.pid or 0

    def poll(self) -> int | None:
        """The exit code, minus the signal that ended it; None while it runs."""
        return self._process.exitcode

    def send_signal(self, number: signal.Signals) -> None:
        """Unless it has ended."""
        if self.poll() is None:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.pid, number)

    def ended(self, timeout: float = 60) -> int:
        """Wait until it ends; the exit code. One that doesn't end in time is killed, and fails."""
        self._process.join(timeout)
        code = self.poll()
        if code is None:
            self._process.kill()
            self._process.join()
        assert code is not None, f"the sender did not end within {timeout} seconds"
        return code

    def killed(self) -> int:
        """Kill it, if it has not ended; the exit code."""
        self.send_signal(signal.SIGKILL)
        return self.ended()

    @property
    def said(self) -> str:
        """What a person at its terminal would have read at the end."""
        return self._said.read_text("utf-8") if self._said.exists() else ""


def started(
    folder: Path, environ: dict[str, str], point: str = "", nth: int = 1, *, powers: bool = True
) -> Sender:
    """A sender at work on this house, which crashes at the `nth` passing of `point`. Without
    `powers` the permissions of files hold for it, even where root runs it.
    """
    return Sender(folder, environ, point, nth, powers)


def limit_files(sender: Sender, size: int) -> None:
    """No file of this sender may grow beyond so many bytes: further writes are errors."""
    resource.prlimit(sender.pid, resource.RLIMIT_FSIZE, (size, size))


@dataclass(frozen=True, slots=True)
class Found:
    """What the ledger says of each reader, beside how often the relay took a message for them.

    A long list is written in portions: `whole` when all of it is.
    """

    states: dict[str, str]
    resends: dict[str, int]
    taken: Counter[str]
    whole: bool


def found(house: House, relay: ScriptedRelay) -> Found:
    """Both accounts of the newest issue."""
    record = house.issue("weekly")
    with house.database.reading() as session:
        rows = ledger.deliveries(session, record.id, limit=10_000)
        names = roster.addresses(session, [row.subscriber for row in rows])
        whole = ledger.is_whole(session, record.id)
    return Found(
        {names[row.subscriber]: row.state for row in rows},
        {names[row.subscriber]: row.resends for row in rows},
        Counter(one.recipient for one in relay.accepted),
        whole,
    )


def hold_to_the_law(at: Found, readers: int, *, kills: int, resend: bool) -> None:
    """Nobody lost, nobody falsely sent, and all that is in doubt is known and bounded."""
    assert len(at.states) == readers or (not at.whole and len(at.states) < readers)
    assert set(at.taken) <= set(at.states), "sent to who is on no list"
    assert not [r for r, n in at.taken.items() if n > 1 + at.resends[r]], "doubled in silence"
    assert not [r for r, s in at.states.items() if s == "sent" and not at.taken[r]], "false"
    untaken = {
        r for r, s in at.states.items() if s not in ("pending", "claimed") and not at.taken[r]
    }
    assert untaken <= {r for r, s in at.states.items() if s in ("unknown", "deferred", "inflight")}
    assert doubtful(at) <= 2 * CONNECTIONS * kills
    if not resend:
        assert set(at.taken.values()) <= {1}


def doubtful(at: Found) -> int:
    """How many messages are in doubt, or were and have been sent again."""
    return sum(at.resends.values()) + sum(s in ("unknown", "inflight") for s in at.states.values())


def told(at: Found) -> str:
    """The figures, for who runs `make torture`."""
    sent = {reader for reader, state in at.states.items() if state == "sent"}
    unknown = {reader for reader, state in at.states.items() if state == "unknown"}
    untaken = {reader for reader in at.states if not at.taken[reader]}
    twice = sum(count > 1 for count in at.taken.values())
    return (
        f"{len(untaken - unknown)} lost, {len(untaken & sent)} falsely sent, {twice} twice,"
        f" {doubtful(at)} in doubt, all listed ({len(unknown)} unknown)"
    )


def main(
    folder: str, environ: dict[str, str], point: str, nth: int, powers: bool, said: str
) -> None:
    """Send, as the command line does: a sentence and a code, whatever happens."""
    if not powers:
        # capset(2), version 3: this process may nothing but what its user may.
        ctypes.CDLL(None).capset(struct.pack("Ii", 0x20080522, 0), bytes(24))
    for name in [name for name in os.environ if name.startswith("DIGEST_")]:
        del os.environ[name]
    try:
        with open_house(Path(folder), environ) as house:
            passing = _passing(point, nth)
            account = publish.send(
                house,
                clock=lambda: datetime.now(UTC),
                timing=QUICK,
                composing=lambda house, record: _Made(house, record, passing),
                passing=passing,
            )
    except Exception as error:  # noqa: BLE001 - a door: one sentence and a code
        Path(said).write_text(getattr(error, "what", traceback.format_exc()), "utf-8")
        sys.exit(getattr(error, "exit_code", 70))
    Path(said).write_text("cut" if account.cut else "drained" if account.interrupted else "")
    sys.exit(75 if account.open else 0)


class _Made(Composer):
    """Passes a point while it makes a message: there a machine may run out of memory."""

    def __init__(self, house: House, record: IssueRecord, passing: Callable[[str], None]) -> None:
        super().__init__(house, record)
        self._passing = passing

    def compose(
        self,
        recipient: Recipient,
        edition: Edition,
        message_id: str,
        date: datetime,
        prefix: str = "",
    ) -> Message:
        self._passing("while a message is made")
        return super().compose(recipient, edition, message_id, date, prefix)


def _passing(point: str, nth: int) -> Callable[[str], None]:
    passed = Counter[str]()

    def passing(name: str) -> None:
        passed[name] += 1
        if name == point.removeprefix("frozen ") and passed[name] == nth:
            if point != name:
                os.kill(os.getpid(), signal.SIGSTOP)
            else:
                os._exit(CRASHED)

    return passing
