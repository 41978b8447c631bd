"""Book 1: what was published. Sources and how they fare, articles, lists, decisions, issues.

    tables      the rows
    collected   sources, articles and the lists they carry
    decided     what editors decided about an article
    issues      drafts, approvals, what was carried; due times

Every table and every query about them. Functions take a session first and never commit.
Never here: what may be mailed to whom (roster), what was mailed (ledger).
"""

from digest.archive.collected import (
    Kept,
    SourceState,
    article,
    articles,
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

__all__ = [
    "IssueRecord",
    "Kept",
    "SourceState",
    "act_once",
    "approve",
    "article",
    "articles",
    "candidates",
    "carried",
    "count",
    "decide",
    "decision",
    "decisions",
    "issue",
    "issue_by_id",
    "issues",
    "keep",
    "keep_listed",
    "last_prepared",
    "listed",
    "next_number",
    "note_failure",
    "note_visit",
    "save_draft",
    "set_state",
    "source_state",
    "source_states",
    "still_listed",
    "take_back",
    "undecide",
    "unlist",
]
