"""The link in a mail -> roster and ledger: what `subscribers.web` asks of the house."""

import logging
import secrets
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from digest import archive, ledger, rendering
from digest.edition import cut, section_names
from digest.publish.admitting import Gate
from digest.publish.confirming import confirm
from digest.publish.mornings import is_local
from digest.publish.opening import Clock, House
from digest.publish.selecting import section_order
from digest.publish.showing import Shown, in_sample_places
from subscribers import puzzles, roster, tokens, words
from subscribers.address import is_refused, key, masked, normalise
from subscribers.consent import State
from subscribers.errors import BadToken, TooMany, UnknownSubscriber, Unwanted
from subscribers.limiting import Admission
from subscribers.preferences import EVERYTHING, Preferences
from subscribers.roster import Asker, Notice, Profile, Session
from subscribers.tokens import Purpose, Token
from subscribers.web import Leaving, Offer, Offered, Riddle, Standing
from subscribers.web.door import Asked

_LOG = logging.getLogger(__name__)
BACK_WITHIN = timedelta(hours=1)
QUICKEST, SLOWEST = timedelta(seconds=2), timedelta(hours=24)  # between a form and its answer


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
        self._clerk = ThreadPoolExecutor(1, thread_name_prefix="clerk")
        self._post = ThreadPoolExecutor(1, thread_name_prefix="post")

    def close(self) -> None:
        """Put down all that was asked for; what is not mailed yet is owed, and `run` mails it."""
        self._clerk.shutdown()
        self._post.shutdown(cancel_futures=True)

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
            title, language = self._names(asked.newsletter)
            return Leaving(title, self._house.settings.publisher.name, "", language=language)
        return self._left(asked)

    def say_why(self, token: str, reason: str) -> Leaving:
        """Keep the reason for a leaving that has been."""
        asked = tokens.read(token, "unsubscribe", self._house.settings.keys)
        if reason.strip():
            with self._house.database.writing() as session:
                roster.say(
                    session, asked.subscriber, asked.newsletter, reason,
                    issue=asked.issue or None, now=self._clock(),
                )  # fmt: skip
        return self._left(asked)

    def come_back(self, token: str, frequency: str, asked: Asked) -> Standing:
        """Undo a leaving of a moment ago."""
        who = tokens.read(token, "unsubscribe", self._house.settings.keys)
        known = self._profile(who)
        # Who may not be mailed stays gone: only a fresh confirmation lifts that.
        if known and not known.suppressed:
            with self._house.database.writing() as session:
                roster.rejoin(
                    session, who.subscriber, who.newsletter, self._asker(asked),
                    within=BACK_WITHIN, frequency=frequency, now=self._clock(),
                )  # fmt: skip
        return self._reached(who, (who.newsletter,))

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

        return self._left(self._act(token, act))

    def standing(self, token: str, purpose: Purpose) -> Standing:
        """How the subscription that the link names stands."""
        asked = tokens.read(token, purpose, self._house.settings.keys)
        if purpose in {"confirm", "address"}:
            with self._house.database.reading() as session:
                notice = _notice(session, asked, self._clock())
            return self._standing(asked, notice.newsletters, notice.address)
        return self._standing(asked)

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

        self._later(act)
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
        self._later()
        return self._standing(who)

    def give_feedback(self, token: str, verdict: str, comment: str) -> Standing:
        """What the reader thinks of the issue that the link names."""

        def act(session: Session, asked: Token, now: datetime) -> None:
            if roster.is_known(session, asked.subscriber):
                roster.give_feedback(
                    session, asked.subscriber, asked.issue, verdict, comment, now=now
                )

        return self._standing(self._act(token, act, "feedback"))

    def offer(self, language: str) -> Offer:
        """What one can join. The form's time is signed, so that a machine's haste shows."""
        told = self._house.settings
        second = int(self._clock().timestamp())
        first = next(iter(told.lists.values()))
        return Offer(
            first.title if len(told.lists) == 1 else told.publisher.name,
            told.publisher.name,
            tuple(Offered(slug, known.title) for slug, known in told.lists.items()),
            tokens.seal(Token("form", "form", second, 0), told.keys),
            told.publisher.postal_address,
            language or first.language,
            told.web.base_url,
        )

    def admit(self, address: str, asked: Asked, puzzle: str, answer: str) -> Admission:
        """Whether this asker may ask just now. The same for each address of a domain.

        Raises Unwanted for an address by whose sound alone it is no reader's.
        """
        if is_refused(address, self._refused_names, self._refused_domains):
            raise Unwanted
        return self._gate.admit(address.rpartition("@")[2], asked.ip, puzzle, answer)

    def riddle(self, old: str) -> Riddle:
        """What to do where many ask: the same as before while it can be done."""
        now, keys = self._clock(), self._house.settings.keys
        try:
            fresh = now < puzzles.ends(old, keys) and bool(puzzles.left(old, keys, now))
        except BadToken:
            fresh = False
        puzzle = old if fresh else puzzles.make(secrets.randbits(62), keys, now)
        left = puzzles.left(puzzle, keys, now)
        return Riddle(puzzle, left, puzzles.BITS, puzzles.ROUNDS)

    def request(self, address: str, newsletters: tuple[str, ...], stamp: str, asked: Asked) -> None:
        """Somebody wants to join: put it down, and mail them, unless a machine asks. No waiting."""
        now = self._clock()
        if not self._is_timely(stamp, now):
            return

        def act(session: Session) -> None:
            roster.request(
                session, address, newsletters, self._asker(asked), now=now,
                keys=self._house.settings.keys,
            )  # fmt: skip

        self._later(act)

    def confirm(self, token: str, asked: Asked, purpose: Purpose) -> Standing:
        """The second step, once: the same link again is answered, and does nothing more.

        Raises BadToken for a link that is too old.
        """
        who = tokens.read(token, purpose, self._house.settings.keys)
        step = roster.confirm if purpose == "confirm" else roster.move
        with self._house.database.writing() as session:
            notice = _notice(session, who, self._clock(), held=True)
            if notice.used_at is None:
                step(
                    session, who.issue, who.subscriber, self._asker(asked), now=self._clock(),
                    keys=self._house.settings.keys,
                )  # fmt: skip
        if purpose == "address" and notice.used_at is None:
            self._later()  # the old address is told
        return self._reached(who, notice.newsletters)

    def _reached(self, who: Token, slugs: tuple[str, ...]) -> Standing:
        """How it stands after a step that was to bring mail: `state` is confirmed where mail comes.

        It is None for who is suppressed all the same: the operator's never is no link's to lift.
        """
        known = self._profile(who)
        held = known.subscriptions if known and not known.suppressed else ()
        coming = {one.newsletter for one in held if one.state == "confirmed"}
        mine = tuple(slug for slug in slugs if slug in coming)
        otherwise: State | None = "withdrawn" if held else None
        return replace(self._standing(who, mine), state="confirmed" if mine else otherwise)

    def _later(self, act: Callable[[Session], None] | None = None) -> None:
        """Have the clerk do this, and mail what is owed then."""

        def work() -> None:
            if act:
                with self._house.database.writing() as session:
                    act(session)
            # By another thread: a relay that says nothing must not keep anything from being kept.
            mailing = self._post.submit(confirm, self._house, clock=self._clock)
            mailing.add_done_callback(_told)

        self._clerk.submit(work).add_done_callback(_told)

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

    def _is_timely(self, stamp: str, now: datetime) -> bool:
        """Whether a form took a person's time. A site's own form has no stamp, only the limits."""
        if not stamp:
            return True
        try:
            shown = tokens.read(stamp, "form", self._house.settings.keys)
        except BadToken:
            return False
        return QUICKEST <= now - datetime.fromtimestamp(shown.issue, now.tzinfo) <= SLOWEST

    def _asker(self, asked: Asked) -> Asker:
        ip = asked.ip if self._house.settings.privacy.ip_days else ""
        return Asker("page", asked.wording, ip, asked.agent if ip else "", asked.language)

    def _left(self, asked: Token) -> Leaving:
        known = self._profile(asked)
        title, language = self._names(asked.newsletter)
        publisher = self._house.settings.publisher
        return Leaving(
            title,
            publisher.name,
            masked(known.address) if known else "",
            self._seal(asked, "preferences") if known else "",
            publisher.postal_address,
            (known and known.language) or language,
        )

    def _standing(self, asked: Token, about: tuple[str, ...] = (), address: str = "") -> Standing:
        known = self._profile(asked)
        held = _subscription(known, asked.newsletter)
        name, spoken = self._names(asked.newsletter)
        language = (known and known.language) or spoken
        titles = [self._names(slug)[0] for slug in about]
        publisher = self._house.settings.publisher
        everything = known.subscriptions if known else ()
        mine = {asked.newsletter, *(s.newsletter for s in everything if s.state == "confirmed")}
        offered = self._house.settings.lists.items()
        others = [Offered(slug, told.title) for slug, told in offered if slug not in mine]
        until = held.paused_until if held else None
        return Standing(
            words.listed(titles, language) or name,
            publisher.name,
            masked(address or known.address) if known else "",
            held.state if held else None,
            self._sections(asked.newsletter),
            held.preferences if held else EVERYTHING,
            self._seal(asked, "unsubscribe") if known else "",
            publisher.postal_address,
            language,
            tuple(sector.name for sector in self._house.settings.sector),
            until if until and until > self._clock() else None,
            tuple(others) if known else (),
            known.language if known else "",
            self._seal(asked, "preferences") if known else "",
            local=self._is_local(asked.newsletter),
            timezone=known.timezone if known else "",
            head=publisher.name if len(titles) > 1 else "",
        )

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
        # Of its weekly edition, too: a reader has one choice for both.
        found: list[str] = []
        for name in filter(None, (newsletter, self._house.settings.weekly_edition(newsletter))):
            known = self._house.settings.newsletter.get(name)
            carried = [record.issue for record in self._house.issues(name, limit=1)]
            found += [
                *(section_order(self._house, known) if known else ()),
                *section_names(carried),
            ]
        return tuple(dict.fromkeys(found))

    def _is_local(self, newsletter: str) -> bool:
        weekly = self._house.settings.weekly_edition(newsletter)
        return is_local(self._house, newsletter) or is_local(self._house, weekly)

    def _seal(self, asked: Token, purpose: Purpose) -> str:
        number = 0 if asked.purpose in {"confirm", "address"} else asked.issue
        token = Token(purpose, asked.newsletter, number, asked.subscriber)
        return tokens.seal(token, self._house.settings.keys)


def _notice(session: Session, asked: Token, now: datetime, *, held: bool = False) -> Notice:
    """The notice whose link this is. Raises BadToken where it can't be answered any more.

    Nor can one that moved a reader who has moved on since: two such links would send the mail to
    and fro, with a word to the old address each time.
    """
    kinds = roster.CONFIRMING if asked.purpose == "confirm" else roster.MOVING
    notice = roster.open_notice(session, asked.issue, asked.subscriber, kinds, now, held=held)
    if asked.purpose == "address" and notice.used_at is not None:
        known = roster.profile(session, asked.subscriber)
        if key(known.address) != key(notice.address):
            raise BadToken
    return notice


def _told(done: Future[Any]) -> None:
    """What went wrong in the clerk's hands is said; the address it was about is not."""
    if not done.cancelled() and (error := done.exception()):
        _LOG.error("what a page asked for was not done: %s", type(error).__name__)


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
    held = _subscription(known, asked.newsletter)
    chosen = held.preferences if held else EVERYTHING
    edition = cut(record.issue, Preferences(chosen.sections)) or cut(record.issue, EVERYTHING)
    if edition is None:
        return None
    page = rendering.render(edition, house.templates, in_browser=True)
    return in_sample_places(house, record.issue, page)


def _subscription(known: Profile | None, newsletter: str) -> roster.Subscription | None:
    held = known.subscriptions if known else ()
    return next((one for one in held if one.newsletter == newsletter), None)
