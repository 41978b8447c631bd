"""What stands beside an issue: its history, what differs, what preflight finds and where."""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from digest import archive
from digest.archive import Edit, IssueRecord
from digest.edition import Issue
from digest.errors import IssueError
from digest.preflight import Finding
from digest.publish.checking import examine
from digest.publish.editing import change as kinds
from digest.publish.editing import telling
from digest.publish.editing.changing import headline_of
from digest.publish.editing.differing import Difference, differences, repeated
from digest.publish.editing.steps import steps
from digest.publish.opening import House

Since = Literal["approval", "issue"]


@dataclass(frozen=True, slots=True)
class HistoryLine:
    """One step. `kind`: drafted, edited, undone, redone or approved; `what` is a sentence without
    its subject; `undone` tells that it is taken back just now. `at` is in UTC.
    """

    version: int
    at: datetime
    by: str
    kind: str
    what: str
    change: kinds.Change | None
    undone: bool = False


@dataclass(frozen=True, slots=True)
class Changes:
    """What differs from an earlier content: that which was approved, or the issue before.

    `against` is that issue's number, `at` when it was approved. `repeated` are the stories that the
    issue before carried, too, by name and headline.
    """

    since: Since
    against: int
    at: datetime | None
    differences: tuple[Difference, ...]
    repeated: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class DeskFinding:
    """What preflight found, at its place. `story` names the story, "" for none; `field` is
    headline, dek, image, url, subject, second subject, preheader, note or section; "" is the issue.
    """

    rule: str
    severity: str
    what: str
    remedy: str
    where: str
    story: str = ""
    section: str = ""
    field: str = ""


def history(
    house: House, name: str | None, number: int | None = None, *, after: int = -1
) -> tuple[HistoryLine, ...]:
    """Every step of an issue, the oldest first; those after a version."""
    slug, _ = house.newsletter(name)
    record = house.issue(slug, number)
    with house.database.reading() as session:
        edits = archive.edits(session, record.id)
    at = steps(edits)
    alive = {at.shown, *at.undo}
    return tuple(
        HistoryLine(e.version, e.at, e.by, e.kind, telling.told(e),
                    kinds.read(e.change.get("change", {})),
                    undone=e.kind == "edited" and e.version not in alive)
        for e in edits if e.version > after
    )  # fmt: skip


def changes(
    house: House, name: str | None, since: Since = "approval", number: int | None = None
) -> Changes | None:
    """What differs from what was approved, or from the issue before; None where there is none."""
    slug, _ = house.newsletter(name)
    record = house.issue(slug, number)
    if since == "approval":
        approved = approved_content(house, record)
        if approved is None:
            return None
        found = differences(approved, record.issue)
        return Changes(since, record.issue.number, record.approved_at, found)
    before = _before(house, record)
    if before is None:
        return None
    issue = record.issue
    names = repeated(before.issue, issue)
    told = tuple((one, headline_of(issue, one)) for one in names)
    return Changes(
        since, before.issue.number, before.approved_at, differences(before.issue, issue), told
    )


def findings(house: House, name: str | None, number: int | None = None) -> tuple[DeskFinding, ...]:
    """What preflight finds in the very bytes, errors first, each at its place."""
    slug, _ = house.newsletter(name)
    record = house.issue(slug, number)
    return tuple(placed(finding, record.issue) for finding in examine(house, record))


def placed(finding: Finding, issue: Issue) -> DeskFinding:
    """A finding and the place that its words point at."""
    where = finding.where
    story = section = ""
    for told in (*issue.stories, *(t.story for t in issue.trending if t.story)):
        named = where.endswith(f"“{told.headline[:60]}”")
        if named or (told.url and where == f"link to {told.url[:60]}"):
            story = told.fingerprint
    if where.startswith("section "):
        section = where.removeprefix("section ")
    return DeskFinding(
        finding.rule, finding.severity, finding.what, finding.remedy, where, story, section,
        _field(finding, story),
    )  # fmt: skip


def _field(finding: Finding, story: str) -> str:
    kind = finding.rule.partition("-")[0]
    if finding.where.startswith("section "):
        return "section"
    if finding.where in {"preheader", "note", "subject", "second subject"}:
        return finding.where
    if kind == "subject":
        return "subject"
    fields = {"headline": "headline", "dek": "dek", "image": "image", "link": "url"}
    return fields.get(kind, "") if story else ""


def approved_content(house: House, record: IssueRecord) -> Issue | None:
    """The content that was approved last; None where none was."""
    if not record.approved_hash:
        return None
    with house.database.reading() as session:
        edits = archive.edits(session, record.id)
        # What was approved before steps were written down is the first of them.
        last = max((e.version for e in edits if e.kind == "approved"), default=0)
        until: list[Edit] = [edit for edit in edits if edit.version <= last]
        return archive.issue_at(session, record.id, steps(until).shown)


def _before(house: House, record: IssueRecord) -> IssueRecord | None:
    try:
        return house.issue(record.issue.newsletter, record.issue.number - 1)
    except IssueError:
        return None
