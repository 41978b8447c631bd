"""Amazon's webhook: connected by what Amazon signed alone, and asked to come again in doubt."""

import asyncio
import base64
import json
from datetime import UTC, datetime, timedelta

import httpx
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa

from digest import publish
from digest.errors import SourceError
from digest.publish import House
from digest.web import public_app
from subscribers.bounces.events import Call
from subscribers.errors import BadSignature
from tests.returning import LATER, SECRETS, ann, house

__all__ = ["ann", "house"]


def amazon() -> tuple[rsa.RSAPrivateKey, bytes]:
    """A key and its certificate."""
    private = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "sns")])
    certificate = (
        x509.CertificateBuilder().subject_name(name).issuer_name(name)
        .public_key(private.public_key()).serial_number(1)
        .not_valid_before(datetime(2026, 1, 1, tzinfo=UTC))
        .not_valid_after(datetime(2027, 1, 1, tzinfo=UTC)).sign(private, hashes.SHA256())
        .public_bytes(serialization.Encoding.PEM)
    )  # fmt: skip
    return private, certificate


CERTIFICATE = "https://sns.eu-west-1.amazonaws.com/SimpleNotificationService-0123456789abcdef.pem"


def from_amazon(private: rsa.RSAPrivateKey, told: dict[str, str]) -> Call:
    """A call of Amazon's, signed."""
    told = {"TopicArn": SECRETS["SES"], "Timestamp": "2026-03-30T04:30:00.000Z",
            "SignatureVersion": "2", "SigningCertURL": CERTIFICATE, **told}  # fmt: skip
    signed = ("Message", "MessageId", "SubscribeURL", "Timestamp", "Token", "TopicArn", "Type")
    text = "".join(f"{name}\n{told[name]}\n" for name in signed if name in told)
    made = private.sign(text.encode(), padding.PKCS1v15(), hashes.SHA256())
    return Call({}, json.dumps({**told, "Signature": base64.b64encode(made).decode()}).encode())


def test_ses_is_connected_by_visiting_what_amazon_signed_and_nothing_else(house: House) -> None:
    private, certificate = amazon()
    visited: list[str] = []

    def visit(url: str) -> bytes:
        visited.append(url)
        return certificate if url == CERTIFICATE else b"<ConfirmSubscriptionResponse/>"

    wanted = "https://sns.eu-west-1.amazonaws.com/?Action=ConfirmSubscription&TopicArn=x&Token=y"
    asks = {"Type": "SubscriptionConfirmation", "MessageId": "m", "Message": "You have chosen",
            "Token": "y", "SubscribeURL": wanted}  # fmt: skip
    assert publish.hook(house, "ses", from_amazon(private, asks), now=LATER, fetch=visit) == []
    assert visited == [CERTIFICATE, wanted]
    forged = json.loads(from_amazon(private, asks).body) | {"Token": "z"}
    others = [
        from_amazon(private, {**asks, "SubscribeURL": url})
        for url in ("https://evil.example/?Action=ConfirmSubscription&x", wanted.replace("s:", ":"),
                    wanted.replace(".com", ".com.evil.example"), "http://127.0.0.1/", "")
    ]  # fmt: skip
    for wrong in (Call({}, json.dumps(forged).encode()), *others):
        with pytest.raises(BadSignature):
            publish.hook(house, "ses", wrong, now=LATER, fetch=visit)
    assert visited == [CERTIFICATE, wanted]  # and the certificate is kept, for an hour
    told = {"Type": "Notification", "MessageId": "n", "Message": "{}"}
    for later in (timedelta(minutes=1), timedelta(hours=1)):
        publish.hook(house, "ses", from_amazon(private, told), now=LATER + later, fetch=visit)
    assert visited == [CERTIFICATE, wanted, CERTIFICATE]


def test_a_wrong_method_gets_our_headers(house: House) -> None:
    wire = httpx.ASGITransport(public_app(house, lambda: LATER))

    async def calls() -> list[httpx.Response]:
        async with httpx.AsyncClient(transport=wire, base_url="http://news.example") as client:
            return [await client.get("/hooks/ses"), await client.put("/subscribe")]

    for answer in asyncio.run(calls()):
        assert (answer.status_code, answer.headers["X-Content-Type-Options"]) == (405, "nosniff")
        assert answer.headers["Cache-Control"] == "no-store"
        assert answer.headers["Content-Type"].startswith("text/plain")
        assert answer.headers["Allow"]


def test_amazon_is_asked_to_come_again_where_it_cannot_be_told(house: House) -> None:
    private, certificate = amazon()

    def visit(url: str) -> bytes:
        if url == CERTIFICATE:
            return certificate
        raise SourceError("no way out")

    wanted = "https://sns.eu-west-1.amazonaws.com/?Action=ConfirmSubscription&Token=y"
    asks = {"Type": "SubscriptionConfirmation", "MessageId": "m", "Message": "You have chosen",
            "Token": "y", "SubscribeURL": wanted}  # fmt: skip
    with pytest.raises(SourceError, match="no way out"):
        publish.hook(house, "ses", from_amazon(private, asks), now=LATER, fetch=visit)


@pytest.mark.parametrize("version", ["1", "2"])
def test_ses(house: House, ann: int, version: str) -> None:
    private, certificate = amazon()
    asked: list[str] = []

    def fetch(url: str) -> bytes:
        asked.append(url)
        return certificate

    message = {"notificationType": "Bounce", "bounce": {
        "bounceType": "Permanent", "bounceSubType": "General", "feedbackId": "f1",
        "bouncedRecipients": [{"emailAddress": "reader@reads.example", "status": "5.1.1",
                               "diagnosticCode": "smtp; 550 5.1.1 user unknown"}]}}  # fmt: skip
    told = {"Type": "Notification", "MessageId": "m1", "TopicArn": SECRETS["SES"],
            "Message": json.dumps(message), "Timestamp": "2026-03-30T04:30:00.000Z",
            "SignatureVersion": version,
            "SigningCertURL": "https://sns.eu-west-1.amazonaws.com/SimpleNotificationService-"
                              "0123456789abcdef.pem"}  # fmt: skip
    signed = "".join(f"{n}\n{told[n]}\n" for n in ("Message", "MessageId", "Timestamp", "TopicArn",
                                                   "Type"))  # fmt: skip
    kind = hashes.SHA256() if version == "2" else hashes.SHA1()  # noqa: S303 - as Amazon does
    told["Signature"] = base64.b64encode(
        private.sign(signed.encode(), padding.PKCS1v15(), kind)
    ).decode()
    good = told["SigningCertURL"]
    others = [{**told, "SigningCertURL": url} for url in (
        "https://sns.eu-west-1.amazonaws.com.evil.example/x.pem", good.replace("https", "http"),
        good.replace("sns.", "s3."), f"https://evil.example/{good}",
        good.replace(".com", ".com@e.x"), good.replace("/Simple", "/../Simple"),
        f"{good}?x=1", f"{good}\n", "",
    )]  # fmt: skip
    for wrong in (*others, {**told, "Message": "{}"}, {**told, "TopicArn": "arn:another"}):
        with pytest.raises(BadSignature):
            publish.hook(house, "ses", Call({}, json.dumps(wrong).encode()), now=LATER, fetch=fetch)
    assert not {other["SigningCertURL"] for other in others} & set(asked)
    call = Call({}, json.dumps(told).encode())
    [done] = publish.hook(house, "ses", call, now=LATER, fetch=fetch)
    assert done.did.startswith("suppressed")
    [again] = publish.hook(house, "ses", call, now=LATER, fetch=fetch)
    assert not again.new


def test_words_that_amazon_signed_and_are_no_event_are_kept(house: House) -> None:
    private, certificate = amazon()
    words = {"Type": "Notification", "MessageId": "m", "Message": "A test from the console"}
    [done] = publish.hook(
        house, "ses", from_amazon(private, words), now=LATER, fetch=lambda _: certificate
    )
    assert (done.report.kind, done.new) == ("unknown", True)
