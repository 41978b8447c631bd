"""Book 1: what was published. Sources and how they fare, articles, lists, decisions, issues.

    tables      the rows
    collected   sources, articles and the lists they carry
    outlines    which articles tell one story; what a draft looks at
    decided     what editors decided about an article
    facts       all that a selection goes by
    issues      drafts, approvals, what was carried; due times

Every table and every query about them. Functions take a session first and never commit.
Never here: what may be mailed to whom (roster), what was mailed (ledger).
"""

from digest.archive.collected import (
    Kept,
    SourceState,
    articles,
    called,
    candidates,
    count,
    keep,
    keep_listed,
    listed,
    note_failure,
    note_visit,
    source_state,
    source_states,
    still_listed,
    unlist,
)
from digest.archive.decided import decide, decision, decisions, undecide
from digest.archive.facts import Facts, facts
from digest.archive.issues import (
    IssueRecord,
    act_once,
    approve,
    carried,
    issue,
    issue_by_id,
    issues,
    last_prepared,
    next_number,
    save_draft,
    set_state,
    take_back,
)
from digest.archive.outlines import (
    Compared,
    draw,
    leaders,
    meant,
    newcomers,
    outlines,
    stories_of,
    uncompared,
    unknown_opinions,
)

__all__ = [
    "Compared",
    "Facts",
    "IssueRecord",
    "Kept",
    "SourceState",
    "act_once",
    "approve",
    "articles",
    "called",
    "candidates",
    "carried",
    "count",
    "decide",
    "decision",
    "decisions",
    "draw",
    "facts",
    "issue",
    "issue_by_id",
    "issues",
    "keep",
    "keep_listed",
    "last_prepared",
    "leaders",
    "listed",
    "meant",
    "newcomers",
    "next_number",
    "note_failure",
    "note_visit",
    "outlines",
    "save_draft",
    "set_state",
    "source_state",
    "source_states",
    "still_listed",
    "stories_of",
    "take_back",
    "uncompared",
    "undecide",
    "unknown_opinions",
    "unlist",
]
