"""Mailchimp: the status of a line is the name of its file, and no column of it. Pure.

    subscribed_members_export_….csv, subscribed_segment_export_….csv, unsubscribed_…, cleaned_…

The merge fields come first, their names in the account's language; the first is the address.
"""

from collections.abc import Callable, Iterable

from subscribers.errors import SubscriberError
from subscribers.exchange.values import Entry, Status, moment, printable, reason_in
from subscribers.preferences import Preferences
from subscribers.suppression import Reason

TELLING = {"member_rating", "leid", "euid"}
# By how the name begins: "subscribed" is also in "unsubscribed" and "nonsubscribed".
STATUSES: dict[str, Status] = {
    "subscribed": "confirmed",
    "unsubscribed": "withdrawn",
    "cleaned": "suppressed",
    "nonsubscribed": "pending",
    "transactional": "pending",
}
ADDRESS = {
    "email address", "email", "e-mail", "e-mail address", "emailadresse", "e-mail-adresse",
    "adresse e-mail", "adresse email", "dirección de correo electrónico", "correo electrónico",
    "indirizzo email", "e-mailadres", "endereço de e-mail", "endereço de email",
}  # fmt: skip


def is_one(name: str, columns: Iterable[str]) -> bool:
    """Whether Mailchimp wrote the file: by its telling columns, whatever the others are called."""
    del name
    return set(columns) >= TELLING or {"leid", "euid", "tags"} <= set(columns)


def reader(name: str, columns: tuple[str, ...]) -> Callable[[int, dict[str, str]], Entry]:
    """What reads a line of the file of this name. Raises SubscriberError where it tells nothing."""
    status = STATUSES.get(name.lower().partition("_")[0])
    if status is None:
        raise SubscriberError(
            f"{name} is one of Mailchimp's, but its name does not say who is in it.",
            remedy="Mailchimp's own name for it begins with subscribed_, unsubscribed_ or "
            "cleaned_: name it so again, or import the zip as it came.",
        )
    address = next((column for column in columns if column in ADDRESS), columns[0])

    def read(line: int, values: dict[str, str]) -> Entry:
        if status == "confirmed" and not values.get("leid", "all"):
            cut = "This line is cut: it has no LEID, which every line of Mailchimp's has."
            return Entry(line, printable(values.get(address, "")), refused=cut)
        return _entry(line, printable(values.get(address, "")), values, _said(status, values))

    return read


def _said(status: Status, values: dict[str, str]) -> Status:
    """The file's word, unless the line itself says that the person left or bounced."""
    if values.get("clean_time"):
        return "suppressed"
    return "withdrawn" if values.get("unsub_time") and status == "confirmed" else status


def _entry(line: int, address: str, values: dict[str, str], status: Status) -> Entry:
    reason: Reason | None = "bounce" if status == "suppressed" else None
    reason = reason_in(values.get("notes", "")) or reason
    if status == "withdrawn":
        why = f"{values.get('unsub_reason', '')} {values.get('unsub_reason_other', '')}".lower()
        reason = "complaint" if "abuse" in why or "spam" in why else reason
    kind = values.get("email_type", "").lower()
    return Entry(
        line,
        address,
        Preferences(None, "text") if kind == "text" else None,
        status=status,
        since=moment(values.get("confirm_time", "")) or moment(values.get("optin_time", "")),
        left=moment(values.get("unsub_time", "")),
        evidence=_evidence(values),
        suppression=reason,
    )


def _evidence(values: dict[str, str]) -> str:
    names = ("optin_time", "optin_ip", "confirm_time", "confirm_ip")
    shown = [f"{name} {value[:45]}" for name in names if (value := values.get(name))]
    return printable(", ".join(shown))
