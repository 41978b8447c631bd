"""A real Postfix cannot deliver an issue; its report comes back by real IMAP to the reader."""

import os
import shutil
import smtplib
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from digest import publish
from digest.mailboxes import Imap, imap
from digest.publish import House, open_house
from subscribers import roster
from tests.conftest import NOW, SECRET, free_port
from tests.test_receiving import dovecot

__all__ = ["dovecot"]
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


@pytest.fixture
def postfix(dovecot: tuple[int, Path]) -> Iterator[int]:
    """A Postfix of its own on the loopback: it takes everything, and knows one mailbox."""
    if not Path("/usr/lib/postfix/sbin/master").exists() or os.geteuid() != 0:
        pytest.skip("Install postfix (apt install postfix), and run as root.")
    held, port = tempfile.TemporaryDirectory(prefix="digest-mta-"), free_port()
    folder, home = Path(held.name), dovecot[1].parent
    folder.chmod(0o755)
    for name in ("etc", "spool", "data"):
        (folder / name).mkdir()
    shutil.chown(folder / "data", "postfix")
    boxes = "@news.example.org Maildir/\n@mailboxes.example Maildir/.Readers/\n"
    (folder / "etc" / "boxes").write_text(boxes)
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
virtual_mailbox_domains = news.example.org readers.example mailboxes.example
virtual_mailbox_base = {home}
virtual_mailbox_maps = texthash:{folder}/etc/boxes
virtual_uid_maps = static:8
virtual_gid_maps = static:8
virtual_minimum_uid = 1
""")
    (folder / "etc" / "master.cf").write_text(SERVICES.format(port=port))
    control = ["postfix", "-c", str(folder / "etc")]
    started = subprocess.run([*control, "start"], capture_output=True, text=True)
    assert started.returncode == 0, started.stderr
    try:
        yield port
    finally:
        subprocess.run([*control, "stop"], capture_output=True, check=False)
        held.cleanup()


@pytest.fixture
def house(folder: Path, environ: dict[str, str], postfix: int) -> Iterator[House]:
    told = {"DIGEST_RELAY_PORT": str(postfix), "DIGEST_BOUNCES_DOMAIN": "news.example.org"}
    with open_house(folder, {**environ, **told}) as opened:
        yield opened


def test_a_real_bounce_comes_back_to_the_right_reader(
    house: House, postfix: int, dovecot: tuple[int, Path]
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
    for _ in range(100):
        done += publish.receive_all(house, imap(place), source="imap", now=NOW)
        if any(received.did for received in done):
            break
        time.sleep(0.1)
    [bounce] = [received for received in done if received.report.kind == "bounce"]
    assert bounce.did == "suppressed: the address does not exist"
    assert bounce.report.about is not None
    assert (bounce.report.about.subscriber, bounce.report.about.issue) == (gone, record.id)
    assert bounce.report.failures[0].recipient == "gone@readers.example"
    with smtplib.SMTP("127.0.0.1", postfix) as server:
        assert server.noop()[0] == 250
