"""One reader's message: the edition's rendering, the reader's own links, the envelope."""

from dataclasses import replace
from datetime import datetime
from email.utils import parseaddr

from digest import messages, rendering
from digest.archive import IssueRecord
from digest.edition import Edition
from digest.messages import Links, Message
from digest.publish.opening import House
from digest.rendering import Reader, Rendering
from subscribers import tokens
from subscribers.recipient import Recipient
from subscribers.tokens import Token


class Composer:
    """Makes the messages of one issue; each edition is rendered once."""

    def __init__(self, house: House, record: IssueRecord) -> None:
        self._house, self._record = house, record
        self._renderings: dict[str, Rendering] = {}
        _, self._settings = house.newsletter(record.issue.newsletter)
        self._sender_domain = parseaddr(self._settings.from_)[1].rpartition("@")[2]
        self._return_domain = house.settings.bounces.domain or self._sender_domain

    def message_id(self, subscriber: int) -> str:
        """Stable for each issue and subscriber, so that a resend is the same message."""
        keys = self._house.settings.keys
        local = tokens.return_path("b", self._record.id, subscriber, keys).replace("+", ".")
        return f"<{self._record.issue.newsletter}.{local}@{self._sender_domain}>"

    def compose(
        self,
        recipient: Recipient,
        edition: Edition,
        message_id: str,
        date: datetime,
        prefix: str = "",
    ) -> Message:
        """The message for one reader, ready for the relay."""
        issue, keys = self._record.issue, self._house.settings.keys
        links = self._links(recipient.subscriber)
        filled = rendering.fill(self._rendering(edition), self._reader(recipient))
        if prefix:
            filled = replace(filled, subject=prefix + filled.subject)
        path = tokens.return_path("b", self._record.id, recipient.subscriber, keys)
        return messages.build(
            filled,
            to=recipient.address,
            from_=self._settings.from_,
            envelope_sender=f"{path}@{self._return_domain}",
            message_id=message_id if "@" in message_id else f"<{message_id}@{self._sender_domain}>",
            date=date,
            list_id=self._settings.list_id,
            title=issue.title,
            links=links,
        )

    def _rendering(self, edition: Edition) -> Rendering:
        if edition.key not in self._renderings:
            self._renderings[edition.key] = rendering.render(edition, self._house.templates)
        return self._renderings[edition.key]

    def _links(self, subscriber: int) -> Links:
        leave = tokens.return_path("u", self._record.id, subscriber, self._house.settings.keys)
        return Links(
            self._url("u", "unsubscribe", subscriber), f"mailto:{leave}@{self._return_domain}"
        )

    def _reader(self, recipient: Recipient) -> Reader:
        issue = self._record.issue
        return Reader(
            unsubscribe_url=self._url("u", "unsubscribe", recipient.subscriber),
            preferences_url=self._url("p", "preferences", recipient.subscriber),
            view_url=self._url("v", "view", recipient.subscriber),
            since=rendering.joined_on(recipient.since, issue.timezone, issue.language),
        )

    def _url(self, path: str, purpose: tokens.Purpose, subscriber: int) -> str:
        issue, settings = self._record.issue, self._house.settings
        token = tokens.seal(
            Token(purpose, issue.newsletter, self._record.id, subscriber), settings.keys
        )
        return f"{settings.web.base_url}/{path}/{token}"
