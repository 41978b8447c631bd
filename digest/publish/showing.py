"""An issue for eyes that are no reader's: the page to view, the archive, files to look at."""

from collections.abc import Sequence
from pathlib import Path

from digest.archive import IssueRecord
from digest.edition import Issue, cut
from digest.errors import NoSuchSection
from digest.publish.opening import House
from digest.rendering import Reader, Rendering, fill, joined_on, render
from subscribers.preferences import EVERYTHING, Preferences

Shown = Rendering


def shown(house: House, record: IssueRecord, sections: Sequence[str]) -> Shown:
    """The issue as a reader of these sections gets it (of all, when none is named).

    Raises NoSuchSection where such a reader would get nothing.
    """
    wanted = Preferences(frozenset(sections)) if sections else EVERYTHING
    edition = cut(record.issue, wanted)
    if edition is None:
        names = ", ".join(section.name for section in record.issue.sections)
        raise NoSuchSection(
            f"issue {record.issue.number} has nothing in {', '.join(sections)}",
            remedy=f"its sections are {names}",
        )
    return in_sample_places(house, record.issue, render(edition, house.templates))


def in_sample_places(house: House, issue: Issue, rendering: Rendering) -> Shown:
    """The rendering with links that act for nobody, and the issue's day as the day of joining."""
    home = house.settings.publisher.url or house.settings.web.base_url
    joined = joined_on(issue.at, issue.timezone, issue.language)
    return fill(rendering, Reader(home, home, home, joined, home))


def write_shown(shown: Shown, folder: Path) -> list[Path]:
    """Write issue.html and issue.txt into the folder; their paths."""
    folder.mkdir(parents=True, exist_ok=True)
    pages = {folder / "issue.html": shown.html, folder / "issue.txt": shown.text}
    for path, text in pages.items():
        path.write_text(text, encoding="utf-8")
    return list(pages)
