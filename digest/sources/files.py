"""Files: documents on the disk, bounded like those of the web. Never here: what they mean."""

import stat
from collections.abc import Iterator
from pathlib import Path

from digest.errors import SourceError
from digest.sources.bodies import MOST_BYTES, too_large

SAVED = {".html", ".htm", ".txt", ".md", ".markdown"}
"""How the names of saved pages end."""
_OURS = "give the user that runs digest the right to read it"


def load(path: Path) -> bytes:
    """The bytes of a regular file. Raises SourceError where it is none, or too large."""
    try:
        if not stat.S_ISREG(path.stat().st_mode):
            raise SourceError(f"{path} is no file", remedy="correct its path")
        with path.open("rb") as file:
            data = file.read(MOST_BYTES + 1)
    except FileNotFoundError:
        raise SourceError(f"there is no file {path}", remedy="correct its path") from None
    except (OSError, ValueError) as error:
        why = getattr(error, "strerror", None) or str(error)
        raise SourceError(f"{path} could not be read: {why}", remedy=_OURS) from error
    if len(data) > MOST_BYTES:
        raise too_large(str(path))
    return data


def load_saved(path: Path) -> bytes:
    """As `load`, of a page in a folder: a link that leads out of its folder is not followed."""
    try:
        within = path.resolve().is_relative_to(path.parent.resolve())
    except (OSError, RuntimeError):  # links in a circle
        within = False
    if not within:
        raise SourceError("it is a link out of its folder", remedy="copy the page into the folder")
    return load(path)


def saved_pages(folder: Path) -> list[Path]:
    """The saved pages in a folder, by name. Raises SourceError where there is none."""
    if not folder.is_dir():
        raise SourceError(f"{folder} is no folder", remedy="correct folder = in digest.toml")
    found = sorted(_pages(folder))
    if not found:
        raise SourceError(
            f"{folder} holds no saved page", remedy="save pages there as .html, .txt or .md"
        )
    return found


def _pages(folder: Path) -> Iterator[Path]:
    try:
        for path in folder.iterdir():
            if path.suffix.lower() in SAVED and not path.name.startswith("."):
                yield path
    except OSError as error:
        why = error.strerror
        raise SourceError(f"{folder} could not be read: {why}", remedy=_OURS) from error
