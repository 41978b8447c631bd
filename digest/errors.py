"""Every error that leaves a room of `digest`; doors turn it into a sentence and an exit code.

    DigestError
    ├── SettingsError       digest.toml or the environment is not usable            exit 2
    │   └── NoSuchNewsletter … because it has no newsletter of that name            exit 2
    ├── SourceError         a feed or page could not be read                        exit 1
    │   └── FetchError      … because it could not be fetched; later may help       exit 75
    ├── NothingToPublish    no story stands for an issue                            exit 1
    ├── IssueError          the issue is not in a state for what was asked          exit 1
    │   ├── NoSuchIssue     … because there is none of that number                  exit 1
    │   ├── NoSuchSection   … because no section is called so                       exit 2
    │   └── Conflict        … because somebody changed it meanwhile; look again     exit 75
    ├── PreflightFailed     the issue has errors that forbid sending                exit 1
    ├── TemplateError       a template could not be rendered                        exit 1
    ├── MessageError        a message could not be built from what was given        exit 1
    ├── DkimError           a key cannot sign                                       exit 2
    ├── DatabaseError       the database is newer, older, locked or not there       exit 1
    │   ├── DatabaseBusy    … because others are writing; later may help            exit 75
    │   └── SenderAtWork    … because another sender has it; later may help         exit 75
    ├── EditorError         an account of the desk cannot be made or changed        exit 1
    └── RelayError          the relay cannot be used at all just now                exit 75

Outcomes of mail are values (outcomes.py); an exception means that work cannot go on.
No sentence for a terminal is put together below a door, but every error says in its own
words what is wrong, and in `remedy` what to do.
"""

from collections.abc import Sequence


class DigestError(Exception):
    """Something went wrong. `remedy` says what the user can do; `exit_code` follows sysexits.h."""

    exit_code = 1

    def __init__(self, what: str = "", *, remedy: str = "") -> None:
        """`what` is one sentence without a line break; the class's first line stands in for it."""
        super().__init__(what or (type(self).__doc__ or "").split("\n")[0])
        self.what = str(self)
        self.remedy = remedy


class SettingsError(DigestError):
    """The settings cannot be used."""

    exit_code = 2


class NoSuchNewsletter(SettingsError):
    """There is no newsletter of that name."""


class SourceError(DigestError):
    """The source could not be read."""


class FetchError(SourceError):
    """The source could not be fetched."""

    exit_code = 75


class NothingToPublish(DigestError):
    """There is nothing to publish."""


class IssueError(DigestError):
    """The issue is not in a state for that."""


class NoSuchIssue(IssueError):
    """There is no such issue."""


class NoSuchSection(IssueError):
    """There is no such section."""

    exit_code = 2


class Conflict(IssueError):
    """Somebody else has changed the issue meanwhile.

    `version` is the one at which it stands, `changed` tells in a sentence each what was done.
    """

    exit_code = 75

    def __init__(
        self, what: str = "", *, remedy: str = "", version: int = 0, changed: Sequence[str] = ()
    ) -> None:
        """See DigestError."""
        super().__init__(what, remedy=remedy or "look at it as it is now, then do it again")
        self.version, self.changed = version, tuple(changed)


class PreflightFailed(DigestError):
    """The issue has errors that forbid sending it."""


class TemplateError(DigestError):
    """A template could not be rendered."""


class MessageError(DigestError):
    """A message could not be built."""


class DkimError(DigestError):
    """A DKIM key cannot be used."""

    exit_code = 2


class DatabaseError(DigestError):
    """The database cannot be used."""


class NoDatabaseYet(DatabaseError):
    """There is no database at that place yet."""


class DatabaseBusy(DatabaseError):
    """Others are writing into the database."""

    exit_code = 75


class SenderAtWork(DatabaseError):
    """Another sender is at work."""

    exit_code = 75


class EditorError(DigestError):
    """The account cannot be made or changed."""


class RelayError(DigestError):
    """The relay cannot be used at the moment."""

    exit_code = 75
