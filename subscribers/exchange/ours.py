"""Ours: the sheet that carries the proof of consent. Out and in again changes nothing. Pure.

    address[,state][,sections][,sectors][,format][,frequency][,language][,timezone]
           [,paused_until][,suppressed][,proof]

Names of sections stand with ";" between them, all of them when the cell is empty. `proof` is the
events of consent as JSON; a line without it needs the operator's word for where consent is from.
"""

import json
import re
from collections.abc import Iterable
from dataclasses import dataclass, fields
from datetime import datetime
from typing import Any, cast, get_args

from subscribers.consent import Event, Kind, State, state_of
from subscribers.exchange.sheets import defused
from subscribers.exchange.values import Entry, Status, moment, printable
from subscribers.preferences import Format, Frequency, Preferences
from subscribers.suppression import Reason
from subscribers.zones import zone

HEADER = (
    "address", "state", "sections", "sectors", "format", "frequency", "language", "timezone",
    "paused_until", "suppressed", "proof",
)  # fmt: skip
CHOICES = ("sections", "sectors", "format", "frequency")


@dataclass(frozen=True, slots=True)
class Kept:
    """One subscription with all that the roster keeps of it: what a sheet is written from."""

    subscriber: int
    address: str
    newsletter: str
    state: State
    preferences: Preferences
    confirmed_at: datetime | None
    created_at: datetime
    language: str = ""
    paused_until: datetime | None = None
    suppressed: Reason | None = None
    events: tuple[Event, ...] = ()
    timezone: str = ""


def cells(kept: Kept) -> tuple[str, ...]:
    """One subscription as the cells of a line, each harmless in a spreadsheet."""
    chosen = kept.preferences
    proof = json.dumps([_shown(event) for event in kept.events], ensure_ascii=False)
    values = (
        kept.address, kept.state, _joined(chosen.sections), _joined(chosen.sectors), chosen.format,
        chosen.frequency, kept.language, kept.timezone,
        kept.paused_until.isoformat() if kept.paused_until else "", kept.suppressed or "", proof,
    )  # fmt: skip
    return tuple(map(defused, values))


def entry(line: int, values: dict[str, str]) -> Entry:
    """The entry of one line of our sheet, whose cells are restored already."""
    address = printable(values.get("address", ""))
    try:
        events = _events(values.get("proof", ""))
        told = any(values.get(name) for name in CHOICES)
        since, left = _times(events)
        return Entry(
            line,
            address,
            _preferences(values) if told else None,
            status=_status(values.get("state", ""), events),
            since=since,
            left=left,
            events=events,
            suppression=_reason(values.get("suppressed", "")),
            language=values.get("language", "")[:35],
            paused_until=_moment(values.get("paused_until", "")),
            timezone=zone(values.get("timezone", "")),
        )
    except ValueError as error:
        return Entry(line, address, refused=str(error))


def names(cell: str) -> frozenset[str] | None:
    """The names in a cell; None for an empty one, which means all of them."""
    if not cell:
        return None
    parts = re.findall(r"((?:\\.|[^\\;])+)", cell, re.DOTALL)
    return frozenset(n for part in parts if (n := _unescaped(part)))


def _joined(chosen: frozenset[str] | None) -> str:
    if chosen is None:
        return ""
    listed = ";".join(re.sub(r"([\\;]|^\s|\s$)", r"\\\1", name) for name in sorted(chosen))
    # A reader who chose nothing is not one who chose everything; and blanks at a cell's end are
    # not kept.
    return listed if listed and not listed[-1].isspace() else f"{listed};"


def _unescaped(part: str) -> str:
    bare = re.sub(r"^\s+|(?<!\\)\s+$", "", part)
    return re.sub(r"\\(.)", r"\1", bare, flags=re.DOTALL)


def _preferences(values: dict[str, str]) -> Preferences:
    form, often = values.get("format", "").lower(), values.get("frequency", "").lower()
    if form not in {"", *get_args(Format)}:
        raise ValueError("The format is neither html nor text.")
    if often not in {"", *get_args(Frequency)}:
        raise ValueError("The frequency is neither each nor weekly.")
    return Preferences(
        names(values.get("sections", "")),
        "text" if form == "text" else "html",
        names(values.get("sectors", "")),
        "weekly" if often == "weekly" else "each",
    )


def _status(state: str, events: Iterable[Event]) -> Status:
    if state not in {"", *get_args(State)}:
        raise ValueError("The state is neither requested, confirmed nor withdrawn.")
    proven = state_of(events)
    if proven and state and proven != state:
        raise ValueError(f"The state is {state}, but the proof says {proven}.")
    return cast(Status, state or proven or "confirmed")


def _reason(text: str) -> Reason | None:
    if text not in {"", *get_args(Reason)}:
        raise ValueError(f"A suppression's reason is one of {', '.join(get_args(Reason))}.")
    return cast(Reason, text) if text else None


def _moment(text: str) -> datetime | None:
    found = moment(text)
    if text and found is None:
        raise ValueError("The time is not one of the form 2026-03-30T07:00:00+00:00.")
    return found


def _times(events: Iterable[Event]) -> tuple[datetime | None, datetime | None]:
    """When they consented and left last."""
    times = {event.kind: event.at for event in events}
    return times.get("confirmed"), times.get("withdrawn")


def _shown(event: Event) -> dict[str, Any]:
    values = {field.name: getattr(event, field.name) for field in fields(event)}
    return {
        name: value.isoformat() if isinstance(value, datetime) else value
        for name, value in values.items()
        if value not in ("", None)
    }


def _events(text: str) -> tuple[Event, ...]:
    if not text:
        return ()
    try:
        listed = json.loads(text)
        return tuple(_event(told) for told in listed)
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
        raise ValueError("The proof is not one that we wrote.") from None


def _event(told: dict[str, Any]) -> Event:
    kinds = {"kind": str, "at": str, "how": str, "evidence": str, "wording": str, "ip": str,
             "agent": str, "issue": int, "story": int}  # fmt: skip
    if told["kind"] not in get_args(Kind) or not all(
        isinstance(value, kinds[name]) for name, value in told.items()
    ):
        raise ValueError
    if not all(_is_kept(value) for value in told.values()):
        raise ValueError
    return Event(**{**told, "at": _moment(told["at"]), "how": told.get("how", "")})


def _is_kept(value: str | int) -> bool:
    """Whether a database can keep it: JSON can name what is no character and no number of ours."""
    if isinstance(value, int):
        return not isinstance(value, bool) and 0 <= value < 1 << 31
    return "\0" not in value and not any("\ud800" <= c <= "\udfff" for c in value)
