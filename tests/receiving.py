"""One issue, signed and sent to five readers: what the server wrote down, and two who verify it."""

import email
import email.policy
import shutil
import smtplib
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from email.message import EmailMessage
from pathlib import Path

import dkim as dkimpy
import pytest

from digest import publish, sample
from digest.edition import cut
from digest.messages import Message
from digest.publish import DnsResolver, House, open_house
from digest.publish.composing import Composer
from digest.publish.signing import signing_keys
from subscribers import roster
from subscribers.preferences import EVERYTHING, Preferences
from tests.conftest import NOW, SECRET
from tests.names import NameServer
from tests.relay import ScriptedRelay
from tests.replies import Accepted

BASE = "https://mail.news.example.org"
READERS = {
    "ann@readers.example": EVERYTHING,
    "ben@readers.example": Preferences(frozenset({"Global"})),
    "dora@readers.example": Preferences(None, "text"),
}
TOML = {
    'title = "The Week"': 'title = "The Wéek"\nreply_to = "Letters <letters@news.example.org>"',
    'base_url = "http://127.0.0.1:8000"': f'base_url = "{BASE}"',
    "[bounces]": '[dkim]\ndomain = "news.example.org"\nkey_file = "dkim.pem"\n'
    'ed25519_key_file = "dkim-ed25519.pem"\ned25519_selector = "digest1ed"\n\n[bounces]',
}
PERL = """
use Mail::DKIM::Verifier; use Mail::DKIM::DNS; use Net::DNS::Resolver;
Mail::DKIM::DNS::resolver(Net::DNS::Resolver->new(
    nameservers => ["127.0.0.1"], port => $ARGV[0], recurse => 1));
my $verifier = Mail::DKIM::Verifier->new();
binmode STDIN; local $/; $verifier->PRINT(<STDIN>); $verifier->CLOSE;
print join("\\n", map { $_->algorithm . " " . $_->result_detail } $verifier->signatures), "\\n";
"""


@dataclass(frozen=True)
class Post:
    """What was sent and what arrived, by reader; `house` is closed."""

    accepted: dict[str, Accepted]
    names: NameServer
    keys: tuple[bytes, ...]
    issue: int
    composed: dict[str, Message]

    def mail(self, reader: str) -> EmailMessage:
        """A reader's mail, parsed strictly."""
        policy = email.policy.default.clone(raise_on_defect=True)
        parsed = email.message_from_bytes(self.accepted[reader].data, policy=policy)
        assert isinstance(parsed, EmailMessage)
        return parsed


def write_folder(folder: Path) -> None:
    """The sample's publisher, with https links and two DKIM keys."""
    sample.write(folder, NOW)
    toml = sample.settings(2525)
    for old, new in TOML.items():
        assert old in toml
        toml = toml.replace(old, new)
    (folder / "digest.toml").write_text(toml, encoding="utf-8")


def write_keys(house: House) -> None:
    for kind, selector, file in (
        ("rsa", "digest1", "dkim.pem"),
        ("ed25519", "digest1ed", "dkim-ed25519.pem"),
    ):
        publish.generate_key(
            house.settings,
            domain="news.example.org",
            selector=selector,
            kind="rsa" if kind == "rsa" else "ed25519",
            path=Path(file),
            force=False,
        )


@pytest.fixture(scope="module")
def post(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Post]:
    """One issue, sent and received."""
    folder = tmp_path_factory.mktemp("received")
    write_folder(folder)
    with ScriptedRelay() as relay, NameServer() as names:
        environ = {
            "DIGEST_WEB_SECRET": SECRET,
            "DIGEST_RELAY_PORT": str(relay.port),
            "DIGEST_RELAY_SECURITY": "none",
        }
        with open_house(folder, environ) as house:
            write_keys(house)
            for key in signing_keys(house):
                names.add(key.host, "TXT", key.record)
            keys = house.settings.keys
            with house.database.writing() as session:
                for address, chosen in READERS.items():
                    roster.add(
                        session, address, "weekly", chosen, how="t", now=NOW, keys=keys,
                        evidence="t",
                    )  # fmt: skip
            publish.collect(house, now=NOW)
            number = publish.prepare(house, "weekly", now=NOW).record.issue.number
            record = publish.approve(house, "weekly", number, by="t", now=NOW)
            publish.send(house, clock=lambda: NOW)
            publish.send_test(house, record, "editor@readers.example", clock=lambda: NOW)
            composed = composed_again(house, record)
        accepted = {taken.recipient: taken for taken in relay.accepted}
        yield Post(accepted, names, keys, record.id, composed)


def composed_again(house: House, record: publish.IssueRecord) -> dict[str, Message]:
    """The messages of the list, made once more after the send."""
    composer = Composer(house, record)
    made: dict[str, Message] = {}
    with house.database.reading() as session:
        recipients = roster.recipients(session, "weekly", after=0, limit=10)
    for recipient in recipients:
        edition = cut(record.issue, recipient.preferences)
        assert edition is not None
        identity = composer.message_id(recipient.subscriber)
        made[recipient.address] = composer.compose(recipient, edition, identity, NOW)
    assert set(made) == set(READERS)
    return made


READER = pytest.mark.parametrize("reader", [*READERS, "editor@readers.example"])


def head_of(data: bytes) -> list[str]:
    """The header's physical lines."""
    return data.partition(b"\r\n\r\n")[0].decode("ascii").split("\r\n")


def header_line(data: bytes, name: str) -> str:
    """The one physical line that begins a header."""
    (line,) = [line for line in head_of(data) if line.startswith(f"{name}:")]
    return line


def parts(mail: EmailMessage) -> dict[str, str]:
    """The decoded parts by subtype."""
    found = [part for part in mail.walk() if part.get_content_maintype() == "text"]
    return {part.get_content_subtype(): part.get_content() for part in found}


def received(messages: list[Message]) -> list[bytes]:
    """What a server got of these; the bytes go over the wire just as they are, nothing stuffed."""
    with ScriptedRelay() as server, smtplib.SMTP("127.0.0.1", server.port) as client:
        client.ehlo("test.example.org")
        for message in messages:
            assert client.mail(message.sender)[0] == 250
            assert client.rcpt(message.recipient)[0] == 250
            assert client.docmd("DATA")[0] == 354
            client.send(message.data + b".\r\n")
            assert client.getreply()[0] == 250
        return [taken.data for taken in server.accepted]


def strangers_say(data: bytes, names: NameServer) -> tuple[list[bool], list[str]]:
    """What dkimpy and Mail::DKIM say of each signature; both ask our name server."""
    resolver = DnsResolver(names.address)

    def dns(name: bytes, timeout: int = 5) -> bytes:
        return resolver.look_up(name.decode().rstrip("."), "TXT")[0].encode()

    count = data.count(b"DKIM-Signature:")
    mine = [verified(dkimpy.DKIM(data), index, dns) for index in range(count)]
    done = subprocess.run(
        ["perl", "-e", PERL, str(names.port)], input=data, capture_output=True, check=True
    )
    return mine, done.stdout.decode().splitlines()


def verified(mail: dkimpy.DKIM, index: int, dns: Callable[..., bytes]) -> bool:
    try:
        return bool(mail.verify(index, dnsfunc=dns))
    except dkimpy.ValidationError:
        return False


@pytest.fixture(scope="module")
def perl() -> None:
    """Mail::DKIM, or a skip that says what to install."""
    program = ["perl", "-MMail::DKIM::Verifier", "-MNet::DNS::Resolver", "-e", "1"]
    if not shutil.which("perl") or subprocess.run(program, capture_output=True).returncode:
        pytest.skip("Mail::DKIM is not installed: apt-get install libmail-dkim-perl")
