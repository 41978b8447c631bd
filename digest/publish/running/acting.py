"""An intent of the schedule -> what is done, and the row that says it was.

What can be repeated without harm is done first and written down after it; of what goes out, the
ledger keeps the account. A failure is a row, too, and the schedule decides who is told of it.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo

from digest import archive, ledger
from digest.errors import (
    DigestError,
    FetchError,
    IssueError,
    NothingToPublish,
    PreflightFailed,
)
from digest.publish.collecting import Collected, collect
from digest.publish.mornings import is_local
from digest.publish.opening import Clock, House
from digest.publish.preparing import approve, prepare
from digest.publish.running.noticing import mail_notice, notice
from digest.publish.sending import send
from digest.schedule import (
    Adopt,
    Approve,
    Begin,
    Close,
    Draft,
    Intent,
    Send,
    Step,
    Tell,
    slug,
    words,
)
from digest.settings import NewsletterSettings

SCHEDULE = "schedule"
"""Who drafts, and who approves where `approval = "auto"`."""


@dataclass(frozen=True, slots=True)
class Done:
    """One thing that was done, or failed, or waits. `exit_code` is 0 where all is well."""

    newsletter: str
    what: str
    exit_code: int = 0
    remedy: str = ""
    interrupted: bool = False


class Actor:
    """Acts for one newsletter; the clock is asked anew for every act."""

    def __init__(self, house: House, name: str, settings: NewsletterSettings, clock: Clock) -> None:
        self.house, self.name, self.settings, self.clock = house, name, settings, clock
        self._zone = ZoneInfo(settings.timezone)

    def act(self, intent: Intent) -> list[Done]:
        """Do it. A failure of this newsletter is written down, and told as done."""
        try:
            return self._act(intent)
        except DigestError as error:
            if error.exit_code != 75:
                self._note_failure(intent, error)
            return [Done(self.name, error.what, error.exit_code, error.remedy)]

    def _act(self, intent: Intent) -> list[Done]:
        match intent:
            case Draft():
                return self._draft(intent)
            case Adopt():
                self._note(intent.due, "drafted", number=intent.number)
                return self._done(f"issue {intent.number}, approved already, is for", intent.due)
            case Tell():
                return self._tell(intent)
            case Approve():
                approve(self.house, self.name, intent.number, by=SCHEDULE, now=self.clock())
                return self._done(f"issue {intent.number} approved for", intent.due)
            case Begin():
                self._note(intent.due, "begun", number=intent.number)
                return []
            case Send():
                return self._send(intent)
            case Close():
                self._note(intent.due, "closed", note=intent.note)
                return []

    def _draft(self, intent: Draft) -> list[Done]:
        now = self.clock()
        _refuse_silence(collect(self.house, now=now))
        if intent.stale:
            record = self.house.issue(self.name, intent.stale)
            with self.house.database.writing() as session:
                archive.withdraw(session, record.id)
        number = prepare(self.house, self.name, now=now, by=SCHEDULE).record.issue.number
        self._note(intent.due, "drafted", number=number)
        return self._done(f"issue {number} drafted for", intent.due)

    def _tell(self, intent: Tell) -> list[Done]:
        if not intent.whom:
            told = words(notice(self.house, self.name, self.settings, intent))[0]
            self._note(intent.due, "told", key=intent.key)
            return [Done(self.name, told.removeprefix(f"{self.settings.title}: "))]
        refusal = mail_notice(self.house, self.name, intent, self.clock())
        self._note(intent.due, "told", key=intent.key, whom=intent.whom, note=refusal)
        if refusal:
            return [Done(self.name, f"{intent.whom} cannot be told: {refusal}", 1,
                         "correct editors in digest.toml")]  # fmt: skip
        return self._done(f"{intent.whom} told ({intent.key.partition(':')[0]}) of", intent.due)

    def _send(self, intent: Send) -> list[Done]:
        if self._sleeps(intent):
            return []
        account = send(self.house, self.name, intent.number, clock=self.clock, scheduled=True)
        if account.paused:
            what = f"issue {intent.number} is paused ({account.why})"
            return [Done(self.name, what, interrupted=account.interrupted)]
        told = ", ".join(f"{count} {state}" for state, count in sorted(account.counts.items()))
        code = 75 if account.open else 0
        what = f"issue {intent.number}: {told}"
        return [Done(self.name, what, code, interrupted=account.interrupted)]

    def _sleeps(self, intent: Send) -> bool:
        """Whether all who are left wait for a later hour."""
        if not is_local(self.house, self.name):
            return False
        record = self.house.issue(self.name, intent.number)
        with self.house.database.reading() as session:
            first = ledger.next_due(session, record.id)
            whole = ledger.is_whole(session, record.id)
            if first is None or first <= self.clock() or not whole:
                return False
            counts = ledger.counts(session, record.id)
        return not (counts.get("claimed") or counts.get("inflight"))

    def _note_failure(self, intent: Intent, error: DigestError) -> None:
        if isinstance(intent, Draft):
            self._note(intent.due, "tried")
        key = slug(_kind(error), error.what)
        self._note(intent.due, "failed", key=key, note=f"{error.what}\n{error.remedy}".strip())

    def _note(
        self, due: datetime, name: str, key: str = "", whom: str = "", number: int = 0,
        note: str = "",
    ) -> None:  # fmt: skip
        step = Step(due, name, self.clock(), key, whom, number, note)
        with self.house.database.writing() as session:
            archive.note_step(session, self.name, step)

    def _done(self, what: str, due: datetime) -> list[Done]:
        return [Done(self.name, f"{what} {due.astimezone(self._zone):%a %d %b %Y %H:%M %Z}")]


def _kind(error: DigestError) -> str:
    kinds = ((NothingToPublish, "stories"), (PreflightFailed, "preflight"), (IssueError, "issue"))
    return next((kind for known, kind in kinds if isinstance(error, known)), "fault")


def _refuse_silence(collected: Sequence[Collected]) -> None:
    # What is left in the archive from before makes an issue, but hardly the one that was meant.
    if collected and all(source.error for source in collected):
        raise FetchError(
            f"none of the sources could be read; the first: {collected[0].error}",
            remedy="`digest sources list` has them all; once one is read, the issue is drafted",
        )
