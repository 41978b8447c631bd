"""Consent: requested, confirmed, withdrawn; the state is what the events say. Pure.

Never here: where events are kept (roster), or whether mail may go (suppression).
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Literal, cast

State = Literal["requested", "confirmed", "withdrawn"]
Kind = Literal["requested", "confirmed", "withdrawn", "chosen", "paused", "moved", "said"]
ASIDE = {"chosen", "paused", "moved", "said"}  # kinds that leave the state alone


@dataclass(frozen=True, slots=True)
class Event:
    """One thing that happened to a subscription: a line of its proof.

    "chosen" is a change of preferences, "moved" one of address, "said" a reason or an opinion;
    they and "paused" leave the state alone. `at` is aware and
    in UTC. `how` names the way ("operator", "import", "page", "one-click", "mail", "complaint";
    "unanswered" for a request to come back that nobody confirmed).
    `issue` is the archive's number of the issue whose link was used, if any, and `story` the
    place in it that the link stood next to. `evidence` is what shows it: where an import's
    consent comes from, or the reason given for leaving. `wording` is the text that was on the
    page, `ip` and `agent` who asked for it, as far as they are kept.
    """

    kind: Kind
    at: datetime
    how: str
    issue: int | None = None
    evidence: str = ""
    story: int | None = None
    wording: str = ""
    ip: str = ""
    agent: str = ""


def state_of(events: Iterable[Event]) -> State | None:
    """The state after these events, oldest first; None when there was none.

    A request does not undo a confirmation (anybody can type anybody's address), and a
    confirmation after a withdrawal counts only when a new request came between them: no
    import and no operator ever brings back a person who left.
    """
    state: State | None = None
    for event in events:
        if event.kind in ASIDE or (event.kind == "requested" and state == "confirmed"):
            continue
        if event.kind == "confirmed" and state == "withdrawn":
            continue
        state = cast(State, event.kind)
    return state
