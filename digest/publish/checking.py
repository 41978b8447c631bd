"""What stands against sending an issue: preflight, on the very bytes that would go out."""

import asyncio
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from email.utils import parseaddr

from digest import preflight
from digest.archive import IssueRecord
from digest.articles import tidy
from digest.edition import Edition, Issue, cut
from digest.errors import DigestError, DkimError, NothingToPublish, PreflightFailed
from digest.messages import Message
from digest.preflight import Fetch, Finding, Sender
from digest.publish.composing import Composer, return_domain
from digest.publish.opening import House
from digest.rendering import subject_of
from subscribers.preferences import EVERYTHING, Preferences
from subscribers.recipient import Recipient

# Nobody's links are longer: the number has 13 digits in base 36, the day its most letters.
FURTHEST = Recipient(2**63 - 1, "reader@example.org", datetime(2026, 9, 28, tzinfo=UTC), EVERYTHING)


def examine(house: House, record: IssueRecord, *, fetch: Fetch | None = None) -> list[Finding]:
    """What stands against sending the issue, errors first; with `fetch`, dead links as well.

    Readers who leave Trending out get its stories elsewhere, so their mail is looked at, too.
    """
    problem: DigestError | None = None
    try:
        composer = Composer(house, record)
    except DkimError as error:
        composer, problem = Composer(house, record, keys=()), error
    found: dict[Finding, None] = {}
    for edition, issue in whole_editions(record.issue):
        told = {(finding.rule, finding.where) for finding in found}
        for finding in _examined(house, record, composer, problem, edition, issue):
            # What is measured differs a little between the two; once is enough.
            if (finding.rule, finding.where) not in told:
                found[finding] = None
    found |= dict.fromkeys(_subjects(record.issue, _sender(house, record, composer, problem)))
    if fetch:
        found |= dict.fromkeys(preflight.dead_links(record.issue, fetch))
    return sorted(found, key=lambda finding: finding.severity != "error")


def whole_editions(issue: Issue) -> list[tuple[Edition, Issue]]:
    """The edition of those who want everything and, where it tells a story in another place, that
    of those who want all but Trending; each with the issue as they see it.

    Raises NothingToPublish where there is nothing in it.
    """
    everything = cut(issue, EVERYTHING)
    if everything is None:
        raise NothingToPublish(
            f"issue {issue.number} has no story", remedy="run `digest prepare` again"
        )
    other = issue.without_trending
    names = frozenset(section.name for section in other.sections)
    rest = cut(issue, Preferences(names)) if other != issue else None
    return [(everything, issue), *([(rest, other)] if rest else [])]


def _examined(
    house: House,
    record: IssueRecord,
    composer: Composer,
    problem: DigestError | None,
    edition: Edition,
    issue: Issue,
) -> list[Finding]:
    rendering = composer.rendering(edition)
    message: Message | None = None
    try:
        message = composer.compose(FURTHEST, edition, "check", record.issue.at)
    except DigestError as error:
        problem = problem or error
    sender = _sender(house, record, composer, problem)
    return preflight.examine(issue, rendering, sender, message.data if message else b"")


def _subjects(issue: Issue, sender: Sender) -> Iterator[Finding]:
    """What stands against the subjects that half of the readers get, or those of one section."""
    if issue.second_subject:
        for finding in preflight.examine_subject(issue, tidy(issue.second_subject), sender):
            yield replace(finding, where="second subject")
    whole = [edition for edition, _ in whole_editions(issue)]
    told = {_subject_rules(issue, edition, sender) for edition in whole}
    theirs = {subject_of(edition) for edition in whole}
    for section in issue.without_trending.sections:
        edition = cut(issue, Preferences(frozenset({section.name})))
        if edition is None or subject_of(edition) in theirs:
            continue
        if _subject_rules(issue, edition, sender) in told:
            continue
        for finding in preflight.examine_subject(issue, subject_of(edition), sender):
            yield replace(finding, where=f"subject for readers of {section.name} alone")


def _subject_rules(issue: Issue, edition: Edition, sender: Sender) -> tuple[str, ...]:
    # The same story at the head and the same faults: told once, though the counts differ.
    found = preflight.examine_subject(issue, subject_of(edition), sender)
    lead = edition.stories[0].fingerprint if edition.stories else ""
    return (lead, *(finding.rule for finding in found))


def look_up_links(urls: Sequence[str]) -> dict[str, int]:
    """The HTTP status of each address, several at once; 0 where nothing answers."""
    from digest import sources  # a send needs none of it, and it takes a tenth of its start

    return asyncio.run(sources.statuses(urls))


def refuse_errors(house: House, record: IssueRecord) -> None:
    """Raises PreflightFailed with the first error, where there is one."""
    errors = [finding for finding in examine(house, record) if finding.severity == "error"]
    if errors:
        more = f" (and {len(errors) - 1} more)" if len(errors) > 1 else ""
        raise PreflightFailed(
            f"issue {record.issue.number} is not fit to send: {errors[0].what}{more}",
            remedy=errors[0].remedy or "`digest check` lists all findings",
        )


def _sender(
    house: House, record: IssueRecord, composer: Composer, problem: DigestError | None
) -> Sender:
    _, newsletter = house.newsletter(record.issue.newsletter)
    domain = parseaddr(newsletter.from_)[1].rpartition("@")[2]
    bits = [key.bits for key in composer.keys if key.kind == "rsa"]
    return Sender(
        base_url=house.settings.web.base_url,
        from_=newsletter.from_,
        envelope_domain=return_domain(house, domain),
        dkim_domain=house.settings.dkim.domain if house.settings.dkim.key_file else "",
        dkim_bits=bits[0] if bits else 0,
        problem=problem.what if problem else "",
        remedy=(problem.remedy if problem else "") or "correct it in digest.toml",
    )
