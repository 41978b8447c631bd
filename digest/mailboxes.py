"""Mailboxes: where mail to the return path is kept until we have read it. I/O only.

Each gives some mails at a time: of each its bytes (its first `MOST`), and how to say there that it
is read. Nothing is ever deleted: a Maildir's mail gets the flag S, an IMAP mailbox's gets \\Seen.
Never here: what a mail means.
"""

import contextlib
import imaplib
import os
import ssl
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from digest.errors import SourceError

MOST = 1 << 20  # bytes: a report is a few thousand, and more of one is the mail that came back
# Mails that are kept together, in number and in bytes: so few that nobody who writes waits long
# until they are kept. Of 10 bounces that is 25 ms on SQLite, of 50 it was 110, and no quicker.
BATCH, FULL = 10, 4 * MOST
PATIENCE = 60  # seconds for each answer of an IMAP server

Arrived = tuple[bytes, Callable[[], None]]


@dataclass(frozen=True, slots=True)
class Imap:
    """An IMAP mailbox. `security` is "tls", "starttls" or "none"."""

    host: str
    port: int
    username: str
    password: str
    folder: str = "INBOX"
    security: str = "tls"


def together(mails: Iterable[Arrived]) -> Iterator[list[Arrived]]:
    """Some at a time; those that came before an error are given before it is raised."""
    batch: list[Arrived] = []
    size, failed = 0, None
    try:
        for mail in mails:
            batch.append(mail)
            size += len(mail[0])
            if len(batch) == BATCH or size >= FULL:
                yield batch
                batch, size = [], 0
    except Exception as error:  # noqa: BLE001 - raised below
        failed = error
    if batch:
        yield batch
    if failed:
        raise failed


def maildir(path: Path) -> Iterator[list[Arrived]]:
    """The mail in a Maildir that has not been read.

    Raises SourceError where there is none, and last of all for a mail that can't be read: none
    keeps the others from being.
    """
    if not (path / "new").is_dir() or not (path / "cur").is_dir():
        raise SourceError(f"{path} is no Maildir", remedy="check [bounces] maildir")
    yield from together(_delivered(path))


def _delivered(path: Path) -> Iterator[Arrived]:
    failed = None
    for file in _unread(path):
        try:
            with file.open("rb") as opened:
                raw = opened.read(MOST)
        except FileNotFoundError:  # somebody else took it away
            continue
        except OSError as error:
            failed = error
            continue
        yield raw, partial(_flag, file)
    if failed:
        raise _unreadable(path, failed) from failed


def _unread(path: Path) -> list[Path]:
    """The files without the flag S, the oldest first: their names begin with a time."""
    try:
        found = [
            Path(entry)
            for folder in ("new", "cur")
            for entry in os.scandir(path / folder)
            if entry.is_file() and not entry.name.startswith(".")
        ]
    except OSError as error:
        raise _unreadable(path, error) from error
    unread = [file for file in found if "S" not in file.name.partition(":2,")[2]]
    return sorted(unread, key=lambda file: file.name)


def _flag(file: Path) -> None:
    """Renamed, and never written anew: no library can copy what strangers wrote byte for byte."""
    name, _, flags = file.name.partition(":2,")
    told = "".join(sorted({*flags, "S"}))
    target = file.parent.with_name("cur") / f"{name}:2,{told}"
    try:
        if not target.exists():  # a name twice is somebody's mistake, and loses no mail
            file.rename(target)
    except FileNotFoundError:
        return
    except OSError as error:
        raise _unreadable(file.parent.parent, error) from error


def _unreadable(path: Path, error: OSError) -> SourceError:
    why = f"{path} could not be read through: {error.strerror}: {error.filename}"
    return SourceError(why, remedy="let digest read and rename every file of this Maildir")


def imap(place: Imap) -> Iterator[list[Arrived]]:
    """The unseen mail of an IMAP mailbox. Raises SourceError (exit 1): no answer, no entry."""
    with _told(place), _connected(place) as server:
        _enter(server, place)
        yield from together(_unseen(server, place))


def _unseen(server: imaplib.IMAP4, place: Imap) -> Iterator[Arrived]:
    _, found = server.uid("SEARCH", "UNSEEN")
    for uid in (found[0] or b"").decode().split():
        # PEEK: it is marked only when it is kept here.
        _, parts = server.uid("FETCH", uid, f"(BODY.PEEK[]<0.{MOST}>)")
        raw = next((part[1] for part in parts if isinstance(part, tuple)), b"")
        if raw:
            yield raw, partial(_store, server, uid, place)


@contextlib.contextmanager
def _told(place: Imap) -> Iterator[None]:
    """What goes wrong with a server, as a SourceError."""
    try:
        yield
    except imaplib.IMAP4.error as error:
        raise SourceError(
            f"the mailbox on {place.host} said no: {_said(error)}",
            remedy="check [bounces] imap, DIGEST_BOUNCES_USERNAME and DIGEST_BOUNCES_PASSWORD",
        ) from error
    except (OSError, ssl.SSLError) as error:
        raise SourceError(
            f"{place.host}:{place.port} could not be reached: {error}",
            remedy="check [bounces] imap and security, or try again later",
        ) from error


def _enter(server: imaplib.IMAP4, place: Imap) -> None:
    if (place.username + place.password).isascii():
        server.login(place.username, place.password)
    else:  # RFC 4616; LOGIN knows ASCII alone
        told = f"\0{place.username}\0{place.password}".encode()
        server.authenticate("PLAIN", lambda _: told)
    if not (place.folder.isascii() and place.folder.isprintable()):
        raise SourceError(
            f"the mailbox {place.folder!r} has a name that is not ASCII",
            remedy="write [bounces] mailbox as the server does, in modified UTF-7 (RFC 3501)",
        )
    quoted = place.folder.replace("\\", "\\\\").replace('"', '\\"')
    kind, _ = server.select(f'"{quoted}"')
    if kind != "OK":
        raise SourceError(f"the mailbox {place.folder} is not there on {place.host}")


@contextlib.contextmanager
def _connected(place: Imap) -> Iterator[imaplib.IMAP4]:
    secure = ssl.create_default_context()
    if place.security == "tls":
        server: imaplib.IMAP4 = imaplib.IMAP4_SSL(
            place.host, place.port, ssl_context=secure, timeout=PATIENCE
        )
    else:
        server = imaplib.IMAP4(place.host, place.port, timeout=PATIENCE)
    try:
        if place.security == "starttls":
            server.starttls(secure)
        yield server
    finally:
        # Both: without an answer to the first, the library leaves the connection open.
        for end in (server.logout, server.shutdown):
            with contextlib.suppress(imaplib.IMAP4.error, OSError):
                end()


def _store(server: imaplib.IMAP4, uid: str, place: Imap) -> None:
    with _told(place):
        server.uid("STORE", uid, "+FLAGS.SILENT", "(\\Seen)")


def _said(error: Exception) -> str:
    told = error.args[0] if error.args else ""
    text = told.decode("utf-8", "replace") if isinstance(told, bytes) else str(told)
    return " ".join(text.split())[:200]
