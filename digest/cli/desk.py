"""What the verbs share that change an issue: their options, how names are looked up, what is told.

A verb says what to change; `edits` makes a command of it. Never here: a verb.
"""

import inspect
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import wraps
from typing import TYPE_CHECKING, Annotated, Any

import typer

from digest.cli.door import (
    MOST,
    Json,
    Newsletter,
    Seen,
    fail,
    login_name,
    now,
    opened,
    print_json,
    say,
)

if TYPE_CHECKING:
    from digest.publish import Change, DeskIssue, House

By = Annotated[str, typer.Option(help="Who does it; written down. Without: your login name.")]
Issue = Annotated[
    int | None,
    typer.Option("--issue", min=1, max=MOST, help="Its number; without, the newest."),
]


@dataclass(frozen=True, slots=True)
class Desk:
    """What a verb changes: an issue that can still be changed, or None where there is none.

    `shows`: what a verb without a change prints; where JSON is wanted, that is all.
    """

    house: "House"
    newsletter: str
    issue: "DeskIssue | None"
    by: str
    shows: bool = True

    def standing(self, word: str) -> str:
        """The name of what stands in the issue; "" where nothing is called so."""
        from digest import publish

        return publish.name_in(self.house, self.issue, word) if self.issue else ""

    def decide(self, article: str, **what: object) -> None:
        """For the next draft: what does not stand in the issue is decided about beforehand."""
        from digest import publish

        given = {name: value for name, value in what.items() if value is not None}
        found, _ = publish.decide(
            self.house, self.newsletter, article, by=self.by, now=now(), **given
        )
        say(f"noted for “{found.headline}”; next: digest prepare")


Verb = Callable[..., "Iterator[Change]"]


def edits(verb: Verb) -> Callable[..., None]:
    """A verb that yields changes, as a command: with the options that all such verbs have."""

    @wraps(verb)
    def command(
        context: typer.Context,
        newsletter: str | None,
        issue: int | None,
        version: int | None,
        by: str,
        as_json: bool,
        **own: Any,
    ) -> None:
        from digest import publish

        who = by or login_name()
        with opened(context) as house:
            name, _ = house.newsletter(newsletter)
            seen = editable(house, name, issue)
            at = seen
            for change in verb(Desk(house, name, seen, who, not as_json), **own):
                if at is None:
                    fail("there is no draft to change", "run `digest prepare` first", 1)
                # Without --version a command means the issue as it is now.
                base = version if at is seen and version is not None else at.version
                after = publish.edit(house, name, base, who, change, now=now(), number=at.number)
                tell(after, "" if after.version == at.version else after.undo)
                at = after
            if as_json and at:
                print_json(at)

    shared = {"newsletter": (Newsletter, None), "issue": (Issue, None), "version": (Seen, None),
              "by": (By, ""), "as_json": (Json, False)}  # fmt: skip
    _sign(command, verb, shared)
    return command


def _sign(
    command: Callable[..., None], verb: Verb, shared: Mapping[str, tuple[Any, object]]
) -> None:
    """Typer reads what a command takes from its signature: that of the verb, and what is shared."""
    kind = inspect.Parameter.KEYWORD_ONLY
    own = [p.replace(kind=kind) for p in [*inspect.signature(verb).parameters.values()][1:]]
    more = [
        inspect.Parameter(name, kind, annotation=annotation, default=default)
        for name, (annotation, default) in shared.items()
    ]
    context = inspect.Parameter("context", kind, annotation=typer.Context)
    command.__signature__ = inspect.Signature([context, *own, *more])  # type: ignore[attr-defined]
    command.__annotations__ = {p.name: p.annotation for p in (context, *own, *more)}


def editable(house: "House", newsletter: str, number: int | None) -> "DeskIssue | None":
    from digest import publish

    known = house.issues(newsletter)
    if number is None and not known:
        return None
    found = publish.desk_issue(house, newsletter, number)
    return found if found.editable or number is not None else None


def tell(issue: "DeskIssue", done: str) -> None:
    if not done:
        say("nothing to change: it is so already")
        return
    again = issue.approved_hash and issue.state == "draft"
    stands = "; it was approved, and asks for approval again" if again else ""
    stands = "; so it is approved" if issue.state == "approved" else stands
    say(f"{done}; issue {issue.number}, version {issue.version}{stands}")
