"""Candidates -> groups: one story each, with the best article in front, its score, its fate.

A group is what the policy handles while it chooses. Never here: which articles tell the same
story (twins), which groups go in (filling).
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from typing import TypeVar

from digest.articles import Article, Listed, fingerprint, headline_key
from digest.selection.policy import Policy, SectionRule, coverage
from digest.selection.values import TRENDING, Candidate, Carried, Decision, Other, Score, Story

Seat = TypeVar("Seat")
_RANKS = 10  # of a Trending list that count


@dataclass(slots=True, eq=False)
class Group:
    """One story on its way: its candidates, the one in front first."""

    members: list[Candidate]
    story: Story
    carried: Carried | None
    decision: Decision | None
    decided: tuple[Article, ...] = ()  # where the decision stands
    rule: SectionRule | None = None
    why: str = ""  # the rule takes it
    score: Score = field(default_factory=Score)

    @property
    def pinned(self) -> bool:
        """Whether an editor wants it in."""
        return bool(self.decision and self.decision.held)

    @property
    def seated(self) -> bool:
        """Whether an editor wants it in a section, so that no list may take it from there."""
        wanted = self.decision.section if self.decision else ""
        return wanted != TRENDING and (self.pinned or bool(wanted))

    @property
    def trends(self) -> bool:
        """Whether an editor wants it in Trending."""
        return bool(self.decision and self.decision.trends)

    @property
    def position(self) -> int:
        """The place that an editor gave it, from 1; 0 for none."""
        return (self.decision.position if self.decision else None) or 0

    @property
    def order(self) -> tuple[float, float, str]:
        """Best first: by score, then the newer, then by name."""
        front = self.members[0]
        return -self.score.total, -front.moment.timestamp(), front.article.fingerprint

    @property
    def barred(self) -> str:
        """Why it may stand nowhere in the issue; "" where it may."""
        decision, carried = self.decision, self.carried
        if decision and decision.excluded:
            return f"excluded by {decision.by}" + (f": {decision.why}" if decision.why else "")
        if carried is None or (decision and (decision.pinned or decision.again)):
            return ""
        changed = any(
            member.article.fingerprint == carried.article.fingerprint
            and member.changed > carried.at
            for member in self.members
        )
        return f"already in issue {carried.number}" + ("; changed since" if changed else "")


def grouped(
    candidates: Sequence[Candidate],
    outside: Iterable[Candidate],
    carried: Iterable[Carried],
    decided: dict[str, Decision],
    policy: Policy,
) -> list[Group]:
    """A group for every story of the candidates. What was decided about a twin `outside` counts."""
    stories: dict[object, list[Candidate]] = defaultdict(list)
    for candidate in candidates:
        stories[_name(candidate)].append(candidate)
    words: dict[object, list[tuple[Decision, Article]]] = defaultdict(list)
    for candidate in (*candidates, *outside):
        if found := decided.get(candidate.article.fingerprint):
            words[_name(candidate)].append((found, candidate.article))
    earlier: dict[object, Carried] = {}
    for one in carried:
        earlier[one.article.fingerprint] = earlier[one.story or one.article.fingerprint] = one
    return [
        _group(members, _carried(name, members, earlier), words[name], policy)
        for name, members in stories.items()
    ]


def _name(candidate: Candidate) -> object:
    return candidate.story or candidate.article.fingerprint


def _carried(
    name: object, members: Iterable[Candidate], earlier: dict[object, Carried]
) -> Carried | None:
    own = (earlier[m.article.fingerprint] for m in members if m.article.fingerprint in earlier)
    return next(own, earlier.get(name))


def _heeded(decisions: Iterable[Decision]) -> Decision | None:
    """Of several about one story: the exclusion, else a pin, else the latest gives its name.

    Words and places are those of the latest that has some.
    """
    latest = sorted(decisions, key=lambda d: (d.at, d.fingerprint), reverse=True)
    if not latest:
        return None
    return replace(
        max(latest, key=lambda d: (d.excluded, d.pinned)),
        section=next((d.section for d in latest if d.section), ""),
        position=next((d.position for d in latest if d.position), None),
        headline=next((d.headline for d in latest if d.headline), ""),
        dek=next((d.dek for d in latest if d.dek), ""),
        image=next((d.image for d in latest if d.image is not None), None),
        pinned=any(d.pinned for d in latest),
        again=any(d.again for d in latest),
    )


def _group(
    members: Sequence[Candidate],
    carried: Carried | None,
    words: Sequence[tuple[Decision, Article]],
    policy: Policy,
) -> Group:
    decision = _heeded(word for word, _ in words)
    first = decision.fingerprint if decision and not decision.excluded else ""
    ordered = sorted(members, key=lambda m: (m.article.fingerprint != first, rank(m)))
    story = story_of(ordered, policy, updated=carried is not None)
    if decision:
        story = replace(story, edited_headline=decision.headline, edited_dek=decision.dek,
                        edited_image=decision.image)  # fmt: skip
    group = Group(ordered, story, carried, decision, tuple(article for _, article in words))
    group.rule, group.why = _place(group, policy)
    return group


def story_of(members: Sequence[Candidate], policy: Policy, *, updated: bool = False) -> Story:
    """The story that these tell, the first of them in front."""
    front = members[0].article
    return Story(front, others(members), updated=updated, sectors=policy.sectors_of(front))


def _place(group: Group, policy: Policy) -> tuple[SectionRule | None, str]:
    wanted = group.decision.section if group.decision else ""
    for rule in policy.sections:
        if wanted == rule.name and group.decision:
            return rule, f"moved by {group.decision.by}"
    # A wire copy in front may name no section where the article behind it does.
    for member in group.members:
        found, why = policy.place(member.article)
        if found:
            return found, why
    if group.pinned and policy.sections:
        # An editor who pins a story without naming a section means the issue, wherever it fits.
        return policy.sections[0], "the first section"
    return None, ""


def rank(candidate: Candidate) -> tuple[int, float, str]:
    """The smallest of a story stands in front: the best told, then the earliest."""
    return faults(candidate.article), candidate.moment.timestamp(), candidate.article.fingerprint


def faults(article: Article) -> int:
    """0 for a whole headline with dek, picture, byline of its own and a full text; else more."""
    cut = article.headline.rstrip().endswith(("…", "..."))
    bits = (cut, not article.dek, not article.image.url,
            not article.byline or bool(article.attribution))  # fmt: skip
    return (
        sum(16 << place for place, bit in enumerate(reversed(bits)) if bit)
        - min(len(article.body), 600) // 200
        + 3
    )


def placed(free: Iterable[Seat], held: Iterable[tuple[int, Seat]]) -> list[Seat]:
    """Those that are free in their order, and the others at the places that editors gave them."""
    made = list(free)
    for position, one in held:
        made.insert(position - 1, one)
    return made


def others(members: Sequence[Candidate]) -> tuple[Other, ...]:
    """The articles behind the first, one of each other source."""
    once: dict[str, Other] = {}
    for member in members[1:]:
        other = member.article
        if other.source != members[0].article.source:
            once.setdefault(other.source, Other(other.source, other.headline, other.url))
    return tuple(once.values())


def names(headline: str, url: str) -> tuple[str, ...]:
    """By which a list may mean it: its headline, and its address where it has one."""
    return (headline_key(headline), *((fingerprint(url, headline),) if url else ()))


def weigh(groups: Iterable[Group], listed: Sequence[Listed], policy: Policy) -> None:
    """Give every group its score."""
    ranks: dict[str, int] = {}
    for entry in listed:
        if entry.kind == "trending":
            for name in names(entry.headline, entry.url):
                ranks[name] = min(entry.rank, ranks.get(name, entry.rank))
    for group in groups:
        named = (n for m in group.members for n in names(m.article.headline, m.article.url))
        place = min((ranks[name] for name in named if name in ranks), default=_RANKS + 1)
        w = policy.weights
        group.score = Score(
            w.freshness * policy.freshness(group.members[0].moment),
            w.trend * max(0, _RANKS + 1 - place) / _RANKS,
            w.coverage * coverage(group.story.sources),
        )
