"""Leaving: readers out, as our own sheet or as the sheets of other systems. Pure.

Each system gets its own columns and words; people who must not be mailed are marked so in each,
because a list that forgets who left makes the next system mail them.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime

from subscribers.exchange import ours
from subscribers.exchange.ours import Kept
from subscribers.exchange.sheets import defused


@dataclass(frozen=True, slots=True)
class Outgoing:
    """A system's sheet: its header, and a subscription as the cells of a line.

    `file` names the file that a line belongs to, where a system tells the status that way.
    """

    header: tuple[str, ...]
    cells: Callable[[Kept], tuple[str, ...]]
    file: Callable[[Kept], str] = lambda _: ""
    headers: Mapping[str, tuple[str, ...]] | None = None

    def header_of(self, file: str) -> tuple[str, ...]:
        """The header of one of its files."""
        return self.headers[file] if self.headers else self.header


def _standing(kept: Kept) -> str:
    """confirmed, requested, withdrawn, bounced or blocked: what every system has a word for."""
    if kept.suppressed is not None:
        return "bounced" if kept.suppressed == "bounce" else "blocked"
    return kept.state


def _iso(moment: datetime | None) -> str:
    return f"{_plain(moment).replace(' ', 'T')}.000Z" if moment else ""


def _plain(moment: datetime | None) -> str:
    # Not strftime: of the year 1, which other systems write for "never", it makes "1".
    return moment.replace(tzinfo=None).isoformat(" ", "seconds") if moment else ""


def _left(kept: Kept) -> datetime | None:
    times = [event.at for event in kept.events if event.kind == "withdrawn"]
    return times[-1] if times and kept.state == "withdrawn" else None


def _data(kept: Kept) -> str:
    """Why they must never be mailed, where a system has a column of JSON for anything."""
    return f'{{"suppressed": "{kept.suppressed}"}}' if kept.suppressed else "{}"


def _note(kept: Kept) -> str:
    """The same where a system has a column of words."""
    return f"suppressed: {kept.suppressed}" if kept.suppressed else ""


def _listmonk(kept: Kept) -> tuple[str, ...]:
    words = {"confirmed": "enabled", "bounced": "blocklisted", "blocked": "blocklisted"}
    status = words.get(_standing(kept), "disabled")
    changed = kept.events[-1].at if kept.events else kept.created_at
    # The identifier is made of ours, so that the same person is the same in two exports.
    uuid = f"00000000-0000-4000-8000-{kept.subscriber:012x}"
    return uuid, kept.address, "", _data(kept), status, _iso(kept.created_at), _iso(changed)


def _substack(kept: Kept) -> tuple[str, ...]:
    disabled = "false" if _standing(kept) == "confirmed" else "true"
    return kept.address, "false", "", disabled, _iso(kept.created_at)


def _ghost(kept: Kept) -> tuple[str, ...]:
    wanted = "true" if _standing(kept) == "confirmed" else "false"
    return str(kept.subscriber), kept.address, "", _note(kept), wanted, "false", "", _iso(
        kept.created_at
    ), "", "", ""  # fmt: skip


def _beehiiv(kept: Kept) -> tuple[str, ...]:
    words = {"confirmed": "active", "requested": "pending"}
    left = _left(kept)
    gone = f"{_plain(left)} UTC" if left else ""
    status = words.get(_standing(kept), "inactive")
    return kept.address, "", "", status, "free", f"{_plain(kept.created_at)} UTC", gone


def _keila(kept: Kept) -> tuple[str, ...]:
    words = {"confirmed": "active", "bounced": "unreachable"}
    status = words.get(_standing(kept), "unsubscribed")
    return kept.address, "", "", _data(kept), status, str(kept.subscriber)


_MERGED = ("Email Address", "First Name", "Last Name", "MEMBER_RATING", "OPTIN_TIME", "OPTIN_IP",
           "CONFIRM_TIME", "CONFIRM_IP", "LATITUDE", "LONGITUDE", "GMTOFF", "DSTOFF", "TIMEZONE",
           "CC", "REGION")  # fmt: skip
_ENDS = ("LEID", "EUID", "NOTES", "TAGS")
_FILES = {
    "subscribed": (*_MERGED, "LAST_CHANGED", *_ENDS),
    "unsubscribed": (*_MERGED, "UNSUB_TIME", "UNSUB_CAMPAIGN_TITLE", "UNSUB_CAMPAIGN_ID",
                     "UNSUB_REASON", "UNSUB_REASON_OTHER", *_ENDS),
    "cleaned": (*_MERGED, "CLEAN_TIME", "CLEAN_CAMPAIGN_TITLE", "CLEAN_CAMPAIGN_ID", *_ENDS),
}  # fmt: skip


def _file(kept: Kept) -> str:
    files = {"confirmed": "subscribed", "bounced": "cleaned"}
    return files.get(_standing(kept), "unsubscribed")


def _mailchimp(kept: Kept) -> tuple[str, ...]:
    asked = [event for event in kept.events if event.kind == "requested"]
    confirmed = [event for event in kept.events if event.kind == "confirmed"]
    optin = asked[-1] if asked else confirmed[-1] if confirmed else None
    merged = (
        kept.address, "", "", "2",
        _plain(optin.at) if optin else _plain(kept.created_at), optin.ip if optin else "",
        _plain(confirmed[-1].at) if confirmed else "", confirmed[-1].ip if confirmed else "",
        *[""] * 7,
    )  # fmt: skip
    changed = _plain(kept.events[-1].at if kept.events else kept.created_at)
    why = "ABUSE" if kept.suppressed == "complaint" else "NORMAL"
    middle = {
        "subscribed": (changed,),
        "unsubscribed": (_plain(_left(kept)) or changed, "", "", why, ""),
        "cleaned": (changed, "", ""),
    }[_file(kept)]
    return (*merged, *middle, str(kept.subscriber), "", _note(kept), "")


def _safe(cells: Callable[[Kept], tuple[str, ...]]) -> Callable[[Kept], tuple[str, ...]]:
    return lambda kept: tuple(map(defused, cells(kept)))


OUTGOING: Mapping[str, Outgoing] = {
    "ours": Outgoing(ours.HEADER, ours.cells),
    "listmonk": Outgoing(
        ("uuid", "email", "name", "attributes", "status", "created_at", "updated_at"),
        _safe(_listmonk),
    ),
    "mailchimp": Outgoing(_FILES["subscribed"], _safe(_mailchimp), _file, _FILES),
    "substack": Outgoing(
        ("email", "active_subscription", "expiry", "email_disabled", "created_at"),
        _safe(_substack),
    ),
    "ghost": Outgoing(
        ("id", "email", "name", "note", "subscribed_to_emails", "complimentary_plan",
         "stripe_customer_id", "created_at", "deleted_at", "labels", "tiers"),
        _safe(_ghost),
    ),
    "beehiiv": Outgoing(
        ("email", "First Name", "Last Name", "status", "tier", "created_at", "unsubscribed_at"),
        _safe(_beehiiv),
    ),
    "keila": Outgoing(
        ("Email", "First name", "Last name", "Data", "Status", "External ID"), _safe(_keila)
    ),
}  # fmt: skip
