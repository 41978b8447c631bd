"""Book 3, the roster: every table and query about subscribers. The only SQL of this package.

    tables      subscriber, subscription, consent_event, wording, suppression, notice, report, …
    changing    add, enrol, withdraw, choose, suppress
    forgetting  a person, and what stands under an address
    entering    a whole list at once, as `exchange` decides
    lifting     a suppression, by an operator's word
    loading     thousands of rows in one statement
    joining     request, confirm, move, pause
    notices     the mails that are owed, and the limits against list bombing
    tidying     what need not be kept any more
    counting    how often something was asked for, by all processes
    reporting   what came back, and what it counts
    telling     everything on a person; why readers left
    asking      recipients, standing, everyone, listing, counts
    profiles    find, profile, kept: people with the proof of their consent

Every function takes the session first, works in its transaction and never commits; rows stay in
here, frozen values come out, times are aware and in UTC. Never here: whether mail may go (that
is suppression's decision; the queries only repeat it), and what a mail looks like.
"""

from sqlmodel import Session

from subscribers.roster.asking import (
    Listed,
    addresses,
    audience,
    counts,
    everyone,
    is_suppressed,
    listing,
    newest,
    recipients,
    standing,
    tastes,
)
from subscribers.roster.changing import (
    Enrolment,
    add,
    choose,
    enrol,
    suppress,
    withdraw,
)
from subscribers.roster.counting import tallied, tally, untally
from subscribers.roster.entering import Entering
from subscribers.roster.forgetting import forget
from subscribers.roster.joining import (
    Asker,
    ask_to_move,
    confirm,
    give_feedback,
    locate,
    move,
    pause,
    rejoin,
    request,
    say,
    speak,
    stop,
)
from subscribers.roster.lifting import Lifted, last_lifted, lift
from subscribers.roster.notices import (
    CONFIRMING,
    MOVING,
    Notice,
    NoticeKind,
    due_notices,
    note_notice,
    open_notice,
    take_notice,
)
from subscribers.roster.profiles import (
    Profile,
    Subscription,
    find,
    kept,
    profile,
    suppressions,
)
from subscribers.roster.reporting import (
    Opinion,
    Reported,
    feedback,
    history,
    is_known,
    note_deed,
    note_report,
    number_of,
    opinions,
    report_counts,
    report_raw,
    reports,
)
from subscribers.roster.telling import everything, left_by, left_near, traces
from subscribers.roster.tidying import Keeping, overdue, tidy
from subscribers.suppression import Reason

__all__ = [
    "CONFIRMING",
    "MOVING",
    "Asker",
    "Enrolment",
    "Entering",
    "Keeping",
    "Lifted",
    "Listed",
    "Notice",
    "NoticeKind",
    "Opinion",
    "Profile",
    "Reason",
    "Reported",
    "Session",
    "Subscription",
    "add",
    "addresses",
    "ask_to_move",
    "audience",
    "choose",
    "confirm",
    "counts",
    "due_notices",
    "enrol",
    "everyone",
    "everything",
    "feedback",
    "find",
    "forget",
    "give_feedback",
    "history",
    "is_known",
    "is_suppressed",
    "kept",
    "last_lifted",
    "left_by",
    "left_near",
    "lift",
    "listing",
    "locate",
    "move",
    "newest",
    "note_deed",
    "note_notice",
    "note_report",
    "number_of",
    "open_notice",
    "opinions",
    "overdue",
    "pause",
    "profile",
    "recipients",
    "rejoin",
    "report_counts",
    "report_raw",
    "reports",
    "request",
    "say",
    "speak",
    "standing",
    "stop",
    "suppress",
    "suppressions",
    "take_notice",
    "tallied",
    "tally",
    "tastes",
    "tidy",
    "traces",
    "untally",
    "withdraw",
]
