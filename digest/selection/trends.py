"""The lists of an issue: Trending, briefs and Latest; never a story that stands elsewhere in it."""

from bisect import bisect_left
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from digest.articles import Article, Kind, Listed, fingerprint, headline_key
from digest.selection.groups import Group, names, placed
from digest.selection.values import Candidate, Decision, Story, Trend

Entry = tuple[Trend, Group | None]
_AT_LEAST = 12  # letters: a shorter beginning may be that of many headlines
_LAST = 1_000_000  # the place of what was pinned without one


@dataclass(slots=True)
class Shown:
    """What already stands in the issue or stood in an earlier one, by address and by headline."""

    addresses: set[str] = field(default_factory=set)
    headlines: set[str] = field(default_factory=set)

    def add(self, headline: str, url: str) -> None:
        """Write down that it stands there."""
        self.addresses.update({fingerprint(url, headline)} if url else ())
        self.headlines.add(headline_key(headline))

    def bar(self, fingerprints: Iterable[str]) -> None:
        """Let none of these stand there: of addresses, or of headlines that have none."""
        self.addresses.update(fingerprints)

    def add_story(self, story: Story) -> None:
        """A story with all its other articles."""
        self.add(story.headline, story.url)
        self.add(story.article.headline, story.url)
        for other in story.others:
            self.add(other.headline, other.url)

    def has(self, headline: str, url: str) -> bool:
        """Whether it stands there, perhaps with a headline that was cut off."""
        key = headline_key(headline)
        return fingerprint(url, headline) in self.addresses or any(
            _same_headline(key, known) for known in self.headlines
        )


class Known:
    """The articles that an entry of a list may mean, each with its group where it has one."""

    def __init__(self, groups: Iterable[Group], outside: Iterable[Candidate]) -> None:
        self._found: dict[str, tuple[Article, Group | None]] = {}
        for candidate in outside:
            self._add(candidate.article, None)
        for group in groups:
            for member in reversed(group.members):
                self._add(member.article, group)
        self._sorted = sorted(self._found)

    def _add(self, article: Article, group: Group | None) -> None:
        for name in names(article.headline, article.url):
            self._found[name] = article, group

    def find(self, entry: Listed) -> tuple[Article | None, Group | None]:
        """By address, by headline, or by a headline that was cut off."""
        for name in reversed(names(entry.headline, entry.url)):
            if name in self._found:
                return self._found[name]
        key = headline_key(entry.headline)
        at = bisect_left(self._sorted, key)
        if len(key) >= _AT_LEAST and self._sorted[at : at + 1] and self._sorted[at].startswith(key):
            return self._found[self._sorted[at]]
        return None, None


def entries(kind: Kind, listed: Iterable[Listed]) -> list[Listed]:
    """Those of one kind; several lists are merged by rank."""
    return sorted((e for e in listed if e.kind == kind), key=lambda entry: entry.rank)


def trending(
    groups: Sequence[Group],
    listed: Sequence[Listed],
    known: Known,
    shown: Shown,
    decided: Mapping[str, Decision],
    limit: int,
) -> list[Entry]:
    """The Trending list: of the sources' lists, else of what at least two sources tell.

    What an editor placed in it stands there, whatever the limit; a bare entry as long as it is
    listed. What an editor put into a section is left to it, what is barred or was shown left out.
    """
    held: list[tuple[int, Entry]] = []
    for group in (g for g in groups if g.trends and not g.barred):
        held.append((group.position or _LAST, (_of(group), group)))
        shown.add_story(group.story)
    told = sorted((g for g in groups if g.story.sources > 1 and not g.trends), key=_most_told)
    offered: list[Entry] = [(_of(g), g) for g in told if not g.seated and not g.barred]
    if given := entries("trending", listed):
        named = [(entry, *known.find(entry)) for entry in given]
        met = [(_of(group) if group else _entry(entry, of), group) for entry, of, group in named]
        bare = {_name(trend): _word(trend, group, decided) for trend, group in met}
        offered = _offered(met, bare, shown, limit - len(held))
        held += [(bare[_name(t)], (t, g)) for t, g in offered if bare[_name(t)]]
        offered = [(t, g) for t, g in offered if not bare[_name(t)]]
    held.sort(key=lambda each: each[0])
    return placed(offered[: max(0, limit - len(held))], held)


def _offered(met: Iterable[Entry], bare: Mapping[str, int], shown: Shown, room: int) -> list[Entry]:
    """Those of the lists that stand nowhere yet, as many as there is room for, and what is held."""
    made: list[Entry] = []
    taken: set[int] = set()
    room -= sum(1 for place in bare.values() if place)
    for trend, group in met:
        free = not shown.has(trend.headline, trend.url)
        if group:
            free = id(group) not in taken and not (group.seated or group.barred or group.trends)
        held = bool(bare[_name(trend)])
        if free and (held or room > 0):
            made.append((trend, group))
            room -= not held
            taken.add(id(group))
            shown.add_story(group.story) if group else shown.add(trend.headline, trend.url)
    return made


def _name(trend: Trend) -> str:
    return fingerprint(trend.url, trend.headline)


def _word(trend: Trend, group: Group | None, decided: Mapping[str, Decision]) -> int:
    """The place that an editor gave an entry with no article behind it; 0 for none."""
    word = None if group else decided.get(_name(trend))
    return (word.position or 0) if word and word.trends else 0


def listing(
    kind: Kind, listed: Iterable[Listed], known: Known, shown: Shown, limit: int
) -> Iterator[Trend]:
    """The first `limit` entries of the lists of one kind that stand nowhere else in the issue.

    An entry takes its address and section from the article that it means, where that is known.
    """
    for entry in entries(kind, listed):
        article, group = known.find(entry)
        trend = _entry(entry, article)
        if limit and not (group and group.barred) and not shown.has(trend.headline, trend.url):
            shown.add(trend.headline, trend.url)
            limit -= 1
            yield trend


def _most_told(group: Group) -> tuple[int, tuple[float, float, str]]:
    return -group.story.sources, group.order


def _of(group: Group) -> Trend:
    story = group.story
    home = group.rule.name if group.rule else ""
    return Trend(story.headline, story.url, home or story.section, story, home)


def _entry(entry: Listed, article: Article | None) -> Trend:
    if article is None:
        return Trend(entry.headline, entry.url, entry.section)
    cut = entry.headline.rstrip().endswith(("…", "..."))
    return Trend(
        article.headline if cut else entry.headline,
        entry.url or article.url,
        entry.section or article.section,
    )


def _same_headline(one: str, other: str) -> bool:
    short, long = sorted((one, other), key=len)
    return one == other or (len(short) >= _AT_LEAST and long.startswith(short))
