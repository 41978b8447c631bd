"""An editor's word on an article: kept with the archive, obeyed by the next draft."""

from dataclasses import replace
from datetime import datetime

from digest import archive
from digest.articles import Article, tidy
from digest.errors import IssueError, NoSuchSection
from digest.publish.comparing import compare
from digest.publish.opening import House
from digest.publish.selecting import policy
from digest.selection import TRENDING, Decision


def decide(
    house: House, newsletter: str | None, article: str, *, by: str, now: datetime, **what: object
) -> tuple[Article, Decision]:
    """Add to what was decided about an article (an address, or a fingerprint's beginning).

    `what` are fields of Decision; pin, position and "again" hold for the next issue, everything
    else until it is undone. Raises IssueError where there is no such article or section.
    """
    name, settings = house.newsletter(newsletter)
    found = house.article(article)
    lines = {field: tidy(str(what[field])) for field in ("headline", "dek") if field in what}
    sections = [*(rule.name for rule in policy(house, settings, now).sections), TRENDING]
    if (section := what.get("section")) and section not in sections:
        raise NoSuchSection(
            f"{name} has no section {section}", remedy=f"write one of: {', '.join(sections)}"
        )
    with house.database.writing() as session:
        number = archive.next_number(session, name)
        before = archive.decision(session, name, number, found.fingerprint, by, now)
        after = replace(before, by=by, at=now, **what | lines)  # type: ignore[arg-type]
        archive.decide(session, name, number, after)
    return found, after


def undecide(house: House, newsletter: str | None, article: str) -> tuple[Article, ...]:
    """Take back all that was decided about an article, and about any other of the same story.

    The articles about which something was decided. Raises IssueError where nothing was.
    """
    name, _ = house.newsletter(newsletter)
    found = house.article(article)
    compare(house)
    with house.database.writing() as session:
        told = archive.decided_about(session, name, found.fingerprint)
        for fingerprint in told:
            archive.undecide(session, name, fingerprint)
        if not told:
            raise IssueError(
                f"nothing was decided about “{found.headline}”",
                remedy="`digest articles explain` names what was",
            )
        return tuple(one for each in told for one in archive.called(session, each, 1))
