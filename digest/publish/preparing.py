"""Archive -> draft issue; what stands against it; the approval that binds to its content."""

from collections import Counter
from dataclasses import dataclass, replace
from datetime import datetime

from digest import archive, preflight, rendering, selection
from digest.archive import IssueRecord
from digest.edition import Edition, Issue, Publisher, cut
from digest.errors import IssueError, NothingToPublish, PreflightFailed
from digest.preflight import Finding
from digest.publish.opening import House
from digest.rendering import Rendering
from digest.selection import (
    Match,
    Policy,
    SectionRule,
    SectorRule,
    Selection,
    Story,
    Verdict,
)
from digest.settings import MatchSettings, NewsletterSettings
from subscribers.preferences import EVERYTHING, Preferences


@dataclass(frozen=True, slots=True)
class Draft:
    """A prepared issue and why each candidate is in or out."""

    record: IssueRecord
    verdicts: tuple[Verdict, ...]


def prepare(house: House, newsletter: str | None, *, now: datetime) -> Draft:
    """Select and write the draft of the next issue; an earlier draft of it is replaced.

    Raises NothingToPublish rather than make an empty issue.
    """
    name, settings = house.newsletter(newsletter)
    chosen = _select(house, name, settings, now)
    enough = settings.schedule.stories_at_least if settings.schedule else 1
    found = sum(len(section.stories) for section in chosen.sections)
    if found < enough:
        raise _nothing(chosen, found, enough)
    with house.database.reading() as session:
        number = archive.next_number(session, name)
    issue = _issue(house, name, settings, chosen, number, now)
    digest = rendering.content_hash([_complete(house, issue)])
    with house.database.writing() as session:
        return Draft(archive.save_draft(session, issue, digest, now), chosen.verdicts)


def explain(house: House, newsletter: str | None, *, now: datetime) -> tuple[Verdict, ...]:
    """What the selection would make now of every article of the window, and of the one before."""
    name, settings = house.newsletter(newsletter)
    return _select(house, name, settings, now, explained=True).verdicts


def rendering_for(
    house: House, record: IssueRecord, preferences: Preferences = EVERYTHING
) -> Rendering | None:
    """The edition for these preferences, with the reader's places still open; None if empty."""
    edition = cut(record.issue, preferences)
    return _rendered(house, edition) if edition else None


def examine(house: House, record: IssueRecord) -> list[Finding]:
    """What stands against sending the issue, errors first."""
    complete = _complete(house, record.issue)
    base_url = house.settings.web.base_url
    found = preflight.examine(record.issue, complete, base_url=base_url)
    return sorted(found, key=lambda finding: finding.severity != "error")


def approve(
    house: House, newsletter: str | None, number: int | None, *, by: str, now: datetime
) -> IssueRecord:
    """Bind approval to the issue as it would be rendered now.

    Raises PreflightFailed where it has errors, IssueError where it is out already.
    """
    name, _ = house.newsletter(newsletter)
    record = house.issue(name, number)
    if record.state == "sent":
        raise IssueError(
            f"issue {record.issue.number} has been sent", remedy="prepare the next one"
        )
    refuse_errors(house, record)
    with house.database.writing() as session:
        archive.approve(session, record.id, content_hash(house, record), by, now)
    return house.issue(name, record.issue.number)


def content_hash(house: House, record: IssueRecord) -> str:
    """The hash of the issue as the present templates and settings render it."""
    return rendering.content_hash([_complete(house, record.issue)])


def refuse_errors(house: House, record: IssueRecord) -> None:
    """Raises PreflightFailed with the first error, where there is one."""
    errors = [finding for finding in examine(house, record) if finding.severity == "error"]
    if errors:
        more = f" (and {len(errors) - 1} more)" if len(errors) > 1 else ""
        raise PreflightFailed(
            f"issue {record.issue.number} is not fit to send: {errors[0].what}{more}",
            remedy=errors[0].remedy or "`digest check` lists all findings",
        )


def policy(house: House, settings: NewsletterSettings, now: datetime) -> Policy:
    """The stated policy of a newsletter at a moment: window, sections, limits."""
    rules = tuple(
        SectionRule(s.name, s.limit, _match(s.match), s.at_least) for s in settings.section
    )
    if not rules:
        names = dict.fromkeys(source.section for source in house.settings.source if source.section)
        rules = tuple(SectionRule(section, 6) for section in names)
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


def _match(settings: MatchSettings) -> Match:
    return Match(**settings.model_dump())


def _select(
    house: House, name: str, settings: NewsletterSettings, now: datetime, *, explained: bool = False
) -> Selection:
    stated = policy(house, settings, now)
    # Who asks why wants to hear of what has just become too old as well.
    back = 2 if explained else 1
    with house.database.reading() as session:
        decisions = archive.decisions(session, name, archive.next_number(session, name))
        decided = [decision.fingerprint for decision in decisions]
        return selection.select(
            archive.candidates(session, now - back * settings.window, decided),
            archive.listed(session, stated.since),
            archive.carried(session, name, stated.since),
            decisions,
            stated,
        )


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
        trending=chosen.trending,
        briefs=chosen.briefs,
        latest=chosen.latest,
    )


def _without_body(story: Story) -> Story:
    return replace(story, article=replace(story.article, body=""))


def _publisher(house: House) -> Publisher:
    p = house.settings.publisher
    links = tuple(p.links.items())
    return Publisher(
        p.name, p.postal_address, p.url, p.email, p.phone, p.terms_url, links, p.feedback_url
    )


def _complete(house: House, issue: Issue) -> Rendering:
    edition = cut(issue, EVERYTHING)
    if edition is None:
        raise NothingToPublish(
            f"issue {issue.number} has no story", remedy="run `digest prepare` again"
        )
    return _rendered(house, edition)


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
