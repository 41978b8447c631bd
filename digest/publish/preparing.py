"""Archive -> draft issue; what stands against it; the approval that binds to its content."""

from collections import Counter
from collections.abc import Callable, Collection
from dataclasses import asdict, dataclass, replace
from datetime import datetime

from digest import archive, rendering
from digest.archive import IssueRecord as IssueRecord
from digest.edition import Edition, Issue, Publisher, cut
from digest.errors import Conflict, IssueError, NothingToPublish
from digest.preflight import Finding
from digest.publish.checking import examine, refuse_errors, whole_editions
from digest.publish.composing import letterhead
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


def prepare(house: House, newsletter: str | None, *, now: datetime, by: str = "") -> Draft:
    """Select and write the draft of the next issue; an earlier draft of it is replaced.

    What editors did to that stays: their words, what they placed, and what they dropped. Raises
    NothingToPublish rather than make an empty issue, Conflict where an editor changes the draft
    at the same moment.
    """
    name, settings = house.newsletter(newsletter)
    chosen, unplaced = draft(house, name, settings, now)
    enough = settings.schedule.stories_at_least if settings.schedule else 1
    if len(chosen.stories) < enough or not chosen.sections:
        raise _nothing(explained(house, name, settings, now), len(chosen.stories), enough)
    with house.database.reading() as session:
        number, before = archive.next_number(session, name), archive.draft(session, name)
        decisions = archive.decisions(session, name, number)
    issue = _issue(house, name, settings, chosen, number, now)
    if before and before.issue.number == number:
        issue = with_words_of(before.issue, issue)
        placed = {word.fingerprint for word in decisions if word.trends}
        issue = with_homes_of(before.issue, issue, placed)
    digest = hash_of(house, issue)
    with house.database.writing() as session:
        seen = before.version if before else None
        record = archive.save_draft(session, issue, digest, now, by=by, seen=seen)
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
    house: House,
    newsletter: str | None,
    number: int | None,
    *,
    by: str,
    now: datetime,
    version: int | None = None,
    as_seen: Callable[[], bool] = lambda: True,
) -> IssueRecord:
    """Bind approval to the issue as it would be rendered now; `version` is what the approver saw.

    `as_seen` is asked, at last when all that is approved has been read, whether templates and
    settings are as the approver saw them. Raises PreflightFailed where it has errors, IssueError
    where it is out already, Conflict where an editor was quicker, or who saves a template.
    """
    house = house.held()
    name, _ = house.newsletter(newsletter)
    record = house.issue(name, number)
    if version is not None and version != record.version:
        raise Conflict(
            f"issue {record.issue.number} was changed after you looked at it",
            version=record.version,
        )
    if record.state in ("sent", "cancelled"):
        stands = "has been sent" if record.state == "sent" else "was cancelled"
        raise IssueError(f"issue {record.issue.number} {stands}", remedy="prepare the next one")
    _refuse_unseen(record, as_seen)  # before it is told what is wrong with what they never saw
    refuse_errors(house, record)
    digest = content_hash(house, record)
    _refuse_unseen(record, as_seen)
    with house.database.writing() as session:
        archive.approve(session, record.id, digest, by, now, seen=record.version)
    return house.issue(name, record.issue.number)


def _refuse_unseen(record: IssueRecord, as_seen: Callable[[], bool]) -> None:
    if not as_seen():
        raise Conflict(
            "it has changed since you looked at it", remedy="look again, then approve it",
            version=record.version,
        )  # fmt: skip


def content_hash(house: House, record: IssueRecord) -> str:
    """The hash of the issue as the present templates and settings render it."""
    return hash_of(house, record.issue)


def hash_of(house: House, issue: Issue) -> str:
    """The same of an issue that may be written nowhere.

    As those get it who want everything, and as those who leave Trending out; with either subject;
    the form of all editions, for others may see parts of it that these do not show; and what the
    headers say of the sender, for an inbox shows whom a mail is from before anything else.
    """
    editions = [edition for edition, _ in whole_editions(issue)]
    if issue.second_subject:
        editions += [replace(edition, second=True) for edition in editions]
    form = {**rendering.form(house.templates), "sender": asdict(letterhead(house, issue))}
    return rendering.content_hash((_rendered(house, edition) for edition in editions), form)


def with_words_of(before: Issue, issue: Issue) -> Issue:
    """The issue with what editors wrote for the draft before it: subjects, preheader, note."""
    return replace(
        issue,
        subject=before.subject,
        second_subject=before.second_subject,
        preheader=before.preheader,
        note=before.note,
    )


def with_homes_of(before: Issue, issue: Issue, placed: Collection[str]) -> Issue:
    """The issue with what editors `placed` in Trending at home where the draft before it has it.

    A decision says where a story stands, not from which section an editor took it there. Where
    the newsletter has that section no more, the settings say where the story belongs.
    """
    homes = {
        trend.story.fingerprint: trend.home
        for trend in before.trending
        if trend.story and trend.story.fingerprint in placed and trend.home in issue.order
    }

    def at_home(trend: Trend) -> Trend:
        home = homes.get(trend.story.fingerprint, "") if trend.story else ""
        return replace(trend, section=home, home=home) if home else trend

    return replace(issue, trending=tuple(map(at_home, issue.trending)))


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
