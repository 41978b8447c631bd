"""One reader's message: the edition's blank, the reader's links, envelope and signature."""

import re
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from email.utils import parseaddr
from functools import cached_property

from digest import rendering
from digest.archive import IssueRecord
from digest.dkim import DkimKey
from digest.edition import Edition, Issue
from digest.messages import Blank, Letterhead, Links, Message
from digest.publish.opening import House
from digest.publish.signing import signed, signing_keys
from digest.rendering import Reader, Rendering
from subscribers import tokens
from subscribers.recipient import Recipient
from subscribers.tokens import Token


def return_domain(house: House, sender_domain: str) -> str:
    """The domain of the envelope senders of a newsletter that comes from `sender_domain`."""
    return house.settings.bounces.domain or sender_domain


def letterhead(house: House, issue: Issue) -> Letterhead:
    """What the headers say of the sender, the same for every reader of the issue."""
    _, settings = house.newsletter(issue.newsletter)
    publisher = house.settings.publisher
    return Letterhead(
        from_=settings.from_,
        list_id=settings.list_id,
        title=issue.title,
        reply_to=settings.reply_to,
        help_uri=f"mailto:{publisher.email}" if publisher.email else publisher.url,
        feedback_id=_feedback_id(issue, settings.from_, publisher.feedback_id),
        precedence="" if settings.precedence == "none" else settings.precedence,
    )


def _feedback_id(issue: Issue, from_: str, chosen: str) -> str:
    """Issue, newsletter, what kind of mail, and who sends; no reader is in it."""
    # Letters of the domain, long enough for Gmail, and the same for ever. No slug has a dot,
    # so whatever a newsletter is called the fields differ.
    letters = re.sub(r"[^a-z0-9]", "", parseaddr(from_)[1].rpartition("@")[2].lower())
    sender = chosen or letters.ljust(5, "x")[:15]
    name = issue.newsletter
    return f"{name}.{issue.number}:list.{name}:newsletter:{sender}"


class Composer:
    """Makes the messages of one issue; each edition is rendered and encoded once."""

    def __init__(
        self, house: House, record: IssueRecord, keys: Sequence[DkimKey] | None = None
    ) -> None:
        """`keys` sign in place of those of [dkim]. Raises DkimError where those cannot be used."""
        self._house, self._record = house, record
        self._renderings: dict[str, Rendering] = {}
        self._blanks: dict[tuple[str, str], Blank] = {}
        _, settings = house.newsletter(record.issue.newsletter)
        self._sender_domain = parseaddr(settings.from_)[1].rpartition("@")[2]
        self._return_domain = return_domain(house, self._sender_domain)
        self.keys = signing_keys(house) if keys is None else tuple(keys)

    @cached_property
    def _secrets(self) -> tuple[bytes, ...]:
        return self._house.settings.keys

    def message_id(self, subscriber: int) -> str:
        """Stable for each issue and subscriber, so that a resend is the same message."""
        path = tokens.return_path("b", self._record.id, subscriber, self._secrets)
        local = path.replace("+", ".")
        return f"<{self._record.issue.newsletter}.{local}@{self._sender_domain}>"

    def compose(
        self,
        recipient: Recipient,
        edition: Edition,
        message_id: str,
        date: datetime,
        prefix: str = "",
    ) -> Message:
        """The message for one reader, signed, ready for the relay; equal arguments, equal bytes."""
        return self.sign(self.draft(recipient, edition, message_id, date, prefix), date)

    def sign(self, message: Message, date: datetime) -> Message:
        """The draft with its signatures. Most of it is arithmetic that other threads needn't wait
        for: an RSA signature costs more than all the rest of a message.
        """
        return signed(message, self.keys, date)

    def draft(
        self,
        recipient: Recipient,
        edition: Edition,
        message_id: str,
        date: datetime,
        prefix: str = "",
    ) -> Message:
        """`compose` without the signatures."""
        path = tokens.return_path("b", self._record.id, recipient.subscriber, self._secrets)
        reader = self._reader(recipient)
        return self._blank(edition, prefix).fill(
            reader,
            self._links(reader, recipient.subscriber),
            to=recipient.address,
            envelope_sender=f"{path}@{self._return_domain}",
            message_id=message_id if "@" in message_id else f"<{message_id}@{self._sender_domain}>",
            date=date,
        )

    def rendering(self, edition: Edition) -> Rendering:
        """The edition with the reader's places still open."""
        if edition.key not in self._renderings:
            self._renderings[edition.key] = rendering.render(edition, self._house.templates)
        return self._renderings[edition.key]

    def _blank(self, edition: Edition, prefix: str) -> Blank:
        name = (edition.key, prefix)
        if name not in self._blanks:
            rendered = self.rendering(edition)
            shown = replace(rendered, subject=prefix + rendered.subject)
            self._blanks[name] = Blank(shown, letterhead(self._house, self._record.issue))
        return self._blanks[name]

    def _links(self, reader: Reader, subscriber: int) -> Links:
        leave = tokens.return_path("u", self._record.id, subscriber, self._secrets)
        return Links(reader.unsubscribe_url, f"mailto:{leave}@{self._return_domain}")

    def _reader(self, recipient: Recipient) -> Reader:
        issue = self._record.issue
        return Reader(
            unsubscribe_url=self._url("u", "unsubscribe", recipient.subscriber),
            preferences_url=self._url("p", "preferences", recipient.subscriber),
            view_url=self._url("v", "view", recipient.subscriber),
            since=rendering.joined_on(recipient.since, issue.timezone, issue.language),
            feedback_url=self._url("f", "feedback", recipient.subscriber),
        )

    def _url(self, path: str, purpose: tokens.Purpose, subscriber: int) -> str:
        subscribed = self._house.settings.list_of(self._record.issue.newsletter)
        token = Token(purpose, subscribed, self._record.id, subscriber)
        return f"{self._house.settings.web.base_url}/{path}/{tokens.seal(token, self._secrets)}"
