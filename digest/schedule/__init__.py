"""When an issue is due, what is to be done about it now, and how the editors are told. Pure.

    rhythms     "monday 07:00" in a time zone -> moments in UTC
    deciding    plan, facts, now -> intents; what is late, missed or held
    notices     an intent to tell -> the words of a mail

Never here: reading the clock, the database or the settings, or doing what is due.
"""

from digest.schedule.deciding import (
    Adopt,
    Approve,
    Begin,
    Close,
    Draft,
    Facts,
    Intent,
    Plan,
    Pulse,
    Send,
    Standing,
    Step,
    Tell,
    due,
    kept_since,
    outlook,
    restored,
    slug,
    why_skipped,
)
from digest.schedule.notices import Block, Notice, blocks, foot, headline, words
from digest.schedule.rhythms import (
    Rhythm,
    between,
    by_the_clock_of,
    coming,
    left_out,
    oddity,
    rhythm,
    shift,
)

__all__ = [
    "Adopt",
    "Approve",
    "Begin",
    "Block",
    "Close",
    "Draft",
    "Facts",
    "Intent",
    "Notice",
    "Plan",
    "Pulse",
    "Rhythm",
    "Send",
    "Standing",
    "Step",
    "Tell",
    "between",
    "blocks",
    "by_the_clock_of",
    "coming",
    "due",
    "foot",
    "headline",
    "kept_since",
    "left_out",
    "oddity",
    "outlook",
    "restored",
    "rhythm",
    "shift",
    "slug",
    "why_skipped",
    "words",
]
