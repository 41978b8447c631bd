"""An issue and a change -> the issue as it is then. Pure.

Only what the change names becomes another: nothing else moves up, no story is selected anew.
Never here: what holds for the next draft (holding), where values come from (acting).
"""

import re
import unicodedata
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import TypeVar

from digest.articles import Image, fingerprint, tidy
from digest.edition import TRENDING, Issue
from digest.errors import IssueError, NoSuchSection
from digest.publish.editing.change import (
    Arrange,
    BringIn,
    Change,
    ChooseImage,
    DropStory,
    MoveStory,
    Pin,
    Preheader,
    Rewrite,
    Subjects,
    TakeBack,
    WriteNote,
)
from digest.selection import Section, Story, Trend

Held = TypeVar("Held", Story, Trend)
AT_MOST = {"headline": 300, "dek": 2000, "note": 10_000, "subject": 250, "preheader": 500,
           "alt text": 500}  # fmt: skip
"""Characters; what is too long for readers, preflight says."""


@dataclass(frozen=True, slots=True)
class AtHand:
    """What of the archive a change may need: the story to bring in, the section that takes it,
    the articles that tell it, the pictures to choose from, the newsletter's sections in their
    order, and what an article is called that does not stand in the issue.
    """

    story: Story | None = None
    home: str = ""
    copies: tuple[str, ...] = ()
    images: tuple[Image, ...] = ()
    sections: tuple[str, ...] = ()
    headline: str = ""


def changed(issue: Issue, change: Change, at_hand: AtHand) -> Issue:
    """The issue after the change. Raises IssueError where there is no such story or place."""
    match change:
        case MoveStory(story, section, place):
            return _moved(issue, story, section, place, at_hand)
        case DropStory(story):
            return _dropped(issue, story)
        case BringIn(article, section, place):
            return _brought(issue, article, section, place, at_hand)
        case Pin():
            return _pinned(issue, change, at_hand)
        case Arrange(section, stories):
            return _arranged(issue, section, stories, at_hand)
        case Rewrite(story):
            return _retold(issue, story, lambda told: _rewritten(told, change))
        case ChooseImage(story):
            return _retold(issue, story, lambda told: _pictured(told, change, at_hand.images))
        case TakeBack(story):
            return _retold(issue, story, _own, missing=True)
    return _worded(issue, change)


def _worded(issue: Issue, change: WriteNote | Subjects | Preheader) -> Issue:
    match change:
        case WriteNote(note):
            return replace(issue, note=_note(note))
        case Subjects(first, second):
            if second.strip() and tidy(first) == tidy(second):
                raise IssueError(
                    "both subjects are the same", remedy="write another one, or leave it out"
                )
            return replace(issue, subject=_line(first, "subject"),
                           second_subject=_line(second, "subject"))  # fmt: skip
        case Preheader(text):
            return replace(issue, preheader=_line(text, "preheader"))


def on_one_line(change: Change) -> Change:
    """The change with its lines as they will stand there: the history shows them, too."""
    match change:
        case Rewrite(_, headline, dek):
            return replace(change, headline=headline and tidy(headline), dek=dek and tidy(dek))
        case Subjects(first, second):
            return Subjects(tidy(first), tidy(second))
        case Preheader(text):
            return Preheader(tidy(text))
    return change


def seat(issue: Issue, story: str) -> tuple[str, int] | None:
    """The section, or Trending, in which a story or entry stands, and its place from 1; or None."""
    standing = [(s.name, [one.fingerprint for one in s.stories]) for s in issue.sections]
    for section, names in (*standing, (TRENDING, [entry_name(e) for e in issue.trending])):
        if story in names:
            return section, names.index(story) + 1
    return None


def lists_of(issue: Issue) -> tuple[tuple[Trend, ...], ...]:
    """Trending, briefs, latest."""
    return issue.trending, issue.briefs, issue.latest


def entry_name(entry: Trend) -> str:
    """By which a change names an entry of a list."""
    return entry.story.fingerprint if entry.story else fingerprint(entry.url, entry.headline)


def story_of(issue: Issue, name: str) -> Story | None:
    """The story of that name, in a section or in Trending."""
    trending = (trend.story for trend in issue.trending if trend.story)
    return next((s for s in (*issue.stories, *trending) if s.fingerprint == name), None)


def headline_of(issue: Issue, name: str) -> str:
    """Of a story or an entry of a list; "" where there is none."""
    story = story_of(issue, name)
    entries = (entry for entries in lists_of(issue) for entry in entries)
    return story.headline if story else next(
        (entry.headline for entry in entries if entry_name(entry) == name), ""
    )  # fmt: skip


def _moved(issue: Issue, name: str, section: str, place: int | None, at_hand: AtHand) -> Issue:
    if (stands := seat(issue, name)) is None:
        raise _missing(issue, name)
    left, target = _without(issue, name), section or stands[0]
    if target == TRENDING:
        listed = [entry for entry in issue.trending if entry_name(entry) == name]
        told = [_entry(s, stands[0]) for s in issue.stories if s.fingerprint == name]
        return _listed(left, (*listed, *told)[0], place)
    if (story := story_of(issue, name)) is None:
        raise IssueError(
            f"“{headline_of(issue, name)}” is a headline with no article behind it",
            remedy="let it stand in Trending, or drop it",
        )
    return _put(left, story, target, place, at_hand)


def _entry(story: Story, home: str) -> Trend:
    """What stands in Trending then; who leaves that out finds the story in its home."""
    return Trend(story.headline, story.url, home or story.section, story, home)


def _listed(issue: Issue, entry: Trend, place: int | None) -> Issue:
    entries = list(issue.trending)
    entries.insert(_index(place, len(entries)), entry)
    return replace(issue, trending=tuple(entries))


def _index(place: int | None, last: int) -> int:
    if place is not None and place < 1:
        raise IssueError("places count from 1", remedy="write 1 for the first")
    return last if place is None else place - 1


def _pinned(issue: Issue, change: Pin, at_hand: AtHand) -> Issue:
    story = change.story
    if seat(issue, story) is None:
        raise _missing(issue, story)
    if not change.pinned or (not change.section and change.place is None):
        return issue
    return _moved(issue, story, change.section, change.place, at_hand)


def _arranged(issue: Issue, name: str, stories: tuple[str, ...], at_hand: AtHand) -> Issue:
    if name == TRENDING:
        entries = {entry_name(entry): entry for entry in issue.trending}
        return replace(issue, trending=_in_order(issue, name, entries, stories))
    _order(issue, name, at_hand)
    held = {s.fingerprint: s for one in issue.sections if one.name == name for s in one.stories}
    ordered = _in_order(issue, name, held, stories)
    sections = (replace(s, stories=ordered) if s.name == name else s for s in issue.sections)
    return replace(issue, sections=tuple(sections))


def _in_order(
    issue: Issue, section: str, held: dict[str, Held], first: tuple[str, ...]
) -> tuple[Held, ...]:
    for name in first:
        if name not in held:
            raise IssueError(
                f"“{headline_of(issue, name) or name[:12]}” does not stand in {section}",
                remedy="name stories of that section; move the others there first",
            )
    return tuple(held[name] for name in dict.fromkeys((*first, *held)))


def _brought(issue: Issue, name: str, section: str, place: int | None, at_hand: AtHand) -> Issue:
    if (story := at_hand.story) is None:
        raise IssueError(
            f"no article is called {name}", remedy="`digest articles list` shows their names"
        )
    for known in (name, *at_hand.copies):
        if told := story_of(issue, known):
            raise IssueError(
                f"“{told.headline}” stands in the issue already", remedy="move it instead"
            )
    # What merely stood in a list is told in full now.
    left, target = _without(issue, name), section or at_hand.home
    if target == TRENDING:
        return _listed(left, _entry(story, at_hand.home), place)
    return _put(left, story, target, place, at_hand)


def _dropped(issue: Issue, name: str) -> Issue:
    left = _without(issue, name)
    if left == issue:
        raise _missing(issue, name)
    if not left.sections and not left.trending:
        raise IssueError("an issue needs a story", remedy="bring in another one first")
    return left


def _without(issue: Issue, name: str) -> Issue:
    lists = (tuple(e for e in entries if entry_name(e) != name) for entries in lists_of(issue))
    trending, briefs, latest = lists
    sections = (
        replace(section, stories=tuple(s for s in section.stories if s.fingerprint != name))
        for section in issue.sections
    )
    return replace(issue, sections=tuple(s for s in sections if s.stories), trending=trending,
                   briefs=briefs, latest=latest)  # fmt: skip


def _put(issue: Issue, story: Story, name: str, place: int | None, at_hand: AtHand) -> Issue:
    order = _order(issue, name, at_hand)
    held = {section.name: list(section.stories) for section in issue.sections}
    stories = held.setdefault(name, [])
    stories.insert(_index(place, len(stories)), story)
    sections = sorted(held, key=order.index)
    return replace(issue, sections=tuple(Section(n, tuple(held[n])) for n in sections))


def _order(issue: Issue, name: str, at_hand: AtHand) -> tuple[str, ...]:
    """The sections as they follow each other. Raises NoSuchSection where `name` is none of them."""
    order = tuple(dict.fromkeys((*at_hand.sections, *issue.order,
                                 *(section.name for section in issue.sections))))  # fmt: skip
    if name not in order:
        raise NoSuchSection(
            f"{issue.newsletter} has no section {name}",
            remedy=f"write one of: {', '.join((*order, TRENDING))}",
        )
    return order


def _retold(
    issue: Issue, name: str, tell: Callable[[Story], Story], *, missing: bool = False
) -> Issue:
    """`missing`: a story that does not stand there is no mistake."""
    if story_of(issue, name) is None:
        if missing:
            return issue
        raise _missing(issue, name)

    def retold(stories: tuple[Story, ...]) -> Iterator[Story]:
        return (tell(story) if story.fingerprint == name else story for story in stories)

    sections = tuple(replace(s, stories=tuple(retold(s.stories))) for s in issue.sections)
    trending = tuple(
        _trend(trend, tell(trend.story))
        if trend.story and trend.story.fingerprint == name
        else trend
        for trend in issue.trending
    )
    return replace(issue, sections=sections, trending=trending)


def _trend(trend: Trend, story: Story) -> Trend:
    return replace(trend, story=story, headline=story.headline)


def _rewritten(story: Story, change: Rewrite) -> Story:
    if change.headline is not None:
        told = _line(change.headline, "headline")
        own = story.article.headline
        story = replace(story, edited_headline="" if told == own else told)
    if change.dek is not None:
        told = _line(change.dek, "dek")
        story = replace(story, edited_dek="" if told == story.article.dek else told)
    return story


def _pictured(story: Story, change: ChooseImage, images: tuple[Image, ...]) -> Story:
    if change.url is None:
        return replace(story, edited_image=None)
    if not change.url:
        return replace(story, edited_image=Image())
    known = {image.url: image for image in (*images, story.article.image, story.image)}
    if change.url not in known:
        raise IssueError(
            f"“{story.headline}” has no picture {change.url}",
            remedy="choose one of the pictures of its articles",
        )
    image = known[change.url]
    if change.alt is not None:
        image = replace(image, alt=_line(change.alt, "alt text"))
    return replace(story, edited_image=None if image == story.article.image else image)


def _own(story: Story) -> Story:
    return replace(story, edited_headline="", edited_dek="", edited_image=None)


def _line(text: str, what: str) -> str:
    return _bounded(tidy(text), what)


def _note(text: str) -> str:
    lines = unicodedata.normalize("NFC", text.replace("\r\n", "\n").replace("\r", "\n")).split("\n")
    tidied = "\n".join(re.sub(r"^ +", "", tidy(line)) for line in lines)
    return _bounded(re.sub(r"\n{3,}", "\n\n", tidied).strip(), "note")


def _bounded(text: str, what: str) -> str:
    if len(text) > AT_MOST[what]:
        raise IssueError(
            f"the {what} has {len(text):,} characters", remedy=f"write at most {AT_MOST[what]:,}"
        )
    return text


def _missing(issue: Issue, name: str) -> IssueError:
    return IssueError(
        f"issue {issue.number} has no story {name[:12]}",
        remedy="look at the issue as it is now; somebody may have dropped it",
    )
