"""How many mails of a folder are understood as reports, by us and by flufl.bounce alone.

    scripts/reports.py FOLDER...    one mail a file; what only one of the two understands is listed

A folder of known failures gives the recall, one of other mail the false positives. Real reports
come with flufl.bounce (`pip download --no-binary :all: --no-deps flufl.bounce`, in tests/data)
and with Debian's source of libmail-deliverystatus-bounceparser-perl (in t/corpus).
"""

import email
import logging
import sys
from collections import Counter
from pathlib import Path

from flufl.bounce import all_failures

from subscribers.bounces import understand


def by_flufl(raw: bytes) -> bool:
    """Whether flufl.bounce finds an address that failed, now or for good."""
    try:
        return any(all_failures(email.message_from_bytes(raw)))
    except Exception:  # noqa: BLE001 - what it raises on is not understood
        return False


def measure(folder: Path) -> None:
    """Print what was understood of the mails in a folder."""
    kinds: Counter[str] = Counter()
    faults: Counter[str] = Counter()
    theirs = 0
    for file in sorted(one for one in folder.iterdir() if one.is_file() and one.stat().st_size):
        raw = file.read_bytes()
        found, flufl = understand(raw), by_flufl(raw)
        kinds[found.kind] += 1
        faults.update(failure.fault for failure in found.failures)
        theirs += flufl
        if (found.kind in {"bounce", "delayed", "complaint"}) != flufl:
            print(f"  {file.name}: {found.kind} {'' if flufl else 'not '}by flufl.bounce")
    print(f"{folder}: {kinds.total()} mails, {dict(kinds)}, faults {dict(faults)}; "
          f"flufl.bounce alone understands {theirs}")  # fmt: skip


if __name__ == "__main__":
    if not sys.argv[1:]:
        sys.exit("Usage: scripts/reports.py FOLDER...")
    logging.disable(logging.CRITICAL)
    for name in sys.argv[1:]:
        measure(Path(name))
