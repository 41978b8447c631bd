"""The archive's facts -> selection: the few articles that a draft needs, or all, to explain it."""

import json
from collections import Counter
from dataclasses import replace
from datetime import datetime

from digest import archive
from digest.articles import Article
from digest.publish.comparing import compare
from digest.publish.opening import House
from digest.selection import (
    Match,
    Policy,
    SectionRule,
    SectorRule,
    Selection,
    select,
    shortlist,
)
from digest.settings import MatchSettings, NewsletterSettings

FOUND = 100  # articles that a search looks at: the newest


def policy(house: House, settings: NewsletterSettings, now: datetime) -> Policy:
    """The stated policy of a newsletter at a moment: window, sections, limits."""
    rules = tuple(
        SectionRule(s.name, s.limit, _match(s.match), s.at_least) for s in settings.section
    )
    if not rules:
        rules = tuple(SectionRule(section, 6) for section in section_order(house, settings))
    return Policy(
        since=now - settings.window,
        until=now,
        sections=rules,
        sectors=tuple(SectorRule(s.name, _match(s.match)) for s in house.settings.sector),
        trending_limit=settings.trending.limit,
        per_source=settings.per_source,
        per_day=settings.per_day,
        timezone=settings.timezone,
    )


def section_order(house: House, settings: NewsletterSettings) -> tuple[str, ...]:
    """The names of the newsletter's sections as they follow each other in the mail.

    Without any [[section]] they are those that the sources name.
    """
    named = [section.name for section in settings.section]
    given = named or [source.section for source in house.settings.source if source.section]
    return tuple(dict.fromkeys(given))


def takes(house: House, section: str, now: datetime) -> bool:
    """Whether any newsletter has a section for articles that are said to belong to this one."""
    article = Article("", section=section)
    stated = (policy(house, settings, now) for settings in house.settings.newsletter.values())
    return any(one.place(article)[0] for one in stated)


def _match(settings: MatchSettings) -> Match:
    return Match(**settings.model_dump())


def draft(
    house: House, name: str, settings: NewsletterSettings, now: datetime
) -> tuple[Selection, tuple[tuple[str, int], ...]]:
    """The selection for an issue, and how many articles no section takes, by their origin."""
    compare(house)
    stated = policy(house, settings, now)
    with house.database.reading() as session:
        facts = archive.facts(session, name, stated.since)
        in_window = archive.outlines(session, stated.since, stated.until)
        short = shortlist(in_window, stated, set(facts.named.values()), facts.sent)
        candidates = archive.candidates(session, stated.since, facts.named, short.stories)
        chosen = select(candidates, facts.listed, facts.carried, facts.decisions, stated)
    return chosen, _by_origin(short.unplaced)


def explained(
    house: House, name: str, settings: NewsletterSettings, now: datetime, also: str = ""
) -> Selection:
    """The same with every article of the window, and of the window before, as a candidate.

    `also` is the fingerprint of one more, however old.
    """
    compare(house)
    stated = policy(house, settings, now)
    with house.database.reading() as session:
        facts = archive.facts(session, name, stated.since)
        named = {*facts.named, also} - {""}
        # Who asks why wants to hear of what has just become too old as well.
        candidates = archive.candidates(session, now - 2 * settings.window, named)
        return select(candidates, facts.listed, facts.carried, facts.decisions, stated)


def searched(
    house: House, name: str, settings: NewsletterSettings, now: datetime, words: str = ""
) -> Selection:
    """The selection for an issue, with what has these words among its candidates.

    Without words its candidates are those of `draft`. The verdicts are those of the articles
    that have the words.
    """
    compare(house)
    stated = policy(house, settings, now)
    with house.database.reading() as session:
        facts = archive.facts(session, name, stated.since)
        in_window = archive.outlines(session, stated.since, stated.until)
        short = shortlist(in_window, stated, set(facts.named.values()), facts.sent)
        found = archive.search(session, words.split(), FOUND) if words.strip() else []
        named = {*facts.named, *found}
        candidates = archive.candidates(session, stated.since, named, short.stories)
        chosen = select(candidates, facts.listed, facts.carried, facts.decisions, stated)
    if not words.strip():
        return chosen
    verdicts = (v for v in chosen.verdicts if v.article.fingerprint in set(found))
    return replace(chosen, verdicts=tuple(verdicts))


def _by_origin(unplaced: Counter[str]) -> tuple[tuple[str, int], ...]:
    origins: Counter[str] = Counter()
    for belongs, count in unplaced.items():
        source, section, categories, _ = json.loads(belongs)
        words = ", ".join(dict.fromkeys(word for word in (section, *categories) if word))
        origins[f"{source}: {words or 'no section or category'}"] += count
    return tuple(sorted(origins.items(), key=lambda each: (-each[1], each[0])))
