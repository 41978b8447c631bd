"""Turns: who writes next to an SQLite file. First come, first served, among threads and processes.

SQLite alone lets whoever asks at the right moment go first: others sleep, longer each time, and a
sender that commits a thousand times a second is always there before they wake up. So one waits
here for one's turn before asking SQLite, whose own locks remain what keeps the data whole; this
is but courtesy, and whoever waits for too long goes and asks without it. Never here: SQL.
"""

import contextlib
import os
import threading
import time
from collections import deque
from collections.abc import Iterator
from pathlib import Path

PATIENCE = 10.0  # seconds to wait for other processes: one of them may stand still
GLANCE = 0.0005  # seconds between two looks at a lock that another process has


class Turns:
    """Give a turn with `with turns.taken()`. Two files beside the database hold the line:

    whoever holds `.next` is the next to hold `.turn`. So one who has just been cannot come before
    one who waits. Without files (None), or where they cannot be had, threads alone are in line.
    """

    def __init__(self, database: Path | None, patience: float = PATIENCE) -> None:
        # Not by which link one comes to it, but which it is.
        self._database = database and Path(os.path.realpath(database))
        self._patience = patience
        self._files: tuple[int, int] | None = None
        self._closed = False
        self._lock = threading.Lock()  # of the line of threads; held for moments
        self._line = deque[tuple[int, threading.Lock]]()  # the first has the turn

    def __len__(self) -> int:
        """How many threads of this process are in line, with the one whose turn it is."""
        return len(self._line)

    @contextlib.contextmanager
    def taken(self, patience: float | None = None) -> Iterator[None]:
        """Wait for the turn and have it. Raises RuntimeError for who has it already.

        With `patience` (seconds) TimeoutError where it doesn't come until then: that one goes away.
        """
        mine = self._join()
        try:
            if not mine.acquire(timeout=-1 if patience is None else patience):
                raise TimeoutError
            held = self._hold(self._patience if patience is None else patience)
            if patience is not None and self._files and not held:
                raise TimeoutError
            try:
                yield
            finally:
                if held:
                    _unlock(held)
        finally:
            self._leave(mine)

    def close(self) -> None:
        """Give the files back; whoever is in line has them until the end of it."""
        with self._lock:
            self._closed = True
            self._give_back()

    def _join(self) -> threading.Lock:
        mine, me = threading.Lock(), threading.get_ident()
        with self._lock:
            if any(thread == me for thread, _ in self._line):
                raise RuntimeError("this thread writes already, and would wait for ever")
            if self._line:
                mine.acquire()
            self._line.append((me, mine))
        return mine

    def _leave(self, mine: threading.Lock) -> None:
        with self._lock:
            was_first = self._line[0][1] is mine
            self._line = deque(one for one in self._line if one[1] is not mine)
            if was_first and self._line:
                self._line[0][1].release()
            self._give_back()

    def _give_back(self) -> None:
        if self._closed and not self._line:
            for file in self._files or ():
                os.close(file)
            self._files = None

    def _hold(self, patience: float) -> int | None:
        """The file that was locked; None where courtesy fails."""
        files = self._opened()
        if files is None:
            return None
        following, turn = files
        until = time.monotonic() + patience
        if not _locked(following, until):
            return None
        try:
            return turn if _locked(turn, until) else None
        finally:
            _unlock(following)

    def _opened(self) -> tuple[int, int] | None:
        if self._files is None and self._database is not None:
            # To read is enough to lock: another user's process may have made them.
            flags = os.O_RDONLY | os.O_CREAT | os.O_CLOEXEC
            with contextlib.suppress(OSError):
                following = os.open(f"{self._database}.next", flags, 0o644)
                try:
                    self._files = following, os.open(f"{self._database}.turn", flags, 0o644)
                except OSError:
                    os.close(following)
                    raise
        return self._files


def _locked(file: int, until: float) -> bool:
    """Whether the file could be locked before then."""
    try:
        import fcntl
    except ImportError:  # on Windows
        return False
    while True:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() > until:
                return False
            time.sleep(GLANCE)
        except OSError:  # a file system without such locks
            return False
        else:
            return True


def _unlock(file: int) -> None:
    import fcntl

    fcntl.flock(file, fcntl.LOCK_UN)
