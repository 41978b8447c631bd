"""Candidates: what could stand in an issue, what it weighs, and why it does not stand there."""

from dataclasses import dataclass
from datetime import datetime

from digest.articles import fingerprint
from digest.edition import TRENDING, Issue
from digest.publish.opening import House
from digest.publish.selecting import searched
from digest.selection import Score, Verdict


@dataclass(frozen=True, slots=True)
class Candidate:
    """An article that could be brought in. `section` takes it ("" for none); `reason` is that of
    `digest articles explain`; `score` is None for what was never weighed. `standing` is where it,
    or a copy of it, stands in the issue now, "" for nowhere.
    """

    article: str
    headline: str
    dek: str
    url: str
    source: str
    published: datetime | None
    section: str
    reason: str
    score: Score | None
    others: tuple[str, ...]
    standing: str = ""


def candidates(
    house: House,
    name: str | None,
    search: str = "",
    *,
    now: datetime,
    number: int | None = None,
) -> tuple[Candidate, ...]:
    """What does not stand in the issue: the best first, then what is out for a reason.

    Without `search` what a new draft would look at; else the newest hundred articles that have
    all of its words, however old.
    """
    slug, settings = house.newsletter(name)
    issue = house.issue(slug, number).issue
    verdicts = searched(house, slug, settings, now, search).verdicts
    places = _places(issue)
    made = (_candidate(verdict, places) for verdict in verdicts)
    return tuple(one for one in made if search.strip() or not one.standing)


def _candidate(verdict: Verdict, places: dict[str, str]) -> Candidate:
    article = verdict.article
    urls = (article.fingerprint, *(fingerprint(o.url, o.headline) for o in verdict.story))
    standing = next((places[one] for one in urls if one in places), "")
    return Candidate(
        article.fingerprint, article.headline, article.dek, article.url, article.source,
        article.published, verdict.section, verdict.reason, verdict.score,
        tuple(dict.fromkeys(other.source for other in verdict.story)), standing,
    )  # fmt: skip


def _places(issue: Issue) -> dict[str, str]:
    """Where every article of the issue stands, those behind a story too."""
    stories = [(story, section.name) for section in issue.sections for story in section.stories]
    stories += [(trend.story, TRENDING) for trend in issue.trending if trend.story]
    found: dict[str, str] = {}
    for story, section in stories:
        found[story.fingerprint] = section
        found |= {fingerprint(o.url, o.headline): section for o in story.others}
    return found
