"""A real Postfix takes an issue, greylists, refuses, and reports what it could not deliver."""

import json
import os
import shutil
import smtplib
import socketserver
import subprocess
import tempfile
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import pytest

from digest import publish
from digest.mailboxes import Imap, imap
from digest.publish import House, open_house
from subscribers import roster
from subscribers.preferences import EVERYTHING
from tests.commands import digest_in
from tests.conftest import NOW, SECRET
from tests.sending import in_minutes, join, prepared
from tests.serving import held_port
from tests.waiting import until

KEYS = (SECRET.encode(),)
SERVICES = """
127.0.0.1:{port} inet n - n - - smtpd
pickup unix n - n 60 1 pickup
cleanup unix n - n - 0 cleanup
qmgr unix n - n 300 1 qmgr
rewrite unix - - n - - trivial-rewrite
bounce unix - - n - 0 bounce
defer unix - - n - 0 bounce
trace unix - - n - 0 bounce
verify unix - - n - 1 verify
flush unix n - n 1000? 0 flush
proxymap unix - - n - - proxymap
smtp unix - - n - - smtp
error unix - - n - - error
retry unix - - n - - error
discard unix - - n - - discard
virtual unix - n n - - virtual
anvil unix - - n - 1 anvil
postlog unix-dgram n - n - 1 postlogd
"""


class Greylist(socketserver.StreamRequestHandler):
    """Postfix's policy protocol (SMTPD_POLICY_README): who comes for the first time is to wait."""

    seen: ClassVar[set[tuple[str, str]]] = set()

    def handle(self) -> None:
        """One connection, request after request."""
        asked: dict[str, str] = {}
        for line in self.rfile:
            name, _, value = line.decode().strip().partition("=")
            if name:
                asked[name] = value
                continue
            pair = (asked["sender"], asked["recipient"])
            wait = asked["recipient"].startswith("patient") and pair not in self.seen
            self.seen.add(pair)
            said = "450 4.2.0 Greylisted, come again" if wait else "DUNNO"
            self.wfile.write(f"action={said}\n\n".encode())
            asked = {}


@pytest.fixture(scope="module")
def policy() -> Iterator[int]:
    """The port of a policy service that greylists."""
    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Greylist) as server:
        server.daemon_threads = True
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server.server_address[1]
        server.shutdown()


@dataclass(frozen=True, slots=True)
class Postfix:
    """Where it listens, and where it delivers to."""

    port: int
    home: Path
    log: Path


@pytest.fixture(scope="module")
def postfix(dovecot: tuple[int, Path], policy: int) -> Iterator[Postfix]:
    """A Postfix of its own on the loopback. It takes what it does not refuse at the door
    (`nobody…`) or asks to come again (`patient…`), and then knows the mailbox of some only.
    """
    if not Path("/usr/lib/postfix/sbin/master").exists() or os.geteuid() != 0:
        pytest.skip("Install postfix (apt install postfix), and run as root.")
    held = tempfile.TemporaryDirectory(prefix="digest-mta-")
    folder, home = Path(held.name), dovecot[1].parent
    folder.chmod(0o755)
    for name in ("etc", "spool", "data"):
        (folder / name).mkdir()
    shutil.chown(folder / "data", "postfix")
    boxes = "@news.example.org Maildir/\n@mailboxes.example Maildir/.Readers/\n"
    (folder / "etc" / "boxes").write_text(f"{boxes}@back.example.org Back/\n")
    (folder / "etc" / "readers").write_text("/^(taken|patient)/ Taken/\n")
    (folder / "etc" / "refused").write_text(
        "/^nobody/ 550 5.1.1 No such user here\n/^full/ 452 4.2.2 Mailbox full\n"
    )
    (folder / "etc" / "main.cf").write_text(f"""
compatibility_level = 3.6
queue_directory = {folder}/spool
data_directory = {folder}/data
maillog_file = {folder}/log
maillog_file_prefixes = {folder}
myhostname = mx.readers.example
mydestination =
inet_protocols = ipv4
mynetworks = 127.0.0.0/8
alias_maps =
alias_database =
smtpd_reject_unlisted_recipient = no
smtpd_error_sleep_time = 0
smtpd_recipient_restrictions =
  check_recipient_access regexp:{folder}/etc/refused
  check_policy_service inet:127.0.0.1:{policy}
  permit_mynetworks reject
virtual_mailbox_domains = news.example.org back.example.org readers.example mailboxes.example
virtual_mailbox_base = {home}
virtual_mailbox_maps = texthash:{folder}/etc/boxes regexp:{folder}/etc/readers
virtual_uid_maps = static:8
virtual_gid_maps = static:8
virtual_minimum_uid = 1
""")
    control = ["postfix", "-c", str(folder / "etc")]
    with held_port() as port:
        (folder / "etc" / "master.cf").write_text(SERVICES.format(port=port))
        started = subprocess.run([*control, "start"], capture_output=True, text=True)
        assert started.returncode == 0, started.stderr
        try:
            yield Postfix(port, home, folder / "log")
        finally:
            subprocess.run([*control, "stop"], capture_output=True, check=False)
            held.cleanup()


@pytest.fixture
def house(folder: Path, environ: dict[str, str], postfix: Postfix) -> Iterator[House]:
    told = {"DIGEST_RELAY_PORT": str(postfix.port), "DIGEST_BOUNCES_DOMAIN": "news.example.org"}
    with open_house(folder, {**environ, **told}) as opened:
        yield opened


def test_a_real_bounce_comes_back_to_the_right_reader(
    house: House, postfix: Postfix, dovecot: tuple[int, Path]
) -> None:
    with house.database.writing() as session:
        gone = roster.add(session, "gone@readers.example", "weekly", how="x", now=NOW, keys=KEYS)
    publish.collect(house, now=NOW)
    record = publish.prepare(house, "weekly", now=NOW).record
    publish.approve(house, "weekly", record.issue.number, by="the editor", now=NOW)
    account = publish.send(house, "weekly", clock=lambda: NOW)
    assert account.counts == {"sent": 1}
    place = Imap("127.0.0.1", dovecot[0], "bounces", "secret", security="none")
    done: list[publish.Received] = []

    def came() -> bool:
        done.extend(publish.receive_all(house, imap(place), source="imap", now=NOW))
        return any(received.did for received in done)

    until(came)
    [bounce] = [received for received in done if received.report.kind == "bounce"]
    assert bounce.did == "suppressed: the address does not exist"
    assert bounce.report.about is not None
    assert (bounce.report.about.subscriber, bounce.report.about.issue) == (gone, record.id)
    assert bounce.report.failures[0].recipient == "gone@readers.example"
    with smtplib.SMTP("127.0.0.1", postfix.port) as server:
        assert server.noop()[0] == 250


ENDS = {"taken": "sent", "patient": "sent", "gone": "sent", "nobody": "refused", "full": "deferred"}
EACH = 8


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)  # the relay doesn't know which
def test_a_real_postfix_takes_an_issue_and_every_reader_ends_where_they_should(
    folder: Path, environ: dict[str, str], postfix: Postfix
) -> None:
    told = {
        **environ,
        "DIGEST_RELAY_PORT": str(postfix.port),
        "DIGEST_RELAY_SECURITY": "none",
        "DIGEST_BRAKE_FIRST": "0",  # a third is refused on purpose
        "DIGEST_BOUNCES_DOMAIN": "back.example.org",
        "DIGEST_BOUNCES_MAILDIR": str(postfix.home / "Back"),
    }
    people = {f"{kind}{n}@readers.example": kind for kind in ENDS for n in range(EACH)}
    with open_house(folder, told) as house:
        join(house, dict.fromkeys(people, EVERYTHING))
        prepared(house, lambda: NOW)
        publish.approve(house, "weekly", 1, by="the editor", now=NOW)

    first = digest_in(folder, "send", "--json", env=told)
    assert first.returncode == 75, first.stderr
    counts = json.loads(first.stdout)["counts"]
    assert counts == {"sent": 2 * EACH, "deferred": 2 * EACH, "refused": EACH}
    with open_house(folder, told) as house:
        publish.send(house, clock=in_minutes(10))
    # What Postfix took and could not deliver comes back.
    until(lambda: len(list((postfix.home / "Back" / "new").glob("*"))) == EACH)
    read = digest_in(folder, "bounces", "read", env=told)
    assert f"{EACH} read, {EACH} new" in read.stderr, read.stderr

    shown = digest_in(folder, "status", "--readers", "--json", env=told)
    lines = {line["address"]: line for line in json.loads(shown.stdout)["readers"]}
    assert {who: line["state"] for who, line in lines.items()} == {
        who: ENDS[kind] for who, kind in people.items()
    }
    attempts = {kind: {lines[who]["attempts"] for who in people if people[who] == kind}
                for kind in ENDS}  # fmt: skip
    assert attempts == {"taken": {1}, "patient": {2}, "gone": {1}, "nobody": {1}, "full": {2}}
    assert {line["resends"] for line in lines.values()} == {0}
    assert "550 5.1.1" in lines["nobody0@readers.example"]["reply"]
    assert "Mailbox full" in lines["full0@readers.example"]["reply"]
    with open_house(folder, told) as house, house.database.reading() as session:
        suppressed = {who for who in people if roster.find(session, who).suppression == "bounce"}
    assert suppressed == {who for who, kind in people.items() if kind in ("gone", "nobody")}
    # And the other way round: what lies in the mailboxes is what the ledger says.
    boxes = [path.read_bytes() for path in (postfix.home / "Taken" / "new").iterdir()]
    for who, kind in people.items():
        copies = sum(f"Delivered-To: {who}\n".encode() in box for box in boxes)
        assert copies == (kind in ("taken", "patient")), who
