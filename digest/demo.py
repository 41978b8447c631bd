"""The demonstration: the whole main job with nothing configured, in a folder of its own.

A door that plays the operator and the relay: writes the sample, collects it, prepares and
approves an issue, and sends it over real SMTP to a server in this process that files the mail
in a Maildir. Run again it finds everything done. Never here: a shortcut past `publish`.
"""

import contextlib
import mailbox
import socket
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, Envelope, Session

from digest import publish, sample
from digest.errors import IssueError, SettingsError
from digest.publish import Account, House, Progress, ReaderLine
from digest.settings import FILE, SECRETS_FILE
from subscribers import roster
from subscribers.preferences import EVERYTHING, Preferences

NEWSLETTER = "weekly"
READERS = {
    "ann@readers.example": EVERYTHING,
    "ben@readers.example": Preferences(frozenset({"Global"})),
    "chandra@readers.example": Preferences(frozenset({"Opinion"})),
    "dora@readers.example": Preferences(None, "text"),
    "emil@readers.example": EVERYTHING,
    "fay@readers.example": EVERYTHING,
    "goran@readers.example": Preferences(frozenset({"Science"})),
}
WITHDRAWN, SUPPRESSED = "emil@readers.example", "fay@readers.example"


@dataclass(frozen=True, slots=True)
class Demonstration:
    """What happened and where to look. `again` tells that everybody already had the issue."""

    folder: Path
    account: Account
    readers: tuple[ReaderLine, ...]
    articles: int
    again: bool
    html: Path
    text: Path
    mail: Path


def demonstrate(
    folder: Path,
    environ: Mapping[str, str],
    clock: Callable[[], datetime],
    on_step: Callable[[str], None],
    on_progress: Callable[[Progress], None],
) -> Demonstration:
    """Do the whole main job in `folder`; safe to call again, also after it was interrupted."""
    _furnish(folder, clock())
    mail = folder / "mail"
    with _maildir_server(mail) as port:
        overriding = {
            **environ,
            "DIGEST_RELAY_PORT": str(port),
            "DIGEST_RELAY_HOST": "127.0.0.1",
            "DIGEST_RELAY_SECURITY": "none",
        }
        with publish.open_house(folder, overriding) as house:
            again = _has_been_sent(house)
            record = _issue(house, clock, on_step)
            if not again:
                on_step("sending over SMTP")
            account = publish.send(
                house, NEWSLETTER, record.issue.number, clock=clock, on_progress=on_progress
            )
            lines = tuple(publish.readers(house, account.record))
            html, text = _write_issue(house, folder, account)
            articles = house.article_count()
    return Demonstration(folder, account, lines, articles, again, html, text, mail / "new")


def _furnish(folder: Path, now: datetime) -> None:
    if (folder / FILE).exists():
        if not (folder / "saved" / "world.rss").exists():
            raise SettingsError(
                f"{folder} holds somebody's settings, not the demonstration's",
                remedy="name another folder: digest demo FOLDER",
            )
        return
    folder.mkdir(parents=True, exist_ok=True)
    sample.write(folder, now)
    publish.write_secret(folder / SECRETS_FILE)
    # Last: with it the folder is furnished.
    (folder / FILE).write_text(sample.settings(2525), encoding="utf-8")


def _issue(
    house: House, clock: Callable[[], datetime], on_step: Callable[[str], None]
) -> publish.IssueRecord:
    with contextlib.suppress(IssueError):
        record = house.issue(NEWSLETTER)
        if record.state != "draft":
            return record
    on_step("collecting two feeds and a saved page")
    publish.collect(house, now=clock())
    _invite(house, clock())
    on_step("preparing, checking and approving the issue")
    number = publish.prepare(house, NEWSLETTER, now=clock()).record.issue.number
    return publish.approve(house, NEWSLETTER, number, by="the demonstration", now=clock())


def _invite(house: House, now: datetime) -> None:
    keys = house.settings.keys
    with house.database.writing() as session:
        if roster.listing(session, NEWSLETTER):
            return
        for address, preferences in READERS.items():
            roster.add(
                session,
                address,
                NEWSLETTER,
                preferences,
                how="demo",
                now=now,
                keys=keys,
                evidence="invented for the demonstration",
            )
        leaving = roster.find(session, WITHDRAWN).subscriber
        roster.withdraw(session, leaving, NEWSLETTER, how="page", now=now, reason="too many mails")
        roster.suppress(session, SUPPRESSED, reason="bounce", how="demo", now=now, keys=keys)


def _has_been_sent(house: House) -> bool:
    return any(record.state == "sent" for record in house.issues(NEWSLETTER))


def _write_issue(house: House, folder: Path, account: Account) -> tuple[Path, Path]:
    html, text = publish.write_shown(publish.shown(house, account.record, ()), folder)
    return html, text


class _Filing:
    """aiosmtpd's handler: every message into the Maildir before it is acknowledged."""

    def __init__(self, maildir: mailbox.Maildir) -> None:
        self._maildir = maildir

    async def handle_DATA(self, _server: SMTP, _session: Session, envelope: Envelope) -> str:  # noqa: N802
        """File one message (the name is aiosmtpd's)."""
        content = envelope.content if isinstance(envelope.content, bytes) else b""
        head = f"Return-Path: <{envelope.mail_from}>\r\nDelivered-To: {envelope.rcpt_tos[0]}\r\n"
        self._maildir.add(head.encode() + content)
        return "250 2.0.0 filed"


@contextlib.contextmanager
def _maildir_server(folder: Path) -> Iterator[int]:
    maildir = mailbox.Maildir(folder, create=True)
    # aiosmtpd's Controller knocks at the port it was given, so it must be a real one.
    with socket.create_server(("127.0.0.1", 0)) as free:
        port: int = free.getsockname()[1]
    controller = Controller(_Filing(maildir), hostname="127.0.0.1", port=port)
    controller.start()
    try:
        yield port
    finally:
        controller.stop()
