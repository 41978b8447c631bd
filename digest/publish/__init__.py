"""Publish: the path joined, from the sources to the relay. The doors call this and nothing below.

    founding     a new publisher's folder
    seating      who may sit at the desk: accounts, logins, roles
    opening      the House: settings, database, templates, opened once
    collecting   sources -> archive
    comparing    new articles -> the stories that they tell
    sourcing     the list of sources: how each fares, feeds found, imported, exported
    deciding     an editor's word on an article
    selecting    the archive's facts -> selection
    preparing    archive -> draft issue; preview, approve
    editing      the desk: an issue edited as a value, step by step
    signing      DKIM keys: read, written, shown as DNS records
    frequency    whose subscriptions an issue is for
    mornings     when it is due by each reader's own clock
    composing    one reader's message
    checking     what stands against sending an issue
    doctoring    what stands against sending at all: DNS, relay, web server, machine
    sending      approved issue -> ledger -> relay; the accounting of it
    archiving    past issues for anybody, and a feed of them
    showing      an issue for the editor's eyes
    viewing      an issue in its reader's browser, by the link in the mail
    proofing     the very message of a reader, taken apart; how many get which
    handing      one message that is no issue -> the first relay that takes it
    confirming   what the roster owes somebody -> relay
    admitting    who may ask to join just now, and what it costs
    leaving      the link in a mail -> roster and ledger
    receiving    bounces, complaints, mail that unsubscribes -> roster and ledger
    gathering    the mailboxes in which those wait -> receiving
    answering    what the ledger keeps of a person: shown, erased
    running      all that is due now, and the notices to the editors
    templating   the mail's templates: copied out, and tried

Here transactions begin and end, and the values of the pure rooms meet the three books.
Never here: a sentence for a terminal, SQL, SMTP, or a decision that a pure room could make.

A name is looked up in __init__.pyi, and its room loaded, when it is first used: a command that
lists issues waits for no HTTP client, name server or web framework.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
