"""The verbs that keep pages open until Ctrl-C: preview for one editor, serve for all.

Never here: a page (`web`, `desk`).
"""

import contextlib
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from digest.cli.door import Newsletter, Number, announce, environ, login_name, now, opened

if TYPE_CHECKING:
    from digest.publish import House, IssueRecord


def preview(
    context: typer.Context,
    number: Number = None,
    newsletter: Newsletter = None,
    section: Annotated[
        list[str] | None, typer.Option(help="As a reader of just these; repeatable.")
    ] = None,
    port: Annotated[int, typer.Option(min=0, max=65535, help="0 takes any free one.")] = 0,
    out: Annotated[
        Path | None, typer.Option(help="Write issue.html and issue.txt there instead.")
    ] = None,
    browser: Annotated[bool, typer.Option(help="Open the browser.")] = True,
) -> None:
    """Open the desk on this machine alone: see an issue as readers will, change it, approve it.

    Example: digest preview
    Example: digest preview 12 --section Opinion --out /tmp/issue
    """
    from digest import publish

    with opened(context) as house:
        record = house.issue(house.newsletter(newsletter)[0], number)
        shown = publish.shown(house, record, section or [])
        if out is None:
            _serve_desk(house, record, section or [], port, browser)
            return
    for path in publish.write_shown(shown, out):
        sys.stdout.write(f"{path}\n")


def _serve_desk(
    house: "House", record: "IssueRecord", sections: list[str], port: int, browser: bool
) -> None:
    from urllib.parse import urlencode

    from digest.web import desk_app, serve_until_stopped

    _ = house.settings.keys
    seen = f"?{urlencode([('section', name) for name in sections])}" if sections else ""
    path = f"desk/{record.issue.newsletter}/{record.issue.number}{seen}"
    with contextlib.suppress(KeyboardInterrupt):
        serve_until_stopped(
            desk_app(house, now, environ(), login_name()),
            "127.0.0.1",
            port,
            announce("the desk", browser, path),
        )


def serve(
    context: typer.Context,
    host: str = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65535)] = 8000,
) -> None:
    """Answer the links in every mail: leave, choose, view. Put a web server with TLS in front.

    There are a page to subscribe at /subscribe, the editors' desk at /desk, for those whom
    `digest editors add` gave an account, and for machines /health and /metrics (Prometheus).

    Example: digest serve --port 8000
    """
    from digest.web import public_app, serve_until_stopped

    with opened(context) as house:
        _ = house.settings.keys
        with contextlib.suppress(KeyboardInterrupt):
            serve_until_stopped(
                public_app(house, now, environ()),
                host,
                port,
                announce("the readers' pages, and the desk at /desk", False),
            )
