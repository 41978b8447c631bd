"""Publish: the path joined, from the sources to the relay. The doors call this and nothing below.

    founding     a new publisher's folder
    opening      the House: settings, database, templates, opened once
    collecting   sources -> archive
    deciding     an editor's word on an article
    preparing    archive -> draft issue; preview, check, approve
    composing    one reader's message
    sending      approved issue -> ledger -> relay; the accounting of it
    showing      an issue for the editor's eyes
    leaving      the link in a mail -> roster and ledger
    running      all that is due now

Here transactions begin and end, and the values of the pure rooms meet the three books.
Never here: a sentence for a terminal, SQL, SMTP, or a decision that a pure room could make.
"""

from digest.archive import IssueRecord, SourceState
from digest.publish.collecting import Collected, collect
from digest.publish.deciding import decide, undecide
from digest.publish.founding import init_folder, write_secret
from digest.publish.leaving import FrontDoor, view
from digest.publish.opening import Clock, House, migrate, open_house, templates_folder
from digest.publish.preparing import Draft, approve, examine, explain, prepare, rendering_for
from digest.publish.running import Done, run
from digest.publish.sending import (
    Account,
    Progress,
    ReaderLine,
    Timing,
    account,
    cancel,
    export,
    metrics,
    pause,
    readers,
    resolve,
    resume,
    send,
    send_test,
)
from digest.publish.showing import Shown, preview_page, shown, write_shown
from digest.selection import Verdict

__all__ = [
    "Account",
    "Clock",
    "Collected",
    "Done",
    "Draft",
    "FrontDoor",
    "House",
    "IssueRecord",
    "Progress",
    "ReaderLine",
    "Shown",
    "SourceState",
    "Timing",
    "Verdict",
    "account",
    "approve",
    "cancel",
    "collect",
    "decide",
    "examine",
    "explain",
    "export",
    "init_folder",
    "metrics",
    "migrate",
    "open_house",
    "pause",
    "prepare",
    "preview_page",
    "readers",
    "rendering_for",
    "resolve",
    "resume",
    "run",
    "send",
    "send_test",
    "shown",
    "templates_folder",
    "undecide",
    "view",
    "write_secret",
    "write_shown",
]
