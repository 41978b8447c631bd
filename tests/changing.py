"""An issue on the desk that a test changes: what is done to it, and how it reads then."""

import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from digest import archive, publish
from digest.articles import Article, Listed
from digest.publish import Change, DeskIssue, House, open_house
from tests.conftest import NOW
from tests.drafts import ENVIRON, HOUR
from tests.test_stories import GRAIN, WORLD, prepared

PAGE = (Listed(1, "Lights out early"), Listed(2, "A bridge for Selm", "https://b.example/bridge"))


@pytest.fixture
def desk(drafted: Path, tmp_path: Path) -> Iterator[House]:
    """That draft, to be changed; on SQLite, what books do is tried on both in test_edited."""
    own = shutil.copytree(drafted, tmp_path / "desk")
    with open_house(own, ENVIRON) as opened:
        yield opened


def now(house: House) -> DeskIssue:
    return publish.desk_issue(house, None)


def edited(house: House, *changes: Change, by: str = "ann") -> DeskIssue:
    for change in changes:
        publish.edit(house, None, now(house).version, by, change, now=NOW)
    return now(house)


def news(house: House, word: str, hours: float = 0) -> Article:
    """A new article for Global, published and collected so many hours on."""
    at = NOW + hours * HOUR
    made = replace(GRAIN, headline=f"{word} is on fire", url=f"{WORLD}/{word}",
                   dek=f"{word} burns since noon.", published=at)  # fmt: skip
    with house.database.writing() as session:
        archive.keep(session, [made], at)
    return made


def outline(issue: DeskIssue) -> dict[str, list[str]]:
    return {s.name: [story.headline for story in s.stories] for s in issue.sections}


def story(issue: DeskIssue, headline: str) -> publish.DeskStory:
    told = [*issue.stories, *(entry.story for entry in issue.trending if entry.story)]
    return next(one for one in told if one.headline == headline)


def trending(issue: DeskIssue) -> list[str]:
    return [entry.headline for entry in issue.trending]


def outline_of_new_draft(house: House) -> dict[str, list[str]]:
    prepared(house)
    return outline(now(house))
