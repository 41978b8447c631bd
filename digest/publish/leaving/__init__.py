"""The link in a mail -> roster and ledger: what `subscribers.web` asks of the house.

    form        the form to join: what it shows, whether a person filled it in
    standing    how a subscription stands, as the pages show it
    clerk       what is done after the answer, so that no time tells who is known

Never here: whether a button has been pressed before (the roster knows), what a page looks like.
"""

from collections.abc import Callable
from datetime import datetime, timedelta

from digest import ledger
from digest.publish.admitting import Gate
from digest.publish.leaving import form
from digest.publish.leaving.clerk import Clerk
from digest.publish.leaving.standing import leaving_of, named, profile_of, reached, standing_of
from digest.publish.opening import Clock, House
from subscribers import roster, tokens
from subscribers.address import is_refused, normalise
from subscribers.errors import TooMany, UnknownSubscriber, Unwanted
from subscribers.limiting import Admission
from subscribers.preferences import Preferences
from subscribers.roster import Asker, Session
from subscribers.tokens import Purpose, Token
from subscribers.web import Leaving, Offer, Riddle, Standing
from subscribers.web.door import Asked

BACK_WITHIN = timedelta(hours=1)


class FrontDoor:
    """Implements `subscribers.web.Door`. Links work for ever, whatever became of their issue.

    What depends on whether an address is known is done by a thread of its own, the clerk, after
    the answer: nobody can wait for it, so no time tells.
    """

    def __init__(self, house: House, clock: Clock) -> None:
        self._house, self._clock = house, clock
        self._gate = Gate(house, clock)
        told = house.settings.joining
        self._refused_names = frozenset(name.lower() for name in told.refused_names)
        self._refused_domains = frozenset(name.lower() for name in told.refused_domains)
        self._clerk = Clerk(house, clock)

    def close(self) -> None:
        """Put down all that was asked for; what is not mailed yet is owed, and `run` mails it."""
        self._clerk.close()

    def leave(self, token: str, how: str, reason: str = "", story: int | None = None) -> Leaving:
        """End the subscription; roster and ledger both learn which issue it came from."""
        asked = tokens.read(token, "unsubscribe", self._house.settings.keys)
        now = self._clock()

        def act(session: Session) -> None:
            changed = roster.withdraw(
                session,
                asked.subscriber,
                asked.newsletter,
                how=how,
                now=now,
                issue=asked.issue or None,
                reason=reason,
                story=story,
            )
            if changed:
                ledger.note_leaving(session, asked.issue, asked.subscriber, now)

        self._house.database.together(act)
        if how == "one-click":  # a mail provider's machine, which is shown no page
            title, language = named(self._house, asked.newsletter)
            return Leaving(title, self._house.settings.publisher.name, "", language=language)
        return leaving_of(self._house, asked)

    def say_why(self, token: str, reason: str) -> Leaving:
        """Keep the reason for a leaving that has been."""
        asked = tokens.read(token, "unsubscribe", self._house.settings.keys)
        if reason.strip():
            with self._house.database.writing() as session:
                roster.say(
                    session, asked.subscriber, asked.newsletter, reason,
                    issue=asked.issue or None, now=self._clock(),
                )  # fmt: skip
        return leaving_of(self._house, asked)

    def come_back(self, token: str, frequency: str, asked: Asked) -> Standing:
        """Undo a leaving of a moment ago."""
        who = tokens.read(token, "unsubscribe", self._house.settings.keys)
        known = profile_of(self._house, who)
        # Who may not be mailed stays gone: only a fresh confirmation lifts that.
        if known and not known.suppressed:
            with self._house.database.writing() as session:
                roster.rejoin(
                    session, who.subscriber, who.newsletter, self._asker(asked),
                    within=BACK_WITHIN, frequency=frequency, now=self._clock(),
                )  # fmt: skip
        return reached(self._house, who, self._clock(), (who.newsletter,))

    def leave_all(self, token: str) -> Leaving:
        """End every subscription of the reader, and let no list begin another.

        They were told that no further issue will come, of whichever newsletter: only their own
        fresh confirmation lifts that.
        """

        def act(session: Session, asked: Token, now: datetime) -> None:
            known = roster.profile(session, asked.subscriber)
            for held in known.subscriptions:
                roster.withdraw(
                    session, asked.subscriber, held.newsletter, how="page", now=now,
                    issue=asked.issue or None,
                )  # fmt: skip
            roster.suppress(
                session, known.address, reason="request", how="page", now=now,
                keys=self._house.settings.keys,
            )  # fmt: skip
            ledger.note_leaving(session, asked.issue, asked.subscriber, now)

        return leaving_of(self._house, self._act(token, act))

    def standing(self, token: str, purpose: Purpose) -> Standing:
        """How the subscription that the link names stands."""
        asked, now = tokens.read(token, purpose, self._house.settings.keys), self._clock()
        if purpose not in {"confirm", "address"}:
            return self._standing(asked)
        kinds = roster.CONFIRMING if purpose == "confirm" else roster.MOVING
        with self._house.database.reading() as session:
            notice = roster.open_notice(session, asked.issue, asked.subscriber, kinds, now)
        return standing_of(self._house, asked, now, notice.newsletters, notice.address)

    def choose(self, token: str, preferences: Preferences) -> Standing:
        """Keep these preferences; they decide the very next message."""

        def act(session: Session, asked: Token, now: datetime) -> None:
            roster.choose(
                session, asked.subscriber, asked.newsletter, preferences, how="page", now=now
            )

        return self._standing(self._act(token, act))

    def pause(self, token: str, weeks: int) -> Standing:
        """Send nothing for so many weeks; 0 ends a pause."""

        def act(session: Session, asked: Token, now: datetime) -> None:
            until = now + timedelta(weeks=weeks) if weeks > 0 else None
            roster.pause(session, asked.subscriber, asked.newsletter, until, how="page", now=now)

        return self._standing(self._act(token, act))

    def speak(self, token: str, language: str) -> Standing:
        """The language of the pages and notices."""

        def act(session: Session, asked: Token, _now: datetime) -> None:
            roster.speak(session, asked.subscriber, language)

        return self._standing(self._act(token, act))

    def locate(self, token: str, timezone: str) -> Standing:
        """By whose clock mail is to come."""

        def act(session: Session, asked: Token, _now: datetime) -> None:
            roster.locate(session, asked.subscriber, timezone)

        return self._standing(self._act(token, act))

    def move(self, token: str, address: str, asker: Asked) -> Standing:
        """Ask a new address whether it is the reader's. Raises InvalidAddress, Unwanted, TooMany.

        A mail to a stranger is a mail to a stranger: the limits of sign-ups hold.
        """
        wanted = normalise(address)
        asked = tokens.read(token, "preferences", self._house.settings.keys)
        if self.admit(wanted, asker, "", "") != "yes":
            raise TooMany

        def act(session: Session) -> None:
            if roster.is_known(session, asked.subscriber):
                roster.ask_to_move(
                    session, asked.subscriber, asked.newsletter, wanted, now=self._clock(),
                    keys=self._house.settings.keys,
                )  # fmt: skip

        self._clerk.later(act)
        return self._standing(asked)

    def join_more(self, token: str, newsletters: tuple[str, ...], asked: Asked) -> Standing:
        """The reader wants these as well; a mail asks them to confirm."""
        wanted = [slug for slug in newsletters if slug in self._house.settings.lists]

        def act(session: Session, who: Token, now: datetime) -> None:
            known = roster.profile(session, who.subscriber)
            roster.request(
                session, known.address, wanted, self._asker(asked), now=now,
                keys=self._house.settings.keys,
            )  # fmt: skip

        who = self._act(token, act)
        self._clerk.later()
        return self._standing(who)

    def give_feedback(self, token: str, verdict: str, comment: str) -> Standing:
        """What the reader thinks of the issue that the link names."""

        def act(session: Session, asked: Token, now: datetime) -> None:
            if roster.is_known(session, asked.subscriber):
                roster.give_feedback(
                    session, asked.subscriber, asked.issue, verdict, comment, now=now
                )

        return self._standing(self._act(token, act, "feedback"))

    def admit(self, address: str, asked: Asked, puzzle: str, answer: str) -> Admission:
        """Whether this asker may ask just now. The same for each address of a domain.

        Raises Unwanted for an address by whose sound alone it is no reader's.
        """
        if is_refused(address, self._refused_names, self._refused_domains):
            raise Unwanted
        return self._gate.admit(address.rpartition("@")[2], asked.ip, puzzle, answer)

    def offer(self, language: str) -> Offer:
        """What one can join."""
        return form.offer(self._house, language, self._clock())

    def riddle(self, old: str) -> Riddle:
        """A puzzle to solve where many ask; the old one while its wait goes on."""
        return form.riddle(self._house, old, self._clock())

    def request(self, address: str, newsletters: tuple[str, ...], stamp: str, asked: Asked) -> None:
        """Somebody wants to join: put it down, and mail them, unless a machine asks. No waiting."""
        now = self._clock()
        if not form.is_timely(self._house, stamp, now):
            return

        def act(session: Session) -> None:
            roster.request(
                session, address, newsletters, self._asker(asked), now=now,
                keys=self._house.settings.keys,
            )  # fmt: skip

        self._clerk.later(act)

    def confirm(self, token: str, asked: Asked, purpose: Purpose) -> Standing:
        """The second step, once: the same link again is answered, and does nothing more.

        Raises BadToken for a link that is too old.
        """
        who = tokens.read(token, purpose, self._house.settings.keys)
        step = roster.confirm if purpose == "confirm" else roster.move
        with self._house.database.writing() as session:
            notice = step(
                session, who.issue, who.subscriber, self._asker(asked), now=self._clock(),
                keys=self._house.settings.keys,
            )  # fmt: skip
        if purpose == "address" and notice.used_at is None:
            self._clerk.later()  # the old address is told
        return reached(self._house, who, self._clock(), notice.newsletters)

    def _act(
        self, token: str, act: Callable[[Session, Token, datetime], None],
        purpose: Purpose = "preferences",
    ) -> Token:  # fmt: skip
        """Do something for the reader whom a link names; nothing where they are gone."""
        asked = tokens.read(token, purpose, self._house.settings.keys)
        with self._house.database.writing() as session:
            try:
                act(session, asked, self._clock())
            except UnknownSubscriber:
                session.rollback()
        return asked

    def _asker(self, asked: Asked) -> Asker:
        ip = asked.ip if self._house.settings.privacy.ip_days else ""
        return Asker("page", asked.wording, ip, asked.agent if ip else "", asked.language)

    def _standing(self, asked: Token) -> Standing:
        return standing_of(self._house, asked, self._clock())
