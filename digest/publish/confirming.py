"""What the roster owes somebody -> relay: the second step of a double opt-in.

Plain, short, and without a word that a stranger typed: what a form lets through, a bomb carries.
"""

import asyncio
from collections import Counter
from dataclasses import dataclass
from datetime import datetime, timedelta
from email.utils import parseaddr

from digest import messages
from digest.messages import Links, Message
from digest.outcomes import Deferred, Outcome, RelayFault, Sent
from digest.publish.handing import handed_over, relays_in_turn
from digest.publish.opening import Clock, House
from digest.publish.signing import signed, signing_keys
from digest.rendering import Rendering
from digest.settings import NewsletterSettings
from subscribers import roster, tokens, words
from subscribers.roster import Keeping, Notice
from subscribers.tokens import Token

TRIES = 5
PATIENCE = timedelta(minutes=5)
PATHS = {"confirm": "c", "address": "a", "known": "p", "stopped": "c"}
# Mails to where the reader's mail does not go: nothing in one may name the reader, or a bounce or
# a complaint there, or a press on "unsubscribe", would end what goes to where it is wanted.
ELSEWHERE = {"address", "moved"}
PURPOSES: dict[str, tokens.Purpose] = {
    "confirm": "confirm", "address": "address", "known": "preferences", "stopped": "confirm"
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Confirmed:
    """How many notices the relay took, refused, and is to be asked again about."""

    sent: int = 0
    refused: int = 0
    deferred: int = 0


def confirm(house: House, *, clock: Clock) -> Confirmed:
    """Mail what the roster owes. Safe to call at any time, also twice at once."""
    with house.database.writing() as session:
        due = roster.due_notices(session, clock())
    return asyncio.run(_mail(house, due, clock)) if due else Confirmed()


def tidy(house: House, now: datetime) -> Counter[str]:
    """Forget what need not be kept any more; how much of each."""
    told, done = house.settings.privacy, Counter[str]()
    keeping = Keeping(timedelta(days=told.ip_days), timedelta(days=told.report_days))
    while True:
        with house.database.reading() as session:
            found = roster.overdue(session, now, keeping)
        before = done.total()
        for part in found.parts():
            with house.database.writing() as session:
                done.update(roster.tidy(session, part, now, keeping))
        if done.total() == before:  # or others were quicker
            return done


async def _mail(house: House, due: list[Notice], clock: Clock) -> Confirmed:
    counts = {"sent": 0, "refused": 0, "due": 0}
    relays = relays_in_turn(house)
    for notice in due:
        if await asyncio.to_thread(_take, house, notice, clock()):
            outcome = await handed_over(relays, compose(house, notice, clock()))
            counts[await asyncio.to_thread(_settle, house, notice, outcome, clock())] += 1
    return Confirmed(counts["sent"], counts["refused"], counts["due"])


def compose(house: House, notice: Notice, now: datetime) -> Message:
    """The mail of one notice: text alone, in the reader's language."""
    known = [house.settings.newsletter[n] for n in notice.newsletters if _is_known(house, n)]
    first = known[0] if known else next(iter(house.settings.newsletter.values()))
    language = notice.language or first.language
    text = _text(house, notice, known or [first], language)
    subject = words.translated(language)(_SUBJECTS[notice.kind]) % {"newsletter": first.title}
    domain = parseaddr(first.from_)[1].rpartition("@")[2]
    whose = 0 if notice.kind in ELSEWHERE else notice.subscriber
    path = tokens.return_path("b", 0, whose, house.settings.keys)
    message = messages.build(
        Rendering(subject=subject, preheader="", html="", text=text),
        to=notice.address,
        from_=first.from_,
        envelope_sender=f"{path}@{house.settings.bounces.domain or domain}",
        message_id=f"<notice.{notice.id}.{path.replace('+', '.')}@{domain}>",
        date=now,
        list_id=first.list_id,
        title=first.title,
        links=_ways_out(house, notice, domain),
    )
    return signed(message, signing_keys(house), now)


def _text(house: House, notice: Notice, known: list[NewsletterSettings], language: str) -> str:
    publisher = house.settings.publisher
    page = house.templates.get_template("confirmation.txt.jinja")
    return page.render(
        _=words.translated(language),
        kind=notice.kind,
        titles=[newsletter.title for newsletter in known],
        publisher=publisher,
        email=publisher.email or parseaddr(known[0].from_)[1],
        url=f"{house.settings.web.base_url}/{_path(house, notice)}",
    )


def _path(house: House, notice: Notice) -> str:
    # The old address is anybody's by now: a link there acts for nobody.
    if notice.kind == "moved":
        return "subscribe"
    return f"{PATHS[notice.kind]}/{_token(house, notice)}"


def _token(house: House, notice: Notice) -> str:
    number = 0 if notice.kind == "known" else notice.id
    token = Token(PURPOSES[notice.kind], notice.newsletters[0], number, notice.subscriber)
    return tokens.seal(token, house.settings.keys)


def _ways_out(house: House, notice: Notice, domain: str) -> Links:
    if notice.kind in ELSEWHERE:
        return Links("", "")
    leave = Token("unsubscribe", notice.newsletters[0], 0, notice.subscriber)
    mark = tokens.mark(notice.newsletters[0])  # what the link ends, the mail ends
    away = tokens.return_path("u", mark, notice.subscriber, house.settings.keys)
    return Links(
        f"{house.settings.web.base_url}/u/{tokens.seal(leave, house.settings.keys)}",
        f"mailto:{away}@{house.settings.bounces.domain or domain}",
    )


def _is_known(house: House, newsletter: str) -> bool:
    return newsletter in house.settings.newsletter


def _take(house: House, notice: Notice, now: datetime) -> bool:
    with house.database.writing() as session:
        return roster.take_notice(session, notice.id, now)


def _settle(house: House, notice: Notice, outcome: Outcome, now: datetime) -> str:
    """Write what became of a notice. What is in doubt is not sent again: a bomb would be twice."""
    again = isinstance(outcome, Deferred | RelayFault) and notice.attempts + 1 < TRIES
    state = "sent" if isinstance(outcome, Sent) else "due" if again else "refused"
    due = now + PATIENCE * 2**notice.attempts if again else now
    with house.database.writing() as session:
        roster.note_notice(session, notice.id, state, outcome.reply.text, due)
    return state


_SUBJECTS = {
    "confirm": "Please confirm: %(newsletter)s",
    "known": "You already get %(newsletter)s",
    "address": "Please confirm your new address for %(newsletter)s",
    "moved": "Your address for %(newsletter)s was changed",
    "stopped": "We have stopped mailing %(newsletter)s to you",
}
