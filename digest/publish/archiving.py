"""The public archive: issues that went out, as anybody may read them, and a feed of them."""

from dataclasses import dataclass
from datetime import datetime
from xml.sax.saxutils import escape, quoteattr

from digest import archive, rendering
from digest.edition import cut
from digest.errors import IssueError, SettingsError
from digest.publish.opening import House
from digest.publish.showing import Shown, in_sample_places
from subscribers.preferences import EVERYTHING

IN_FEED = 20


@dataclass(frozen=True, slots=True)
class Published:
    """One issue in the list: its newsletter's slug and title, number, subject and time."""

    slug: str
    title: str
    number: int
    subject: str
    at: datetime


def published(
    house: House, newsletter: str, limit: int, before: int | None = None
) -> list[Published]:
    """So many issues of a newsletter that went out, newest first, those before a number alone.

    Raises SettingsError.
    """
    slug, told = house.newsletter(newsletter)
    with house.database.reading() as session:
        records = archive.issues(session, slug, states=("sent",), before=before, limit=limit)
    return [
        Published(
            slug,
            told.title,
            record.issue.number,
            record.issue.subject or _first(record.issue.stories) or told.title,
            record.issue.at,
        )
        for record in records
    ]


def public_issue(house: House, newsletter: str, number: int) -> Shown | None:
    """One issue as it was sent, with no link that acts for a reader; None where there is none."""
    try:
        slug, _ = house.newsletter(newsletter)
        record = house.issue(slug, number)
    except (IssueError, SettingsError):
        return None
    edition = cut(record.issue, EVERYTHING) if record.state == "sent" else None
    if edition is None:
        return None
    page = rendering.render(edition, house.templates, in_browser=True)
    return in_sample_places(house, record.issue, page)


def atom(house: House, newsletter: str) -> str:
    """The archive as an Atom feed (RFC 4287). Raises SettingsError."""
    slug, told = house.newsletter(newsletter)
    base = f"{house.settings.web.base_url}/archive/{slug}"
    issues = published(house, slug, IN_FEED)
    updated = issues[0].at if issues else datetime.fromtimestamp(0).astimezone()
    entries = "".join(
        f"<entry><title>{escape(one.subject)}</title><id>{base}/{one.number}</id>"
        f"<link href={quoteattr(f'{base}/{one.number}')}/><updated>{one.at.isoformat()}</updated>"
        "</entry>\n"
        for one in issues
    )
    author = escape(house.settings.publisher.name)
    return (
        '<?xml version="1.0" encoding="utf-8"?>\n<feed xmlns="http://www.w3.org/2005/Atom">\n'
        f"<title>{escape(told.title)}</title><id>{base}</id><link href={quoteattr(base)}/>"
        f'<link rel="self" href={quoteattr(base + "/feed.xml")}/>'
        f"<updated>{updated.isoformat()}</updated><author><name>{author}</name></author>\n"
        f"{entries}</feed>\n"
    )


def _first(stories: tuple[object, ...]) -> str:
    for story in stories[:1]:
        article = getattr(story, "article", story)
        return str(getattr(article, "headline", ""))
    return ""
