"""Publish: the path joined, from the sources to the relay. The doors call this and nothing below.

    founding     a new publisher's folder
    admitting    who may sit at the desk: accounts, logins, roles
    opening      the House: settings, database, templates, opened once
    collecting   sources -> archive
    comparing    new articles -> the stories that they tell
    sourcing     the list of sources: how each fares, feeds found, imported, exported
    deciding     an editor's word on an article
    selecting    the archive's facts -> selection
    preparing    archive -> draft issue; preview, approve
    signing      DKIM keys: read, written, shown as DNS records
    composing    one reader's message
    checking     what stands against sending an issue
    doctoring    what stands against sending at all: DNS, keys
    sending      approved issue -> ledger -> relay; the accounting of it
    archiving    past issues for anybody, and a feed of them
    showing      an issue for the editor's eyes
    confirming   what the roster owes somebody -> relay
    leaving      the link in a mail -> roster and ledger
    receiving    bounces, complaints, mail that unsubscribes -> roster and ledger
    running      all that is due now, and the notices to the editors
    templating   the mail's templates: copied out, and tried

Here transactions begin and end, and the values of the pure rooms meet the three books.
Never here: a sentence for a terminal, SQL, SMTP, or a decision that a pure room could make.
"""

from digest.archive import Editor, IssueRecord, Role, SourceState
from digest.publish.admitting import (
    add_editor,
    editors,
    log_in,
    log_out,
    logged_in,
    may,
    remove_editor,
    set_password,
)
from digest.publish.archiving import Published, atom, public_issue, published
from digest.publish.checking import examine, look_up_links
from digest.publish.collecting import Collected, collect
from digest.publish.confirming import Confirmed, confirm, tidy
from digest.publish.deciding import decide, undecide
from digest.publish.doctoring import DnsResolver, doctor
from digest.publish.founding import init_folder, write_secret
from digest.publish.leaving import FrontDoor, view
from digest.publish.opening import Clock, House, migrate, open_house, templates_folder
from digest.publish.preparing import Draft, approve, explain, prepare, rendering_for
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
from digest.publish.running import (
    Done,
    DueLine,
    TimerUnits,
    cron_line,
    due_lines,
    keep_running,
    run,
    timer_units,
    write_units,
)
from digest.publish.selecting import takes
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
from digest.publish.signing import KeyRecord, generate_key, key_records
from digest.publish.sourcing import (
    NewSource,
    SourceLine,
    add_sources,
    export_outlines,
    find_feeds,
    new_sources,
    outlines_of,
    source_lines,
    source_tables,
)
from digest.selection import Verdict

__all__ = [
    "Account",
    "Clock",
    "Collected",
    "Confirmed",
    "DnsResolver",
    "Done",
    "Draft",
    "DueLine",
    "Editor",
    "FrontDoor",
    "House",
    "IssueRecord",
    "KeyRecord",
    "NewSource",
    "Progress",
    "Published",
    "ReaderLine",
    "Received",
    "Role",
    "Shown",
    "SourceLine",
    "SourceState",
    "TimerUnits",
    "Timing",
    "Verdict",
    "account",
    "add_editor",
    "add_sources",
    "approve",
    "arrivals",
    "atom",
    "cancel",
    "collect",
    "confirm",
    "cron_line",
    "decide",
    "deliveries_to",
    "doctor",
    "due_lines",
    "editors",
    "examine",
    "explain",
    "explain_report",
    "export",
    "export_outlines",
    "find_feeds",
    "forget_deliveries",
    "generate_key",
    "hook",
    "init_folder",
    "keep_running",
    "key_records",
    "left_by",
    "log_in",
    "log_out",
    "logged_in",
    "look_up_links",
    "may",
    "metrics",
    "migrate",
    "new_sources",
    "open_house",
    "outlines_of",
    "pause",
    "prepare",
    "preview_page",
    "public_issue",
    "published",
    "readers",
    "receive",
    "receive_all",
    "remove_editor",
    "rendering_for",
    "report_raw",
    "reports",
    "resolve",
    "resume",
    "run",
    "send",
    "send_test",
    "set_password",
    "shown",
    "source_lines",
    "source_tables",
    "takes",
    "templates_folder",
    "tidy",
    "timer_units",
    "undecide",
    "view",
    "write_secret",
    "write_shown",
    "write_units",
]
