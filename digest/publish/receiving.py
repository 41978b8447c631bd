"""What comes back -> roster and ledger: bounces, complaints, and mail that unsubscribes.

A report changes something only when it carries a token that we signed, or comes from a provider
whose signature holds. Each is kept, and counts once however often it comes.
"""

import asyncio
import hashlib
import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import lru_cache
from typing import get_args

from digest import archive, ledger
from digest.errors import DigestError, SourceError
from digest.ledger import Delivery
from digest.mailboxes import BATCH
from digest.outcomes import Outcome, Refused
from digest.pace import Brake, too_many_complaints
from digest.publish.opening import House
from subscribers import roster, tokens
from subscribers.address import key
from subscribers.bounces import About, Failure, Report, events, understand
from subscribers.bounces.faults import fault
from subscribers.bounces.policy import GONE, Policy, verdict
from subscribers.errors import BadSignature, InvalidAddress, Suppressed, UnknownSubscriber
from subscribers.roster import Opinion, Profile, Reported, Session

MEMORY = timedelta(days=400)  # how far back failures are looked at


@dataclass(frozen=True, slots=True)
class Received:
    """What became of one report. `new` is False where it had come before."""

    report: Report
    new: bool
    did: str


def receive(house: House, raw: bytes, *, source: str, now: datetime) -> Received:
    """Take in one mail to the return path. Never raises for what is in it."""
    report = _understood(house, raw)
    with house.database.writing() as session:
        return _take_in(house, session, report, source, now, raw)


def _understood(house: House, raw: bytes) -> Report:
    """What a mail says; one that nobody foresaw is "unknown", and stands in no other's way."""
    try:
        return understand(raw, house.settings.keys)
    except Exception as error:  # noqa: BLE001 - kept with its bytes, and listed
        name = hashlib.sha256(raw).hexdigest()
        return Report("unknown", name, why=f"it could not be read: {type(error).__name__}")


def hook(
    house: House, provider: str, call: events.Call, *, now: datetime,
    fetch: Callable[[str], bytes] | None = None,
) -> list[Received]:  # fmt: skip
    """Take in one call of a provider's webhook, or tell Amazon that its topic is wanted.

    Raises BadSignature, and SourceError where Amazon can't be told just now.
    """
    secret = house.settings.bounces.secret_of(provider)
    visit = fetch or _visit
    trust = events.Trust(secret, lambda url: _certificate(visit, url, now))
    told = events.read(provider, call, trust, house.settings.keys, now)
    if provider == "ses" and (wanted := events.subscription_url(call)):
        visit(wanted)
    used, taken = events.single_use(provider, call), list[Received]()
    # SendGrid tells a thousand at once, as many as would keep everybody else from writing for
    # seconds. Where one fails, all come again, and those that are kept are known.
    for at in range(0, max(1, len(told)), BATCH):
        with house.database.writing() as session:
            if at == 0 and used and not _is_first(session, used, now):
                raise BadSignature
            taken += [
                _take_in(house, session, _named(session, report), provider, now, raw)
                for report, raw in told[at : at + BATCH]
            ]
    return taken


def _is_first(session: Session, used: tuple[str, str, datetime], now: datetime) -> bool:
    """Whether this token is new, or comes with the same body again, as when our answer was lost."""
    token, whole, until = used
    again = roster.tally(session, "mailgun", token, until, now) > 1
    return roster.tally(session, "mailgun", whole, until, now) > 1 or not again


def receive_together(
    house: House, raws: Sequence[bytes], *, source: str, now: datetime
) -> Iterator[Received]:
    """Take in several in one transaction; where that fails, one by one, so that none is another's
    harm. Raises what the one does whose fault it is, when those before it are kept.
    """
    reports = [_understood(house, raw) for raw in raws]
    told = list(zip(reports, raws, strict=True))
    try:
        with house.database.writing() as session:
            taken = [_take_in(house, session, one, source, now, raw) for one, raw in told]
    except Exception:  # noqa: BLE001 - told by the one that raises it again
        for one, raw in told:
            with house.database.writing() as session:
                alone = _take_in(house, session, one, source, now, raw)
            yield alone
        return
    yield from taken


def explain_report(house: House, raw: bytes) -> Report:
    """How a report is understood; changes nothing."""
    return _understood(house, raw)


def explain_number(house: House, number: int) -> Report | None:
    """How the report of this number is understood; None where there is none, or no bytes of it."""
    with house.database.reading() as session:
        kept = roster.report_raw(session, number)
    if kept is None:
        return None
    source, raw = kept
    if source not in events.PROVIDERS:
        return _understood(house, raw)
    try:
        told = events.understood(source, json.loads(raw), house.settings.keys)
    except ValueError:  # larger than what is kept of one
        return None
    # An event names each of its recipients; all of them are shown.
    failures = tuple(failure for report in told for failure in report.failures)
    with house.database.reading() as session:
        return replace(_named(session, told[0]), failures=failures)


def reports(
    house: House, *, kinds: tuple[str, ...] = (), limit: int = 1000
) -> tuple[list[Reported], dict[str, int]]:
    """The newest reports, and how many there are of each kind."""
    with house.database.reading() as session:
        found = roster.reports(session, kinds=kinds, limit=limit)
        return found, roster.report_counts(session)


def left_by(house: House, record: archive.IssueRecord) -> dict[str, dict[str, int]]:
    """By which way, and next to which story, readers left an issue; and what came back of it."""
    with house.database.reading() as session:
        near = roster.left_near(session, record.id)
        return {
            "left_by": roster.left_by(session, record.id),
            "left_near": {str(place): count for place, count in near.items()},
            "reports": roster.report_counts(session, record.id),
            "feedback": roster.feedback(session, record.id),
        }


def opinions(house: House, record: archive.IssueRecord) -> list[Opinion]:
    """What readers said of an issue, the newest first; never who."""
    with house.database.reading() as session:
        return roster.opinions(session, record.id)


def note_refusal(
    house: House, session: Session, delivery: Delivery, outcome: Outcome, now: datetime
) -> None:
    """A relay's refusal at the door counts as a bounce does, by whose fault it is."""
    if not isinstance(outcome, Refused) or not roster.is_known(session, delivery.subscriber):
        return
    words = f"{outcome.reply.code} {outcome.reply.text}"
    failure = Failure("", fault(outcome.reply.enhanced, words), outcome.reply.enhanced, words[:300])
    name = f"refused {delivery.issue_id} {delivery.subscriber}"
    about = About(delivery.subscriber, delivery.issue_id)
    report = Report("bounce", name, (failure,), about, "refused by the relay")
    _take_in(house, session, report, "relay", now)


def policy(house: House) -> Policy:
    """The publisher's rules."""
    told = house.settings.bounces
    return Policy(told.hard, told.issues, told.score, told.stale)


def _take_in(
    house: House, session: Session, report: Report, source: str, now: datetime, raw: bytes = b""
) -> Received:
    about = report.about
    known = _known(session, about)
    counted = report.kind == "bounce" and known is not None
    if counted and known and _is_left_behind(house, session, report, known):
        counted = False  # kept, as everything is; but it says nothing of where their mail goes now
    new = roster.note_report(
        session, report, source=source, now=now, subscriber=known.subscriber if known else None,
        issue=about.issue if about else None, counted=counted, raw=raw,
    )  # fmt: skip
    if not new:
        return Received(report, False, "")
    idle = report.kind == "bounce" and not counted
    did = _act(house, session, report, about, known, now) if about and known and not idle else ""
    if did:
        roster.note_deed(session, report, did)
    return Received(report, True, did)


def _known(session: Session, about: About | None) -> Profile | None:
    """Whom a report is about, read once for all that is asked of them; None for nobody of ours."""
    try:
        return roster.profile(session, about.subscriber) if about else None
    except UnknownSubscriber:
        return None


def _is_left_behind(house: House, session: Session, report: Report, known: Profile) -> bool:
    """Whether a bounce is of an address that the reader has moved away from."""
    if not any(e.kind == "moved" for held in known.subscriptions for e in held.events):
        return False
    named = {failure.recipient for failure in report.failures if failure.recipient}
    try:
        return bool(named) and all(
            key(name) != key(known.address)
            and roster.is_suppressed(session, name, house.settings.keys)
            for name in named
        )
    except InvalidAddress:
        return False


def _act(
    house: House, session: Session, report: Report, about: About, known: Profile, now: datetime
) -> str:
    if report.kind == "leaving":
        return "left" if _withdraw(house, session, about, known, "mail", now) else ""
    if report.kind == "complaint":
        _withdraw(house, session, about, known, "complaint", now)
        _brake(house, session, about.issue, now)
        return "suppressed: complaint" if _suppress(house, session, known, "complaint", now) else ""
    if report.kind == "bounce":
        past = roster.history(session, about.subscriber, _since(house, session, known, now))
        sent = ledger.sent_to(session, about.subscriber, house.settings.bounces.issues)
        why = verdict(past, sent, policy(house))
        if why and _suppress(house, session, known, "bounce", now):
            if why != GONE:
                roster.stop(session, about.subscriber, now)
            return f"suppressed: {why}"
    return ""


def _brake(house: House, session: Session, issue: int, now: datetime) -> None:
    """An issue that is being sent, and of which too many complain, pauses itself."""
    sending = ledger.sending(session, issue)
    if sending is None or not sending.watched or sending.control != "go":
        return
    told, counts = house.settings.brake, ledger.counts(session, issue)
    brake = Brake(told.first, told.refused, told.complaints)
    complaints = roster.report_counts(session, issue).get("complaint", 0)
    why = too_many_complaints(brake, counts.get("sent", 0), complaints)
    if why and any(counts.get(state) for state in ledger.OPEN):
        ledger.steer(session, issue, "paused", why=why, by=ledger.BRAKE, now=now)


def _since(house: House, session: Session, known: Profile, now: datetime) -> datetime:
    """From when failures count. Who pressed a button in our mail has a fresh start, and so has who
    was suppressed until an operator lifted that. A moment still to come is none: a list's proof
    that has one would hide every failure until then.
    """
    events = [event for held in known.subscriptions for event in held.events]
    fresh = [one.at for one in events if one.kind == "confirmed" and one.how == "page"]
    lifted = roster.last_lifted(session, known.address, house.settings.keys)
    begun = [*fresh, *([lifted] if lifted else [])]
    return max([now - MEMORY, *(at for at in begun if at <= now)])


def _withdraw(
    house: House, session: Session, about: About, known: Profile, how: str, now: datetime
) -> bool:
    """End the subscription to the newsletter whose mail it was; a complaint ends them all, and so
    does what names none, as a provider's event does.
    """
    record = archive.issue_by_id(session, about.issue)
    named = {house.settings.list_of(record.issue.newsletter)} if record else set()
    ended = [
        roster.withdraw(
            session, about.subscriber, held.newsletter, how=how, now=now, issue=about.issue or None
        )
        for held in known.subscriptions
        if how == "complaint"
        or not (named or about.mark)
        or held.newsletter in named
        or about.mark == tokens.mark(held.newsletter)
    ]
    if any(ended):
        ledger.note_leaving(session, about.issue, about.subscriber, now)
    return any(ended)


def _suppress(house: House, session: Session, known: Profile, reason: str, now: datetime) -> bool:
    why = next(name for name in get_args(roster.Reason) if name == reason)
    return roster.suppress(
        session, known.address, reason=why, how="report", now=now, keys=house.settings.keys
    )


def _named(session: Session, report: Report) -> Report:
    """A provider's report that carries no token of ours, about whom it names by address."""
    if report.about or not report.failures:
        return report
    try:
        number = roster.number_of(session, key(report.failures[0].recipient))
    except (InvalidAddress, Suppressed):
        return report
    return replace(report, about=About(number, 0)) if number is not None else report


def _visit(url: str) -> bytes:
    from digest import sources  # an HTTP client, for Amazon alone

    return asyncio.run(sources.document(url))


def _certificate(visit: Callable[[str], bytes], url: str, now: datetime) -> bytes:
    try:
        return _kept(visit, url, int(now.timestamp() // 3600))
    except DigestError:
        return b""


@lru_cache(maxsize=8)
def _kept(visit: Callable[[str], bytes], url: str, _hour: int) -> bytes:
    """A certificate, fetched once an hour: a large issue's events come by the thousand."""
    found = visit(url)
    if not found.startswith(b"-----BEGIN CERTIFICATE"):
        raise SourceError(f"{url} is no certificate")  # not kept for an hour
    return found
