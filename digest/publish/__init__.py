"""Publish: the path joined, from the sources to the relay. The doors call this and nothing below.

    founding     a new publisher's folder
    opening      the House: settings, database, templates, opened once
    collecting   sources -> archive
    deciding     an editor's word on an article
    preparing    archive -> draft issue; preview, check, approve
    composing    one reader's message
    sending      approved issue -> ledger -> relay; the accounting of it
    archiving    past issues for anybody, and a feed of them
    showing      an issue for the editor's eyes
    confirming   what the roster owes somebody -> relay
    leaving      the link in a mail -> roster and ledger
    receiving    bounces, complaints, mail that unsubscribes -> roster and ledger
    running      all that is due now

Here transactions begin and end, and the values of the pure rooms meet the three books.
Never here: a sentence for a terminal, SQL, SMTP, or a decision that a pure room could make.
"""

from digest.archive import IssueRecord, SourceState
from digest.publish.archiving import Published, atom, public_issue, published
from digest.publish.collecting import Collected, collect
from digest.publish.confirming import Confirmed, confirm, tidy
from digest.publish.deciding import decide, undecide
from digest.publish.founding import init_folder, write_secret
from digest.publish.leaving import FrontDoor, view
from digest.publish.opening import Clock, House, migrate, open_house, templates_folder
from digest.publish.preparing import Draft, approve, examine, explain, prepare, rendering_for
from digest.publish.receiving import (
    Received,
    arrivals,
    deliveries_to,
    explain_report,
    forget_deliveries,
    hook,
    left_by,
    receive,
    receive_all,
    report_raw,
    reports,
)
from digest.publish.running import Done, run
from digest.publish.sending import Account, Progress, ReaderLine, account, readers, send, send_test
from digest.publish.showing import Shown, preview_page, shown, write_shown
from digest.selection import Verdict

__all__ = [
    "Account",
    "Clock",
    "Collected",
    "Confirmed",
    "Done",
    "Draft",
    "FrontDoor",
    "House",
    "IssueRecord",
    "Progress",
    "Published",
    "ReaderLine",
    "Received",
    "Shown",
    "SourceState",
    "Verdict",
    "account",
    "approve",
    "arrivals",
    "atom",
    "collect",
    "confirm",
    "decide",
    "deliveries_to",
    "examine",
    "explain",
    "explain_report",
    "forget_deliveries",
    "hook",
    "init_folder",
    "left_by",
    "migrate",
    "open_house",
    "prepare",
    "preview_page",
    "public_issue",
    "published",
    "readers",
    "receive",
    "receive_all",
    "rendering_for",
    "report_raw",
    "reports",
    "run",
    "send",
    "send_test",
    "shown",
    "templates_folder",
    "tidy",
    "undecide",
    "view",
    "write_secret",
    "write_shown",
]
