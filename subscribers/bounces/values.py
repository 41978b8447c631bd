"""Report and Failure: what somebody else's mail system said. Pure values."""

from dataclasses import dataclass
from typing import Literal

from subscribers.bounces.identity import About

Kind = Literal["bounce", "delayed", "complaint", "reply", "leaving", "note", "unknown"]
# Whose fault it is. "policy" and "size" are ours, and never count against a reader.
Fault = Literal["address", "full", "soft", "policy", "size"]


@dataclass(frozen=True, slots=True)
class Failure:
    """One address that a mail did not reach. `recipient` is "" where the report hides it.

    `status` is an enhanced status code (RFC 3463) or "". `diagnostic` is the other system's word,
    in one line.
    """

    recipient: str
    fault: Fault
    status: str = ""
    diagnostic: str = ""


@dataclass(frozen=True, slots=True)
class Report:
    """What came back. `about` is whose mail it was, if something that we signed says so.

    `delayed` is no failure: the other system is still trying. `reply` is a person's answer or
    their machine's; `leaving` a mail to the address that unsubscribes; `note` a report that
    nothing is wrong; `unknown` is what was not understood. `fingerprint` is the same for the
    same report, whatever way it came.
    """

    kind: Kind
    fingerprint: str
    failures: tuple[Failure, ...] = ()
    about: About | None = None
    why: str = ""
