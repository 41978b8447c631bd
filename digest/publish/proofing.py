"""Proofs: the very message that a reader gets, taken apart for the desk; and how many get which.

Only what names a reader differs from what goes out: the links of a proof act for nobody.
Never here: how a proof is looked at (the desk).
"""

import email
import email.policy
from collections import Counter
from dataclasses import dataclass, replace
from datetime import datetime
from email.message import EmailMessage

from digest.archive import IssueRecord
from digest.edition import Edition, cut, subject_for
from digest.errors import IssueError
from digest.publish.composing import Composer
from digest.publish.frequency import readers_of
from digest.publish.opening import House
from subscribers import roster
from subscribers.preferences import EVERYTHING, Preferences
from subscribers.recipient import Recipient

SOMEBODY = "reader@example.org"
_NOBODY = 0  # no subscriber has this number


@dataclass(frozen=True, slots=True)
class Proof:
    """One message: all of its bytes, and its parts as a mail program reads them.

    `edition` names the cut. `html` is "" where the mail is text alone.
    """

    data: bytes
    edition: str
    subject: str
    preheader: str
    headers: tuple[tuple[str, str], ...]
    html: str
    text: str


@dataclass(frozen=True, slots=True)
class Reach:
    """Who gets an issue: how many readers, by edition, and how many have nothing to read in it."""

    editions: tuple[tuple[str, int], ...] = ()
    nothing: int = 0

    @property
    def readers(self) -> int:
        """How many get a mail."""
        return sum(count for _, count in self.editions)


def proof(
    house: House,
    record: IssueRecord,
    preferences: Preferences = EVERYTHING,
    *,
    second: bool = False,
) -> Proof:
    """The message of a reader of these preferences, as it is made for the relay.

    `second`: of two subjects, with the second. Raises IssueError where such a reader gets nothing;
    DkimError, MessageError, TemplateError, SettingsError where no message can be made at all.
    """
    edition = _edition(record, preferences)
    recipient = Recipient(_NOBODY, SOMEBODY, record.issue.at, preferences)
    second = second and bool(record.issue.second_subject)
    return _proof(house, record, replace(edition, second=second), recipient)


def _edition(record: IssueRecord, preferences: Preferences) -> Edition:
    edition = cut(record.issue, preferences)
    if edition is None:
        raise IssueError(
            f"such a reader gets nothing of issue {record.issue.number}",
            remedy="choose a section that has a story",
        )
    return edition


def _proof(house: House, record: IssueRecord, edition: Edition, recipient: Recipient) -> Proof:
    composer = Composer(house, record)
    message_id = composer.message_id(_NOBODY)
    made = composer.compose(recipient, edition, message_id, record.issue.at)
    read = email.message_from_bytes(made.data, policy=email.policy.default)
    rendering = composer.rendering(edition)
    return Proof(
        made.data,
        edition.key,
        rendering.subject,
        rendering.preheader,
        tuple((name, str(value)) for name, value in read.raw_items()),
        _part(read, "html"),
        _part(read, "plain"),
    )


def proof_for(house: House, record: IssueRecord, address: str) -> Proof:
    """The message of one reader of the roster, with the subject that falls to them.

    Raises IssueError where they get none, with the reason; UnknownSubscriber, InvalidAddress.
    """
    with house.database.reading() as session:
        known = roster.find(session, address)
    newsletter = house.settings.list_of(record.issue.newsletter)
    theirs = next((s for s in known.subscriptions if s.newsletter == newsletter), None)
    if theirs is None or theirs.state != "confirmed" or known.suppressed:
        stands = f"is {theirs.state}" if theirs else "is not on the list"
        stands = "is suppressed" if known.suppressed else stands
        raise IssueError(
            f"{address} gets no {record.issue.title}: {stands}",
            remedy="`digest subscribers show` tells all about a reader",
        )
    edition = subject_for(_edition(record, theirs.preferences), known.subscriber)
    since = theirs.confirmed_at or record.issue.at
    recipient = Recipient(_NOBODY, known.address, since, theirs.preferences)
    return _proof(house, record, edition, recipient)


def reach(house: House, record: IssueRecord, *, now: datetime) -> Reach:
    """How many readers would get the issue now, by edition; the largest first."""
    wanted = readers_of(house, record)
    with house.database.reading() as session:
        found = roster.tastes(session, wanted.newsletter, now=now, frequencies=wanted.frequencies)
    editions: Counter[str] = Counter()
    nothing = 0
    for preferences, count in found:
        edition = cut(record.issue, preferences)
        if edition:
            editions[edition.key] += count
        else:
            nothing += count
    return Reach(tuple(editions.most_common()), nothing)


def _part(read: EmailMessage, kind: str) -> str:
    found = read.get_body((kind,))
    return str(found.get_content()) if found else ""
