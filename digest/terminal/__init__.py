"""The terminal as a surface: tables, progress bars, quiet colour; never what is done.

    cells           what every table shares
    bars            progress, and a line for each step
    sources         what was collected, how each source fares
    articles        articles, and why they are in the issue or not
    issues          all issues, the outline of one
    checking        what stands against sending
    desk            an issue as editors see it, its history, what could stand in it; the editors
    sending         every reader accounted for; the relays
    schedule        the due times
    demonstration   the whole job at a glance

Tables are data and go to standard output; bars and remarks are talk and go to standard error.
A command loads the part that it shows, and no other.
"""
