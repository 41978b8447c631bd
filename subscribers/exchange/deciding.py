"""Deciding: what an Entry may do to what the roster knows. Pure, and the one place that says it.

A list from elsewhere can add people and take people out. It never brings anybody back: who has
left, bounced or is suppressed here stays so, whatever the list says.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal, NamedTuple

from subscribers.consent import State
from subscribers.exchange.values import Entry
from subscribers.preferences import EVERYTHING, Preferences
from subscribers.suppression import Reason

Change = Literal["new", "changed", "unchanged", "skipped", "refused"]
Act = Literal["", "enter", "choose", "withdraw"]


class Known(NamedTuple):
    """What the roster knows of an address and one newsletter. `state` None: no subscription.

    `forbidden`: suppressed by the operator, which is the strongest reason.
    """

    state: State | None = None
    preferences: Preferences | None = None
    confirmed_at: datetime | None = None
    suppressed: bool = False
    forbidden: bool = False


NOBODY = Known()
NEVER = "Kept as never to be mailed."
ASKED = "This person has asked to join here, and may still confirm."


@dataclass(frozen=True, slots=True)
class Verdict:
    """What becomes of a line: the change, why not, and the acts on the roster that make it so."""

    change: Change
    why: str = ""
    act: Act = ""
    suppress: Reason | None = None

    @property
    def mails(self) -> bool:
        """Whether somebody who got nothing will get mail by it."""
        return self is _ENTER


def decide(entry: Entry, known: Known, *, attested: bool) -> Verdict:
    """What this line does. `attested`: the operator says where the consent of the list is from."""
    if entry.refused:
        return Verdict("refused", entry.refused)
    if entry.status in {"pending", "gone"}:
        return Verdict("skipped", _NOT_MEANT[entry.status])
    verdict = _DECIDERS[entry.status](entry, known, attested)
    stands = known.forbidden if entry.suppression == "operator" else known.suppressed
    if entry.suppression is None or stands or verdict.change == "refused":
        return verdict
    change: Change = "new" if known == NOBODY else "changed"
    return Verdict(change, verdict.why or NEVER, verdict.act, entry.suppression)


def after(entry: Entry, known: Known, verdict: Verdict, now: datetime) -> Known:
    """What the roster knows once this verdict is carried out."""
    chosen = entry.preferences or known.preferences
    never = (
        known.suppressed or verdict.suppress is not None,
        known.forbidden or verdict.suppress == "operator",
    )
    match verdict.act:
        case "enter":
            state: State = "confirmed"
            if entry.status in {"requested", "withdrawn"}:
                state = "requested" if entry.status == "requested" else "withdrawn"
            since = (entry.since or now) if state == "confirmed" else entry.since
            return Known(state, entry.preferences or EVERYTHING, since, *never)
        case "choose":
            return Known(known.state, chosen, known.confirmed_at, *never)
        case "withdraw":
            return Known("withdrawn", known.preferences, known.confirmed_at, *never)
        case "":
            return Known(known.state, known.preferences, known.confirmed_at, *never)


def _confirmed(entry: Entry, known: Known, attested: bool) -> Verdict:
    if known.suppressed:
        return Verdict("skipped", "This address must never be mailed.")
    if known.state == "withdrawn":
        return Verdict("skipped", "This person has left; only they can come back.")
    if known.state == "confirmed":
        wanted = entry.preferences
        same = wanted is None or wanted == known.preferences
        return _UNCHANGED if same else Verdict("changed", act="choose")
    if known.state == "requested":
        # Anybody may have typed the address, also of somebody who had left: the word is theirs.
        return Verdict("skipped", ASKED)
    if not attested and not any(event.kind == "confirmed" for event in entry.events):
        return Verdict("refused", "Nothing says where this person's consent comes from.")
    return _ENTER


def _withdrawn(entry: Entry, known: Known, _attested: bool) -> Verdict:
    if known.state is None:
        return Verdict("new", "Kept as somebody who has left: no mail goes.", "enter")
    if known.state == "withdrawn":
        return _UNCHANGED
    if known.state == "requested":
        return Verdict("skipped", ASKED)
    if entry.left and known.confirmed_at and known.confirmed_at > entry.left:
        return Verdict("skipped", "This person has joined here since.")
    return Verdict("changed", act="withdraw")


def _requested(_entry: Entry, known: Known, _attested: bool) -> Verdict:
    # Only our own sheet says this. No mail goes: the person asked long ago and may ask again.
    if known.state is not None:
        return _UNCHANGED
    return Verdict("new", "Kept as somebody who never confirmed: no mail goes.", "enter")


def _suppressed(_entry: Entry, known: Known, _attested: bool) -> Verdict:
    return Verdict("unchanged" if known.suppressed else "changed")


# Of a million lines nearly all are one of these two.
_ENTER, _UNCHANGED = Verdict("new", act="enter"), Verdict("unchanged")
_NOT_MEANT = {
    "pending": "This person never confirmed there.",
    "gone": "This person was deleted there.",
}
_DECIDERS = {
    "confirmed": _confirmed,
    "withdrawn": _withdrawn,
    "requested": _requested,
    "suppressed": _suppressed,
}
