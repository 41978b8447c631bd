"""The link in a mail -> roster and ledger: what `subscribers.web` asks of the house."""

from digest import archive, ledger, rendering
from digest.edition import cut, section_names
from digest.publish.opening import Clock, House
from digest.publish.showing import Shown, in_sample_places
from subscribers import roster, tokens
from subscribers.address import masked
from subscribers.consent import State
from subscribers.errors import UnknownSubscriber
from subscribers.preferences import EVERYTHING, Preferences
from subscribers.roster import Profile
from subscribers.tokens import Purpose, Token
from subscribers.web import Leaving, Standing


class FrontDoor:
    """Implements `subscribers.web.Door`. Links work for ever, whatever became of their issue."""

    def __init__(self, house: House, clock: Clock) -> None:
        self._house, self._clock = house, clock

    def leave(self, token: str, how: str, reason: str = "") -> Leaving:
        """End the subscription; roster and ledger both learn which issue it came from."""
        asked = tokens.read(token, "unsubscribe", self._house.settings.keys)
        now = self._clock()
        with self._house.database.writing() as session:
            changed = roster.withdraw(
                session,
                asked.subscriber,
                asked.newsletter,
                how=how,
                now=now,
                issue=asked.issue or None,
                reason=reason,
            )
            if changed:
                ledger.note_leaving(session, asked.issue, asked.subscriber, now)
        known = self._profile(asked)
        title, language = self._names(asked.newsletter)
        publisher = self._house.settings.publisher
        choose = self._seal(asked, "preferences") if known else ""
        return Leaving(
            title,
            publisher.name,
            masked(known.address) if known else "",
            choose,
            publisher.postal_address,
            language,
        )

    def standing(self, token: str, purpose: Purpose) -> Standing:
        """How the subscription that the link names stands."""
        asked = tokens.read(token, purpose, self._house.settings.keys)
        known = self._profile(asked)
        state, preferences = _subscription(known, asked.newsletter)
        title, language = self._names(asked.newsletter)
        publisher = self._house.settings.publisher
        return Standing(
            title,
            publisher.name,
            masked(known.address) if known else "",
            state,
            self._sections(asked.newsletter),
            preferences,
            self._seal(asked, "unsubscribe") if known else "",
            publisher.postal_address,
            language,
        )

    def choose(self, token: str, preferences: Preferences) -> Standing:
        """Keep these preferences; they decide the very next message."""
        asked = tokens.read(token, "preferences", self._house.settings.keys)
        with self._house.database.writing() as session:
            roster.choose(
                session,
                asked.subscriber,
                asked.newsletter,
                preferences,
                how="page",
                now=self._clock(),
            )
        return self.standing(token, "preferences")

    def _profile(self, asked: Token) -> Profile | None:
        with self._house.database.reading() as session:
            try:
                return roster.profile(session, asked.subscriber)
            except UnknownSubscriber:
                return None

    def _names(self, newsletter: str) -> tuple[str, str]:
        known = self._house.settings.newsletter.get(newsletter)
        return (known.title, known.language) if known else (newsletter, "en")

    def _sections(self, newsletter: str) -> tuple[str, ...]:
        known = self._house.settings.newsletter.get(newsletter)
        named = tuple(section.name for section in known.section) if known else ()
        carried = [record.issue for record in self._house.issues(newsletter)[:1]]
        return tuple(dict.fromkeys((*named, *section_names(carried))))

    def _seal(self, asked: Token, purpose: Purpose) -> str:
        token = Token(purpose, asked.newsletter, asked.issue, asked.subscriber)
        return tokens.seal(token, self._house.settings.keys)


def view(house: House, token: str) -> Shown | None:
    """The issue that the link names, cut as the reader has chosen; None where it is gone.

    Raises BadToken. The page holds no link that acts for the reader: it may be passed on.
    """
    asked = tokens.read(token, "view", house.settings.keys)
    with house.database.reading() as session:
        record = archive.issue_by_id(session, asked.issue)
        try:
            known: Profile | None = roster.profile(session, asked.subscriber)
        except UnknownSubscriber:
            known = None
    if record is None:
        return None
    _, preferences = _subscription(known, asked.newsletter)
    edition = cut(record.issue, Preferences(preferences.sections)) or cut(record.issue, EVERYTHING)
    if edition is None:
        return None
    return in_sample_places(house, record.issue, rendering.render(edition, house.templates))


def _subscription(known: Profile | None, newsletter: str) -> tuple[State | None, Preferences]:
    for subscription in known.subscriptions if known else ():
        if subscription.newsletter == newsletter:
            return subscription.state, subscription.preferences
    return None, EVERYTHING
