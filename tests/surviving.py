"""A sender in a process of its own, to be killed; and the law that must hold whatever happened.

Run as a program it sends the newest issue: `python -m tests.surviving FOLDER [POINT NTH]`; at the
NTH passing of POINT it is gone, as if the power had failed. With "frozen " before the point it
stands still there.
"""

import os
import signal
import subprocess
import sys
from collections import Counter
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from digest import ledger, publish
from digest.publish import House, Timing, open_house
from subscribers import roster
from tests.relay import ScriptedRelay

CONNECTIONS = 4
CRASHED = 137
POINTS = [
    "after a claim",
    "before a group is committed",
    "inside a group",
    "after intents",
    "after outcomes",
    "before the rest is given back",
]
# Short enough to wait for; what matters is that the grace is longer than the wait after the dot.
QUICK = Timing(timedelta(seconds=1), timedelta(seconds=1))


def started(
    folder: Path, environ: dict[str, str], point: str = "", nth: int = 1
) -> "subprocess.Popen[bytes]":
    """The program below, at work on this house."""
    return subprocess.Popen(
        [sys.executable, "-m", "tests.surviving", str(folder), point, str(nth)],
        env={**os.environ, "DIGEST_RELAY_CONNECTIONS": str(CONNECTIONS), **environ},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        cwd=Path(__file__).parents[1],
    )


@dataclass(frozen=True, slots=True)
class Found:
    """What the ledger says of each reader, beside how often the relay took a message for them."""

    states: dict[str, str]
    resends: dict[str, int]
    taken: Counter[str]


def found(house: House, relay: ScriptedRelay) -> Found:
    """Both accounts of the newest issue."""
    record = house.issue("weekly")
    with house.database.reading() as session:
        rows = ledger.deliveries(session, record.id, limit=10_000)
        names = roster.addresses(session, [row.subscriber for row in rows])
    return Found(
        {names[row.subscriber]: row.state for row in rows},
        {names[row.subscriber]: row.resends for row in rows},
        Counter(one.recipient for one in relay.accepted),
    )


def hold_to_the_law(at: Found, readers: int, *, kills: int, resend: bool) -> None:
    """Nobody lost, nobody falsely sent, and all that is in doubt is known and bounded."""
    assert len(at.states) == readers
    assert not [r for r, n in at.taken.items() if n > 1 + at.resends[r]], "doubled in silence"
    assert not [r for r, s in at.states.items() if s == "sent" and not at.taken[r]], "false"
    untaken = {
        r for r, s in at.states.items() if s not in ("pending", "claimed") and not at.taken[r]
    }
    assert untaken <= {r for r, s in at.states.items() if s in ("unknown", "deferred", "inflight")}
    doubtful = sum(at.resends.values()) + sum(s == "unknown" for s in at.states.values())
    assert doubtful <= 2 * CONNECTIONS * kills
    if not resend:
        assert set(at.taken.values()) <= {1}


def main() -> None:
    """See above."""
    folder, point, nth = sys.argv[1], sys.argv[2], int(sys.argv[3])
    passed = Counter[str]()

    def passing(name: str) -> None:
        passed[name] += 1
        if name == point.removeprefix("frozen ") and passed[name] == nth:
            if point != name:
                os.kill(os.getpid(), signal.SIGSTOP)
            else:
                os._exit(CRASHED)

    environ = {k: v for k, v in os.environ.items() if k.startswith("DIGEST_")}
    with open_house(Path(folder), environ) as house:
        account = publish.send(
            house, clock=lambda: datetime.now(UTC), timing=QUICK, passing=passing
        )
    sys.exit(75 if account.open else 0)


if __name__ == "__main__":
    try:
        main()
    except Exception as error:  # noqa: BLE001 - a door: one sentence and a code
        sys.stderr.write(f"{error}\n")
        sys.exit(getattr(error, "exit_code", 1))
