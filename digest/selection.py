"""Articles -> stories: what goes into an issue, and for every candidate the reason.

Deterministic: the same candidates, policy and moment give the same selection. Pure; never
here: where candidates come from (archive), how the chosen look (edition, rendering).
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from fnmatch import fnmatchcase

from digest.articles import Article, Listed, headline_key


@dataclass(frozen=True, slots=True)
class Section:
    """A heading of the issue and the articles under it, in the order of the mail; never empty."""

    name: str
    stories: tuple[Article, ...]


@dataclass(frozen=True, slots=True)
class Trend:
    """An entry of the numbered Trending list. `url` is "" where no address is known."""

    headline: str
    url: str = ""
    section: str = ""


@dataclass(frozen=True, slots=True)
class SectionRule:
    """One section of the issue: at most `limit` stories; patterns may hold `*`."""

    name: str
    limit: int
    sections: tuple[str, ...] = ()
    categories: tuple[str, ...] = ()
    urls: tuple[str, ...] = ()

    def takes(self, article: Article) -> bool:
        """Whether the article belongs here: by its section, a category, or its address."""
        return (
            _any(article.section, (self.name, *self.sections))
            or any(_any(category, (self.name, *self.categories)) for category in article.categories)
            or _any(article.url, self.urls)
        )


@dataclass(frozen=True, slots=True)
class Policy:
    """The window reaches from `since` (excluded) to `until` (included), both in UTC."""

    since: datetime
    until: datetime
    sections: tuple[SectionRule, ...]
    trending_limit: int = 4


@dataclass(frozen=True, slots=True)
class Verdict:
    """What became of one candidate: the section it is kept in, or why it was dropped."""

    article: Article
    kept: bool
    reason: str


@dataclass(frozen=True, slots=True)
class Selection:
    """The stories by section (empty sections left out) and a verdict for every candidate."""

    sections: tuple[Section, ...]
    trending: tuple[Trend, ...]
    verdicts: tuple[Verdict, ...]


def select(
    candidates: Iterable[Article],
    listed: Sequence[Listed],
    carried: dict[str, int],
    policy: Policy,
) -> Selection:
    """Newest first, within the window, by section and limit, no story twice, none sent before.

    `listed` is the Trending list as the page gave it; `carried` maps fingerprints and headline
    keys of earlier issues to the number of the issue that had them.
    """
    ordered = sorted(candidates, key=_newest_first)
    chosen: dict[str, list[Article]] = {rule.name: [] for rule in policy.sections}
    seen: dict[str, str] = {}
    verdicts = [_judge(article, chosen, seen, carried, policy) for article in ordered]
    sections = tuple(Section(name, tuple(stories)) for name, stories in chosen.items() if stories)
    trending = _trending(listed, ordered, policy.trending_limit)
    return Selection(sections, trending, tuple(verdicts))


def _judge(
    article: Article,
    chosen: dict[str, list[Article]],
    seen: dict[str, str],
    carried: dict[str, int],
    policy: Policy,
) -> Verdict:
    rule = next((rule for rule in policy.sections if rule.takes(article)), None)
    dropped = _why_not(article, rule, seen, carried, policy)
    if dropped or rule is None:
        return Verdict(article, False, dropped)
    if len(chosen[rule.name]) >= rule.limit:
        return Verdict(article, False, f"section {rule.name} is full ({rule.limit})")
    chosen[rule.name].append(article)
    for identity in _identities(article):
        seen[identity] = article.headline
    return Verdict(article, True, rule.name)


def _why_not(
    article: Article,
    rule: SectionRule | None,
    seen: dict[str, str],
    carried: dict[str, int],
    policy: Policy,
) -> str:
    identities = _identities(article)
    earlier = next((carried[i] for i in identities if i in carried), None)
    twin = next((seen[i] for i in identities if i in seen), None)
    moment = article.published
    if rule is None:
        return "no section takes it"
    if moment is None or moment <= policy.since:
        return "too old" if moment else "has no date"
    if moment > policy.until:
        return "dated in the future"
    if earlier is not None:
        return f"already in issue {earlier}"
    return f"same story as “{twin}”" if twin else ""


def _trending(
    listed: Sequence[Listed], articles: Sequence[Article], limit: int
) -> tuple[Trend, ...]:
    # A list names what readers open now: an entry may also stand in a section, or be older.
    by_headline = {headline_key(article.headline): article for article in reversed(articles)}
    trends: dict[str, Trend] = {}
    for entry in sorted(listed, key=lambda entry: entry.rank):
        key = headline_key(entry.headline)
        known = by_headline.get(key)
        url = entry.url or (known.url if known else "")
        section = entry.section or (known.section if known else "")
        trends.setdefault(key, Trend(entry.headline, url, section))
    return tuple(trends.values())[:limit]


def _identities(article: Article) -> tuple[str, str]:
    return article.fingerprint, headline_key(article.headline)


def _newest_first(article: Article) -> tuple[float, str]:
    moment = article.published
    return (-moment.timestamp() if moment else 0.0, article.fingerprint)


def _any(value: str, patterns: Iterable[str]) -> bool:
    return any(fnmatchcase(value.casefold(), pattern.casefold()) for pattern in patterns if pattern)
