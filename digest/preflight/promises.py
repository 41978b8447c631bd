"""What a schedule and a signature must be like, or issues are lost. Never here: a date.

Settings that contradict each other are no mistake of writing, so nothing else would tell.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import timedelta

from digest.preflight.case import Finding, Severity

PROMISE_RULES: dict[str, tuple[Severity, str]] = {
    "late-too-long": (
        "warning",
        "An issue that may be later than the next one is due makes that one fall out.",
    ),
    "nobody-told": (
        "warning",
        "Where approval is required and no editor is told of the draft, its time passes by.",
    ),
    "remind-too-early": (
        "warning",
        "A reminder is for a draft: before there is one, none is sent.",
    ),
    "dkim-key-unusable": ("error", "A key that cannot sign stops the send."),
    "dkim-unset": (
        "warning",
        "Without a DKIM signature Gmail, Yahoo and Microsoft refuse mail to many.",
    ),
}


@dataclass(frozen=True, slots=True)
class Promise:
    """A newsletter's schedule. `between`: the shortest time between two due times.

    `is_asked`: whether an issue waits for approval; `editors`: how many get the notices.
    """

    newsletter: str
    between: timedelta
    draft: timedelta
    remind: timedelta
    late_at_most: timedelta
    is_asked: bool
    editors: int


def examine_promises(promises: Iterable[Promise]) -> list[Finding]:
    """What schedules promise and cannot keep."""
    return [finding for promise in promises for finding in _against(promise)]


def examine_signature(key_file: str, trouble: str = "", remedy: str = "") -> list[Finding]:
    """Whether mail is signed by us at all; `trouble`: why a key cannot be used."""
    if trouble:
        told = [f"{words[:1].upper()}{words[1:].rstrip('.')}." for words in (trouble, remedy)]
        return [_found("dkim-key-unusable", "[dkim]", *told)]
    if key_file:
        return []
    return [
        _found(
            "dkim-unset", "[dkim]", "No DKIM key is set: Digest signs no mail.",
            "`digest dkim generate` writes a key, unless your relay signs.",
        )
    ]  # fmt: skip


def _against(promise: Promise) -> Iterator[Finding]:
    name = promise.newsletter
    if promise.late_at_most > promise.between:
        yield _found(
            "late-too-long", name,
            f"An issue of {name} may be {_told(promise.late_at_most)} late, and the next one is "
            f"due after {_told(promise.between)}.",
            "Write a late_at_most that is shorter than the time between two issues.",
        )  # fmt: skip
    if not promise.is_asked:
        return
    if not promise.editors:
        yield _found(
            "nobody-told", name,
            f"Issues of {name} wait for an approval, and no editor is told of them.",
            'Write editors = ["you@example.org"] into its schedule, or approval = "auto".',
        )  # fmt: skip
    if promise.remind and promise.remind >= promise.draft:
        yield _found(
            "remind-too-early", name,
            f"The reminder of {name} would come {_told(promise.remind)} before its time, the "
            f"draft {_told(promise.draft)} before.",
            "Write a remind that is shorter than draft.",
        )  # fmt: skip


def _told(length: timedelta) -> str:
    minutes = round(length / timedelta(minutes=1))
    for unit, size in (("day", 1440), ("hour", 60), ("minute", 1)):
        if minutes % size == 0 and minutes >= size:
            count = minutes // size
            return f"{count} {unit}{'' if count == 1 else 's'}"
    return "0 minutes"


def _found(rule: str, where: str, what: str, remedy: str) -> Finding:
    return Finding(rule, PROMISE_RULES[rule][0], where, what, remedy)
