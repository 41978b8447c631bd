"""Message bytes + key -> signed bytes: DKIM (RFC 6376, 8301, 8463).

rsa-sha256 or ed25519-sha256. Headers are canonicalised "relaxed", the body "simple": in
quoted-printable nothing is left for "relaxed" to even out, and it costs thirty times as much. A
header that is signed is named once more than it occurs, so that nobody can add a second one.
Equal arguments give equal bytes.
Never here: reading key files and settings (publish), the DNS.
"""

import base64
import hashlib
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import Literal

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ed25519, rsa
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15

from digest.errors import DkimError

SHORTEST = 1024  # bits; verifiers must not accept less (RFC 8301, section 3.2)
ADVISED = 2048
# RFC 6376, section 5.4.1; the List-Unsubscribe pair for RFC 8058; Feedback-ID for Gmail.
SIGNED = (
    "from", "reply-to", "to", "cc", "subject", "date", "message-id", "mime-version",
    "content-type", "content-transfer-encoding", "list-id", "list-help", "list-post",
    "list-unsubscribe", "list-unsubscribe-post", "feedback-id", "auto-submitted",
)  # fmt: skip
STRING = 255  # octets of one string of a TXT record (RFC 1035, section 3.3)
LABEL = r"[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?"
NAME = re.compile(rf"{LABEL}(\.{LABEL})*")

Private = rsa.RSAPrivateKey | ed25519.Ed25519PrivateKey
Kind = Literal["rsa", "ed25519"]


@dataclass(frozen=True, slots=True)
class DkimKey:
    """A private key, read once, and the name under which the DNS holds its public half."""

    domain: str
    selector: str
    private: Private

    @property
    def kind(self) -> Kind:
        """What signs: "rsa" (with SHA-256) or "ed25519"."""
        return "rsa" if isinstance(self.private, rsa.RSAPrivateKey) else "ed25519"

    @property
    def bits(self) -> int:
        """The length of the key; 256 for Ed25519."""
        return self.private.key_size if isinstance(self.private, rsa.RSAPrivateKey) else 256

    @property
    def host(self) -> str:
        """Where the TXT record stands, for instance "digest1._domainkey.news.example.org"."""
        return f"{self.selector}._domainkey.{self.domain}"

    @property
    def record(self) -> str:
        """The value of the TXT record (RFC 6376, section 3.6.1)."""
        return f"v=DKIM1; k={self.kind}; p={base64.b64encode(self._public()).decode()}"

    def sign(self, data: bytes) -> bytes:
        """The signature of what was canonicalised."""
        if isinstance(self.private, rsa.RSAPrivateKey):
            return self.private.sign(data, PKCS1v15(), hashes.SHA256())
        return self.private.sign(hashlib.sha256(data).digest())

    def _public(self) -> bytes:
        public = self.private.public_key()
        encoding, form = serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
        if isinstance(public, ed25519.Ed25519PublicKey):
            encoding, form = serialization.Encoding.Raw, serialization.PublicFormat.Raw
        return public.public_bytes(encoding, form)


def load(pem: bytes, *, domain: str, selector: str) -> DkimKey:
    """The key of a PEM file. Raises DkimError: no private key, not RSA or Ed25519, too short."""
    for name in (domain, selector):
        if not NAME.fullmatch(name):
            raise DkimError(
                f"{name!r} cannot be a domain or selector of DKIM",
                remedy="set domain and selector of [dkim] in digest.toml",
            )
    try:
        private = serialization.load_pem_private_key(pem, password=None)
    except (ValueError, TypeError, UnsupportedAlgorithm) as error:
        raise DkimError(
            "it holds no private key in PEM without a passphrase",
            remedy="write one with `digest dkim generate`",
        ) from error
    if not isinstance(private, rsa.RSAPrivateKey | ed25519.Ed25519PrivateKey):
        raise DkimError(
            "its key is neither RSA nor Ed25519", remedy="write one with `digest dkim generate`"
        )
    key = DkimKey(domain.lower(), selector, private)
    if key.kind == "rsa" and key.bits < SHORTEST:
        raise DkimError(
            f"its key of {key.bits} bits is too short: nobody accepts less than {SHORTEST}",
            remedy="write one of 2048 with `digest dkim generate`",
        )
    return key


def generate(kind: Kind, bits: int = ADVISED) -> bytes:
    """A fresh private key as PEM (PKCS 8). Raises DkimError for an RSA key under 2048 bits."""
    if kind == "rsa" and not ADVISED <= bits <= 2 * ADVISED:
        raise DkimError(
            f"a key of {bits} bits is not made", remedy=f"use {ADVISED}, or at most {2 * ADVISED}"
        )
    private: Private = (
        rsa.generate_private_key(public_exponent=65537, key_size=bits)
        if kind == "rsa"
        else ed25519.Ed25519PrivateKey.generate()
    )
    return private.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )


def strings(record: str) -> tuple[str, ...]:
    """The record in the strings of at most 255 octets that a zone file and the wire need."""
    return tuple(record[at : at + STRING] for at in range(0, len(record), STRING))


def signed(data: bytes, keys: Sequence[DkimKey], at: datetime) -> bytes:
    """The message with one DKIM-Signature for each key on top, the first key's uppermost.

    `data` is the whole message as it will go out, with CRLF; nothing may touch it afterwards.
    `at` (aware) becomes t=, the time of signing.
    """
    if not keys:
        return data
    head, _, body = data.partition(b"\r\n\r\n")
    fields = _fields(head)
    names, folded = _names(tuple(len(fields.get(name, ())) for name in SIGNED))
    covered = b"".join(_covered(fields, names))
    digest = base64.b64encode(hashlib.sha256(_simple(body)).digest()).decode()
    lines = [_signature(key, folded, covered, digest, int(at.timestamp())) for key in keys]
    return b"".join((*lines, data))


def _fields(head: bytes) -> dict[str, list[bytes]]:
    """The header fields, relaxed (RFC 6376, section 3.4.2), by name in the order of the message."""
    found: dict[str, list[bytes]] = {}
    for field in re.split(rb"\r\n(?![ \t])", head):
        name, _, value = field.partition(b":")
        relaxed = name.strip().lower()
        found.setdefault(relaxed.decode("ascii", "replace"), []).append(
            relaxed + b":" + b" ".join(value.split())
        )
    return found


@lru_cache(maxsize=16)
def _names(occur: tuple[int, ...]) -> tuple[tuple[str, ...], str]:
    """Of how often each of SIGNED occurs: the names of h=, and h= itself in lines.

    Every name once more than it occurs, so that one that is added breaks the signature.
    """
    counted = zip(SIGNED, occur, strict=True)
    names = tuple(name for name, count in counted for _ in range(count + 1))
    return names, _folded(names)


def _covered(fields: dict[str, list[bytes]], names: Sequence[str]) -> Iterator[bytes]:
    # From the bottom upwards (section 5.4.2); a name that is not there any more stands for nothing.
    left = {name: list(values) for name, values in fields.items()}
    for name in names:
        if left.get(name):
            yield left[name].pop() + b"\r\n"


def _simple(body: bytes) -> bytes:
    """RFC 6376, section 3.4.3: exactly one line break at the end."""
    if body.endswith(b"\r\n") and not body.endswith(b"\r\n\r\n"):
        return body
    while body.endswith(b"\r\n"):
        body = body[:-2]
    return body + b"\r\n"


def _signature(key: DkimKey, folded: str, covered: bytes, digest: str, time: int) -> bytes:
    # Folded by hand: a name within h= that is split makes some verifiers give up.
    value = (
        f" v=1; a={key.kind}-sha256; c=relaxed/simple; d={key.domain};\r\n"
        f" s={key.selector}; t={time};\r\n h={folded};\r\n bh={digest};\r\n b="
    )
    relaxed = " ".join(value.split())
    signature = key.sign(covered + f"dkim-signature:{relaxed}".encode())
    written = base64.b64encode(signature).decode()
    lines = "\r\n ".join(written[at : at + 72] for at in range(0, len(written), 72))
    return f"DKIM-Signature:{value}{lines}\r\n".encode()


def _folded(names: Sequence[str]) -> str:
    lines, room = [""], 72
    for name in names:
        if len(lines[-1]) + len(name) + 1 > room:
            lines.append("")
        lines[-1] += f"{name}:"
    return "\r\n ".join(lines)[:-1]
