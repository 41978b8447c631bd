"""Book 1: what was published. Sources and how they fare, articles, lists, decisions, issues.

    tables      the rows
    collected   sources, articles and the lists they carry
    outlines    which articles tell one story; what a draft looks at
    decided     what editors decided about an article
    facts       all that a selection goes by
    issues      drafts, approvals, what was carried
    scheduled   due times and the steps taken for them; the last run
    editors     who may sit at the desk

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
from digest.archive.editors import (
    Editor,
    Role,
    add_editor,
    editors,
    end_login,
    logged_in,
    note_login,
    password_of,
    remove_editor,
    set_password,
)
from digest.archive.facts import Facts, facts
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
    "Compared",
    "Editor",
    "Facts",
    "IssueRecord",
    "Kept",
    "Role",
    "SourceState",
    "add_editor",
    "approve",
    "articles",
    "called",
    "candidates",
    "carried",
    "count",
    "decide",
    "decided_about",
    "decision",
    "decisions",
    "draw",
    "editors",
    "end_login",
    "facts",
    "issue",
    "issue_by_id",
    "issues",
    "keep",
    "keep_listed",
    "keep_rhythm",
    "kept",
    "last_prepared",
    "leaders",
    "listed",
    "logged_in",
    "meant",
    "newcomers",
    "next_number",
    "note_failure",
    "note_login",
    "note_pulse",
    "note_step",
    "note_visit",
    "outlines",
    "password_of",
    "pulse",
    "remove_editor",
    "save_draft",
    "set_password",
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
