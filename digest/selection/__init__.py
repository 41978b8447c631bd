"""Articles -> stories: what goes into an issue, and for every candidate the reason.

    words       what of an article is compared
    twins       which articles tell the same story
    policy      sections and sectors, limits, weights
    values      candidates, decisions, stories, verdicts
    groups      candidates of one story: the one in front, the score
    trends      Trending, briefs and Latest
    filling     the sections, until a limit says no
    choosing    the policy stated and applied; the verdicts
    shortlist   which of very many stories a draft has to read

Deterministic: the same candidates, policy and moment give the same selection. Pure; never
here: where candidates come from (archive), how the chosen look (edition, rendering).
"""

from digest.selection.choosing import select
from digest.selection.filling import NOWHERE
from digest.selection.groups import faults, rank, story_of
from digest.selection.policy import Match, Policy, SectionRule, SectorRule, Weights
from digest.selection.shortlist import Outline, Shortlist, belongs, micros, shortlist
from digest.selection.twins import APART, Shelf
from digest.selection.values import (
    TRENDING,
    Candidate,
    Carried,
    Decision,
    Other,
    Score,
    Section,
    Selection,
    Story,
    Trend,
    Verdict,
)
from digest.selection.words import Profile, profile

__all__ = ["APART", "NOWHERE", "TRENDING", "Candidate", "Carried", "Decision", "Match", "Other",
           "Outline", "Policy", "Profile", "Score", "Section", "SectionRule", "SectorRule",
           "Selection", "Shelf", "Shortlist", "Story", "Trend", "Verdict", "Weights", "belongs",
           "faults", "micros", "profile", "rank", "select", "shortlist", "story_of"]  # fmt: skip
