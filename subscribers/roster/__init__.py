"""Book 3, the roster: every table and query about subscribers. The only SQL of this package.

    tables      subscriber, subscription, consent_event, wording, suppression, notice, report, …
    changing    add, enrol, withdraw, choose, suppress, forget
    entering    a whole list at once, as `exchange` decides
    reporting   what came back, and what it counts
    asking      recipients, standing, everyone, listing, counts, find, profile, kept, …

Every function takes the session first, works in its transaction and never commits; rows stay in
here, frozen values come out, times are aware and in UTC. Never here: whether mail may go (that
is suppression's decision; the queries only repeat it), and what a mail looks like.
"""

from sqlmodel import Session

from subscribers.roster.asking import (
    Listed,
    Profile,
    Subscription,
    counts,
    everyone,
    find,
    is_suppressed,
    kept,
    listing,
    profile,
    recipients,
    standing,
    suppressions,
)
from subscribers.roster.changing import (
    Enrolment,
    add,
    choose,
    enrol,
    forget,
    suppress,
    withdraw,
)
from subscribers.roster.entering import Entering
from subscribers.roster.reporting import (
    Reported,
    history,
    is_known,
    note_deed,
    note_report,
    number_of,
    report_counts,
    report_raw,
    reports,
)
from subscribers.suppression import Reason

__all__ = [
    "Enrolment",
    "Entering",
    "Listed",
    "Profile",
    "Reason",
    "Reported",
    "Session",
    "Subscription",
    "add",
    "choose",
    "counts",
    "enrol",
    "everyone",
    "find",
    "forget",
    "history",
    "is_known",
    "is_suppressed",
    "kept",
    "listing",
    "note_deed",
    "note_report",
    "number_of",
    "profile",
    "recipients",
    "report_counts",
    "report_raw",
    "reports",
    "standing",
    "suppress",
    "suppressions",
    "withdraw",
]
