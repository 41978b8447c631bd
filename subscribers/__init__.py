"""Subscribers: the reader's half, from request to silence. It never imports `digest`.

    what somebody typed
       | address        text -> the address to mail, and the key that makes it unique
       v
    consent             events -> requested, confirmed, withdrawn
       | preferences    what was chosen: sections, format
       v
    suppression         the reasons never to mail an address; may_mail()
       | recipient      all that digest may know of a subscriber: the seam
       v
    roster (SQL)        book 3: every table and query about subscribers
       ^        ^       columns: what the tables of all three books share
       |        |
      web      cli      doors: a reader's pages (leave, choose), the operator's verbs

`exchange` brings lists over from other systems and takes ours out; `bounces` understands what came
back. `tokens` signs the links and return paths that lead back to a subscriber, `limiting` says how
often something may be asked for and `puzzles` what it costs where many ask, `words` has the pages'
texts in the reader's language, `zones` the time zones to choose from. `errors` holds everything
that can go wrong here.
"""
