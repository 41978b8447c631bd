"""The mail itself, behind bars: its HTML in a frame that runs nothing, its bytes to take away."""

import hashlib
import threading
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TypeVar

from fastapi import APIRouter, Request, Response
from fastapi.responses import HTMLResponse

from digest import publish
from digest.desk.door import Desk, Show
from digest.desk.views import View, framed, view_of
from digest.errors import DigestError
from digest.publish import IssueRecord, Proof
from subscribers.errors import SubscriberError
from subscribers.web import HEADERS

Made = TypeVar("Made")
KEPT = 32
# No script, no form, no origin: a link opens beside the desk, and is free of the frame there.
_BARS = "sandbox allow-popups allow-popups-to-escape-sandbox"


def bars(pictures: bool) -> dict[str, str]:
    """The headers of the mail's HTML; without pictures for readers whose program shows none."""
    shown = "https: data:" if pictures else "'none'"
    policy = f"default-src 'none'; img-src {shown}; style-src 'unsafe-inline'; "
    policy += f"base-uri 'none'; form-action 'none'; frame-ancestors 'self'; {_BARS}"
    return {**HEADERS, "Content-Security-Policy": policy}


@dataclass(slots=True)
class Press:
    """Keeps what was made last of an issue: two frames show one proof, a page asks again."""

    desk: Desk
    _kept: OrderedDict[tuple[object, ...], object] = field(default_factory=OrderedDict)
    _lock: threading.RLock = field(default_factory=threading.RLock)

    def once(self, make: Callable[[], Made], *key: object) -> Made:
        """What `make` makes, once for a key and a state of the files."""
        name = (*key, self.desk.watched.mark())
        with self._lock:
            if name not in self._kept:
                self._kept[name] = make()
                while len(self._kept) > KEPT:
                    self._kept.popitem(last=False)
            self._kept.move_to_end(name)
            made: Made = self._kept[name]  # type: ignore[assignment]
            return made

    def made(self, *key: object) -> object | None:
        """What was made already for a key and this state of the files; None where nothing was."""
        with self._lock:
            return self._kept.get((*key, self.desk.watched.mark()))

    def proof(self, record: IssueRecord, view: View) -> Proof:
        """The message that is looked at. Raises DigestError or SubscriberError for none."""
        house = self.desk.house
        if view.reader:
            return publish.proof_for(house, record, view.reader)
        wanted, second = view.preferences, view.second
        return self.once(
            lambda: publish.proof(house, record, wanted, second=second),
            *("proof", record.id, record.issue, wanted, second),
        )

    def version(self, record: IssueRecord, *, anew: bool = False) -> str:
        """Another one whenever the page may look otherwise; before the dot, the mail. `anew`: as
        the files are now, not a tenth of a second ago.
        """
        mail = f"{record.issue!r} {self.desk.watched.mark(anew=anew)}"
        page = f"{record.version} {record.state} {record.approved_hash} {record.approved_at}"
        return ".".join(hashlib.sha256(one.encode()).hexdigest()[:12] for one in (mail, page))


def add(routes: APIRouter, desk: Desk, press: Press, show: Show) -> None:
    """`/frame` and `/message.eml` of an issue."""

    @routes.get("/{newsletter}/{number:issue}/frame")
    def frame(newsletter: str, number: int, request: Request) -> Response:
        desk.sitting(request)
        view = view_of(request.query_params)
        try:
            record = desk.house.issue(newsletter, number)
            proof = press.proof(record, view)
        except (DigestError, SubscriberError) as error:
            return show("no_mail", request, 404, error=error)
        text = framed(proof.html or _as_page(proof.text), dark=view.name == "dark")
        return HTMLResponse(text, headers=bars(view.name != "plain"))

    @routes.get("/{newsletter}/{number:issue}/message.eml")
    def message(newsletter: str, number: int, request: Request) -> Response:
        desk.sitting(request)
        record = desk.house.issue(newsletter, number)
        proof = press.proof(record, view_of(request.query_params))
        name = f"{record.issue.newsletter}-{record.issue.number}.eml"
        headers = {**HEADERS, "Content-Disposition": f'attachment; filename="{name}"'}
        return Response(proof.data, headers=headers, media_type="message/rfc822")


def _as_page(text: str) -> str:
    from html import escape

    return f"<!DOCTYPE html><html><head></head><body><pre>{escape(text)}</pre></body></html>"
