"""Book 1: what was published. Sources and how they fare, articles, lists, decisions, issues.

    tables      the rows
    collected   sources, articles and the lists they carry
    outlines    which articles tell one story; what a draft looks at
    decided     what editors decided about an article
    facts       all that a selection goes by
    issues      the issues as they stand, what was carried
    edited      drafts, approvals, and every step on the desk
    scheduled   due times and the steps taken for them; the last run

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
from digest.archive.decided import decide, decided_about, decision, decisions, undecide
from digest.archive.edited import (
    EDITABLE,
    Decided,
    Edit,
    Standing,
    approve,
    copies,
    draft,
    edit,
    edits,
    issue_at,
    note_edit,
    pictures,
    save_draft,
    search,
)
from digest.archive.facts import Facts, facts
from digest.archive.issues import (
    IssueRecord,
    carried,
    issue,
    issue_by_id,
    issues,
    last_prepared,
    next_number,
    set_state,
    withdraw,
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
    "EDITABLE",
    "Compared",
    "Decided",
    "Edit",
    "Facts",
    "IssueRecord",
    "Kept",
    "SourceState",
    "Standing",
    "approve",
    "articles",
    "called",
    "candidates",
    "carried",
    "copies",
    "count",
    "decide",
    "decided_about",
    "decision",
    "decisions",
    "draft",
    "draw",
    "edit",
    "edits",
    "facts",
    "issue",
    "issue_at",
    "issue_by_id",
    "issues",
    "keep",
    "keep_listed",
    "keep_rhythm",
    "kept",
    "last_prepared",
    "leaders",
    "listed",
    "meant",
    "newcomers",
    "next_number",
    "note_edit",
    "note_failure",
    "note_pulse",
    "note_step",
    "note_visit",
    "outlines",
    "pictures",
    "pulse",
    "save_draft",
    "search",
    "set_state",
    "source_state",
    "source_states",
    "standings",
    "steps",
    "still_listed",
    "stop_pulse",
    "stories_of",
    "uncompared",
    "undecide",
    "unknown_opinions",
    "unlist",
    "withdraw",
]
