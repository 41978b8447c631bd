"""A notice -> mail to an editor, through the first of the publisher's relays that takes it.

A crash between the mail and its row mails it again, with the same Message-ID, so that a mailbox
can fold the two: a notice comes at least once.
"""

import asyncio
import hashlib
from collections.abc import Mapping
from datetime import datetime
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime, parseaddr
from zoneinfo import ZoneInfo

from digest import ledger, preflight
from digest.archive import IssueRecord
from digest.errors import DigestError, RelayError
from digest.messages import Message
from digest.outcomes import Refused, Sent
from digest.publish.checking import examine
from digest.publish.handing import handed_over, relays_in_turn
from digest.publish.opening import House
from digest.publish.running.lettering import fill_in
from digest.publish.seating import editors
from digest.publish.signing import signed, signing_keys
from digest.schedule import Notice, Tell, words
from digest.settings import NewsletterSettings
from subscribers import tokens
from subscribers.tokens import Token

LISTED = 12
NOBODY = 0  # no subscriber has this number
_BECAME = {
    "sent": "sent",
    "refused": "refused for good by the relay",
    "expired": "given up: deferred for too long",
    "unknown": "unknown: the relay's answer never came",
    "skipped": "skipped: they left, or were suppressed, before their turn",
}
_WITH_STORIES = {"draft", "reminder", "unapproved"}


def mail_notice(house: House, newsletter: str, tell: Tell, now: datetime) -> str:
    """Mail it. Returns "", or why the relay refuses that editor for good.

    Raises RelayError where the relay can't be used, or wants it later.
    """
    _, settings = house.newsletter(newsletter)
    told = notice(house, newsletter, settings, tell)
    sender = parseaddr(settings.from_)[1]
    subject = " ".join(words(told)[0].split())
    # Folded by the email package, a long subject would begin with an empty line. One that has
    # encoded-words must be folded (RFC 2047, section 2).
    mail = EmailMessage(policy=SMTP.clone(max_line_length=998) if subject.isascii() else SMTP)
    mail["From"] = settings.from_
    mail["To"] = tell.whom
    mail["Subject"] = subject
    mail["Date"] = format_datetime(now)
    mail["Message-ID"] = message_id(newsletter, tell, sender.rpartition("@")[2])
    mail["Auto-Submitted"] = "auto-generated"  # RFC 3834, section 5
    mail["X-Auto-Response-Suppress"] = "OOF, AutoReply"
    fill_in(mail, house, told)
    message = signed(Message(sender, tell.whom, mail.as_bytes()), signing_keys(house), now)
    outcome = asyncio.run(handed_over(relays_in_turn(house), message))
    if isinstance(outcome, Sent):
        return ""
    said = f"{outcome.reply.code or ''} {outcome.reply.text}".strip()
    if isinstance(outcome, Refused):
        return said
    raise RelayError(
        f"the notice to {tell.whom} was not taken: {said}",
        remedy="check [relay] in digest.toml; the next run tries again",
    )


def message_id(newsletter: str, tell: Tell, domain: str) -> str:
    """The same for the same news to the same editor."""
    whom = hashlib.sha256(tell.whom.encode()).hexdigest()[:12]
    key = tell.key.replace(":", ".")
    return f"<{newsletter}.{tell.due:%Y%m%dT%H%M%S}.{key}.{whom}@{domain}>"


def notice(house: House, newsletter: str, settings: NewsletterSettings, tell: Tell) -> Notice:
    """All that the words of a notice speak of."""
    zone = ZoneInfo(settings.timezone)
    schedule = settings.schedule
    late = schedule.late_at_most if schedule else None
    sent = _readers(house, newsletter, tell) if tell.key.startswith("sent:") else {}
    return Notice(
        key=tell.key,
        newsletter=newsletter,
        title=settings.title,
        number=tell.number,
        due=tell.due.astimezone(zone),
        until=(tell.due + late if late else tell.due).astimezone(zone),
        link=desk_link(house, newsletter, tell.number),
        on_desk=bool(editors(house)),
        auto=bool(schedule and schedule.approval == "auto"),
        note=tell.note,
        count=sent.get("sent", 0) if sent else tell.count,
        details=tuple(_went_out(sent) if sent else _details(house, newsletter, tell)),
    )


def desk_link(house: House, newsletter: str, number: int) -> str:
    """Where an editor looks at the issue: the desk, which asks for a login.

    Where nobody has one, a signed address of `digest serve` that shows it and acts for nobody.
    "" where no base_url is set; without an issue, the desk as a whole, or "".
    """
    base = house.settings.web.base_url
    if not base or (not number and not editors(house)):
        return ""
    if editors(house):
        return f"{base}/desk/{newsletter}/{number}" if number else f"{base}/desk"
    record = house.issue(newsletter, number)
    token = tokens.seal(Token("view", newsletter, record.id, NOBODY), house.settings.keys)
    return f"{base}/v/{token}"


def _details(house: House, newsletter: str, tell: Tell) -> list[str]:
    lines: list[str] = []
    if tell.key in _WITH_STORIES and tell.number:
        record = house.issue(newsletter, tell.number)
        found = _findings(house, record)
        lines += [*_outline(record), *([""] if found else []), *found]
    if tell.key.partition(":")[0] == "preflight" and tell.number:
        lines += _findings(house, house.issue(newsletter, tell.number))
    if tell.key == "stories" or tell.key in _WITH_STORIES:
        failing = [state for state in house.sources() if state.failing_since]
        lines += [f"Source {state.name} cannot be read: {state.error}" for state in failing]
    return [" ".join(line.split()) if line else "" for line in lines]


def _readers(house: House, newsletter: str, tell: Tell) -> dict[str, int]:
    record = house.issue(newsletter, tell.number)
    with house.database.reading() as session:
        return {"sent": 0} | ledger.counts(session, record.id)


def _went_out(counts: Mapping[str, int]) -> list[str]:
    known = [state for state in _BECAME if counts.get(state)]
    other = sorted(state for state in counts if state not in _BECAME)
    lines = [f"{counts[state]:,} {_BECAME.get(state, state)}" for state in [*known, *other]]
    return lines or ["0 readers were on its list"]


def _outline(record: IssueRecord) -> list[str]:
    lines = []
    for section in record.issue.sections:
        count = len(section.stories)
        lines.append(f"{section.name}: {count} {'story' if count == 1 else 'stories'}")
        lines += [f"- {story.headline}" for story in section.stories[:LISTED]]
    return lines


def _findings(house: House, record: IssueRecord) -> list[str]:
    try:
        found = examine(house, record)
    except DigestError as error:
        found = [preflight.Finding("rendering", "error", "the issue", error.what, error.remedy)]
    said = [f"{one.severity.capitalize()}: {one.what} {one.remedy}" for one in found]
    more = [f"and {len(said) - LISTED} more"] if len(said) > LISTED else []
    return said[:LISTED] + more
