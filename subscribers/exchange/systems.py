"""Systems: whose sheet it is, and what a line of it says of a person's consent. Pure.

Each system's columns are as it writes them; each has a trap, which its reader names. A sheet
that is nobody's is read by a Mapping that the operator gives.
"""

from collections.abc import Callable, Iterator
from collections.abc import Mapping as Mapped
from dataclasses import dataclass

from subscribers.errors import SubscriberError
from subscribers.exchange import mailchimp, ours
from subscribers.exchange.sheets import Sheet, restored
from subscribers.exchange.values import Entry, Status, moment, printable, reason_in
from subscribers.suppression import Reason

Reader = Callable[[int, dict[str, str]], Entry]


@dataclass(frozen=True, slots=True)
class Mapping:
    """Which columns of a sheet mean what, by their names; "" for none.

    `active` are the values of the column `status` that mean "may be mailed"; every other value
    means that the person has left. Without a status column everybody is meant to be mailed.
    """

    email: str
    status: str = ""
    active: tuple[str, ...] = ()
    sections: str = ""
    format: str = ""
    language: str = ""
    since: str = ""


def entries(
    sheet: Sheet, mapping: Mapping | None = None, *, suppress: Reason | None = None
) -> Iterator[Entry]:
    """The entries of a sheet, one for each record. A bad one is an entry with its reason.

    `suppress` reads every line as an address never to mail, for that reason. Raises
    SubscriberError where the columns are of no system that we know and no mapping says more, or
    where a mapping would read everybody as active though the sheet tells who is.
    """
    columns = tuple(name.lower() for name in sheet.header)
    if mapping and not mapping.status and not suppress:
        _refuse_blind(sheet, columns)
    read = _reader(sheet, columns, mapping)
    # Mailchimp writes a list of tags as bare cells at the end of some lines.
    endless = columns[-1:] == ("tags",)
    values = _values_of(columns)
    # What our own sheet says of a person stands at the end of the line: one that was cut, perhaps
    # in its address, would read as active.
    whole = len(columns) if _is_ours(sheet, columns) and not (mapping or suppress) else 0
    for record in sheet.records:
        spoilt = record.spoilt
        if len(record.cells) < whole and not spoilt:
            spoilt = f"This line is cut: it has {len(record.cells)} of {whole} cells."
        if record.more and not endless:
            spoilt = "This line has more cells than the header."
        if spoilt:
            address = printable(record.cells[0]) if record.cells else ""
            yield Entry(record.line, address, refused=spoilt)
            continue
        found = read(record.line, values(record.cells))
        if suppress and not found.refused:
            found = Entry(
                record.line, found.address, status="suppressed", suppression=suppress,
                hashed=found.hashed,
            )  # fmt: skip
        yield found


def system(sheet: Sheet) -> str:
    """The name of the system that wrote the sheet; empty for an unknown one."""
    columns = {name.lower() for name in sheet.header}
    for name, (telling, _) in SYSTEMS.items():
        if telling <= columns:
            return name
    return "mailchimp" if mailchimp.is_one(sheet.name, columns) else ""


def _refuse_blind(sheet: Sheet, columns: tuple[str, ...]) -> None:
    """Who may be mailed is in a known system's sheet: a mapping may not read over it."""
    name = system(sheet)
    if name and (name != "ours" or _is_ours(sheet, columns)):
        raise SubscriberError(
            f"{sheet.name} is a sheet of {name}, which says who may be mailed.",
            remedy="Leave out --email, and it is read as what it is; or name --status and --active "
            "as well.",
        )


def _is_ours(sheet: Sheet, columns: tuple[str, ...]) -> bool:
    """Whether it says as we do who may be mailed, and is no bare list of addresses."""
    return system(sheet) == "ours" and bool({"state", "proof"} & set(columns))


def _reader(sheet: Sheet, columns: tuple[str, ...], mapping: Mapping | None) -> Reader:
    if mapping is not None:
        return _mapped(mapping, columns)
    name = system(sheet)
    if name == "mailchimp":
        return mailchimp.reader(sheet.name, columns)
    if name:
        return SYSTEMS[name][1]
    raise SubscriberError(
        f"The first line of {sheet.name} is not the header of a system that we know.",
        remedy="Name the columns: --email COLUMN, and --status COLUMN --active VALUE if there is "
        f"one. The columns are: {printable(', '.join(sheet.header))[:300]}",
    )


def _values_of(columns: tuple[str, ...]) -> Callable[[tuple[str, ...]], dict[str, str]]:
    """What puts cells to their columns; of columns with the same name, the first with a value."""

    def one_by_one(cells: tuple[str, ...]) -> dict[str, str]:
        values = dict.fromkeys(columns, "")
        for name, cell in zip(columns, cells, strict=False):
            if cell and not values[name]:
                values[name] = restored(cell.strip())
        return values

    def at_once(cells: tuple[str, ...]) -> dict[str, str]:
        # Nearly every line: as many cells as columns, and no apostrophe that may defuse one.
        if len(cells) != len(columns) or "'" in "".join(cells):
            return one_by_one(cells)
        return dict(zip(columns, map(str.strip, cells), strict=True))

    return at_once if len(set(columns)) == len(columns) else one_by_one


def _ours(line: int, values: dict[str, str]) -> Entry:
    return ours.entry(line, values)


def _listmonk(line: int, values: dict[str, str]) -> Entry:
    # `enabled` is the person; which lists they left is not in this file (the report says so).
    states: dict[str, Status] = {"enabled": "confirmed", "disabled": "withdrawn",
                                 "blocklisted": "suppressed"}  # fmt: skip
    found = _stated(line, values, states, since="created_at", left="updated_at")
    if found.status != "suppressed":
        return found
    return found._replace(suppression=reason_in(values["attributes"]) or "operator")


def _substack(line: int, values: dict[str, str]) -> Entry:
    # `active_subscription` means that they pay, and is no answer to whether they want mail.
    # A cell that says nothing (of a line that was cut, say) is no leave to mail.
    disabled = _truth(values["email_disabled"]) if values["email_disabled"] else None
    if disabled is None:
        return _refused(line, values, "email_disabled", values["email_disabled"])
    status: Status = "withdrawn" if disabled else "confirmed"
    return _told(line, values, status, since="created_at")


def _ghost(line: int, values: dict[str, str]) -> Entry:
    if values.get("deleted_at"):
        return _told(line, values, "gone")
    subscribed = _truth(values["subscribed_to_emails"])
    if subscribed is None or values["subscribed_to_emails"] == "":
        return _refused(line, values, "subscribed_to_emails", values["subscribed_to_emails"])
    status: Status = "confirmed" if subscribed else "withdrawn"
    found = _told(line, values, status, since="created_at")
    return found if subscribed else found._replace(suppression=reason_in(values.get("note", "")))


def _beehiiv(line: int, values: dict[str, str]) -> Entry:
    # Whole words: "inactive" has "active" in it.
    states: dict[str, Status] = {"active": "confirmed", "inactive": "withdrawn",
                                 "pending": "pending", "validating": "pending",
                                 "invalid": "suppressed"}  # fmt: skip
    found = _stated(line, values, states, since="created_at", left="unsubscribed_at")
    return found._replace(suppression="bounce") if found.status == "suppressed" else found


def _keila(line: int, values: dict[str, str]) -> Entry:
    states: dict[str, Status] = {"active": "confirmed", "unsubscribed": "withdrawn",
                                 "unreachable": "suppressed"}  # fmt: skip
    found = _stated(line, values, states)
    if found.status == "suppressed":
        return found._replace(suppression="bounce")
    gone = found.status == "withdrawn"
    return found._replace(suppression=reason_in(values["data"])) if gone else found


def _suppressions(line: int, values: dict[str, str]) -> Entry:
    address = values.get("email") or values.get("address") or ""
    word = values.get("reason", "").lower()
    reason: Reason = "operator"
    if "bounce" in word or "undeliver" in word or "invalid" in word:
        reason = "bounce"
    elif "complain" in word or "spam" in word or "abuse" in word:
        reason = "complaint"
    elif "unsub" in word or "request" in word:
        reason = "request"
    hashed = "" if address else values.get("address_hash", "")
    return Entry(
        line, printable(address), status="suppressed", suppression=reason, hashed=hashed,
        how=printable(values.get("how", ""))[:50], at=moment(values.get("at", "")),
    )  # fmt: skip


# The columns that tell a system from the others, in lower case, and its reader.
SYSTEMS: Mapped[str, tuple[frozenset[str], Reader]] = {
    "listmonk": (frozenset({"uuid", "email", "attributes", "status"}), _listmonk),
    "substack": (frozenset({"email", "active_subscription", "email_disabled"}), _substack),
    "ghost": (frozenset({"email", "subscribed_to_emails", "created_at"}), _ghost),
    "keila": (frozenset({"email", "status", "data", "external id"}), _keila),
    "beehiiv": (frozenset({"email", "status", "created_at", "unsubscribed_at"}), _beehiiv),
    "beehiiv (short)": (frozenset({"email", "status", "tier", "created_at"}), _beehiiv),
    "suppressions (ours)": (frozenset({"address", "reason", "how", "at"}), _suppressions),
    "suppressions": (frozenset({"email", "reason", "created"}), _suppressions),
    "ours": (frozenset({"address"}), _ours),
}


def _mapped(mapping: Mapping, columns: tuple[str, ...]) -> Reader:
    wanted = {name: getattr(mapping, name).lower() for name in
              ("email", "status", "sections", "format", "language", "since")}  # fmt: skip
    for option, column in wanted.items():
        if column and column not in columns:
            raise SubscriberError(
                f"The sheet has no column {column}, which --{option} names.",
                remedy=f"Its columns are: {printable(', '.join(columns))[:300]}",
            )
    if mapping.status and not mapping.active:
        raise SubscriberError(
            "--status needs --active: which of its values mean that the person may be mailed."
        )
    active = {value.strip().lower() for value in mapping.active}

    def read(line: int, values: dict[str, str]) -> Entry:
        told = {name: values.get(column, "") if column else "" for name, column in wanted.items()}
        left = bool(mapping.status) and told["status"].lower() not in active
        choice = {"sections": told["sections"], "format": told["format"]}
        found = ours.entry(line, {"address": told["email"], **choice})
        since = moment(told["since"])
        return found._replace(
            status="withdrawn" if left else "confirmed",
            since=since,
            language=told["language"][:35],
        )

    return read


def _stated(
    line: int, values: dict[str, str], states: Mapped[str, Status], since: str = "", left: str = ""
) -> Entry:
    word = values.get("status", "").lower()
    if word not in states:
        return _refused(line, values, "status", word)
    return _told(line, values, states[word], since=since, left=left)


def _told(
    line: int, values: dict[str, str], status: Status, since: str = "", left: str = ""
) -> Entry:
    """An entry whose evidence is when the other system says that the person joined."""
    address, joined = printable(values.get("email", "")), values.get(since, "")
    return Entry(
        line,
        address,
        status=status,
        since=moment(joined),
        left=moment(values.get(left, "")) if status == "withdrawn" else None,
        evidence=f"{since} {printable(joined)[:40]}" if joined else "",
    )


def _refused(line: int, values: dict[str, str], column: str, word: str) -> Entry:
    address = printable(values.get("email", ""))
    return Entry(line, address, refused=f"{column} is “{printable(word)[:30]}”, which is unknown.")


def _truth(word: str) -> bool | None:
    if word.lower() in {"true", "t", "yes", "1"}:
        return True
    return False if word.lower() in {"false", "f", "no", "0", ""} else None
