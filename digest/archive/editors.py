"""Who may sit at the desk: accounts, and who is logged in. They are of book 1 because they decide
what is published: their names stand at its decisions and approvals.

Passwords and tokens come hashed; how is told by `publish.seating`. Never here: what a role may.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal, cast

from sqlmodel import Session, col, delete, select

from digest.archive.tables import EditorRow, LoginRow
from digest.errors import EditorError

Role = Literal["editor", "approver", "operator"]


@dataclass(frozen=True, slots=True)
class Editor:
    """Somebody with an account. `name` is a mail address; `added` is in UTC."""

    name: str
    role: Role
    added: datetime


def add_editor(session: Session, editor: Editor, password: str) -> None:
    """Write down a new account. Raises EditorError where there is one of that name."""
    if session.get(EditorRow, editor.name):
        raise EditorError(
            f"{editor.name} has an account already",
            remedy="`digest editors password` changes its password, `remove` ends it",
        )
    row = EditorRow(name=editor.name, role=editor.role, password=password, added=editor.added)
    session.add(row)


def editors(session: Session) -> list[Editor]:
    """All accounts, by name."""
    return list(map(_editor, session.exec(select(EditorRow).order_by(col(EditorRow.name)))))


def remove_editor(session: Session, name: str) -> None:
    """End an account and every login of it. Raises EditorError where there is none."""
    row = _row(session, name)
    end_logins(session, name)
    session.delete(row)


def set_password(session: Session, name: str, password: str) -> None:
    """A new password; every login of the account ends. Raises EditorError where there is none."""
    row = _row(session, name)
    row.password = password
    end_logins(session, name)
    session.add(row)


def password_of(session: Session, name: str) -> str:
    """The hash of an account's password; "" where there is no such account."""
    row = session.get(EditorRow, name)
    return row.password if row else ""


def note_login(session: Session, name: str, token: str, now: datetime, until: datetime) -> None:
    """Keep a login by the hash of its token; what has expired goes."""
    session.exec(delete(LoginRow).where(col(LoginRow.until) <= now))
    session.add(LoginRow(token=token, name=name, until=until))


def logged_in(session: Session, token: str, now: datetime) -> Editor | None:
    """Whose token that is the hash of; None for nobody's, or no longer."""
    query = select(EditorRow).join(LoginRow).where(LoginRow.token == token)
    row = session.exec(query.where(col(LoginRow.until) > now)).first()
    return _editor(row) if row else None


def end_login(session: Session, token: str) -> None:
    """Forget one login."""
    session.exec(delete(LoginRow).where(col(LoginRow.token) == token))


def end_logins(session: Session, name: str) -> None:
    """Forget every login of an account."""
    session.exec(delete(LoginRow).where(col(LoginRow.name) == name))


def _row(session: Session, name: str) -> EditorRow:
    row = session.get(EditorRow, name)
    if row is None:
        raise EditorError(f"there is no account {name}", remedy="`digest editors list` shows them")
    return row


def _editor(row: EditorRow) -> Editor:
    return Editor(row.name, cast(Role, row.role), row.added)
