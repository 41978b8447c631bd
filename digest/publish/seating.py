"""Who may sit at the desk: accounts, logins, and what a role may do.

An unknown name is answered like a wrong password, and takes as long. Passwords are hashed by
argon2id (RFC 9106, second recommendation); of a login's token only the SHA-256 is kept.
Never here: cookies, forms (the desk's door).
"""

import hashlib
import hmac
import secrets
import threading
import unicodedata
from datetime import datetime, timedelta
from functools import cache

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from digest import archive
from digest.archive import Editor as Editor
from digest.archive import Role as Role
from digest.errors import EditorError
from digest.publish.opening import House
from subscribers import roster
from subscribers.address import key
from subscribers.errors import InvalidAddress
from subscribers.limiting import hidden, is_over, window

STAYS = timedelta(hours=12)
"""How long a login lasts: a working day."""
SHORTEST, LONGEST = 12, 200
"""Characters of a password."""
RANK: dict[Role, int] = {"editor": 0, "approver": 1, "operator": 2}
# Each hash takes 64 MiB: however many try at once, the machine makes no more than these.
_AT_ONCE = threading.BoundedSemaphore(2)
_HASHER = PasswordHasher()


def may_try(house: House, network: str, name: str, browser: str = "", *, now: datetime) -> bool:
    """Whether a login may be tried once more, counted by all servers together in the roster.

    A browser in which this name logged in before (`browser`: what `browser_mark` gave it) is
    counted for itself, so that no stranger who tries the name can lock its owner out: the device
    cookies of OWASP's “Slow Down Online Guessing Attacks”.
    """
    asked = _tried(house, network, name, browser)
    with house.database.writing() as session:
        counts = {
            rule: roster.tally(session, rule, who, window(rule, now), now)
            for rule, who in asked.items()
        }
    return not any(is_over(rule, count) for rule, count in counts.items())


def tried_rightly(
    house: House, network: str, name: str, browser: str = "", *, now: datetime
) -> None:
    """The try of the same moment was a login: only those that failed are counted."""
    with house.database.writing() as session:
        for rule, who in _tried(house, network, name, browser).items():
            roster.untally(session, rule, who, window(rule, now))


def _tried(house: House, network: str, name: str, browser: str) -> dict[str, str]:
    asked = {"login-network": network, "login-name": name.casefold(), "login-everybody": ""}
    if _knows(house, browser, name):
        asked = {"login-browser": browser}
    return {rule: hidden(rule, who, house.settings.keys) for rule, who in asked.items()}


def browser_mark(house: House, name: str) -> str:
    """What a browser keeps in which this name has logged in. It opens nothing by itself."""
    nonce = secrets.token_hex(16)
    return f"{nonce}.{_signed(house.settings.keys[0], nonce, name)}"


def _knows(house: House, browser: str, name: str) -> bool:
    nonce, _, sign = browser.partition(".")
    signs = [_signed(known, nonce, name) for known in house.settings.keys]
    return any(hmac.compare_digest(sign.encode(), one.encode()) for one in signs)


def _signed(known: bytes, nonce: str, name: str) -> str:
    text = f"desk browser\0{nonce}\0{name.strip().casefold()}".encode()
    return hmac.new(known, text, hashlib.sha256).hexdigest()


def count_test(house: House, name: str, *, now: datetime) -> None:
    """An editor wants to send a test mail. Raises EditorError for one too many in this hour."""
    who, limit = hidden("desk-tests", name, house.settings.keys), house.settings.web.tests_an_hour
    with house.database.writing() as session:
        count = roster.tally(session, "desk-tests", who, window("desk-tests", now), now)
    if count > limit:
        minutes = -(-(window("desk-tests", now) - now) // timedelta(minutes=1))
        raise EditorError(
            f"{name} has sent {limit} test mails in this hour",
            remedy=f"wait {minutes} {'minute' if minutes == 1 else 'minutes'}; "
            "tests_an_hour in [web] sets how many",
        )


def may(editor: Editor, role: Role) -> bool:
    """Whether somebody has this role, or one above it: editor, approver, operator."""
    return RANK[editor.role] >= RANK[role]


def add_editor(house: House, name: str, role: Role, password: str, *, now: datetime) -> Editor:
    """Make an account; `name` is a mail address.

    Raises EditorError where there is one, or the password is too short; InvalidAddress.
    """
    editor = Editor(key(name), role, now)
    hashed = _hashed(password)
    with house.database.writing() as session:
        archive.add_editor(session, editor, hashed)
    return editor


def editors(house: House) -> list[Editor]:
    """All who have an account, by name."""
    with house.database.reading() as session:
        return archive.editors(session)


def remove_editor(house: House, name: str) -> None:
    """End an account and its logins; what was decided by that name stays. Raises EditorError."""
    with house.database.writing() as session:
        archive.remove_editor(session, key(name))


def set_password(house: House, name: str, password: str) -> None:
    """Give an account another password and end its logins. Raises EditorError."""
    hashed = _hashed(password)
    with house.database.writing() as session:
        archive.set_password(session, key(name), hashed)


def log_in(house: House, name: str, password: str, *, now: datetime) -> str:
    """The token of a new login; "" for a wrong password or an unknown name, at equal pace."""
    try:
        name = key(name)
    except InvalidAddress:
        name = ""
    with house.database.reading() as session:
        kept = archive.password_of(session, name)
    if not _is_right(kept or _nobodys(), password) or not kept:
        return ""
    token = secrets.token_urlsafe(32)
    with house.database.writing() as session:
        # Changed or removed while we hashed: then that password opens nothing any more.
        if archive.password_of(session, name) != kept:
            return ""
        archive.note_login(session, name, _kept_as(token), now, now + STAYS)
    return token


def logged_in(house: House, token: str, *, now: datetime) -> Editor | None:
    """Whose login that is; None for nobody's, or one that has ended."""
    if not token:
        return None
    with house.database.reading() as session:
        return archive.logged_in(session, _kept_as(token), now)


def log_out(house: House, token: str) -> None:
    """End a login."""
    with house.database.writing() as session:
        archive.end_login(session, _kept_as(token))


def _hashed(password: str) -> str:
    if not SHORTEST <= len(password) <= LONGEST:
        raise EditorError(
            f"a password has {SHORTEST} to {LONGEST} characters",
            remedy="take a longer one: four or five words do well"
            if len(password) < SHORTEST
            else "take a shorter one",
        )
    with _AT_ONCE:
        return _HASHER.hash(_composed(password))


def _is_right(kept: str, password: str) -> bool:
    # Cut: what is longer than any password is not worth its hash, but costs the same.
    with _AT_ONCE:
        try:
            return _HASHER.verify(kept, _composed(password[: LONGEST + 1]))
        except (VerificationError, InvalidHashError):
            return False


@cache
def _nobodys() -> str:
    # What an unknown name is compared with, so that it takes as long as a known one.
    return _HASHER.hash(secrets.token_urlsafe(32))


def _composed(password: str) -> str:
    # Two keyboards write the same letter differently (RFC 8265, section 4.2).
    return unicodedata.normalize("NFC", password)


def _kept_as(token: str) -> str:
    # 256 random bits need no slow hash.
    return hashlib.sha256(token.encode()).hexdigest()
