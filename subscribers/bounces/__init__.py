"""Bounces: what comes back about a mail, from any system -> what it says of whom. Pure.

    values      Report: bounce, delayed, complaint, reply, leaving, note or unknown; Failure
    reading     bytes -> headers, words, blocks of RFC 3464 and 5965, the returned message
    faults      a status and a reason in words -> whose fault it is: the table
    replies     what a person or their machine answered: no report at all
    wording     reports in words alone, of the many systems that know no RFC 3464
    identity    whose mail it was: only by what we signed (VERP, Message-ID, links)
    policy      when faults suppress: scores, and issues in a row
    events      the same from a provider's webhook, its signature checked

Nothing here raises on any bytes, reads more than `reading.MOST` of them, or changes anything.
"""

from subscribers.bounces.identity import About
from subscribers.bounces.understanding import understand
from subscribers.bounces.values import Failure, Fault, Kind, Report

__all__ = ["About", "Failure", "Fault", "Kind", "Report", "understand"]
