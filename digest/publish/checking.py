"""What stands against sending an issue: preflight, on the very bytes that would go out."""

import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime
from email.utils import parseaddr

from digest import preflight, sources
from digest.archive import IssueRecord
from digest.edition import cut
from digest.errors import DigestError, DkimError, NothingToPublish, PreflightFailed
from digest.messages import Message
from digest.preflight import Fetch, Finding, Sender
from digest.publish.composing import Composer, return_domain
from digest.publish.opening import House
from subscribers.preferences import EVERYTHING
from subscribers.recipient import Recipient

# Nobody's links are longer: the number has 13 digits in base 36, the day its most letters.
FURTHEST = Recipient(2**63 - 1, "reader@example.org", datetime(2026, 9, 28, tzinfo=UTC), EVERYTHING)


def examine(house: House, record: IssueRecord, *, fetch: Fetch | None = None) -> list[Finding]:
    """What stands against sending the issue, errors first; with `fetch`, dead links as well."""
    edition = cut(record.issue, EVERYTHING)
    if edition is None:
        raise NothingToPublish(
            f"issue {record.issue.number} has no story", remedy="run `digest prepare` again"
        )
    problem: DigestError | None = None
    try:
        composer = Composer(house, record)
    except DkimError as error:
        composer, problem = Composer(house, record, keys=()), error
    rendering = composer.rendering(edition)
    message: Message | None = None
    try:
        message = composer.compose(FURTHEST, edition, "check", record.issue.at)
    except DigestError as error:
        problem = problem or error
    sender = _sender(house, record, composer, problem)
    found = preflight.examine(record.issue, rendering, sender, message.data if message else b"")
    if fetch:
        found += preflight.dead_links(record.issue, fetch)
    return sorted(found, key=lambda finding: finding.severity != "error")


def look_up_links(urls: Sequence[str]) -> dict[str, int]:
    """The HTTP status of each address, several at once; 0 where nothing answers."""
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
