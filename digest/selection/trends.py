"""The lists of an issue: Trending, briefs and Latest; never a story that stands elsewhere in it."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from digest.articles import Article, Kind, Listed, fingerprint, headline_key
from digest.selection.values import Story, Trend

_AT_LEAST = 12  # letters: a shorter beginning may be that of many headlines


@dataclass(slots=True)
class Shown:
    """What already stands in the issue, by address and by headline."""

    addresses: set[str] = field(default_factory=set)
    headlines: list[str] = field(default_factory=list)

    def add(self, headline: str, url: str) -> None:
        """Write down that it stands in the issue."""
        self.addresses.update({fingerprint(url, headline)} if url else ())
        self.headlines.append(headline_key(headline))

    def add_story(self, story: Story) -> None:
        """A story with all its other articles."""
        self.add(story.headline, story.url)
        self.add(story.article.headline, story.url)
        for other in story.others:
            self.add(other.headline, other.url)

    def has(self, headline: str, url: str) -> bool:
        """Whether it stands there, perhaps with a headline that was cut off."""
        key = headline_key(headline)
        return bool(url and fingerprint(url, headline) in self.addresses) or any(
            same_headline(key, known) for known in self.headlines
        )


def same_headline(one: str, other: str) -> bool:
    """Whether two headline keys are equal, or one is the beginning of the other."""
    short, long = sorted((one, other), key=len)
    return one == other or (len(short) >= _AT_LEAST and long.startswith(short))


def listing(
    kind: Kind, listed: Sequence[Listed], articles: Sequence[Article], shown: Shown, limit: int
) -> tuple[Trend, ...]:
    """The first `limit` entries of the lists of one kind that do not stand in the issue yet.

    Several lists are merged by rank. An entry takes its address and section from the article
    with its headline, where that is known. What is taken is written down in `shown`.
    """
    entries = sorted((e for e in listed if e.kind == kind), key=lambda entry: entry.rank)
    known = {headline_key(article.headline): article for article in articles}
    made: list[Trend] = []
    for entry in entries:
        article = _named(entry.headline, known) if len(made) < limit else None
        headline = article.headline if article else entry.headline
        url = entry.url or (article.url if article else "")
        section = entry.section or (article.section if article else "")
        if len(made) < limit and not shown.has(headline, url):
            shown.add(headline, url)
            made.append(Trend(headline if _is_cut(entry) else entry.headline, url, section))
    return tuple(made)


def reckoned(stories: Iterable[Story], shown: Shown, limit: int) -> tuple[Trend, ...]:
    """Trending where no list is known: what at least two sources tell, the most told first."""
    told = [story for story in stories if sources(story) > 1]
    ranked = sorted(told, key=lambda story: -sources(story))
    made: list[Trend] = []
    for story in ranked:
        if len(made) < limit and not shown.has(story.headline, story.url):
            shown.add_story(story)
            made.append(Trend(story.headline, story.url, story.section))
    return tuple(made)


def sources(story: Story) -> int:
    """How many sources tell it."""
    return len({story.source, *(other.source for other in story.others)})


def _named(headline: str, known: dict[str, Article]) -> Article | None:
    key = headline_key(headline)
    if key in known:
        return known[key]
    if len(key) < _AT_LEAST:
        return None
    return next((known[name] for name in sorted(known) if name.startswith(key)), None)


def _is_cut(entry: Listed) -> bool:
    return entry.headline.rstrip().endswith(("…", "..."))
