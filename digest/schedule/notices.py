"""What the editors are told, and what they can do about it: the words of a notice.

One matter to a mail, the remedy always in it, with the way to the issue: the link, and what to
type in a terminal. The same words as plain text and as blocks, for a page to be made of them.
Never here: whom it goes to, and when.
"""

from dataclasses import dataclass
from datetime import datetime
from itertools import groupby
from textwrap import fill
from typing import Literal


@dataclass(frozen=True, slots=True)
class Notice:
    """What a notice is about. Times are in the newsletter's zone; `number` is 0 without an issue.

    `link` leads to the issue: `on_desk`, where it can be approved, or to be looked at alone; ""
    where no address is known. `key` is what Tell says; `details` are lines beneath: stories,
    findings, failing sources, readers by what became of their mail; `count`: missed due times,
    or readers that have their mail.
    """

    key: str
    newsletter: str
    title: str
    number: int
    due: datetime
    until: datetime
    link: str
    on_desk: bool = False
    auto: bool = False
    note: str = ""
    count: int = 1
    details: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Block:
    """What stands together in a notice: a paragraph, a link, commands to type, or a list."""

    kind: Literal["said", "link", "typed", "listed"]
    lines: tuple[str, ...]


Said = tuple[str, ...]
"""A subject, and paragraphs; their lines that begin with two spaces are links and commands."""
_SKIPPED = {
    "held": "it was held back as due in the past of a restored database, and nobody released it",
    "failed": "what stood against it, of which you were told, was not mended in time",
    "absent": "`digest run` was not at work at that time",
    "unapproved": "nobody approved it in time",
    "unsent": "it was approved but could not be sent in time",
}


def words(notice: Notice) -> tuple[str, str]:
    """The subject and the text of a notice."""
    short, *said = _said(notice)
    subject = f"{notice.title}: {short}"
    detail = "\n".join(f"  {line}".rstrip() for line in notice.details)
    end = f"-- \n{foot(notice)}"
    return subject, "\n\n".join(filter(None, [*map(_filled, said), detail, end])) + "\n"


def blocks(notice: Notice) -> list[Block]:
    """The same as parts of a page, in the order of the text."""
    _, *said = _said(notice)
    lines = [line for paragraph in said for line in paragraph.splitlines()]
    found = [
        Block(kind, tuple(line.strip() for line in group))
        for kind, group in groupby(lines, key=_kind)
    ]
    return [*found, *([Block("listed", notice.details)] if notice.details else [])]


def headline(notice: Notice) -> str:
    """What has happened, beginning with a capital; the subject without the newsletter's title."""
    short = _said(notice)[0]
    return short[:1].upper() + short[1:]


def foot(notice: Notice) -> str:
    """Why this mail came."""
    return f"The schedule of {notice.title}. Who gets this: editors in digest.toml."


def _said(notice: Notice) -> Said:
    return _SAYINGS[notice.key.partition(":")[0]](notice)


def _kind(line: str) -> Literal["said", "link", "typed"]:
    if not line.startswith("  "):
        return "said"
    return "typed" if line.startswith("  digest ") else "link"


def _draft(n: Notice) -> Said:
    if n.auto:
        return (
            f"issue {n.number} goes out {_when(n.due)}",
            (
                f"Issue {n.number} is drafted. It goes out by itself {_when(n.due)}, unless "
                "something stands against it then."
            ),
            _look(n),
        )
    return (
        f"issue {n.number} waits for approval, due {_when(n.due)}",
        f"Issue {n.number} is drafted and goes out {_when(n.due)}, once it is approved.",
        _look_and_approve(n),
    )


def _reminder(n: Notice) -> Said:
    return (
        f"issue {n.number} is not approved yet, due {_when(n.due)}",
        f"Issue {n.number} goes out {_when(n.due)}, but nobody has approved it.",
        _look_and_approve(n),
    )


def _unapproved(n: Notice) -> Said:
    return (
        f"issue {n.number} was not sent: nobody approved it",
        (
            f"Issue {n.number} was due {_when(n.due)}. It was not sent, because nobody approved "
            f"it. Approved until {_when(n.until)}, it goes out at once. Later it is skipped."
        ),
        _look_and_approve(n),
    )


def _skipped(n: Notice) -> Said:
    what = f"the issue due {_when(n.due)} was skipped"
    told = f"There was no issue {_when(n.due)}: {_SKIPPED[n.note]}."
    if n.count > 1:
        what = f"{n.count} issues, the last due {_when(n.due)}, were skipped"
        told += f" It is the last of {n.count} that were missed; they are not made up for."
    return (
        what,
        told,
        "Its stories are not lost: what is still fresh goes into the next one. To send one now "
        "all the same:" + _typed(n, "prepare", "preview", "approve", "send"),
        *([_look(n)] if n.number else _desk(n)),
    )


def _held(n: Notice) -> Said:
    return (
        "held back, because the database may be an old copy",
        (
            f"The issue due {_when(n.due)} is held back: this database was restored from a "
            "backup, or `digest run` was silent for more than a day. Readers may have that issue "
            "already, so it is not sent. Whatever is due later goes out as always."
        ),
        (
            "If they have it, there is nothing to do. If you are sure that they don't, release it; "
            f"it goes out, unless it is too late ({_when(n.until)}):\n  digest run --release"
        ),
        _look(n),
    )


def _too_late(n: Notice) -> Said:
    return (
        f"issue {n.number} was approved too late",
        (
            f"Issue {n.number} was due {_when(n.due)}, and had been skipped when it was approved. "
            "It does not go out by itself; the next issue is drafted anew."
        ),
        "To send it now all the same:" + _typed(n, "send"),
        _look(n),
    )


def _interrupted(n: Notice) -> Said:
    return (
        f"issue {n.number} has not reached everybody",
        (
            f"Issue {n.number} was due {_when(n.due)} and has been interrupted for too long to go "
            "on by itself."
        ),
        "How many readers have not got it, and how to send it to them now:"
        + _typed(n, "status", "send"),
        _look(n),
    )


def _paused(n: Notice) -> Said:
    return (
        f"issue {n.number} has paused itself",
        (
            f"Issue {n.number}, due {_when(n.due)}, was being sent when too much came back: "
            f"{_sentence(n.note)}\nNothing "
            "more goes out until somebody has looked. Something may be wrong with the list, with "
            "the issue, or with the relay."
        ),
        "Who refused it and in which words; then go on all the same, or let nobody else have it:"
        + _typed(n, "status --readers", "resume --anyway", "cancel"),
        _look(n),
    )


def _stories(n: Notice) -> Said:
    return (
        f"too few stories for the issue due {_when(n.due)}",
        f"There is no issue yet for {_when(n.due)}: {_sentence(n.note)}",
        f"It is tried again every quarter of an hour until {_when(n.until)}. To try it now:"
        + _typed(n, "prepare"),
        *_desk(n),
    )


def _preflight(n: Notice) -> Said:
    return (
        f"issue {n.number} is not fit to send",
        f"Issue {n.number}, due {_when(n.due)}, is not sent: {_sentence(n.note)}",
        f"Mended until {_when(n.until)}, it goes out at once. What stands against it:"
        + _typed(n, "check"),
        _look(n),
    )


def _issue(n: Notice) -> Said:
    return (
        f"issue {n.number} was not sent",
        f"Issue {n.number}, due {_when(n.due)}, is not sent: {_sentence(n.note)}",
        f"Settled until {_when(n.until)}, it goes out at once.",
        _look(n),
    )


def _fault(n: Notice) -> Said:
    return (
        f"a fault stands before the issue due {_when(n.due)}",
        f"The schedule could not go on for {_when(n.due)}: {_sentence(n.note)}",
        f"It is tried again until {_when(n.until)}.",
        _look(n),
    )


def _sent(n: Notice) -> Said:
    return (
        f"issue {n.number} has gone out to {n.count:,} {'reader' if n.count == 1 else 'readers'}",
        (
            f"Issue {n.number}, due {_when(n.due)}, has been sent: nobody's mail waits any more. "
            "What became of it is below. Sent means that the relay took the mail on; who bounces "
            "is known later."
        ),
        "Who got what, and in which words:" + _typed(n, "status --readers"),
        _look(n),
    )


def _flood(n: Notice) -> Said:
    return (
        f"{n.count} sign-ups within an hour",
        (
            f"Since {_when(n.due)}, {n.count} have asked to get your newsletters; you are told "
            f"from {n.note} on. Each gets one mail a day at most, and nobody is subscribed who "
            "does not confirm it."
        ),
        (
            "If you expected that many, there is nothing to do. If not, a machine may be filling "
            "in your form with the addresses of others. The more come, the more work each of their "
            "browsers must do, and none is let in beyond a limit; but look at how many of the "
            "mails come back:\n  digest bounces list"
        ),
        (
            "You hear no more of it until an hour has gone by with fewer. From how many on you "
            "are told, alarm_at in [joining] of digest.toml says."
        ),
    )


_SAYINGS = {
    "draft": _draft,
    "reminder": _reminder,
    "unapproved": _unapproved,
    "skipped": _skipped,
    "held": _held,
    "too-late": _too_late,
    "interrupted": _interrupted,
    "paused": _paused,
    "stories": _stories,
    "preflight": _preflight,
    "issue": _issue,
    "fault": _fault,
    "flood": _flood,
    "sent": _sent,
}


def _look(n: Notice) -> str:
    if not n.number:
        return "\n".join([*_desk(n), "Which issues there are:" + _typed(n, "issues list")])
    if not n.link:
        return "Look at it in a terminal:" + _typed(n, "preview")
    return f"Look at it:\n  {n.link}\nIn a terminal:" + _typed(n, "preview")


def _desk(n: Notice) -> list[str]:
    """The desk, where no issue is spoken of."""
    return [f"The desk:\n  {n.link}"] if n.link else []


def _look_and_approve(n: Notice) -> str:
    typed = _typed(n, "preview", "approve")
    if n.on_desk and n.link:
        return f"Look at it and approve it:\n  {n.link}\nIn a terminal:{typed}"
    if n.link:
        return f"Look at it:\n  {n.link}\nApprove it in a terminal:{typed}"
    return f"Look at it and approve it in a terminal:{typed}"


def _typed(n: Notice, *verbs: str) -> str:
    """Commands, each on a line of its own that is not folded."""
    numbered = n.number and not {"prepare", "issues list"} & set(verbs)
    number = f" {n.number}" if numbered else ""
    return "".join(f"\n  digest {verb}{number} -n {n.newsletter}" for verb in verbs)


def _filled(paragraph: str) -> str:
    return "\n".join(
        line if line.startswith("  ") else fill(line, 72, break_long_words=False)
        for line in paragraph.splitlines()
    )


def _sentence(note: str) -> str:
    what, _, remedy = note.partition("\n")
    return what.rstrip(".") + "." + (f"\nRemedy: {remedy}" if remedy else "")


def _when(moment: datetime) -> str:
    return f"{moment:%A} {moment.day} {moment:%B %Y, %H:%M %Z}".strip()
