"""What the machine, the relay and the web server must be like to send at all. Never here: looking.

What was seen is handed in, so that these stay plain functions of it.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from urllib.parse import urlsplit

from digest.preflight.case import Finding, Severity

LITTLE, HARDLY = 1 << 30, 100 << 20  # bytes
SILENCE = timedelta(minutes=5)  # `digest run` is called each minute
ASTRAY = timedelta(minutes=2)
"""A clock further from another's than this misdates mail, and DKIM's time stamps with it."""
PREMISES_RULES: dict[str, tuple[Severity, str]] = {
    "relay-unusable": (
        "error",
        "Nothing goes out while the relay is out of reach or refuses us.",
    ),
    "settings-unusable": (
        "error",
        "Without its settings Digest does nothing, and nothing is looked at.",
    ),
    "secret-missing": ("error", "Without its secret Digest can neither make nor know a link."),
    "base-url-not-https": ("error", "Providers ignore one-click leaving that is not https."),
    "base-url-silent": ("error", "The links in every mail ever sent lead to base_url."),
    "one-click-fails": (
        "error",
        "RFC 8058: a mailbox provider's POST ends a subscription, without a redirect or a cookie.",
    ),
    "one-click-takes-all": ("error", "What says yes to a forged link has ended no subscription."),
    "database-unusable": (
        "error",
        "Without its database Digest knows no reader and no issue, and takes no unsubscribe.",
    ),
    "database-missing": (
        "warning",
        "Before the first issue there is none; later, readers and all that was sent are gone.",
    ),
    "database-read-only": (
        "error",
        "What was sent cannot be written down, nor that somebody has left.",
    ),
    "database-ails": ("error", "The database is the only memory of who got what."),
    "disk-full": ("error", "A full disk stops the send, and the taking of unsubscribes with it."),
    "disk-short": ("warning", "The database grows with each issue; a copy of it needs room, too."),
    "clock-adrift": ("error", "What is due, and the Date of every mail, go by this clock."),
    "clock-unkept": ("warning", "Without NTP a machine's clock drifts by seconds each day."),
    "nothing-runs": ("error", "Drafts, sends and retries wait for somebody to call `digest run`."),
    "run-held": ("warning", "A database restored from an old copy sends nothing until released."),
    "secrets-open": (
        "warning",
        "Whoever can read the secrets can forge every link; the keys, sign in your name.",
    ),
}


@dataclass(frozen=True, slots=True)
class Answer:
    """What a web server said; `status` 0 and `why` where nothing was. Names in lower case."""

    status: int
    headers: dict[str, str] = field(default_factory=dict)
    why: str = ""


@dataclass(frozen=True, slots=True)
class Web:
    """base_url from outside: its health, and a POST to a good and to a forged one-click link.

    `ahead`: how far its clock is ahead of ours.
    """

    base_url: str
    health: Answer
    one_click: Answer
    forged: Answer
    ahead: timedelta = timedelta(0)


@dataclass(frozen=True, slots=True)
class Machine:
    """Where Digest runs. Sizes are bytes; `last_run` and `held` aware and in UTC.

    `ahead`: how far the database server's clock is ahead of ours. `kept`: whether NTP keeps ours;
    None where that is not known. `database_lost`: why the database cannot be opened or read, and
    the `remedy`; nothing is known of what it says then; `is_new`: because there is none yet.
    `unwritable`: why nothing can be written into it. `open_secrets`: files of secrets and keys
    that others can read. `written_timer`: what switches on the timer that is written for it; ""
    where none is, or it is on.
    """

    now: datetime
    free: int
    database_size: int
    database_lost: str = ""
    remedy: str = ""
    is_new: bool = False
    database_trouble: str = ""
    unwritable: str = ""
    ahead: timedelta = timedelta(0)
    kept: bool | None = None
    scheduled: bool = False
    last_run: datetime | None = None
    written_timer: str = ""
    held: datetime | None = None
    open_secrets: tuple[str, ...] = ()


def examine_relays(relays: dict[str, str]) -> list[Finding]:
    """`relays`: by name, what each had against us; "" where it is ready for mail."""
    remedy = (
        "Check host, port, security (tls at port 465, starttls at 587 and 25) and the login of "
        "the relay in digest.toml."
    )
    return [
        _found("relay-unusable", name, f"The relay {name} cannot be used: {trouble}.", remedy)
        for name, trouble in relays.items()
        if trouble
    ]


def examine_web(web: Web) -> list[Finding]:
    """What readers and mailbox providers find at base_url."""
    return list(_web(web))


def examine_settings(trouble: str, remedy: str) -> list[Finding]:
    """Why the settings cannot be read: then there is nothing else to look at."""
    return [_found("settings-unusable", "digest.toml", _sentence(trouble), _sentence(remedy))]


def examine_secret(trouble: str, remedy: str) -> list[Finding]:
    """Why no link can be made: then there is nothing to ask at base_url."""
    return [_found("secret-missing", "[web]", _sentence(trouble), _sentence(remedy))]


def examine_machine(machine: Machine) -> list[Finding]:
    """Database, disk, clock, and whether anything calls `digest run`."""
    looks = (_database, _disk, _clock, _timer, _secrets)
    return [finding for look in looks for finding in look(machine)]


def _web(web: Web) -> Iterator[Finding]:
    url = web.base_url
    if urlsplit(url).scheme != "https":
        yield _found(
            "base-url-not-https", url, f"{url} is not https.",
            "Put a web server with TLS before `digest serve`, and its address into base_url.",
        )  # fmt: skip
    if web.health.status != 200:
        yield _found(
            "base-url-silent", url, f"{url}/health {_told(web.health)}.",
            "Start `digest serve`, and have base_url lead to it.",
        )  # fmt: skip
        return
    yield from _astray("base_url", web.ahead)
    if trouble := _against(web.one_click):
        yield _found(
            "one-click-fails", url, f"A POST to a one-click link {trouble}.",
            "Let POST to /u/… through as it is to a `digest serve` that has this secret.",
        )  # fmt: skip
    if 200 <= web.forged.status < 300:
        yield _found(
            "one-click-takes-all", url, f"A POST to a forged link {_told(web.forged)}.",
            "Find out what answers at base_url in the place of `digest serve`.",
        )  # fmt: skip


def _against(answer: Answer) -> str:
    if not 200 <= answer.status < 300:
        return _told(answer)
    if answer.headers.get("content-type", "").startswith("text/html"):
        # The page of a GET: it asks, and ends nothing. Ours answers a POST in plain text.
        return "is answered with a page, as if it were a GET: nobody is unsubscribed"
    return "is answered with a cookie" if "set-cookie" in answer.headers else ""


def _told(answer: Answer) -> str:
    if not answer.status:
        return f"is not answered ({answer.why})"
    to = f", which leads to {answer.headers['location']}" if "location" in answer.headers else ""
    return f"is answered with HTTP {answer.status}{to}"


def _database(machine: Machine) -> Iterator[Finding]:
    if lost := machine.database_lost:
        remedy = machine.remedy or "check [database] url in digest.toml"
        rule = "database-missing" if machine.is_new else "database-unusable"
        yield _found(rule, "database", _sentence(lost), _sentence(remedy))
    if machine.database_trouble:
        yield _found(
            "database-ails", "database", f"The database is damaged: {machine.database_trouble}.",
            "Stop all that sends, and restore the newest good copy.",
        )  # fmt: skip
    if machine.unwritable:
        yield _found(
            "database-read-only", "database",
            f"Nothing can be written into the database: {machine.unwritable}.",
            "Let the user of `digest` write its file and folder, or name the server that takes "
            "writes in [database] url.",
        )  # fmt: skip


def _sentence(words: str) -> str:
    is_file = "." in words.partition(" ")[0]  # which is named as it is: digest.toml
    return f"{words[:1] if is_file else words[:1].upper()}{words[1:].rstrip('.')}."


def _disk(machine: Machine) -> Iterator[Finding]:
    free = f"{machine.free // (1 << 20):,} MB are free where the database is."
    if machine.free < HARDLY:
        yield _found("disk-full", "disk", f"Only {free}", "Make room before anything is sent.")
    elif machine.free < max(LITTLE, machine.database_size):
        yield _found("disk-short", "disk", f"Only {free}", "Make room for the next issues.")


def _clock(machine: Machine) -> Iterator[Finding]:
    yield from _astray("the database", machine.ahead)
    if machine.kept is False:
        yield _found(
            "clock-unkept", "clock", "Nothing keeps this clock: NTP has not set it.",
            "On Debian: timedatectl set-ntp true",
        )  # fmt: skip


def _astray(whose: str, ahead: timedelta) -> Iterator[Finding]:
    if abs(ahead) > ASTRAY:
        seconds = round(abs(ahead).total_seconds())
        way = "behind" if ahead > timedelta(0) else "ahead of"
        yield _found(
            "clock-adrift", "clock", f"This clock is {seconds:,} seconds {way} that of {whose}.",
            "Set the wrong one, and let NTP keep both.",
        )  # fmt: skip


def _timer(machine: Machine) -> Iterator[Finding]:
    if machine.held:
        yield _found(
            "run-held", "digest run",
            f"It holds all that was due before {machine.held:%Y-%m-%d %H:%M} UTC.",
            "Look what went out after the copy was made; then `digest run --release`.",
        )  # fmt: skip
    if not machine.scheduled:
        return
    last = machine.last_run
    if last is None or machine.now - last > SILENCE:
        since = f"since {last:%Y-%m-%d %H:%M} UTC" if last else "yet"
        yield _found(
            "nothing-runs", "digest run", f"Nothing has called `digest run` {since}.",
            f"Its timer is written; switch it on: {machine.written_timer}"
            if machine.written_timer
            else "`digest install-timer` has it called each minute; where that was done, "
            "`systemctl status` and `journalctl` tell what became of it.",
        )  # fmt: skip


def _secrets(machine: Machine) -> Iterator[Finding]:
    for name in machine.open_secrets:
        yield _found(
            "secrets-open", name, f"{name} can be read by others.",
            f"Take their rights away: chmod 600 {name}.",
        )  # fmt: skip


def _found(rule: str, where: str, what: str, remedy: str) -> Finding:
    return Finding(rule, PREMISES_RULES[rule][0], where, what, remedy)
