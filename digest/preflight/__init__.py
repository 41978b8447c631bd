"""Issue + Rendering + message -> findings: what stands against sending, why, and what to do.

    case        Case, Finding, Rule; the table that the rules enter themselves in
    contents    stories, sections, pictures, lists
    links       where the links of the issue go; whether they are alive, if one asks
    subject     subject and preheader
    markup      the HTML: structure, headings, links, pictures
    colours     contrast, and text that nobody is to see
    wording     the text part, and what filters take for advertising
    identity    who sends: addresses, keys, headers, sizes; on the final bytes
    clients     what mail clients cannot show, by the data of caniemail
    records     what the DNS must say of a sender
    premises    what machine, relay and web server must be like

One small function is one rule; importing a room enters its rules in `RULES`.
Never here: whether something is sent in spite of a warning (publish decides), the network (a
function that fetches is handed in).
"""

from digest.edition import Issue
from digest.preflight import (
    clients,
    colours,
    contents,
    identity,
    links,
    markup,
    subject,
    wording,
)
from digest.preflight.case import RULES, Case, Finding, Rule, Sender, Severity
from digest.preflight.links import Fetch, dead_links
from digest.preflight.records import Names, Resolver, Unanswered, examine_records
from digest.rendering import Rendering, without_places

__all__ = [
    "RULES",
    "Case",
    "Fetch",
    "Finding",
    "Names",
    "Resolver",
    "Rule",
    "Sender",
    "Severity",
    "Unanswered",
    "dead_links",
    "examine",
    "examine_records",
    "examine_subject",
]

ROOMS = [
    room.__name__
    for room in (contents, links, subject, markup, colours, wording, identity, clients)
]
RULES.sort(key=lambda rule: ROOMS.index(rule.look.__module__))


def examine(issue: Issue, rendering: Rendering, sender: Sender, data: bytes = b"") -> list[Finding]:
    """All findings, in the order of the rules; any "error" forbids sending.

    `rendering` is the unfilled one of an edition that has all of the issue; `data` the message that
    the reader with the longest links gets, as it goes over the wire: rules on bytes look at it.
    """
    return _findings(Case(without_places(issue), rendering, sender, data), RULES)


def examine_subject(issue: Issue, line: str, sender: Sender) -> list[Finding]:
    """What stands against a subject: readers of one section alone get another one than the rest."""
    rules = [rule for rule in RULES if rule.name.startswith("subject-")]
    return _findings(Case(issue, Rendering(line, "", "", ""), sender), rules)


def _findings(case: Case, rules: list[Rule]) -> list[Finding]:
    return [
        Finding(rule.name, rule.severity, where, what, remedy)
        for rule in rules
        for where, what, remedy in rule.look(case)
    ]
