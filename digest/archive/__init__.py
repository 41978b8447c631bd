"""Book 1: what was published. Sources and how they fare, articles, lists, decisions, issues.

    tables      the rows
    collected   sources, articles and the lists they carry
    decided     what editors decided about an article
    issues      drafts, approvals, what was carried
    scheduled   due times and the steps taken for them; the last run

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
)
from digest.archive.decided import decide, decision, decisions, undecide
from digest.archive.issues import (
    IssueRecord,
    approve,
    carried,
    issue,
    issue_by_id,
    issues,
    last_prepared,
    next_number,
    save_draft,
    set_state,
    withdraw,
)
from digest.archive.scheduled import (
    keep_rhythm,
    kept,
    note_pulse,
    note_step,
    pulse,
    standings,
    steps,
    stop_pulse,
)

__all__ = [
    "IssueRecord",
    "Kept",
    "SourceState",
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
    "keep_rhythm",
    "kept",
    "last_prepared",
    "listed",
    "next_number",
    "note_failure",
    "note_pulse",
    "note_step",
    "note_visit",
    "pulse",
    "save_draft",
    "set_state",
    "source_state",
    "source_states",
    "standings",
    "steps",
    "stop_pulse",
    "undecide",
    "withdraw",
]
