"""Digest: from a publisher's articles to mail, with every reader accounted for.

One article's way, and the rooms it passes, in the order of the data:

    sources     bytes from the web or the disk, with limits              I/O
    feeds       RSS, RDF, Atom, JSON Feed, news sitemaps -> articles     pure
    outlines    OPML and the links of a page -> where feeds are          pure
    pages       an article page, HTML or text -> article, lists          pure
    articles    Article, its canonical address and fingerprint           pure
    archive     book 1: what was published                               SQL
    selection   articles -> stories, with a reason for each              pure
    edition     stories -> Issue; Issue + Preferences -> Edition         pure
    theme       colours, fonts and logo of a publisher                   pure
    rendering   Edition -> subject, HTML, text; CSS inlined              pure
    preflight   what stands against sending                              pure
    messages    Rendering + reader -> envelope and bytes                 pure
    dkim        message bytes + key -> signed bytes                      pure
    ledger      book 2: one delivery for each issue and subscriber       SQL
    delivery    connections to the relay                                 I/O
    outcomes    what the relay's reply means                             pure
    mailboxes   IMAP and Maildir: where what came back waits             I/O
    pace        budgets, shares of several relays, the brake             pure
    schedule    when an issue is due, what is to be done then            pure

`publish` joins them; `settings` and `database` (with its `migrations`) are opened once; `cli`,
`web`, `desk` and `demo` are doors, `terminal` is what the command line's door shows, `sample` whom
`demo` plays; `errors` is what goes wrong. The readers are in `subscribers`, which knows nothing of
this package.
"""
