"""Which of these articles tell the same story, as a publisher's archive would have it."""

from collections.abc import Sequence
from datetime import UTC, datetime

from digest.articles import Article
from digest.selection import Profile, Shelf, profile

UNDATED = datetime(2026, 3, 29, 23, tzinfo=UTC)


def stories(profiles: Sequence[Profile]) -> list[int]:
    """A number for each, from 1; the same for those that tell the same story."""
    shelf = Shelf()
    shelf.weigh(profiles)
    numbers = [0] * len(profiles)
    for n in sorted(range(len(profiles)), key=lambda n: (profiles[n].at, profiles[n].page)):
        if found := shelf.find(profiles[n]):
            shelf.join(found, profiles[n])
        else:
            shelf.put(n + 1, profiles[n])
        numbers[n] = found or n + 1
    return numbers


def stories_of(articles: Sequence[Article]) -> list[int]:
    """The same for articles, at their own times."""
    return stories([profile(article, article.published or UNDATED) for article in articles])
