"""Two issues -> what differs between them, as an editor would say it. Pure."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from digest.edition import TRENDING, Issue
from digest.publish.editing.changing import entry_name, headline_of, lists_of
from digest.selection import Story

Kind = Literal["added", "gone", "moved", "headline", "dek", "image", "others", "entry added",
               "entry gone", "entries", "subject", "second subject", "preheader", "note", "title",
               "publisher"]  # fmt: skip


@dataclass(frozen=True, slots=True)
class Difference:
    """One thing that differs. `name` and `headline` are those of the story or entry, "" where it
    is about the whole issue; `before` and `after` are texts, or places such as "Global, place 2".
    """

    kind: Kind
    name: str = ""
    headline: str = ""
    before: str = ""
    after: str = ""


def differences(before: Issue, after: Issue) -> tuple[Difference, ...]:
    """What became of the first issue in the second; none where they are equal to a reader."""
    return (*_lines(before, after), *_stories(before, after), *_entries(before, after))


def repeated(before: Issue, after: Issue) -> tuple[str, ...]:
    """The names of the stories that both carry."""
    told = _places(before)
    return tuple(name for name in _places(after) if name in told)


def _lines(before: Issue, after: Issue) -> Iterator[Difference]:
    names: tuple[tuple[Kind, str], ...] = (
        ("subject", "subject"), ("second subject", "second_subject"), ("preheader", "preheader"),
        ("note", "note"), ("title", "title"),
    )  # fmt: skip
    for kind, name in names:
        old, new = getattr(before, name), getattr(after, name)
        if old != new:
            yield Difference(kind, before=old, after=new)
    if before.publisher != after.publisher:
        yield Difference("publisher", before=before.publisher.name, after=after.publisher.name)


def _stories(before: Issue, after: Issue) -> Iterator[Difference]:
    old, new = _places(before), _places(after)
    for name, (story, place) in new.items():
        if name not in old:
            yield Difference("added", name, story.headline, after=place)
    for name, (story, place) in old.items():
        if name not in new:
            yield Difference("gone", name, story.headline, before=place)
    moved = _moved(before, after)
    for name in (name for name in new if name in old):
        (told, was), (tells, stands) = old[name], new[name]
        if name in moved and was == stands:  # others went around it
            was, stands = _behind(before, name), _behind(after, name)
        if name in moved and was != stands:
            yield Difference("moved", name, tells.headline, was, stands)
        yield from _words(name, told, tells)


def _behind(issue: Issue, name: str) -> str:
    """What a story stands behind, for one whose place has the same number as before."""
    for names in _standing(issue).values():
        if at := names.index(name) if name in names else 0:
            return f"behind “{headline_of(issue, names[at - 1])}”"
    return "first"


def _words(name: str, old: Story, new: Story) -> Iterator[Difference]:
    texts: tuple[tuple[Kind, str, str], ...] = (
        ("headline", old.headline, new.headline),
        ("dek", old.dek, new.dek),
        ("image", _picture(old), _picture(new)),
        ("others", _others(old), _others(new)),
    )
    for kind, told, tells in texts:
        if told != tells:
            yield Difference(kind, name, new.headline, told, tells)


def _moved(before: Issue, after: Issue) -> set[str]:
    """Those that stand elsewhere; not those that only moved up because others came or went."""
    moved: set[str] = set()
    sections = _standing(before)
    old = {name for names in sections.values() for name in names}
    for section, are in _standing(after).items():
        stayed = [name for name in sections.get(section, ()) if name in are]
        kept = _longest_in_order([stayed.index(name) for name in are if name in stayed])
        moved |= {name for name in are if name in old and name not in {stayed[i] for i in kept}}
    return moved


def _standing(issue: Issue) -> dict[str, list[str]]:
    """By section, and of Trending, the names of what stands there."""
    sections = {one.name: [story.fingerprint for story in one.stories] for one in issue.sections}
    return sections | {TRENDING: [entry_name(entry) for entry in issue.trending]}


def _longest_in_order(numbers: list[int]) -> list[int]:
    """The longest rising run that is left when others are taken out."""
    best: list[list[int]] = []
    for at, number in enumerate(numbers):
        before = (best[i] for i in range(at) if numbers[i] < number)
        best.append([*max(before, key=len, default=[]), number])
    return max(best, key=len, default=[])


def _places(issue: Issue) -> dict[str, tuple[Story, str]]:
    places = {
        entry.story.fingerprint: (entry.story, f"{TRENDING}, place {place}")
        for place, entry in enumerate(issue.trending, 1)
        if entry.story
    }
    for section in issue.sections:
        for place, story in enumerate(section.stories, 1):
            places[story.fingerprint] = story, f"{section.name}, place {place}"
    return places


def _entries(before: Issue, after: Issue) -> Iterator[Difference]:
    both = zip(("trending", "briefs", "latest"), lists_of(before), lists_of(after), strict=True)
    for kind, *entries in both:
        old, new = ({entry_name(e): e.headline for e in one if not e.story} for one in entries)
        for name in new:
            if name not in old:
                yield Difference("entry added", name, new[name], after=kind)
        for name in old:
            if name not in new:
                yield Difference("entry gone", name, old[name], before=kind)
    were, are = _standing(before)[TRENDING], _standing(after)[TRENDING]
    for name in _moved(before, after).intersection(were, are) - set(_places(after)):
        was, stands = (f"{TRENDING}, place {one.index(name) + 1}" for one in (were, are))
        yield Difference("moved", name, headline_of(after, name), was, stands)


def _picture(story: Story) -> str:
    return " ".join(filter(None, (story.image.url, story.image.alt, story.image.credit)))


def _others(story: Story) -> str:
    return ", ".join(other.source for other in story.others)
