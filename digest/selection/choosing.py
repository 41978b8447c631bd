"""Candidates -> the stories of an issue, by the stated policy, and a reason for each candidate.

The window first, then twins become one story, then what editors decided and what was carried;
what is left fills its section by score:

    score = freshness + trend / 2 + coverage / 2      (the weights of `Policy.weights`)

freshness falls from 1 at the window's end to 0 at its beginning; trend is 1 for the first of a
Trending list and falls by a tenth a rank; coverage is 0 with one source and nears 1 with many.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date
from zoneinfo import ZoneInfo

from digest.articles import Article, Listed, fingerprint, headline_key
from digest.selection import trends, twins
from digest.selection.values import (
    Candidate,
    Carried,
    Decision,
    Other,
    Policy,
    Section,
    SectionRule,
    Selection,
    Story,
    Verdict,
)

_RANKS = 10  # of a Trending list that count


@dataclass(slots=True, eq=False)
class _Group:
    """One story on its way: its candidates, the one in front first."""

    members: list[Candidate]
    carried: Carried | None = None
    decision: Decision | None = None
    story: Story = field(init=False)
    score: float = 0.0

    @property
    def pinned(self) -> bool:
        return bool(self.decision and self.decision.pinned)

    @property
    def order(self) -> tuple[float, float, str]:
        front = self.members[0]
        return -self.score, -front.moment.timestamp(), front.article.fingerprint


@dataclass(slots=True)
class _Filling:
    """The sections while they fill, and why a story was left out."""

    policy: Policy
    chosen: dict[str, list[_Group]]
    dropped: dict[int, str] = field(default_factory=dict)
    by_source: Counter[str] = field(default_factory=Counter)
    by_day: Counter[tuple[str, date]] = field(default_factory=Counter)


def select(
    candidates: Iterable[Candidate],
    listed: Sequence[Listed],
    carried: Iterable[Carried],
    decisions: Iterable[Decision],
    policy: Policy,
) -> Selection:
    """The issue that the policy makes of what was collected; a verdict for every candidate.

    `listed` holds the lists as the sources gave them, `carried` what earlier issues had. What
    an editor decided wins over everything. The order of the candidates makes no difference.
    """
    decided = {decision.fingerprint: decision for decision in decisions}
    ordered = sorted(candidates, key=lambda c: (c.moment, c.article.fingerprint))
    outside = {c.article.fingerprint: why for c in ordered if (why := _outside(c, decided, policy))}
    inside = [c for c in ordered if c.article.fingerprint not in outside]
    carried = list(carried)
    groups = _groups(inside, carried, decided, policy)
    _weigh(groups, listed, policy)
    filling = _fill(groups, policy)
    verdicts = [Verdict(c.article, False, outside[c.article.fingerprint]) for c in ordered
                if c.article.fingerprint in outside]  # fmt: skip
    for group in groups:
        verdicts += _verdicts(group, filling)
    shown = trends.Shown()
    for earlier in carried:
        shown.add(earlier.article.headline, earlier.article.url)
    return _selection(filling, groups, listed, verdicts, shown)


def _outside(candidate: Candidate, decided: dict[str, Decision], policy: Policy) -> str:
    decision = decided.get(candidate.article.fingerprint)
    if decision and decision.pinned:
        return ""
    if candidate.moment <= policy.since:
        return "too old"
    return "dated in the future" if candidate.moment > policy.until else ""


def _groups(
    inside: list[Candidate],
    carried: list[Carried],
    decided: dict[str, Decision],
    policy: Policy,
) -> list[_Group]:
    profiles = [twins.profile(c.article, c.article.published or c.at) for c in carried]
    profiles += [twins.profile(c.article, c.moment) for c in inside]
    made = []
    for numbers in twins.stories(profiles, leaders=len(carried)):
        members = [inside[n - len(carried)] for n in numbers if n >= len(carried)]
        earlier = [carried[n] for n in numbers if n < len(carried)]
        if members:
            made.append(_group(members, earlier, decided, policy))
    return made


def _group(
    members: list[Candidate],
    earlier: list[Carried],
    decided: dict[str, Decision],
    policy: Policy,
) -> _Group:
    known = [decided[m.article.fingerprint] for m in members if m.article.fingerprint in decided]
    decision = max(known, key=lambda d: (d.pinned, d.excluded, d.at, d.fingerprint), default=None)
    excluded = next((d for d in known if d.excluded), None)
    decision = excluded or decision
    first = decision.fingerprint if decision and not decision.excluded else ""
    members = sorted(members, key=lambda m: (m.article.fingerprint != first, *_quality(m)))
    group = _Group(members, earlier[-1] if earlier else None, decision)
    front = members[0].article
    sectors = [rule.name for rule in policy.sectors if rule.match.takes(front)]
    group.story = Story(
        front,
        _others(members),
        decision.headline if decision else "",
        decision.dek if decision else "",
        updated=group.carried is not None,
        sectors=tuple(dict.fromkeys((*front.sectors, *sectors))),
    )
    return group


def _quality(candidate: Candidate) -> tuple[bool, bool, bool, bool, int, float, str]:
    """Smaller is better: whole, with a dek, a picture and a byline, the fuller, the earlier."""
    a = candidate.article
    return (
        a.headline.rstrip().endswith(("…", "...")),
        not a.dek,
        not a.image.url,
        not a.byline or bool(a.attribution),
        -min(len(a.body), 600) // 200,
        candidate.moment.timestamp(),
        a.fingerprint,
    )


def _others(members: Sequence[Candidate]) -> tuple[Other, ...]:
    once: dict[str, Other] = {}
    for member in members[1:]:
        other = member.article
        if other.source != members[0].article.source:
            once.setdefault(other.source, Other(other.source, other.headline, other.url))
    return tuple(once.values())


def _weigh(groups: Iterable[_Group], listed: Sequence[Listed], policy: Policy) -> None:
    ranks: dict[str, int] = {}
    for entry in listed:
        if entry.kind == "trending":
            for name in _names(entry.headline, entry.url):
                ranks[name] = min(entry.rank, ranks.get(name, entry.rank))
    span = (policy.until - policy.since).total_seconds()
    for group in groups:
        names = [n for m in group.members for n in _names(m.article.headline, m.article.url)]
        rank = min((ranks[name] for name in names if name in ranks), default=_RANKS + 1)
        trend = max(0, _RANKS + 1 - rank) / _RANKS
        age = (policy.until - group.members[0].moment).total_seconds()
        fresh = min(1.0, max(0.0, 1 - age / span)) if span else 0.0
        coverage = 1 - 1 / trends.sources(group.story)
        w = policy.weights
        group.score = round(w.freshness * fresh + w.trend * trend + w.coverage * coverage, 6)


def _names(headline: str, url: str) -> tuple[str, ...]:
    return (headline_key(headline), *((fingerprint(url, headline),) if url else ()))


def _fill(groups: Sequence[_Group], policy: Policy) -> _Filling:
    filling = _Filling(policy, {rule.name: [] for rule in policy.sections})
    waiting: list[tuple[_Group, SectionRule]] = []
    for group in sorted(groups, key=lambda group: (not group.pinned, group.order)):
        rule = _rule(group, policy)
        why = _barred(group) or ("" if rule else "no section takes it")
        if why or rule is None:
            filling.dropped[id(group)] = why
        elif group.pinned:
            _take(filling, group, rule)
        else:
            waiting.append((group, rule))
    for relaxed in (False, True):
        for group, rule in waiting:
            if group not in filling.chosen[rule.name]:
                _try(filling, group, rule, relaxed)
    _leave_out_thin_sections(filling)
    return filling


def _rule(group: _Group, policy: Policy) -> SectionRule | None:
    wanted = group.decision.section if group.decision else ""
    if wanted and (moved := next((r for r in policy.sections if r.name == wanted), None)):
        return moved
    fits = (r for r in policy.sections if r.takes(group.story.article, group.story.sectors))
    # An editor who pins a story without naming a section means the issue, wherever it fits.
    first = policy.sections[0] if group.pinned and policy.sections else None
    return next(fits, first)


def _barred(group: _Group) -> str:
    decision, carried = group.decision, group.carried
    if decision and decision.excluded:
        return f"excluded by {decision.by}" + (f": {decision.why}" if decision.why else "")
    if carried is None or (decision and (decision.pinned or decision.again)):
        return ""
    changed = any(
        member.article.fingerprint == carried.article.fingerprint and member.changed > carried.at
        for member in group.members
    )
    return f"already in issue {carried.number}" + ("; changed since" if changed else "")


def _try(filling: _Filling, group: _Group, rule: SectionRule, relaxed: bool) -> None:
    policy, source = filling.policy, group.story.source
    day = rule.name, _day(group, policy)
    why = ""
    if len(filling.chosen[rule.name]) >= rule.limit:
        why = f"section {rule.name} is full ({rule.limit})"
    elif policy.per_source and filling.by_source[source] >= policy.per_source:
        why = f"source full ({policy.per_source})"
    elif policy.per_day and not relaxed and filling.by_day[day] >= policy.per_day:
        why = f"day full ({policy.per_day})"
    if not why:
        _take(filling, group, rule)
    else:
        # Who gave way to other days is told so, though the section has filled since.
        filling.dropped.setdefault(id(group), why)


def _take(filling: _Filling, group: _Group, rule: SectionRule) -> None:
    filling.dropped.pop(id(group), None)
    filling.chosen[rule.name].append(group)
    filling.by_source[group.story.source] += 1
    filling.by_day[rule.name, _day(group, filling.policy)] += 1


def _day(group: _Group, policy: Policy) -> date:
    return group.members[0].moment.astimezone(ZoneInfo(policy.timezone)).date()


def _leave_out_thin_sections(filling: _Filling) -> None:
    for rule in filling.policy.sections:
        found = filling.chosen[rule.name]
        if found and len(found) < rule.at_least and not any(group.pinned for group in found):
            why = f"section {rule.name} has {len(found)} of the {rule.at_least} stories it needs"
            filling.dropped.update({id(group): why for group in found})
            filling.chosen[rule.name] = []


def _placed(groups: Sequence[_Group]) -> tuple[Story, ...]:
    """By score, and those that an editor gave a position, there."""
    fixed = {id(g): g.decision.position for g in groups if g.decision and g.decision.position}
    ordered = sorted((g for g in groups if id(g) not in fixed), key=lambda g: g.order)
    for group in sorted(
        (g for g in groups if id(g) in fixed), key=lambda g: (fixed[id(g)], g.order)
    ):
        ordered.insert((fixed[id(group)] or 1) - 1, group)
    return tuple(group.story for group in ordered)


def _verdicts(group: _Group, filling: _Filling) -> list[Verdict]:
    front = group.members[0].article
    why = filling.dropped.get(id(group), "")
    section = next((name for name, found in filling.chosen.items() if group in found), "")
    by = group.decision.by if group.decision else ""
    kept = section + (f", pinned by {by}" if group.pinned else "")
    made = [Verdict(front, not why, why or kept, group.score)]
    barred = why.startswith(("excluded", "already"))
    for twin in group.members[1:]:
        same = f"same story as “{front.headline}” ({front.source})"
        made.append(Verdict(twin.article, False, why if barred else same, group.score))
    return made


def _selection(
    filling: _Filling,
    groups: Sequence[_Group],
    listed: Sequence[Listed],
    verdicts: Sequence[Verdict],
    shown: trends.Shown,
) -> Selection:
    policy = filling.policy
    sections = tuple(
        Section(name, _placed(found)) for name, found in filling.chosen.items() if found
    )
    # What an editor excluded stands nowhere, and what stands in a section in no list.
    barred = [group.story for group in groups if _barred(group)]
    for story in (*barred, *(story for section in sections for story in section.stories)):
        shown.add_story(story)
    articles = [verdict.article for verdict in verdicts]
    free = [g for g in sorted(groups, key=lambda g: g.order) if not _barred(g)]
    trending = trends.listing("trending", listed, articles, shown, policy.trending_limit)
    if not any(entry.kind == "trending" for entry in listed):
        trending = trends.reckoned([g.story for g in free], shown, policy.trending_limit)
    briefs = trends.listing("brief", listed, articles, shown, policy.brief_limit)
    latest = trends.listing("latest", listed, articles, shown, policy.latest_limit)
    newest = sorted(verdicts, key=lambda v: (not v.kept, -(v.score or -1.0), _newest(v.article)))
    return Selection(sections, trending, tuple(newest), briefs, latest)


def _newest(article: Article) -> tuple[float, str]:
    moment = article.published
    return (-moment.timestamp() if moment else 0.0, article.fingerprint)
