"""How a subscription stands, as the pages show it: after a leaving, after a step, at any time."""

from dataclasses import replace
from datetime import datetime

from digest.edition import section_names
from digest.publish.mornings import is_local
from digest.publish.opening import House
from digest.publish.selecting import section_order
from subscribers import roster, tokens, words
from subscribers.address import masked
from subscribers.consent import State
from subscribers.errors import UnknownSubscriber
from subscribers.preferences import EVERYTHING
from subscribers.roster import Profile
from subscribers.tokens import Purpose, Token
from subscribers.web import Leaving, Offered, Standing


def leaving_of(house: House, asked: Token) -> Leaving:
    """What the page says to who has left; without an address or a way on where they are gone."""
    known = profile_of(house, asked)
    title, language = named(house, asked.newsletter)
    publisher = house.settings.publisher
    return Leaving(
        title,
        publisher.name,
        masked(known.address) if known else "",
        _seal(house, asked, "preferences") if known else "",
        publisher.postal_address,
        (known and known.language) or language,
    )


def standing_of(
    house: House, asked: Token, now: datetime, about: tuple[str, ...] = (), address: str = ""
) -> Standing:
    """How the subscription stands that a link names; a notice is `about` newsletters (slugs), and
    may have gone to another `address` than the reader's.
    """
    known = profile_of(house, asked)
    held = known.subscription_to(asked.newsletter) if known else None
    name, spoken = named(house, asked.newsletter)
    language = (known and known.language) or spoken
    titles = [named(house, slug)[0] for slug in about]
    publisher = house.settings.publisher
    everything = known.subscriptions if known else ()
    mine = {asked.newsletter, *(s.newsletter for s in everything if s.state == "confirmed")}
    offered = house.settings.lists.items()
    others = [Offered(slug, told.title) for slug, told in offered if slug not in mine]
    until = held.paused_until if held else None
    return Standing(
        words.listed(titles, language) or name,
        publisher.name,
        masked(address or known.address) if known else "",
        held.state if held else None,
        _sections(house, asked.newsletter),
        held.preferences if held else EVERYTHING,
        _seal(house, asked, "unsubscribe") if known else "",
        publisher.postal_address,
        language,
        tuple(sector.name for sector in house.settings.sector),
        until if until and until > now else None,
        tuple(others) if known else (),
        known.language if known else "",
        _seal(house, asked, "preferences") if known else "",
        local=_is_local(house, asked.newsletter),
        timezone=known.timezone if known else "",
        head=publisher.name if len(titles) > 1 else "",
    )


def reached(house: House, who: Token, now: datetime, slugs: tuple[str, ...]) -> Standing:
    """How it stands after a step that was to bring mail: `state` is confirmed where mail comes.

    It is None for who is suppressed all the same: the operator's never is no link's to lift.
    """
    known = profile_of(house, who)
    held = known.subscriptions if known and not known.suppressed else ()
    coming = {one.newsletter for one in held if one.state == "confirmed"}
    mine = tuple(slug for slug in slugs if slug in coming)
    otherwise: State | None = "withdrawn" if held else None
    return replace(standing_of(house, who, now, mine), state="confirmed" if mine else otherwise)


def profile_of(house: House, asked: Token) -> Profile | None:
    """The reader whom a link names; None where they are gone."""
    with house.database.reading() as session:
        try:
            return roster.profile(session, asked.subscriber)
        except UnknownSubscriber:
            return None


def named(house: House, newsletter: str) -> tuple[str, str]:
    """Title and language of a newsletter; of one that is no more, its slug and English."""
    known = house.settings.newsletter.get(newsletter)
    return (known.title, known.language) if known else (newsletter, "en")


def _sections(house: House, newsletter: str) -> tuple[str, ...]:
    # Of its weekly edition, too: a reader has one choice for both.
    found: list[str] = []
    for name in filter(None, (newsletter, house.settings.weekly_edition(newsletter))):
        known = house.settings.newsletter.get(name)
        carried = [record.issue for record in house.issues(name, limit=1)]
        found += [
            *(section_order(house, known) if known else ()),
            *section_names(carried),
        ]
    return tuple(dict.fromkeys(found))


def _is_local(house: House, newsletter: str) -> bool:
    weekly = house.settings.weekly_edition(newsletter)
    return is_local(house, newsletter) or is_local(house, weekly)


def _seal(house: House, asked: Token, purpose: Purpose) -> str:
    number = 0 if asked.purpose in {"confirm", "address"} else asked.issue
    token = Token(purpose, asked.newsletter, number, asked.subscriber)
    return tokens.seal(token, house.settings.keys)
