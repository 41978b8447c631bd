"""Book 2: what was sent. One delivery per issue and subscriber, written before the first mail.

    pending -> claimed -> inflight -> sent | deferred | refused | unknown
       ^          |                              |                  |
       |          +-> skipped, refused (reason)  +-> claimed        +-> deferred, once, if set so
       +--- given back when the sender stops     +-> expired

`inflight` is committed before a byte of the message is sent, its outcome after the relay's
reply: whatever a crash leaves inflight is unknown, and nothing else is in doubt.

    tables    delivery, sender, sending, intervention
    freezing  the list, in portions
    moving    claim, intend, record, skip, release: in groups, each conditional
    groups    one change to many rows, as each engine does it best
    senders   who is at work, until when, and what a dead one leaves
    control   what people decide: pause, cancel, retry, resolve
    pacing    what all senders share of the pace: budgets, connections, breakers
    asking    counts and lists

Functions take a session first and never commit. Never here: SMTP, or who may be mailed.
"""

from digest.ledger.asking import (
    FINAL,
    OPEN,
    by_ending,
    counts,
    deliveries,
    deliveries_to,
    due,
    is_done,
    leavings,
    left_since,
    next_due,
    recipients,
    sent_to,
)
from digest.ledger.control import (
    BRAKE,
    Sending,
    Verdict,
    call_off,
    forget,
    interventions,
    interventions_about,
    note_leaving,
    resolve,
    sending,
    steer,
)
from digest.ledger.freezing import (
    Unwritten,
    close_list,
    freeze,
    is_whole,
    open_list,
    unwritten,
)
from digest.ledger.moving import (
    WAITS,
    Delivery,
    Intent,
    Policy,
    Result,
    came_from,
    claim,
    expire,
    intend,
    oversleep,
    postpone,
    record,
    recorded,
    release,
    skip,
    spoil,
)
from digest.ledger.pacing import (
    Breaker,
    Waiting,
    breakers,
    budgets,
    hold,
    keep_budgets,
    last_waiting,
    let_go,
    locked_budgets,
    mend,
    next_waiting,
    probe,
    slow,
    slowed,
    tally,
    trip,
    unwatch,
    waiting,
)
from digest.ledger.senders import (
    Claim,
    Reaped,
    Sender,
    database_time,
    enlist,
    mark,
    reap,
    renew,
    retire,
    senders,
)

__all__ = [
    "BRAKE",
    "FINAL",
    "OPEN",
    "WAITS",
    "Breaker",
    "Claim",
    "Delivery",
    "Intent",
    "Policy",
    "Reaped",
    "Result",
    "Sender",
    "Sending",
    "Unwritten",
    "Verdict",
    "Waiting",
    "breakers",
    "budgets",
    "by_ending",
    "call_off",
    "came_from",
    "claim",
    "close_list",
    "counts",
    "database_time",
    "deliveries",
    "deliveries_to",
    "due",
    "enlist",
    "expire",
    "forget",
    "freeze",
    "hold",
    "intend",
    "interventions",
    "interventions_about",
    "is_done",
    "is_whole",
    "keep_budgets",
    "last_waiting",
    "leavings",
    "left_since",
    "let_go",
    "locked_budgets",
    "mark",
    "mend",
    "next_due",
    "next_waiting",
    "note_leaving",
    "open_list",
    "oversleep",
    "postpone",
    "probe",
    "reap",
    "recipients",
    "record",
    "recorded",
    "release",
    "renew",
    "resolve",
    "retire",
    "senders",
    "sending",
    "sent_to",
    "skip",
    "slow",
    "slowed",
    "spoil",
    "steer",
    "tally",
    "trip",
    "unwatch",
    "unwritten",
    "waiting",
]
