"""Events: what a provider tells a webhook about a mail -> Reports, its signature checked. Pure.

    ses        Amazon SES by SNS: RSA over the message's fields (certificate of AWS alone)
    postmark   no signature of their own: a secret that is part of the address or of basic auth
    mailgun    HMAC-SHA256 over timestamp and token; a token is good for one body (single_use)
    sendgrid   ECDSA (P-256) over timestamp and body

An event without a signed token of ours in it may name its reader by address: the provider's
signature vouches for that.
"""

import base64
import binascii
import hashlib
import hmac
import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.serialization import load_der_public_key

from subscribers.bounces.faults import ENHANCED, fault
from subscribers.bounces.identity import identify
from subscribers.bounces.values import Failure, Fault, Kind, Report
from subscribers.bounces.wording import line
from subscribers.errors import BadSignature

AMAZON = re.compile(
    r"https://sns\.[a-z0-9-]{1,30}\.amazonaws\.com(?:\.cn)?/SimpleNotificationService-[0-9a-f]{8,64}\.pem"
)
CONFIRMING = re.compile(
    r"https://sns\.[a-z0-9-]{1,30}\.amazonaws\.com(?:\.cn)?/\?Action=ConfirmSubscription&[!-~]{1,2000}"
)
FRESH = timedelta(minutes=15)
_ODD = (ValueError, TypeError, AttributeError, LookupError, RecursionError)  # of strangers' JSON
MOST = 320  # characters of a recipient
PROVIDERS = ("ses", "postmark", "mailgun", "sendgrid")


@dataclass(frozen=True, slots=True)
class Call:
    """One call of a webhook: its headers (names in lower case) and its bytes."""

    headers: Mapping[str, str]
    body: bytes


@dataclass(frozen=True, slots=True)
class Trust:
    """What an operator set up with a provider: `secret` is its key, public key, topic or password.

    `certificate` fetches Amazon's; it is asked for Amazon's own addresses only.
    """

    secret: str
    certificate: Callable[[str], bytes] = lambda _: b""


def read(
    provider: str, call: Call, trust: Trust, keys: Sequence[bytes], now: datetime
) -> list[tuple[Report, bytes]]:
    """The reports in one call, each with its failure's recipient and the event it was made of.

    What is signed and not understood, or no JSON at all, is a report of kind "unknown": to refuse
    it would bring it again for hours (Postmark stops at a 403 alone, Mailgun at a 406). Raises
    BadSignature.
    """
    if provider not in _READERS or not trust.secret:
        raise BadSignature
    try:
        told = _READERS[provider][0](call, trust, now)
        return [
            (report, json.dumps(event).encode())
            for event in (told if isinstance(told, list) else [told])
            for report in understood(provider, event, keys)
        ]
    except (*_ODD, binascii.Error):
        raise BadSignature from None


def understood(provider: str, event: Any, keys: Sequence[bytes]) -> list[Report]:
    """The reports in one event whose signature was checked; one that is damaged is "unknown"."""
    whole = json.dumps(event)
    try:
        found = list(_READERS[provider][1](event))
    except _ODD:
        name = hashlib.sha256(whole.encode()).hexdigest()
        found = [Report("unknown", name, why=f"an event of {provider} that was not understood")]
    about = identify(whole, keys)
    return [replace(report, about=about) for report in found]


def single_use(provider: str, call: Call) -> tuple[str, str, datetime] | None:
    """What in a call that was read may be used once: its name, its name with this very body, and
    until when it would pass. None where the signature is over the body, or there is none.

    Mailgun signs a timestamp and a token alone: whoever saw one call could send another body.
    """
    if provider != "mailgun":
        return None
    signed = _json(call.body)["signature"]
    token = hashlib.sha256(str(signed["token"]).encode()).hexdigest()
    whole = hashlib.sha256(token.encode() + call.body).hexdigest()
    return token, whole, datetime.fromtimestamp(float(signed["timestamp"]), UTC) + 2 * FRESH


def subscription_url(call: Call) -> str:
    """The address to visit once, when Amazon asks whether a topic is wanted; "" otherwise.

    For a call that was read: the signature vouches for it. Raises BadSignature where it leads to
    anybody but Amazon.
    """
    told = _json(call.body)
    if told.get("Type") != "SubscriptionConfirmation":
        return ""
    url = str(told.get("SubscribeURL"))
    if not CONFIRMING.fullmatch(url):
        raise BadSignature
    return url


def _json(body: bytes | str) -> Any:
    """What a call carries. Raises BadSignature for what is no JSON, or is too deep to be one."""
    try:
        return json.loads(body)
    except (ValueError, RecursionError):
        raise BadSignature from None


def _vouched(body: bytes | str) -> Any:
    """What a signature vouches for; its bare words where they are no JSON that we can read."""
    try:
        return _json(body)
    except BadSignature:
        return body.decode("utf-8", "replace") if isinstance(body, bytes) else body


def _report(
    kind: Kind, identifier: object, recipient: str, status: str, words: str, given: Fault | None
) -> Report:
    if not isinstance(recipient, str) or not recipient.isprintable() or len(recipient) > MOST:
        raise ValueError("no address that could be kept")
    status = status if isinstance(status, str) and ENHANCED.fullmatch(status) else ""
    words = words.encode("utf-8", "replace").decode()  # JSON can name what is no character
    name = hashlib.sha256(f"{kind} {identifier} {recipient}".encode()).hexdigest()
    blame = given or fault(status, words)
    failure = Failure(recipient, blame, status, line(words))
    return Report(kind, name, (failure,) if kind != "note" else (), None, line(words))


# -- Amazon SES ----------------------------------------------------------------------------------


def _check_ses(call: Call, trust: Trust, now: datetime) -> Any:
    del now  # Amazon repeats an event for an hour and more; the fingerprint makes it count once
    told = _json(call.body)
    url = told["SigningCertURL"]
    if not hmac.compare_digest(str(told["TopicArn"]), trust.secret) or not AMAZON.fullmatch(url):
        raise BadSignature
    names = ["Message", "MessageId", "Subject", "Timestamp", "TopicArn", "Type"]
    if told["Type"] != "Notification":
        names = ["Message", "MessageId", "SubscribeURL", "Timestamp", "Token", "TopicArn", "Type"]
    signed = "".join(f"{name}\n{told[name]}\n" for name in names if told.get(name) is not None)
    public = x509.load_pem_x509_certificate(trust.certificate(url)).public_key()
    kind = hashes.SHA256() if told.get("SignatureVersion") == "2" else hashes.SHA1()  # noqa: S303
    if not isinstance(public, rsa.RSAPublicKey):
        raise BadSignature
    try:
        signature = base64.b64decode(told["Signature"])
        public.verify(signature, signed.encode(), padding.PKCS1v15(), kind)
    except InvalidSignature:
        raise BadSignature from None
    return _vouched(told["Message"]) if told["Type"] == "Notification" else {}


def _tell_ses(told: Any) -> Iterator[Report]:
    kind = told.get("notificationType") or told.get("eventType")
    if kind == "Bounce":
        bounce = told["bounce"]
        transient = bounce.get("bounceType") == "Transient"
        for person in bounce["bouncedRecipients"]:
            words = person.get("diagnosticCode") or bounce.get("bounceSubType", "")
            given = _ses_fault(bounce, transient)
            yield _report(
                "bounce", bounce.get("feedbackId"), person["emailAddress"],
                person.get("status", ""), words, given,
            )  # fmt: skip
    elif kind == "Complaint":
        complaint = told["complaint"]
        spoken = complaint.get("complaintFeedbackType") or "abuse"
        unspoken: Kind = "note" if spoken == "not-spam" else "complaint"
        for person in complaint["complainedRecipients"]:
            who, name = person["emailAddress"], complaint.get("feedbackId")
            yield _report(unspoken, name, who, "", spoken, "policy")


def _ses_fault(bounce: Any, transient: bool) -> Fault | None:
    detail = bounce.get("bounceSubType", "")
    if detail == "MailboxFull":
        return "full"
    if detail in {"MessageTooLarge", "AttachmentRejected"}:
        return "size"
    if detail == "ContentRejected":
        return "policy"
    return None if not transient else "soft"


# -- Postmark, Mailgun, SendGrid ------------------------------------------------------------------


def _check_postmark(call: Call, trust: Trust, now: datetime) -> Any:
    del now
    given = call.headers.get("authorization", "").removeprefix("Basic ").strip()
    word = base64.b64decode(given, validate=True).decode().partition(":")[2]
    if not hmac.compare_digest(word.encode(), trust.secret.encode()):
        raise BadSignature
    return _vouched(call.body)


POSTMARK: Mapping[str, Fault] = {
    "BadEmailAddress": "address", "AddressChange": "address",
    "SoftBounce": "soft", "Transient": "soft", "DnsError": "soft", "SMTPApiError": "soft",
    "Blocked": "policy", "SpamNotification": "policy", "VirusNotification": "policy",
    "DMARCPolicy": "policy", "ManuallyDeactivated": "policy",
}  # fmt: skip
ANSWERS = {"AutoResponder", "ChallengeVerification", "Subscribe"}


def _tell_postmark(told: Any) -> Iterator[Report]:
    record, kind = told.get("RecordType"), told.get("Type", "")
    words = f"{told.get('Description', '')} {told.get('Details', '')}"
    identifier = told.get("ID") or told.get("MessageID")
    if record == "SpamComplaint" or kind == "SpamComplaint":
        yield _report("complaint", identifier, told["Email"], "", words, "policy")
    elif record == "SubscriptionChange":
        yield _postmark_change(told)
    elif record == "Bounce" and kind == "Unsubscribe":
        yield _report("leaving", identifier, told["Email"], "", words, "policy")
    elif record == "Bounce" and kind in ANSWERS:
        yield _report("reply", identifier, told["Email"], "", words, "policy")
    elif record == "Bounce":
        given = _postmark_hard(words) if kind == "HardBounce" else POSTMARK.get(kind)
        yield _report("bounce", identifier, told["Email"], "", words, given)


def _postmark_hard(words: str) -> Fault:
    """Postmark calls hard what a server refused for good, also for a fault of ours."""
    found = fault("", words)
    return found if found in {"policy", "size", "full"} else "address"


def _postmark_change(told: Any) -> Report:
    """Postmark's own list of whom it mails no more: by a bounce, a complaint, or by hand."""
    reason = str(told.get("SuppressionReason") or "")
    by_reader = reason == "ManualSuppression" and told.get("Origin") == "Recipient"
    kinds: dict[str, Kind] = {"HardBounce": "bounce", "SpamComplaint": "complaint"}
    kind: Kind = "leaving" if by_reader else kinds.get(reason, "note")
    if not told.get("SuppressSending"):
        kind = "note"
    name = f"{told.get('MessageID')} {told.get('ChangedAt')}"
    given: Fault = "address" if kind == "bounce" else "policy"
    return _report(kind, name, told["Recipient"], "", f"{reason} {told.get('Origin', '')}", given)


def _check_mailgun(call: Call, trust: Trust, now: datetime) -> Any:
    told = _json(call.body)
    signed = told["signature"]
    stamp, token = str(signed["timestamp"]), str(signed["token"])
    made = hmac.new(trust.secret.encode(), f"{stamp}{token}".encode(), hashlib.sha256).hexdigest()
    if not hmac.compare_digest(made, str(signed["signature"])):
        raise BadSignature
    _refuse_stale(stamp, now)
    return told.get("event-data")


def _tell_mailgun(told: Any) -> Iterator[Report]:
    status = told.get("delivery-status") or {}
    words = str(status.get("message") or status.get("description") or told.get("reason", ""))
    enhanced = str(status.get("enhanced-code") or "")
    if told["event"] == "complained":
        yield _report("complaint", told["id"], told["recipient"], "", words, "policy")
    elif told["event"] == "unsubscribed":
        yield _report("leaving", told["id"], told["recipient"], "", words, "policy")
    elif told["event"] == "failed":
        passing = told.get("severity") == "temporary"
        kind: Kind = "delayed" if passing else "bounce"
        code = f"{status.get('code', '')} {words}"
        yield _report(kind, told["id"], told["recipient"], enhanced, code, None)


def _check_sendgrid(call: Call, trust: Trust, now: datetime) -> Any:
    stamp = call.headers.get("x-twilio-email-event-webhook-timestamp", "")
    signature = base64.b64decode(call.headers["x-twilio-email-event-webhook-signature"])
    public = load_der_public_key(base64.b64decode(trust.secret))
    if not isinstance(public, ec.EllipticCurvePublicKey):
        raise BadSignature
    try:
        public.verify(signature, stamp.encode() + call.body, ec.ECDSA(hashes.SHA256()))
    except InvalidSignature:
        raise BadSignature from None
    _refuse_stale(stamp, now)
    return _vouched(call.body)


def _tell_sendgrid(event: Any) -> Iterator[Report]:
    words, status = str(event.get("reason", "")), str(event.get("status", ""))
    kind, identifier = event.get("event"), event.get("sg_event_id")
    if kind == "dropped":
        kind = _DROPPED.get(words.lower(), "blocked")
    if kind == "spamreport":
        yield _report("complaint", identifier, event["email"], "", words, "policy")
    elif kind in {"unsubscribe", "group_unsubscribe"}:
        yield _report("leaving", identifier, event["email"], "", words, "policy")
    elif kind == "gone":
        yield _report("bounce", identifier, event["email"], status, words, "address")
    elif kind in {"bounce", "blocked"}:
        ours = kind == "blocked" or event.get("type") == "blocked"
        given: Fault | None = "policy" if ours else None
        yield _report("bounce", identifier, event["email"], status, words, given)
    elif kind == "deferred":
        yield _report("delayed", identifier, event["email"], status, words, None)


# Why SendGrid did not even try: what it knows of the address from before. Else it is our doing.
_DROPPED = {
    "bounced address": "gone", "invalid": "gone", "spam reporting address": "spamreport",
    "unsubscribed address": "unsubscribe",
}  # fmt: skip


def _refuse_stale(stamp: str, now: datetime) -> None:
    age = abs(now.timestamp() - float(stamp))
    if not age <= FRESH.total_seconds():  # also what is no number: "nan"
        raise BadSignature


_READERS: dict[str, tuple[Callable[[Call, Trust, datetime], Any], Callable[[Any], Any]]] = {
    "ses": (_check_ses, _tell_ses),
    "postmark": (_check_postmark, _tell_postmark),
    "mailgun": (_check_mailgun, _tell_mailgun),
    "sendgrid": (_check_sendgrid, _tell_sendgrid),
}
