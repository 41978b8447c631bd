"""The verbs on the way to an issue that may go out: prepare, test, approve.

Never here: a decision about a story or an issue (`publish`).
"""

from typing import Annotated

import typer

from digest.cli.door import (
    MOST,
    At,
    Json,
    Newsletter,
    Number,
    Seen,
    login_name,
    moment,
    now,
    opened,
    print_json,
    say,
    unswept,
)


def prepare(
    context: typer.Context, newsletter: Newsletter = None, at: At = None, as_json: Json = False
) -> None:
    """Select the stories and write the draft of the next issue.

    Example: digest prepare
    """
    with unswept():
        from digest import publish
        from digest.terminal.articles import unplaced
        from digest.terminal.issues import show_issue

        with opened(context) as house:
            draft = publish.prepare(house, newsletter, now=moment(at), by=login_name())
    print_json(draft.record) if as_json else show_issue(draft.record, draft.findings)
    if draft.unplaced:
        say(unplaced(draft.unplaced))
    say(f"next: digest preview, then digest approve {draft.record.issue.number}")


def send_test(
    context: typer.Context,
    address: Annotated[str, typer.Argument(help="Who gets it.")],
    number: Annotated[
        int | None, typer.Option(min=1, max=MOST, help="The issue; the newest without.")
    ] = None,
    newsletter: Newsletter = None,
) -> None:
    """Send an issue to one address, marked [Test], through the real relay.

    Example: digest test editor@example.org
    """
    from digest import publish

    with opened(context) as house:
        record = house.issue(house.newsletter(newsletter)[0], number)
        outcome = publish.send_test(house, record, address, clock=now)
    say(f"the relay took it: {outcome.reply.text}")


def approve(
    context: typer.Context,
    number: Number = None,
    newsletter: Newsletter = None,
    by: Annotated[str, typer.Option(help="Who approves; written down.")] = "",
    version: Seen = None,
) -> None:
    """Approve an issue as it looks now. A later change asks for approval again.

    Example: digest approve 12 --by "night desk"
    """
    from digest import publish

    with opened(context) as house:
        who = by or login_name()
        record = publish.approve(house, newsletter, number, by=who, now=now(), version=version)
    say(f"issue {record.issue.number} is approved; content {record.approved_hash[:12]}")
