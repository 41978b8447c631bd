"""DeskIssue: all that an editor sees of an issue, built from the archive without rendering it.

Never here: what preflight finds (looking), what could come in (waiting), how it looks (doors).
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime

from digest import archive
from digest.archive import IssueRecord
from digest.articles import Image, fingerprint, headline_key
from digest.edition import TRENDING, Edition, Issue, cut
from digest.errors import IssueError
from digest.publish.editing import telling
from digest.publish.editing.changing import entry_name, headline_of, lists_of, seat
from digest.publish.editing.steps import Steps, steps
from digest.publish.opening import House
from digest.publish.selecting import section_order
from digest.rendering import Cut, inbox_cuts, preheader_of, subject_of
from digest.selection import Decision, Story, Trend
from subscribers.preferences import EVERYTHING


@dataclass(frozen=True, slots=True)
class Line:
    """Subject or preheader. `text` is what inboxes get, `own` what an editor wrote ("" for
    nothing), `original` what stands there without it. `limit` is what preflight allows, in
    characters; `cuts` shows how inboxes cut it.
    """

    text: str
    own: str
    original: str
    limit: int
    cuts: tuple[Cut, ...]

    @property
    def length(self) -> int:
        """Characters."""
        return len(self.text)


@dataclass(frozen=True, slots=True)
class DeskStory:
    """A story at its place. `name` names it in changes; `place` counts from 1 in its section,
    which may be Trending.

    `pinned` by an editor; `held`: it keeps its place in every new draft, since an editor touched
    it. `edited` names what is not the article's own: "headline", "dek", "image". `images` are
    those of all articles that tell it. `by` is whose word stands there, "" for nobody's.
    """

    name: str
    section: str
    place: int
    headline: str
    dek: str
    original_headline: str
    original_dek: str
    url: str
    byline: str
    published: datetime | None
    source: str
    sources: tuple[str, ...]
    image: Image
    original_image: Image
    images: tuple[Image, ...]
    pinned: bool
    held: bool
    edited: tuple[str, ...]
    updated: bool
    by: str = ""


@dataclass(frozen=True, slots=True)
class DeskEntry:
    """An entry of Trending, In brief or Latest. Where an article of ours is behind it, `story` is
    that, and `home` the section where those find it who leave Trending out. `place` counts from 1
    in its list; an editor `pinned` it, or `held` it there.
    """

    name: str
    headline: str
    url: str
    section: str
    place: int
    story: DeskStory | None = None
    home: str = ""
    pinned: bool = False
    held: bool = False


@dataclass(frozen=True, slots=True)
class DeskSection:
    """A section of the newsletter in the order of the mail; an empty one is not in the mail.

    `limit` is how many stories a new draft gives it; None where the settings say nothing.
    """

    name: str
    stories: tuple[DeskStory, ...]
    limit: int | None


@dataclass(frozen=True, slots=True)
class DeskIssue:
    """An issue on the desk. `state`: draft, approved, sending, sent or cancelled.

    `version` is what `edit`, `undo` and `redo` want to hear. `undo` and `redo` say in a sentence
    what they would take back or bring again, "" for nothing. `content_hash` is "" while nobody
    has rendered the issue since it was changed. Times are in UTC.
    """

    newsletter: str
    title: str
    number: int
    state: str
    version: int
    at: datetime
    subject: Line
    second_subject: Line | None
    preheader: Line
    note: str
    sections: tuple[DeskSection, ...]
    trending: tuple[DeskEntry, ...]
    trending_limit: int
    briefs: tuple[DeskEntry, ...]
    latest: tuple[DeskEntry, ...]
    undo: str
    redo: str
    content_hash: str
    approved_hash: str
    approved_by: str
    approved_at: datetime | None

    @property
    def can_undo(self) -> bool:
        """Whether there is something to take back."""
        return bool(self.undo)

    @property
    def can_redo(self) -> bool:
        """Whether something was taken back that may come again."""
        return bool(self.redo)

    @property
    def editable(self) -> bool:
        """Whether it may still be changed."""
        return self.state in archive.EDITABLE

    @property
    def places(self) -> tuple[str, ...]:
        """Where a story can be put: the sections by name, and Trending."""
        return (*(section.name for section in self.sections), TRENDING)

    @property
    def stories(self) -> tuple[DeskStory, ...]:
        """All stories of the sections, in the order of the mail."""
        return tuple(story for section in self.sections for story in section.stories)

    @property
    def told(self) -> tuple[DeskStory, ...]:
        """The same, and those of Trending."""
        return (*self.stories, *(entry.story for entry in self.trending if entry.story))


def desk_issue(house: House, name: str | None, number: int | None = None) -> DeskIssue:
    """An issue as the editors see it: of this number, without one the newest.

    Raises SettingsError where there is no such newsletter, IssueError where there is no issue.
    """
    slug, _ = house.newsletter(name)
    return shown(house, house.issue(slug, number))


def name_in(house: House, issue: DeskIssue, word: str) -> str:
    """The name of the story or entry that is called `word`: by its address, the beginning of its
    name, or its headline, and so are the articles behind a story. "" where none is.

    Raises IssueError where several are.
    """
    record = house.issue(issue.newsletter, issue.number).issue
    names: dict[str, str] = {}
    for entry in (entry for entries in lists_of(record) for entry in entries):
        names[entry_name(entry)] = entry_name(entry)
        names[f"={headline_key(entry.headline)}"] = entry_name(entry)
    trending = (entry.story for entry in record.trending if entry.story)
    for story in (*record.stories, *trending):
        names |= {fingerprint(o.url, o.headline): story.fingerprint for o in story.others}
        names[story.fingerprint] = story.fingerprint
        names[f"={headline_key(story.headline)}"] = story.fingerprint
    if not (word := word.strip()):
        return ""
    exact = (fingerprint(word, word), f"={headline_key(word)}")
    found = {names[one] for one in exact if one in names}
    found = found or {names[one] for one in names if word and one.startswith(word.lower())}
    if len(found) > 1:
        some = "; ".join(f"{one[:8]} {headline_of(record, one)}" for one in sorted(found)[:5])
        raise IssueError(
            f"more than one article is called {word}: {some}", remedy="write more of the name"
        )
    return next(iter(found), "")


def shown(house: House, record: IssueRecord) -> DeskIssue:
    """The same of a record."""
    issue = record.issue
    trending = (trend.story for trend in issue.trending if trend.story)
    names = [story.fingerprint for story in (*issue.stories, *trending)]
    with house.database.reading() as session:
        decisions = archive.decisions(session, issue.newsletter, issue.number)
        images = archive.pictures(session, names)
        edits = archive.edits(session, record.id)
    seen = _Seen(issue, {d.fingerprint: d for d in decisions}, images)
    back, again = _ways(edits, steps(edits))
    subject, second, preheader = _lines(issue)
    return DeskIssue(
        newsletter=issue.newsletter,
        title=issue.title,
        number=issue.number,
        state=record.state,
        version=record.version,
        at=issue.at,
        subject=subject,
        second_subject=second,
        preheader=preheader,
        note=issue.note,
        sections=_sections(house, seen),
        trending=seen.entries(issue.trending),
        trending_limit=house.newsletter(issue.newsletter)[1].trending.limit,
        briefs=seen.entries(issue.briefs),
        latest=seen.entries(issue.latest),
        undo=back,
        redo=again,
        content_hash=record.content_hash,
        approved_hash=record.approved_hash,
        approved_by=record.approved_by,
        approved_at=record.approved_at,
    )


def _ways(edits: list[archive.Edit], at: Steps) -> tuple[str, str]:
    by_version = {edit.version: edit for edit in edits}
    back = telling.told(by_version[at.shown]) if at.undo else ""
    return back, telling.told(by_version[at.redo[-1]]) if at.redo else ""


def _lines(issue: Issue) -> tuple[Line, Line | None, Line]:
    own = cut(issue, EVERYTHING)
    bare = cut(replace(issue, subject="", preheader="", second_subject=""), EVERYTHING)
    second = None
    if issue.second_subject:
        second = _subject(issue.second_subject, issue.second_subject, bare)
    first = _subject(subject_of(own) if own else issue.subject, issue.subject, bare)
    text = preheader_of(own) if own else issue.preheader
    original = preheader_of(bare) if bare else ""
    cuts = inbox_cuts(text, preheader=True)
    return first, second, Line(text, issue.preheader, original, 150, cuts)


def _subject(text: str, own: str, bare: Edition | None) -> Line:
    return Line(text, own, subject_of(bare) if bare else "", 70, inbox_cuts(text))


def _sections(house: House, seen: "_Seen") -> tuple[DeskSection, ...]:
    issue = seen.issue
    _, settings = house.newsletter(issue.newsletter)
    limits = {rule.name: rule.limit for rule in settings.section}
    held = {section.name: section.stories for section in issue.sections}
    order = dict.fromkeys((*section_order(house, settings), *issue.order, *held))
    return tuple(
        DeskSection(name, tuple(map(seen.story, held.get(name, ()))), limits.get(name))
        for name in order
    )


@dataclass(frozen=True, slots=True)
class _Seen:
    """What of the archive stands beside the stories."""

    issue: Issue
    decisions: Mapping[str, Decision]
    images: Mapping[str, tuple[Image, ...]]

    def entries(self, entries: Iterable[Trend]) -> tuple[DeskEntry, ...]:
        return tuple(self.entry(entry, place) for place, entry in enumerate(entries, 1))

    def entry(self, entry: Trend, place: int) -> DeskEntry:
        name = entry_name(entry)
        word = self.decisions.get(name)
        return DeskEntry(
            name, entry.headline, entry.url, entry.section, place,
            self.story(entry.story) if entry.story else None, entry.home,
            bool(word and word.pinned), bool(word and word.held),
        )  # fmt: skip

    def story(self, story: Story) -> DeskStory:
        section, place = seat(self.issue, story.fingerprint) or ("", 0)
        word = self.decisions.get(story.fingerprint)
        article = story.article
        edited = {"headline": story.edited_headline, "dek": story.edited_dek}
        names = [name for name, text in edited.items() if text]
        names += ["image"] if story.edited_image is not None else []
        images = {i.url: i for i in (article.image, *self.images.get(story.fingerprint, ()))
                  if i.url}  # fmt: skip
        return DeskStory(
            story.fingerprint, section, place, story.headline, story.dek, article.headline,
            article.dek, story.url, story.byline, story.published, story.source,
            tuple(dict.fromkeys((story.source, *(other.source for other in story.others)))),
            story.image, article.image, tuple(images.values()),
            bool(word and word.pinned), bool(word and word.held), tuple(names), story.updated,
            word.by if word else "",
        )  # fmt: skip
