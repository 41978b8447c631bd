"""DKIM: keys that may sign, records for the DNS, and signatures that a stranger can read."""

import re
import shutil
import subprocess
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import dkim as dkimpy
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from hypothesis import given
from hypothesis import strategies as st

from digest.dkim import DkimKey, generate, load, signed, strings
from digest.errors import DkimError, SettingsError
from digest.publish import generate_key, key_records, open_house
from digest.settings import load as load_settings
from tests.conftest import SECRET

AT = datetime(2026, 3, 30, 1, 30, tzinfo=UTC)
MAIL = (
    b"From: The Week <week@news.example.org>\r\nTo: ann@readers.example\r\n"
    b"Subject: A week\r\n of talks\r\nDate: Mon, 30 Mar 2026 01:30:00 +0000\r\n"
    b"Message-ID: <1@news.example.org>\r\nMIME-Version: 1.0\r\n"
    b"Content-Type: text/plain; charset=utf-8\r\n\r\nThe text.\r\n"
)


def key(kind: str = "rsa", bits: int = 2048) -> DkimKey:
    pem = generate("ed25519") if kind == "ed25519" else generate("rsa", bits)
    return load(pem, domain="news.example.org", selector="digest1")


RSA = key()
ED25519 = key("ed25519")


def verify(data: bytes, signer: DkimKey, index: int = 0) -> bool:
    """What dkimpy says of a signature."""

    def dns(name: bytes, timeout: int = 5) -> bytes:
        assert name.decode().rstrip(".") == signer.host
        return signer.record.encode()

    try:
        return bool(dkimpy.DKIM(data).verify(index, dnsfunc=dns))
    except dkimpy.ValidationError:
        return False


def pem_of(private: rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey, passphrase: str = "") -> bytes:
    lock: serialization.KeySerializationEncryption = serialization.NoEncryption()
    if passphrase:
        lock = serialization.BestAvailableEncryption(passphrase.encode())
    return private.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, lock
    )


@pytest.mark.parametrize("signer", [RSA, ED25519], ids=["rsa", "ed25519"])
def test_a_stranger_verifies_it(signer: DkimKey) -> None:
    data = signed(MAIL, [signer], AT)
    assert data.endswith(MAIL)
    assert verify(data, signer)
    assert f"a={signer.kind}-sha256; c=relaxed/simple;" in data.decode()


def test_two_keys_sign_the_same_message_and_the_first_is_on_top() -> None:
    data = signed(MAIL, [RSA, ED25519], AT)
    assert re.findall(rb"a=(\S+);", data) == [b"rsa-sha256", b"ed25519-sha256"]
    assert [verify(data, RSA, 0), verify(data, ED25519, 1)] == [True, True]


def test_without_a_key_nothing_is_touched_and_with_one_equal_bytes_come_out() -> None:
    assert signed(MAIL, [], AT) is MAIL
    assert signed(MAIL, [RSA, ED25519], AT) == signed(MAIL, [RSA, ED25519], AT)
    assert signed(MAIL, [RSA], AT) != signed(MAIL, [RSA], AT.replace(second=1))


def test_b17_every_line_of_the_signature_is_short_and_no_name_is_split() -> None:
    head = signed(MAIL, [RSA], AT).removesuffix(MAIL).decode()
    assert all(len(line) <= 78 for line in head.split("\r\n"))
    names = re.search(r"h=([^;]+);", head)
    assert names is not None
    for line in names[1].split("\r\n"):
        assert re.fullmatch(r" ?[a-z-]+(:[a-z-]+)*:?", line), line


@given(
    st.lists(st.sampled_from(["", " ", "a", "  b  ", ".", "=20", "c\t"]), max_size=8),
    st.sampled_from(["", "\r\n", "\r\n\r\n", "\r\n\r\n\r\n"]),
)
def test_any_body_is_canonicalised_as_others_do(lines: list[str], end: str) -> None:
    body = "\r\n".join(lines) + end
    data = MAIL.partition(b"\r\n\r\n")[0] + b"\r\n\r\n" + body.encode()
    assert verify(signed(data, [ED25519], AT), ED25519)


@given(st.text(st.sampled_from(" \tab:;=<>\"'"), max_size=30), st.booleans())
def test_any_header_is_canonicalised_as_others_do(value: str, folded: bool) -> None:
    text = f"x{value}" + ("\r\n \t y" if folded else "") + value
    data = MAIL.replace(b"Subject: A week\r\n of talks", f"sUBJECT \t:  {text}".encode())
    data = data.replace(b"sUBJECT \t:", b"sUBJECT:")
    assert verify(signed(data, [ED25519], AT), ED25519)


def test_b18_it_is_sha256_over_the_whole_body() -> None:
    head = signed(MAIL, [RSA], AT).removesuffix(MAIL).decode()
    tags = dict(part.strip().split("=", 1) for part in head.partition(":")[2].split(";"))
    assert tags["a"] == "rsa-sha256"
    assert not {"l", "x", "i"} & set(tags)
    assert tags["t"] == str(int(AT.timestamp()))
    assert not verify(signed(MAIL, [RSA], AT) + b"more\r\n", RSA)


def test_b18_short_keys_are_refused_and_not_made() -> None:
    if not shutil.which("openssl"):
        pytest.skip("openssl is not installed: apt-get install openssl")
    program = ["openssl", "genrsa", "768"]
    short = subprocess.run(program, capture_output=True, check=True).stdout
    with pytest.raises(DkimError, match="768 bits is too short"):
        load(short, domain="a.example", selector="s")
    middling = pem_of(rsa.generate_private_key(public_exponent=65537, key_size=1024))  # noqa: S505
    assert load(middling, domain="a.example", selector="s").bits == 1024
    for bits in (512, 1024, 2047, 8192):
        with pytest.raises(DkimError):
            generate("rsa", bits)
    assert key(bits=3072).bits == 3072


@pytest.mark.parametrize(
    ("pem", "what"),
    [
        (lambda: b"", "no private key"),
        (lambda: b"-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n", "no private"),
        (lambda: pem_of(rsa.generate_private_key(65537, 2048), "secret"), "without a passphrase"),
        (lambda: pem_of(ec.generate_private_key(ec.SECP256R1())), "neither RSA nor Ed25519"),
    ],
)
def test_what_is_no_key_is_named(pem: Callable[[], bytes], what: str) -> None:
    with pytest.raises(DkimError, match=what) as caught:
        load(pem(), domain="news.example.org", selector="digest1")
    assert "digest dkim generate" in caught.value.remedy


@pytest.mark.parametrize("name", ["", "a b", "a;b", "ü.example", "a..b", "x" * 64])
def test_a_domain_or_selector_that_dns_does_not_know_is_refused(name: str) -> None:
    pem = generate("ed25519")
    with pytest.raises(DkimError):
        load(pem, domain=name, selector="digest1")
    with pytest.raises(DkimError):
        load(pem, domain="news.example.org", selector=name)


def test_the_record_is_split_at_255_and_whole_again_when_joined() -> None:
    assert RSA.host == "digest1._domainkey.news.example.org"
    parts = strings(RSA.record)
    assert [len(part) for part in parts][:-1] == [255] * (len(parts) - 1)
    assert len(parts) == 2
    assert "".join(parts) == RSA.record
    assert RSA.record.startswith("v=DKIM1; k=rsa; p=MIIBIjANBg")
    assert ED25519.record.startswith("v=DKIM1; k=ed25519; p=")
    assert len(strings(ED25519.record)) == 1


DKIM_TOML = '\n[dkim]\ndomain = "news.example.org"\nkey_file = "{}"\n'


def with_dkim(folder: Path, file: str = "dkim.pem", more: str = "") -> None:
    toml = folder / "digest.toml"
    text = toml.read_text("utf-8").partition("\n[dkim]")[0]
    toml.write_text(text + DKIM_TOML.format(file) + more, "utf-8")


def records_of(folder: Path) -> list[str]:
    """The lines that `digest dkim show` would print."""
    with open_house(folder, {"DIGEST_WEB_SECRET": SECRET}) as house:
        return [record.zone_line for record in key_records(house)]


def test_a_key_is_written_for_its_owner_alone_and_never_over_another(folder: Path) -> None:
    settings = load_settings(folder, {})
    path = folder / "dkim.pem"

    def write(force: bool) -> str:
        record = generate_key(
            settings, domain="news.example.org", selector="digest1", kind="rsa",
            path=Path("dkim.pem"), force=force,
        )  # fmt: skip
        return record.zone_line

    line = write(force=False)
    assert path.stat().st_mode & 0o777 == 0o600
    assert re.fullmatch(
        r'digest1\._domainkey\.news\.example\.org\. IN TXT \( "v=DKIM1; [^"]{246}" "[^"]+" \)', line
    )
    before = path.read_bytes()
    with pytest.raises(DkimError, match="is there already"):
        write(force=False)
    assert path.read_bytes() == before
    with_dkim(folder)
    assert records_of(folder) == [line]
    assert write(force=True) != line
    assert path.read_bytes() != before
    assert [file.name for file in folder.glob("*dkim*")] == ["dkim.pem"]


def test_a_key_that_is_not_there_or_is_wrong_says_so(folder: Path) -> None:
    with pytest.raises(SettingsError, match="names no key_file"):
        records_of(folder)
    with_dkim(folder)
    with pytest.raises(DkimError, match=r"dkim\.pem is not there") as caught:
        records_of(folder)
    assert (caught.value.exit_code, "digest dkim generate" in caught.value.remedy) == (2, True)
    (folder / "dkim.pem").write_text("no key", "utf-8")
    with pytest.raises(DkimError, match=r"dkim\.pem cannot be used: it holds no private key"):
        records_of(folder)
    (folder / "dkim.pem").write_bytes(generate("ed25519"))
    with pytest.raises(DkimError, match="of the kind ed25519, not rsa"):
        records_of(folder)
    with_dkim(folder, "saved")
    with pytest.raises(DkimError, match="could not be read"):
        records_of(folder)


@pytest.mark.parametrize(
    "table",
    [
        '[dkim]\nkey_file = "dkim.pem"',
        '[dkim]\ndomain = "a.example"\nkey_file = "a"\ned25519_key_file = "b"',
        '[dkim]\ndomain = "a.example"\ned25519_key_file = "b"\ned25519_selector = "c"',
        '[dkim]\ndomain = "a.example"\nselector = "a b"',
    ],
)
def test_settings_that_do_not_fit_together_are_refused(folder: Path, table: str) -> None:
    toml = folder / "digest.toml"
    toml.write_text(toml.read_text("utf-8") + f"\n{table}\n", "utf-8")
    with pytest.raises(SettingsError, match="dkim"):
        load_settings(folder, {})
