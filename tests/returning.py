"""A house to which mail comes back, its reader, and the reports and webhooks that tell of it."""

import base64
import hashlib
import hmac
import json
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from typer.testing import CliRunner

from digest.cli import app as program
from digest.mailboxes import maildir
from digest.publish import House, open_house
from subscribers import roster, tokens
from subscribers.bounces.events import Call
from tests.answers import OTHERS
from tests.conftest import NOW, SECRET
from tests.reports import BOUNCES

KEYS = (SECRET.encode(),)
LATER = NOW + timedelta(hours=3)
SECRETS = {"POSTMARK": "a word", "MAILGUN": "a key", "SES": "arn:aws:sns:eu:1:digest"}


@pytest.fixture
def house(folder: Path, environ: dict[str, str]) -> Iterator[House]:
    told = {f"DIGEST_BOUNCES_{name}": value for name, value in SECRETS.items()}
    with open_house(folder, {**environ, **told}) as opened:
        yield opened


@pytest.fixture
def ann(house: House) -> int:
    with house.database.writing() as session:
        return roster.add(session, "reader@reads.example", "weekly", how="page", now=NOW, keys=KEYS)


def sample(name: str, subscriber: int, kind: str = "b", issue: int = 1) -> bytes:
    path = tokens.return_path("b", issue, subscriber, KEYS)
    text = next(s for s in [*BOUNCES, *OTHERS] if s.name == name).text
    text = text.replace("{back}", f"{path}@news.example.org")
    return text.replace(
        "{message_id}", f"<weekly.{path.replace('+', '.')}@news.example.org>"
    ).encode()


def standing(house: House, subscriber: int) -> object:
    with house.database.reading() as session:
        return roster.standing(session, [subscriber], "weekly")[subscriber]


def profile(house: House, subscriber: int) -> roster.Profile:
    with house.database.reading() as session:
        return roster.profile(session, subscriber)


Run = Callable[..., tuple[int, str]]


@pytest.fixture
def run(house: House, environ: dict[str, str]) -> Run:
    def run(*words: str, stdin: bytes = b"") -> tuple[int, str]:
        told = ["-C", str(house.settings.folder), *words]
        result = CliRunner().invoke(program, told, input=stdin, env=environ)
        return result.exit_code, result.stdout + (str(getattr(result.exception, "what", "")))

    return run


# -- webhooks --------------------------------------------------------------------------------------


def postmark(told: dict[str, Any], word: str = "a word") -> Call:
    given = base64.b64encode(f"hook:{word}".encode()).decode()
    return Call({"authorization": f"Basic {given}"}, json.dumps(told).encode())


def mailgun(
    told: dict[str, Any], key: str = "a key", at: datetime = LATER, once: str = "tok"
) -> Call:
    stamp = str(int(at.timestamp()))
    made = hmac.new(key.encode(), f"{stamp}{once}".encode(), hashlib.sha256).hexdigest()
    signed = {"timestamp": stamp, "token": once, "signature": made}
    return Call({}, json.dumps({"signature": signed, "event-data": told}).encode())


def sendgrid(told: list[Any]) -> tuple[dict[str, str], Call]:
    """The environment in which this call of SendGrid's is believed, and the call."""
    private = ec.generate_private_key(ec.SECP256R1())
    public = private.public_key().public_bytes(
        serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    body, stamp = json.dumps(told).encode(), str(int(LATER.timestamp()))
    made = base64.b64encode(private.sign(stamp.encode() + body, ec.ECDSA(hashes.SHA256()))).decode()
    mark = "x-twilio-email-event-webhook-"
    call = Call({f"{mark}timestamp": stamp, f"{mark}signature": made}, body)
    return {"DIGEST_BOUNCES_SENDGRID": base64.b64encode(public).decode()}, call


def unread(box: Path) -> list[bytes]:
    """The mail of a Maildir that nobody has read."""
    return [raw for some in maildir(box) for raw, _ in some]
