"""Where what came back waits -> receiving: some at a time, each marked once it is kept.

Killed at any moment, nothing is lost: what is not marked comes again, and counts once.
"""

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from pathlib import Path
from typing import BinaryIO

from digest import mailboxes
from digest.errors import SettingsError, SourceError
from digest.mailboxes import Arrived
from digest.publish.opening import House
from digest.publish.receiving import Received, receive_together


def receive_all(
    house: House, arrived: Iterable[list[Arrived]], *, source: str, now: datetime
) -> Iterator[Received]:
    """Take in what a mailbox holds; each is marked as read there once it is kept here.

    Those that arrive together are kept together, which spares most of the commits. Raises what
    `arrived` and the marks do, once the others are taken in; what was kept and not marked comes
    again, and is known then.
    """
    failed = None
    for batch in arrived:
        taken = receive_together(house, [raw for raw, _ in batch], source=source, now=now)
        for received, (_, done) in zip(taken, batch, strict=True):
            try:
                done()
            except SourceError as error:
                failed = error
            yield received
    if failed:
        raise failed


def arrivals(
    house: House, files: Sequence[Path], folder: Path | None, pipe: BinaryIO
) -> Iterator[tuple[str, Iterator[list[Arrived]]]]:
    """What there is to take in: these files, this Maildir, or the mailboxes of the settings.

    Raises SourceError for what can't be read, SettingsError where nothing is named anywhere.
    """
    told = house.settings.bounces
    if files:
        yield "file", mailboxes.together(_read(file, pipe) for file in files)
        return
    if folder is None and not (told.maildir or told.imap):
        raise SettingsError(
            "nothing says where bounces are", remedy="set [bounces] maildir or imap, or name a file"
        )
    if folder is not None or told.maildir:
        yield "maildir", mailboxes.maildir(folder or house.settings.folder / told.maildir)
    if folder is None and told.imap:
        host, _, port = told.imap.rpartition(":")
        standard = 993 if told.security == "tls" else 143
        place = mailboxes.Imap(
            host or told.imap,
            int(port) if host and port.isdigit() else standard,
            told.username.get_secret_value(),
            told.password.get_secret_value(),
            told.mailbox,
            told.security,
        )
        yield "imap", mailboxes.imap(place)


def _read(file: Path, pipe: BinaryIO) -> Arrived:
    if str(file) == "-":
        return pipe.read(mailboxes.MOST), lambda: None
    try:
        with file.open("rb") as opened:
            return opened.read(mailboxes.MOST), lambda: None
    except OSError as error:
        raise SourceError(f"{file} could not be read: {error.strerror}") from error
