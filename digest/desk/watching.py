"""Watching the disk: settings, theme and templates as they are now, and a mark of their state.

A browser that waits for news asks for the mark; it changes when one of these files does. The
files are looked at again at most every tenth of a second, however many ask.
"""

import hashlib
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

from digest.errors import DigestError
from digest.publish import House, templates_folder

EVERY = 0.1  # seconds
LOOKED_AT = ("digest.toml", "digest.env")
SUFFIXES = {".jinja", ".css"}


@dataclass(slots=True)
class Watched:
    """The house, read anew when its files change. `reread` makes a house of the settings now.

    Settings that cannot be read leave the house as it was; `fault` then says what is wrong.
    """

    _house: House
    _reread: Callable[[House], House]
    fault: DigestError | None = None
    _mark: str = ""
    _told: str = ""
    _files: list[Path] = field(default_factory=list)
    _at: float = 0.0
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def __post_init__(self) -> None:
        """What is changed from now on is seen."""
        self._look()

    @property
    def house(self) -> House:
        """With the settings as they are on the disk."""
        self.mark()
        return self._house

    def mark(self, *, anew: bool = False) -> str:
        """Equal for equal states of the files; `anew`, they are looked at now."""
        with self._lock:
            if anew or time.monotonic() - self._at >= EVERY:
                self._look()
                self._at = time.monotonic()
            return self._mark

    def _look(self) -> None:
        folder = self._house.settings.folder
        told = _state(folder / name for name in LOOKED_AT)
        if self._told and told != self._told:
            self._read_again()
        self._told = told
        files = list(_templates(folder))
        if self._files and files != self._files:
            # A template that came or went: what was loaded from elsewhere is not looked for again.
            self._house = replace(self._house)
        self._files = files
        self._mark = told + _state(iter(files))

    def _read_again(self) -> None:
        try:
            self._house, self.fault = self._reread(self._house), None
        except DigestError as error:
            self.fault = error


def _templates(folder: Path) -> Iterator[Path]:
    for place in (folder / "templates", templates_folder()):
        if place.is_dir():
            yield from sorted(path for path in place.rglob("*") if path.suffix in SUFFIXES)


def _state(paths: Iterator[Path]) -> str:
    digest = hashlib.sha256()
    for path in paths:
        try:
            found = path.stat()
        except OSError:
            continue  # moved away while we looked: the next look sees what took its place
        digest.update(f"{path}\0{found.st_mtime_ns}\0{found.st_size}\0".encode())
    return digest.hexdigest()[:16]
