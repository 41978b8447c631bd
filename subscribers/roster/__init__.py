"""Book 3, the roster: every table and query about subscribers. The only SQL of this package.

    tables      subscriber, subscription, consent_event, suppression
    changing    add, enrol, withdraw, choose, suppress, forget
    asking      recipients, standing, everyone, listing, counts, find, profile, is_suppressed

Every function takes the session first, works in its transaction and never commits; rows stay in
here, frozen values come out, times are aware and in UTC. Never here: whether mail may go (that
is suppression's decision; the queries only repeat it), and what a mail looks like.
"""

from sqlmodel import Session

from subscribers.roster.asking import (
    Listed,
    Profile,
    Subscription,
    addresses,
    audience,
    counts,
    everyone,
    find,
    is_suppressed,
    listing,
    profile,
    recipients,
    standing,
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

__all__ = [
    "Enrolment",
    "Listed",
    "Profile",
    "Session",
    "Subscription",
    "add",
    "addresses",
    "audience",
    "choose",
    "counts",
    "enrol",
    "everyone",
    "find",
    "forget",
    "is_suppressed",
    "listing",
    "profile",
    "recipients",
    "standing",
    "suppress",
    "withdraw",
]
