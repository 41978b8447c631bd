"""Where a sender runs, written so that another one on the same machine can tell that it is gone.

A process number means something only within one boot and one namespace of numbers; where these
differ or cannot be read nobody is presumed dead, and the lease decides.
"""

import os
import socket
from pathlib import Path


def myself() -> str:
    """This process, for the ledger: host, process and place."""
    return f"{socket.gethostname()}:{os.getpid()}:{_place()}"


def gone(name: str) -> bool:
    """Whether the process of that name is known not to exist any more.

    What follows a space says what it does, not where it is.
    """
    name = name.partition(" ")[0]
    host, _, rest = name.rpartition(":")[0].rpartition(":")
    place = name.rpartition(":")[2]
    if not place or place != _place() or host != socket.gethostname() or not rest.isdigit():
        return False
    try:
        os.kill(int(rest), 0)
    except ProcessLookupError:
        return True
    except OSError:
        return False
    return False


def _place() -> str:
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text("ascii").strip()
        return f"{boot[:13]}.{Path('/proc/self/ns/pid').readlink().name.strip('pid:[]')}"
    except OSError:
        return ""
