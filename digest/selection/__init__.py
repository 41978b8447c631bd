"""Articles -> stories: what goes into an issue, and for every candidate the reason.

    values      candidates, decisions, the policy, stories, verdicts
    twins       which articles tell the same story
    choosing    the policy applied; the score
    trends      Trending, briefs and Latest

Deterministic: the same candidates, policy and moment give the same selection. Pure; never
here: where candidates come from (archive), how the chosen look (edition, rendering).
"""

from digest.selection.choosing import select
from digest.selection.values import (
    Candidate,
    Carried,
    Decision,
    Match,
    Other,
    Policy,
    Section,
    SectionRule,
    SectorRule,
    Selection,
    Story,
    Trend,
    Verdict,
    Weights,
)

__all__ = [
    "Candidate",
    "Carried",
    "Decision",
    "Match",
    "Other",
    "Policy",
    "Section",
    "SectionRule",
    "SectorRule",
    "Selection",
    "Story",
    "Trend",
    "Verdict",
    "Weights",
    "select",
]
