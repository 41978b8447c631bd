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

A name is looked up in __init__.pyi, and its module loaded, when it is first used.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
