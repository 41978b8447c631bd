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

from subscribers.bounces.faults import fault
from subscribers.bounces.identity import identify
from subscribers.bounces.values import Failure, Fault, Kind, Report
from subscribers.bounces.wording import line
from subscribers.errors import BadSignature

AMAZON = re.compile(
    r"https://sns\.[a-z0-9-]{1,30}\.amazonaws\.com(?:\.cn)?/SimpleNotificationService-[0-9a-f]{8,64}\.pem"
)
FRESH = timedelta(minutes=15)
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
) -> list[Report]:
    """The reports in one call, each with its failure's recipient. Raises BadSignature."""
    if provider not in _READERS or not trust.secret:
        raise BadSignature
    try:
        check, tell = _READERS[provider]
        told = check(call, trust, now)
        return [
            replace(report, about=identify(json.dumps(event), keys)) for event, report in tell(told)
        ]
    except (ValueError, KeyError, TypeError, AttributeError, LookupError, binascii.Error):
        raise BadSignature from None


def single_use(provider: str, call: Call) -> tuple[str, str, datetime] | None:
    """What in a call that was read may be used once: its name, its name with this very body, and
    until when it would pass. None where the signature is over the body, or there is none.

    Mailgun signs a timestamp and a token alone: whoever saw one call could send another body.
    """
    if provider != "mailgun":
        return None
    signed = json.loads(call.body)["signature"]
    token = hashlib.sha256(str(signed["token"]).encode()).hexdigest()
    whole = hashlib.sha256(token.encode() + call.body).hexdigest()
    return token, whole, datetime.fromtimestamp(float(signed["timestamp"]), UTC) + 2 * FRESH


def subscription_url(call: Call) -> str:
    """The address to visit once, when Amazon asks whether a topic is wanted; "" otherwise."""
    try:
        told = json.loads(call.body)
        wanted = told.get("Type") == "SubscriptionConfirmation"
        return str(told["SubscribeURL"]) if wanted else ""
    except (ValueError, KeyError, AttributeError):
        return ""


def _report(
    kind: Kind, identifier: object, recipient: str, status: str, words: str, given: Fault | None
) -> Report:
    name = hashlib.sha256(f"{kind} {identifier} {recipient}".encode()).hexdigest()
    blame = given or fault(status, words)
    failure = Failure(recipient, blame, status, line(words))
    return Report(kind, name, (failure,) if kind != "note" else (), None, line(words))


# -- Amazon SES ----------------------------------------------------------------------------------


def _check_ses(call: Call, trust: Trust, now: datetime) -> Any:
    del now  # Amazon repeats an event for an hour and more; the fingerprint makes it count once
    told = json.loads(call.body)
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
    return json.loads(told["Message"]) if told["Type"] == "Notification" else {}


def _tell_ses(told: Any) -> Iterator[tuple[Any, Report]]:
    kind = told.get("notificationType") or told.get("eventType")
    if kind == "Bounce":
        bounce = told["bounce"]
        transient = bounce.get("bounceType") == "Transient"
        for person in bounce["bouncedRecipients"]:
            words = person.get("diagnosticCode") or bounce.get("bounceSubType", "")
            given = _ses_fault(bounce, transient)
            yield told, _report(
                "bounce", bounce.get("feedbackId"), person["emailAddress"],
                person.get("status", ""), words, given,
            )  # fmt: skip
    elif kind == "Complaint":
        complaint = told["complaint"]
        spoken = complaint.get("complaintFeedbackType") or "abuse"
        for person in complaint["complainedRecipients"]:
            unspoken: Kind = "note" if spoken == "not-spam" else "complaint"
            yield (
                told,
                _report(
                    unspoken,
                    complaint.get("feedbackId"),
                    person["emailAddress"],
                    "",
                    spoken,
                    "policy",
                ),
            )


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
    return json.loads(call.body)


def _tell_postmark(told: Any) -> Iterator[tuple[Any, Report]]:
    kinds: dict[str, Fault] = {
        "HardBounce": "address", "BadEmailAddress": "address", "AddressChange": "address",
        "SoftBounce": "soft", "Transient": "soft", "DnsError": "soft", "SMTPApiError": "soft",
        "Blocked": "policy", "SpamNotification": "policy", "VirusNotification": "policy",
        "DMARCPolicy": "policy", "ManuallyDeactivated": "policy",
    }  # fmt: skip
    record, kind = told.get("RecordType"), told.get("Type", "")
    words = f"{told.get('Description', '')} {told.get('Details', '')}"
    identifier = told.get("ID") or told.get("MessageID")
    if record == "SpamComplaint" or kind == "SpamComplaint":
        yield told, _report("complaint", identifier, told["Email"], "", words, "policy")
    elif record == "Bounce" and kind in kinds:
        given = None if kind == "HardBounce" else kinds[kind]
        yield told, _report("bounce", identifier, told["Email"], "", words, given or "address")
    elif record == "SubscriptionChange" and told.get("SuppressSending"):
        yield told, _report("complaint", identifier, told["Recipient"], "", words, "policy")


def _check_mailgun(call: Call, trust: Trust, now: datetime) -> Any:
    told = json.loads(call.body)
    signed = told["signature"]
    stamp, token = str(signed["timestamp"]), str(signed["token"])
    made = hmac.new(trust.secret.encode(), f"{stamp}{token}".encode(), hashlib.sha256).hexdigest()
    if not hmac.compare_digest(made, str(signed["signature"])):
        raise BadSignature
    _refuse_stale(stamp, now)
    return told["event-data"]


def _tell_mailgun(told: Any) -> Iterator[tuple[Any, Report]]:
    status = told.get("delivery-status") or {}
    words = str(status.get("message") or status.get("description") or told.get("reason", ""))
    enhanced = str(status.get("enhanced-code") or "")
    if told["event"] == "complained":
        yield told, _report("complaint", told["id"], told["recipient"], "", words, "policy")
    elif told["event"] == "failed":
        passing = told.get("severity") == "temporary"
        kind: Kind = "delayed" if passing else "bounce"
        code = f"{status.get('code', '')} {words}"
        yield told, _report(kind, told["id"], told["recipient"], enhanced, code, None)


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
    return json.loads(call.body)


def _tell_sendgrid(told: Any) -> Iterator[tuple[Any, Report]]:
    for event in told:
        words, status = str(event.get("reason", "")), str(event.get("status", ""))
        kind, identifier = event.get("event"), event.get("sg_event_id")
        if kind == "spamreport":
            yield event, _report("complaint", identifier, event["email"], "", words, "policy")
        elif kind == "bounce":
            given: Fault | None = "policy" if event.get("type") == "blocked" else None
            yield event, _report("bounce", identifier, event["email"], status, words, given)
        elif kind == "deferred":
            yield event, _report("delayed", identifier, event["email"], status, words, None)


def _refuse_stale(stamp: str, now: datetime) -> None:
    age = abs(now.timestamp() - float(stamp))
    if age > FRESH.total_seconds():
        raise BadSignature


_READERS: dict[str, tuple[Callable[[Call, Trust, datetime], Any], Callable[[Any], Any]]] = {
    "ses": (_check_ses, _tell_ses),
    "postmark": (_check_postmark, _tell_postmark),
    "mailgun": (_check_mailgun, _tell_mailgun),
    "sendgrid": (_check_sendgrid, _tell_sendgrid),
}
