"""Archive -> draft issue; what stands against it; the approval that binds to its content."""

from collections import Counter
from dataclasses import dataclass, replace
from datetime import datetime

from digest import archive, rendering
from digest.archive import IssueRecord as IssueRecord
from digest.edition import Edition, Issue, Publisher, cut
from digest.errors import IssueError, NothingToPublish
from digest.preflight import Finding
from digest.publish.checking import examine, refuse_errors, whole_editions
from digest.publish.opening import House
from digest.publish.selecting import draft, explained, section_order
from digest.rendering import Rendering
from digest.selection import Selection, Story, Trend
from digest.selection import Verdict as Verdict
from digest.settings import NewsletterSettings
from subscribers.preferences import EVERYTHING, Preferences


@dataclass(frozen=True, slots=True)
class Draft:
    """A prepared issue; what stands against sending it, errors first; what no section takes.

    `unplaced` counts the stories of the window by where they came from, the most first, for
    instance ("wire: Sport", 12).
    """

    record: IssueRecord
    findings: tuple[Finding, ...] = ()
    unplaced: tuple[tuple[str, int], ...] = ()


def prepare(house: House, newsletter: str | None, *, now: datetime) -> Draft:
    """Select and write the draft of the next issue; an earlier draft of it is replaced.

    Raises NothingToPublish rather than make an empty issue.
    """
    name, settings = house.newsletter(newsletter)
    chosen, unplaced = draft(house, name, settings, now)
    enough = settings.schedule.stories_at_least if settings.schedule else 1
    if len(chosen.stories) < enough or not chosen.sections:
        raise _nothing(explained(house, name, settings, now), len(chosen.stories), enough)
    with house.database.reading() as session:
        number = archive.next_number(session, name)
    issue = _issue(house, name, settings, chosen, number, now)
    digest = rendering.content_hash(_approved(house, issue))
    with house.database.writing() as session:
        record = archive.save_draft(session, issue, digest, now)
    return Draft(record, tuple(examine(house, record)), unplaced)


def explain(
    house: House, newsletter: str | None, article: str = "", *, now: datetime
) -> tuple[Verdict, ...]:
    """What the selection would make now of every article of the window, and of the one before.

    Of one article, however old, where it is named: by address or the beginning of its
    fingerprint. Raises IssueError where there is none, or more than one.
    """
    name, settings = house.newsletter(newsletter)
    wanted = house.article(article).fingerprint if article else ""
    verdicts = explained(house, name, settings, now, wanted).verdicts
    return tuple(v for v in verdicts if wanted in {"", v.article.fingerprint})


def rendering_for(
    house: House, record: IssueRecord, preferences: Preferences = EVERYTHING
) -> Rendering | None:
    """The edition for these preferences, with the reader's places still open; None if empty."""
    edition = cut(record.issue, preferences)
    return _rendered(house, edition) if edition else None


def approve(
    house: House, newsletter: str | None, number: int | None, *, by: str, now: datetime
) -> IssueRecord:
    """Bind approval to the issue as it would be rendered now.

    Raises PreflightFailed where it has errors, IssueError where it is out already.
    """
    name, _ = house.newsletter(newsletter)
    record = house.issue(name, number)
    if record.state in ("sent", "cancelled"):
        stands = "has been sent" if record.state == "sent" else "was cancelled"
        raise IssueError(f"issue {record.issue.number} {stands}", remedy="prepare the next one")
    refuse_errors(house, record)
    with house.database.writing() as session:
        archive.approve(session, record.id, content_hash(house, record), by, now)
    return house.issue(name, record.issue.number)


def content_hash(house: House, record: IssueRecord) -> str:
    """The hash of the issue as the present templates and settings render it.

    Both as those get it who want everything, and as those who leave Trending out.
    """
    return rendering.content_hash(_approved(house, record.issue))


def _issue(
    house: House,
    name: str,
    settings: NewsletterSettings,
    chosen: Selection,
    number: int,
    now: datetime,
) -> Issue:
    sections = tuple(
        # The body stays in the archive: an issue carries headlines and deks.
        replace(section, stories=tuple(map(_without_body, section.stories)))
        for section in chosen.sections
    )
    return Issue(
        newsletter=name,
        title=settings.title,
        number=number,
        at=now.replace(microsecond=0),
        timezone=settings.timezone,
        language=settings.language,
        publisher=_publisher(house),
        sections=sections,
        trending=tuple(map(_trend_without_body, chosen.trending)),
        briefs=chosen.briefs,
        latest=chosen.latest,
        order=section_order(house, settings),
    )


def _without_body(story: Story) -> Story:
    return replace(story, article=replace(story.article, body=""))


def _trend_without_body(trend: Trend) -> Trend:
    return replace(trend, story=_without_body(trend.story)) if trend.story else trend


def _publisher(house: House) -> Publisher:
    p = house.settings.publisher
    links = tuple(p.links.items())
    return Publisher(
        p.name, p.postal_address, p.url, p.email, p.phone, p.terms_url, links, p.feedback_url
    )


def _approved(house: House, issue: Issue) -> list[Rendering]:
    return [_rendered(house, edition) for edition, _ in whole_editions(issue)]


def _rendered(house: House, edition: Edition) -> Rendering:
    return rendering.render(edition, house.templates)


def _nothing(chosen: Selection, found: int, enough: int) -> NothingToPublish:
    if not chosen.verdicts:
        return NothingToPublish("the archive is empty", remedy="run `digest collect` first")
    if found:
        return NothingToPublish(
            f"only {found} of the {enough} stories that an issue needs",
            remedy="lower stories_at_least in digest.toml, or wait for more articles",
        )
    kinds = Counter(verdict.reason.split(" “")[0] for verdict in chosen.verdicts)
    why = ", ".join(f"{count} {reason}" for reason, count in kinds.most_common(3))
    return NothingToPublish(
        f"none of the {len(chosen.verdicts)} articles fits an issue: {why}",
        remedy="`digest articles explain` tells for each; collect newer ones or widen the window",
    )
