"""Exchange: readers come over from other systems, and go out to them. Pure.

    sheets      bytes of unknown encoding and separator -> records, line by line, and back
    systems     a record of another system -> Entry: what it says of a person's consent
    mailchimp   the same for Mailchimp, whose files tell by their names
    ours        our own sheet, which carries the proof: out and in again is the identity
    leaving     readers out, as the sheets of other systems
    deciding    an Entry and what the roster knows -> what is to be done, and why not

Never here: the roster's rows, and the file itself (cli). **No Entry makes anybody active who
left, bounced or is suppressed**: `deciding` is the one place that says what may change.
"""

from subscribers.exchange.deciding import Change, Known, Verdict, decide
from subscribers.exchange.leaving import OUTGOING, Outgoing
from subscribers.exchange.ours import HEADER, Kept, cells
from subscribers.exchange.sheets import Sheet, defused, restored, sheets, writer
from subscribers.exchange.systems import Mapping, entries, system
from subscribers.exchange.values import Entry, Status

__all__ = [
    "HEADER",
    "OUTGOING",
    "Change",
    "Entry",
    "Kept",
    "Known",
    "Mapping",
    "Outgoing",
    "Sheet",
    "Status",
    "Verdict",
    "cells",
    "decide",
    "defused",
    "entries",
    "restored",
    "sheets",
    "system",
    "writer",
]
