"""Sources: bytes from the web or the disk, with limits, handed to feeds and pages.

    places      web addresses, and which of them a stranger's word may lead us to     pure
    network     from a name to a connection with the very address that was checked
    fetching    a conditional GET (RFC 9110 section 13.1): redirects by hand, bounded throughout
    bodies      what an answer carries: unpacked, and never more than `MOST_BYTES`
    files       documents on the disk: one, or a folder of them
    reading     a document becomes a Reading in a process of its own, with limits
    visiting    many sources at once, but few at a time for one host
    finding     the feeds that a site names
    links       whether an address still leads somewhere
    asking      what a place of the publisher's own answers

I/O only. Never here: what the bytes mean (feeds, pages, outlines), what is remembered of a
source (archive).
"""

from digest.sources.asking import Heard, ask
from digest.sources.bodies import MOST_BYTES
from digest.sources.fetching import AGENT, DEADLINE, MOST_REDIRECTS, AskedToWait, document
from digest.sources.files import load
from digest.sources.finding import Candidate, find
from digest.sources.links import statuses
from digest.sources.network import Internet, Network
from digest.sources.places import is_public, names_itself, shown
from digest.sources.values import NOTHING, Kind, Memory, Source, Visit
from digest.sources.visiting import AT_ONCE, FOR_ONE_HOST, visits

__all__ = [
    "AGENT",
    "AT_ONCE",
    "DEADLINE",
    "FOR_ONE_HOST",
    "MOST_BYTES",
    "MOST_REDIRECTS",
    "NOTHING",
    "AskedToWait",
    "Candidate",
    "Heard",
    "Internet",
    "Kind",
    "Memory",
    "Network",
    "Source",
    "Visit",
    "ask",
    "document",
    "find",
    "is_public",
    "load",
    "names_itself",
    "shown",
    "statuses",
    "visits",
]
