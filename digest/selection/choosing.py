"""Candidates -> the stories of an issue, by the stated policy, and a reason for each candidate.

The policy, in the order in which it is applied:

1. The window: after `since`, not after `until`. An article without a date counts from when it
   was first seen.
2. Articles that tell the same story are one; the best told stands in front, others are named.
3. What an editor excluded stands nowhere. What an earlier issue carried stands nowhere, changed
   or not, until an editor lets it in again.
4. Every story has a section: the one an editor moved it to, else the first that takes it; where
   none takes the article in front, the first that takes one behind it.
5. Pinned stories go in, whatever their age, limits and sources.
6. Trending is filled: with what an editor placed there, then from the lists of the sources, else
   with what most sources tell. What stands there is kept out of the sections; what an editor
   pinned or moved into a section is left to that.
7. The others fill their sections by score, as far as the limits of section, source and day
   allow; the limit of a day gives way once the other days had their turn.

       score = freshness + trend / 2 + coverage / 2      (the weights of `Policy.weights`)

   freshness falls from 1 at the window's end to 0 at its beginning; trend is 1 for the first of
   a Trending list and falls by a tenth a rank; coverage is 0 with one source and nears 1 with
   many. The newer wins between equals.
8. A section that has fewer stories than it needs is left out, unless one is pinned; what it
   leaves of the limits of sources, the others fill.
9. Briefs and Latest follow, with nothing that stands elsewhere. Where the Trending list would
   leave the sections without a story, it is the list that waits.

Never here: how each of these steps is done.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from digest.articles import Listed
from digest.selection import trends
from digest.selection.filling import Filling, fill
from digest.selection.groups import Group, grouped, names, weigh
from digest.selection.policy import Policy
from digest.selection.values import (
    Candidate,
    Carried,
    Decision,
    Other,
    Selection,
    Trend,
    Verdict,
)


@dataclass(slots=True)
class _Choice:
    """All that the verdicts are read from."""

    groups: list[Group]
    outside: list[Candidate]
    filling: Filling
    trending: list[tuple[Trend, Group | None]]


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
    outside = [c for c in ordered if _outside(c, decided, policy)]
    apart = {c.article.fingerprint for c in outside}
    inside = [c for c in ordered if c.article.fingerprint not in apart]
    earlier = list(carried)
    groups = grouped(inside, outside, earlier, decided, policy)
    weigh(groups, listed, policy)
    shown, known = trends.Shown(), trends.Known(groups, outside)
    for one in earlier:
        shown.add(one.article.headline, one.article.url)
    # What is too old for a section, or no article of ours, a list might name all the same.
    shown.bar(name for name, word in decided.items() if word.excluded)
    for old in outside:
        if (word := decided.get(old.article.fingerprint)) and word.excluded:
            shown.add(old.article.headline, old.article.url)
    trending = trends.trending(groups, listed, known, shown, decided, policy.trending_limit)
    filling = fill(groups, [group for _, group in trending if group], policy)
    if not filling.sections and any(group and group.rule for _, group in trending):
        trending = [(trend, group) for trend, group in trending if not (group and group.rule)]
        filling = fill(groups, [group for _, group in trending if group], policy)
    choice = _Choice(groups, outside, filling, trending)
    return _selection(choice, listed, known, shown, decided, policy)


def _outside(candidate: Candidate, decided: dict[str, Decision], policy: Policy) -> str:
    decision = decided.get(candidate.article.fingerprint)
    if decision and decision.held:
        return ""
    if candidate.moment <= policy.since:
        return "too old"
    return "dated in the future" if candidate.moment > policy.until else ""


def _selection(
    choice: _Choice,
    listed: Sequence[Listed],
    known: trends.Known,
    shown: trends.Shown,
    decided: dict[str, Decision],
    policy: Policy,
) -> Selection:
    sections = choice.filling.sections
    trending = tuple(trend for trend, _ in choice.trending)
    for story in Selection(sections, trending, ()).stories:
        shown.add_story(story)
    ranks = {n: rank for rank, t in enumerate(trending, 1) for n in names(t.headline, t.url)}
    verdicts = [_excused(c, ranks, decided, policy) for c in choice.outside]
    for group in choice.groups:
        verdicts += _verdicts(group, choice)
    return Selection(
        sections,
        trending,
        tuple(sorted(verdicts, key=_kept_first)),
        tuple(trends.listing("brief", listed, known, shown, policy.brief_limit)),
        tuple(trends.listing("latest", listed, known, shown, policy.latest_limit)),
    )


def _excused(
    candidate: Candidate, ranks: dict[str, int], decided: dict[str, Decision], policy: Policy
) -> Verdict:
    article = candidate.article
    rule, taken_by = policy.place(article)
    # A list may name what no section could take any more.
    named = names(article.headline, article.url)
    word = decided.get(article.fingerprint)
    rank = min((ranks[name] for name in named if name in ranks), default=0)
    return Verdict(
        article,
        bool(rank),
        f"Trending, rank {rank}" if rank else _outside(candidate, decided, policy),
        section=rule.name if rule else "",
        rule=taken_by,
        decision=word,
        decided=(article,) if word else (),
    )


def _verdicts(group: Group, choice: _Choice) -> list[Verdict]:
    front = group.members[0].article
    why = choice.filling.dropped.get(id(group), "")
    first = Verdict(
        front,
        not why,
        why or _where(group, choice),
        group.score,
        group.rule.name if group.rule else "",
        group.why,
        _behind(group, front.fingerprint),
        group.decision,
        group.decided,
    )
    same = group.barred or f"same story as “{front.headline}” ({front.source})"
    return [first] + [
        replace(
            first,
            article=twin.article,
            kept=False,
            reason=same,
            story=_behind(group, twin.article.fingerprint),
        )
        for twin in group.members[1:]
    ]


def _where(group: Group, choice: _Choice) -> str:
    ranks = (f"Trending, rank {n}" for n, (_, g) in enumerate(choice.trending, 1) if g is group)
    where = next(ranks, "") or choice.filling.section_of(group)
    word = group.decision
    if word is None or not word.held:
        return where
    return f"{where}, {'pinned' if word.pinned else 'placed'} by {word.by}"


def _behind(group: Group, fingerprint: str) -> tuple[Other, ...]:
    articles = (member.article for member in group.members)
    return tuple(
        Other(a.source, a.headline, a.url) for a in articles if a.fingerprint != fingerprint
    )


def _kept_first(verdict: Verdict) -> tuple[bool, float, float, str]:
    moment = verdict.article.published
    return (
        not verdict.kept,
        -(verdict.score.total if verdict.score else -1.0),
        -moment.timestamp() if moment else 0.0,
        verdict.article.fingerprint,
    )
