"""The sections while they fill: groups go in by score until a limit says no, and why it did."""

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from zoneinfo import ZoneInfo

from digest.selection.groups import Group, placed
from digest.selection.policy import Policy, SectionRule
from digest.selection.values import Section, Story

NOWHERE = "no section takes it"


@dataclass(slots=True)
class Filling:
    """What each section holds so far, and why a group was left out."""

    policy: Policy
    chosen: dict[str, list[Group]]
    dropped: dict[int, str] = field(default_factory=dict)
    by_source: Counter[str] = field(default_factory=Counter)
    by_day: Counter[tuple[str, date]] = field(default_factory=Counter)

    @property
    def sections(self) -> tuple[Section, ...]:
        """Those that hold something."""
        return tuple(Section(name, _placed(found)) for name, found in self.chosen.items() if found)

    def section_of(self, group: Group) -> str:
        """Where it stands; "" for nowhere."""
        return next((name for name, found in self.chosen.items() if group in found), "")


def fill(groups: Sequence[Group], reserved: Collection[Group], policy: Policy) -> Filling:
    """Pins first, then by score, as the limits allow; `reserved` stand in Trending.

    The limit for a day holds until every other day had its turn. What a thin section would have
    taken of a source is free for the others: they fill anew.
    """
    taken = {id(group) for group in reserved}
    ordered = sorted(groups, key=lambda group: (not group.pinned, group.order))
    ordered = [group for group in ordered if id(group) not in taken]
    left_out: dict[str, str] = {}
    filling = _fill(ordered, left_out, policy)
    while thin := _thin(filling):
        left_out |= thin
        filling = _fill(ordered, left_out, policy)
    return filling


def _fill(ordered: Sequence[Group], left_out: Mapping[str, str], policy: Policy) -> Filling:
    filling = Filling(policy, {rule.name: [] for rule in policy.sections})
    waiting: list[tuple[Group, SectionRule]] = []
    for group in ordered:
        why = group.barred or (left_out.get(group.rule.name, "") if group.rule else NOWHERE)
        if why or group.rule is None:
            filling.dropped[id(group)] = why
        elif group.pinned:
            _take(filling, group, group.rule)
        else:
            waiting.append((group, group.rule))
    for relaxed in (False, True):
        waiting = [each for each in waiting if not _try(filling, *each, relaxed)]
    return filling


def _thin(filling: Filling) -> dict[str, str]:
    """The sections that have too few stories, and how few.

    Where sources are limited only the last of them: without it the others may have enough.
    """
    thin: dict[str, str] = {}
    for rule in filling.policy.sections:
        found = filling.chosen[rule.name]
        if found and len(found) < rule.at_least and not any(group.pinned for group in found):
            thin[rule.name] = (
                f"section {rule.name} has {len(found)} of the {rule.at_least} stories it needs"
            )
    return dict([*thin.items()][-1:]) if filling.policy.per_source else thin


def _try(filling: Filling, group: Group, rule: SectionRule, relaxed: bool) -> bool:
    policy, source = filling.policy, group.story.source
    why = ""
    if len(filling.chosen[rule.name]) >= rule.limit:
        why = f"section {rule.name} is full ({rule.limit})"
    elif policy.per_source and filling.by_source[source] >= policy.per_source:
        why = f"source {source} is full ({policy.per_source})"
    elif policy.per_day and not relaxed:
        day = rule.name, _day(group, policy)
        why = f"day is full ({policy.per_day})" if filling.by_day[day] >= policy.per_day else ""
    if why:
        # Who gave way to other days is told so, though the section has filled since.
        filling.dropped.setdefault(id(group), why)
    else:
        _take(filling, group, rule)
    return not why


def _take(filling: Filling, group: Group, rule: SectionRule) -> None:
    filling.dropped.pop(id(group), None)
    filling.chosen[rule.name].append(group)
    filling.by_source[group.story.source] += 1
    filling.by_day[rule.name, _day(group, filling.policy)] += 1


def _day(group: Group, policy: Policy) -> date:
    return group.members[0].moment.astimezone(ZoneInfo(policy.timezone)).date()


def _placed(groups: Sequence[Group]) -> tuple[Story, ...]:
    """By score, and those that an editor gave a position, there."""
    # One that is wanted in Trending has its place there, though the list may have to wait.
    held = [group for group in groups if group.position and not group.trends]
    free = sorted((g for g in groups if g not in held), key=lambda group: group.order)
    held.sort(key=lambda group: (group.position, group.order))
    return tuple(group.story for group in placed(free, ((g.position, g) for g in held)))
