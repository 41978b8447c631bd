"""Mailboxes: where mail to the return path is kept until we have read it. I/O only.

Each gives the bytes of a mail (its first `MOST`) and how to say there that it is read. Nothing is
ever deleted: a Maildir's mail gets the flag S, an IMAP mailbox's gets \\Seen. Never here: what a
mail means.
"""

import contextlib
import imaplib
import mailbox
import ssl
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from digest.errors import SourceError

MOST = 1 << 20  # bytes: a report is a few thousand, and more of one is the mail that came back
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


def maildir(path: Path) -> Iterator[Arrived]:
    """The mail in a Maildir that has not been read. Raises SourceError where there is none."""
    if not (path / "new").is_dir() or not (path / "cur").is_dir():
        raise SourceError(f"{path} is no Maildir", remedy="check [bounces] maildir")
    box = mailbox.Maildir(path, create=False)
    for name in sorted(box.iterkeys()):
        with contextlib.suppress(KeyError):  # somebody else took it away
            if "S" in box.get_message(name).get_flags():
                continue
            with contextlib.closing(box.get_file(name)) as file:
                raw = file.read(MOST)
            yield raw, _seen(box, name)


def _seen(box: mailbox.Maildir, name: str) -> Callable[[], None]:
    def done() -> None:
        with contextlib.suppress(KeyError):
            message = box.get_message(name)
            message.set_subdir("cur")
            message.add_flag("S")
            box[name] = message

    return done


def imap(place: Imap) -> Iterator[Arrived]:
    """The unseen mail of an IMAP mailbox. Raises SourceError (exit 1): no answer, no entry."""
    try:
        with contextlib.ExitStack() as stack:
            server = stack.enter_context(_connected(place))
            server.login(place.username, place.password)
            kind, _ = server.select(f'"{place.folder}"')
            if kind != "OK":
                raise SourceError(f"the mailbox {place.folder} is not there on {place.host}")
            _, found = server.uid("SEARCH", "UNSEEN")
            for uid in (found[0] or b"").decode().split():
                # PEEK: it is marked only when it is kept here.
                _, parts = server.uid("FETCH", uid, f"(BODY.PEEK[]<0.{MOST}>)")
                raw = next((part[1] for part in parts if isinstance(part, tuple)), b"")
                if raw:
                    yield raw, _stored(server, uid)
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


def _connected(place: Imap) -> imaplib.IMAP4:
    secure = ssl.create_default_context()
    if place.security == "tls":
        return imaplib.IMAP4_SSL(place.host, place.port, ssl_context=secure, timeout=PATIENCE)
    server = imaplib.IMAP4(place.host, place.port, timeout=PATIENCE)
    if place.security == "starttls":
        server.starttls(secure)
    return server


def _stored(server: imaplib.IMAP4, uid: str) -> Callable[[], None]:
    def done() -> None:
        server.uid("STORE", uid, "+FLAGS.SILENT", "(\\Seen)")

    return done


def _said(error: Exception) -> str:
    told = error.args[0] if error.args else ""
    text = told.decode("utf-8", "replace") if isinstance(told, bytes) else str(told)
    return " ".join(text.split())[:200]
